"""The HTML report of an evaluation: one file with every mapping's cost, pictures and loop nest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...model.documents.evaluation import EvaluateResult
from ...model.evaluating import AnyRequest
from ...model.faults import escaped
from ...model.hierarchy.hierarchy_documents import EvaluatedLevels
from ...model.hierarchy.machine import Machine
from ..output import json_text
from ..pictures.album import Picture
from ..pictures.level_bars import MOST_TERMS, level_energy_figure, roofline_figure
from ..reports.evaluation_report import cost_number, detail_lines, published_columns, published_rows
from ..reports.levels_report import (
    LevelsRow,
    access_columns,
    access_level,
    access_rows,
    levels_columns,
    levels_number,
    network_columns,
    network_fanout,
    network_rows,
    node_columns,
    node_name,
    node_rows,
    term_columns,
    term_name,
    term_rows,
)
from ..reports.machine_report import machine_lines
from .column_meanings import OF_EVALUATIONS
from .markup import bullets, element, explained_table, folded, preformatted, table, text
from .result_page import figure_with_caption, html_document

MOST_PICTURED = 4
"""Mappings that are drawn; the tables have all."""


def evaluation_page(
    request: AnyRequest, machine: Machine | None, result: EvaluateResult, listings: Sequence[Sequence[str]]
) -> str:
    """The costs of a request's mappings as an HTML document.

    ``machine``: the hierarchy, for mappings onto one, whose costs have their details; ``listings``: loop nests.
    """
    title = escaped(request.layer.name)
    levels = [cost for cost in result.costs if isinstance(cost, EvaluatedLevels)]
    sections = (
        element("h1", text(title)),
        element("p", text(_subject(result))),
        folded("The request", preformatted(json_text(request.model_dump(mode="json", exclude_unset=True)))),
        *_costs(result, levels),
        *_pictures(levels),
        *(() if machine is None else tuple(_drawing(machine))),
        *(part for number, cost in enumerate(levels) for part in _details(number, cost)),
        *_loops(listings),
    )
    return html_document(title, sections)


def _subject(result: EvaluateResult) -> str:
    number = len(result.costs)
    counted = "" if result.accounting is None else f", counted as {result.accounting}"
    model = result.cost_model or "dmazerunner"
    return f"{number} mapping{'' if number == 1 else 's'} on the cost model {model}{counted}."


def _costs(result: EvaluateResult, levels: Sequence[EvaluatedLevels]) -> Iterator[str]:
    yield element("h2", text("Costs"))
    if levels:
        rows = [LevelsRow(number, cost) for number, cost in enumerate(levels)]
        yield explained_table(rows, levels_number(), levels_columns(), OF_EVALUATIONS)
        return
    published = published_rows(result)
    yield explained_table(published, cost_number(), published_columns(), OF_EVALUATIONS)
    for row in published:
        lines = list(detail_lines(row.cost))
        if lines:
            yield folded(f"Mapping {row.number}", bullets(lines))


def _pictures(levels: Sequence[EvaluatedLevels]) -> Iterator[str]:
    pictures: list[Picture] = []
    for number, cost in enumerate(levels[:MOST_PICTURED]):
        energy = "Energy by node, split by the tensors whose words move; the multiply-accumulates by themselves."
        cycles = f"Cycles of the {MOST_TERMS} largest terms, as if each were alone; the largest decides."
        pictures += [
            Picture(f"energy-{number}", f"Energy of mapping {number}", energy, level_energy_figure(cost)),
            Picture(f"roofline-{number}", f"Time of mapping {number}", cycles, roofline_figure(cost)),
        ]
    if pictures:
        yield element("div", *map(figure_with_caption, pictures), class_="pictures")


def _drawing(machine: Machine) -> Iterator[str]:
    yield element("h2", text("The machine"))
    yield preformatted("\n".join(machine_lines(machine)))


def _details(number: int, cost: EvaluatedLevels) -> Iterator[str]:
    yield element("h2", text(f"Mapping {number}: energy, and what is in use"))
    yield table(node_rows(cost), node_name(), node_columns(), OF_EVALUATIONS)
    tables = [table(list(access_rows(cost)), access_level(), access_columns(), OF_EVALUATIONS)]
    networks = list(network_rows(cost))
    if networks:
        tables.append(table(networks, network_fanout(), network_columns(), OF_EVALUATIONS))
    yield folded("Elements held in one instance, and moved in all of them", "".join(tables))
    yield folded(
        "Cycles, if nothing else took time", table(term_rows(cost), term_name(), term_columns(), OF_EVALUATIONS)
    )


def _loops(listings: Sequence[Sequence[str]]) -> Iterator[str]:
    if any(listings):
        yield element("h2", text("Loop nests"))
    for number, lines in enumerate(listings):
        if lines:
            yield folded(f"Mapping {number}", preformatted("\n".join(map(escaped, lines))))
