"""The readable report of ``evaluate`` on a hierarchy: one row per mapping, then the counts that were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from ...model.hierarchy.hierarchy_documents import EvaluatedLevels
from ..tables import Column, name_text, print_tables
from .result_report import edp_text


@dataclass(frozen=True)
class _Row:
    number: int
    cost: EvaluatedLevels


def print_levels(console: Console, costs: Sequence[EvaluatedLevels]) -> None:
    """Print the costs of mappings onto a hierarchy, numbered from 0 as in the request."""
    rows = [_Row(number, cost) for number, cost in enumerate(costs)]
    print_tables(console, rows, Column("mapping", lambda row: str(row.number)), _columns())


def _columns() -> tuple[Column[_Row], ...]:
    return (
        Column("fits", lambda row: _fits(row.cost), left=True),
        Column("energy pJ", lambda row: f"{row.cost.energy_pj:,.0f}"),
        Column("cycles", lambda row: f"{row.cost.cycles:,}"),
        Column("bound by", lambda row: row.cost.bound_by, left=True),
        Column("walk cycles", lambda row: _count(row.cost.walk_cycles), optional=True),
        Column("EDP", lambda row: edp_text(row.cost.edp)),
    )


def _count(number: int | None) -> str | None:
    return None if number is None else f"{number:,}"


def _fits(cost: EvaluatedLevels) -> str:
    """Yes, or what is too small."""
    too_small = [name_text(name) for name, fits in cost.fits.items() if not fits]
    return f"no: {', '.join(too_small)}" if too_small else "yes"
