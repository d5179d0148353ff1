"""The readable report of ``sweep``: a row for each design, the best one, or the front."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.console import Console

from ....model.design_fields.nested_values import label_of
from ....model.documents.result import Limit, Number
from ....model.documents.sweep_results import SweepCounts, SweepResult, SweptDesign
from ....model.documents.sweep_spec import AnyAreaWeights, AreaWeights
from ....model.faults import escaped
from ....model.objectives import OBJECTIVES
from ...tables import name_text, print_line, print_tables, title_text
from ..certificate_report import MORE_TIME
from .sweep_columns import (
    POINT_NUMBER,
    UNPROVED,
    DesignRow,
    PointRow,
    design_columns,
    is_open,
    number_column,
    point_columns,
)

MOST_ROWS = 100
"""Rows of a table for reading; the files have all."""


def print_sweep(console: Console, result: SweepResult) -> None:
    """Print the front where one was asked for, what was found on every design, what is best, and what went wrong."""
    print_line(console, f"{sweep_title(result)}{subject(result)}\n")
    if result.front is not None and result.front.points:
        print_line(console, f"{front_heading(result)}\n")
        points = point_rows(result)
        print_tables(console, points[:MOST_ROWS], POINT_NUMBER, point_columns(result))
        _print_num_left_out(console, len(points), "points")
        print_line(console, "\nThe designs:\n")
    rows = rows_in_order(result)
    if len(rows) > MOST_ROWS:
        rows.sort(key=_rank)
    print_tables(console, rows[:MOST_ROWS], number_column(), design_columns(result))
    _print_num_left_out(console, len(rows), "designs")
    print_line(console)
    for line in closing_lines(result):
        print_line(console, line)


def _print_num_left_out(console: Console, number: int, what: str) -> None:
    if number > MOST_ROWS:
        print_line(console, f"... {number - MOST_ROWS:,} more {what}: see --csv, --json or --out")


def sweep_title(result: SweepResult) -> str:
    """The sweep's name as the beginning of a heading; nothing without one."""
    return "" if result.name is None else f"{title_text(result.name)}: "


def subject(result: SweepResult) -> str:
    """What was looked for and where."""
    num_layers = result.counts.layers // result.counts.designs
    sought = "energy, cycles and area proxy" if result.objective is None else f"least {result.objective}"
    ended = " (interrupted)" if result.interrupted else ""
    base = title_text(result.architecture.name)
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


def closing_lines(result: SweepResult) -> Iterator[str]:
    """What is best, what the figures mean, how much was done, and what went wrong."""
    if result.best is not None and result.objective is not None:
        rule = OBJECTIVES[result.objective]
        value = rule.value_text(result.best.objective_value)
        proof = "proved: no design of the sweep has less" if result.best.proved else "the best found, not proved"
        summed = rule.name if rule.is_integer else rule.title_of_sum
        yield f"least {summed}: {label_of(result.best.values)}, {value} {rule.unit}; {proof}"
    if any(is_open(design) for design in result.designs):
        yield f"{UNPROVED}: not proved, a limit was reached; {_still_open(result)}"
    if out_of_time := sum(_is_out_of_time(design) for design in result.designs):
        limit = result.solver.time_limit_s
        yield (
            f"time was up on {out_of_time} of {len(result.designs)} designs; to search further than {limit:g} s: "
            f"--time-limit {MORE_TIME * limit:g}"
        )
    counts = result.counts
    yield f"area proxy: {_area_text(result.sweep.area_weights)}; a stand-in that orders designs by memory, not an area"
    yield (
        f"{counts.layers:,} pairs of a layer and a design, {counts.problems:,} different problems: "
        f"{counts.resumed:,} from the results file, {_searched(counts)}, {_excluded(counts)}{counts.left:,} left"
    )
    if result.fault is not None:
        yield f"ended early: {escaped(result.fault)}"
    for fault in result.faults:
        yield f"{name_text(fault.layer)} on {label_of(fault.values)}: fault: {escaped(fault.message)}"


def _still_open(result: SweepResult) -> str:
    return "points may be missing" if result.objective is None else "less may be possible, down to the bound"


def _is_out_of_time(design: SweptDesign) -> bool:
    """Whether the time of a layer was up before its mapping was proved."""
    terminations = [layer.termination for layer in design.result.layers] if design.result is not None else []
    return any(termination is not None and termination.limit is Limit.TIME for termination in terminations)


def _searched(counts: SweepCounts) -> str:
    """How many problems were searched, and how many the cache answered, if any."""
    cached = f", {counts.cached:,} from the cache" if counts.cached else ""
    return f"{counts.searched - counts.cached:,} searched{cached}"


def _excluded(counts: SweepCounts) -> str:
    """How many problems need no answer, if any, and how many of these a search has refuted."""
    return f"{counts.excluded:,} excluded ({counts.refuted:,} by a search), " if counts.excluded else ""


def _area_text(weights: AnyAreaWeights) -> str:
    """What the area proxy adds up."""
    if isinstance(weights, AreaWeights):
        return f"{weights.rf:g} x bytes of all register files + {weights.spm:g} x bytes of both SPM buffers"
    return " + ".join(f"{weight:g} x bytes of all {name_text(name)}" for name, weight in weights.items())
