"""The search on a hierarchy with CP-SAT: solve, cost exactly, leave out what the relaxed model takes for too good.

The relaxed objective is nowhere above the exact one, so what CP-SAT proves of it is a bound. Where the best relaxed
mapping costs more than that, all orders of its tiling are costed exactly, the tiling is left out, and CP-SAT is asked
again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ....model.hierarchy.accountings import EXECUTED
from ....model.hierarchy.constraints.level_legality import broken_level_rules, words_of
from ....model.hierarchy.constraints.resolved_constraints import ResolvedConstraints
from ....model.hierarchy.exact.exact_cost import hierarchy_cost
from ....model.hierarchy.hierarchy_cost import HierarchyCost
from ....model.hierarchy.level_mapping import LevelMapping
from ....model.hierarchy.vectorised.hierarchy_batch import DEFAULT_PIECE, batch_cost
from ....model.hierarchy.vectorised.mapping_arrays import level_mappings, mapping_arrays
from ....model.objectives import OBJECTIVES, SAFE, Objective
from ...deadline import Deadline
from ...hierarchies.level_enumeration import within_limits
from ...hierarchies.level_space import LevelSpace
from .level_solver import LevelSolver, SolverAnswer
from .relaxation.level_program import LevelProgram
from .relaxation.level_quantities import Ranges

FIRST_SLICE_S, SLICE_GROWTH = 10.0, 4.0
"""Seconds of the first run of the solver, and by how much every further one is longer: it begins anew, knowing more."""
METRIC_SHARE = 0.2
"""Part of the time for the least energy and the least cycles each, which limit what an EDP is sought among."""
MOST_ORDERS = 20_000
"""Orders of one tiling up to which all are costed."""


@dataclass(frozen=True)
class Found:
    """A mapping with its exact cost."""

    mapping: LevelMapping
    cost: HierarchyCost

    @property
    def tiling(self) -> tuple[object, ...]:
        """What makes mappings distinct: factors and what is kept."""
        return self.mapping.factors, self.mapping.kept


class LevelSearch:
    """The search for one objective; ``best`` (best first) and ``bound`` hold at any time what is known."""

    def __init__(
        self, constraints: ResolvedConstraints, objective: Objective, solver: LevelSolver, deadline: Deadline, keep: int
    ) -> None:
        self.constraints, self._rule = constraints, OBJECTIVES[objective]
        self._solver, self._deadline, self._keep = solver, deadline, keep
        self.best: list[Found] = []
        self.bound, self.calls = 0.0, 0
        self.relaxed: tuple[str, ...] = ()
        """What the last model takes for less than it may be."""
        self._settled: list[LevelMapping] = []
        self._ranges = Ranges()

    @property
    def value(self) -> float:
        """The objective of the best mapping; infinite without one."""
        return self._value(self.best[0]) if self.best else math.inf

    @property
    def num_settled(self) -> int:
        """Tilings left out after all their orders were costed."""
        return len(self._settled)

    def run(self, gap: float, report: Callable[[], None]) -> bool:
        """Search until the best mapping is proved, by a relative gap, and say whether it is."""
        try:
            if self._rule.energy_power and self._rule.cycles_power:
                self._limit_ranges(report)
            self._close(gap, report)
        except TimeoutError:
            pass
        return self._proved(gap)

    def _proved(self, gap: float) -> bool:
        return math.isinf(self.bound) or self.bound >= self.value * (1 - gap)

    def _limit_ranges(self, report: Callable[[], None]) -> None:
        """The least energy and the least cycles, between which an EDP is sought; both are infinite or neither is."""
        energy = self._least("energy", report)
        cycles = self._least("latency", report) if math.isfinite(energy) else energy
        self._raise_bound(self._rule.lower_bound(energy, cycles))
        if math.isfinite(cycles):
            self._ranges = Ranges(least_energy_pj=energy, least_cycles=cycles)

    def _least(self, metric: Objective, report: Callable[[], None]) -> float:
        """A lower bound on a metric; infinite where there is no mapping."""
        program = LevelProgram(self.constraints, metric, deadline=self._deadline).build()
        answer = self._ask(program, self._deadline.left_s * METRIC_SHARE, report)
        return answer.bound * SAFE

    def _close(self, gap: float, report: Callable[[], None]) -> None:
        """Solve, cost and leave out until bound and best mapping meet."""
        seconds = FIRST_SLICE_S
        while not self._proved(gap):
            self._deadline.check()
            target = self._rule.largest_improving(self.value, gap) if self.best else math.inf
            program = self._program(target)
            answer = self._ask(program, min(seconds, self._deadline.left_s), report)
            self._raise_bound(min(self._rounded(answer.bound), target, self.value))
            report()
            if self._proved(gap):
                return
            if not answer.solved:
                seconds *= SLICE_GROWTH
            elif not self._settle(self._last):
                return

    def look_below(self, limit: float) -> bool:
        """Look for a mapping with an objective up to a limit; whether one was found, or there is none."""
        try:
            if self._rule.energy_power and self._rule.cycles_power and math.isfinite(limit):
                self._limit_ranges(lambda: None)
            while not (math.isinf(self.bound) or self._reaches(limit)):
                self._deadline.check()
                answer = self._ask(self._program(limit), self._deadline.left_s, lambda: None, limit)
                self._raise_bound(answer.bound)
                if math.isinf(self.bound) or self._reaches(limit):
                    return True
                if not (answer.solved and self._settle(self._last)):
                    return False
        except TimeoutError:
            return False
        return True

    def _reaches(self, limit: float) -> bool:
        """Whether there is a mapping with an objective up to a limit."""
        return bool(self.best) and self.value <= limit

    def _program(self, target: float) -> LevelProgram:
        """The model of mappings with an objective up to a target, without those that are settled."""
        program = LevelProgram(self.constraints, self._rule.name, self._within(target), self._deadline).build()
        if math.isfinite(target):
            program.limit(target)
        if self.best:
            program.suggest(self.best[0].mapping)
        for mapping in self._settled:
            program.forbid(mapping)
        return program

    def _within(self, target: float) -> Ranges:
        """What an EDP of at most a target leaves of energy and cycles."""
        known = self._ranges
        if not (self._rule.energy_power and self._rule.cycles_power) or math.isinf(target):
            return known
        most_energy = target / max(known.least_cycles, 1.0) / SAFE
        most_cycles = target / known.least_energy_pj / SAFE if known.least_energy_pj > 0 else math.inf
        return Ranges(known.least_energy_pj, most_energy, known.least_cycles, most_cycles)

    def _ask(
        self, program: LevelProgram, seconds: float, report: Callable[[], None], enough: float = -math.inf
    ) -> SolverAnswer:
        """Run the solver; a mapping with an objective up to ``enough`` ends it."""
        self.calls += 1
        self.relaxed = program.relaxed
        self._last: LevelMapping | None = None

        def consider(mappings: list[LevelMapping]) -> bool:
            before = self.value
            for mapping in mappings:
                self._last = mapping
                self.offer(mapping)
            if self.value < before:
                report()
            return self._reaches(enough)

        return self._solver.ask(program, seconds, consider)

    def _rounded(self, bound: float) -> float:
        """A bound on values that are whole numbers is one."""
        if not self._rule.energy_power and math.isfinite(bound):
            return float(math.ceil(bound * SAFE))
        return bound * SAFE * SAFE

    def _raise_bound(self, bound: float) -> None:
        self.bound = max(self.bound, bound)

    def offer(self, mapping: LevelMapping) -> None:
        """Keep a mapping if it is among the best and keeps all rules."""
        cost = hierarchy_cost(self.constraints.nest, self.constraints.machine, mapping)
        if self._is_allowed(mapping, cost):
            found = Found(mapping, cost)
            same = [
                other for other in self.best if other.tiling == found.tiling and self._rank(other) <= self._rank(found)
            ]
            if not same:
                others = [other for other in self.best if other.tiling != found.tiling]
                ranked = sorted([*others, found], key=lambda one: (*self._rank(one), one.tiling))
                self.best = ranked[: self._keep]

    def _is_allowed(self, mapping: LevelMapping, cost: HierarchyCost) -> bool:
        """Whether a mapping keeps all rules, which the model may have relaxed."""
        limits = self.constraints.max_words
        return not broken_level_rules(self.constraints, mapping) and all(
            most is None or words_of(cost, node) <= most for node, most in enumerate(limits)
        )

    def _settle(self, mapping: LevelMapping | None) -> bool:
        """Cost all orders of a tiling, and leave it out from now on; false where there are too many."""
        nest, machine = self.constraints.nest, self.constraints.machine
        if mapping is None or _num_orders(mapping, [level.node for level in machine.levels[:-1]]) > MOST_ORDERS:
            return False
        row = mapping_arrays(nest, machine, [mapping])
        for arrays in LevelSpace(self.constraints).mappings(row.factors, row.kept):
            for piece in arrays.pieces(DEFAULT_PIECE):
                self._deadline.check()
                cost = batch_cost(nest, machine, piece, EXECUTED)
                rows = np.flatnonzero(within_limits(self.constraints, cost))
                values, ties = self._rule.of_arrays(cost.energy_pj[rows], cost.cycles[rows].astype(np.float64))
                for place in rows[np.lexsort((ties, values))[:1]].tolist():
                    self.offer(level_mappings(nest, machine, piece.rows(place, place + 1))[0])
        self._settled.append(mapping)
        return True

    def _rank(self, found: Found) -> tuple[float, float]:
        return self._rule.rank_key(found.cost.energy_pj, found.cost.cycles)

    def _value(self, found: Found) -> float:
        return self._rule.of_cost(found.cost.energy_pj, found.cost.cycles)


def _num_orders(mapping: LevelMapping, nodes: list[int]) -> int:
    """Orders of the loops that iterate, at some levels."""
    return math.prod(math.factorial(sum(factor > 1 for factor in mapping.factors[node])) for node in nodes)
