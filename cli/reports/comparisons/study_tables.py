"""Studies as tables of comma-separated values: a column for each figure, named by its place in the JSON document."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, cast

from ....model.documents.study_results import DataflowStudy, GapStudy, LayerDataflows

Document = dict[str, Any]

SEARCH_COLUMNS = ("backend", "status", "objective_value", "bound", "gap", "tilings_costed", "seconds")
COST_COLUMNS = ("best.cost.edp", "best.cost.energy_pj", "best.cost.cycles")

GAP_COLUMNS = (
    *("name", "count", "same_as", "optimum", "proved_by", "agree", "space_tilings"),
    *(f"solver.{column}" for column in (*SEARCH_COLUMNS, *COST_COLUMNS)),
    *(f"bounded.{column}" for column in SEARCH_COLUMNS),
    *("pruned.loss", "pruned.search_reduction"),
    *(f"pruned.thresholds.{part}" for part in ("pe", "rf", "spm")),
    *(f"pruned.search.{column}" for column in (*SEARCH_COLUMNS, *COST_COLUMNS)),
    *("full.outcome", "full.done", "full.projected_s"),
    *(f"full.search.{column}" for column in SEARCH_COLUMNS),
)

DATAFLOW_COLUMNS = (
    *("layer.name", "layer.count", "layer.same_as", "dataflow", "spatial_dims", "proved"),
    *(f"ratios.{column}" for column in ("objective_value", "edp", "energy", "cycles")),
    *(f"search.{column}" for column in (*SEARCH_COLUMNS, *COST_COLUMNS)),
)

UNRESTRICTED = "unrestricted"


def gap_csv(study: GapStudy) -> str:
    """A row for each layer."""
    return _csv(GAP_COLUMNS, (layer.model_dump(mode="json") for layer in study.layers))


def dataflows_csv(study: DataflowStudy) -> str:
    """A row for each layer without restriction, and one for each layer and dataflow."""
    return _csv(DATAFLOW_COLUMNS, (row for layer in study.layers for row in _dataflow_rows(layer)))


def _dataflow_rows(layer: LayerDataflows) -> list[Document]:
    own = layer.model_dump(mode="json", include={"name", "count", "same_as"})
    unrestricted = layer.unrestricted.model_dump(mode="json") if layer.unrestricted is not None else None
    return [
        {"layer": own, "dataflow": UNRESTRICTED, "search": unrestricted},
        *({"layer": own, **entry.model_dump(mode="json")} for entry in layer.restricted),
    ]


def _csv(columns: Sequence[str], rows: Iterable[Document]) -> str:
    return csv_text(columns, ([_cell(row, column) for column in columns] for row in rows))


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A heading and rows as comma-separated values."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def _cell(row: Document, column: str) -> object:
    """The value at a dotted place; empty where there is none, lists joined by ``|``, truth values as in JSON."""
    value: Any = row
    for key in column.split("."):
        value = value.get(key) if value is not None else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return "|".join(cast("list[str]", value)) if isinstance(value, list) else value
