"""The HTML report of a sweep: one file with its tables and its picture, that needs no network."""

from __future__ import annotations

from collections.abc import Iterator

from ...model.documents.sweep_results import SweepResult
from ...model.documents.sweep_spec import SweepSpec
from ...model.faults import escaped
from ..pictures.album import Picture
from ..pictures.sweep_chart import sweep_figure
from ..reports.comparisons.sweep_columns import POINT_NUMBER, design_columns, number_column, point_columns
from ..reports.comparisons.sweep_report import closing_lines, front_heading, point_rows, rows_in_order, subject
from .markup import bullets, element, folded, preformatted, table, text
from .result_page import figure_with_caption, html_document, spec_text


def sweep_page(result: SweepResult, spec: SweepSpec) -> str:
    """The report as an HTML document; ``spec`` is what was swept, options of the command included."""
    title = escaped(result.name or "dmaze-solve sweep")
    picture = Picture("sweep", "How the designs compare", _caption(result), sweep_figure(result))
    return html_document(
        title,
        (
            element("h1", text(title)),
            element("p", text(f"{subject(result)}.")),
            bullets(closing_lines(result)),
            folded("The spec, as it was swept", preformatted(spec_text(spec))),
            element("div", figure_with_caption(picture), class_="pictures"),
            *_front(result),
            element("h2", text("Designs")),
            table(rows_in_order(result), number_column(), design_columns(result)),
            element("h2", text("Versions")),
            bullets(f"{name} {version}" for name, version in result.versions.items()),
        ),
    )


def _caption(result: SweepResult) -> str:
    if result.front is not None:
        text = "Every point is a design with one mapping for each layer; nothing beats it in all three figures."
        return f"{text} Hollow: the front of the design is not proved complete." if not result.front.complete else text
    return "Sums over layers of the best mappings, times the layers' counts; none: some layer has no mapping."


def _front(result: SweepResult) -> Iterator[str]:
    if result.front is not None:
        yield element("h2", text(front_heading(result).rstrip(":")))
        yield table(point_rows(result), POINT_NUMBER, point_columns(result))
