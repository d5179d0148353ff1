"""Energy and cycles as integer variables that are nowhere above the exact ones."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ortools.sat.python import cp_model

from ...formulation.variables import add_if
from .held_tiles import HeldTiles
from .level_costs import LevelCosts, Term
from .level_exponents import LevelExponents, Linear, Literal, negated
from .product_tables import Amount

MOST_ACTIVITY = 1 << 50
"""The largest value of a sum of amounts, so that sums of sums stay within 64 bits."""
MOST_STEPS = 256
"""Numbers of instances that are told apart; of more, some are taken as the next larger one."""
MOST_PRODUCT, MOST_CYCLES = 1 << 50, 1 << 26
"""The largest value of energy times cycles, and of cycles there.

Of products above 2^56 OR-Tools 9.15 has been seen to lose some in presolve, and with them solutions.
"""
ROUNDING = 2e-13
"""Relative room for the rounding of prices and of what limits are computed from; bounds are lowered by more."""


EPSILON = sys.float_info.epsilon
"""The spacing of binary64 above 1."""


@dataclass(frozen=True)
class Quantity:
    """At least ``variable / scale``, which is at most ``most / scale``."""

    variable: cp_model.IntVar
    scale: float
    most: int


@dataclass(frozen=True)
class Ranges:
    """What is known of the mappings asked for: least and largest energy in pJ, and cycles."""

    least_energy_pj: float = 0.0
    most_energy_pj: float = math.inf
    least_cycles: float = 1.0
    most_cycles: float = math.inf


class LevelQuantities:
    """The quantities of one model; rows are rounded to the favour of what they limit."""

    def __init__(self, exponents: LevelExponents, held: HeldTiles, costs: LevelCosts, ranges: Ranges) -> None:
        self._model, self._exponents = exponents.model, exponents
        self._held, self._costs, self._ranges = held, costs, ranges
        self._steps: dict[tuple[int, ...], list[tuple[list[Literal], int]]] = {}

    def limit_words(self) -> None:
        """The words that levels read and write within their limits."""
        for node, limit in enumerate(self._exponents.constraints.max_words):
            if limit is not None:
                terms = self._costs.words_at(node)
                scale = _scale([*terms, (1.0, Amount(limit, 1, 1))])
                self._model.add(_total(terms, scale, _rounding(scale)) <= math.ceil(limit * scale))

    def energy(self, times: int = 1) -> Quantity:
        """Energy in pJ, in units that are small, but can be multiplied by a number."""
        nest, machine, ranges = self._exponents.nest, self._exponents.machine, self._ranges
        terms = [*self._costs.energy(), (machine.mac_pj, Amount(nest.num_macs, 1, 1))]
        largest = max(sum(price * amount.largest for price, amount in terms), 1e-9)
        room = min(MOST_ACTIVITY / largest, MOST_PRODUCT / times / max(min(largest, ranges.most_energy_pj), 1e-9))
        scale = 10.0 ** math.floor(math.log10(room))
        worst = sum(_nearly(price * amount.unit * scale) * amount.most for price, amount in terms)
        return self._quantity(
            _total(terms, scale, _nearly), worst, scale, ranges.least_energy_pj, ranges.most_energy_pj
        )

    def _quantity(self, total: Linear, worst: int, scale: float, least: float, limit: float) -> Quantity:
        most = min(worst, math.ceil(limit * scale * (1 + ROUNDING)) + 1) if limit < math.inf else worst
        if most < 0:
            self._model.add_bool_or([])
        low = min(max(math.floor(least * scale * (1 - ROUNDING)) - 1, 0), max(most, 0))
        variable = self._model.new_int_var(low, max(most, low), "quantity")
        self._model.add(variable >= total)
        return Quantity(variable, scale, max(most, low))

    def cycles(self) -> Quantity:
        """Cycles of instance 0."""
        nest, ports = self._exponents.nest, list(self._costs.ports())
        worst = max([nest.num_macs, *(sum(p * a.largest for p, a in port.terms) for port in ports)])
        found = self._quantity(0, math.ceil(worst) + 1, 1.0, self._ranges.least_cycles, self._ranges.most_cycles)
        compute: Term = (1.0, Amount(nest.num_macs, 1, 1))
        for node, terms in [(self._exponents.machine.num_nodes, (compute,)), *((p.node, p.terms) for p in ports)]:
            self._take_at_least(found, node, terms)
        return found

    def _take_at_least(self, cycles: Quantity, node: int, terms: Sequence[Term]) -> None:
        """Cycles times the instances of a node are at least a sum."""
        for literals, instances in self._instances_outside(node):
            scale = _scale([*terms, (instances, Amount(1, 1, cycles.most))])
            enough = math.ceil(instances * scale) * cycles.variable
            add_if(self._model, enough >= _total(terms, scale, _rounding(scale)), *literals)

    def _instances_outside(self, node: int) -> list[tuple[list[Literal], int]]:
        """Numbers of instances of a node, each with literals that hold at least where there are no more."""
        fanouts = tuple(n.node for n in self._exponents.machine.networks if n.node < node)
        if fanouts not in self._steps:
            self._steps[fanouts] = self._steps_of(fanouts)
        return self._steps[fanouts]

    def _steps_of(self, fanouts: tuple[int, ...]) -> list[tuple[list[Literal], int]]:
        total, values = self._instances(fanouts)
        thinned = values[:: -(-len(values) // MOST_STEPS)]
        found: list[tuple[list[Literal], int]] = []
        for step in sorted({*thinned, values[-1]} - {values[-1]}):
            literal = self._model.new_bool_var("no more")
            add_if(self._model, total >= step + 1, negated(literal))
            found.append(([literal], step))
        return [*found, ([], values[-1])]

    def _instances(self, fanouts: tuple[int, ...]) -> tuple[Linear, list[int]]:
        """Instances of some fanouts together, and what numbers they can be."""
        total: Linear = 1
        values = {1}
        for fanout in fanouts:
            used = self._held.instances[fanout]
            possible = self._possible(self._exponents.machine.network_at[fanout].size)
            if used.most == 1 or len(possible) == 1:
                continue
            product = self._model.new_int_var(1, max(values) * max(possible), "instances")
            self._model.add_multiplication_equality(product, [total, used.value])
            total, values = product, {one * other for one in values for other in possible}
        return total, sorted(values)

    def _possible(self, size: int) -> set[int]:
        """Numbers of instances of a fanout that factors can make."""
        numbers = {1}
        for axis in self._exponents.axes:
            powers = [axis.prime**times for times in range(axis.multiplicity + 1)]
            numbers |= {number * factor for number in numbers for factor in powers if number * factor <= size}
        return numbers

    def product(self) -> Quantity:
        """Energy times cycles."""
        cycles = self._rounded(self.cycles())
        energy = self.energy(cycles.most)
        product = self._model.new_int_var(0, energy.most * cycles.most, "product")
        self._model.add_multiplication_equality(product, [energy.variable, cycles.variable])
        return Quantity(product, energy.scale * cycles.scale, energy.most * cycles.most)

    def _rounded(self, quantity: Quantity) -> Quantity:
        """A quantity that can be multiplied, rounded down to some digits."""
        divisor = max(1, -(-quantity.most // MOST_CYCLES))
        if divisor == 1:
            return quantity
        most = quantity.most // divisor
        rounded = self._model.new_int_var(0, most, "rounded")
        self._model.add(divisor * rounded <= quantity.variable)
        self._model.add(divisor * rounded + divisor - 1 >= quantity.variable)
        return Quantity(rounded, quantity.scale / divisor, most)


def _total(terms: Sequence[Term], scale: float, rounded: Callable[[float], int]) -> Linear:
    """A sum of amounts, times a scale; every coefficient rounded down in some way."""
    return sum(rounded(price * amount.unit * scale) * amount.value for price, amount in terms)


def _nearly(number: float) -> int:
    """A number rounded down, or what it is but for rounding in binary: prices are decimal fractions."""
    nearest = round(number)
    return nearest if abs(number - nearest) <= ROUNDING / 2 * number else math.floor(number)


def _below(number: float) -> int:
    """A number rounded down, below what it is if it were not rounded in binary: cycles must not be one too many."""
    return math.floor(number * (1 - 2 * EPSILON))


def _rounding(scale: float) -> Callable[[float], int]:
    """How coefficients of a row are rounded: not at all where they are whole numbers."""
    return int if scale == 1.0 else _below


def _scale(terms: Sequence[Term]) -> float:
    """What a row of amounts is multiplied by: nothing where they are whole numbers, so that none is rounded."""
    largest = MOST_ACTIVITY / max(sum(price * amount.largest for price, amount in terms), 1e-9)
    whole = all(float(price * amount.unit).is_integer() for price, amount in terms)
    return 1.0 if whole and largest >= 1 else largest
