"""The HTML report: one file with all of a result, that needs no network and is readable on a phone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from ...model.documents.result import LayerResult, Number, Result
from ...model.documents.spec import Spec
from ...model.faults import escaped
from ...model.objectives import OBJECTIVES
from ..output import json_text
from ..pictures.album import Picture
from ..pictures.style import picture_bytes
from ..reports.certificate_report import certificate_lines
from ..reports.import_report import import_lines
from ..reports.result_report import (
    cache_lines,
    energy_columns,
    energy_heading,
    gap_text,
    name_column,
    status_columns,
    subject,
    total_line,
    trouble_lines,
)
from ..solved_layers import best_listings
from ..tables import name_text
from .markup import bullets, element, folded, image, preformatted, table, text

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 76rem; background: #fff; color: #1a1a1a;
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0.5rem 0; }
h2 { font-size: 1.2rem; margin: 2rem 0 0.5rem; }
.scroll, pre { overflow-x: auto; border: 1px solid #ddd; border-radius: 4px; }
table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: 0.35rem 0.6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #eee; }
th { background: #f4f4f4; }
.left { text-align: left; }
tr > :first-child { position: sticky; left: 0; background: #fff; border-right: 1px solid #ddd; }
thead tr > :first-child { background: #f4f4f4; }
.name { width: max-content; max-width: min(20rem, 34vw); white-space: normal; }
pre { padding: 0.75rem; font: 0.8125rem/1.4 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: normal; }
.pictures { columns: 2 26rem; column-gap: 2rem; }
figure { margin: 0; padding-top: 1.5rem; break-inside: avoid; }
figure h2 { margin: 0 0 0.5rem; }
img { display: block; width: 100%; height: auto; }
figcaption { font-size: 0.875rem; color: #444; }
summary { cursor: pointer; padding: 0.5rem 0; }
li { margin: 0.25rem 0; }
"""


def page(result: Result, spec: Spec, pictures: Sequence[Picture]) -> str:
    """The report of a result as an HTML document; ``spec`` is what was searched, options of the command included."""
    title = escaped(result.name or "dmaze-solve")
    sections = (
        element("h1", text(title)),
        element("p", text(f"{subject(result)}.")),
        element("p", text(f"{total_line(result)}.")),
        *(element("p", text(f"{line}.")) for line in cache_lines(result)),
        *([bullets(import_lines(result))] if result.imported is not None else []),
        folded("The spec, as it was searched", preformatted(spec_text(spec))),
        *_troubles(result),
        element("h2", text("Verdicts")),
        table(result.layers, name_column(), status_columns(result)),
        element("div", *map(figure_with_caption, pictures), class_="pictures"),
        *_energies(result),
        element("h2", text("Why nothing better exists")),
        *_certificates(result),
        *_loops(result),
        element("h2", text("Versions")),
        bullets(f"{name} {version}" for name, version in result.versions.items()),
    )
    return html_document(title, sections)


def html_document(title: str, sections: Iterable[str]) -> str:
    """A whole HTML document from its title and the markup of its sections."""
    head = (
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        element("title", text(title)),
        element("style", STYLE),
    )
    html = element(
        "html", element("head", *head), "\n", element("body", *(f"{part}\n" for part in sections)), lang="en"
    )
    return f"<!DOCTYPE html>\n{html}\n"


def spec_text(spec: Spec) -> str:
    """The spec as JSON: what was given, with names and paths replaced by what they stand for."""
    return json_text(spec.model_dump(mode="json", by_alias=True, exclude_unset=True))


def figure_with_caption(picture: Picture) -> str:
    """A picture under its title, with its caption."""
    drawn = image(picture_bytes(picture.figure, ".svg"), f"{picture.title}. {picture.caption}")
    return element("figure", element("h2", text(picture.title)), drawn, element("figcaption", text(picture.caption)))


def _distinct(result: Result) -> list[LayerResult]:
    return [layer for layer in result.layers if layer.same_as is None]


def _troubles(result: Result) -> Iterator[str]:
    lines = [line for layer in result.layers for line in trouble_lines(layer)]
    if lines:
        yield element("h2", text("What went wrong"))
        yield preformatted("\n".join(lines).strip())


def _energies(result: Result) -> Iterator[str]:
    solved = [layer for layer in _distinct(result) if layer.solutions]
    if solved:
        yield element("h2", text(energy_heading(result)))
        yield table(solved, name_column(), energy_columns(result))


def _certificates(result: Result) -> Iterator[str]:
    for layer in _distinct(result):
        details = [f"back end {result.backend} gives no details"]
        if layer.certificate is not None:
            details = list(certificate_lines(layer.certificate))
        yield folded(f"{name_text(layer.name)} is {_status_text(result, layer)}", bullets(details))


def _status_text(result: Result, layer: LayerResult) -> str:
    """What is proved about a layer, in a sentence with exact figures."""
    if layer.status == "infeasible":
        return "infeasible: the constraints and capacities leave no mapping"
    metric, found, bound = OBJECTIVES[result.objective].title, layer.objective_value, layer.bound
    bounded = (
        "no lower bound is known" if bound is None else f"every mapping allowed has at least {_figure_text(bound)}"
    )
    if found is None:
        return f"unknown: {layer.note or 'nothing was found'}; {bounded}"
    best = f"the best mapping found has {metric} {_figure_text(found)}"
    if layer.status == "optimal":
        return f"optimal: {best}; {'no mapping allowed has less' if bound == found else bounded}"
    gap = "" if layer.gap is None else f": at most {gap_text(layer.gap)} of its {metric} could be saved"
    return f"feasible, not proved: {best}; {bounded}{gap}"


def _figure_text(value: Number) -> str:
    """A figure in full, rounded down as a lower bound must be."""
    return f"{math.floor(value):,}"


def _loops(result: Result) -> Iterator[str]:
    solved = best_listings(result)
    if solved:
        yield element("h2", text("Best mappings as loop nests"))
        yield element("p", text("A move serves the loops below it; loops with one iteration are left out."))
    for name, lines in solved:
        yield folded(name_text(name), preformatted("\n".join(map(escaped, lines))))
