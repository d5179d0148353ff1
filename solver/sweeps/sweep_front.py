"""The front of a sweep: from the fronts of single layers to that of all designs, in exact integers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

from ...model.documents.pareto import LayerFront
from ...model.documents.result import Number, Status
from ...model.documents.sweep_results import FrontPoint, SweepFront, SweptDesign

DONE: tuple[Status, ...] = ("optimal", "infeasible")


@dataclass(frozen=True)
class _Choice:
    """One point for each layer so far: summed energy and cycles, the last one's rank, and the choice before it."""

    energy_pj: Number
    cycles: int
    rank: int
    before: _Choice | None

    def ranks(self) -> list[int]:
        """The ranks of the points, in the order of the layers."""
        ranks: list[int] = []
        choice = self
        while choice.before is not None:
            ranks.append(choice.rank)
            choice = choice.before
        return ranks[::-1]


def sweep_front(designs: Sequence[SweptDesign], tolerance: float) -> SweepFront:
    """What no design with one point of each layer's front beats in total energy, total cycles and the area proxy.

    Every such combination is matched by a point that has no more area and exceeds neither its energy nor its cycles by
    more than the relative tolerance; least energy and least cycles of every design are exact. With a tolerance of 0 all
    combinations are there, and of those that are equal in all three figures all designs that have one.
    """
    points = [point for design in designs for point in _points_of_design(design, Fraction(tolerance))]
    complete = all(design.status in DONE for design in designs)
    return SweepFront(complete=complete, tolerance=tolerance, points=tuple(_unbeaten(points)))


def _points_of_design(design: SweptDesign, tolerance: Fraction) -> Iterator[FrontPoint]:
    """The front of one design; nothing while a layer has no mapping."""
    layers = design.fronts.layers if design.fronts is not None else ()
    for choice in _sums(layers, tolerance):
        yield FrontPoint(
            values=design.values,
            area_proxy_bytes=design.area_proxy_bytes or 0.0,
            energy_pj=choice.energy_pj,
            cycles=choice.cycles,
            edp=float(choice.energy_pj) * float(choice.cycles),
            layer_points={layer.name: rank for layer, rank in zip(layers, choice.ranks(), strict=True)},
            proved=design.status == "optimal",
        )


def _sums(layers: Sequence[LayerFront], tolerance: Fraction) -> list[_Choice]:
    """Unbeaten sums of one point of each layer times its count, by rising energy and falling cycles.

    Unbeaten sums of some layers are enough to go on with: a sum with a beaten part is beaten. They are thinned out
    after each of n layers with a tolerance d, and (1 + d) ** n <= exp(n * d) <= 1 + tolerance for the d below.
    """
    choices = [_Choice(0, 0, 0, None)]
    for layer in layers:
        extended = [
            _Choice(
                choice.energy_pj + layer.count * point.cost.energy_pj,
                choice.cycles + layer.count * point.cost.cycles,
                point.rank,
                choice,
            )
            for choice in choices
            for point in layer.points
        ]
        choices = _thinned(_staircase(extended), 1 + tolerance / (1 + tolerance) / len(layers))
    return choices


def _staircase(choices: list[_Choice]) -> list[_Choice]:
    """The unbeaten ones, by rising energy and falling cycles."""
    unbeaten: list[_Choice] = []
    for choice in sorted(choices, key=lambda choice: (choice.energy_pj, choice.cycles)):
        if not unbeaten or choice.cycles < unbeaten[-1].cycles:
            unbeaten.append(choice)
    return unbeaten


def _thinned(stairs: list[_Choice], factor: Fraction) -> list[_Choice]:
    """Few of a staircase, both ends among them, so that some one is at most ``factor`` times any in both figures."""
    kept, energies = stairs[:1], [choice.energy_pj for choice in stairs]
    for choice in stairs:
        stands_for_it = kept[-1].cycles <= factor * choice.cycles or kept[-1].energy_pj > choice.energy_pj
        if not stands_for_it:
            kept.append(stairs[bisect_right(energies, factor * choice.energy_pj) - 1])
    if stairs and kept[-1] is not stairs[-1]:
        kept.append(stairs[-1])
    return kept


def _unbeaten(points: Iterable[FrontPoint]) -> Iterator[FrontPoint]:
    """Points that no other one beats, by rising energy, then cycles, then area.

    Going by rising energy, a point is beaten exactly when an earlier one has at most its cycles and its area. The
    least area by cycles of the earlier ones is a staircase: cycles rise, areas fall.
    """
    stairs_cycles: list[int] = []
    stairs_area: list[float] = []
    ordered = sorted(points, key=_figures)
    for (_, cycles, area), equal in groupby(ordered, key=_figures):
        place = bisect_right(stairs_cycles, cycles)
        if place and stairs_area[place - 1] <= area:
            continue
        first = bisect_left(stairs_cycles, cycles)
        last = first
        while last < len(stairs_area) and stairs_area[last] >= area:
            last += 1
        stairs_cycles[first:last], stairs_area[first:last] = [cycles], [area]
        yield from equal


def _figures(point: FrontPoint) -> tuple[Number, int, float]:
    return point.energy_pj, point.cycles, point.area_proxy_bytes
