"""``evaluate`` reproduces the published numbers through the public documents, and names every bad request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builders import gemm
from dmaze.model import EvaluateRequest, EvaluateResult, InputError, evaluate, load_request
from reference import load, random_workload, reference_architecture

DOCUMENT = load("random_mappings.json")
WORKLOADS = {f"{w['name']} on {w['architecture']}": w for w in DOCUMENT["workloads"]}
DETAILS = ("footprint_elements", "dma", "dma_cycles", "noc_reduction_cycles")
OF_ORDERS = ("energy_pj", "cycles", "energy_breakdown_pj", "spm_reuse", "dram_reuse", "cycles_per_spm_pass")


def request(workload: dict[str, Any], mappings: list[dict[str, Any]]) -> EvaluateRequest:
    arch = reference_architecture(DOCUMENT["architectures"][workload["architecture"]])
    return EvaluateRequest.model_validate(
        {"architecture": arch, "layer": random_workload(workload), "mappings": mappings}
    )


def costs(result: EvaluateResult) -> list[dict[str, Any]]:
    document = json.loads(result.model_dump_json(exclude_none=True))
    assert document["schema"] == "dmaze-solve/evaluate/1"
    assert EvaluateResult.model_validate(document) == result
    return document["costs"]


@pytest.mark.parametrize("name", WORKLOADS)
def test_published_tilings_cost_what_was_published(name: str) -> None:
    workload = WORKLOADS[name]
    records = workload["mappings"]
    result = evaluate(request(workload, [{"tiling": record["tiling"]} for record in records]), detail=True)
    for record, cost in zip(records, costs(result), strict=True):
        for field in ("fits", "min_energy_pj", "min_cycles"):
            assert cost[field] == record[field]
        assert cost["min_edp"] == float(record["min_edp"])  # some are written as integers beyond 2**53
        for field in DETAILS:
            assert field in cost
            if field in record:
                assert cost[field] == record[field]
        assert not set(cost) & set(OF_ORDERS)


@pytest.mark.parametrize("name", WORKLOADS)
def test_published_orders_cost_what_was_published(name: str) -> None:
    workload = WORKLOADS[name]
    pairs = [(record, orders) for record in workload["mappings"] for orders in record.get("orderings", ())]
    mappings = [
        {
            "tiling": record["tiling"],
            "dram_order": orders["dram_order_outer_to_inner"],
            "spm_order": orders["spm_order_outer_to_inner"],
        }
        for record, orders in pairs
    ]
    assert mappings
    for (record, orders), cost in zip(pairs, costs(evaluate(request(workload, mappings), detail=True)), strict=True):
        for field in OF_ORDERS:
            expected = orders[field]
            assert cost[field] == (pytest.approx(expected, rel=1e-12) if field == "energy_breakdown_pj" else expected)
        assert cost["edp"] == float(orders["energy_pj"]) * float(orders["cycles"])
        assert cost["min_energy_pj"] == record["min_energy_pj"]


def test_details_are_left_out_unless_asked_for() -> None:
    workload = DOCUMENT["workloads"][0]
    (cost,) = costs(evaluate(request(workload, [{"tiling": workload["mappings"][0]["tiling"]}])))
    assert set(cost) == {"fits", "min_energy_pj", "min_cycles", "min_edp"}


GEMM = gemm(2, 3, 4)
WHOLE = {"M": {"dram": 2}, "N": {"dram": 3}, "K": {"dram": 4}}


def gemm_request(*mappings: dict[str, Any]) -> EvaluateRequest:
    document = {"architecture": "dmazerunner-256pe", "layer": GEMM, "mappings": mappings}
    return EvaluateRequest.model_validate(document)


def test_factors_of_1_may_be_left_out() -> None:
    spelt_out = {name: {"spm": 1, "rf": 1, "spatial": 1, **row} for name, row in WHOLE.items()}
    one, other = evaluate(gemm_request({"tiling": WHOLE}, {"tiling": spelt_out})).costs
    assert one == other


def test_no_mappings_have_no_costs() -> None:
    assert evaluate(gemm_request()).costs == ()


def test_all_faults_of_a_request_are_told_together() -> None:
    order = ["M", "N", "K"]
    bad = gemm_request(
        {"tiling": WHOLE, "dram_order": order},
        {"tiling": {**WHOLE, "N": {"dram": 2}, "X": {}}},
        {"tiling": WHOLE, "dram_order": order, "spm_order": ["M", "N", "N"]},
        {"tiling": WHOLE, "dram_order": order, "spm_order": order},
    )
    with pytest.raises(InputError) as caught:
        evaluate(bad)
    assert [fault.place for fault in caught.value.faults] == [
        "mappings[0].spm_order",
        "mappings[1].tiling.X",
        "mappings[1].tiling.N",
        "mappings[2].spm_order",
    ]
    assert str(caught.value).splitlines()[0] == "mappings[0].spm_order: expected both orders or none"


def test_requests_are_read_with_architectures_relative_to_the_file(tmp_path: Path) -> None:
    arch = reference_architecture(DOCUMENT["architectures"]["small"])
    (tmp_path / "small.json").write_text(arch.model_dump_json())
    document = {"architecture": "small.json", "layer": GEMM, "mappings": [{"tiling": WHOLE}]}
    path = tmp_path / "request.json"
    path.write_text(json.dumps(document))
    assert load_request(path).architecture == arch
    path.write_text(json.dumps({**document, "mapings": []}))
    with pytest.raises(InputError, match="mapings: unknown field"):
        load_request(path)
