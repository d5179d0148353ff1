"""``verify`` on hierarchies: every bound is proved again, by the prover that the search did not need."""

from __future__ import annotations

from typing import Any

import pytest
from builders import gemm
from dmaze.model import Result, Verification
from dmaze.model.documents.spec import Spec
from dmaze.solver import VerificationLimits, solve, verify
from dmaze.solver.hierarchies import level_refutation

MACHINE: dict[str, Any] = {
    "name": "small",
    "bytes_per_element": 2,
    "mac_pj": 0.5,
    "nodes": [
        {"storage": "DRAM", "read_pj": 200, "write_pj": 200, "bandwidth": 2},
        {"storage": "GLB", "capacity_bytes": 256, "keep": "must", "read_pj": 6, "write_pj": 7, "bandwidth": 4},
        {"fanout": "X", "size": 4, "word_pj": 1, "add_pj": 0.5},
        {"storage": "RF", "capacity_bytes": 32, "keep": "must", "read_pj": 0.9, "write_pj": 0.9},
    ],
}


def result_of(backend: str, objective: str = "edp", **constraints: Any) -> dict[str, Any]:
    fields = {"name": "s", "architecture": MACHINE, "workload": {"layers": [gemm(8, 6, 4)]}, "objective": objective}
    solver = {"backend": backend, "workers": 1}
    spec = Spec.model_validate({**fields, "constraints": constraints, "solver": solver})
    return solve(spec).model_dump(mode="json", by_alias=True)


def checked(document: dict[str, Any], limit_s: float = 60.0) -> Verification:
    return verify(Result.model_validate(document), VerificationLimits(time_limit_s=limit_s, workers=1))


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is few enough to be costed."""
    monkeypatch.setattr(level_refutation, "MOST_CHOICES", 0)


@pytest.mark.parametrize("backend", ["cp-sat", "portfolio"])
def test_few_mappings_are_all_costed(backend: str) -> None:
    found = checked(result_of(backend))
    assert (found.holds, found.complete, found.layers[0].proof.route) == (True, True, "enumeration")


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("objective", ["edp", "energy", "latency"])
@pytest.mark.parametrize(("backend", "route"), [("cp-sat", "shortest-path"), ("portfolio", "cp-sat")])
def test_proofs_are_checked_by_the_prover_that_the_search_did_not_need(
    backend: str, route: str, objective: str
) -> None:
    document = result_of(backend, objective)
    assert document["layers"][0]["status"] == "optimal"
    found = checked(document)
    assert (found.holds, found.complete, found.layers[0].proof.route) == (True, True, route)
    layer = document["layers"][0]
    optimum = layer["objective_value"]
    layer["bound"] = layer["objective_value"] = optimum * 1.02
    found = checked(document)
    assert not found.holds
    assert found.layers[0].proof.outcome == "disproved"
    assert found.layers[0].proof.route == route
    assert found.layers[0].proof.counterexample is not None
    assert found.layers[0].proof.counterexample.objective_value < optimum * 1.02


@pytest.mark.usefixtures("large")
def test_that_no_mapping_exists_is_proved_again() -> None:
    document = result_of("portfolio", min_utilization={"RF": 1.0, "X": 1.0}, fixed={"M": {"RF": 8}})
    assert document["layers"][0]["status"] == "infeasible"
    found = checked(document)
    assert (found.holds, found.layers[0].proof.outcome) == (True, "checked")


@pytest.mark.usefixtures("large")
def test_without_time_nothing_is_checked() -> None:
    found = checked(result_of("portfolio"), limit_s=0.001)
    assert (found.holds, found.complete) == (True, False)
    assert found.layers[0].proof.outcome == "not checked"
