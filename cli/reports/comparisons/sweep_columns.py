"""The tables of a sweep: a row for each design, or for each point of the front; what is not proved is marked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ....model.design_fields.nested_values import setting_text
from ....model.documents.kinds.any_mappings import AnyCost
from ....model.documents.result import Number, Totals
from ....model.documents.sweep_results import FrontPoint, SweepResult, SweptDesign
from ....model.documents.sweep_spec import Setting
from ....model.faults import escaped
from ....model.objectives import OBJECTIVES
from ...tables import DOUBTFUL, Column, status_style
from ..result_report import edp_text, energy_text

UNPROVED = "~"
"""Stands before a figure that is not proved."""

BYTES_PER_KIB = 1024


@dataclass(frozen=True)
class DesignRow:
    """A design with its number, counted from 1, and how many points of the front it has."""

    number: int
    design: SweptDesign
    num_points: int


@dataclass(frozen=True)
class PointRow:
    """A point of the front with the number of its design."""

    number: int
    point: FrontPoint


def number_column() -> Column[DesignRow]:
    """The first column of the table of designs."""
    return Column("design", lambda row: str(row.number))


def design_columns(result: SweepResult) -> tuple[Column[DesignRow], ...]:
    """A design's values, its area proxy, and what was found."""
    return (
        *(Column(field, _value_of_design(field), priority=1) for field in result.designs[0].values),
        Column("area proxy KiB", lambda row: _kib(row.design.area_proxy_bytes), optional=True, priority=4),
        Column(
            "status",
            lambda row: row.design.status if row.design.excluded is None else "excluded",
            left=True,
            priority=0,
            style=lambda row: status_style(row.design.status if row.design.excluded is None else None),
        ),
        *_total_columns(result),
        Column("bound", lambda row: _bound(result, row.design), optional=True, priority=3),
        Column("best", lambda row: _share(result, row.design), optional=True, priority=1),
        Column("least energy pJ", _least(0, lambda cost: cost.energy_pj), optional=True, style=_doubt),
        Column("least cycles", _least(-1, lambda cost: cost.cycles), optional=True, style=_doubt),
        Column("on front", lambda row: str(row.num_points or "") or None, optional=True, priority=1),
        Column("s", lambda row: f"{_seconds(row.design):.1f}", priority=4),
        Column("note", lambda row: _note(row.design), left=True, optional=True),
    )


def _total_columns(result: SweepResult) -> Iterator[Column[DesignRow]]:
    """Energy, cycles and EDP: the sum that was minimised, marked where it is not proved, and totals of the others."""
    edp = ("sum of EDPs", _total(lambda total: total.edp_sum, edp_text))
    if result.objective != "edp":
        edp = ("EDP pJ*cycles", _total(lambda total: total.edp, edp_text))
    by_objective = {
        "energy": ("energy pJ", _total(lambda total: total.energy_pj, energy_text)),
        "latency": ("cycles", _total(lambda total: total.cycles, "{:,}".format)),
        "edp": edp,
    }
    for objective, (heading, cell) in by_objective.items():
        if objective == result.objective:
            yield Column(heading, _marked(cell), optional=True, priority=0, style=_doubt)
        else:
            yield Column(heading, cell, optional=True, priority=2)


def _marked(cell: Callable[[DesignRow], str | None]) -> Callable[[DesignRow], str | None]:
    """A cell with a mark where the design is not proved."""

    def marked(row: DesignRow) -> str | None:
        text = cell(row)
        return None if text is None else f"{UNPROVED if is_open(row.design) else ''}{text}"

    return marked


def is_open(design: SweptDesign) -> bool:
    """Whether a design has mappings of all layers, and better ones may exist."""
    return design.status == "feasible"


def _doubt(row: DesignRow) -> str | None:
    return DOUBTFUL if is_open(row.design) else None


def _kib(size_bytes: float | None) -> str | None:
    return None if size_bytes is None else f"{size_bytes / BYTES_PER_KIB:,.1f}"


def _setting(value: Setting) -> str:
    return f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else setting_text(value)


def _value_of_design(field: str) -> Callable[[DesignRow], str]:
    return lambda row: _setting(row.design.values[field])


def _total(
    figure: Callable[[Totals], Number | None], text: Callable[[Number], str]
) -> Callable[[DesignRow], str | None]:
    def cell(row: DesignRow) -> str | None:
        value = None if row.design.result is None else figure(row.design.result.total)
        return None if value is None else text(value)

    return cell


def _bound(result: SweepResult, design: SweptDesign) -> str | None:
    """The bound of a design that is not proved, or was excluded."""
    not_proved = is_open(design) or design.excluded is not None
    if result.objective is None or not not_proved or design.bound is None:
        return None
    return OBJECTIVES[result.objective].bound_text(design.bound)


def _note(design: SweptDesign) -> str | None:
    """Why a design is not proved, or what excluded it."""
    if design.excluded is None:
        return None if design.note is None else escaped(design.note)
    layers = {"solved": design.excluded.solved, "refuted": design.excluded.refuted, "bounded": design.excluded.bounded}
    return f"layers: {', '.join(f'{number} {how}' for how, number in layers.items() if number)}"


def _share(result: SweepResult, design: SweptDesign) -> str | None:
    """How far a design is from the best one."""
    if result.best is None or design.objective_value is None or not result.best.objective_value:
        return None
    excess = design.objective_value / result.best.objective_value - 1
    best = "best" if result.best.proved else "best found"
    return best if design.values == result.best.values else f"+{excess:.1%}"


def _least(end: int, figure: Callable[[AnyCost], Number]) -> Callable[[DesignRow], str | None]:
    """The sum of a figure over the first or the last points of a design's fronts."""

    def cell(row: DesignRow) -> str | None:
        layers = row.design.fronts.layers if row.design.fronts is not None else ()
        if not layers or not all(layer.points for layer in layers):
            return None
        return energy_text(sum(layer.count * figure(layer.points[end].cost) for layer in layers))

    return _marked(cell)


def _seconds(design: SweptDesign) -> float:
    """Seconds that the searches of a design took, in whichever run."""
    layers = design.result.layers if design.result is not None else ()
    fronts = design.fronts.layers if design.fronts is not None else ()
    return sum(layer.wall_s for layer in (*layers, *fronts))


POINT_NUMBER = Column[PointRow](
    "design",
    lambda row: f"{'' if row.point.proved else UNPROVED}{row.number}",
    style=lambda row: None if row.point.proved else DOUBTFUL,
)


def point_columns(result: SweepResult) -> tuple[Column[PointRow], ...]:
    """A point's design and its three figures."""
    return (
        *(Column(field, _value_of_point(field), priority=1) for field in result.designs[0].values),
        Column("energy pJ", lambda row: energy_text(row.point.energy_pj), priority=0),
        Column("cycles", lambda row: f"{row.point.cycles:,}", priority=0),
        Column("EDP pJ*cycles", lambda row: edp_text(row.point.edp), priority=2),
        Column("area proxy KiB", lambda row: _kib(row.point.area_proxy_bytes), priority=0),
    )


def _value_of_point(field: str) -> Callable[[PointRow], str]:
    return lambda row: _setting(row.point.values[field])
