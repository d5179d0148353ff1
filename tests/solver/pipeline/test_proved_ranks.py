"""Every solution of rank 2 and below says whether it is proved to belong there; those that say so do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from builders import gemm
from dmaze.model.documents.result import LayerResult, Result
from dmaze.model.documents.spec import Spec
from dmaze.solver import solve
from paths import ROOT

CASE: dict[str, Any] = json.loads((ROOT / "tests" / "data" / "cases" / "top-k-not-next-best.json").read_text())
MACHINE: dict[str, Any] = {
    "name": "m",
    "mac_pj": 0.5,
    "nodes": [
        {"storage": "DRAM", "read_pj": 100, "write_pj": 100, "bandwidth": 2},
        {"storage": "GLB", "capacity_bytes": 16, "read_pj": 4, "write_pj": 4},
        {"fanout": "PE", "size": 2},
        {"storage": "RF", "capacity_bytes": 6, "read_pj": 1, "write_pj": 1},
    ],
}
ON_LEVELS = {"architecture": MACHINE, "workload": {"layers": [gemm(4, 2, 3)]}}


def solved(document: dict[str, Any], **solver: Any) -> LayerResult:
    (layer,) = solve(Spec.model_validate({**document, "solver": {"workers": 1, "top_k": 5, **solver}})).layers
    return layer


def energies(layer: LayerResult) -> list[float]:
    return [solution.cost.edp for solution in layer.solutions]


OVERLAPS = pytest.mark.filterwarnings("ignore::dmaze.model.faults.InputWarning")
"""The case's loops meet in its output, which is warned of."""


@OVERLAPS
@pytest.mark.parametrize("document", [CASE, ON_LEVELS], ids=["published", "hierarchy"])
def test_ranks_that_are_said_to_be_proved_are_the_best_of_all(document: dict[str, Any]) -> None:
    every, default = (solved(document, backend=backend) for backend in ("exhaustive", "portfolio"))
    assert [solution.proved for solution in every.solutions] == [True] * 5
    assert default.status == "optimal"
    proved = [solution.proved for solution in default.solutions]
    assert proved[0]
    assert proved == sorted(proved, reverse=True)
    assert energies(default)[: proved.count(True)] == energies(every)[: proved.count(True)]
    assert all(found >= best for found, best in zip(energies(default), energies(every), strict=False))


@OVERLAPS
def test_the_default_back_end_proves_all_ranks() -> None:
    every, default = (solved(CASE, backend=backend) for backend in ("exhaustive", "portfolio"))
    assert [solution.proved for solution in default.solutions] == [True] * 5
    assert [solution.mapping for solution in default.solutions] == [solution.mapping for solution in every.solutions]


@OVERLAPS
def test_a_list_that_was_proved_within_a_coarse_gap_claims_its_first_rank_only() -> None:
    layer = solved(CASE, backend="portfolio", relative_gap=0.01)
    assert [solution.proved for solution in layer.solutions] == [True, False, False, False, False]


def test_nothing_is_proved_when_time_is_up() -> None:
    large = {**ON_LEVELS, "workload": {"layers": [gemm(48, 48, 48)]}}
    layer = solved(large, backend="exhaustive", time_limit_s=1.0)
    assert layer.status == "feasible"
    assert layer.solutions
    assert not any(solution.proved for solution in layer.solutions)


def test_of_padded_bounds_only_the_best_mapping_is_proved() -> None:
    layer = solved(
        {**ON_LEVELS, "workload": {"layers": [gemm(7, 3, 2)]}}, backend="exhaustive", pad_bounds=True, pad_percent=20
    )
    assert len(layer.padding_variants) > 1
    assert [solution.proved for solution in layer.solutions] == [True, False, False, False, False]


def test_what_a_result_of_an_earlier_version_does_not_say_is_not_proved() -> None:
    result = solve(Spec.model_validate({**ON_LEVELS, "solver": {"backend": "exhaustive", "workers": 1}}))
    document = result.model_dump(mode="json")
    for solution in document["layers"][0]["solutions"]:
        del solution["proved"]
    assert not any(solution.proved for solution in Result.model_validate(document).layers[0].solutions)
