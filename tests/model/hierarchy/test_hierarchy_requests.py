"""Random mappings as documents: what the command says of them is what the model says, in the form of the schema."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from dmaze.cli.main import main
from dmaze.model.hierarchy.accountings import ACCOUNTINGS, AccountingName, accounting
from dmaze.model.hierarchy.exact.exact_cost import hierarchy_cost
from dmaze.model.hierarchy.machine import Machine
from hierarchy_tables import Tables
from paths import ROOT
from random_hierarchies import RandomCase, described, random_cases, request_of

Output = pytest.CaptureFixture[str]


@pytest.mark.parametrize("name", ACCOUNTINGS)
def test_evaluate_says_what_the_model_says(name: AccountingName, capsys: Output, tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    for case in random_cases(range(5_000_000, 5_000_026)):
        path.write_text(json.dumps(request_of(case, accounting=name)), encoding="utf-8")
        assert main(["evaluate", "--json", "--detail", str(path)]) == 0, described(case)
        result = json.loads(capsys.readouterr().out)
        assert (result["cost_model"], result["accounting"]) == ("hierarchy", name)
        (cost,) = result["costs"]
        by_tensor = {node: sum(row.values()) for node, row in cost.pop("tensor_energy_pj").items()}
        assert cost == expected(case, name), described(case)
        by_node = {node: pj for node, pj in cost["energy_breakdown_pj"].items() if node != "mac"}
        assert by_tensor == pytest.approx(by_node, rel=1e-12), described(case)


def expected(case: RandomCase, name: AccountingName) -> dict[str, Any]:
    """A cost as the contract has it, from the model's own."""
    cost, nodes = hierarchy_cost(case.nest, case.machine, case.mapping, accounting(name)), case.machine.nodes
    found = Tables(case.nest, case.machine, cost)
    levels = [level.name for level in case.machine.levels]
    networks = [network.name for network in case.machine.networks if name == "executed"]
    document = {
        "energy_pj": cost.energy_pj,
        "cycles": cost.cycles,
        "edp": cost.energy_pj * cost.cycles,
        "walk_cycles": cost.walk_cycles,
        "energy_breakdown_pj": cost.energy_parts_pj,
        "roofline": cost.roofline,
        "bound_by": max(cost.roofline, key=lambda term: cost.roofline[term]),
        "utilization": dict(zip(nodes, cost.utilization, strict=True)),
        "ideal_cycles": math.ceil(case.nest.num_macs / math.prod(node.size for node in case.machine.networks)),
        "fits": dict(zip(nodes, cost.fits, strict=True)),
        "accesses": {level: _counts(found.at(level), "fill", "serve", "drain", "update") for level in levels},
        "networks": {fanout: _counts(found.over(fanout), "down", "up", "adds") for fanout in networks},
        "held": {level: found.held(level) for level in levels},
        "dma_cycles": {nodes[node]: cycles for node, cycles in cost.dma_cycles.items()},
    }
    for detail in ("accesses", "held"):
        document[detail] = {level: row for level, row in document[detail].items() if row}
    return document


def _counts(rows: dict[str, tuple[int, ...]], *kinds: str) -> dict[str, dict[str, int]]:
    return {tensor: dict(zip(kinds, row, strict=True)) for tensor, row in rows.items()}


def test_random_requests_and_their_results_keep_to_the_schema(capsys: Output, tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((ROOT / "specs" / "schemas" / "evaluate.json").read_text(encoding="utf-8"))
    validator, path = jsonschema.Draft202012Validator(schema), tmp_path / "request.json"
    for case in random_cases(range(6_000_000, 6_000_013)):
        request = request_of(case)
        validator.validate(request)
        path.write_text(json.dumps(request), encoding="utf-8")
        main(["evaluate", "--json", "--detail", str(path)])
        validator.validate(json.loads(capsys.readouterr().out))


def test_a_machine_is_the_same_after_its_document() -> None:
    for case in random_cases(range(7_000_000, 7_000_100)):
        text = case.document.model_dump_json()
        assert Machine.model_validate_json(text) == case.document, described(case)
        assert Machine.model_validate(json.loads(text)) == case.document, described(case)


def test_execute_agrees_with_the_model(capsys: Output, tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    for case in random_cases(range(9_000_000, 9_000_013)):
        path.write_text(json.dumps(request_of(case)), encoding="utf-8")
        assert main(["execute", "--json", str(path)]) == 0, described(case)
        (found,) = json.loads(capsys.readouterr().out)["executions"]
        answer = [found[field] for field in ("output_equals", "agrees", "differences")]
        assert answer == [True, True, []], described(case)


def test_a_run_that_no_clock_outlives_is_costed_and_not_executed(capsys: Output, tmp_path: Path) -> None:
    dma = {"init_cycles": 1e9, "cycles_per_byte": 1, "clock_mhz": 1e-3}
    request = {
        "architecture": {"name": "m", "clock_mhz": 1e6, "nodes": [{"storage": "DRAM"}, {"storage": "L1", "dma": dma}]},
        "layer": {"type": "gemm", "name": "g", "m": 1, "n": 1, "k": 1},
        "mappings": [{"tiling": {}}],
    }
    path = tmp_path / "request.json"
    path.write_text(json.dumps(request), encoding="utf-8")
    assert main(["evaluate", "--json", str(path)]) == 0
    cycles = 3 * (10**9 + 1) * 10**9  # a burst of one word for each tensor
    assert json.loads(capsys.readouterr().out)["costs"][0]["cycles"] == pytest.approx(cycles, rel=1e-12)
    assert main(["execute", str(path)]) == 2
    fault = "expected at most 2**60 cycles of the DMA engine of L1 to execute, got a slower one"
    assert capsys.readouterr() == ("", f"{path}: layer: {fault}\n")
