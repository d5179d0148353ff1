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
    TIME_HEADING,
    bound_by_column,
    cache_lines,
    energy_columns,
    energy_heading,
    gap_text,
    name_column,
    status_columns,
    subject,
    time_columns,
    total_line,
    trouble_lines,
)
from ..solved_layers import best_listings
from ..tables import Column, name_text
from .column_meanings import OF_TIMES, energy_meanings, verdict_meanings
from .markup import bullets, element, explained_table, folded, image, preformatted, text

STYLE = """
:root { color-scheme: light dark; --page: #fff; --text: #1a1a1a; --quiet: #444; --line: #ddd; --rule: #eee;
  --head: #f4f4f4; --shade: rgba(0, 0, 0, 0.25); }
@media (prefers-color-scheme: dark) {
  :root { --page: #16181c; --text: #e6e6e6; --quiet: #b4b4b4; --line: #3c4048; --rule: #2b2e34; --head: #23262c;
    --shade: rgba(255, 255, 255, 0.25); }
  img { filter: invert(0.91) hue-rotate(180deg); }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 88rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0.5rem 0; }
h2 { font-size: 1.2rem; margin: 2rem 0 0.5rem; }
.scroll, pre { overflow-x: auto; border: 1px solid var(--line); border-radius: 4px; }
.scroll { background: linear-gradient(to left, var(--page) 1.5rem, transparent) right / 3rem 100% no-repeat local,
  linear-gradient(to left, var(--shade), transparent) right / 1rem 100% no-repeat scroll; }
.hint { display: none; margin: 0.25rem 0; font-size: 0.8125rem; color: var(--quiet); text-align: right; }
@media (max-width: 48rem) { .hint { display: block; } }
table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: 0.35rem 0.6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--rule); }
th { background: var(--head); }
th[title] { text-decoration: underline dotted; text-underline-offset: 0.2rem; cursor: help; }
.left { text-align: left; }
tr > :first-child { position: sticky; left: 0; background: var(--page); border-right: 1px solid var(--line); }
thead tr > :first-child { background: var(--head); }
.name { width: max-content; max-width: min(20rem, 34vw); white-space: normal; }
pre { padding: 0.75rem; font: 0.8125rem/1.4 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: normal; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 0 2rem; }
figure { margin: 0; padding-top: 1.5rem; }
figure:only-child { max-width: 44rem; }
figure h2 { margin: 0 0 0.5rem; }
img { display: block; width: 100%; height: auto; }
figcaption { font-size: 0.875rem; color: var(--quiet); }
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
        explained_table(result.layers, name_column(), _verdict_columns(result), verdict_meanings(result)),
        element("div", *map(figure_with_caption, pictures), class_="pictures"),
        *_energies(result),
        *_times(result),
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


def _verdict_columns(result: Result) -> list[Column[LayerResult]]:
    """The columns of the readable report, and beside the cycles what bounds them."""
    columns = list(status_columns(result))
    columns.insert([column.heading for column in columns].index("cycles") + 1, bound_by_column())
    return columns


def _troubles(result: Result) -> Iterator[str]:
    lines = [line for layer in result.layers for line in trouble_lines(layer)]
    if lines:
        yield element("h2", text("What went wrong"))
        yield preformatted("\n".join(lines).strip())


def _energies(result: Result) -> Iterator[str]:
    solved = [layer for layer in _distinct(result) if layer.solutions]
    if solved:
        yield element("h2", text(energy_heading(result)))
        yield explained_table(solved, name_column(), energy_columns(result), energy_meanings(result))


def _times(result: Result) -> Iterator[str]:
    solved = [layer for layer in _distinct(result) if layer.solutions]
    if solved:
        yield element("h2", text(TIME_HEADING))
        yield explained_table(solved, name_column(), time_columns(result), OF_TIMES)


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
