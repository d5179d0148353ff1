"""ZigZag's order of all loops and its unrolling as a mapping onto the machine that its hardware is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...exports.zigzag import why_not
from ...hierarchy.level_mapping import LevelMappingDocument
from ...hierarchy.machine import Machine
from ...hierarchy.resolved_machine import Level, ResolvedMachine, resolved_machine
from ...loop_nest import LoopNest
from .zigzag_allocator import AllocatedMemory, Loop, NoRoomError, OrderedNest
from .zigzag_hardware import BITS_PER_BYTE
from .zigzag_parts import NoMappingError, Part, merged, taken_apart

Unrolled = Mapping[str, Mapping[str, int]]
"""Factors by dimension of the array and of the layer."""

Cuts = tuple[int, ...]
"""For every storage level from the innermost outwards, how many of the innermost loops run inside or at it."""

_UNLIMITED_BITS = 10**18
_MOST_LOOPS = 64
"""Three operands of a memory are tried with every number of loops."""


@dataclass(frozen=True)
class OrderedMapping:
    """A mapping that an order of loops is, and the machine that it is one onto.

    ``is_apart``: operands have different loops at a memory, so that the machine has a level for each of them.
    """

    machine: Machine
    mapping: LevelMappingDocument
    is_apart: bool


def ordered_mapping(
    nest: LoopNest, machine: Machine, unrolled: Unrolled, order: Sequence[tuple[str, int]], bits: Mapping[str, int]
) -> OrderedMapping:
    """The mapping that ZigZag's allocator makes of an order, the innermost loop first, and of what is unrolled.

    ``bits`` are those of an element, by tensor. Where operands have different loops at a memory, one place is taken
    for all of them that changes no count: a loop that does not index a tensor may stand inside its tile or outside.
    If there is none, memories are taken apart.

    Raises:
        NoMappingError: when there is none then either, or the loops are not those of the nest.
    """
    place = {dim: number for number, dim in enumerate(nest.dims)}
    fault = why_not(nest) or _fault_of_loops(nest, unrolled, order)
    if fault is not None:
        raise NoMappingError(fault)
    resolved = resolved_machine(machine, nest)
    loops = tuple((place[dim], trips) for dim, trips in order if trips > 1)
    ordered = OrderedNest(nest, loops, tuple(bits[tensor.name] for tensor in nest.tensors))
    levels = tuple(reversed(resolved.levels))
    try:
        allocated = list(ordered.allocated([_memory(level, resolved, nest, unrolled) for level in levels]))
    except NoRoomError as error:
        raise NoMappingError(str(error)) from error
    ranges = [_places(nest, loops, inside) for inside in allocated]
    cuts = _cuts(loops, ranges)
    if cuts is not None:
        return OrderedMapping(machine, _document(nest, levels, loops, cuts, unrolled), is_apart=False)
    parts = [
        Part(level.name, nest.tensors[tensor].name, _places(nest, loops, {tensor: number}))
        for level, inside in zip(levels[:-1], allocated, strict=False)
        for tensor, number in inside.items()
    ]
    return OrderedMapping(*taken_apart(nest, machine, loops, parts, unrolled), is_apart=True)


def _fault_of_loops(nest: LoopNest, unrolled: Unrolled, order: Sequence[tuple[str, int]]) -> str | None:
    """What is wrong with the factors of a nest."""
    if len(order) > _MOST_LOOPS:
        return f"it has {len(order)} loops, and at most {_MOST_LOOPS} are read"
    unknown = [dim for dim, _ in order if dim not in nest.dims]
    if unknown:
        return f"there is no dimension {unknown[0]}"
    for dim, bound in zip(nest.dims, nest.bounds, strict=True):
        factors = [trips for name, trips in order if name == dim]
        factors += [factors_of.get(dim, 1) for factors_of in unrolled.values()]
        if math.prod(factors) != bound:
            return f"the loops over {dim} multiply to {math.prod(factors)}, not {bound}"
    return None


def _memory(level: Level, machine: ResolvedMachine, nest: LoopNest, unrolled: Unrolled) -> AllocatedMemory:
    inside = [network.name for network in machine.networks if network.node > level.node]
    spread = [math.prod(unrolled.get(name, {}).get(dim, 1) for name in inside) for dim in nest.dims]
    return AllocatedMemory(
        name=level.name,
        tensors=tuple(t for t, keep in enumerate(level.keep) if keep != "never"),
        bits=_UNLIMITED_BITS if level.capacity_bytes is None else level.capacity_bytes * BITS_PER_BYTE,
        spread=tuple(spread),
        is_top=level.node == 0,
        doubled=level.buffers > 1,
    )


def _places(nest: LoopNest, loops: Sequence[Loop], inside: Mapping[int, int]) -> range:
    """Numbers of loops inside a level that give all its tensors the counts that they have with their own numbers."""
    least, most = 0, len(loops)
    for tensor, number in inside.items():
        dims = nest.tensors[tensor].dims
        low = high = number
        while low and loops[low - 1][0] not in dims:
            low -= 1
        while high < len(loops) and loops[high][0] not in dims:
            high += 1
        least, most = max(least, low), min(most, high)
    return range(least, most + 1)


def _cuts(loops: Sequence[Loop], ranges: Sequence[range]) -> Cuts | None:
    """Cuts, one in every range and none inside the one before, with no dimension twice at a level."""
    reached: dict[int, Cuts] = {0: ()}
    for allowed in (*ranges[:-1], range(len(loops), len(loops) + 1)):
        reached = {
            cut: (*chosen, cut)
            for start, chosen in reversed(reached.items())
            for cut in allowed
            if cut >= start and _has_each_dim_once(loops[start:cut])
        }
    return next(iter(reached.values()), None)


def _has_each_dim_once(loops: Sequence[Loop]) -> bool:
    dims = [dim for dim, _ in merged(loops)]
    return len(set(dims)) == len(dims)


def _document(
    nest: LoopNest, levels: Sequence[Level], loops: Sequence[Loop], cuts: Cuts, unrolled: Unrolled
) -> LevelMappingDocument:
    tiling: dict[str, dict[str, int]] = {dim: {} for dim in nest.dims}
    orders: dict[str, tuple[str, ...]] = {}
    for level, start, end in zip(levels, (0, *cuts), cuts, strict=False):
        own = [(nest.dims[dim], trips) for dim, trips in merged(loops[start:end])]
        orders[level.name] = tuple(dim for dim, _ in reversed(own))
        for dim, trips in own:
            tiling[dim][level.name] = trips
    for axis, factors in unrolled.items():
        for dim, factor in factors.items():
            if factor > 1:
                tiling[dim][axis] = factor
    names = [tensor.name for tensor in nest.tensors]
    keep = {level.name: [name for name, k in zip(names, level.keep, strict=True) if k != "never"] for level in levels}
    return LevelMappingDocument.model_validate({"tiling": tiling, "orders": orders, "keep": keep})
