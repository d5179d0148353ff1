"""The readable report of ``evaluate``: one row per mapping, then the details that were asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console

from ...model.dmazerunner.evaluated_cost import EvaluatedCost
from ...model.documents.evaluation import EvaluateResult
from ...model.hierarchy.hierarchy_documents import EvaluatedLevels
from ..tables import Column, print_line, print_tables
from .levels_report import print_levels
from .result_report import edp_text


@dataclass(frozen=True)
class _Row:
    number: int
    cost: EvaluatedCost


def print_evaluation(console: Console, result: EvaluateResult) -> None:
    """Print the costs of given mappings, numbered from 0 as in the request."""
    on_hierarchy = [cost for cost in result.costs if isinstance(cost, EvaluatedLevels)]
    if on_hierarchy:
        print_levels(console, on_hierarchy)
    else:
        _print_published(console, [cost for cost in result.costs if isinstance(cost, EvaluatedCost)])


def _print_published(console: Console, costs: Sequence[EvaluatedCost]) -> None:
    rows = [_Row(number, cost) for number, cost in enumerate(costs)]
    print_tables(console, rows, Column("mapping", lambda row: str(row.number)), _columns())
    for row in rows:
        details = [f"  {line}" for line in _details(row.cost)]
        if details:
            print_line(console, f"\nmapping {row.number}:")
            for line in details:
                print_line(console, line)


def _columns() -> tuple[Column[_Row], ...]:
    return (
        Column("fits", lambda row: _fits(row.cost), left=True),
        Column("least energy pJ", lambda row: f"{row.cost.min_energy_pj:,}"),
        Column("least cycles", lambda row: f"{row.cost.min_cycles:,}"),
        Column("least EDP", lambda row: edp_text(row.cost.min_edp)),
        Column("energy pJ", lambda row: _count(row.cost.energy_pj), optional=True),
        Column("cycles", lambda row: _count(row.cost.cycles), optional=True),
        Column("EDP", lambda row: None if row.cost.edp is None else edp_text(row.cost.edp), optional=True),
    )


def _count(number: int | None) -> str | None:
    return None if number is None else f"{number:,}"


def _fits(cost: EvaluatedCost) -> str:
    """Yes, or what is too small."""
    shares = {"PEs": cost.fits.spatial, "RF": cost.fits.rf, "SPM": cost.fits.spm}
    too_small = [name for name, fits in shares.items() if not fits]
    return f"no: {', '.join(too_small)}" if too_small else "yes"


def _details(cost: EvaluatedCost) -> Iterator[str]:
    """The fields of ``--detail`` that are there, one per line."""
    if cost.footprint_elements is not None:
        for level, elements in cost.footprint_elements.model_dump().items():
            yield f"footprint in elements, {level}: {_by_tensor(elements)}"
    if cost.dma is not None:
        bursts = {name: f"{moved.invocations} of {moved.burst_elements}" for name, moved in cost.dma.items()}
        yield f"DMA bursts of so many elements, per SPM tile: {_by_tensor(bursts)}"
    for heading, values in (
        ("DMA cycles per SPM tile", cost.dma_cycles),
        ("cycles of adding between PEs, per delivery", cost.noc_reduction_cycles),
        ("reuse across RF passes", cost.spm_reuse),
        ("reuse across SPM passes", cost.dram_reuse),
    ):
        if values is not None:
            yield f"{heading}: {_by_tensor(values)}"
    if cost.cycles_per_spm_pass is not None:
        yield f"cycles per SPM pass: {cost.cycles_per_spm_pass}"


def _by_tensor(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
