"""The readable report of ``sweep``: a row for each design, the best one, or the front."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.console import Console

from ....model.design_fields.nested_values import label_of, setting_text
from ....model.documents.kinds.any_mappings import AnyCost
from ....model.documents.result import Number, Totals
from ....model.documents.sweep_results import FrontPoint, SweepResult, SweptDesign
from ....model.documents.sweep_spec import AnyAreaWeights, AreaWeights, Setting
from ....model.faults import escaped, shortened
from ....model.objectives import OBJECTIVES
from ...tables import Column, name_text, print_line, print_tables
from ..result_report import LONGEST_TITLE, edp_text, energy_text

MOST_ROWS = 100
"""Rows of a table for reading; the files have all."""

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


def print_sweep(console: Console, result: SweepResult) -> None:
    """Print what was found on every design, then what is best, and what is left or went wrong."""
    print_line(console, f"{sweep_title(result)}{subject(result)}\n")
    rows = rows_in_order(result)
    if len(rows) > MOST_ROWS:
        rows.sort(key=_rank)
    print_tables(console, rows[:MOST_ROWS], number_column(), design_columns(result))
    _print_num_left_out(console, len(rows), "designs")
    if result.front is not None and result.front.points:
        print_line(console, f"\n{front_heading(result)}\n")
        points = point_rows(result)
        print_tables(console, points[:MOST_ROWS], POINT_NUMBER, point_columns(result))
        _print_num_left_out(console, len(points), "points")
    print_line(console)
    for line in closing_lines(result):
        print_line(console, line)


def _print_num_left_out(console: Console, number: int, what: str) -> None:
    if number > MOST_ROWS:
        print_line(console, f"... {number - MOST_ROWS:,} more {what}: see --csv, --json or --out")


def sweep_title(result: SweepResult) -> str:
    """The sweep's name as the beginning of a heading; nothing without one."""
    return "" if result.name is None else f"{shortened(escaped(result.name), LONGEST_TITLE)}: "


def subject(result: SweepResult) -> str:
    """What was looked for and where."""
    num_layers = result.counts.layers // result.counts.designs
    sought = "energy, cycles and area proxy" if result.objective is None else f"least {result.objective}"
    ended = " (interrupted)" if result.interrupted else ""
    base = name_text(result.architecture.name)
    layers = "1 layer" if num_layers == 1 else f"{num_layers} layers"
    return f"{sought} of {layers} on {result.counts.designs} designs, base architecture {base}{ended}"


def rows_in_order(result: SweepResult) -> list[DesignRow]:
    """The designs in the order of the axes."""
    points = result.front.points if result.front is not None else ()
    counts = Counter(tuple(point.values.items()) for point in points)
    return [
        DesignRow(number, design, counts[tuple(design.values.items())])
        for number, design in enumerate(result.designs, start=1)
    ]


def _rank(row: DesignRow) -> tuple[int, bool, Number]:
    """What designs are sorted by where not all are shown: points on the front, else objective values."""
    value = row.design.objective_value
    return -row.num_points, value is None, value or 0


def number_column() -> Column[DesignRow]:
    """The first column of the table of designs."""
    return Column("design", lambda row: str(row.number))


def design_columns(result: SweepResult) -> tuple[Column[DesignRow], ...]:
    """A design's values, its area proxy, and what was found."""
    return (
        *(Column(field, _value_of_design(field)) for field in result.designs[0].values),
        Column("area proxy KiB", lambda row: _kib(row.design.area_proxy_bytes), optional=True),
        Column("status", lambda row: row.design.status, left=True),
        Column("energy pJ", _total(lambda total: total.energy_pj, energy_text), optional=True),
        Column("cycles", _total(lambda total: total.cycles, "{:,}".format), optional=True),
        _edp_column(result),
        Column("bound", lambda row: _bound(result, row.design), optional=True),
        Column("best", lambda row: _share(result, row.design), optional=True),
        Column("least energy pJ", _least(0, lambda cost: cost.energy_pj), optional=True),
        Column("least cycles", _least(-1, lambda cost: cost.cycles), optional=True),
        Column("on front", lambda row: str(row.num_points or "") or None, optional=True),
        Column("s", lambda row: f"{_seconds(row.design):.1f}"),
        Column(
            "note", lambda row: None if row.design.note is None else escaped(row.design.note), left=True, optional=True
        ),
    )


def _edp_column(result: SweepResult) -> Column[DesignRow]:
    """The EDP that was minimised, or else that of the totals."""
    if result.objective == "edp":
        return Column("sum of EDPs", _total(lambda total: total.edp_sum, edp_text), optional=True)
    return Column("EDP pJ*cycles", _total(lambda total: total.edp, edp_text), optional=True)


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
    """The bound of a design that is not proved."""
    if result.objective is None or design.status != "feasible" or design.bound is None:
        return None
    return OBJECTIVES[result.objective].bound_text(design.bound)


def _share(result: SweepResult, design: SweptDesign) -> str | None:
    """How far a design is from the best one."""
    if result.best is None or design.objective_value is None or not result.best.objective_value:
        return None
    excess = design.objective_value / result.best.objective_value - 1
    return "best" if design.values == result.best.values else f"+{excess:.1%}"


def _least(end: int, figure: Callable[[AnyCost], Number]) -> Callable[[DesignRow], str | None]:
    """The sum of a figure over the first or the last points of a design's fronts."""

    def cell(row: DesignRow) -> str | None:
        layers = row.design.fronts.layers if row.design.fronts is not None else ()
        if not layers or not all(layer.points for layer in layers):
            return None
        return energy_text(sum(layer.count * figure(layer.points[end].cost) for layer in layers))

    return cell


def _seconds(design: SweptDesign) -> float:
    """Seconds that the searches of a design took, in whichever run."""
    layers = design.result.layers if design.result is not None else ()
    fronts = design.fronts.layers if design.fronts is not None else ()
    return sum(layer.wall_s for layer in (*layers, *fronts))


def front_heading(result: SweepResult) -> str:
    """What the table of the front shows, and what is claimed of it."""
    front = result.front
    if front is None:
        return ""
    proof = "proved complete" if front.complete else "not proved complete"
    within = f" within {front.tolerance:.3%} of energy and cycles" if front.tolerance else ""
    return f"Front over energy, cycles and area proxy, {len(front.points):,} points, {proof}{within}:"


def point_rows(result: SweepResult) -> list[PointRow]:
    """The points of the front, by rising energy."""
    numbers = {tuple(design.values.items()): number for number, design in enumerate(result.designs, start=1)}
    points = result.front.points if result.front is not None else ()
    return [PointRow(numbers[tuple(point.values.items())], point) for point in points]


POINT_NUMBER = Column[PointRow]("design", lambda row: str(row.number))


def point_columns(result: SweepResult) -> tuple[Column[PointRow], ...]:
    """A point's design and its three figures."""
    return (
        *(Column(field, _value_of_point(field)) for field in result.designs[0].values),
        Column("energy pJ", lambda row: energy_text(row.point.energy_pj)),
        Column("cycles", lambda row: f"{row.point.cycles:,}"),
        Column("EDP pJ*cycles", lambda row: edp_text(row.point.edp)),
        Column("area proxy KiB", lambda row: _kib(row.point.area_proxy_bytes)),
    )


def _value_of_point(field: str) -> Callable[[PointRow], str]:
    return lambda row: _setting(row.point.values[field])


def closing_lines(result: SweepResult) -> Iterator[str]:
    """What is best, what the figures mean, how much was done, and what went wrong."""
    if result.best is not None and result.objective is not None:
        rule = OBJECTIVES[result.objective]
        value = rule.value_text(result.best.objective_value)
        proof = "proved: no design of the sweep has less" if result.best.proved else "the best found, not proved"
        summed = rule.name if rule.is_integer else rule.title_of_sum
        yield f"least {summed}: {label_of(result.best.values)}, {value} {rule.unit}; {proof}"
    counts = result.counts
    yield f"area proxy: {_area_text(result.sweep.area_weights)}; a stand-in that orders designs by memory, not an area"
    yield (
        f"{counts.layers:,} pairs of a layer and a design, {counts.problems:,} different problems: "
        f"{counts.resumed:,} from the results file, {counts.searched:,} searched, {counts.left:,} left"
    )
    if result.fault is not None:
        yield f"ended early: {escaped(result.fault)}"
    for fault in result.faults:
        yield f"{name_text(fault.layer)} on {label_of(fault.values)}: fault: {escaped(fault.message)}"


def _area_text(weights: AnyAreaWeights) -> str:
    """What the area proxy adds up."""
    if isinstance(weights, AreaWeights):
        return f"{weights.rf:g} x bytes of all register files + {weights.spm:g} x bytes of both SPM buffers"
    return " + ".join(f"{weight:g} x bytes of all {name_text(name)}" for name, weight in weights.items())
