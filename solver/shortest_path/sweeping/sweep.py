"""One sweep from the MAC to DRAM: all labels whose bound is not above a target, stage by stage."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from ....model.hierarchy.level_mapping import LevelMapping
from ....model.objectives import OBJECTIVES, Objective
from ...deadline import Deadline
from ..bounds.cost_to_go import CostToGo
from ..bounds.label_bounds import TOLERANCE, LabelBounds
from ..bounds.stages import Kind
from ..space.edge_prices import EdgePrices
from ..space.keeping import Keeping, State
from ..space.map_space import Kept
from ..space.tile_vectors import Floats
from .labels import Labels, Trail, joined, undominated
from .level_loops import Groups, LevelLoops, best_of
from .moves import Moves
from .witness import Step, mapping_of

LARGEST = sys.float_info.max
"""What no bound of a label is above that becomes a mapping at all."""


@dataclass(frozen=True)
class Goal:
    """What a sweep looks for: mappings of an objective of at most ``target``, within limits on both metrics.

    With ``only`` so many labels of each state, or ``in_all`` of all states at a place, it may miss them.
    """

    target: float
    deadline: Deadline
    only: int | None = None
    in_all: int | None = None
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
    """Sweeps over the choices of what is kept where that a ``Keeping`` leaves."""

    most_found = 8
    """Mappings that a sweep returns for each state at the end: those with the least values."""

    def __init__(
        self, keeping: Keeping, ahead: CostToGo, objective: Objective, *, apart_above: float | None = None
    ) -> None:
        """Sweeps of labels whose bounds are those of some tables.

        With ``apart_above``, a lower bound on the values of all labels, none is left out that may become the best
        mapping where partial blocks are in no sum of a label, at the price of more labels.
        """
        self._space, self._keeping = keeping.space, keeping
        self._ahead, self._moves = ahead, Moves.of(keeping.boundaries)
        self._moves_at: dict[Kept, Moves] = {}
        self._bounds, self._rule = LabelBounds(ahead, self._moves.columns, objective), OBJECTIVES[objective]
        self.created, self.whole_loops, self._apart_above = 0, False, apart_above

    @property
    def can_split_loops(self) -> bool:
        """Whether a label may be below its mapping: a dimension that slides a tile had several loops at one level.

        With ``whole_loops`` no dimension has, at the price of more labels.
        """
        return bool(self._moves.ledger.sliding) and not self.whole_loops

    @property
    def apart(self) -> bool:
        """Whether labels are told apart where partial blocks may make a difference."""
        return self._apart_above is not None

    @property
    def can_tell_apart(self) -> bool:
        """Whether labels are below their mappings because of partial blocks, so that one left out may be better."""
        return self._space.has_blocks and not self.apart

    def told_apart(self, above: float) -> Sweeper:
        """The same sweeps with labels told apart; ``above``: a lower bound on the values of all labels."""
        other = Sweeper(self._keeping.marked, self._ahead, self._rule.name, apart_above=above)
        other.created, other.whole_loops = self.created, self.whole_loops
        return other

    @cached_property
    def least(self) -> float:
        """A lower bound on the objective of every mapping."""
        return min(float(self._bounds.value(*least)[0]) for least in self._least_sums)

    @cached_property
    def _least_sums(self) -> list[tuple[Floats, Floats]]:
        """Lower bounds on energy in pJ and on cycles, by what is kept where."""
        first = self._moves.first_labels()
        return [self._bounds.bounds(0, state, first) for state in self._keeping.first]

    def run(self, goal: Goal) -> list[Found]:
        """Mappings with an objective of at most the target, the best ones; with ``goal.only`` perhaps not all.

        Raises:
            TimeoutError: when the goal's deadline passes.
        """
        trail: Trail[Step] = Trail()
        groups: Groups = {state: self._moves.first_labels() for state in self._keeping.first}
        for place, stage in enumerate(self._ahead.stages):
            if stage.kind is not Kind.STORE:
                groups = best_of(groups, goal.in_all)
            if stage.kind is Kind.LOOPS:
                groups = self._loops(place, goal, trail).run(groups)
            elif stage.kind is Kind.FANOUT:
                groups = self._unrolled(groups, place, goal, trail)
            else:
                groups = self._stored(groups, place, goal, trail)
        self.created += trail.length
        return sorted((f for labels in groups.values() for f in self._best(labels, goal, trail)), key=lambda f: f.value)

    def _loops(self, place: int, goal: Goal, trail: Trail[Step]) -> LevelLoops:
        below, thinned, stage = partial(self._below, goal, place), self._thinned(goal), self._ahead.stages[place]
        whole, most = self.whole_loops, goal.in_all
        return LevelLoops(self._ahead, self._moves, stage, below, thinned, trail, whole=whole, most=most)

    def _thinned(self, goal: Goal) -> Callable[..., Labels]:
        """What leaves out labels that others dominate."""
        apart = None if self._apart_above is None else self._moves.ledger.apart(self._apart_pj(goal, self._apart_above))
        return partial(undominated, only=goal.only, apart=apart)

    def _apart_pj(self, goal: Goal, above: float) -> float:
        """How much less energy a label must have, so that a better one is enough: that excludes all that blocks cost.

        Or what reaches the target is too much for the other one: what the better one becomes is not below ``above``.
        """
        lost_pj = self._keeping.lost_in_blocks_pj
        if self._rule.energy_power == 0:
            return lost_pj
        least_cycles = min(float(cycles[0]) for _, cycles in self._least_sums)
        slack = goal.target * (1 + TOLERANCE) - above
        return min(lost_pj, slack / least_cycles**self._rule.cycles_power)

    def _below(self, goal: Goal, place: int, state: State, labels: Labels, later: int = 0) -> Labels:
        """The labels that can still reach the target; at a fanout, where axes from the ``later``-th on are left."""
        goal.deadline.check()
        if not len(labels):
            return labels
        energy_pj, cycles = self._bounds.bounds(place, state, labels, later)
        values, ties = self._rule.of_arrays(energy_pj, cycles)
        labels = labels.bounded(self._preferred(values, ties) if goal.only else values)
        kept = values <= min(goal.target * (1 + TOLERANCE), LARGEST)
        if goal.most_energy_pj < math.inf or goal.most_cycles < math.inf:
            kept &= energy_pj <= goal.most_energy_pj * (1 + TOLERANCE)
            kept &= cycles <= goal.most_cycles * (1 + TOLERANCE)
        return labels if kept.all() else labels.take(kept)

    @staticmethod
    def _preferred(values: Floats, ties: Floats) -> Floats:
        """Bounds that few labels are chosen by: of those that are nearly equal, less of the other metric first."""
        largest = ties.max()
        if not math.isfinite(largest):
            largest = ties.max(initial=0.0, where=np.isfinite(ties))
        found: Floats = values * (1 + TOLERANCE * ties / largest) if largest > 0 else values
        return found

    def _at(self, prices: EdgePrices) -> Moves:
        """The steps where words have these prices."""
        if prices.kept not in self._moves_at:
            self._moves_at[prices.kept] = self._moves.at(prices)
        return self._moves_at[prices.kept]

    def _stored(self, groups: Groups, place: int, goal: Goal, trail: Trail[Step]) -> Groups:
        node, end = self._ahead.stages[place].node, self._space.vectors.size - 1
        level, found = self._space.machine.level_at[node], dict[State, list[Labels]]()
        for state, labels in groups.items():
            for row, then in self._keeping.stored(state, node):
                fits = labels.points == end if node == 0 else self._ahead.fits(node, row)[labels.points]
                stores = self._at(self._keeping.prices_at(state.edges, node, row)).stores
                _, brought = stores.store(labels.take(fits), level, state.pending)
                if node > 0:
                    brought = self._below(goal, place + 1, then, brought)
                    brought = trail.extend(brought, Step(node, kept=row))
                found.setdefault(then, []).append(brought)
        return {state: joined(several) for state, several in found.items()}

    def _unrolled(self, groups: Groups, place: int, goal: Goal, trail: Trail[Step]) -> Groups:
        node, axes = self._ahead.stages[place].node, self._ahead.unrolled_axes(self._ahead.stages[place])
        network, found = self._space.machine.network_at[node], dict[State, list[Labels]]()
        least, thinned = self._space.constraints.min_utilization[node], self._thinned(goal)
        for state, group in groups.items():
            fanouts = self._at(self._keeping.prices(state.edges)).fanouts
            labels = fanouts.enter(group.take(np.arange(len(group))), network, state.pending)
            for position in range(len(axes)):
                more = self._more_instances(labels, place, position, state, goal, trail)
                rest = self._below(goal, place, state, labels, position + 1)
                labels = thinned(joined([rest, *more]), by_used=least > 0) if more else rest
            labels = self._below(goal, place, state, labels, len(axes))
            labels = self._moves.completed(labels.take(labels.used / network.size >= least), node)
            for then, some in self._by_what_stays(labels, node, state):
                leaves = self._at(self._keeping.prices(then.edges)).fanouts
                found.setdefault(then, []).append(leaves.leave(some, network, then.pending))
        return {state: thinned(joined(several)) for state, several in found.items()}

    def _by_what_stays(self, labels: Labels, node: int, state: State) -> Iterator[tuple[State, Labels]]:
        """The labels by what is pending outside a fanout: in some accountings less where the fanout is in use."""
        lost = self._ahead.boundaries.lost_at_fanout(node, state.pending)
        used = labels.used > 1
        if lost and used.any():
            replaced = self._moves.replaced(labels.take(used), lost, node)
            for then in self._keeping.settled(state, lost, node):
                yield then, replaced.take(np.arange(len(replaced)))
            labels = labels.take(~used)
        yield state, labels

    def _more_instances(
        self,
        labels: Labels,
        place: int,
        position: int,
        state: State,
        goal: Goal,
        trail: Trail[Step],
    ) -> list[Labels]:
        """The labels that unrolling along one axis leads to."""
        stage = self._ahead.stages[place]
        network, axis = self._space.machine.network_at[stage.node], self._ahead.unrolled_axes(stage)[position]
        number, fanouts = self._space.vectors.axes.index(axis), self._at(self._keeping.prices(state.edges)).fanouts
        exponents, found = self._space.vectors.exponents[number], list[Labels]()
        for _ in range(axis.multiplicity):
            more = (exponents[labels.points] < axis.multiplicity) & (labels.used * axis.prime <= network.size)
            unrolled = fanouts.unroll(labels.take(more), axis, network, state.pending)
            labels = self._below(goal, place, state, self._moves.within(unrolled, stage.node), position)
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
                mapping_of(self._space, self._keeping.given, trail.steps_to(int(labels.trail[row]))),
                float(values[row]),
                float(energy_pj[row]),
                float(cycles[row]),
            )
            for row in (best if self.apart else best[: self.most_found])
        ]
