"""The least total of one metric within a budget for the other, over one option for every single layer, proved.

A multiple-choice knapsack. For an exchange rate p/q the weighted total ``q * cost + p * weight`` is bounded from below
layer by layer, and within the budget ``q * cost >= (the layers' least weighted totals) - p * budget``. Of all rates
that of the linear relaxation (:mod:`.exchange_rates`) makes this bound the greatest. A choice that is further off the
layers' least than the best choice known is above the bound cannot be better. What is left is summed up layer by layer,
and only sums that no other one equals or beats in both metrics are kept. All numbers are exact integers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from ..deadline import Deadline
from .exchange_rates import Option, Picks, Ways, relaxed, total_of

MOST_SUMS = 300_000
"""Sums that are kept at a time; beyond, the best choice and the bound stand as they are."""


class _Row(NamedTuple):
    """An option by its position, and how far its weighted total is off the least of its layer."""

    off: int
    weight: int
    cost: int
    position: int


class _Stage(NamedTuple):
    """A single layer: the number of its ways, and its options that may be part of a better choice, the least first."""

    number: int
    rows: tuple[_Row, ...]


class _Sum(NamedTuple):
    """One option for each layer so far: its totals, how far these are off the least, the last option, the others."""

    cost: int
    weight: int
    off: int
    position: int
    before: _Sum | None


class BudgetChoice:
    """The choice of one option for every layer with the least cost whose weight is within a budget.

    ``picks`` is the best choice found, ``None`` when none is within the budget; of equal costs it has the least weight.
    """

    def __init__(self, ways: Sequence[Ways], budget: int) -> None:
        self._budget = budget
        self._factor = 1 + sum(each.occurrences * max(o.weight for o in each.options) for each in ways)
        self._ways = tuple(Ways(each.occurrences, tuple(map(self._ranked, each.options))) for each in ways)
        relaxation = relaxed(self._ways, budget)
        self._rate = Fraction(0) if relaxation is None else relaxation.rate
        self.picks: Picks | None = None if relaxation is None else relaxation.rounded
        self._least = sum(each.occurrences * min(map(self._weighted, each.options)) for each in self._ways)
        self._bound = self._bound_at(0)
        self._stages = sorted(self._single_layers(), key=lambda stage: len(stage.rows))

    @property
    def total(self) -> Option | None:
        """Cost and weight of the best choice."""
        if self.picks is None:
            return None
        total = total_of(self._ways, self.picks)
        return Option(total.cost // self._factor, total.weight)

    @property
    def bound(self) -> int:
        """What no choice within the budget is below in cost."""
        least = -(-self._bound.numerator // self._bound.denominator)
        return max(least // self._factor, 0)

    @property
    def rate(self) -> Fraction:
        """Cost of a unit of weight in the relaxation."""
        return self._rate / self._factor

    def run(self, deadline: Deadline) -> bool:
        """Search until the best choice is proved, time is up or sums are too many; says if it is proved."""
        if self.picks is None:
            return True
        sums = [_Sum(0, 0, 0, -1, None)]
        for number, stage in enumerate(self._stages):
            try:
                sums = self._extended(sums, stage, self._stages[number + 1 :], deadline)
            except TimeoutError:
                return False
            if sums:
                self._bound = max(self._bound, self._bound_at(min(each.off for each in sums)))
            if len(sums) > MOST_SUMS:
                return False
        self._bound = Fraction(self._best_cost())
        return True

    # Weighted totals

    def _ranked(self, option: Option) -> Option:
        """An option whose cost decides between equal costs as well, by the weight."""
        return Option(option.cost * self._factor + option.weight, option.weight)

    def _weighted(self, option: Option) -> int:
        return self._rate.denominator * option.cost + self._rate.numerator * option.weight

    def _bound_at(self, off: int) -> Fraction:
        """What a choice within the budget costs at least that is off the least by so much."""
        return Fraction(self._least + off - self._rate.numerator * self._budget, self._rate.denominator)

    def _best_cost(self) -> int:
        return 0 if self.picks is None else total_of(self._ways, self.picks).cost

    @property
    def _gap(self) -> int:
        """A choice that is off by so much, or more, is no better than the best one."""
        return self._weighted(Option(self._best_cost(), self._budget)) - self._least

    # Sums over layers

    def _single_layers(self) -> Iterable[_Stage]:
        gap = self._gap
        for number, each in enumerate(self._ways):
            least = min(map(self._weighted, each.options))
            rows = sorted(_Row(self._weighted(o) - least, o.weight, o.cost, n) for n, o in enumerate(each.options))
            kept = tuple(row for row in rows if row.off <= gap)
            yield from [_Stage(number, kept)] * each.occurrences

    def _extended(self, sums: Sequence[_Sum], stage: _Stage, rest: Sequence[_Stage], deadline: Deadline) -> list[_Sum]:
        """Sums with one more layer, without those that cannot be part of a better choice within the budget."""
        lightest = sum(min(row.weight for row in other.rows) for other in rest)
        extended: list[_Sum] = []
        gap, room = self._gap, self._budget - lightest
        for each in sums:
            deadline.check()
            for row in stage.rows:
                if each.off + row.off < gap and each.weight + row.weight <= room:
                    totals = (each.cost + row.cost, each.weight + row.weight, each.off + row.off)
                    extended.append(_Sum(*totals, row.position, each))
        kept = _unbeaten(extended)
        self._complete(kept, rest)
        gap = self._gap
        return [each for each in kept if each.off < gap]

    def _complete(self, sums: Sequence[_Sum], rest: Sequence[_Stage]) -> None:
        """Take over the best of the sums with the least weighted total of every further layer, if it is better."""
        cost, weight = (sum(metric(stage.rows[0]) for stage in rest) for metric in (_cost, _weight))
        fitting = (each for each in sums if each.weight + weight <= self._budget)
        best = min(fitting, key=_cost, default=None)
        if best is not None and best.cost + cost < self._best_cost():
            self.picks = self._picks(best, [stage.rows[0].position for stage in rest])

    def _picks(self, last: _Sum, default: Sequence[int]) -> Picks:
        picks = tuple(Counter[int]() for _ in self._ways)
        for stage, position in zip(self._stages, [*_positions(last), *default], strict=True):
            picks[stage.number][position] += 1
        return picks


def _cost(each: _Row | _Sum) -> int:
    return each.cost


def _weight(each: _Row | _Sum) -> int:
    return each.weight


def _unbeaten(sums: list[_Sum]) -> list[_Sum]:
    """The sums that no other one equals or beats in both metrics."""
    kept: list[_Sum] = []
    for each in sorted(sums, key=lambda one: (one.weight, one.cost)):
        if not kept or each.cost < kept[-1].cost:
            kept.append(each)
    return kept


def _positions(last: _Sum) -> list[int]:
    """The options of a sum, in the order of the layers."""
    positions: list[int] = []
    each = last
    while each.before is not None:
        positions.append(each.position)
        each = each.before
    return positions[::-1]
