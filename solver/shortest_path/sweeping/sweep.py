"""One sweep from the MAC to DRAM: all labels whose bound is not above a target, stage by stage."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ....model.hierarchy.level_mapping import LevelMapping
from ....model.objectives import OBJECTIVES, Objective
from ...deadline import Deadline
from ..bounds.cost_to_go import CostToGo
from ..bounds.label_bounds import TOLERANCE, LabelBounds
from ..bounds.stages import Kind, Stage
from ..space.boundaries import Pending
from ..space.edge_prices import EdgePrices
from ..space.tile_vectors import Axis
from .labels import Labels, Trail, joined, undominated
from .moves import Moves
from .witness import Step, mapping_of

Groups = dict[Pending, Labels]
"""Labels by what is pending."""


@dataclass(frozen=True)
class Goal:
    """What a sweep looks for: mappings of an objective of at most ``target``, within limits on both metrics.

    With ``only`` so many labels for each tile vector, it may miss them.
    """

    target: float
    deadline: Deadline
    only: int | None = None
    most_energy_pj: float = math.inf
    most_cycles: float = math.inf


@dataclass(frozen=True)
class Found:
    """A mapping that a sweep found, with the energy and the cycles of its label: never above the exact ones."""

    mapping: LevelMapping
    value: float
    energy_pj: float
    cycles: float


class Sweeper:
    """Sweeps over one choice of what is kept where."""

    most_found = 8
    """Mappings that a sweep returns for each set of pending tensors: those with the least values."""

    def __init__(self, prices: EdgePrices, ahead: CostToGo, objective: Objective) -> None:
        self._space, self._prices = prices.space, prices
        self.ahead = self._ahead = ahead
        self.moves = self._moves = Moves.of(ahead.boundaries)
        self._bounds, self._rule = LabelBounds(ahead, self._moves.columns, objective), OBJECTIVES[objective]
        self.created, self.whole_loops = 0, False

    @property
    def can_split_loops(self) -> bool:
        """Whether a label may be below its mapping: a dimension that slides a tile had several loops at one level.

        With ``whole_loops`` no dimension has, at the price of more labels.
        """
        return bool(self._moves.ledger.sliding) and not self.whole_loops

    @cached_property
    def least(self) -> float:
        """A lower bound on the objective of every mapping."""
        return float(self._bounds.objective(0, 0, self._moves.first_labels())[0])

    def run(self, goal: Goal) -> list[Found]:
        """Mappings with an objective of at most the target, the best ones; with ``goal.only`` perhaps not all.

        Raises:
            TimeoutError: when the goal's deadline passes.
        """
        trail: Trail[Step] = Trail()
        groups: Groups = {0: self._moves.first_labels()}
        for place, stage in enumerate(self._ahead.stages):
            if stage.kind is Kind.LOOPS:
                groups = _Loops(self, goal, trail, place).run(groups)
            elif stage.kind is Kind.FANOUT:
                groups = self._unrolled(groups, place, goal, trail)
            else:
                groups = self._stored(groups, place, goal)
        self.created += trail.length
        return sorted((f for labels in groups.values() for f in self._best(labels, goal, trail)), key=lambda f: f.value)

    def below(self, place: int, pending: Pending, labels: Labels, goal: Goal, later: int = 0) -> Labels:
        """The labels that can still reach the target."""
        goal.deadline.check()
        if not len(labels):
            return labels
        energy_pj, cycles = self._bounds.bounds(place, pending, labels, later)
        labels.least[:] = self._bounds.value(energy_pj, cycles)
        kept = labels.least <= goal.target * (1 + TOLERANCE)
        if goal.most_energy_pj < math.inf or goal.most_cycles < math.inf:
            kept &= energy_pj <= goal.most_energy_pj * (1 + TOLERANCE)
            kept &= cycles <= goal.most_cycles * (1 + TOLERANCE)
        return labels if kept.all() else labels.take(kept)

    def looped(self, labels: Labels, axis: Axis, node: int, pending: Pending) -> Labels:
        """The labels that another prime of an axis leads to."""
        more = self._ahead.space.vectors.exponents[self._axes[axis]][labels.points] < axis.multiplicity
        if self.whole_loops:
            more &= self._moves.may_loop(labels, axis.dim)
        return self._moves.within(self._moves.loop(labels.take(more), axis, node, pending), node)

    @cached_property
    def _axes(self) -> dict[Axis, int]:
        return {axis: position for position, axis in enumerate(self._space.vectors.axes)}

    def _stored(self, groups: Groups, place: int, goal: Goal) -> Groups:
        stage = self._ahead.stages[place]
        level = self._space.machine.level_at[stage.node]
        fits = self._space.fitting(level, self._prices.kept[stage.node])
        found: dict[Pending, list[Labels]] = {}
        for pending, labels in groups.items():
            whole = labels.points == self._space.vectors.size - 1
            fitting = labels.take(whole if stage.node == 0 else fits[labels.points])
            held, brought = self._moves.stores.store(fitting, level, pending)
            found.setdefault(held, []).append(brought)
        if stage.node == 0:
            return {held: joined(several) for held, several in found.items()}
        return {held: self.below(place + 1, held, joined(several), goal) for held, several in found.items()}

    def _unrolled(self, groups: Groups, place: int, goal: Goal, trail: Trail[Step]) -> Groups:
        stage = self._ahead.stages[place]
        network = self._space.machine.network_at[stage.node]
        found, least = Groups(), self._space.constraints.min_utilization[stage.node]
        for pending, group in groups.items():
            labels = self._moves.fanouts.enter(group.take(np.arange(len(group))), network, pending)
            for position, axis in enumerate(self._ahead.unrolled_axes(stage)):
                more = self._more_instances(labels, stage, position, axis, pending, goal, trail)
                rest = self.below(place, pending, labels, goal, position + 1)
                labels = undominated(joined([rest, *more]), goal.only, by_used=least > 0) if more else rest
            labels = self._moves.completed(labels.take(labels.used / network.size >= least), stage.node)
            found[pending] = undominated(self._moves.fanouts.leave(labels, network, pending), goal.only)
        return found

    def _more_instances(
        self,
        labels: Labels,
        stage: Stage,
        position: int,
        axis: Axis,
        pending: Pending,
        goal: Goal,
        trail: Trail[Step],
    ) -> list[Labels]:
        """The labels that unrolling along one axis leads to."""
        network, place = self._space.machine.network_at[stage.node], self._ahead.stages.index(stage)
        exponents, found = self._space.vectors.exponents[self._axes[axis]], list[Labels]()
        for _ in range(axis.multiplicity):
            more = (exponents[labels.points] < axis.multiplicity) & (labels.used * axis.prime <= network.size)
            unrolled = self._moves.fanouts.unroll(labels.take(more), axis, network, pending)
            labels = self.below(place, pending, self._moves.within(unrolled, stage.node), goal, position)
            if not len(labels):
                break
            labels = trail.extend(labels, Step(stage.node, axis))
            found.append(labels)
        return found

    def _best(self, labels: Labels, goal: Goal, trail: Trail[Step]) -> list[Found]:
        """The mappings that labels at the end stand for, those with the least values."""
        if not len(labels):
            return []
        energy_pj, cycles = self._moves.finished(labels)
        values, ties = self._rule.of_arrays(energy_pj, cycles)
        reached = (values <= goal.target * (1 + TOLERANCE)) & (cycles <= goal.most_cycles)
        reached &= energy_pj <= goal.most_energy_pj * (1 + TOLERANCE)
        best = [row for row in np.lexsort((ties, values)) if reached[row]]
        return [
            Found(
                mapping_of(self._space, self._prices.kept, trail.steps_to(int(labels.trail[row]))),
                float(values[row]),
                float(energy_pj[row]),
                float(cycles[row]),
            )
            for row in best[: self.most_found]
        ]


class _Loops:
    """The temporal loops of one level: labels by what is pending, larger sets first."""

    def __init__(self, sweeper: Sweeper, goal: Goal, trail: Trail[Step], place: int) -> None:
        self._sweeper, self._goal, self._trail, self._place = sweeper, goal, trail, place
        self._ahead, self._moves = sweeper.ahead, sweeper.moves
        self._stage = self._ahead.stages[place]
        self._waiting: dict[Pending, list[Labels]] = {}
        self._dims: set[int] = set()

    def run(self, groups: Groups) -> Groups:
        """The labels after any loops, innermost first: those whose order is given, then the others."""
        node, bounds = self._stage.node, self._ahead.space.nest.bounds
        if self._sweeper.whole_loops:
            groups = {pending: self._moves.begin_level(labels, node, pending) for pending, labels in groups.items()}
        given = self._ahead.space.constraints.inner_orders[node]
        for dims in (*({dim} for dim in reversed(given)), {dim for dim in range(len(bounds)) if dim not in given}):
            groups = self._run_over(groups, dims)
        return {pending: self._moves.completed(labels, node) for pending, labels in groups.items()}

    def _run_over(self, groups: Groups, dims: set[int]) -> Groups:
        """The labels after any loops over some dimensions."""
        self._dims = dims
        self._waiting = {pending: [labels] for pending, labels in groups.items()}
        found: Groups = {}
        for pending in self._stage.pending:
            if pending in self._waiting:
                arrived = self._sweeper.below(self._place, pending, joined(self._waiting[pending]), self._goal)
                labels = self._free_loops(undominated(arrived, self._goal.only), pending)
                found[pending] = labels
                self._replace(labels, pending)
        return found

    def _free_loops(self, labels: Labels, pending: Pending) -> Labels:
        """The labels after any loops that replace nothing.

        Where no tile slides, their order does not matter, and going through the axes once is enough.
        """
        axes = [axis for axis in self._ahead.free_axes(self._stage.node, pending) if axis.dim in self._dims]
        ordered = self._sweeper.whole_loops or self._moves.order_matters(pending, self._stage.node)
        for _ in range(len({axis.dim for axis in axes}) if ordered else 1):
            before = labels.trail
            for axis in axes:
                more = self._along(labels, axis, pending)
                labels = undominated(joined([labels, *more]), self._goal.only) if more else labels
            if set(before.tolist()) == set(labels.trail.tolist()):
                break
        return labels

    def _along(self, labels: Labels, axis: Axis, pending: Pending) -> list[Labels]:
        """The labels that loops along one axis lead to."""
        found: list[Labels] = []
        for _ in range(axis.multiplicity):
            labels = self._sliding(self._step(labels, axis, pending), pending)
            if not len(labels):
                break
            found.append(labels)
        return found

    def _sliding(self, labels: Labels, pending: Pending) -> Labels:
        """The labels of which all tiles with halo still slide; the others wait among those without the settled ones."""
        node = self._stage.node
        settled, which = self._moves.settled(labels, node, pending)
        if settled:
            self._wait(pending & ~settled, self._moves.replaced(labels.take(which), settled, node))
            return self._sliding(labels.take(~which), pending)
        return labels

    def _wait(self, pending: Pending, labels: Labels) -> None:
        if len(labels):
            self._waiting.setdefault(pending, []).append(labels)

    def _replace(self, labels: Labels, pending: Pending) -> None:
        """One prime of a loop that replaces tiles that are pending."""
        node = self._stage.node
        for axis in self._ahead.space.vectors.axes:
            tiles = self._ahead.boundaries.replaced(node, axis.dim) & pending
            if tiles and len(labels) and axis.dim in self._dims:
                left = pending & ~tiles
                after = self._step(self._moves.replaced(labels, tiles, node), axis, left)
                self._wait(left, self._sliding(after, left))

    def _step(self, labels: Labels, axis: Axis, pending: Pending) -> Labels:
        moved = self._sweeper.looped(labels, axis, self._stage.node, pending)
        reaching = self._sweeper.below(self._place, pending, moved, self._goal)
        return self._trail.extend(reaching, Step(self._stage.node, axis)) if len(reaching) else reaching
