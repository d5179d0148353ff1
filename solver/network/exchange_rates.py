"""A choice of one option for every layer within a budget, relaxed: the exchange rate between its two metrics.

In the relaxation a layer may take parts of two neighbouring corners of its hull. Its optimum goes along the edges of
all hulls, from the least cost on, by the weight that an edge saves for what it costs, until the budget is kept; the
edge where that happens has the exchange rate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from .lower_hulls import Edge, edges_of, lower_hull


class Option(NamedTuple):
    """What is to be minimised, and what there is a budget for."""

    cost: int
    weight: int


@dataclass(frozen=True)
class Ways:
    """The options of all layers with one loop nest, ``occurrences`` of them, each of which takes one of its own."""

    occurrences: int
    options: tuple[Option, ...]


Picks = tuple[Counter[int], ...]
"""For each of several ways, which options are taken how often, by their positions."""


@dataclass(frozen=True)
class Relaxation:
    """``rate`` is the cost of a unit of weight; ``rounded`` the relaxation's optimum, moved into the budget."""

    rate: Fraction
    rounded: Picks


def total_of(ways: Sequence[Ways], picks: Picks) -> Option:
    """Cost and weight of a choice."""
    taken = [
        (each.options[position], times)
        for each, counter in zip(ways, picks, strict=True)
        for position, times in counter.items()
    ]
    return Option(sum(o.cost * times for o, times in taken), sum(o.weight * times for o, times in taken))


def relaxed(ways: Sequence[Ways], budget: int) -> Relaxation | None:
    """The relaxation's optimum; ``None`` where no choice is within the budget."""
    hulls = [lower_hull(each.options) for each in ways]
    picks = tuple(Counter({hull[0]: each.occurrences}) for each, hull in zip(ways, hulls, strict=True))
    excess = total_of(ways, picks).weight - budget
    if excess <= 0:
        return Relaxation(Fraction(0), picks)
    for edge in edges_of([each.options for each in ways], hulls):
        times = min(ways[edge.front].occurrences, -(-excess // edge.saved))
        _move(picks[edge.front], edge, times, hulls[edge.front])
        excess -= times * edge.saved
        if excess <= 0:
            return Relaxation(1 / edge.rate, picks)
    return None


def _move(picked: Counter[int], edge: Edge, times: int, hull: Sequence[int]) -> None:
    """Let some layers go along an edge of their hull."""
    start = hull[hull.index(edge.to) - 1]
    picked[start] -= times
    picked[edge.to] += times
    if not picked[start]:
        del picked[start]
