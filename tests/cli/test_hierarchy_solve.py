"""The best mappings onto hierarchies, from a spec on the command line to every kind of answer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from builders import gemm
from dmaze.cli.main import main
from reference import load

Output = pytest.CaptureFixture[str]

CASES = {case["name"]: case for case in load("hierarchy/optima.json")["cases"]}
TINY = CASES["tiny_gemm_3l_1f_bypass"]


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    return written(tmp_path / "spec.json")


def written(path: Path, **fields: object) -> Path:
    document = {
        "architecture": TINY["architecture"],
        "workload": {"layers": [gemm(6, 3, 8)]},
        "objective": "energy",
        "solver": {"backend": "exhaustive", "top_k": 3},
        **fields,
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def answer(capsys: Output, *arguments: str | Path, code: int = 0) -> Any:
    assert main([*map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def refusal(capsys: Output, *arguments: str | Path) -> str:
    assert main([*map(str, arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err.strip()


@pytest.mark.parametrize("backend", ["exhaustive", "portfolio"])
@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
def test_the_known_optimum_is_found_and_proved(spec: Path, capsys: Output, backend: str, objective: str) -> None:
    document = answer(capsys, spec, "--no-cache", "--backend", backend, "--objective", objective)
    assert (document["cost_model"], document["accounting"]) == ("hierarchy", "executed")
    layer = document["layers"][0]
    assert layer["status"] == "optimal"
    assert layer["objective_value"] == pytest.approx(TINY[objective]["value"], rel=1e-9)
    assert layer["gap"] <= 1e-6
    best = layer["solutions"][0]
    assert best["cost"]["edp"] == best["cost"]["energy_pj"] * best["cost"]["cycles"]
    assert document["total"]["energy_pj"] == best["cost"]["energy_pj"]


def test_evaluate_says_of_its_mappings_what_the_result_says(spec: Path, capsys: Output, tmp_path: Path) -> None:
    solutions = answer(capsys, spec, "--no-cache")["layers"][0]["solutions"]
    assert len(solutions) == 3
    request = {
        "architecture": TINY["architecture"],
        "layer": gemm(6, 3, 8),
        "mappings": [solution["mapping"] for solution in solutions],
    }
    (tmp_path / "request.json").write_text(json.dumps(request), encoding="utf-8")
    costs = answer(capsys, "evaluate", tmp_path / "request.json")["costs"]
    for solution, cost in zip(solutions, costs, strict=True):
        assert all(cost.pop("fits").values())
        assert cost == solution["cost"]


def test_what_the_cache_has_is_not_searched_again(spec: Path, capsys: Output, tmp_path: Path) -> None:
    first = answer(capsys, spec, "--cache", tmp_path / "cache")
    renamed = {**TINY["architecture"], "name": "another name"}
    again = answer(capsys, written(tmp_path / "again.json", architecture=renamed), "--cache", tmp_path / "cache")
    assert (first["layers"][0]["cached"], again["layers"][0]["cached"]) == (False, True)
    assert again["layers"][0]["solutions"] == first["layers"][0]["solutions"]
    other = written(tmp_path / "other.json", constraints={"fixed": {"M": {"L2": 3}}})
    assert not answer(capsys, other, "--cache", tmp_path / "cache")["layers"][0]["cached"]
    assert main([str(written(tmp_path / "t.json", accounting="timeloop")), "--cache", str(tmp_path / "cache")]) == 0
    assert "cached" not in capsys.readouterr().out


def test_verify_checks_what_it_claims(spec: Path, capsys: Output, tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    document = answer(capsys, spec, "--no-cache", "--out", result)
    found = answer(capsys, "verify", result)
    assert (found["holds"], found["complete"]) == (True, True)
    assert found["layers"][0]["proof"]["outcome"] == "checked"
    document["layers"][0]["solutions"][1]["cost"]["roofline"]["compute"] += 1
    result.write_text(json.dumps(document), encoding="utf-8")
    found = answer(capsys, "verify", result, code=1)
    (fault,) = found["layers"][0]["faults"]
    assert fault.startswith("solutions[1]: cost.roofline.compute is ")


def test_an_infeasible_layer_names_what_clashes(capsys: Output, tmp_path: Path) -> None:
    constraints = {"min_utilization": {"X": 0.9}, "dims": {"X": ["N"]}}
    path = written(tmp_path / "spec.json", constraints=constraints)
    for backend in ("exhaustive", "portfolio"):
        layer = answer(capsys, path, "--no-cache", "--backend", backend, code=1)["layers"][0]
        assert (layer["status"], layer["conflicts"]) == ("infeasible", ["min_utilization.X", "dims.X"])


def test_the_report_has_shares_energy_and_loops_of_every_node(spec: Path, capsys: Output, tmp_path: Path) -> None:
    assert main([str(spec), "--no-cache", "--loops"]) == 0
    out = capsys.readouterr().out
    heading = next(line for line in out.splitlines() if line.startswith("layer"))
    assert [part for part in heading.split() if part in ("DRAM", "L1", "X", "L2")] == ["L1", "X", "L2"]
    assert "Energy of the best mappings:\n" in out
    assert "  parallel for N_X in range(3):\n" in out
    assert main([str(spec), "--no-cache", "--json", "--report", str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "parallel for N_X in range(3):" in page
    assert "no mapping allowed has less" in page


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"constraints": {"spatial_dims": ["M"]}}, "constraints.spatial_dims: unknown field; did you mean"),
        ({"constraints": {"fixed": {"M": {"L3": 2}}}}, "constraints.fixed.M.L3: unknown node 'L3'; "),
        ({"constraints": {"fixed": {"Q": {"L1": 2}}}}, "constraints.fixed.Q: unknown dimension 'Q'; expected one of"),
        ({"constraints": {"dims": {"L1": ["M"]}}}, "constraints.dims.L1: unknown fanout 'L1'; expected one of X"),
        (
            {"constraints": {"max_words": {"X": 5}}},
            "constraints.max_words.X: unknown storage level 'X'; ",
        ),
        ({"constraints": {"orders": {"L1": ["M", "M"]}}}, "constraints.orders.L1: expected every dimension once"),
        (
            {"constraints": {"orders": {"L1": ["M"]}, "innermost": {"L1": "K"}}},
            "constraints.innermost.L1: expected",
        ),
        ({"constraints": {"min_utilization": {"DRAM": 0.5}}}, "constraints.min_utilization.DRAM: expected a node with"),
        ({"architecture": "dmazerunner-256pe", "constraints": {"keep": {}}}, "constraints.keep: unknown field; "),
        (
            {"solver": {"backend": "exhaustive-bounded"}},
            "solver.backend: expected one for mappings of the cost model",
        ),
    ],
)
def test_bad_input_is_one_line_with_its_place(
    tmp_path: Path, capsys: Output, fields: dict[str, object], line: str
) -> None:
    path = written(tmp_path / "spec.json", **fields)
    assert refusal(capsys, path, "--no-cache").removeprefix(f"{path}: ").startswith(line)


def test_what_cannot_be_exported_is_said_in_one_line(spec: Path, capsys: Output) -> None:
    said = refusal(capsys, spec, "--no-cache", "--export", "timeloop=out")
    assert said.startswith("--export timeloop: expected a layer that can be exported; of 'g', ")


def test_dataflows_need_one_pe_array(capsys: Output, tmp_path: Path) -> None:
    line = "expected a machine with one PE array (one fanout, or two in a row) for dataflows, got PE, LANE, VEC"
    assert line in refusal(capsys, "dataflows", written(tmp_path / "spec.json", architecture="simba-chiplet"))


def test_fronts_are_tables_with_their_proof(spec: Path, capsys: Output) -> None:
    assert main([str(spec), "--pareto"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^g: \d+ points?, proved complete, \d+\.\d s$", out, re.M)
    steps = "steps between the points refuted by shortest paths, one constrained solve each"
    assert re.search(rf"^(\d+) of \1 {steps}$", out, re.M)


def test_a_published_architecture_can_be_searched_as_a_hierarchy(capsys: Output, tmp_path: Path) -> None:
    workload = {"layers": [gemm(4, 4, 4)]}
    path = written(tmp_path / "spec.json", architecture="dmazerunner-256pe", workload=workload, solver={})
    document = answer(capsys, path, "--no-cache", "--cost-model", "hierarchy")
    assert [next(iter(node.values())) for node in document["architecture"]["nodes"]] == ["DRAM", "SPM", "PE", "RF"]
    assert document["layers"][0]["status"] == "optimal"
    counted = answer(
        capsys, path, "--no-cache", "--cost-model", "hierarchy", "--accounting", "timeloop", "--backend", "exhaustive"
    )
    assert counted["accounting"] == "timeloop"
    assert counted["layers"][0]["status"] == "optimal"


def test_a_given_mapping_is_held_against_the_proved_optimum(spec: Path, capsys: Output, tmp_path: Path) -> None:
    tiling = {"M": {"DRAM": 6}, "N": {"L2": 3}, "K": {"DRAM": 8}}
    layer = gemm(6, 3, 8)
    files = {
        "list.json": {"mappings": [{"layer": layer["name"], "tiling": tiling}]},
        "request.json": {"architecture": TINY["architecture"], "layer": layer, "mappings": [{"tiling": tiling}]},
    }
    for name, document in files.items():
        (tmp_path / name).write_text(json.dumps(document), encoding="utf-8")
        study = answer(capsys, "gap", spec, "--mapping", tmp_path / name)
        (given,) = study["mappings"]
        assert given["broken_rules"] == []
        assert given["loss"] == pytest.approx(given["objective_value"] / 6924.0 - 1, rel=1e-12)
        assert study["layers"][0]["full"]["outcome"] == "finished"
        assert study["agree"]
    answer(capsys, spec, "--no-cache", "--out", tmp_path / "result.json")
    (best,) = answer(capsys, "gap", spec, "--mapping", tmp_path / "result.json", "--full-limit", "0")["mappings"]
    assert best["loss"] == 0.0
    assert main(["gap", str(spec), "--mapping", str(tmp_path / "list.json")]) == 0
    out = capsys.readouterr().out
    assert "The given mappings:\n" in out
    assert "pruned" not in out
