"""Cycles of a mapping as a walk through its loops, with fill, drain and stalls (section 8)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ..resolved_machine import Level
from .geometry import trips_of
from .moved_words import EdgeWords
from .node_counts import NodeCounts
from .passes import END, START, iterations
from .roofline import TileTimes, tile_cycles, tile_times

Pass = tuple[int, int, int, bool]
"""A storage level by its place among the levels, the labels that begin and end the pass, and whether it is fresh."""


@dataclass(frozen=True)
class Ports:
    """Words that a set of moves reads and writes at levels, and for each tensor those at the roots of fanouts."""

    reads: dict[int, int] = field(default_factory=dict[int, int])
    writes: dict[int, int] = field(default_factory=dict[int, int])
    roots: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def cycles(self, counts: NodeCounts) -> Iterator[int]:
        """Cycles of every port and network on its own."""
        machine = counts.geometry.machine
        for level in machine.levels:
            reads, writes = self.reads.get(level.node, 0), self.writes.get(level.node, 0)
            for words, bandwidth in (
                (reads, level.read_bandwidth),
                (writes, level.write_bandwidth),
                (reads + writes, level.bandwidth),
            ):
                if bandwidth is not None:
                    yield math.ceil(words / bandwidth)
        for node, words in self.roots if counts.counted.has_networks else ():
            bandwidth = machine.network_at[node].bandwidth
            if bandwidth is not None:
                yield math.ceil(words / bandwidth)


def walk_cycles(counts: NodeCounts) -> int:
    """Cycles of the whole run; not below it, but the roofline may be above where two edges share a port."""
    return _Walk(counts).of_pass((0, START, END, True))


@dataclass(frozen=True)
class _Walk:
    """The passes of all levels, each costed once."""

    counts: NodeCounts
    found: dict[Pass, int] = field(default_factory=dict[Pass, int])

    @cached_property
    def levels(self) -> Sequence[Level]:
        """The storage levels, the outermost first."""
        return self.counts.geometry.machine.levels

    @cached_property
    def tiles(self) -> TileTimes | None:
        """The least times of the tiles of the level with an overhead, if there is one."""
        return tile_times(self.counts.geometry)

    def _overhead(self, level: Level) -> tuple[int, int]:
        """Least cycles in which a tile comes into a level, and of a pass of it."""
        times = self.tiles
        return (times.load, times.work) if times is not None and times.node == level.node else (0, 0)

    def of_pass(self, key: Pass) -> int:
        """Cycles of a pass: what happens while all loops outside the level stand still."""
        if key not in self.found:
            cycles = self._innermost() if key[0] == len(self.levels) - 1 else self._outer(*key)
            self.found[key] = max(cycles, self._overhead(self.levels[key[0]])[1])
        return self.found[key]

    def _outer(self, place: int, begun: int, ended: int, fresh: bool) -> int:
        """A pass of a level with another one inside, iteration by iteration."""
        geometry, inner = self.counts.geometry, self.levels[place + 1]
        loops = [loop for loop in geometry.loops if loop.node == self.levels[place].node]
        first = len(geometry.loops_outside(self.levels[place].node))
        output = geometry.nest.tensors[geometry.nest.output]
        total = 0
        for kind, times in iterations(loops, first, output.dims).items():
            entered = begun if kind.entered is None else kind.entered
            left = ended if kind.left is None else kind.left
            here, there = fresh and kind.fresh, fresh and kind.next_fresh
            body = self.of_pass((place + 1, entered, left, here))
            if inner.buffers == 1:
                total += times * (self._in(inner, entered, here) + body + self._out(inner, left))
                continue
            loading = 0 if kind.left is None else self._in(inner, left, there)
            storing = 0 if kind.entered is None else self._out(inner, entered)
            total += times * max(body, loading + storing)
        if inner.buffers == 2:
            total += self._in(inner, begun, fresh) + self._out(inner, ended)
        return total

    def _in(self, level: Level, label: int, fresh: bool) -> int:
        """Cycles in which the tiles that change at a label are moved into a level."""
        moving = [
            words
            for words in self._entering(level)
            if _changes(words, label) and not (words.tensor.is_output and fresh and not self.counts.geometry.overlaps)
        ]
        ports = Ports()
        for words in moving:
            begun = None if label == START else label
            _add(ports.writes, level.node, words.tile_words if words.tensor.is_output else words.moved((), begun))
            _add(ports.reads, words.edge.parent, _of_parent(words, begun))
            ports.roots.extend((node, _of_root(words, node, begun)) for node in words.edge.fanouts)
        return max(self._time(ports, level, moving), self._overhead(level)[0])

    def _out(self, level: Level, label: int) -> int:
        """Cycles in which the output's tile is moved out of a level, if it changes at a label."""
        moving = [words for words in self._entering(level) if words.tensor.is_output and _changes(words, label)]
        ports = Ports()
        for words in moving:
            _add(ports.reads, level.node, words.tile_words)
            _add(ports.writes, words.edge.parent, _of_parent(words, None))
            ports.roots.extend((node, _of_root(words, node, None)) for node in words.edge.fanouts)
        return self._time(ports, level, moving)

    def _entering(self, level: Level) -> Iterator[EdgeWords]:
        """The edges into a level."""
        found = (self.counts.entering(level.node, tensor) for tensor in range(len(self.counts.words)))
        return (words for words in found if words is not None)

    def _time(self, ports: Ports, level: Level, moving: Iterable[EdgeWords]) -> int:
        """The longest of all ports' and networks' cycles, and of the DMA engine's."""
        engine = 0
        if self.counts.counted.has_networks:
            engine = sum(tile_cycles(self.counts, level, words.edge.tensor) for words in moving)
        return max([engine, *ports.cycles(self.counts)])

    def _innermost(self) -> int:
        """The innermost level's pass: one trip of its loops a cycle, unless operands take longer."""
        geometry, ports = self.counts.geometry, Ports()
        trips = trips_of(loop for loop in geometry.loops if loop.node == self.levels[-1].node)
        for words in (edges[-1] for edges in self.counts.words):
            _add(ports.reads, words.edge.parent, _of_parent(words, None) * trips)
            ports.roots.extend((node, _of_root(words, node, None) * trips) for node in words.edge.fanouts)
            if words.tensor.is_output:
                _add(ports.writes, words.edge.parent, _of_parent(words, None) * trips)
        return max([trips, *ports.cycles(self.counts)])


def _add(words: dict[int, int], node: int, more: int) -> None:
    words[node] = words.get(node, 0) + more


def _changes(words: EdgeWords, label: int) -> bool:
    """Whether the tile at an edge's inner end changes at a label; at the start and the end every one does."""
    return label <= words.innermost_moving


def _of_parent(words: EdgeWords, begun: int | None) -> int:
    """Words of one visit at an edge's outer end."""
    fanouts = words.edge.fanouts
    if words.tensor.is_output:
        return words.outputs(fanouts) * words.tile_words
    return words.demand_of_visit(fanouts, begun)


def _of_root(words: EdgeWords, node: int, begun: int | None) -> int:
    """Words of one visit at the root of a fanout."""
    fanouts = (node, *words.inside(node))
    if words.tensor.is_output:
        return words.outputs(fanouts) * words.tile_words
    return words.demand_of_visit(fanouts, begun)
