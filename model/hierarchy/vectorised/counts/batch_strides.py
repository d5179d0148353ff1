"""Words as timeloop-model counts them, for a batch of mappings: the stride rule, and what adjacent fanouts share
(section 9)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...accountings import Accounting
from ...resolved_machine import Network
from ..mapping_arrays import Ints, Mask
from .batch_counts import BatchCounts
from .batch_ends import EdgesInto, only
from .batch_moves import together_over
from .batch_shapes import BatchShapes, product


def add_strided(into: EdgesInto, counted: Accounting, counts: BatchCounts) -> None:
    """Count what moves along edges under the preset `timeloop`."""
    shapes, tensor, child = into.shapes, into.tensor, into.child
    received, copies = _received(into), _copies(into, counted)
    if not into.into_mac:
        filled = received - _partials(shapes, child) if into.is_output else received
        counts.fill[child, tensor] = only(filled, into.kept)
        counts.filling[child, tensor] = shapes.instances[shapes.nodes[child]]
    for edges in into.edges:
        sent = copies[into.reach(edges)] * received
        if not into.is_output:
            counts.serve[edges.parent, tensor] += edges.part(sent)
            continue
        begun = not (into.into_mac and counted.mac_first_read)
        served = sent - _partials(shapes, edges.parent) if begun else sent
        counts.serve[edges.parent, tensor] += edges.part(served)
        counts.update[edges.parent, tensor] += edges.part(sent)


def _partials(shapes: BatchShapes, end: int) -> Ints:
    """Words of the output that one instance of a level begins from zero: P."""
    output = shapes.nest.output
    return shapes.words[output][end] * shapes.distinct(output)[end]


def _copies(into: EdgesInto, counted: Accounting) -> list[Ints]:
    """Words that a parent beyond the innermost 0, 1, ... fanouts sends for each that an instance receives: X.

    Between adjacent fanouts there is no parent: entries there mean nothing.
    """
    found: list[Ints] = [np.ones(into.shapes.size, dtype=np.int64)]
    run: list[Network] = []
    outside_run = found[0]
    for network in into.networks:
        if run and run[-1].node != network.node + 1:
            run, outside_run = [], found[-1]
        run = [*run, network]
        found.append(outside_run * _copies_of_run(into, counted, run))
    return found


def _copies_of_run(into: EdgesInto, counted: Accounting, run: Sequence[Network]) -> Ints:
    ones: Ints = np.ones(into.shapes.size, dtype=np.int64)
    together = together_over(into.shapes, counted, into.tensor, run)[-1]
    return together.scaled(product(together.along([ones] * len(together.axes)), ones))


def _received(into: EdgesInto) -> Ints:
    """Words that one instance of the child receives in the whole run: q."""
    shapes = into.shapes
    if into.into_mac:
        return shapes.compute_cycles
    words = shapes.words[into.tensor][into.child]
    trips, order = _compacted(_merged(into))
    if not len(trips):
        return words
    moves = [
        np.take_along_axis(moves[: shapes.loops_outside(into.child)], order, axis=0)
        for moves in shapes.moves[into.tensor]
    ]
    extents = [extents[into.child] for extents in shapes.extents[into.tensor]]
    return words + _Walk(words, extents, trips, moves).words()


def _merged(into: EdgesInto) -> Ints:
    """Trips by loop position through the innermost loop that indexes the tensor; of those that do not, runs become one.

    The trips of a run stand at its innermost loop, 1 elsewhere.
    """
    shapes = into.shapes
    outside = shapes.loops_outside(into.child)
    indexing = shapes.indexing(into.tensor)[:outside]
    loops = shapes.is_loop[:outside]
    trips = shapes.trips[:outside].copy()
    inner_indexes = np.zeros((outside, shapes.size), dtype=np.bool_)
    reached, last_indexes = np.zeros((2, shapes.size), dtype=np.bool_)
    for position in reversed(range(outside)):
        inner_indexes[position] = last_indexes
        reached = reached | (loops[position] & indexing[position])
        trips[position] = np.where(reached, trips[position], 1)
        last_indexes = np.where(loops[position], indexing[position], last_indexes)
    run: Ints = np.ones(shapes.size, dtype=np.int64)
    for position in range(outside):
        other = ~indexing[position]
        run = np.where(other, run * trips[position], run)
        ends = other & (trips[position] > 1) & inner_indexes[position]
        trips[position] = np.where(other, np.where(ends, run, 1), trips[position])
        run = np.where(ends, 1, run)
    return trips


def _compacted(trips: Ints) -> tuple[Ints, Ints]:
    """The loops of every mapping in the first places, the outermost first, and their positions."""
    order: Ints = np.argsort(trips == 1, axis=0, kind="stable")
    most = int((trips > 1).sum(axis=0).max(initial=0))
    order = order[:most]
    return np.take_along_axis(trips, order, axis=0), order


class _Walk:
    """The walk over all index tuples of loops that are cut to two trips, for every mapping.

    States: the move before, by the place of the loop that made it counted from 1, 0 for none. ``words[state]`` and
    ``after[state]``: weighted words of the innermost loops if a state comes before them, and the state after them.
    """

    def __init__(self, words: Ints, extents: Sequence[Ints], trips: Ints, moves: Sequence[Ints]) -> None:
        self.whole, self.trips = words, trips
        loops = trips > 1
        self.shifts = [np.zeros_like(trips) for _ in moves]
        for shift, own in zip(self.shifts, moves, strict=True):
            wrapped = np.zeros_like(words)
            for place in reversed(range(len(trips))):
                shift[place] = own[place] - wrapped
                wrapped = wrapped + own[place] * loops[place]
        stays = [np.maximum(0, extent - np.abs(shift)) for extent, shift in zip(extents, self.shifts, strict=True)]
        self.part = words - product(stays, np.ones_like(trips))

    def words(self) -> Ints:
        """Words of all tuples but the first."""
        places, size = self.trips.shape
        words = np.zeros((places + 1, size), dtype=np.int64)
        after: Ints = np.indices((places + 1, size))[0]
        for place in reversed(range(places)):
            step, moved = self._step(place, after)
            more = self.trips[place] - 1
            words = words + more * (step + np.take_along_axis(words, moved, axis=0))
            after = np.where(more > 0, np.take_along_axis(after, moved, axis=0), after)
        return words[0]

    def _step(self, place: int, before: Ints) -> tuple[Ints, Ints]:
        """Words of the tuple that a loop's advance begins, and the state after it."""
        still: Mask = np.logical_and.reduce([shift[place] == 0 for shift in self.shifts])
        equal = np.logical_and.reduce([shift == shift[place] for shift in self.shifts])
        same = np.concatenate([np.ones((1, len(still)), dtype=np.bool_), equal])
        goes_on = np.take_along_axis(same, before, axis=0)
        step = np.where(still, 0, np.where(goes_on, self.part[place], self.whole))
        return step, np.where(still, before, np.where(goes_on, place + 1, 0))
