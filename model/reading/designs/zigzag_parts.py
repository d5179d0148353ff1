"""A machine of ZigZag's taken apart into a level for every operand of a memory, each with loops of its own.

ZigZag's allocator gives the operands of a memory as many loops as suit each of them; a level of ours has the same loops
for all that it keeps. Taken apart, memories that serve the same dimensions may stand in any order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from ...hierarchy.level_mapping import LevelMappingDocument
from ...hierarchy.machine import Fanout, Machine, Node, StorageLevel
from ...loop_nest import LoopNest
from .zigzag_allocator import Loop

Placed = tuple[Node, Sequence[Loop]]
"""A node with the loops that run there, the innermost first."""


class NoMappingError(Exception):
    """An order of loops is no mapping onto a hierarchy; the text says why."""


@dataclass(frozen=True)
class Part:
    """What a memory holds of one tensor; any number of innermost loops in a range inside gives it the same counts."""

    memory: str
    tensor: str
    inside: range


def taken_apart(
    nest: LoopNest,
    machine: Machine,
    loops: Sequence[Loop],
    parts: Sequence[Part],
    unrolled: Mapping[str, Mapping[str, int]],
) -> tuple[Machine, LevelMappingDocument]:
    """The machine with a level for every part, and the mapping onto it; parts and loops from the innermost outwards.

    Raises:
        NoMappingError: where a memory inside a fanout has loops that one outside has not, or names do not suffice.
    """
    placed = list(_placed(machine, loops, parts))
    if len({node.name for node, _ in placed}) < len(placed):
        raise NoMappingError("a memory has the name that a part of another gets")
    tiling: dict[str, dict[str, int]] = {dim: {} for dim in nest.dims}
    for node, own in placed:
        for dim, trips in own:
            tiling[nest.dims[dim]][node.name] = trips
    for axis, factors in unrolled.items():
        for dim, factor in factors.items():
            tiling[dim] |= {axis: factor} if factor > 1 else {}
    orders = {node.name: tuple(nest.dims[dim] for dim, _ in reversed(own)) for node, own in placed if own}
    apart = machine.model_copy(update={"nodes": tuple(node for node, _ in reversed(placed))})
    return apart, LevelMappingDocument(tiling=tiling, orders=orders)


def _placed(machine: Machine, loops: Sequence[Loop], parts: Sequence[Part]) -> Iterator[Placed]:
    """Nodes from the innermost outwards. Of memories beside each other the one with fewer loops is further inside."""
    start = 0
    for node in _in_order(machine, parts):
        if isinstance(node, Fanout):
            yield node, ()
            continue
        inside = _inside(node, parts, len(loops))
        end = max(start, inside.start)
        if end not in inside:
            raise NoMappingError(f"{node.name} has fewer loops than a memory inside a fanout of it")
        yield from _with_loops(node, loops[start:end])
        start = end


def _in_order(machine: Machine, parts: Sequence[Part]) -> Iterator[Node]:
    """Fanouts, and a level for every part, from the innermost outwards; the outermost level is one."""
    for is_fanout, nodes in groupby(reversed(machine.nodes[1:]), key=lambda node: isinstance(node, Fanout)):
        if is_fanout:
            yield from nodes
        else:
            found = [(part, level) for node in nodes for part, level in _levels_of(node, parts)]
            yield from (level for _, level in sorted(found, key=lambda pair: pair[0].inside.start))
    yield machine.nodes[0]


def _levels_of(memory: Node, parts: Sequence[Part]) -> Iterator[tuple[Part, Node]]:
    """The parts of a memory with their levels; a memory of one tensor keeps its name."""
    own = [part for part in parts if part.memory == memory.name]
    for part in own:
        name = memory.name if len(own) == 1 else _part_name(part)
        yield part, memory.model_copy(update={"storage": name, "keep": {part.tensor: "must", "*": "never"}})


def _part_name(part: Part) -> str:
    return f"{part.memory}_{part.tensor}"


def _inside(level: StorageLevel, parts: Sequence[Part], num_loops: int) -> range:
    """Numbers of loops inside or at a level of :func:`_in_order`; all at the outermost."""
    of_level = (part.inside for part in parts if level.name in (part.memory, _part_name(part)))
    return next(of_level, range(num_loops, num_loops + 1))


def _with_loops(level: StorageLevel, loops: Sequence[Loop]) -> Iterator[Placed]:
    """A level with loops; before one over a dimension that there is already, a level that keeps nothing begins."""
    *inner, own = [*_without_repetition(loops)] or [()]
    for number, piece in enumerate(inner, start=1):
        yield StorageLevel(storage=f"{level.name}_loops{number}", keep="never"), piece
    yield level, own


def merged(loops: Sequence[Loop]) -> list[Loop]:
    """Loops, with neighbouring ones over one dimension as one."""
    runs = ((dim, list(run)) for dim, run in groupby(loops, key=lambda loop: loop[0]))
    return [(dim, math.prod(trips for _, trips in run)) for dim, run in runs]


def _without_repetition(loops: Sequence[Loop]) -> Iterator[tuple[Loop, ...]]:
    """Loops in pieces, each of which has every dimension once at most."""
    piece: tuple[Loop, ...] = ()
    for loop in merged(loops):
        if loop[0] in (dim for dim, _ in piece):
            yield piece
            piece = ()
        piece = (*piece, loop)
    if piece:
        yield piece
