"""What the temporal loops of one level make of labels: all loops, in every order that can cost something else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

from ..bounds.cost_to_go import CostToGo
from ..bounds.stages import Stage
from ..space.boundaries import Pending
from ..space.keeping import Keeping, State
from ..space.tile_vectors import Axis, Ints, Mask
from .labels import Labels, Trail, joined
from .moves import Moves
from .witness import Step

Groups = dict[State, Labels]
"""Labels by the edges that they are on, and by what is pending."""


@dataclass(frozen=True)
class LevelLoops:
    """The temporal loops of one level: labels by what is pending, larger sets first.

    ``below`` gives the labels that can still reach a target, ``thinned`` those of them that are to be followed. With
    ``whole`` no dimension has several loops.
    """

    ahead: CostToGo
    moves: Moves
    stage: Stage
    below: Callable[[State, Labels], Labels]
    thinned: Callable[[Labels], Labels]
    trail: Trail[Step]
    whole: bool
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
                labels = self._free_loops(self.thinned(arrived), state, dims)
                found[state] = labels
                self._replace(labels, state, dims)
        return found

    def _free_loops(self, labels: Labels, state: State, dims: set[int]) -> Labels:
        """The labels after any loops that replace nothing.

        Where no tile slides, their order does not matter, and going through the axes once is enough.
        """
        free = (axis for axis in self.ahead.free_axes(self.stage.node, state) if axis.dim in dims)
        axes = self._loops_over(free, state.pending)
        ordered = self.whole or self.moves.order_matters(state.pending, self.stage.node)
        for _ in range(len({axis.dim for axis in axes}) if ordered else 1):
            before = labels.trail
            for axis in axes:
                more = self._along(labels, axis, state)
                labels = self.thinned(joined([labels, *more])) if more else labels
            if set(before.tolist()) == set(labels.trail.tolist()):
                break
        return labels

    def _along(self, labels: Labels, axis: Axis, state: State) -> list[Labels]:
        """The labels that loops along one axis lead to."""
        found: list[Labels] = []
        for _ in range(axis.multiplicity):
            labels = self._sliding(self._step(labels, axis, state), state)
            if not len(labels):
                break
            found.append(labels)
        return found

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
            if not self.whole and not self.moves.order_matters(state.pending, self.stage.node):
                labels = self.moves.forget_loops(labels)
            self._waiting.setdefault(state, []).append(labels)

    def _replace(self, labels: Labels, state: State, dims: set[int]) -> None:
        """One step of a loop that replaces tiles that are pending."""
        node, boundaries = self.stage.node, self.ahead.boundaries
        for dim, axes in groupby(self.ahead.space.vectors.axes, key=lambda axis: axis.dim):
            tiles = boundaries.replaced(node, dim) & state.pending
            if tiles and len(labels) and dim in dims:
                after, several = self.moves.replaced(labels, tiles, node), list(axes)
                for then in self._keeping.settled(state, tiles, node):
                    for axis in self._loops_over(several, then.pending):
                        self._wait(then, self._sliding(self._step(after, axis, then), then))

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
        more, jump = self._is_left(labels, axis), axis not in self._axes
        if self.whole or jump:
            more &= self.moves.may_loop(labels, axis.dim, again=not jump)
        looped = self.moves.loop(labels.take(more), axis, self.stage.node, state.pending)
        if self.whole or jump:
            looped = self.moves.noted(looped, axis.dim, latest=self.whole)
        reaching = self.below(state, self.moves.within(looped, self.stage.node))
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
