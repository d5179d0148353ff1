"""Products of powers and of tabulated numbers as CP-SAT variables: words, tiles, instances.

A product is a unit times a variable. What does not fit a variable of some digits is rounded down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ortools.sat.python import cp_model

from ....deadline import Deadline
from ...formulation.variables import add_if
from .index_components import Table
from .level_exponents import Linear, Literal, PrimeAxis
from .planes_below import SLOPE_SCALE, planes_below

MOST_ENTRIES = 4096
"""Entries of one table; larger products are multiplied from several."""
MOST_VALUE = 1 << 34
"""The largest value of a variable: with coefficients of some 20 bits, sums stay within the solver's range."""


@dataclass(frozen=True)
class Factor:
    """A number looked up by some exponents: ``values`` has an axis for each of the ``exponents``."""

    exponents: tuple[Linear, ...]
    values: Table


def power(axis: PrimeAxis, exponent: Linear) -> Factor:
    """A power of an axis's prime."""
    return Factor((exponent,), powers_of(axis.prime, axis.multiplicity))


def powers_of(prime: int, most: int) -> Table:
    """The powers of a prime, from 1."""
    return prime ** np.arange(most + 1, dtype=np.int64)


@dataclass(frozen=True)
class Amount:
    """At least ``unit * value``, where ``exact`` neither more; ``most`` is the largest value."""

    unit: float
    value: Linear
    most: int
    exact: bool = True

    @property
    def largest(self) -> float:
        """The largest amount."""
        return self.unit * (self.most + (not self.exact))


class ProductTables:
    """Makes products in a model, until the deadline."""

    def __init__(self, model: cp_model.CpModel, deadline: Deadline) -> None:
        self.model, self._deadline = model, deadline

    def product(self, factors: Sequence[Factor], unit: int = 1) -> Amount:
        """The product of factors.

        Raises:
            TimeoutError: when the time is up.
        """
        self._deadline.check()
        tables: list[Factor] = []
        for factor in factors:
            divisor = int(np.gcd.reduce(factor.values, axis=None))
            if divisor == 0:
                return Amount(0, 0, 0)
            unit *= divisor
            if (factor.values != divisor).any():
                tables.append(Factor(factor.exponents, factor.values // divisor))
        joined = _joined(tables)
        largest = math.prod(int(table.values.max()) for table in joined)
        if largest <= MOST_VALUE:
            return self._multiplied(joined, unit)
        cut = (largest / MOST_VALUE) ** (1 / len(joined))
        rounded = [Factor(t.exponents, np.floor(t.values / cut).astype(np.int64)) for t in joined]
        found = self._multiplied(rounded, 1)
        return Amount(unit * cut ** len(joined), found.value, found.most, exact=False)

    def _multiplied(self, tables: Sequence[Factor], unit: int) -> Amount:
        value: Linear = 1
        most = 1
        for place, table in enumerate(tables):
            entry = self._entry(table)
            most *= int(table.values.max())
            if place == 0:
                value = entry
                continue
            product = self.model.new_int_var(0, most, "product")
            self.model.add_multiplication_equality(product, [value, entry])
            value = product
        return Amount(unit, value, most)

    def _entry(self, table: Factor) -> cp_model.IntVar:
        """The entry of a table."""
        index = self.model.new_int_var(0, table.values.size - 1, "place")
        strides = [math.prod(table.values.shape[place + 1 :]) for place in range(table.values.ndim)]
        self.model.add(index == _weighted(strides, table.exponents))
        entries: list[int] = table.values.reshape(-1).tolist()
        entry = self.model.new_int_var(min(entries), max(entries), "entry")
        self.model.add_element(index, entries, entry)
        for constant, slopes in planes_below(table.values):
            self.model.add(SLOPE_SCALE * entry >= constant + _weighted(slopes, table.exponents))
        return entry

    def where(self, literal: Literal, amount: Amount) -> Amount:
        """At least the amount where a literal holds, at least nothing where it does not."""
        part = self.model.new_int_var(0, amount.most, "part")
        add_if(self.model, part >= amount.value, literal)
        return Amount(amount.unit, part, amount.most, exact=False)

    def less(self, whole: Amount, part: Amount) -> Amount:
        """What is left of an amount without a part of it, at least."""
        if whole.largest == 0:
            return whole
        if not (whole.exact and part.exact):
            left = self.model.new_int_var(0, whole.most, "left")
            self.model.add(left >= whole.value - math.ceil(part.largest / whole.unit))
            return Amount(whole.unit, left, whole.most, exact=False)
        unit = math.gcd(int(whole.unit), int(part.unit))
        times, off = int(whole.unit) // unit, int(part.unit) // unit
        left = self.model.new_int_var(0, times * whole.most, "left")
        self.model.add(left >= times * whole.value - off * part.value)
        return Amount(unit, left, times * whole.most, exact=False)


def _weighted(weights: Sequence[int], expressions: Sequence[Linear]) -> Linear:
    """A sum of expressions times whole numbers."""
    return sum(weight * expression for weight, expression in zip(weights, expressions, strict=True))


def _joined(tables: Sequence[Factor]) -> list[Factor]:
    """Tables multiplied into as few as their sizes allow."""
    found: list[Factor] = []
    for table in sorted(tables, key=lambda table: -table.values.size):
        for place, other in enumerate(found):
            if other.values.size * table.values.size <= MOST_ENTRIES:
                values = np.multiply.outer(other.values, table.values)
                found[place] = Factor((*other.exponents, *table.exponents), values)
                break
        else:
            found.append(table)
    return found
