"""The readable report of ``evaluate``: one row per mapping, then the details that were asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from rich.console import Console

from ...model.cost_models import AnyPublishedModel
from ...model.dmazerunner.architecture import Architecture
from ...model.dmazerunner.evaluated_cost import EvaluatedCost
from ...model.documents.evaluation import EvaluateResult
from ...model.evaluating import ResolvedRequest
from ...model.exports.mapped_layer import MappedLayer
from ...model.faults import escaped
from ...model.hierarchy.hierarchy_documents import EvaluatedLevels
from ...model.hierarchy.level_mapping import LevelMappingDocument
from ...model.hierarchy.machine import Machine
from ...model.mapping import MappingDocument
from ..tables import MAY_WAIT, Column, name_text, print_line, print_tables
from .level_listing import level_listing
from .levels_report import print_levels
from .loop_listing import loop_lines
from .result_report import edp_text


@dataclass(frozen=True)
class CostRow:
    """A mapping's cost on the published model and its number in the request."""

    number: int
    cost: EvaluatedCost


def print_evaluation(console: Console, result: EvaluateResult, listings: Sequence[Sequence[str]] = ()) -> None:
    """Print the costs of given mappings, numbered from 0 as in the request; and their loop nests, if there are any."""
    levels = [cost for cost in result.costs if isinstance(cost, EvaluatedLevels)]
    if levels:
        print_levels(console, levels)
    else:
        _print_published(console, published_rows(result))
    for number, lines in enumerate(listings):
        print_line(console, f"\nmapping {number} as a loop nest:\n")
        for line in lines or [NO_ORDERS]:
            print_line(console, escaped(line))


def listings_of(known: ResolvedRequest) -> list[list[str]]:
    """The loop nest of every mapping of a request; no lines for a published one without orders."""
    return [_listing(known, mapping) for mapping in known.mappings]


NO_ORDERS = "without orders, there is none"


def _listing(known: ResolvedRequest, mapping: object) -> list[str]:
    if isinstance(mapping, LevelMappingDocument):
        return level_listing(known.nest, cast("Machine", known.machine), mapping)
    document = cast("MappingDocument", mapping)
    if not known.cost_model.has_orders(document):
        return []
    model, machine = cast("AnyPublishedModel", known.cost_model), cast("Architecture", known.machine)
    return loop_lines(MappedLayer.from_document("", 1, known.nest, machine, document, model))


def published_rows(result: EvaluateResult) -> list[CostRow]:
    """The costs on the published model."""
    costs = [cost for cost in result.costs if isinstance(cost, EvaluatedCost)]
    return [CostRow(number, cost) for number, cost in enumerate(costs)]


def _print_published(console: Console, rows: Sequence[CostRow]) -> None:
    print_tables(console, rows, cost_number(), published_columns())
    for row in rows:
        details = [f"  {line}" for line in detail_lines(row.cost)]
        if details:
            print_line(console, f"\nmapping {row.number}:")
            for line in details:
                print_line(console, line)


def cost_number() -> Column[CostRow]:
    """The first column of the table of mappings."""
    return Column("mapping", lambda row: str(row.number))


def published_columns() -> tuple[Column[CostRow], ...]:
    """Whether a mapping fits, and what it costs."""
    return (
        Column("fits", lambda row: _fits(row.cost), left=True),
        Column("least energy pJ", lambda row: f"{row.cost.min_energy_pj:,}", priority=MAY_WAIT + 1),
        Column("least cycles", lambda row: f"{row.cost.min_cycles:,}", priority=MAY_WAIT + 1),
        Column("least EDP", lambda row: edp_text(row.cost.min_edp), priority=MAY_WAIT + 1),
        Column("energy pJ", lambda row: _count(row.cost.energy_pj), optional=True),
        Column("cycles", lambda row: _count(row.cost.cycles), optional=True),
        Column("bound by", lambda row: row.cost.bound_by and name_text(row.cost.bound_by), left=True, optional=True),
        Column("EDP", lambda row: None if row.cost.edp is None else edp_text(row.cost.edp), optional=True),
    )


def _count(number: int | None) -> str | None:
    return None if number is None else f"{number:,}"


def _fits(cost: EvaluatedCost) -> str:
    """Yes, or what is too small."""
    shares = {"PEs": cost.fits.spatial, "RF": cost.fits.rf, "SPM": cost.fits.spm}
    too_small = [name for name, fits in shares.items() if not fits]
    return f"no: {', '.join(too_small)}" if too_small else "yes"


def detail_lines(cost: EvaluatedCost) -> Iterator[str]:
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
