"""The objective of a case: energy and cycles row by row, and what the target admits of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from ortools.sat.python import cp_model

from ....model.dmazerunner.relaxation.relaxed_model import CYCLES, ENERGY, ROUNDING_PJ, Relaxation, Row
from ....model.objectives import OBJECTIVES, Objective, ObjectiveRule
from .linearisation import Terms
from .scaling import COST_UNITS, MAX_ACTIVITY, WEIGHT_SCALE
from .variables import add_if

EDP_BINS = 16
"""Geometric intervals of cycles; in each the energy that the EDP admits is below a line."""


BIN_SCALE = 1 << 16
"""Denominator of the slopes of those lines."""


@dataclass(frozen=True)
class Target:
    """What a case is asked for: a mapping with an exact objective of at most ``value``.

    Its other metric (``tie``: energy in pJ for latency, else cycles) is at most that as well.
    ``least_energy_pj`` and ``least_cycles`` are lower bounds over the case; they only tighten the EDP's box.
    """

    objective: Objective
    value: float
    least_energy_pj: float
    least_cycles: float
    tie: float = math.inf

    @property
    def rule(self) -> ObjectiveRule:
        """What the objective is made of."""
        return OBJECTIVES[self.objective]

    @property
    def limits(self) -> dict[str, float]:
        """The largest admissible energy (pJ) and cycles, as far as they are limited.

        Of a product only that energy times cycles is at most its value is used: of higher powers that is true as well,
        since both are integers.
        """
        alone = self.value if self.rule.is_integer else math.inf
        energy, cycles = (self.tie, alone) if self.rule.tie == "energy_pj" else (alone, self.tie)
        if not self.rule.is_integer and self.value < math.inf:
            slack = 1 + 1e-12  # the rounding of these divisions
            energy = self.value / max(self.least_cycles, 1.0) * slack
            if self.least_energy_pj > 0:  # else the energy may round to 0, and with it the EDP, whatever the cycles
                cycles = min(self.value / max(self.least_energy_pj, 1.0) * slack, cycles)
        limits = {ENERGY: energy + ROUNDING_PJ, CYCLES: cycles}
        return {name: limit for name, limit in limits.items() if limit < math.inf}


class TargetRows:
    """Adds the rows of a relaxation to a model, and the demand that the target be met."""

    def __init__(self, terms: Terms, target: Target) -> None:
        self._terms, self._target, self._model = terms, target, terms.model

    def add(self, relaxation: Relaxation) -> None:
        """Ask for a mapping whose relaxed objective is within the target; infinite targets ask for nothing."""
        limits = self._target.limits
        if limits.get(CYCLES, 1.0) < 1 or limits.get(ENERGY, ROUNDING_PJ) < ROUNDING_PJ:
            self._terms.feasible = False  # no mapping takes less than a cycle, or less than nothing
            return
        quantities: dict[str, cp_model.IntVar] = {}
        for name, rows in ((ENERGY, relaxation.energy), (CYCLES, relaxation.cycles)):
            for row in rows if name in limits else ():
                if self._terms.feasible:
                    self._row(row, quantities, limits[name])
        if not self._target.rule.is_integer and len(limits) == 2 and self._terms.feasible:
            self._bins(quantities[ENERGY], quantities[CYCLES], limits)

    def _row(self, row: Row, quantities: dict[str, cp_model.IntVar], limit: float) -> None:
        """One lower bound, once per threshold literal of its divisor."""
        unit = COST_UNITS / limit
        room = 1 if row.only_with is None or row.target in (ENERGY, CYCLES) else 2
        if row.target not in quantities:
            quantities[row.target] = self._model.new_int_var(0, COST_UNITS * room, row.target)
        needed = self._terms.above_one(row.only_with) if row.only_with is not None else ()
        if needed is None:
            return
        terms = self._terms.sum(row.terms, unit, limit * room, needed)
        for value, literals in self._terms.threshold_literals(row.divisor) if row.divisor is not None else [(1.0, ())]:
            shares = [share for _, share in row.quantities]
            weights = [math.floor((1 - share / value) * WEIGHT_SCALE) for share in shares]
            if all(weight >= 0 for weight in weights):
                names = (name for name, _ in row.quantities)
                parts = [weight * quantities[name] for weight, name in zip(weights, names, strict=True)]
                at_least = sum(parts, start=WEIGHT_SCALE * terms)
                rounded_down = at_least - (WEIGHT_SCALE - 1)  # as a quantity is an integer
                add_if(self._model, WEIGHT_SCALE * quantities[row.target] >= rounded_down, *literals, *needed)

    def _bins(self, energy: cp_model.IntVar, cycles: cp_model.IntVar, limits: dict[str, float]) -> None:
        """Energy times cycles within the target: in each interval of cycles, energy below the secant of value / cycles.

        The curve is convex, so that the secant only enlarges what is admitted.
        """
        least = min(max(self._target.least_cycles, 1.0), limits[CYCLES])
        edges = [least * (limits[CYCLES] / least) ** (k / EDP_BINS) for k in range(EDP_BINS + 1)]
        cycle_unit, energy_unit = COST_UNITS / limits[CYCLES], COST_UNITS / limits[ENERGY]
        literals: list[cp_model.IntVar] = []
        for low, high in pairwise(edges):
            literal = self._model.new_bool_var("bin")
            literals.append(literal)
            add_if(self._model, cycles >= math.floor(low * cycle_unit * (1 - 1e-12)), literal)
            add_if(self._model, cycles <= math.ceil(high * cycle_unit * (1 + 1e-12)), literal)
            slope = self._target.value / (low * high) * energy_unit / cycle_unit
            most = (self._target.value / low + self._target.value / high + ROUNDING_PJ) * energy_unit
            tilt = math.floor(slope * BIN_SCALE)
            if tilt * COST_UNITS < MAX_ACTIVITY >> 2 and most * BIN_SCALE < MAX_ACTIVITY >> 2:
                room = math.ceil(most * BIN_SCALE * (1 + 1e-12))
                add_if(self._model, BIN_SCALE * energy + tilt * cycles <= room, literal)
        self._model.add_exactly_one(literals)
