"""What a network's choice is made of: for each loop nest the points of its front, and how many layers have it.

Energies are exact: integers in a unit that divides every energy that occurs (1 pJ where all are integers, else a power
of two of it, since binary64 numbers are such fractions). So sums over layers have no rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from ...model.documents.pareto import LayerFront
from ...model.documents.result import Number


class Point(NamedTuple):
    """Energy in units (:class:`Units`) and cycles of one mapping, or of a sum over layers."""

    energy: int
    cycles: int


@dataclass(frozen=True)
class Units:
    """How many units of energy make a pJ."""

    per_pj: int

    def of(self, energy_pj: Number) -> int:
        """An energy in units, exact for those that the units were made for, rounded down for others."""
        scaled = Fraction(energy_pj) * self.per_pj
        return scaled.numerator // scaled.denominator

    def pj(self, energy: Fraction | int) -> Fraction:
        """Units as pJ."""
        return Fraction(energy) / self.per_pj


def units_of(energies_pj: Iterable[Number]) -> Units:
    """Units in which all these energies are integers.

    Example:
        >>> units_of([3, 0.75]).per_pj
        4
    """
    return Units(lcm(1, *(Fraction(energy).denominator for energy in energies_pj)))


@dataclass(frozen=True)
class FrontGroup:
    """All layers with one loop nest: ``occurrences`` of them, counts included.

    ``points`` are those of the front, by rising energy and falling cycles. Every mapping costs at least as much in both
    as one of the points or one of ``floors``, of which a complete front has none. ``members`` are the positions of the
    layers in their network.
    """

    occurrences: int
    points: tuple[Point, ...]
    floors: tuple[Point, ...]
    members: tuple[int, ...]

    @property
    def outline(self) -> tuple[Point, ...]:
        """Points and floors: what no mapping can be below."""
        return (*self.points, *self.floors)


Floors = Mapping[str, Sequence[tuple[Number, int]]]
"""Energy in pJ and cycles that no mapping which a front lacks is below, by the name of the front's layer."""


def groups_of(fronts: Sequence[LayerFront], floors: Floors) -> tuple[tuple[FrontGroup, ...], Units]:
    """The groups of a network's layers, in the order of their first members, and the units of their energies."""
    stated = [entry.cost.energy_pj for front in fronts for entry in front.points]
    units = units_of([*stated, *(energy_pj for some in floors.values() for energy_pj, _ in some)])
    members: dict[str, list[int]] = {}
    for position, front in enumerate(fronts):
        members.setdefault(front.same_as or front.name, []).append(position)
    return tuple(_group(fronts, places, floors[name], units) for name, places in members.items()), units


def _group(
    fronts: Sequence[LayerFront], members: Sequence[int], floors: Sequence[tuple[Number, int]], units: Units
) -> FrontGroup:
    return FrontGroup(
        occurrences=sum(fronts[position].count for position in members),
        points=tuple(Point(units.of(one.cost.energy_pj), one.cost.cycles) for one in fronts[members[0]].points),
        floors=tuple(Point(units.of(energy_pj), cycles) for energy_pj, cycles in floors),
        members=tuple(members),
    )
