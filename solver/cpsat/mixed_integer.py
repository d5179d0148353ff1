"""A case model as a mixed-integer program: the same variables and rules, for solvers that know linear rows only.

Enforced rows get the slack that the bounds of their variables allow (*big M*), clauses become sums, and forbidden
assignments clauses over a literal per value. Costs and logarithms, which are integers of up to seven digits there, are
real numbers here, scaled to small ones, and their rows are widened a little: a solver with an absolute tolerance must
not lose a mapping that just meets the target.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

from ortools.linear_solver.python import model_builder
from ortools.sat.python import cp_model

INT64_MAX = (1 << 63) - 1

MOST_INTEGER = 64
"""Variables that may be larger become real ones, scaled to at most this."""

MARGIN = 4e-6
"""By how much a scaled row of real variables is widened: a few times HiGHS's tolerance of 1e-6."""

KINDS = ("linear", "bool_or", "bool_and", "exactly_one", "table")

Sum = tuple[dict[int, float], float]
"""A linear expression: coefficients by the position of the variable, and a constant."""


class _Linear(Protocol):
    vars: Sequence[int]
    coeffs: Sequence[int]
    domain: Sequence[int]


class _Literals(Protocol):
    literals: Sequence[int]


class _Table(Protocol):
    exprs: Sequence[_Linear]
    values: Sequence[int]


class _Constraint(Protocol):
    """What is read of a constraint, whatever class OR-Tools has for it (it changed in 9.15)."""

    linear: _Linear
    bool_or: _Literals
    bool_and: _Literals
    exactly_one: _Literals
    table: _Table
    enforcement_literal: Sequence[int]


class MixedIntegerProgram:
    """The translation of one CP-SAT model; ``program`` holds the variables of the model first, in their order.

    Raises:
        NotImplementedError: for a kind of constraint that case models do not use.
    """

    def __init__(self, model: cp_model.CpModel) -> None:
        variables = cast("Sequence[_Linear]", model.proto.variables)
        constraints = cast("Sequence[_Constraint]", model.proto.constraints)
        self.program = model_builder.Model()
        self._bounds = [_ends(v.domain) for v in variables]
        self.scales = [_scale(low, high) for low, high in self._bounds]
        self.variables = [
            self.program.new_var(low / scale, high / scale, scale == 1, "")
            for (low, high), scale in zip(self._bounds, self.scales, strict=True)
        ]
        self._nothing = self.program.new_int_var(0, 0, "")
        self._literals_of: dict[int, dict[int, int]] = {}
        translate: dict[str, Callable[[_Constraint], None]] = {
            "linear": self._linear,
            "bool_or": lambda c: self._clause(c.bool_or.literals, c.enforcement_literal),
            "bool_and": self._implication,
            "exactly_one": lambda c: self._add(self._sum_of(c.exactly_one.literals), 1, 1),
            "table": self._forbidden,
        }
        for constraint in constraints:
            translate[_kind(constraint)](constraint)

    def _add(self, summed: Sum, low: float | None, high: float | None) -> None:
        """Add ``low <= sum <= high``, scaled, and widened unless it is about integers only, or an equation."""
        terms, constant = summed
        scaled = {position: coefficient * self.scales[position] for position, coefficient in terms.items()}
        largest = max((abs(coefficient) for coefficient in scaled.values()), default=1.0)
        margin = 0.0 if low == high or all(self.scales[position] == 1 for position in terms) else MARGIN
        self.program.add_linear_constraint(
            model_builder.LinearExpr.weighted_sum(  # pyright: ignore[reportUnknownMemberType]
                [self.variables[position] for position in terms] or [self._nothing],
                [coefficient / largest for coefficient in scaled.values()] or [1.0],
            ),
            -math.inf if low is None else (low - constant) / largest - margin,
            math.inf if high is None else (high - constant) / largest + margin,
        )

    def value(self, solver: model_builder.Solver, variable: cp_model.IntVar) -> int:
        """The value of a variable of the CP-SAT model in a solution, rounded to the integer that it is near."""
        return round(solver.value(self.variables[variable.index]) * self.scales[variable.index])

    def _sum_of(self, literals: Sequence[int]) -> Sum:
        """The sum of literals as (coefficients, constant); a negated literal is 1 minus its variable."""
        terms: dict[int, float] = {}
        constant = 0.0
        for literal in literals:
            position, sign = (literal, 1.0) if literal >= 0 else (-literal - 1, -1.0)
            terms[position] = terms.get(position, 0.0) + sign
            constant += sign < 0
        return terms, constant

    def _clause(self, literals: Sequence[int], enforced_by: Sequence[int]) -> None:
        """Some literal holds, or some enforcing literal does not."""
        self._add(self._sum_of([*literals, *(-literal - 1 for literal in enforced_by)]), 1, None)

    def _implication(self, constraint: _Constraint) -> None:
        for literal in constraint.bool_and.literals:
            self._clause([literal], constraint.enforcement_literal)

    def _linear(self, constraint: _Constraint) -> None:
        """A row; where an enforcing literal does not hold it is slack by all that the variables' bounds allow."""
        linear = constraint.linear
        terms = {v: float(c) for v, c in zip(linear.vars, linear.coeffs, strict=True)}
        ends = [sorted(c * bound for bound in self._bounds[v]) for v, c in terms.items()]
        least, most = sum(low for low, _ in ends), sum(high for _, high in ends)
        low, high = _ends(linear.domain)
        enforced_by = list(constraint.enforcement_literal)
        if high < INT64_MAX and (most > high or not terms):
            self._add(self._relaxed(terms, enforced_by, -max(0.0, most - high)), None, high)
        if low > -INT64_MAX and (least < low or not terms):
            self._add(self._relaxed(terms, enforced_by, max(0.0, low - least)), low, None)

    def _relaxed(self, terms: dict[int, float], enforced_by: Sequence[int], slack: float) -> Sum:
        """The terms plus the slack for every enforcing literal that does not hold."""
        negated, constant = self._sum_of([-literal - 1 for literal in enforced_by])
        joint = dict(terms)
        for position, sign in negated.items():
            joint[position] = joint.get(position, 0.0) + sign * slack
        return joint, constant * slack

    def _forbidden(self, constraint: _Constraint) -> None:
        """Per forbidden assignment, some variable has another value."""
        table = constraint.table
        positions = [expression.vars[0] for expression in table.exprs]
        values = list(table.values)
        for first in range(0, len(values), len(positions)):
            row = values[first : first + len(positions)]
            having = [self._has_value(position, value) for position, value in zip(positions, row, strict=True)]
            self._add(self._sum_of([-literal - 1 for literal in having if literal is not None]), 1, None)

    def _has_value(self, position: int, value: int) -> int | None:
        """A literal that holds exactly where a variable has a value; ``None`` where it always has it."""
        low, high = self._bounds[position]
        if low == high:
            return None
        if (low, high) == (0, 1):
            return position if value else -position - 1
        if position not in self._literals_of:
            self._literals_of[position] = {number: self._new_literal() for number in range(low, high + 1)}
            chosen = self._literals_of[position]
            self._add(self._sum_of(list(chosen.values())), 1, 1)
            weighted = {literal: float(number) for number, literal in chosen.items() if number}
            self._add((weighted | {position: -1.0}, 0.0), 0, 0)
        return self._literals_of[position][value]

    def _new_literal(self) -> int:
        self.variables.append(self.program.new_bool_var(""))
        self._bounds.append((0, 1))
        self.scales.append(1)
        return len(self.variables) - 1


def _scale(low: int, high: int) -> int:
    """1 for a variable that stays an integer, else the power of two that it is divided by."""
    largest = max(abs(low), abs(high))
    return 1 if largest <= MOST_INTEGER else 1 << (largest // MOST_INTEGER).bit_length()


def _kind(constraint: _Constraint) -> str:
    """Which of the kinds that case models use a constraint is."""
    for kind in KINDS:
        own = getattr(constraint, f"has_{kind}", None)  # protocol buffers before OR-Tools 9.15 ask with HasField
        if own() if own is not None else cast("Any", constraint).HasField(kind):
            return kind
    raise NotImplementedError("a kind of constraint that case models do not use")


def _ends(domain: Sequence[int]) -> tuple[int, int]:
    """The least and the largest value of a domain (OR-Tools' own lists do not count from the end)."""
    values = list(domain)
    return values[0], values[-1]
