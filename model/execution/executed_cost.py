"""What an execution cost: its counts put together, and the energy and the roofline cycles that follow from them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..hierarchy.hierarchy_cost import Access, Traffic, summed
from ..hierarchy.resolved_machine import Level, Network, ResolvedMachine
from ..loop_nest import LoopNest
from .pass_times import PassTimes, tile_cycles
from .tensor_edges import TensorPath
from .walked_loops import IntArray, Walk
from .word_counters import Counters


@dataclass(frozen=True)
class ExecutedCost:
    """Counts of an execution, by (node, tensor) or by node, and what they cost.

    ``held``: most words that an instance held at a time; ``busiest``: elements read and written by instance 0 of a
    level; ``fits`` holds every node but the outermost, which has no limits.
    """

    accesses: Mapping[tuple[int, int], Access]
    networks: Mapping[tuple[int, int], Traffic]
    busiest: Mapping[int, tuple[int, int]]
    held: Mapping[tuple[int, int], int]
    dma_cycles: Mapping[int, int]
    fits: Mapping[int, bool]
    energy_parts_pj: Mapping[str, float]
    roofline: Mapping[str, int]
    walk_cycles: int

    @cached_property
    def energy_pj(self) -> float:
        """Energy in pJ: the parts, `mac` first."""
        return summed(self.energy_parts_pj.values())

    @cached_property
    def cycles(self) -> int:
        """Cycles: the largest term of the roofline."""
        return max(self.roofline.values())


def executed_cost(
    nest: LoopNest,
    machine: ResolvedMachine,
    walk: Walk,
    paths: Sequence[TensorPath],
    counters: Counters,
    times: PassTimes,
    held: Mapping[tuple[int, int], int],
) -> ExecutedCost:
    """The cost of an execution that is over."""
    busiest = {level.node: _busiest(level, counters) for level in machine.levels}
    dma = {level.node: _dma_cycles(nest, machine, level, paths, counters) for level in machine.levels if level.dma}
    fits = {level.node: _fits(machine, level, held) for level in machine.levels[1:]}
    fits |= {network.node: walk.unrolled(network.node) <= network.size for network in machine.networks}
    terms = {"compute": walk.num_steps}
    for node in range(machine.num_nodes):
        if node in walk.fanouts:
            terms |= dict(_network_terms(nest, machine.network_at[node], counters))
        else:
            terms |= dict(_level_terms(machine.level_at[node], busiest[node], dma))
    return ExecutedCost(
        accesses={key: counter.access for key, counter in counters.levels.items()},
        networks={key: counter.traffic for key, counter in counters.links.items()},
        busiest=busiest,
        held=dict(held),
        dma_cycles=dma,
        fits=dict(sorted(fits.items())),
        energy_parts_pj=_energy_parts(nest, machine, counters),
        roofline=terms,
        walk_cycles=max(times.cycles(), *terms.values()),
    )


def _busiest(level: Level, counters: Counters) -> tuple[int, int]:
    here = [counter for (node, _), counter in counters.levels.items() if node == level.node]
    reads = sum(int(counter.serve[0] + counter.drain[0]) for counter in here)
    return reads, sum(int(counter.fill[0] + counter.update[0]) for counter in here)


def _fits(machine: ResolvedMachine, level: Level, held: Mapping[tuple[int, int], int]) -> bool:
    """Whether what an instance held fits: its partitions, its capacity, its banks (section 3)."""
    room = {t: words * machine.bytes_per_element[t] for (node, t), words in held.items() if node == level.node}
    partitions = ((level.partitions[t], taken * level.buffers) for t, taken in room.items())
    if any(limit is not None and taken > limit for limit, taken in partitions):
        return False
    if level.capacity_bytes is not None and sum(room.values()) * level.buffers > level.capacity_bytes:
        return False
    if level.capacity_bytes is None or level.bank_bytes is None:
        return True
    banks = sum(-(-taken // level.bank_bytes) for taken in room.values()) * level.buffers
    return banks <= level.capacity_bytes // level.bank_bytes


def _dma_cycles(
    nest: LoopNest, machine: ResolvedMachine, level: Level, paths: Sequence[TensorPath], counters: Counters
) -> int:
    """Cycles of the DMA engine of instance 0: every tile that came or left."""
    edges = [edge for path in paths for edge in path.edges if edge.child == level.node]
    tiles = [int(counters.levels[level.node, edge.tensor].transfers[0]) for edge in edges]
    return sum(tile_cycles(nest, machine, edge) * number for edge, number in zip(edges, tiles, strict=True))


def _energy_parts(nest: LoopNest, machine: ResolvedMachine, counters: Counters) -> dict[str, float]:
    parts = {"mac": nest.num_macs * machine.mac_pj}
    for node, name in enumerate(machine.nodes):
        total = 0.0
        for t in range(len(nest.tensors)):
            if (node, t) in counters.levels:
                level, counter = machine.level_at[node], counters.levels[node, t]
                reads = _blocks(counter.serve, level) + _blocks(counter.drain, level)
                total += reads * level.read_pj[t]
                total += (_blocks(counter.fill, level) + _blocks(counter.update, level)) * level.write_pj[t]
            elif (node, t) in counters.links:
                moved, network = counters.links[node, t].traffic, machine.network_at[node]
                total += (moved.down + moved.up) * network.word_pj[t]
                total += moved.adds * network.add_pj
        parts[name] = total
    return parts


def _blocks(words: IntArray, level: Level) -> int:
    """Accesses of whole blocks that move so many words at each instance."""
    return int((-(-words // level.block_elements)).sum())


def _level_terms(level: Level, busiest: tuple[int, int], dma: Mapping[int, int]) -> Iterator[tuple[str, int]]:
    reads, writes = busiest
    if level.read_bandwidth is not None:
        yield f"{level.name}.reads", math.ceil(reads / level.read_bandwidth)
    if level.write_bandwidth is not None:
        yield f"{level.name}.writes", math.ceil(writes / level.write_bandwidth)
    if level.bandwidth is not None:
        yield f"{level.name}.both", math.ceil((reads + writes) / level.bandwidth)
    if level.node in dma:
        yield f"{level.name}.dma", dma[level.node]


def _network_terms(nest: LoopNest, network: Network, counters: Counters) -> Iterator[tuple[str, int]]:
    if network.bandwidth is None:
        return
    for t, tensor in enumerate(nest.tensors):
        links = counters.links[network.node, t]
        yield f"{network.name}.{tensor.name}.down", math.ceil(int(links.root_down[0]) / network.bandwidth)
        if tensor.is_output:
            yield f"{network.name}.{tensor.name}.up", math.ceil(int(links.root_up[0]) / network.bandwidth)
