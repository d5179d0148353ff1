"""The walk's cycles, pass by pass: fill, drain and stalls from the words that an execution really moved.

Source: hierarchy model, section 8, visiting every pass of every level. Kept per pass is only what some bandwidth or DMA
engine limits.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..hierarchy.resolved_machine import Level, ResolvedMachine
from ..loop_nest import LoopNest
from .tensor_edges import Edge, row_pitches
from .walked_loops import IntArray, Span, Walk
from .word_movement import MovedWords

Port = tuple[int, int | None]
"""A storage level, or a fanout with the tensor whose network it is."""


def tile_cycles(nest: LoopNest, machine: ResolvedMachine, edge: Edge) -> int:
    """Cycles of the DMA engine of an edge's child for one tile, run by run of neighbouring words; 0 without one."""
    level = machine.level_at.get(edge.child)
    if level is None or level.dma is None or machine.clock_mhz is None:
        return 0
    places = np.sort(edge.box.grid @ row_pitches(nest.tensors[edge.tensor].shape or (1,)))
    cycles = 0
    for words in runs(places):
        moved = level.dma.init_cycles + level.dma.cycles_per_byte * words * machine.bytes_per_element[edge.tensor]
        cycles += math.ceil(moved * machine.clock_mhz / level.dma.clock_mhz)
    return cycles


def runs(places: IntArray) -> list[int]:
    """Lengths of the runs of neighbours among places of the memory, in order.

    Example:
        >>> runs(np.array([3, 4, 5, 9, 11, 12]))
        [3, 1, 2]
    """
    breaks = np.flatnonzero(np.diff(places) != 1) + 1
    return np.diff(breaks, prepend=0, append=len(places)).tolist()


@dataclass(frozen=True)
class _Moves:
    """Words that move into a level, or out of it, by port and pass of the level; ``dma``: cycles of its engine."""

    passes: int
    reads: dict[Port, IntArray] = field(default_factory=dict[Port, IntArray])
    writes: dict[Port, IntArray] = field(default_factory=dict[Port, IntArray])
    dma: dict[Port, IntArray] = field(default_factory=dict[Port, IntArray])

    def add(self, words: dict[Port, IntArray], port: Port, passes: IntArray, more: IntArray) -> None:
        """Count words at a port."""
        if port not in words:
            words[port] = np.zeros(self.passes, dtype=np.int64)
        words[port][passes] += more

    def cycles(self, machine: ResolvedMachine) -> IntArray:
        """Cycles of the moves by pass: those of the slowest port."""
        slowest = np.zeros(self.passes, dtype=np.int64)
        for cycles in (*_port_cycles(machine, self.reads, self.writes), *self.dma.values()):
            np.maximum(slowest, cycles, out=slowest)
        return slowest


class PassTimes:
    """What moves at the beginning and at the end of each pass, and in which time; filled as the loops are walked."""

    def __init__(self, walk: Walk, machine: ResolvedMachine) -> None:
        self._walk, self._machine = walk, machine
        self._limited = {
            (level.node, None)
            for level in machine.levels
            if level.bandwidth or level.read_bandwidth or level.write_bandwidth
        } | {(network.node, t) for network in machine.networks if network.bandwidth for t in _tensors(walk)}
        self._in = {level.node: _Moves(self._passes(level)) for level in machine.levels}
        self._out = {level.node: _Moves(self._passes(level)) for level in machine.levels}
        self._of_macs = _Moves(1)

    def moved_in(self, edge: Edge, passes: IntArray, words: MovedWords) -> None:
        """Words that were moved into a level as some of its passes began."""
        moves = self._in[edge.child]
        self._add(moves, moves.writes, (edge.child, None), passes, words.child)
        self._add(moves, moves.reads, (edge.parent, None), passes, words.parent)
        self._add_roots(moves, edge, passes, words)

    def moved_out(self, edge: Edge, passes: IntArray, words: MovedWords) -> None:
        """Words that were moved out of a level as some of its passes ended."""
        moves = self._out[edge.child]
        self._add(moves, moves.reads, (edge.child, None), passes, words.child)
        self._add(moves, moves.writes, (edge.parent, None), passes, words.parent)
        self._add_roots(moves, edge, passes, words)

    def at_macs(self, edge: Edge, words: MovedWords, span: Span) -> None:
        """Words of the MACs in a span, of which the first step stands for all; the output's sums pass both ways."""
        if span.start:
            return
        moves, first = self._of_macs, np.zeros(1, dtype=np.int64)
        self._add(moves, moves.reads, (edge.parent, None), first, words.parent[:1])
        if edge.tensor == self._walk.nest.output:
            self._add(moves, moves.writes, (edge.parent, None), first, words.parent[:1])
        for stage, at_root in zip(edge.stages, words.roots, strict=True):
            self._add(moves, moves.reads, (stage.node, edge.tensor), first, at_root[:1])

    def cycles(self) -> int:
        """Cycles of the whole run, the innermost level's passes first."""
        levels = self._machine.levels
        body = np.full(self._passes(levels[-1]), self._innermost(levels[-1]), dtype=np.int64)
        for outer, inner in reversed(list(itertools.pairwise(levels))):
            moves_in, moves_out = (moves[inner.node].cycles(self._machine) for moves in (self._in, self._out))
            shape = (self._passes(outer), -1)
            body = _of_outer(inner, moves_in.reshape(shape), body.reshape(shape), moves_out.reshape(shape))
        return int(body.sum())

    def _add(self, moves: _Moves, words: dict[Port, IntArray], port: Port, passes: IntArray, more: IntArray) -> None:
        if port in self._limited:
            moves.add(words, port, passes, more)

    def _add_roots(self, moves: _Moves, edge: Edge, passes: IntArray, words: MovedWords) -> None:
        for stage, at_root in zip(edge.stages, words.roots, strict=True):
            self._add(moves, moves.reads, (stage.node, edge.tensor), passes, at_root)
        if cycles := tile_cycles(self._walk.nest, self._machine, edge):
            moves.add(moves.dma, (edge.child, None), passes, np.where(words.child > 0, cycles, 0))

    def _passes(self, level: Level) -> int:
        return self._walk.num_steps // self._walk.steps_per_pass(level.node)

    def _innermost(self, level: Level) -> int:
        """A pass of the innermost level: a step a cycle, unless its words take longer."""
        steps = self._walk.steps_per_pass(level.node)
        reads, writes = (
            {port: words * steps for port, words in found.items()}
            for found in (self._of_macs.reads, self._of_macs.writes)
        )
        return max(steps, *(int(cycles.max()) for cycles in _port_cycles(self._machine, reads, writes)), 0)


def _tensors(walk: Walk) -> range:
    return range(len(walk.nest.tensors))


def _port_cycles(
    machine: ResolvedMachine, reads: Mapping[Port, IntArray], writes: Mapping[Port, IntArray]
) -> Iterator[IntArray]:
    """Cycles that the words of each port take on their own."""
    for node, tensor in {*reads, *writes}:
        none = np.zeros(1, dtype=np.int64)
        read, written = reads.get((node, tensor), none), writes.get((node, tensor), none)
        limits: Sequence[tuple[IntArray, float | None]]
        if tensor is not None:
            limits = [(read, machine.network_at[node].bandwidth)]
        else:
            level = machine.level_at[node]
            limits = [
                (read, level.read_bandwidth),
                (written, level.write_bandwidth),
                (read + written, level.bandwidth),
            ]
        for words, bandwidth in limits:
            if bandwidth is not None:
                yield np.ceil(words / bandwidth).astype(np.int64)


def _of_outer(inner: Level, moves_in: IntArray, body: IntArray, moves_out: IntArray) -> IntArray:
    """Cycles of each pass of a level (a row), from those of the passes of the next level inside (columns)."""
    if inner.buffers == 1:
        found: IntArray = (moves_in + body + moves_out).sum(axis=1)
        return found
    meanwhile = np.zeros_like(body)
    meanwhile[:, :-1] += moves_in[:, 1:]
    meanwhile[:, 1:] += moves_out[:, :-1]
    overlapped: IntArray = np.maximum(body, meanwhile).sum(axis=1)
    return moves_in[:, 0] + overlapped + moves_out[:, -1]
