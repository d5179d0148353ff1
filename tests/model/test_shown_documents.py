"""Documents show themselves in a line, in a notebook, and as a table of pandas."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from builders import gemm
from dmaze.model import EvaluateResult, InputError, Result, SweepResult, evaluate
from dmaze.model.documents.shown.flat_rows import flat
from dmaze.model.documents.shown.html_table import MOST_ROWS, html_table
from dmaze.model.documents.shown.shown_kinds import SHOWN
from dmaze.model.documents.spec import SolverOptions
from dmaze.solver import (
    dataflow_study,
    explain,
    gap_study,
    network_optimum,
    pareto_fronts,
    solve,
    verify,
    verify_network,
)

SPEC: dict[str, Any] = {
    "name": "<two> products",
    "architecture": "dmazerunner-256pe",
    "workload": {"layers": [gemm(4, 6, 8, name="a", count=2), gemm(4, 6, 10, name="b&c")]},
    "solver": {"workers": 1, "backend": "exhaustive-bounded", "top_k": 2},
}
TOO_FULL = {"min_utilization": {"rf": 1.0, "pe": 1.0, "spm": 1.0}}


@pytest.fixture(scope="module")
def result() -> Result:
    return solve(SPEC)


@pytest.fixture(scope="module")
def infeasible() -> Result:
    return solve(SPEC, constraints=TOO_FULL)


class Cells(HTMLParser):
    """The texts of a table's cells, row by row, and that of the paragraphs around it."""

    def __init__(self, html: str | None) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.paragraphs: list[str] = []
        self._texts: list[str] = []
        self.feed(html or "")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th", "p"):
            self._texts = self.paragraphs if tag == "p" else self.rows[-1]
            self._texts.append("")

    def handle_data(self, data: str) -> None:
        self._texts[-1] += data


def test_a_result_is_a_line(result: Result, infeasible: Result) -> None:
    total = result.total
    assert repr(result) == str(result)
    assert repr(result) == (
        "<Result '<two> products': edp on dmazerunner-256pe; 2 layers, 2 proved; "
        f"total energy {total.energy_pj:.4e} pJ, {total.cycles:,} cycles, EDP {total.edp:.4e} pJ*cycles>"
    )
    cost = result.layers[0].solutions[0].cost
    assert repr(result.layers[0]) == (
        f"<LayerResult 'a': optimal; 2 mappings; energy {cost.energy_pj:.4e} pJ, {cost.cycles:,} cycles, "
        f"EDP {cost.edp:.4e} pJ*cycles; gap 0>"
    )
    assert repr(infeasible) == "<Result '<two> products': edp on dmazerunner-256pe; 2 layers, 0 proved, 2 infeasible>"
    assert repr(infeasible.layers[0]) == "<LayerResult 'a': infeasible; 0 mappings>"
    unknown = infeasible.layers[0].model_copy(update={"status": "unknown"})
    mixed = infeasible.model_copy(update={"layers": (*infeasible.layers, result.layers[0], unknown)})
    assert repr(mixed).endswith("; 4 layers, 1 proved, 2 infeasible, 1 unknown>")
    interrupted = result.model_copy(update={"interrupted": True, "name": "x\n" * 100})
    assert repr(interrupted).startswith("<Result 'x\\nx\\n")
    assert repr(interrupted).endswith("; interrupted>")
    assert len(repr(interrupted)) < 250


def test_a_notebook_shows_the_best_mapping_of_every_layer(result: Result, infeasible: Result) -> None:
    cells = Cells(result._repr_html_())
    costs = [layer.solutions[0].cost for layer in result.layers]
    assert cells.paragraphs == [repr(result)[1:-1]]
    assert cells.rows[0] == ["layer", "count", "status", "gap", "energy_pj", "cycles", "edp", "bound_by"]
    assert [row[:4] for row in cells.rows[1:]] == [["a", "2", "optimal", "0"], ["b&c", "1", "optimal", "0"]]
    assert [row[4:7] for row in cells.rows[1:]] == [
        [f"{cost.energy_pj:,}", f"{cost.cycles:,}", f"{cost.edp:.6g}"] for cost in costs
    ]
    assert Cells(infeasible._repr_html_()).rows == [
        ["layer", "count", "status"],
        ["a", "2", "infeasible"],
        ["b&c", "1", "infeasible"],
    ]


def test_a_table_has_a_row_for_every_layer_and_rank(result: Result, infeasible: Result) -> None:
    frame = result.to_pandas()
    assert list(frame["layer"]) == ["a", "a", "b&c", "b&c"]
    assert list(frame["rank"]) == [1, 2, 1, 2]
    solutions = [solution for layer in result.layers for solution in layer.solutions]
    assert list(frame["rank_proved"]) == [solution.proved for solution in solutions]
    for name in ("energy_pj", "cycles", "edp", "dram_bytes"):
        assert list(frame[name]) == [getattr(solution.cost, name) for solution in solutions]
    for part in ("mac", "rf", "noc", "spm", "dram"):
        wanted = [getattr(solution.cost.energy_breakdown_pj, part) for solution in solutions]
        assert list(frame[f"energy_breakdown_pj.{part}"]) == wanted
    assert list(frame["utilization.pe"]) == [solution.cost.utilization.pe for solution in solutions]
    assert list(infeasible.to_pandas()["rank"].isna()) == [True, True]
    assert list(result.layers[1].to_pandas()["rank"]) == [1, 2]


def test_hierarchies_have_figures_by_node() -> None:
    costs = _costs_on_a_hierarchy()
    frame = costs.to_pandas()
    assert list(frame["energy_breakdown_pj.DRAM"]) == [cost.energy_breakdown_pj["DRAM"] for cost in costs.costs]
    assert Cells(costs._repr_html_()).rows[0] == ["mapping", "energy_pj", "cycles", "edp", "bound_by"]
    assert repr(costs) == "<EvaluateResult: 1 mapping>"


def _costs_on_a_hierarchy() -> EvaluateResult:
    mapping = {"tiling": {"M": {"DRAM": 4}, "N": {"DRAM": 6}, "K": {"DRAM": 8}}}
    return evaluate({"architecture": "tpu-v1", "layer": gemm(4, 6, 8), "mappings": [mapping]})


def test_fronts_have_a_row_for_every_point() -> None:
    fronts = pareto_fronts(SPEC)
    points = [len(layer.points) for layer in fronts.layers]
    assert repr(fronts) == (
        "<ParetoFronts '<two> products': energy-latency fronts on dmazerunner-256pe; 2 layers, 2 complete; "
        f"{sum(points)} points>"
    )
    assert repr(fronts.layers[0]) == f"<LayerFront 'a': complete; {points[0]} points>"
    frame = fronts.to_pandas()
    assert list(frame["layer"]) == ["a"] * points[0] + ["b&c"] * points[1]
    assert list(frame["cycles"]) == [point.cost.cycles for layer in fronts.layers for point in layer.points]
    assert len(Cells(fronts._repr_html_()).rows) == 1 + sum(points)


def test_studies_have_a_row_for_every_layer() -> None:
    gap = gap_study({**SPEC, "workload": {"layers": [gemm(24, 36, 48)]}, "solver": {"workers": 1}}, full_limit_s=0)
    assert gap.layers[0].pruned is not None
    assert repr(gap) == (
        "<GapStudy '<two> products': edp on dmazerunner-256pe; 1 layer; "
        f"mean loss {gap.layers[0].pruned.loss:.2%}; the proofs agree>"
    )
    frame = gap.to_pandas()
    assert list(frame["layer"]) == ["g"]
    assert list(frame["pruned.loss"]) == [gap.layers[0].pruned.loss]
    assert list(frame["solver.objective_value"]) == list(frame["optimum"]) == [gap.layers[0].optimum]
    dataflows = dataflow_study(SPEC)
    assert repr(dataflows).startswith(
        "<DataflowStudy '<two> products': edp on dmazerunner-256pe; 2 layers, 4 dataflows"
    )
    table = dataflows.to_pandas()
    assert list(table["layer"]) == ["a"] * 4 + ["b&c"] * 4
    assert list(table["dataflow"][:4]) == [dataflow.name for dataflow in dataflows.dataflows]
    assert "ratios" not in table or table["ratios"].isna().all()


def test_what_is_said_of_a_result_has_rows_of_its_own(result: Result) -> None:
    why = explain(result.model_dump_json(by_alias=True), "a", workers=1)
    cost = result.layers[0].solutions[0].cost
    assert repr(why) == (
        "<Explanation '<two> products': a on dmazerunner-256pe, optimal; "
        f"bound by {cost.bound_by}, {cost.cycles} cycles>"
    )
    assert list(why.to_pandas()["what"]) == [tried.what for tried in why.what_if]
    checked = verify(result.model_dump_json(by_alias=True))
    assert repr(checked) == "<Verification '<two> products': holds; 2 layers; every claim checked>"
    assert list(checked.to_pandas()["proof.outcome"]) == ["checked", "checked"]


def test_a_result_in_place_of_a_request_has_its_mappings_costed(result: Result, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(result.model_dump_json(by_alias=True), encoding="utf-8")
    costed, again = evaluate(result), evaluate(path)
    assert costed == again
    figures = ["layer", "rank", "energy_pj", "cycles", "edp"]
    assert costed.to_pandas()[figures].equals(result.to_pandas()[figures])
    assert evaluate(result.model_copy(update={"layers": ()})) == EvaluateResult(costs=(), costs_of=())


def test_a_network_has_a_row_for_every_choice() -> None:
    network = network_optimum(SPEC)
    assert network.total is not None
    checked = verify_network(network)
    assert repr(checked) == "<NetworkVerification '<two> products': holds; 2 layers; every claim checked>"
    assert list(checked.to_pandas()["points_checked"]) == [len(front.points) for front in network.fronts]
    assert repr(network) == (
        "<NetworkResult '<two> products': edp of the network on dmazerunner-256pe; 2 layers; optimal; total energy "
        f"{network.total.energy_pj:.4e} pJ, {network.total.cycles} cycles, EDP {network.total.edp:.4e} pJ*cycles>"
    )
    frame = network.to_pandas()
    assert list(frame["layer"]) == ["a", "b&c"]
    assert (frame["occurrences"] * frame["cycles"]).sum() == network.total.cycles


def sweep_result(result: Result, **fields: Any) -> SweepResult:
    designs = [
        {
            "values": {"spm.banks": 32},
            "area_proxy_bytes": 10.0,
            "status": "optimal",
            "objective_value": 5.0,
            "bound": 5.0,
        }
        | {"result": result.model_dump(mode="json", by_alias=True)},
        {"values": {"spm.banks": 64}, "area_proxy_bytes": 20.0, "status": "infeasible", "note": "a: nothing fits"},
    ]
    best = {"values": {"spm.banks": 32}, "objective_value": 5.0, "proved": True}
    counts = {"designs": 2, "layers": 4, "problems": 4, "resumed": 0, "searched": 4, "left": 0}
    document = {"objective": "edp", "backend": "portfolio", "architecture": result.architecture, "constraints": {}}
    sweep = {"sweep": {"axes": [{"spm.banks": [32, 64]}]}, "solver": SolverOptions(), "counts": counts}
    return SweepResult.model_validate({**document, **sweep, "designs": designs, "best": best, **fields})


def test_a_sweep_has_a_row_for_every_design(result: Result) -> None:
    swept = sweep_result(result)
    assert repr(swept) == (
        "<SweepResult: edp around dmazerunner-256pe; 2 designs, 1 proved; "
        "best spm.banks 32 with EDP 5.000000e+00 pJ*cycles>"
    )
    frame = swept.to_pandas()
    assert list(frame["values.spm.banks"]) == [32, 64]
    assert list(frame["status"]) == ["optimal", "infeasible"]
    assert frame["total.cycles"][0] == result.total.cycles
    assert Cells(swept._repr_html_()).rows[0] == [
        *("values.spm.banks", "area_proxy_bytes", "status", "objective_value", "total.energy_pj", "total.cycles"),
    ]
    front = {"complete": True, "tolerance": 1e-6, "points": []}
    fronts = sweep_result(result, objective=None, best=None, front=front)
    assert repr(fronts) == "<SweepResult: front around dmazerunner-256pe; 2 designs, 1 proved; 0 points of the front>"


def test_flat_figures_are_numbers_words_and_flags(result: Result) -> None:
    figures = flat(result.layers[0])
    assert figures["conflicts"] == ""
    assert figures["termination.reason"] == "optimal"
    assert all(value is None or isinstance(value, str | int | float) for value in figures.values())


def test_a_table_is_short_and_has_no_markup_from_the_input() -> None:
    rows: list[dict[str, object]] = [{"name": f"<b>{n}", "ok": n == 0, "x": None} for n in range(MOST_ROWS + 1)]
    html = html_table("a < b", rows, ("name", "x", "ok"))
    cells = Cells(html)
    assert cells.paragraphs == ["a < b", "and 1 more rows"]
    assert cells.rows[:3] == [["name", "ok"], ["<b>0", "yes"], ["<b>1", "no"]]
    assert len(cells.rows) == 1 + MOST_ROWS
    assert "<b>" not in html
    assert Cells(html_table("none", [], ("name",))).rows == []


def test_without_pandas_it_is_said_how_to_get_it(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match=r"^to_pandas: tables need pandas, .*: pip install 'dmaze-solve\[pandas\]'$"):
        result.to_pandas()
    assert len(result.rows()) == 4


def test_every_shown_column_is_a_figure(result: Result) -> None:
    assert set(SHOWN["Result"].columns) <= set(result.to_pandas())
    assert isinstance(result.to_pandas(), pd.DataFrame)
