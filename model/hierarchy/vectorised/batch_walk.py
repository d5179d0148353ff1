"""Cycles of a batch of mappings as a walk through its loops, with fill, drain and stalls (section 8).

A level's iterations are grouped by what begins and ends them. Of its loops that iterate call z the innermost: every
iteration begins or ends with an advance of z, so that the passes inside are those that begin at any label and end at z,
or begin at z and end at any label. Sums of them over a level's iterations are taken loop by loop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..accountings import Accounting
from .batch_ports import LevelTimes, innermost_pass
from .batch_roofline import batch_tile_times
from .counts.batch_shapes import BatchShapes
from .mapping_arrays import Ints, Mask

ByFresh = tuple[Ints, Ints]
"""Cycles of what is not fresh, and of what is."""


@dataclass(frozen=True)
class Passes:
    """Cycles of the passes of a level by label and freshness; z: the innermost loop outside, the run if there is none.

    ``begun[label]``: those that begin at a label and end at z; ``ended[label]``: begin at z and end at a label.
    """

    begun: list[ByFresh]
    ended: list[ByFresh]

    def at_least(self, least: Ints) -> Passes:
        """The same where no pass takes less than so many cycles."""
        return Passes([_at_least(one, least) for one in self.begun], [_at_least(one, least) for one in self.ended])


def batch_walk_cycles(shapes: BatchShapes, counted: Accounting) -> Ints:
    """Cycles of the whole run; not below it, but the roofline may be above where two edges share a port."""
    cycles = innermost_pass(shapes, counted)
    overhead = batch_tile_times(shapes, shapes.mac - 1)
    if overhead is not None:
        cycles = np.maximum(cycles, overhead[1])
    alike = [(cycles, cycles)] * (1 + shapes.loops_outside(shapes.mac - 1))
    passes = Passes(alike, alike)
    for place in reversed(range(shapes.mac - 1)):
        passes = _Level(shapes, counted, place, passes).passes()
        overhead = batch_tile_times(shapes, place)
        if overhead is not None:
            passes = passes.at_least(overhead[1])
    return passes.begun[0][True]


class _Level:
    """The passes of a level from those of the level inside it.

    ``loads`` and ``stores``: cycles to fill and empty the level inside, by label. Own loops are known by their labels;
    what is said of z holds for the mappings that have own loops.
    """

    def __init__(self, shapes: BatchShapes, counted: Accounting, place: int, inner: Passes) -> None:
        self.inner, self.double = inner, shapes.machine.levels[place + 1].buffers == 2
        times = LevelTimes(shapes, counted, place + 1)
        self.outer = range(1 + shapes.loops_outside(place))
        self.own = range(self.outer.stop, 1 + shapes.loops_outside(place + 1))
        labels = range(self.own.stop)
        self.loads = [times.loading(label) for label in labels]
        overhead = batch_tile_times(shapes, place + 1)
        if overhead is not None:
            self.loads = [_at_least(cycles, overhead[0]) for cycles in self.loads]
        self.stores = [times.storing(label) for label in labels]
        self.trips = {label: shapes.trips[label - 1] for label in self.own}
        indexing = shapes.indexing(shapes.nest.output)
        self.indexing = {label: indexing[label - 1] for label in self.own}
        self.size = shapes.size
        self.indexed_inside = self._indexed_inside()
        self.last_outside = _innermost(shapes, self.outer)
        self.z = _innermost(shapes, self.own)
        self.has_loops: Mask = self.z > 0
        self.z_indexes = self._of_z({label: indexes.astype(np.int64) for label, indexes in self.indexing.items()}) > 0
        self.z_stores = self._of_z(dict(enumerate(self.stores)))
        self.z_loads = self._by_fresh_of_z(self.loads)
        self.z_loads_next = self.z_loads[False], np.where(self.z_indexes, self.z_loads[True], self.z_loads[False])
        """Cycles to fill the level inside after an iteration that ends at z, by the freshness of that iteration."""

    def _of_z(self, values: dict[int, Ints]) -> Ints:
        """Of values by label those of z."""
        return _chosen(self.z, {label: values[label] for label in self.own}, self.size)

    def _by_fresh_of_z(self, values: list[ByFresh]) -> ByFresh:
        stale, fresh = (self._of_z({label: values[label][kind] for label in self.own}) for kind in (False, True))
        return stale, fresh

    def passes(self) -> Passes:
        """The passes of the level."""
        (stale_begun, stale_ended), (fresh_begun, fresh_ended) = (self._passes(fresh=fresh) for fresh in (False, True))
        return Passes(
            list(zip(stale_begun, fresh_begun, strict=True)), list(zip(stale_ended, fresh_ended, strict=True))
        )

    def _passes(self, *, fresh: bool) -> tuple[list[Ints], list[Ints]]:
        """Cycles by label of the passes that begin at one and end at z, and that begin at z and end at one."""
        first = [self._first(label, fresh=fresh) for label in self.outer]
        last = [self._last(label, fresh=fresh) for label in self.outer]
        between = self._between(fresh=fresh)
        to_last, from_first = between + self._of_last_outside(last), self._of_last_outside(first) + between
        loaded = self._of_last_outside([loads[fresh] for loads in self.loads])
        stored = self._of_last_outside(self.stores)
        begun: list[Ints] = []
        ended: list[Ints] = []
        for label in self.outer:
            alone = self.loads[label][fresh] + self.inner.begun[label][fresh] + stored
            begun.append(np.where(self.has_loops, first[label] + to_last, alone))
            alone = loaded + self.inner.ended[label][fresh] + self.stores[label]
            ended.append(np.where(self.has_loops, from_first + last[label], alone))
        return begun, ended

    def _of_last_outside(self, values: list[Ints]) -> Ints:
        """Of values by label those of the innermost loop outside, of the run if there is none."""
        return _chosen(self.last_outside, {label: values[label] for label in self.outer}, self.size)

    def _first(self, label: int, *, fresh: bool) -> Ints:
        """The first iteration of a pass that begins at a label; it ends at z."""
        load, body = self.loads[label][fresh], self.inner.begun[label][fresh]
        if self.double:
            return load + np.maximum(body, self.z_loads_next[fresh])
        return load + body + self.z_stores

    def _last(self, label: int, *, fresh: bool) -> Ints:
        """The last iteration of a pass that ends at a label; it begins at z."""
        body, load = self.inner.ended[label][False], self.z_loads[False]
        if fresh:
            all_index = self.indexed_inside[self.own.start - 1]
            body = np.where(all_index, self.inner.ended[label][True], body)
            load = np.where(all_index, self.z_loads[True], load)
        if self.double:
            return np.maximum(body, self.z_stores) + self.stores[label]
        return load + body + self.stores[label]

    def _indexed_inside(self) -> dict[int, Mask]:
        """By label, from the one outside on, whether all own loops inside index the output."""
        inside: Mask = np.ones(self.size, dtype=np.bool_)
        found = {self.own.stop - 1: inside}
        for label in reversed(self.own):
            inside = inside & ((self.trips[label] == 1) | self.indexing[label])
            found[label - 1] = inside
        return found

    def _between(self, *, fresh: bool) -> Ints:
        """All iterations but the first and the last."""
        total = np.zeros(self.size, dtype=np.int64)
        outside = indexing_outside = np.ones(self.size, dtype=np.int64)
        for label in self.own:
            trips, indexes, is_z = self.trips[label], self.indexing[label], self.z == label
            times, fresh_times = (trips - 1 - is_z) * outside, (trips - 1 - is_z) * indexing_outside * indexes
            total += self._into_z(label, times, fresh_times * fresh)
            times, next_fresh, at_first = (
                times * ~is_z,
                fresh_times * ~is_z,
                indexing_outside * ((trips > 1) & ~indexes),
            )
            total += self._out_of_z(label, times, next_fresh * fresh, at_first * ~is_z * fresh)
            outside, indexing_outside = outside * trips, indexing_outside * np.where(indexes, trips, 1)
        return total

    def _into_z(self, label: int, times: Ints, fresh_times: Ints) -> Ints:
        """Iterations that begin at an own loop, also z, and end at z: so many, of which so many are fresh."""
        stale, fresh = (self._inner_begun(label, kind, self.z_loads_next[kind]) for kind in (False, True))
        return stale * (times - fresh_times) + fresh * fresh_times

    def _inner_begun(self, label: int, fresh: bool, load_next: Ints) -> Ints:
        body = self.inner.begun[label][fresh]
        if self.double:
            return np.maximum(body, load_next + self.stores[label])
        return self.loads[label][fresh] + body + self.z_stores

    def _out_of_z(self, label: int, times: Ints, next_fresh: Ints, fresh_at_first: Ints) -> Ints:
        """Iterations that begin at z and end at another own loop.

        ``next_fresh``: those after which a fresh one comes, themselves fresh if all loops inside index the output;
        ``fresh_at_first``: under the same condition fresh though the next is not, for the loop stands at 0.
        """
        inside = self.indexed_inside[label]
        stale = self._inner_ended(label, fresh=False, next_fresh=False)
        before_fresh = np.where(
            inside,
            self._inner_ended(label, fresh=True, next_fresh=True),
            self._inner_ended(label, fresh=False, next_fresh=True),
        )
        at_first = np.where(inside, self._inner_ended(label, fresh=True, next_fresh=False), stale)
        rest = times - next_fresh - fresh_at_first
        return stale * rest + before_fresh * next_fresh + at_first * fresh_at_first

    def _inner_ended(self, label: int, *, fresh: bool, next_fresh: bool) -> Ints:
        body = self.inner.ended[label][fresh]
        if self.double:
            return np.maximum(body, self.loads[label][next_fresh] + self.z_stores)
        return self.z_loads[fresh] + body + self.stores[label]


def _at_least(cycles: ByFresh, least: Ints) -> ByFresh:
    return np.maximum(cycles[False], least), np.maximum(cycles[True], least)


def _innermost(shapes: BatchShapes, labels: range) -> Ints:
    """The label of the innermost of some loops, 0 where there is none."""
    found = np.zeros(shapes.size, dtype=np.int64)
    for label in labels:
        if label:
            found = np.where(shapes.is_loop[label - 1], label, found)
    return found


def _chosen(labels: Ints, values: dict[int, Ints], size: int) -> Ints:
    """For every mapping the value of its label, 0 if it is not among the values'."""
    found = np.zeros(size, dtype=np.int64)
    for label, value in values.items():
        found = np.where(labels == label, value, found)
    return found
