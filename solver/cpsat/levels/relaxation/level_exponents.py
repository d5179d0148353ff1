"""A mapping onto a hierarchy as CP-SAT variables: how often each prime of each bound is in the factor of each node."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, cast

from ortools.sat.python import cp_model

from .....model.dmazerunner.factorisations import prime_factors
from .....model.hierarchy.constraints.resolved_constraints import ResolvedConstraints
from ...formulation.variables import add_if

Linear: TypeAlias = cp_model.LinearExpr | int
Literal: TypeAlias = cp_model.IntVar


def negated(literal: Literal) -> Literal:
    """The literal that holds where another one does not."""
    return cast("Literal", ~literal)


@dataclass(frozen=True)
class PrimeAxis:
    """One prime of one dimension's bound, and how often it is in it."""

    dim: int
    prime: int
    multiplicity: int


class LevelExponents:
    """The decisions on factors and on what is kept, with their rules (hierarchy model, section 3).

    Rows are by node, the outermost first; entries by axis, in the order of :attr:`axes`.
    """

    def __init__(self, model: cp_model.CpModel, constraints: ResolvedConstraints) -> None:
        self.model, self.constraints = model, constraints
        self.nest, self.machine = constraints.nest, constraints.machine
        self.axes = tuple(
            PrimeAxis(dim, prime, times)
            for dim, bound in enumerate(self.nest.bounds)
            for prime, times in prime_factors(bound)
        )
        self.always = model.new_constant(1)
        self.of = [[self._exponent(node, axis) for axis in self.axes] for node in range(self.machine.num_nodes)]
        for number, axis in enumerate(self.axes):
            model.add(sum(row[number] for row in self.of) == axis.multiplicity)
        for node, dim in itertools.product(range(self.machine.num_nodes), range(len(self.nest.dims))):
            self._limit_factor(node, dim)
        self._choices: list[tuple[int, int, cp_model.IntVar]] = []
        self.kept = {level.node: self._keeps(level.node) for level in self.machine.levels}
        if constraints.contradicts:
            model.add_bool_or([])
        self._iterates: dict[tuple[int, int], Literal] = {}

    def _exponent(self, node: int, axis: PrimeAxis) -> cp_model.IntVar:
        most = min(self.constraints.upper[node][axis.dim], self.nest.bounds[axis.dim])
        if node in self.machine.network_at:
            most = min(most, self.machine.network_at[node].size)
        return self.model.new_int_var(0, most_powers(axis, most), f"e{node}.{axis.dim}.{axis.prime}")

    def _limit_factor(self, node: int, dim: int) -> None:
        """The factor of a dimension at a node within its limits, where primes alone do not see to it."""
        lower, upper = self.constraints.lower[node][dim], self.constraints.upper[node][dim]
        numbers = self.axes_of(frozenset({dim}))
        if lower <= 1 and upper >= self.nest.bounds[dim]:
            return
        if not numbers:
            if not lower <= 1 <= upper:
                self.model.add_bool_or([])
            return
        choices = itertools.product(*(range(self.axes[number].multiplicity + 1) for number in numbers))
        allowed = [
            choice
            for choice in choices
            if lower
            <= math.prod(self.axes[n].prime ** power for n, power in zip(numbers, choice, strict=True))
            <= upper
        ]
        if allowed:
            self.model.add_allowed_assignments([self.of[node][number] for number in numbers], allowed)
        else:
            self.model.add_bool_or([])

    def _keeps(self, node: int) -> list[Literal]:
        """For every tensor whether a level keeps it."""
        found: list[Literal] = []
        for tensor, rule in enumerate(self.constraints.keep[node]):
            if rule == "may":
                self._choices.append((node, tensor, self.model.new_bool_var("keeps")))
            certain = self.always if rule == "must" else negated(self.always)
            found.append(self._choices[-1][2] if rule == "may" else certain)
        return found

    def decisions(self) -> Iterator[tuple[int, PrimeAxis, cp_model.IntVar]]:
        """Every exponent with its node and axis."""
        for node, row in enumerate(self.of):
            yield from ((node, axis, variable) for axis, variable in zip(self.axes, row, strict=True))

    def choices(self) -> Iterator[tuple[int, int, cp_model.IntVar]]:
        """What may be kept or not, with its level and tensor."""
        return iter(self._choices)

    def axes_of(self, dims: frozenset[int]) -> tuple[int, ...]:
        """The numbers of the axes of some dimensions."""
        return tuple(number for number, axis in enumerate(self.axes) if axis.dim in dims)

    @cached_property
    def tiles(self) -> list[list[Linear]]:
        """For every node the exponents of the tile of one instance, its own factors included; last the MAC's."""
        rows: list[list[Linear]] = [[0] * len(self.axes)]
        for row in reversed(self.of):
            rows.append(
                [self._sum(axis, inner, own) for axis, inner, own in zip(self.axes, rows[-1], row, strict=True)]
            )
        return [*reversed(rows[1:]), rows[0]]

    @cached_property
    def spreads(self) -> list[list[Linear]]:
        """For every node the exponents of what the fanouts outside it unroll; last the MAC's."""
        rows: list[list[Linear]] = [[0] * len(self.axes)]
        for node, row in enumerate(self.of):
            outside, here = rows[-1], node in self.machine.network_at
            rows.append(
                [self._sum(axis, a, b) for axis, a, b in zip(self.axes, outside, row, strict=True)] if here else outside
            )
        return rows

    def _sum(self, axis: PrimeAxis, one: Linear, other: Linear) -> Linear:
        """A variable for a sum of exponents."""
        if isinstance(one, int) and one == 0:
            return other
        total = self.model.new_int_var(0, axis.multiplicity, "")
        self.model.add(total == one + other)
        return total

    def iterates(self, node: int, dim: int) -> Literal:
        """Holds at least where a level has a loop over a dimension."""
        if (node, dim) not in self._iterates:
            literal = self.model.new_bool_var("iterates")
            total = sum(self.of[node][number] for number in self.axes_of(frozenset({dim})))
            add_if(self.model, total == 0, negated(literal))
            self._iterates[node, dim] = literal
        return self._iterates[node, dim]

    def all_of(self, literals: list[Literal]) -> Literal:
        """A literal that holds at least where all of some literals hold."""
        joint = self.model.new_bool_var("")
        self.model.add_bool_or([joint, *(negated(literal) for literal in literals)])
        return joint


def most_powers(axis: PrimeAxis, most: int) -> int:
    """How often an axis's prime can be in a factor of at most a size."""
    return max((power for power in range(axis.multiplicity + 1) if axis.prime**power <= most), default=0)
