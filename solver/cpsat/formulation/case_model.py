"""The CP-SAT model of one case: rules, the relaxed execution model and the objective.

Read :meth:`CaseModel.build` for the list of what is in it; each rule is one method. Costs are counted in units of the
largest cost that the target admits (:data:`.scaling.COST_UNITS`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from ortools.sat.python import cp_model

from ....model.dmazerunner.capacities import Capacity
from ....model.dmazerunner.relaxation.cases import Case
from ....model.dmazerunner.relaxation.logarithms import LOG_SCALE
from ....model.dmazerunner.relaxation.monomials import Monomial, Posynomial, factors, footprint
from ....model.dmazerunner.relaxation.relaxed_model import Relaxation
from ....model.dmazerunner.relaxation.value_ranges import ValueRanges
from ....model.dmazerunner.reuse import ReuseClass
from ....model.dmazerunner.vectorised.batch import DRAM, SPATIAL, SPM
from ....model.mapping import LEVELS
from ...backend import PublishedProblem
from .cutoff import Target, TargetRows
from .linearisation import Terms
from .scaling import COST_UNITS
from .variables import TilingVariables


class CaseModel:
    """One case of one layer as a CP-SAT feasibility model: is there a mapping that meets the target?"""

    def __init__(
        self, problem: PublishedProblem, case: Case, relaxation: Relaxation, ranges: ValueRanges, target: Target
    ) -> None:
        self.problem, self.case, self.relaxation, self.target = problem, case, relaxation, target
        self.ranges = ranges
        self.model = cp_model.CpModel()
        combinations = ranges.parameters.max_combinations
        self.tiling = TilingVariables(self.model, problem.nest, problem.constraints, combinations)
        self._terms = Terms(self.tiling, ranges)
        self._terms.feasible = self.tiling.feasible

    @property
    def feasible(self) -> bool:
        """False when a rule already rules everything out, before any search."""
        return self._terms.feasible

    def build(self) -> CaseModel:
        """All rules, in order."""
        self._classes()
        self._skipping()
        self._capacities()
        self._traffic_limits()
        TargetRows(self._terms, self.target).add(self.relaxation)
        return self

    # The case

    def _classes(self) -> None:
        """The class of each level is attained by a loop that iterates; without a class no loop does."""
        for level, reuse_class in ((SPM, self.case.spm_class), (DRAM, self.case.dram_class)):
            everything = range(len(self.problem.nest.dims))
            if reuse_class is None:
                self._none_iterates(level, everything)
                continue
            if not (level == SPM and self.case.any_rounds):
                self._some_iterates(level, everything)
            self._attained(level, reuse_class)

    def _attained(self, level: int, reuse_class: ReuseClass) -> None:
        for guard in reuse_class.guards:
            outside = frozenset(range(len(self.problem.nest.dims))) - guard.before
            nothing_left = self.model.new_bool_var("")
            for literal in self._iterating(level, outside):
                self.model.add_implication(nothing_left, ~literal)
            self.model.add_bool_or([*self._iterating(level, guard.entered), nothing_left])

    def _skipping(self) -> None:
        """A skipped tensor's SPM reuse covers all RF passes; one that is not, leaves some or has no DRAM reuse."""
        everything = frozenset(range(len(self.problem.nest.dims)))
        for t in range(len(self.problem.nest.tensors)):
            uncovered = everything - self.case.spm_reused(t)
            reused = self.case.dram_reused(t)
            if t in self.case.skipped:
                self._none_iterates(SPM, uncovered)
                self._some_iterates(DRAM, reused)
            elif reused:
                unused = self.model.new_bool_var("")
                for literal in self._iterating(DRAM, reused):
                    self.model.add_implication(unused, ~literal)
                self.model.add_bool_or([*self._iterating(SPM, uncovered), unused])

    def _iterating(self, level: int, dims: Iterable[int]) -> list[cp_model.IntVar]:
        literals = (self.tiling.iterates(level, dim) for dim in sorted(dims))
        return [literal for literal in literals if literal is not None]

    def _none_iterates(self, level: int, dims: Iterable[int]) -> None:
        for literal in self._iterating(level, dims):
            self.model.add(literal == 0)

    def _some_iterates(self, level: int, dims: Iterable[int]) -> None:
        self.model.add_bool_or(self._iterating(level, dims))

    # What fits (``docs/model.md`` section 2)

    def _capacities(self) -> None:
        """Whatever the machine has only so much of, and what is asked to be used of it."""
        for capacity in self.problem.cost_model.capacities(self.problem.architecture):
            if capacity.bytes_per_element is None:
                self._pes(capacity)
            else:
                self._memory(capacity, capacity.bytes_per_element)

    def _pes(self, capacity: Capacity) -> None:
        """U <= PEs, and at least the asked share of them."""
        used = factors(SPATIAL, range(len(self.problem.nest.dims)))
        value_range = self.ranges(used)
        log = self._terms.log(used)
        self.model.add(log <= value_range.highest_within(capacity.limit))
        least = capacity.least(self.problem.constraints.min_utilization) * capacity.whole
        if least > 1:
            self.model.add(log >= math.floor(math.log2(least * (1 - 1e-12)) * LOG_SCALE - value_range.slack - 64))

    def _memory(self, capacity: Capacity, size: int) -> None:
        """One tile of every tensor fits, each at least one element or unit; rounding up to units is relaxed."""
        asked = capacity.least(self.problem.constraints.min_utilization) * capacity.whole
        level = LEVELS.index(capacity.level)
        if capacity.bytes_per_unit is None:
            self._capacity(level, capacity.whole // size, asked / size, least_per_tensor=1.0)
        else:
            unit = capacity.bytes_per_unit / size
            self._capacity(level, capacity.whole / size, asked / size, least_per_tensor=unit)

    def _capacity(self, level: int, capacity: float, asked: float, *, least_per_tensor: float) -> None:
        nest = self.problem.nest
        tiles = [footprint(nest, t, level) for t in range(len(nest.tensors))]
        smallest = [max(self.ranges(tile).least, least_per_tensor) for tile in tiles]
        if sum(smallest) > capacity * (1 + 1e-9):
            self._terms.feasible = False
            return
        unit = COST_UNITS / capacity
        rows: list[cp_model.LinearExprT] = []
        for tile, own in zip(tiles, smallest, strict=True):
            room = capacity - sum(smallest) + own
            value = self._terms.term(tile, unit, room * unit)
            at_least = self.model.new_int_var(0, COST_UNITS, "tile")
            self.model.add(at_least >= value)
            self.model.add(at_least >= math.floor(least_per_tensor * unit * (1 - 1e-12)))
            rows.append(at_least)
        self.model.add(sum(rows) <= COST_UNITS)
        if asked > 0:
            self._utilization(tiles, asked * unit, unit)

    def _utilization(self, tiles: list[Monomial], asked: float, unit: float) -> None:
        """At least so much of a memory is used: exact values by a literal each, where they are few enough."""
        rows: list[cp_model.LinearExprT] = []
        for tile in tiles:
            value_range = self.ranges(tile)
            if not tile.powers:
                rows.append(math.ceil(unit))
                continue
            if value_range.logs is None or value_range.values is None:
                return
            inside = [
                (int(log), value)
                for log, value in zip(value_range.logs, value_range.values, strict=True)
                if value * unit <= COST_UNITS * 1.001
            ]
            chosen = [self.model.new_bool_var("") for _ in inside]
            self.model.add_exactly_one(chosen)
            self.model.add(self._terms.log(tile) == sum(log * c for (log, _), c in zip(inside, chosen, strict=True)))
            rows.append(
                sum(math.ceil(value * unit * (1 + 1e-4)) * c for (_, value), c in zip(inside, chosen, strict=True))
            )
        self.model.add(sum(rows) >= math.floor(asked * (1 - 1e-9)))

    def _traffic_limits(self) -> None:
        """Bytes and DMA invocations between DRAM and SPM; the exact counts are checked outside."""
        limits = self.problem.constraints
        size = self.problem.architecture.bytes_per_element
        if limits.max_dram_bytes is not None:
            self._at_most(self.relaxation.dram_elements, limits.max_dram_bytes / size)
        if limits.max_dma_invocations is not None:
            self._at_most(self.relaxation.dma_invocations, float(limits.max_dma_invocations))

    def _at_most(self, total: Posynomial, limit: float) -> None:
        unit = COST_UNITS / max(limit, 1.0)
        self.model.add(self._terms.sum(total, unit, limit) <= math.ceil(limit * unit * (1 + 1e-12)))
