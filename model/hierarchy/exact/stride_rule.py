"""Words as timeloop-model counts them: the stride rule, and what adjacent fanouts share (section 9)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from .edge_counts import NONE, Count, EdgeCounts
from .geometry import Geometry, Loop, extents, trips_of
from .moved_words import EdgeWords
from .unions import distinct_offsets

Move = tuple[int, ...]


def stride_counts(words: EdgeWords) -> EdgeCounts:
    """The counts of an edge under the preset `timeloop`."""
    geometry, edge, instances = words.geometry, words.edge, words.geometry.instances
    received, copies = received_words(words), _copies(words)
    if not words.tensor.is_output:
        return EdgeCounts(
            fill=NONE if words.into_mac else Count(instances(edge.child) * received, received),
            serve=Count(instances(edge.parent) * copies * received, copies * received),
        )
    first_reads = words.into_mac and words.counted.mac_first_read
    served = copies * received - (0 if first_reads else _partials(geometry, edge.parent))
    filled = received - _partials(geometry, edge.child)
    return EdgeCounts(
        fill=NONE if words.into_mac else Count(instances(edge.child) * filled, filled),
        serve=Count(instances(edge.parent) * served, served),
        update=Count(instances(edge.parent) * copies * received, copies * received),
    )


def received_words(words: EdgeWords) -> int:
    """Words that one instance of the child receives in the whole run: q."""
    if words.into_mac:
        return words.visits
    loops = _merged(words)
    return words.tile_words + _Walk(words.extents, loops, _moves(words, loops)).words_of(len(loops), None)[0]


def _merged(words: EdgeWords) -> list[Loop]:
    """The loops through the innermost one that indexes the tensor; of those that do not, runs become one loop."""
    loops = words.loops[: words.innermost_moving + 1]
    merged: list[Loop] = []
    for indexing, run in groupby(loops, key=lambda loop: loop.dim in words.tensor.dims):
        members = list(run)
        merged += members if indexing else [replace(members[0], trips=trips_of(members))]
    return merged


def _moves(words: EdgeWords, loops: Sequence[Loop]) -> list[Move]:
    """How far the tile moves when each loop advances once and the inner ones, cut to two trips, wrap."""
    moves: list[Move] = []
    wrapped = (0,) * len(words.tensor.index)
    for loop in reversed(loops):
        own = [dict(axis.terms).get(loop.dim, 0) * loop.stride for axis in words.tensor.index]
        moves.append(tuple(move - back for move, back in zip(own, wrapped, strict=True)))
        wrapped = tuple(back + move for back, move in zip(wrapped, own, strict=True))
    return moves[::-1]


@dataclass(frozen=True)
class _Walk:
    """The walk over all index tuples of loops that are cut to two trips, a recursion over the loops.

    ``found`` remembers the words of the innermost loops by their number and the last move before them.
    """

    extents: tuple[int, ...]
    loops: Sequence[Loop]
    moves: Sequence[Move]
    found: dict[tuple[int, Move | None], tuple[int, Move | None]] = field(
        default_factory=dict[tuple[int, "Move | None"], tuple[int, "Move | None"]]
    )

    def words_of(self, inner: int, last: Move | None) -> tuple[int, Move | None]:
        """Weighted words of the ``inner`` innermost loops after their first tuple, and the last move then."""
        if inner == 0:
            return 0, last
        key = inner, last
        if key not in self.found:
            position = len(self.loops) - inner
            before, middle = self.words_of(inner - 1, last)
            step, moved = self._step(self.moves[position], middle)
            after, end = self.words_of(inner - 1, moved)
            self.found[key] = before + (self.loops[position].trips - 1) * (step + after), end
        return self.found[key]

    def _step(self, move: Move, last: Move | None) -> tuple[int, Move | None]:
        """Words of one tuple, and the last move after it."""
        if not any(move):
            return 0, last
        whole = math.prod(self.extents)
        if last is None or last == move:
            stays = (max(0, extent - abs(by)) for extent, by in zip(self.extents, move, strict=True))
            return whole - math.prod(stays), move
        return whole, None


def _copies(words: EdgeWords) -> int:
    """Words that the parent sends for each one that an instance receives: X."""
    return math.prod(_copies_of_run(words, run) for run in _adjacent(words.edge.fanouts))


def _copies_of_run(words: EdgeWords, run: Sequence[int]) -> int:
    geometry, networks = words.geometry, words.geometry.machine.network_at
    shared = [node for node in run if networks[node].multicast[words.edge.tensor]]
    distinct = math.prod(distinct_offsets(geometry.steps(axis, shared)) for axis in words.tensor.index)
    return distinct * math.prod(geometry.spread(node) for node in run if node not in shared)


def _adjacent(fanouts: Sequence[int]) -> list[list[int]]:
    """Runs of fanouts without a storage level between them."""
    runs: list[list[int]] = []
    for node in fanouts:
        if runs and runs[-1][-1] == node - 1:
            runs[-1].append(node)
        else:
            runs.append([node])
    return runs


def _partials(geometry: Geometry, node: int) -> int:
    """Words of the output that one instance of a level begins from zero: P."""
    output = geometry.nest.tensors[geometry.nest.output]
    tile = math.prod(extents(output, geometry.tile(node)))
    return tile * trips_of(loop for loop in geometry.loops_outside(node) if loop.dim in output.dims)
