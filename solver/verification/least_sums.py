"""The least value over all choices of one entry for each layer, by routes that the search does not take.

For few layers and points: all sums that no other sum beats, without any bound. Else by exchange rates: for any weights
of the two metrics the least weighted total is the sum of the layers' least, and these totals fence in all sums. Of EDP
that is exact, since a product is least at a corner of the fence; within a limit it may leave a gap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

Route = Literal["enumeration", "parametric"]

MOST_PAIRS = 1_000_000
"""Sums that an enumeration may make in all."""


class Entry(NamedTuple):
    """What is to be small, and the metric that is limited or multiplied with."""

    cost: int
    weight: int


@dataclass(frozen=True)
class Entries:
    """What one of the layers with the same loop nest, ``occurrences`` of them, can take."""

    occurrences: int
    each: tuple[Entry, ...]


@dataclass(frozen=True)
class LeastSum:
    """A value that no choice is below, and the entries of each group that it is made of.

    ``value`` is ``None`` where no choice keeps the limit.
    """

    value: Fraction | None
    used: tuple[frozenset[int], ...]
    route: Route


class _Sum(NamedTuple):
    cost: int
    weight: int
    entry: int
    before: _Sum | None


def least_product_of(groups: Sequence[Entries], route: Route) -> LeastSum | None:
    """The least total cost times total weight over all choices; ``None`` where an enumeration would be too long."""
    if route == "enumeration":
        sums = _every_sum(groups)
        best = None if sums is None else min(sums, key=lambda one: one.cost * one.weight)
        return None if best is None else LeastSum(Fraction(best.cost * best.weight), _used(groups, best), route)
    corner = min(_corners(groups), key=lambda corner: corner.total.cost * corner.total.weight)
    return LeastSum(Fraction(corner.total.cost * corner.total.weight), corner.used, route)


def least_within(groups: Sequence[Entries], limit: int, route: Route) -> LeastSum | None:
    """The least total cost over all choices with a total weight within a limit; by exchange rates a lower bound on it.

    ``None`` where an enumeration would be too long.
    """
    if route == "parametric":
        return _fenced(groups, limit)
    sums = _every_sum(groups)
    if sums is None:
        return None
    within = [one for one in sums if one.weight <= limit]
    if not within:
        return LeastSum(None, _used(groups, min(sums, key=lambda one: one.weight)), route)
    best = min(within, key=lambda one: one.cost)
    return LeastSum(Fraction(best.cost), _used(groups, best), route)


# All sums


def _every_sum(groups: Sequence[Entries]) -> list[_Sum] | None:
    """The sums that no other sum equals or beats in both metrics; ``None`` where there are too many to be made."""
    sums, made = [_Sum(0, 0, -1, None)], 0
    for group in groups:
        for _ in range(group.occurrences):
            made += len(sums) * len(group.each)
            if made > MOST_PAIRS:
                return None
            sums = _unbeaten(
                _Sum(one.cost + entry.cost, one.weight + entry.weight, position, one)
                for one in sums
                for position, entry in enumerate(group.each)
            )
    return sums


def _unbeaten(sums: Iterator[_Sum]) -> list[_Sum]:
    kept: list[_Sum] = []
    for one in sorted(sums, key=lambda one: (one.cost, one.weight)):
        if not kept or one.weight < kept[-1].weight:
            kept.append(one)
    return kept


def _used(groups: Sequence[Entries], last: _Sum) -> tuple[frozenset[int], ...]:
    """The entries of a sum, group by group."""
    used: list[set[int]] = [set() for _ in groups]
    layers = [number for number, group in enumerate(groups) for _ in range(group.occurrences)]
    one: _Sum | None = last
    for number in reversed(layers):
        if one is None:
            break
        used[number].add(one.entry)
        one = one.before
    return tuple(frozenset(entries) for entries in used)


# Exchange rates


class _Corner(NamedTuple):
    """The sum of what is least for each layer under some weights, and the entries that it is made of."""

    total: Entry
    used: tuple[frozenset[int], ...]


def _least_weighted(groups: Sequence[Entries], of_cost: int, of_weight: int) -> _Corner:
    """The least weighted total; of equal entries the one that is less in what counts less."""
    cost = weight = 0
    used: list[frozenset[int]] = []
    for group in groups:
        position = min(range(len(group.each)), key=lambda n: _rank(group.each[n], of_cost, of_weight))
        cost += group.occurrences * group.each[position].cost
        weight += group.occurrences * group.each[position].weight
        used.append(frozenset({position}))
    return _Corner(Entry(cost, weight), tuple(used))


def _rank(entry: Entry, of_cost: int, of_weight: int) -> tuple[int, int, int]:
    return of_cost * entry.cost + of_weight * entry.weight, entry.cost if of_weight else entry.weight, entry.weight


def _corners(groups: Sequence[Entries]) -> Iterator[_Corner]:
    """Corners of the hull of all sums, without those whose product cannot be the least.

    Between two neighbouring corners all sums have at least the cost of one and the weight of the other.
    """
    first, last = _least_weighted(groups, 1, 0), _least_weighted(groups, 0, 1)
    least = min(first.total.cost * first.total.weight, last.total.cost * last.total.weight)
    yield first
    yield last
    open_ones = [(first, last)]
    while open_ones:
        left, right = open_ones.pop()
        if left.total.cost * right.total.weight >= least:
            continue
        between = _between(groups, left, right)
        if between is not None:
            least = min(least, between.total.cost * between.total.weight)
            yield between
            open_ones += [(left, between), (between, right)]


def _between(groups: Sequence[Entries], left: _Corner, right: _Corner) -> _Corner | None:
    """A corner below the line through two others; ``None`` when there is none."""
    of_cost, of_weight = left.total.weight - right.total.weight, right.total.cost - left.total.cost
    if of_cost <= 0 or of_weight <= 0:
        return None
    found = _least_weighted(groups, of_cost, of_weight)
    on_line = of_cost * left.total.cost + of_weight * left.total.weight
    return found if of_cost * found.total.cost + of_weight * found.total.weight < on_line else None


def _fenced(groups: Sequence[Entries], limit: int) -> LeastSum:
    """The greatest bound that an exchange rate gives on the cost within a limit."""
    left, right = _least_weighted(groups, 1, 0), _least_weighted(groups, 0, 1)
    if left.total.weight <= limit:
        return LeastSum(Fraction(left.total.cost), left.used, "parametric")
    if right.total.weight > limit:
        return LeastSum(None, right.used, "parametric")
    while (between := _between(groups, left, right)) is not None:
        left, right = (between, right) if between.total.weight > limit else (left, between)
    slope = Fraction(right.total.cost - left.total.cost, left.total.weight - right.total.weight)
    used = tuple(ours | theirs for ours, theirs in zip(left.used, right.used, strict=True))
    return LeastSum(left.total.cost + slope * (left.total.weight - limit), used, "parametric")
