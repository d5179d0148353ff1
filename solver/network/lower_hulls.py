"""Lower left convex hulls of points in the plane, and their edges by what they buy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

Pair = tuple[int, int]
"""A first metric, which is paid, and a second one, which is saved."""


@dataclass(frozen=True)
class Edge:
    """An edge of a front's hull: the position that it leads to, what is paid and what is saved on the way there."""

    front: int
    to: int
    paid: int
    saved: int

    @property
    def rate(self) -> Fraction:
        """What is saved for one that is paid."""
        return Fraction(self.saved, self.paid)


def lower_hull(points: Sequence[Pair]) -> list[int]:
    """Positions of the corners, the first metric rising and the second one falling.

    Example:
        >>> lower_hull([(0, 9), (1, 8), (2, 1), (9, 0)])
        [0, 2, 3]
    """
    hull: list[int] = []
    for position in sorted(range(len(points)), key=lambda number: points[number]):
        if hull and points[hull[-1]][1] <= points[position][1]:
            continue
        while len(hull) > 1 and not _is_below(points[hull[-2]], points[hull[-1]], points[position]):
            hull.pop()
        hull.append(position)
    return hull


def _is_below(left: Pair, middle: Pair, right: Pair) -> bool:
    """Whether a point lies strictly below the line from one on its left to one on its right."""
    return (left[1] - middle[1]) * (right[0] - middle[0]) > (middle[1] - right[1]) * (middle[0] - left[0])


def edges_of(fronts: Sequence[Sequence[Pair]], hulls: Sequence[Sequence[int]]) -> list[Edge]:
    """The edges of the hulls of all fronts, those first that save most for what is paid.

    Those of one front stay in their order, since a hull is convex.
    """
    return sorted(_edges(fronts, hulls), key=lambda edge: edge.rate, reverse=True)


def _edges(fronts: Sequence[Sequence[Pair]], hulls: Sequence[Sequence[int]]) -> Iterator[Edge]:
    for number, (front, hull) in enumerate(zip(fronts, hulls, strict=True)):
        for start, end in pairwise(hull):
            (first, second), (paid, saved) = front[start], front[end]
            yield Edge(number, end, paid - first, second - saved)
