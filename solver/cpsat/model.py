"""The CP-SAT model of one case: rules, the relaxed execution model and the objective.

Read :meth:`CaseModel.build` for the list of what is in it; each rule is one method. Costs are counted in units of the
largest cost that the target admits (:data:`.scaling.COST_UNITS`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ortools.sat.python import cp_model

from ...model.batch import DRAM, RF, SPATIAL, SPM
from ...model.mapping import Tiling
from ...model.reuse import ReuseClass
from ...model.spec import Objective
from ..backend import LayerProblem
from .cases import Case
from .formulas import CYCLES, ENERGY, Relaxation, Row
from .scaling import COST_UNITS, LOG_SCALE, MAX_ACTIVITY, WEIGHT_SCALE, Reach, lower_lines
from .symbols import Monomial, Posynomial, factors, footprint
from .variables import Reaches, TilingVariables

MAX_RUNGS = 24
"""Literals of one ladder."""

EDP_BINS = 8
"""Geometric intervals of cycles; in each the energy that the EDP admits is a line (1 to 8 bins: 24.7 to 3.9 s)."""


BIN_SCALE = 1 << 16
"""Denominator of the slopes of those lines."""

ROUNDING_PJ = 0.5
"""The exact energy is rounded to the nearest integer: the relaxed one may lie above it by this much."""

Rung = tuple[float, tuple[cp_model.IntVar, ...]]
"""A value that a ladder's monomial reaches, and the literals (none or one) that hold exactly from there on."""


@dataclass(frozen=True)
class Target:
    """What a case is asked for: a mapping with an exact objective of at most ``value``.

    ``least_energy_pj`` and ``least_cycles`` are lower bounds over the case; they only tighten the EDP's box.
    """

    objective: Objective
    value: float
    least_energy_pj: float
    least_cycles: float

    @property
    def limits(self) -> dict[str, float]:
        """The largest admissible energy (pJ) and cycles, as far as the objective limits them."""
        if self.value == math.inf:
            return {}
        slack = 1 + 1e-12  # the rounding of these divisions
        if self.objective == "energy":
            return {ENERGY: self.value + ROUNDING_PJ}
        if self.objective == "latency":
            return {CYCLES: self.value}
        cycles = self.value / max(self.least_energy_pj, 1.0) * slack
        energy = self.value / max(self.least_cycles, 1.0) * slack + ROUNDING_PJ
        return {ENERGY: energy, CYCLES: cycles}


class CaseModel:
    """One case of one layer as a CP-SAT feasibility model: is there a mapping that meets the target?"""

    def __init__(
        self, problem: LayerProblem, case: Case, relaxation: Relaxation, reaches: Reaches, target: Target
    ) -> None:
        self.problem, self.case, self.relaxation, self.target = problem, case, relaxation, target
        self.reaches = reaches
        self.model = cp_model.CpModel()
        self.tiling = TilingVariables(self.model, problem.nest, problem.constraints)
        self.feasible = self.tiling.feasible
        self._log_variables: dict[Monomial, cp_model.IntVar] = {}
        self._terms: dict[tuple[Monomial, float, tuple[int, ...]], cp_model.LinearExprT] = {}
        self._rungs: dict[Monomial, list[Rung]] = {}

    def build(self) -> CaseModel:
        """All rules, in order; :attr:`feasible` turns false when one already rules everything out."""
        self._classes()
        self._skipping()
        self._pes()
        self._register_files()
        self._scratchpad()
        self._traffic_limits()
        self._objective()
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

    # What fits (execution_model.md, section 2)

    def _pes(self) -> None:
        """U <= PEs, and at least the asked share of them."""
        nest, architecture = self.problem.nest, self.problem.architecture
        used = factors(SPATIAL, range(len(nest.dims)))
        reach = self.reaches(used)
        log = self._log(used)
        self.model.add(log <= reach.highest_within(architecture.pes))
        least = self.problem.constraints.min_utilization.pe * architecture.pes
        if least > 1:
            self.model.add(log >= math.floor(math.log2(least * (1 - 1e-12)) * LOG_SCALE - reach.slack - 64))

    def _register_files(self) -> None:
        """One tile of every tensor fits a register file."""
        capacity = self.problem.architecture.rf_elements
        asked = self.problem.constraints.min_utilization.rf * self.problem.architecture.rf_bytes_per_pe
        self._capacity(RF, capacity, asked / self.problem.architecture.bytes_per_element, least_per_tensor=1.0)

    def _scratchpad(self) -> None:
        """One tile of every tensor fits the SPM, at least one bank each; rounding up to banks is relaxed."""
        architecture, size = self.problem.architecture, self.problem.architecture.bytes_per_element
        asked = self.problem.constraints.min_utilization.spm * architecture.spm_bytes
        bank = architecture.spm.bytes_per_bank / size
        self._capacity(SPM, architecture.spm_bytes / size, asked / size, least_per_tensor=bank)

    def _capacity(self, level: int, capacity: float, asked: float, *, least_per_tensor: float) -> None:
        nest = self.problem.nest
        tiles = [footprint(nest, t, level) for t in range(len(nest.tensors))]
        smallest = [max(self.reaches(tile).least, least_per_tensor) for tile in tiles]
        if sum(smallest) > capacity * (1 + 1e-9):
            self.feasible = False
            return
        unit = COST_UNITS / capacity
        rows: list[cp_model.LinearExprT] = []
        for tile, own in zip(tiles, smallest, strict=True):
            room = capacity - sum(smallest) + own
            value = self._term(tile, unit, room * unit)
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
            reach = self.reaches(tile)
            if not tile.powers:
                rows.append(math.ceil(unit))
                continue
            if reach.logs is None or reach.values is None:
                return
            inside = [(int(log), value) for log, value in zip(reach.logs, reach.values, strict=True) if value * unit <= COST_UNITS * 1.001]
            chosen = [self.model.new_bool_var("") for _ in inside]
            self.model.add_exactly_one(chosen)
            self.model.add(self._log(tile) == sum(log * c for (log, _), c in zip(inside, chosen, strict=True)))
            rows.append(sum(math.ceil(value * unit * (1 + 1e-4)) * c for (_, value), c in zip(inside, chosen, strict=True)))
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
        self.model.add(self._sum(total, unit, limit) <= math.ceil(limit * unit * (1 + 1e-12)))

    # The objective

    def _objective(self) -> None:
        limits = self.target.limits
        quantities: dict[str, cp_model.IntVar] = {}
        for name, rows in ((ENERGY, self.relaxation.energy), (CYCLES, self.relaxation.cycles)):
            for row in rows if name in limits else ():
                if self.feasible:
                    self._row(row, quantities, limits[name])
        if self.target.objective == "edp" and limits and self.feasible:
            self._bins(quantities[ENERGY], quantities[CYCLES], limits)

    def _row(self, row: Row, quantities: dict[str, cp_model.IntVar], limit: float) -> None:
        """One lower bound, once per rung of its ladder."""
        unit = COST_UNITS / limit
        if row.target not in quantities:
            quantities[row.target] = self.model.new_int_var(0, COST_UNITS * (2 if row.only_with else 1), row.target)
        needed = self._above_one(row.only_with) if row.only_with is not None else ()
        if needed is None:
            return
        terms = self._sum(row.terms, unit, limit * (2 if needed else 1), needed)
        for value, literals in self._ladder(row.ladder) if row.ladder is not None else [(1.0, ())]:
            weights = [math.floor((1 - share / value) * WEIGHT_SCALE) if row.ladder else WEIGHT_SCALE for _, share in row.quantities]
            if all(weight >= 0 for weight in weights):
                parts = sum(w * quantities[name] for w, (name, _) in zip(weights, row.quantities, strict=True))
                bound = self.model.add(WEIGHT_SCALE * quantities[row.target] >= WEIGHT_SCALE * terms + parts)
                bound.only_enforce_if(*literals, *needed)

    def _above_one(self, monomial: Monomial) -> tuple[cp_model.IntVar, ...] | None:
        """Literals that hold together where a monomial is above 1; none where it cannot be."""
        rungs = self._ladder(monomial)
        return rungs[1][1] if len(rungs) > 1 else None

    def _ladder(self, monomial: Monomial) -> list[Rung]:
        """Values that the monomial may reach, each with a literal that holds exactly from there on."""
        if monomial not in self._rungs:
            self._rungs[monomial] = self._make_ladder(monomial)
        return self._rungs[monomial]

    def _make_ladder(self, monomial: Monomial) -> list[Rung]:
        rungs: list[Rung] = [(1.0, ())]
        if not monomial.powers:
            return rungs
        log, previous = self._log(monomial), None
        for threshold, value in _rungs(self.reaches(monomial)):
            literal = self.model.new_bool_var("rung")
            self.model.add(log <= threshold - 1).only_enforce_if(~literal)
            self.model.add(log >= threshold).only_enforce_if(literal)
            if previous is not None:
                self.model.add_implication(literal, previous)
            previous = literal
            rungs.append((value, (literal,)))
        return rungs

    def _bins(self, energy: cp_model.IntVar, cycles: cp_model.IntVar, limits: dict[str, float]) -> None:
        """Energy times cycles within the target: in each interval of cycles, energy below the secant of value / cycles.

        The curve is convex, so that the secant only enlarges what is admitted.
        """
        least = min(max(self.target.least_cycles, 1.0), limits[CYCLES])
        edges = [least * (limits[CYCLES] / least) ** (k / EDP_BINS) for k in range(EDP_BINS + 1)]
        cycle_unit, energy_unit = COST_UNITS / limits[CYCLES], COST_UNITS / limits[ENERGY]
        literals: list[cp_model.IntVar] = []
        for low, high in zip(edges, edges[1:], strict=False):
            literal = self.model.new_bool_var("bin")
            literals.append(literal)
            self.model.add(cycles >= math.floor(low * cycle_unit * (1 - 1e-12))).only_enforce_if(literal)
            self.model.add(cycles <= math.ceil(high * cycle_unit * (1 + 1e-12))).only_enforce_if(literal)
            slope = self.target.value / (low * high) * energy_unit / cycle_unit
            most = (self.target.value / low + self.target.value / high + ROUNDING_PJ) * energy_unit
            tilt = math.floor(slope * BIN_SCALE)
            if tilt * COST_UNITS < MAX_ACTIVITY >> 2 and most * BIN_SCALE < MAX_ACTIVITY >> 2:
                room = math.ceil(most * BIN_SCALE * (1 + 1e-12))
                self.model.add(BIN_SCALE * energy + tilt * cycles <= room).only_enforce_if(literal)
        self.model.add_exactly_one(literals)

    # Terms

    def _least(self, total: Posynomial) -> float:
        return total.constant + sum(c * self.reaches(m).least for m, c in total.terms.items())

    def _sum(
        self, total: Posynomial, unit: float, limit: float, needed: tuple[cp_model.IntVar, ...] = ()
    ) -> cp_model.LinearExprT:
        """A sum of terms in units, rounded down, each bounded by what the others' least values leave of the limit."""
        least = self._least(total)
        if least > limit * (1 + 1e-9) and not needed:
            self.feasible = False
            return 0
        parts: list[cp_model.LinearExprT] = []
        for monomial, coefficient in total.terms.items():
            room = limit - least + coefficient * self.reaches(monomial).least
            parts.append(self._term(monomial, coefficient * unit, room * unit, needed))
        return sum(parts) + math.floor(total.constant * unit)

    def _term(
        self, monomial: Monomial, coefficient: float, cap: float, needed: tuple[cp_model.IntVar, ...] = ()
    ) -> cp_model.LinearExprT:
        """At least ``coefficient * monomial`` rounded down, which is at most ``cap``; both in units.

        With ``needed``, only where those literals hold.
        """
        if not monomial.powers:
            return math.floor(coefficient)
        key = (monomial, coefficient, tuple(literal.index for literal in needed))
        if key not in self._terms:
            self._terms[key] = self._make_term(monomial, coefficient, cap, needed)
        return self._terms[key]

    def _make_term(
        self, monomial: Monomial, coefficient: float, cap: float, needed: tuple[cp_model.IntVar, ...]
    ) -> cp_model.LinearExprT:
        reach = self.reaches(monomial)
        highest = reach.highest_within(cap * (1 + 1e-9) / coefficient)
        if highest < reach.low:
            self.feasible &= bool(needed)
            self.model.add_bool_or([~literal for literal in needed])
            return 0
        log, most = self._log(monomial), math.ceil(max(cap, 0.0) * (1 + 1e-9)) + 1
        self.model.add(log <= highest).only_enforce_if(*needed)
        value = self.model.new_int_var(0, most, "term")
        for line in lower_lines(reach, coefficient, cap):
            largest = line.scale * most + abs(line.slope) * max(abs(reach.low), abs(reach.high)) + abs(line.offset)
            if largest > MAX_ACTIVITY:
                raise OverflowError(f"a term of {largest} does not fit the solver's 64 bits")
            self.model.add(line.scale * value >= line.slope * log + line.offset).only_enforce_if(*needed)
        return value

    def _log(self, monomial: Monomial) -> cp_model.IntVar:
        """One variable per distinct logarithm."""
        if monomial not in self._log_variables:
            reach = self.reaches(monomial)
            variable = self.model.new_int_var(reach.low - 64, reach.high + 64, "log")
            self.model.add(variable == self.tiling.log(monomial))
            self._log_variables[monomial] = variable
        return self._log_variables[monomial]

    # Excluding what was looked at

    def forbid(self, tilings: Iterable[Tiling]) -> None:
        """Exclude tilings that were costed exactly."""
        self.tiling.forbid(tilings)


def _rungs(reach: Reach) -> list[tuple[int, float]]:
    """(scaled logarithm, value guaranteed from there on) of a ladder, rising, the value above 1."""
    if reach.logs is not None and reach.values is not None:
        points = [(int(log), float(value)) for log, value in zip(reach.logs, reach.values, strict=True) if value > 1]
    else:
        steps = range(1, MAX_RUNGS + 1)
        logs = [reach.low + (reach.high - reach.low) * k // MAX_RUNGS for k in steps]
        points = [(log, 2.0 ** ((log - reach.slack) / LOG_SCALE)) for log in logs]
        points = [point for point in points if point[1] > 1]
    if len(points) <= MAX_RUNGS:
        return points
    # 1 - 1 / v is steepest at small values: keep those densest
    kept = sorted({round((len(points) - 1) * (k / (MAX_RUNGS - 1)) ** 2) for k in range(MAX_RUNGS)})
    return [points[k] for k in kept]
