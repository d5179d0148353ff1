"""A layer without a mapping is an answer, whatever the reason: its conflicts are named, and the others are solved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builders import gemm
from dmaze.cli.main import main
from dmaze.model.documents.result import Result
from reference import REFERENCE

SMALL = REFERENCE.model_copy(update={"pes": 16}).model_dump(mode="json")
"""16 PEs."""

MACHINE = {
    "name": "small",
    "nodes": [
        {"storage": "DRAM", "read_pj": 200},
        {"storage": "GLB", "capacity_bytes": 256, "read_pj": 6},
        {"fanout": "PE", "size": 4, "dims": ["M", "N"]},
        {"storage": "RF", "capacity_bytes": 8},
    ],
    "mac_pj": 1,
}

PUBLISHED: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "an element that the register file does not hold": ({"rf_bytes_per_pe": 5}, {}, ["rf_bytes_per_pe"]),
    "elements of three tensors in two banks": ({"spm": {"banks": 2, "bytes_per_bank": 256}}, {}, ["spm"]),
    "a factor that does not divide": ({}, {"fixed": {"M": {"rf": 5}}}, ["fixed.M.rf"]),
    "a product that does not divide": ({}, {"fixed": {"M": {"rf": 4, "spm": 4}}}, ["fixed.M.spm", "fixed.M.rf"]),
    "four factors short of the bound": (
        {},
        {"fixed": {"M": {"dram": 1, "spm": 2, "rf": 2, "spatial": 1}}},
        ["fixed.M.dram", "fixed.M.spm", "fixed.M.rf", "fixed.M.spatial"],
    ),
    "a factor against no_spatial_reduction": (
        {},
        {"no_spatial_reduction": True, "fixed": {"K": {"spatial": 4}}},
        ["no_spatial_reduction", "fixed.K.spatial"],
    ),
    "a factor against spatial_dims": (
        {},
        {"spatial_dims": ["N"], "fixed": {"M": {"spatial": 4}}},
        ["spatial_dims", "fixed.M.spatial"],
    ),
    "more PEs than there are": (
        {},
        {"fixed": {"M": {"spatial": 8}, "K": {"spatial": 8}}},
        ["pes", "fixed.M.spatial", "fixed.K.spatial"],
    ),
}

LEVELS: dict[str, tuple[dict[int, dict[str, Any]], dict[str, Any], list[str]]] = {
    "an element that no register file holds": (
        {3: {"capacity_bytes": 1, "keep": "must"}},
        {},
        ["nodes.RF.capacity_bytes"],
    ),
    "a factor that does not divide": ({}, {"fixed": {"M": {"RF": 5}}}, ["fixed.M.RF"]),
    "factors short of the bound": (
        {},
        {"fixed": {"M": {"RF": 1, "PE": 2, "GLB": 2, "DRAM": 1}}},
        ["fixed.M.RF", "fixed.M.PE", "fixed.M.GLB", "fixed.M.DRAM"],
    ),
    "a factor above the largest": (
        {},
        {"fixed": {"M": {"RF": 4}}, "max_factor": {"M": {"RF": 2}}},
        ["fixed.M.RF", "max_factor.M.RF"],
    ),
    "a least factor above the largest": (
        {},
        {"min_factor": {"M": {"RF": 4}}, "max_factor": {"M": {"RF": 2}}},
        ["min_factor.M.RF", "max_factor.M.RF"],
    ),
    "a dimension that the machine does not unroll": ({}, {"fixed": {"K": {"PE": 2}}}, ["fixed.K.PE"]),
    "a dimension that the constraints do not unroll": (
        {},
        {"fixed": {"M": {"PE": 2}}, "dims": {"PE": ["N"]}},
        ["fixed.M.PE", "dims.PE"],
    ),
    "more instances than there are": ({}, {"fixed": {"M": {"PE": 8}}}, ["nodes.PE.size", "fixed.M.PE"]),
    "a tensor that the machine never keeps": ({1: {"keep": "never"}}, {"keep": {"GLB": {"A": "must"}}}, ["keep.GLB.A"]),
}


def solved(tmp_path: Path, capsys: pytest.CaptureFixture[str], layers: list[dict[str, Any]], **fields: Any) -> Result:
    """The result of a command that says by its exit code that some layer has no mapping."""
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"workload": {"layers": layers}, "solver": {"workers": 1}, **fields}))
    assert main([str(spec), "--json"]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    return Result.model_validate_json(out)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_layer_without_a_mapping_says_why(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    machine, constraints, conflicts = PUBLISHED[name]
    result = solved(tmp_path, capsys, [gemm(8, 8, 8)], architecture={**SMALL, **machine}, constraints=constraints)
    (layer,) = result.layers
    assert (layer.status, layer.solutions, list(layer.conflicts)) == ("infeasible", (), conflicts)


@pytest.mark.parametrize("name", LEVELS)
def test_a_layer_without_a_mapping_onto_a_hierarchy_says_why(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes, constraints, conflicts = LEVELS[name]
    nodes = [{**node, **changes.get(number, {})} for number, node in enumerate(MACHINE["nodes"])]
    machine = {**MACHINE, "nodes": nodes}
    result = solved(tmp_path, capsys, [gemm(8, 8, 8)], architecture=machine, constraints=constraints)
    (layer,) = result.layers
    assert (layer.status, layer.solutions) == ("infeasible", ())
    assert sorted(layer.conflicts) == sorted(conflicts)


@pytest.mark.parametrize("backend", ["portfolio", "cp-sat", "exhaustive", "exhaustive-bounded"])
def test_the_other_layers_are_solved(backend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layers = [gemm(9, 4, 4, name="odd"), gemm(8, 4, 4, name="even")]
    constraints = {"fixed": {"M": {"spatial": 8}}}
    solver = {"workers": 1, "backend": backend}
    result = solved(tmp_path, capsys, layers, architecture=SMALL, constraints=constraints, solver=solver)
    odd, even = result.layers
    assert (odd.status, list(odd.conflicts)) == ("infeasible", ["fixed.M.spatial"])
    assert even.status == "optimal"


def test_the_other_layers_are_solved_on_hierarchies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layers = [gemm(9, 4, 4, name="odd"), gemm(8, 4, 4, name="even")]
    result = solved(tmp_path, capsys, layers, architecture=MACHINE, constraints={"fixed": {"M": {"PE": 4}}})
    odd, even = result.layers
    assert (odd.status, list(odd.conflicts)) == ("infeasible", ["fixed.M.PE"])
    assert even.status == "optimal"
