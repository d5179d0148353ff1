"""Whether all counts and cycles of a nest on a machine surely fit the integers of the vectorised model (64 bits)."""

from __future__ import annotations

import math
from collections import Counter

from ...loop_nest import LoopNest, Tensor
from ..resolved_machine import Level, ResolvedMachine

LARGEST = 2**63 - 1
"""The largest integer of 64 bits."""


def why_too_large(nest: LoopNest, machine: ResolvedMachine) -> str | None:
    """What may not fit 64 bits for some mapping, in words; `None` if all does.

    Nests up to 2**48 multiply-accumulates fit unless coefficients, diagonals, element sizes or slow ports take them
    beyond: no count of a tensor exceeds its ``most_words``, and every sum has at most four counts of each tensor.
    """
    words = 4 * sum(most_words(nest, tensor) for tensor in nest.tensors)
    held = 2 * sum(
        math.prod(axis.extent(nest.bounds) for axis in tensor.index) * size
        for tensor, size in zip(nest.tensors, machine.bytes_per_element, strict=True)
    )
    limits = (
        ("words moved", words),
        ("bytes of tiles", held),
        ("offsets of tiles", _largest_packed(nest)),
        ("cycles", _most_cycles(nest, machine, words)),
    )
    return next((f"{what} may exceed 2**63" for what, size in limits if size > LARGEST), None)


def most_words(nest: LoopNest, tensor: Tensor) -> int:
    """Words of one tensor that any mapping moves anywhere, at most.

    Visits of a tile times its words: with unit coefficients and every dimension in one axis an extent is at most the
    product of the tile sizes along it, and visits, instances and tile sizes multiply to the multiply-accumulates.
    """
    terms = [term for axis in tensor.index for term in axis.terms]
    repeated = Counter(dim for dim, _ in terms)
    coefficients = math.prod(abs(coefficient) for _, coefficient in terms)
    diagonals = math.prod(nest.bounds[dim] ** (times - 1) for dim, times in repeated.items())
    return nest.num_macs * coefficients * diagonals


def offset_bits(nest: LoopNest) -> int:
    """Bits that hold any factor of a dimension that shares an axis with another one."""
    return max((nest.bounds[dim].bit_length() for axis in _shared(nest) for dim in axis), default=1)


def _shared(nest: LoopNest) -> list[dict[int, int]]:
    """Coefficients by dimension of the axes that have several."""
    return [dict(axis.terms) for tensor in nest.tensors for axis in tensor.index if len(axis.terms) > 1]


def _largest_packed(nest: LoopNest) -> int:
    """A step and a factor in one integer, see :mod:`.counts.covered_words`, at most."""
    steps = (abs(a) * nest.bounds[dim] for axis in _shared(nest) for dim, a in axis.items())
    return (max(steps, default=0) + 1) << offset_bits(nest)


def _most_cycles(nest: LoopNest, machine: ResolvedMachine, words: int) -> int:
    """Cycles of any mapping, at most: all words one after the other at every level, through its slowest port."""
    rates = [network.bandwidth for network in machine.networks]
    for level in machine.levels:
        rates += [level.read_bandwidth, level.write_bandwidth, level.bandwidth]
    slowest = min((rate for rate in rates if rate is not None), default=math.inf)
    of_level = math.ceil(min(words / slowest, LARGEST)) + 4 * nest.num_macs
    engines = sum(_most_engine_cycles(nest, machine, level) for level in machine.levels)
    return (len(machine.levels) + 1) * of_level + engines + _most_overhead_cycles(nest, machine)


def _most_overhead_cycles(nest: LoopNest, machine: ResolvedMachine) -> int:
    """Cycles of all tiles' overheads, at most: a tile and a block for every multiply-accumulate."""
    tiled = machine.tiled
    if tiled is None:
        return 0
    cycles = 1 + tiled.start_cycles + tiled.block_iterations + tiled.block_cycles + tiled.load_cycles
    words = tiled.cycles_per_word * sum(most_words(nest, tensor) for tensor in nest.tensors)
    return 2 * (nest.num_macs * cycles + math.ceil(min(words, LARGEST)))


def _most_engine_cycles(nest: LoopNest, machine: ResolvedMachine, level: Level) -> int:
    """Cycles of a level's DMA engine, at most: every word a burst, in and out."""
    if level.dma is None or machine.clock_mhz is None:
        return 0
    ratio = machine.clock_mhz / level.dma.clock_mhz
    most = [most_words(nest, tensor) for tensor in nest.tensors]
    bursts = (level.dma.init_cycles + level.dma.cycles_per_byte * size for size in machine.bytes_per_element)
    return sum(4 * words * (math.ceil(cycles * ratio) + 1) for words, cycles in zip(most, bursts, strict=True))
