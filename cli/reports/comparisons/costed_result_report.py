"""The end of the report of ``evaluate`` on a result: every layer's best mapping beside what the result states of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console

from ....model.dmazerunner.evaluated_cost import EvaluatedCost
from ....model.documents.result import Result
from ....model.hierarchy.hierarchy_documents import EvaluatedLevels
from ...tables import Column, name_text, print_line, print_tables
from ..result_report import edp_text, energy_text
from .explanation_report import factor_text


@dataclass(frozen=True)
class Figures:
    """Energy in pJ, and cycles."""

    energy_pj: float
    cycles: int

    @property
    def edp(self) -> float:
        """Their product in pJ * cycles."""
        return self.energy_pj * self.cycles


@dataclass(frozen=True)
class ComparedBest:
    """The mapping of rank 1 of a layer: its costs now and in the result, and whether it fits."""

    name: str
    count: int
    fits: bool
    now: Figures
    stated: Figures


METRICS: Mapping[str, Callable[[Figures], float]] = {
    "energy": lambda figures: figures.energy_pj,
    "cycles": lambda figures: figures.cycles,
    "EDP": lambda figures: figures.edp,
}


def compared_best(result: Result, costs: Mapping[str, EvaluatedCost | EvaluatedLevels]) -> list[ComparedBest]:
    """The layers that have mappings; ``costs`` are those of rank 1 by layer."""
    rows: list[ComparedBest] = []
    for layer in result.layers:
        cost = costs.get(layer.name)
        if cost is None or cost.energy_pj is None or cost.cycles is None:
            continue
        fits = cost.fits if isinstance(cost.fits, dict) else cost.fits.model_dump()
        stated = layer.solutions[0].cost
        now, stated_figures = Figures(cost.energy_pj, cost.cycles), Figures(stated.energy_pj, stated.cycles)
        rows.append(ComparedBest(layer.name, layer.count, all(fits.values()), now, stated_figures))
    return rows


def print_compared_best(console: Console, rows: Sequence[ComparedBest], num_layers: int) -> None:
    """Print the table and the totals of so many layers; nothing where none of them has a mapping."""
    if not rows:
        return
    print_line(console, "\nThe best mappings of the result, rank 1, and their costs over those that it states:\n")
    print_tables(console, rows, Column("layer", lambda row: name_text(row.name), left=True), _columns())
    misfits = sum(not row.fits for row in rows)
    print_line(console, "\n" + (_total_line(rows) if len(rows) == num_layers else NO_TOTAL))
    if misfits:
        print_line(console, f"{misfits} of {len(rows)} do not fit the machine")


NO_TOTAL = "total: none, since some layer has no mapping"


def _columns() -> tuple[Column[ComparedBest], ...]:
    return (
        Column("fits", lambda row: "yes" if row.fits else "no", left=True),
        Column("energy pJ", lambda row: energy_text(row.now.energy_pj)),
        Column("cycles", lambda row: f"{row.now.cycles:,}"),
        Column("EDP pJ*cycles", lambda row: edp_text(row.now.edp)),
        *(Column(f"x {metric}", _factor_of(of), priority=1) for metric, of in METRICS.items()),
    )


def _factor_of(of: Callable[[Figures], float]) -> Callable[[ComparedBest], str]:
    return lambda row: factor_text(_over(of(row.now), of(row.stated)))


def _over(now: float, stated: float) -> float | None:
    return now / stated if stated else None


def _total_line(rows: Sequence[ComparedBest]) -> str:
    """The sums with counts, each over that of the result."""
    now, stated = _total([(row.count, row.now) for row in rows]), _total([(row.count, row.stated) for row in rows])
    energy, cycles, edp = (factor_text(_over(of(now), of(stated))) for of in METRICS.values())
    return (
        f"total with counts: energy {energy_text(now.energy_pj)} pJ ({energy}), {now.cycles:,} cycles ({cycles}), "
        f"EDP {edp_text(now.edp)} pJ*cycles ({edp})"
    )


def _total(counted: Sequence[tuple[int, Figures]]) -> Figures:
    energy_pj = sum(count * figures.energy_pj for count, figures in counted)
    return Figures(energy_pj, sum(count * figures.cycles for count, figures in counted))
