"""What bounds a layer and what part of the network it is: in results, in their report and in that of ``evaluate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builders import Specs, Write, gemm
from dmaze.cli.main import main
from dmaze.solver import solve

GEMM, OTHER = gemm(3, 4, 4), gemm(5, 6, 8, name="h", count=3)
INFEASIBLE = gemm(31, 31, 37, name="no")
spec_of = Specs(name="test spec")
Output = pytest.CaptureFixture[str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return spec_of.writer(tmp_path)


def test_shares_are_parts_of_the_totals_with_counts() -> None:
    result = solve(spec_of(GEMM, {**GEMM, "name": "again", "count": 2}, OTHER))
    best = [layer.solutions[0].cost for layer in result.layers]
    energy = best[0].energy_pj * (1 + 2) + best[2].energy_pj * 3
    cycles = best[0].cycles * (1 + 2) + best[2].cycles * 3
    shares = [layer.share for layer in result.layers]
    assert [share and share.energy for share in shares] == [
        best[0].energy_pj / energy,
        2 * best[0].energy_pj / energy,
        3 * best[2].energy_pj / energy,
    ]
    assert [share and share.cycles for share in shares] == [
        best[0].cycles / cycles,
        2 * best[0].cycles / cycles,
        3 * best[2].cycles / cycles,
    ]


def test_without_totals_there_are_no_shares() -> None:
    result = solve(spec_of(GEMM, INFEASIBLE, constraints={"max_dram_bytes": 3000}))
    assert [layer.status for layer in result.layers] == ["optimal", "infeasible"]
    assert [layer.share for layer in result.layers] == [None, None]


def test_the_report_says_what_bounds_every_distinct_layer(write: Write, capsys: Output) -> None:
    assert main([write(GEMM, {**GEMM, "name": "again", "count": 2}, OTHER)]) == 0
    _, table = capsys.readouterr().out.split("What bounds the best mappings")
    lines = [line.split() for line in table.splitlines() if line.startswith(("g ", "again ", "h "))]
    result = solve(spec_of(GEMM, {**GEMM, "name": "again", "count": 2}, OTHER))
    expected: list[list[str]] = []
    for layer, share in ((result.layers[0], 3), (result.layers[2], 1)):
        cost, own = layer.solutions[0].cost, layer.share
        assert cost.ideal_cycles is not None
        assert own is not None
        others = {term: cycles for term, cycles in cost.roofline.items() if term != cost.bound_by}
        term = max(others, key=others.__getitem__)
        expected.append(
            [
                *(layer.name, str(cost.bound_by), f"{cost.cycles:,}", f"{cost.ideal_cycles:,}"),
                *(f"{cost.cycles / cost.ideal_cycles:.2f}", term, f"{others[term] / cost.cycles:.0%}"),
                *(f"{share * own.energy:.1%}", f"{share * own.cycles:.1%}"),
            ]
        )
    assert lines == expected


def test_evaluate_says_what_bounds_a_mapping_that_has_orders(tmp_path: Path, capsys: Output) -> None:
    tiling: dict[str, Any] = {"M": {"spatial": 2}, "N": {"rf": 3}, "K": {"dram": 4}}
    mappings = [{"tiling": tiling, "dram_order": ["M", "N", "K"], "spm_order": ["M", "N", "K"]}]
    request = {"architecture": "dmazerunner-256pe", "layer": gemm(2, 3, 4), "mappings": mappings}
    path = tmp_path / "request.json"
    path.write_text(json.dumps(request), encoding="utf-8")
    assert main(["evaluate", "--json", str(path)]) == 0
    (cost,) = json.loads(capsys.readouterr().out)["costs"]
    assert (cost["ideal_cycles"], cost["bound_by"]) == (1, "dma")
    assert cost["roofline"] == {
        "compute": 24 // 2,
        "noc.A": 2 * 4,
        "noc.B": 3 * 4,
        "noc.C": 6 * 1,
        "reduction": 0,
        "dma": 2 * 46 * 4 + 46 * 4 + 2 * 46,  # a burst takes ceil((291 + 0.24 * bytes) * 500 / 3200) = 46; A needs 2
    }
    assert cost["cycles"] == cost["roofline"]["dma"]
    assert main(["evaluate", str(path)]) == 0
    assert [line.split()[-2] for line in capsys.readouterr().out.splitlines()[2:]] == ["dma"]
