"""A sweep as comma-separated values: a row for each design, or for each point of its front."""

from __future__ import annotations

from collections.abc import Iterator

from ....model.design_fields.nested_values import setting_text
from ....model.documents.sweep_results import SweepResult, SweptDesign
from .study_tables import csv_text

POINT_COLUMNS = ("area_proxy_bytes", "energy_pj", "cycles", "edp", "proved")
DESIGN_COLUMNS = ("area_proxy_bytes", "status", "objective_value", "bound", "energy_pj", "cycles", "edp", "edp_sum")


def sweep_csv(result: SweepResult) -> str:
    """For one objective every design, the layers' objective values in columns of their own; else the front."""
    fields = list(result.designs[0].values)
    if result.front is not None:
        points = (
            (*map(setting_text, point.values.values()), *map(_cell, (getattr(point, c) for c in POINT_COLUMNS)))
            for point in result.front.points
        )
        return csv_text([*fields, *POINT_COLUMNS], points)
    first = result.designs[0].result
    layers = [f"objective_value.{layer.name}" for layer in first.layers] if first is not None else []
    return csv_text([*fields, *DESIGN_COLUMNS, *layers], (list(_cells(design)) for design in result.designs))


def _cell(value: object) -> object:
    """A value, truth values as in JSON."""
    return str(value).lower() if isinstance(value, bool) else value


def _cells(design: SweptDesign) -> Iterator[object]:
    yield from map(setting_text, design.values.values())
    yield from (design.area_proxy_bytes, design.status, design.objective_value, design.bound)
    if design.result is not None:
        total = design.result.total
        yield from (total.energy_pj, total.cycles, total.edp, total.edp_sum)
        yield from (layer.objective_value for layer in design.result.layers)
