"""Results as input: ``evaluate`` costs their mappings anew, ``gap`` holds the best ones against the optima."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from builders import Specs, gemm
from dmaze.cli.main import main
from dmaze.cli.reports.comparisons.costed_result_report import compared_best, print_compared_best
from dmaze.model import evaluate, load_result
from dmaze.model.reading.sources.result_requests import requests_of_result
from rich.console import Console

Output = pytest.CaptureFixture[str]
SPECS = Specs(gemm(4, 6, 5), gemm(4, 6, 5, name="again"), solver={"top_k": 3})


def solved(folder: Path, capsys: Output, *options: str, **fields: Any) -> tuple[str, Any]:
    """The file of a result, and the result."""
    path = folder / "result.json"
    assert main([SPECS.writer(folder)(**fields), "--out", str(path), "--no-cache", *options]) in (0, 1)
    capsys.readouterr()
    return str(path), json.loads(path.read_text(encoding="utf-8"))


def answer(capsys: Output, *arguments: str) -> Any:
    assert main(["evaluate", *arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def costs_in(result: Any, *fields: str) -> list[tuple[Any, ...]]:
    return [
        (layer["name"], solution["rank"], *(solution["cost"][field] for field in fields))
        for layer in result["layers"]
        for solution in layer["solutions"]
    ]


def costs_told(answered: Any, *fields: str) -> list[tuple[Any, ...]]:
    return [
        (of["layer"], of["rank"], *(cost[field] for field in fields))
        for of, cost in zip(answered["costs_of"], answered["costs"], strict=True)
    ]


@pytest.mark.parametrize(
    "fields",
    [{}, {"architecture": "eyeriss-168", "backend": "portfolio"}, {"cost_model": "hierarchy", "backend": "portfolio"}],
    ids=["published", "hierarchy", "published as hierarchy"],
)
def test_every_mapping_costs_what_the_result_says(fields: dict[str, Any], tmp_path: Path, capsys: Output) -> None:
    path, result = solved(tmp_path, capsys, **fields)
    of_cost = ("energy_pj", "cycles", "edp")
    found = costs_told(answer(capsys, path), *of_cost)
    assert found == costs_in(result, *of_cost)
    assert [(name, rank) for name, rank, *_ in found] == [(name, rank) for name in ("g", "again") for rank in (1, 2, 3)]


def test_padded_mappings_are_costed_as_they_are(tmp_path: Path, capsys: Output) -> None:
    own = Specs(gemm(257, 2, 2), objective="latency", solver={"backend": "portfolio", "pad_bounds": True, "top_k": 1})
    path = tmp_path / "result.json"
    assert main([own.writer(tmp_path)(), "--out", str(path), "--no-cache"]) == 0
    capsys.readouterr()
    result = json.loads(path.read_text(encoding="utf-8"))
    assert result["layers"][0]["padding"] is not None
    assert costs_told(answer(capsys, str(path)), "cycles") == costs_in(result, "cycles")


def test_the_same_mappings_on_another_machine(tmp_path: Path, capsys: Output) -> None:
    path, result = solved(tmp_path, capsys, constraints={"min_utilization": {"pe": 0.01}})
    answered = answer(capsys, path, "--set", "access_energy_pj.dram=0", "--set", "pes=1")
    free = [
        (layer["name"], solution["rank"], cost["energy_pj"] - cost["energy_breakdown_pj"]["dram"])
        for layer in result["layers"]
        for solution in layer["solutions"]
        for cost in (solution["cost"],)
    ]
    assert costs_told(answered, "energy_pj") == free
    assert [cost["fits"]["spatial"] for cost in answered["costs"]] == [False] * len(free)


def test_the_same_mappings_by_the_other_cost_model(tmp_path: Path, capsys: Output) -> None:
    path, result = solved(tmp_path, capsys)
    answered = answer(capsys, path, "--cost-model", "hierarchy")
    assert answered["cost_model"] == "hierarchy"
    dram = [s["cost"]["energy_breakdown_pj"]["dram"] for layer in result["layers"] for s in layer["solutions"]]
    assert [cost["energy_breakdown_pj"]["DRAM"] for cost in answered["costs"]] == dram


def test_the_report_goes_layer_by_layer_and_shows_loops(tmp_path: Path, capsys: Output) -> None:
    path, _ = solved(tmp_path, capsys, "--top-k", "1")
    assert main(["evaluate", path, "--loops"]) == 0
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line.endswith(":") and "rank 1 as" in line] == [
        f"{name}, rank 1 as mapping 0:" for name in ("g", "again")
    ]
    assert out.count("mapping 0 as a loop nest:") == 2


def test_the_report_ends_with_the_best_mappings_beside_what_the_result_states(tmp_path: Path, capsys: Output) -> None:
    path, result = solved(tmp_path, capsys, "--top-k", "1")
    changed = ["--set", "access_energy_pj.dram=0", "--set", "dma.init_cycles=0"]
    costs, stated = answer(capsys, path, *changed)["costs"], result["total"]
    counts = [layer["count"] for layer in result["layers"]]
    energy, cycles = (
        sum(n * cost[field] for n, cost in zip(counts, costs, strict=True)) for field in ("energy_pj", "cycles")
    )
    assert (energy < stated["energy_pj"], cycles < stated["cycles"]) == (True, True)
    assert main(["evaluate", path, *changed]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"total with counts: energy {energy:,} pJ (x{energy / stated['energy_pj']:.3f}), "
        f"{cycles:,} cycles (x{cycles / stated['cycles']:.3f}), "
        f"EDP {energy * cycles:.6e} pJ*cycles (x{energy * cycles / stated['edp']:.3f})"
    )


def test_there_is_no_total_where_a_layer_has_no_mapping(tmp_path: Path, capsys: Output) -> None:
    path, _ = solved(tmp_path, capsys, "--top-k", "1")
    result = load_result(path)
    name, request = next(iter(requests_of_result(result, {}, None)))
    stream = StringIO()
    rows = compared_best(result, {name: evaluate(request).costs[0]})
    print_compared_best(Console(file=stream), rows, len(result.layers))
    assert [row.name for row in rows] == ["g"]
    assert stream.getvalue().splitlines()[-1] == "total: none, since some layer has no mapping"


def test_mappings_that_do_not_fit_are_counted_below_the_totals(tmp_path: Path, capsys: Output) -> None:
    path, _ = solved(tmp_path, capsys, constraints={"min_utilization": {"pe": 0.01}})
    assert main(["evaluate", path, "--set", "pes=1"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 of 2 do not fit the machine"


def test_a_result_without_mappings_has_no_costs(tmp_path: Path, capsys: Output) -> None:
    path, _ = solved(tmp_path, capsys, constraints={"max_dram_bytes": 1})
    assert answer(capsys, path) == {"schema": "dmaze-solve/evaluate/1", "costs": [], "costs_of": []}


def test_faults_are_one_line(tmp_path: Path, capsys: Output) -> None:
    path, _ = solved(tmp_path, capsys)
    for options, line in (
        (["--report", "x.html"], "--report: expected none beside a result, of which solve writes the page"),
        (["--set", "layer.m=3"], "--set layer.m: unknown field; an architecture has pes, rf_bytes_per_pe, "),
        (["--set", "pes=0"], "--set pes: expected an integer of at least 1, got 0"),
        (
            ["--accounting", "timeloop"],
            "--accounting: expected none, for the cost model dmazerunner counts in one way ",
        ),
    ):
        assert main(["evaluate", path, *options]) == 2
        out, err = capsys.readouterr()
        assert (out, len(err.splitlines())) == ("", 1)
        assert err.startswith(line)


def studied(capsys: Output, *arguments: str) -> Any:
    assert main(["gap", *arguments, "--full-limit", "0", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("with_spec", [False, True])
def test_the_best_mapping_of_every_layer_is_held_against_the_optimum(
    with_spec: bool, tmp_path: Path, capsys: Output
) -> None:
    path, result = solved(tmp_path, capsys, objective="energy")
    spec = [str(tmp_path / "spec.json")] if with_spec else []
    study = studied(capsys, *spec, "--mapping", path)
    best = {layer["name"]: layer["solutions"][0]["cost"]["energy_pj"] for layer in result["layers"][:1]}
    assert [layer["name"] for layer in study["layers"]] == ["g", "again"]
    assert {given["layer"]: given["objective_value"] for given in study["mappings"]} == best
    assert [given["loss"] for given in study["mappings"]] == [0]


def test_a_result_is_its_own_spec_with_options_in_place_of_its_values(tmp_path: Path, capsys: Output) -> None:
    path, result = solved(tmp_path, capsys, name="mine", architecture="eyeriss-168", backend="portfolio")
    study = studied(capsys, "--mapping", path, "--set", "nodes.GLB.read_pj=50", "--objective", "latency")
    assert (study["name"], study["objective"]) == ("mine", "latency")
    assert study["architecture"]["name"] == "eyeriss-168 (nodes.GLB.read_pj 50)"
    assert study["architecture"]["nodes"][0] == result["architecture"]["nodes"][0]


def test_without_a_result_a_spec_is_needed(tmp_path: Path, capsys: Output) -> None:
    assert main(["gap"]) == 2
    line = "dmaze-solve: expected a SPEC, or the mappings of a result, which holds its own; see dmaze-solve gap --help"
    assert capsys.readouterr() == ("", f"{line}\n")
    spec = SPECS.writer(tmp_path)()
    assert main(["gap", "--mapping", spec]) == 2
    assert capsys.readouterr().err == f"{spec}: schema: expected 'dmaze-solve/result/1', but missing\n"
