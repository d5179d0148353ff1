"""The least product of total energy and total cycles over all choices of one point for each layer.

The product is quasiconcave where both factors are positive (its logarithm is concave), so that over the convex hull of
all sums it is least at a corner of the hull, and a corner of a sum of sets is the sum of one corner of each set. So
nothing is lost by looking at the lower convex hull of each front alone, and identical layers take the same point. The
corners of the sum are met in one walk from the least energy to the fewest cycles, along the edges of all fronts by how
many cycles an energy buys (``docs/network_optimum.md`` has the proof).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import mul

from .front_groups import FrontGroup, Point
from .lower_hulls import edges_of, lower_hull


@dataclass(frozen=True)
class Corner:
    """A corner of the hull of all sums: ``total``, and for every group the position of its point in its front."""

    total: Point
    chosen: tuple[int, ...]


def corners(fronts: Sequence[Sequence[Point]], occurrences: Sequence[int]) -> Iterator[Corner]:
    """The corners of the sum of fronts, each taken so many times, from the least energy on; none may be empty."""
    hulls = [lower_hull(front) for front in fronts]
    chosen = [hull[0] for hull in hulls]
    starts = [front[position] for front, position in zip(fronts, chosen, strict=True)]
    energy, cycles = (sum(map(mul, occurrences, metric)) for metric in zip(*starts, strict=True))
    yield Corner(Point(energy, cycles), tuple(chosen))
    for edge in edges_of(fronts, hulls):
        times, chosen[edge.front] = occurrences[edge.front], edge.to
        energy, cycles = energy + times * edge.paid, cycles - times * edge.saved
        yield Corner(Point(energy, cycles), tuple(chosen))


def least_product(groups: Iterable[FrontGroup]) -> Corner:
    """The choice of one point for each group with the least product of total energy and total cycles.

    Of equal products the one with the fewest cycles. Every group must have a point.
    """
    known = tuple(groups)
    every = corners([group.points for group in known], [group.occurrences for group in known])
    return min(every, key=_product_then_cycles)


def product_bound(groups: Iterable[FrontGroup]) -> int:
    """What no choice of mappings is below in total energy times total cycles; points and floors are all there is."""
    known = tuple(groups)
    every = corners([group.outline for group in known], [group.occurrences for group in known])
    return min(_product_then_cycles(corner) for corner in every)[0]


def _product_then_cycles(corner: Corner) -> tuple[int, int]:
    return corner.total.energy * corner.total.cycles, corner.total.cycles
