"""What the temporal loops of one level make of labels: all loops, in every order that can cost something else."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

import numpy as np

from ..bounds.cost_to_go import CostToGo
from ..bounds.stages import Stage
from ..space.boundaries import Pending
from ..space.keeping import Keeping, State
from ..space.tile_vectors import Axis, Floats, Ints, Mask
from .labels import Labels, Trail, joined
from .moves import Moves
from .witness import Step

Groups = dict[State, Labels]
"""Labels by the edges that they are on, and by what is pending."""

MOST_TOGETHER = 10_000
"""Labels up to which all powers of a prime are looked at together; of more, only those that can reach a target."""


def best_of(groups: Groups, most: int | None) -> Groups:
    """The labels of which so many of all groups together have no larger bounds; all of them with `None`."""
    if most is None:
        return groups
    limit = largest_of((labels.least for labels in groups.values()), most)
    found = {state: labels.take(labels.least <= limit) for state, labels in groups.items()}
    return {state: labels for state, labels in found.items() if len(labels)}


def largest_of(several: Iterable[Floats], most: int) -> float:
    """What no more than so many bounds are below; infinite where there are no more."""
    bounds = np.concatenate([np.empty(0), *several])
    return float(np.partition(bounds, most - 1)[most - 1]) if len(bounds) > most else math.inf


@dataclass(frozen=True)
class LevelLoops:
    """The temporal loops of one level: labels by what is pending, larger sets first.

    ``below`` gives the labels that can still reach a target, ``thinned`` those of them that are to be followed; no more
    than ``most`` of all of them together. With ``whole`` no dimension has several loops.
    """

    ahead: CostToGo
    moves: Moves
    stage: Stage
    below: Callable[[State, Labels], Labels]
    thinned: Callable[[Labels], Labels]
    trail: Trail[Step]
    whole: bool
    most: int | None = None
    _waiting: dict[State, list[Labels]] = field(default_factory=dict[State, list[Labels]])

    def run(self, groups: Groups) -> Groups:
        """The labels after any loops, innermost first: those whose order is given, then the others."""
        node, bounds = self.stage.node, self.ahead.space.nest.bounds
        if self.whole or self.ahead.space.counted.strides:
            groups = {s: self.moves.begin_level(labels, node, s.pending) for s, labels in groups.items()}
        given = self.ahead.space.constraints.inner_orders[node]
        for dims in (*({dim} for dim in reversed(given)), {dim for dim in range(len(bounds)) if dim not in given}):
            groups = self._run_over(groups, dims)
        return {state: self.moves.completed(labels, node) for state, labels in groups.items()}

    def _run_over(self, groups: Groups, dims: set[int]) -> Groups:
        """The labels after any loops over some dimensions."""
        self._waiting.clear()
        self._waiting.update((state, [labels]) for state, labels in groups.items())
        found: Groups = {}
        for state in self.stage.states:
            if state in self._waiting:
                arrived = self.below(state, joined(self._waiting.pop(state)))
                if self.most is not None:
                    arrived = arrived.take(arrived.least <= largest_of(self._leaving(found), self.most))
                if not len(arrived):
                    continue
                labels = self._free_loops(self.thinned(arrived), state, dims)
                found[state] = labels
                self._replace(labels, state, dims)
        return found

    def _leaving(self, found: Groups) -> Iterator[Floats]:
        """The bounds of labels that can leave the level: at DRAM, those that have all loops."""
        end = self.ahead.space.vectors.size - 1
        for labels in found.values():
            yield labels.least if self.stage.node > 0 else labels.least[labels.points == end]

    def _free_loops(self, labels: Labels, state: State, dims: set[int]) -> Labels:
        """The labels after any loops that replace nothing.

        Where no tile slides, their order does not matter, and going through the axes once is enough.
        """
        free = (axis for axis in self.ahead.free_axes(self.stage.node, state) if axis.dim in dims)
        axes = self._loops_over(free, state.pending)
        ordered = self._ordered(state)
        for _ in range(len({axis.dim for axis in axes}) if ordered else 1):
            before = labels.trail
            for axis in axes:
                more = self._along(labels, axis, state)
                labels = self.thinned(joined([labels, *more])) if more else labels
            if ordered and set(before.tolist()) == set(labels.trail.tolist()):
                break
        return labels

    def _ordered(self, state: State) -> bool:
        """Whether the order of loops that replace nothing matters."""
        return self.whole or self.moves.order_matters(state.pending, self.stage.node)

    def _along(self, labels: Labels, axis: Axis, state: State) -> list[Labels]:
        """The labels that loops along one axis lead to."""
        if axis.multiplicity * len(labels) <= MOST_TOGETHER and not self._ordered(state):
            return self._powers_along(labels, axis, state)
        found: list[Labels] = []
        for _ in range(axis.multiplicity):
            labels = self._sliding(self._step(labels, axis, state), state)
            if not len(labels):
                break
            found.append(labels)
        return found

    def _powers_along(self, labels: Labels, axis: Axis, state: State) -> list[Labels]:
        """The same where no tile slides: loops of all powers of the prime at once, smaller ones first."""
        left = axis.multiplicity - self.ahead.space.vectors.exponents[self._axes[axis]][labels.points]
        powers, rows = np.nonzero(left >= np.arange(1, axis.multiplicity + 1)[:, np.newaxis])
        looped = self.moves.loop_each(labels.take(rows), axis, powers + 1, self.stage.node, state.pending)
        numbered = looped.after(np.arange(len(rows), dtype=np.int32))
        reaching = self.below(state, self.moves.within(numbered, self.stage.node))
        if not len(reaching):
            return []
        before, counts = labels.trail[rows[reaching.trail]], np.bincount(powers[reaching.trail])
        steps = [(Step(self.stage.node, axis, power=power), count) for power, count in enumerate(counts.tolist(), 1)]
        return [self.trail.extend_each(reaching.after(before), steps)]

    def _sliding(self, labels: Labels, state: State) -> Labels:
        """The labels of which all tiles with halo still slide; the others wait among those without the settled ones."""
        node = self.stage.node
        settled, which = self.moves.settled(labels, node, state.pending)
        if settled:
            stopped = self.moves.replaced(labels.take(which), settled, node)
            for then in self._keeping.settled(state, settled, node):
                self._wait(then, stopped)
            return self._sliding(labels.take(~which), state)
        return labels

    def _wait(self, state: State, labels: Labels) -> None:
        if len(labels):
            if not self._ordered(state):
                labels = self.moves.forget_loops(labels)
            self._waiting.setdefault(state, []).append(labels)

    def _replace(self, labels: Labels, state: State, dims: set[int]) -> None:
        """One step of a loop that replaces tiles that are pending."""
        node, boundaries = self.stage.node, self.ahead.boundaries
        for dim, axes in groupby(self.ahead.space.vectors.axes, key=lambda axis: axis.dim):
            tiles = boundaries.replaced(node, dim) & state.pending
            if tiles and len(labels) and dim in dims:
                after, pending = self.moves.replaced(labels, tiles, node), state.pending & ~tiles
                states = self._keeping.settled(state, tiles, node)
                for axis in self._loops_over(axes, pending):
                    looped = self._looped(after, axis, pending)
                    for then in states:
                        self._wait(then, self._sliding(self._reaching(looped, axis, then), then))

    @property
    def _keeping(self) -> Keeping:
        return self.ahead.keeping

    def _loops_over(self, axes: Iterable[Axis], pending: Pending) -> list[Axis]:
        """The axes; in place of those of a dimension that has to be looped over at once, all its factors."""
        found: list[Axis] = []
        for dim, same in groupby(axes, key=lambda axis: axis.dim):
            jumps = self.ahead.boundaries.jumps(self.stage.node, dim, pending)
            found += self.ahead.space.vectors.jumps[dim] if jumps else same
        return found

    def _step(self, labels: Labels, axis: Axis, state: State) -> Labels:
        """The labels that another prime of an axis, or a loop that is made at once, leads to."""
        return self._reaching(self._looped(labels, axis, state.pending), axis, state)

    def _looped(self, labels: Labels, axis: Axis, pending: Pending) -> Labels:
        """The same whether they can reach a target or not."""
        more, jump = self._is_left(labels, axis), axis not in self._axes
        if self.whole or jump:
            more &= self.moves.may_loop(labels, axis.dim, again=not jump)
        looped = self.moves.loop(labels.take(more), axis, self.stage.node, pending)
        if self.whole or jump:
            looped = self.moves.noted(looped, axis.dim, latest=self.whole)
        return self.moves.within(looped, self.stage.node)

    def _reaching(self, looped: Labels, axis: Axis, state: State) -> Labels:
        reaching = self.below(state, looped)
        return self.trail.extend(reaching, Step(self.stage.node, axis)) if len(reaching) else reaching

    def _is_left(self, labels: Labels, axis: Axis) -> Mask:
        """Which labels have a factor left."""
        vectors = self.ahead.space.vectors
        if axis in self._axes:
            return vectors.exponents[self._axes[axis]][labels.points] < axis.multiplicity
        left: Ints = self.ahead.space.nest.bounds[axis.dim] // vectors.tiles[axis.dim][labels.points]
        return left % axis.prime == 0

    @cached_property
    def _axes(self) -> dict[Axis, int]:
        return {axis: position for position, axis in enumerate(self.ahead.space.vectors.axes)}
