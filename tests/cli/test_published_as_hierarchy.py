"""Requests on published architectures, their mappings of the published kind, costed as hierarchies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dmaze.cli.main import main
from dmaze.model import EvaluateRequest, evaluate
from paths import ROOT

Output = pytest.CaptureFixture[str]

REQUEST = ROOT / "specs" / "requests" / "published-conv5_2.json"
NODES = {"dram": "DRAM", "spm": "SPM", "spatial": "PE", "rf": "RF"}


def costs(capsys: Output, *arguments: str | Path) -> Any:
    """The costs that ``evaluate`` prints."""
    assert main(["evaluate", *map(str, arguments), "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)["costs"]


def altered(path: Path, *mappings: dict[str, Any], **fields: Any) -> Path:
    """The request with other mappings and fields, in a file."""
    document = json.loads(REQUEST.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**document, **fields, "mappings": mappings}), encoding="utf-8")
    return path


def mapping_of_request() -> dict[str, Any]:
    (mapping,) = json.loads(REQUEST.read_text(encoding="utf-8"))["mappings"]
    return dict(mapping)


def as_levels(mapping: dict[str, Any]) -> dict[str, Any]:
    """A published mapping by the names of the hierarchy's nodes."""
    tiling = {dim: {NODES[level]: n for level, n in row.items()} for dim, row in mapping["tiling"].items()}
    return {"tiling": tiling, "orders": {"DRAM": mapping["dram_order"], "SPM": mapping["spm_order"]}}


def test_a_published_mapping_costs_what_it_costs_by_the_names_of_nodes(tmp_path: Path, capsys: Output) -> None:
    (published,) = costs(capsys, REQUEST)
    (found,) = costs(capsys, REQUEST, "--cost-model", "hierarchy")
    assert found["fits"] == {"DRAM": True, "SPM": True, "PE": True, "RF": True}
    assert found["energy_breakdown_pj"]["DRAM"] == published["energy_breakdown_pj"]["dram"]
    levels = as_levels(mapping_of_request())
    assert costs(capsys, altered(tmp_path / "levels.json", levels, cost_model="hierarchy")) == [found]
    mixed = altered(tmp_path / "published.json", mapping_of_request(), mapping_of_request(), cost_model="hierarchy")
    assert costs(capsys, mixed) == [found, found]


def test_an_accounting_of_another_tool_holds_for_published_mappings(capsys: Output) -> None:
    (found,) = costs(capsys, REQUEST, "--cost-model", "hierarchy", "--accounting", "timeloop")
    assert found["walk_cycles"] is None
    assert found["energy_breakdown_pj"]["PE"] == 0


def test_a_request_made_in_python_may_hold_mappings_of_both_kinds() -> None:
    document = json.loads(REQUEST.read_text(encoding="utf-8"))
    both = [mapping_of_request(), as_levels(mapping_of_request())]
    request = EvaluateRequest.model_validate({**document, "cost_model": "hierarchy", "mappings": both})
    first, second = evaluate(request).costs
    assert first == second


def test_what_cannot_be_converted_is_refused_with_all_places(tmp_path: Path, capsys: Output) -> None:
    mapping = mapping_of_request()
    half = {name: value for name, value in mapping.items() if name != "spm_order"}
    wrong = {**mapping, "tiling": {**mapping["tiling"], "Fx": {"rf": 2}}}
    path = altered(tmp_path / "request.json", mapping, half, wrong)
    assert main(["evaluate", str(path), "--cost-model", "hierarchy"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"{path}: mappings[1].spm_order: expected every one of N, M, C, Ox, Oy, Fx, Fy exactly once, got nothing",
        f"{path}: mappings[2].tiling.Fx: factors multiply to 2; expected the bound 3",
    ]


def test_orders_of_the_published_kind_are_unknown_on_other_machines(tmp_path: Path, capsys: Output) -> None:
    path = altered(tmp_path / "request.json", mapping_of_request(), architecture="eyeriss-168")
    assert main(["evaluate", str(path)]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"{path}: mappings[0].dram_order: unknown field; did you mean 'orders'?",
        f"{path}: mappings[0].spm_order: unknown field; did you mean 'orders'?",
    ]


@pytest.mark.parametrize("verb", ["execute", "codegen"])
def test_verbs_that_run_mappings_take_them_too(verb: str, tmp_path: Path, capsys: Output) -> None:
    layer = {"type": "gemm", "name": "product", "m": 4, "n": 4, "k": 4}
    factors = {"M": {"dram": 2, "spatial": 2}, "N": {"spm": 2, "rf": 2}, "K": {"dram": 2, "spatial": 2}}
    orders = {"dram_order": ["N", "K", "M"], "spm_order": ["M", "N", "K"]}
    path = altered(tmp_path / "request.json", {"tiling": factors, **orders}, layer=layer)
    assert main([verb, str(path), "--cost-model", "hierarchy"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "PE" in out
