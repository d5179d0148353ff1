"""Timeloop's files on the command line: solved, costed, and turned into our documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dmaze.cli.main import main
from dmaze.model import evaluate, load_spec
from dmaze.model.evaluating import load_request
from timeloop_texts import MAPPING, NODES, PRICES, PROBLEM, written

Output = pytest.CaptureFixture[str]


@pytest.fixture
def design(tmp_path: Path) -> list[str]:
    return [str(path) for path in written(tmp_path, machine=NODES, problem=PROBLEM, prices=PRICES)]


@pytest.fixture
def mapped(tmp_path: Path, design: list[str]) -> list[str]:
    return [*design, *(str(path) for path in written(tmp_path, map=MAPPING))]


def answer(capsys: Output, *arguments: str) -> Any:
    assert main([*arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def test_a_design_is_solved_by_naming_its_files_and_its_exported_mapping_costs_the_same(
    design: list[str], tmp_path: Path, capsys: Output
) -> None:
    export = ["--export", "timeloop", str(tmp_path / "out")]
    (layer,) = answer(capsys, *design, "--no-cache", *export)["layers"]
    assert layer["status"] == "optimal"
    found = layer["solutions"][0]["cost"]
    exported = sorted(str(path) for path in (tmp_path / "out" / "problem").iterdir())
    (cost,) = answer(capsys, "evaluate", *exported)["costs"]
    assert {name: cost[name] for name in ("energy_pj", "cycles", "edp")} == {
        name: found[name] for name in ("energy_pj", "cycles", "edp")
    }


def test_a_design_imported_is_the_spec_that_is_solved(design: list[str], tmp_path: Path, capsys: Output) -> None:
    spec = tmp_path / "spec.json"
    document = answer(capsys, "import", *design, "--out", str(spec))
    assert (document["accounting"], document["objective"]) == ("timeloop", "edp")
    assert document["constraints"]["dims"] == {"PE_X": ["M"], "PE_Y": ["N", "K"]}
    loaded = load_spec(spec)
    assert loaded.accounting == "timeloop"
    assert main(["import", *design, "--out", str(spec)]) == 0
    assert capsys.readouterr() == (f"{spec}: use it with dmaze-solve {spec}\n", "")
    assert answer(capsys, "import", *design, "--accounting", "executed")["accounting"] == "executed"


def test_a_mapping_is_costed_as_timeloop_counts_it(mapped: list[str], tmp_path: Path, capsys: Output) -> None:
    result = answer(capsys, "evaluate", *mapped)
    assert result["accounting"] == "timeloop"
    request = tmp_path / "request.json"
    answer(capsys, "import", *mapped, "--out", str(request))
    assert evaluate(load_request(request)).model_dump(mode="json", by_alias=True, exclude_none=True) == result
    executed = answer(capsys, "evaluate", *mapped, "--accounting", "executed")
    assert executed["accounting"] == "executed"
    assert executed["costs"][0]["energy_pj"] != result["costs"][0]["energy_pj"]


def test_single_fields_of_a_design_take_other_values(mapped: list[str], design: list[str], capsys: Output) -> None:
    (cost,) = answer(capsys, "evaluate", *mapped)["costs"]
    (free,) = answer(capsys, "evaluate", *mapped, "--set", "mac_pj=0")["costs"]
    assert free["energy_breakdown_pj"] == {**cost["energy_breakdown_pj"], "mac": 0}
    result = answer(capsys, *design, "--no-cache", "--set", "nodes.PE_X.size=1", "--set", "solver.top_k=1")
    (size,) = (node["size"] for node in result["architecture"]["nodes"] if node.get("fanout") == "PE_X")
    assert (size, result["solver"]["top_k"]) == (1, 1)
    assert result["layers"][0]["solutions"][0]["cost"]["utilization"]["PE_X"] == 1
    assert main([*design, "--set", "nodes.PE_Z.size=1"]) == 2
    assert capsys.readouterr().err.startswith("--set nodes.PE_Z.size: unknown field; nodes has ")


def test_faults_name_files_and_options(design: list[str], tmp_path: Path, capsys: Output) -> None:
    machine, problem, _ = design
    other = str(tmp_path / "spec.json")
    cases = [
        (["evaluate", *design], f"{', '.join(design)}: expected a mapping of all loops among the files, got none"),
        (
            [machine, problem, other],
            f"{machine}, {problem}, {other}: expected one file, ",
        ),
        (
            [*design, "--architecture", "eyeriss-168"],
            "--architecture: expected none, for the files hold an architecture",
        ),
        (["import", *design, "--accounting", "exact"], "--accounting: "),
        (["import", *design, "--levels", "A,B,C"], "--levels: expected none beside files that hold a machine, got"),
        (["import", *design, "--architecture", "tpu-v1"], "--architecture: expected none beside files that hold a"),
        (
            ["import", problem, "--accounting", "timeloop"],
            "--accounting: expected none without a Timeloop architecture",
        ),
    ]
    for arguments, message in cases:
        assert main(arguments) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(message)
        assert err.count("\n") == 1
