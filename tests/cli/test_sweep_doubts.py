"""What a sweep says of points that are not proved: in tables, in pictures, in files; and what comes from the cache."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from builders import Specs, gemm
from dmaze.cli.pages.sweep_page import sweep_page
from dmaze.cli.pictures.sweep_chart import NOT_COMPLETE, NOT_PROVED, share_text, sweep_figure
from dmaze.cli.reports.comparisons.sweep_report import print_sweep
from dmaze.cli.reports.comparisons.sweep_tables import sweep_csv
from dmaze.model.documents.result import Limit, Reason, Termination
from dmaze.model.documents.sweep_results import SweepResult
from dmaze.solver import Cache, solve, sweep
from rich.console import Console
from sweep_specs import MACHINE, sweep_spec

BANKS: dict[str, Any] = {"spm.banks": [8, 16]}
SIZES: dict[str, Any] = {"rf_bytes_per_pe": [16, 64]}
LAYER = gemm(12, 8, 10, name="a")


@cache
def proved(*, num_axes: int = 2, pareto: bool = False, objective: str = "edp") -> SweepResult:
    spec = sweep_spec(LAYER, axes=[BANKS, SIZES][:num_axes], pareto=pareto, objective=objective)
    with ThreadPoolExecutor(1) as executor:
        return sweep(spec, executor=executor)


def doubtful(result: SweepResult, *numbers: int) -> SweepResult:
    """The same result, had a limit been reached on the designs with these numbers, counted from 1."""
    open_ones = [result.designs[number - 1].values for number in numbers]
    designs = tuple(
        design.model_copy(update={"status": "feasible", "bound": 1e6}) if design.values in open_ones else design
        for design in result.designs
    )
    changes: dict[str, Any] = {"designs": designs}
    if result.front is not None:
        points = tuple(
            point.model_copy(update={"proved": point.values not in open_ones}) for point in result.front.points
        )
        changes["front"] = result.front.model_copy(update={"points": points, "complete": False})
    if result.best is not None:
        changes["best"] = result.best.model_copy(update={"proved": False})
    return result.model_copy(update=changes)


def report(result: SweepResult) -> str:
    stream = StringIO()
    print_sweep(Console(file=stream, width=160), result)
    return stream.getvalue()


def cells(text: str, heading: str) -> list[str]:
    """The cells of a column of the first table that has it, told by where they end."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if heading in line and line.split()[:1] == ["design"])
    end = lines[start].index(heading) + len(heading)
    rows = lines[start + 2 :]
    return [row[:end].split()[-1] for row in rows[: next(i for i, row in enumerate(rows) if not row.strip())]]


@pytest.mark.parametrize(
    ("objective", "heading"), [("edp", "sum of EDPs"), ("energy", "energy pJ"), ("latency", "cycles")]
)
def test_sums_that_are_not_proved_are_marked_in_the_table(objective: str, heading: str) -> None:
    result = proved(objective=objective)
    before, after = (cells(report(found), heading) for found in (result, doubtful(result, 2)))
    assert after == [before[0], f"~{before[1]}", *before[2:]]
    assert "~: not proved, a limit was reached; less may be possible, down to the bound" in report(doubtful(result, 2))
    assert "~" not in report(result)


def test_the_best_design_is_only_the_best_found_where_that_is_not_proved() -> None:
    assert re.search(r" best$| best  ", report(proved()), re.MULTILINE)
    assert "best found" not in report(proved())
    assert "best found  " in report(doubtful(proved(), 1))


def test_values_over_the_least_are_short_enough_for_a_cell() -> None:
    told = [share_text(share) for share in (1.0, 1.426, 31.2, 1790951.0, float("nan"))]
    assert told == ["best", "1.43", "31", "1.8e+06", "none"]


def test_more_time_is_suggested_where_time_was_up() -> None:
    result = proved()
    up = Termination(reason=Reason.LIMIT, limit=Limit.TIME)
    first, *others = result.designs
    assert first.result is not None
    layers = tuple(layer.model_copy(update={"termination": up}) for layer in first.result.layers)
    changed = first.model_copy(update={"result": first.result.model_copy(update={"layers": layers})})
    line = f"time was up on 1 of {len(result.designs)} designs; to search further than 60 s: --time-limit 240\n"
    assert line in report(result.model_copy(update={"designs": (changed, *others)}))
    assert "time was up" not in report(result)


def test_the_front_comes_first() -> None:
    text = report(proved(pareto=True))
    assert text.index("Front over energy") < text.index("The designs:") < text.index("least energy pJ")


def test_points_of_designs_whose_fronts_are_not_complete_are_marked() -> None:
    result = proved(pareto=True)
    numbers = cells(report(result), "design")
    text = report(doubtful(result, int(numbers[0])))
    assert cells(text, "design") == [f"~{number}" if number == numbers[0] else number for number in numbers]
    assert len(set(numbers)) > 1
    assert "~: not proved, a limit was reached; points may be missing" in text


def test_points_say_in_json_and_csv_whether_they_are_proved() -> None:
    result = proved(pareto=True)
    assert result.front is not None
    assert all(point.proved for point in result.front.points)
    column = [row.rpartition(",")[2] for row in sweep_csv(doubtful(result, of_first_point(result))).splitlines()]
    assert column[0] == "proved"
    assert set(column[1:]) == {"true", "false"}


def of_first_point(result: SweepResult) -> int:
    """The number of the design of a front's first point."""
    assert result.front is not None
    return 1 + [design.values for design in result.designs].index(result.front.points[0].values)


def hollow_points(result: SweepResult) -> tuple[int, list[str]]:
    """How many hollow markers a picture has, and what its legend says."""
    figure = sweep_figure(result)
    axes = figure.axes[0]
    lines = [line for line in axes.lines if line.get_markerfacecolor() == "white" and line.get_marker() == "o"]
    rings = [found for found in axes.collections if len(found.get_facecolors()) == 0]  # type: ignore[attr-defined]
    number = sum(len(line.get_xdata()) for line in lines) + sum(len(ring.get_offsets()) for ring in rings)  # type: ignore[arg-type]
    return number, [text.get_text() for legend in figure.legends for text in legend.get_texts()]


@pytest.mark.parametrize("num_axes", [1, 2])
def test_designs_that_are_not_proved_have_hollow_markers(num_axes: int) -> None:
    result = proved(num_axes=num_axes)
    assert hollow_points(result) == (0, [])
    assert hollow_points(doubtful(result, 1)) == (1, [NOT_PROVED])
    assert hollow_points(doubtful(result, 1, 2)) == (2, [NOT_PROVED])


def test_points_of_a_front_that_are_not_proved_have_hollow_markers() -> None:
    result = proved(pareto=True)
    assert result.front is not None
    expected = sum(point.values == result.front.points[0].values for point in result.front.points)
    assert hollow_points(result) == (0, ["least EDP of the totals"])
    assert hollow_points(doubtful(result, of_first_point(result))) == (
        expected,
        [NOT_COMPLETE, "least EDP of the totals"],
    )


def test_the_page_says_what_hollow_points_are() -> None:
    spec = sweep_spec(LAYER, axes=[BANKS, SIZES], pareto=True)
    assert "Hollow: " not in sweep_page(proved(pareto=True), spec)
    assert "Hollow: the front of the design is not proved" in sweep_page(doubtful(proved(pareto=True), 3), spec)


def test_what_a_single_run_has_proved_serves_a_sweep_and_the_other_way_round(tmp_path: Path) -> None:
    def swept() -> SweepResult:
        with ThreadPoolExecutor(1) as executor:
            return sweep(sweep_spec(LAYER, axes=[BANKS]), executor=executor, cache=tmp_path)

    def solved(banks: int, top_k: int) -> bool:
        machine = {**MACHINE, "spm": {**MACHINE["spm"], "banks": banks}}
        asked = Specs(LAYER, architecture=machine, solver={"top_k": top_k})
        return solve(asked(), cache=Cache(tmp_path)).layers[0].cached

    assert solved(8, top_k=5) is False
    first = swept()
    assert (first.counts.searched, first.counts.cached) == (2, 1)
    assert "2 different problems: 0 from the results file, 1 searched, 1 from the cache, 0 left" in report(first)
    assert solved(16, top_k=1) is True
    assert swept().counts.cached == 2
