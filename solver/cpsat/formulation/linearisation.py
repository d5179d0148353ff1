"""Cost terms in a CP-SAT model: logarithms, values bounded from below by lines, threshold literals."""

from __future__ import annotations

import math

from ortools.sat.python import cp_model

from ....model.dmazerunner.relaxation.case_bounds import least_of
from ....model.dmazerunner.relaxation.logarithms import LOG_SCALE, ValueRange
from ....model.dmazerunner.relaxation.monomials import Monomial, Posynomial
from ....model.dmazerunner.relaxation.value_ranges import ValueRanges
from .scaling import MAX_ACTIVITY, lower_lines
from .variables import TilingVariables, add_if

MAX_THRESHOLDS = 24
"""Threshold literals of one monomial."""

ThresholdLiteral = tuple[float, tuple[cp_model.IntVar, ...]]
"""A value of a monomial, and the literals (no or one) that hold exactly from there on."""


class Terms:
    """Variables for the monomials of one model, each made once.

    :attr:`feasible` turns false when a term's least value already exceeds what it may be. No row reaches more than
    ``max_activity``.
    """

    def __init__(self, tiling: TilingVariables, ranges: ValueRanges, max_activity: int = MAX_ACTIVITY) -> None:
        self.tiling, self.model, self.ranges = tiling, tiling.model, ranges
        self._max_activity = max_activity
        self.feasible = True
        self._logs: dict[Monomial, cp_model.IntVar] = {}
        self._terms: dict[tuple[Monomial, float, tuple[int, ...]], cp_model.LinearExprT] = {}
        self._threshold_literals: dict[Monomial, list[ThresholdLiteral]] = {}

    def sum(
        self, total: Posynomial, unit: float, limit: float, needed: tuple[cp_model.IntVar, ...] = ()
    ) -> cp_model.LinearExprT:
        """A sum of terms in units, rounded down, each bounded by what the others' least values leave of the limit."""
        least = least_of(total, self.ranges)
        if least > limit * (1 + 1e-9) and not needed:
            self.feasible = False
            return 0
        parts: list[cp_model.LinearExprT] = []
        for monomial, coefficient in total.terms.items():
            room = limit - least + coefficient * self.ranges(monomial).least
            parts.append(self.term(monomial, coefficient * unit, room * unit, needed))
        return sum(parts) + math.floor(total.constant * unit)

    def term(
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
        value_range = self.ranges(monomial)
        if coefficient * value_range.most < 1:
            return 0
        limit = cap * (1 + 1e-9) / coefficient
        highest = value_range.highest_within(limit)
        if highest < value_range.low:
            self.feasible &= bool(needed)
            self.model.add_bool_or([~literal for literal in needed])
            return 0
        log, most = self.log(monomial), math.ceil(coefficient * value_range.most_within(limit) * (1 + 1e-9)) + 1
        add_if(self.model, log <= highest, *needed)
        value = self.model.new_int_var(0, most, "term")
        for line in lower_lines(value_range, coefficient, cap):
            largest = (
                line.scale * most
                + abs(line.slope) * max(abs(value_range.low), abs(value_range.high))
                + abs(line.offset)
            )
            if largest > self._max_activity:
                raise OverflowError(f"a term of {largest} does not fit the solver's 64 bits")
            add_if(self.model, line.scale * value >= line.slope * log + line.offset, *needed)
        return value

    def log(self, monomial: Monomial) -> cp_model.IntVar:
        """One variable per distinct logarithm."""
        if monomial not in self._logs:
            value_range = self.ranges(monomial)
            variable = self.model.new_int_var(value_range.low - 64, value_range.high + 64, "log")
            self.model.add(variable == self.tiling.log(monomial))
            self._logs[monomial] = variable
        return self._logs[monomial]

    def above_one(self, monomial: Monomial) -> tuple[cp_model.IntVar, ...] | None:
        """Literals that hold together where a monomial is above 1; ``None`` where it cannot be."""
        literals = self.threshold_literals(monomial)
        return literals[1][1] if len(literals) > 1 else None

    def threshold_literals(self, monomial: Monomial) -> list[ThresholdLiteral]:
        """Values that the monomial may reach, each with a literal that holds exactly from there on."""
        if monomial not in self._threshold_literals:
            self._threshold_literals[monomial] = self._make_threshold_literals(monomial)
        return self._threshold_literals[monomial]

    def _make_threshold_literals(self, monomial: Monomial) -> list[ThresholdLiteral]:
        literals: list[ThresholdLiteral] = [(1.0, ())]
        if not monomial.powers:
            return literals
        log, previous = self.log(monomial), None
        for threshold, value in _thresholds_of(self.ranges(monomial)):
            literal = self.model.new_bool_var("threshold")
            add_if(self.model, log <= threshold - 1, ~literal)
            add_if(self.model, log >= threshold, literal)
            if previous is not None:
                self.model.add_implication(literal, previous)
            previous = literal
            literals.append((value, (literal,)))
        return literals


def _thresholds_of(value_range: ValueRange) -> list[tuple[int, float]]:
    """(scaled logarithm, value guaranteed from there on) of the thresholds of a monomial, rising, the value above 1."""
    if value_range.logs is not None and value_range.values is not None:
        points = [
            (int(log), float(value))
            for log, value in zip(value_range.logs, value_range.values, strict=True)
            if value > 1
        ]
    else:
        steps = range(1, MAX_THRESHOLDS + 1)
        logs = [value_range.low + (value_range.high - value_range.low) * k // MAX_THRESHOLDS for k in steps]
        points = [(log, 2.0 ** ((log - value_range.slack) / LOG_SCALE)) for log in logs]
        points = [point for point in points if point[1] > 1]
    if len(points) <= MAX_THRESHOLDS:
        return points
    # 1 - 1 / v is steepest at small values: keep those densest
    kept = sorted({round((len(points) - 1) * (k / (MAX_THRESHOLDS - 1)) ** 2) for k in range(MAX_THRESHOLDS)})
    return [points[k] for k in kept]
