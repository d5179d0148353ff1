"""``--set PATH=VALUE``: other values of single fields, on every verb that takes a spec, a request or a machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builders import Specs, gemm, write_json
from dmaze.cli.arguments.overrides import overrides_from_options
from dmaze.cli.main import main
from dmaze.cli.verbs.comparisons.sweep_verb import SweepGoals, load_sweep_with_overrides
from dmaze.model import Machine
from dmaze.model.designs import designs
from dmaze.model.reading.references import resolve_architecture
from paths import ROOT
from sweep_specs import write_spec

Output = pytest.CaptureFixture[str]
WORKED = str(ROOT / "specs" / "requests" / "worked-example.json")
PUBLISHED = str(ROOT / "specs" / "requests" / "published-conv5_2.json")
KEPT = "is unchanged, though a memory of another size takes another energy per access"
ALL_KEPT = KEPT.replace("is", "are", 1)


@pytest.fixture
def spec(tmp_path: Path) -> str:
    return Specs(gemm(4, 6, 4)).writer(tmp_path)()


def answer(capsys: Output, *arguments: str) -> tuple[Any, list[str]]:
    """The document that a command prints, and the lines of standard error."""
    assert main([*arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    return json.loads(out), err.splitlines()


def refused(capsys: Output, *arguments: str) -> str:
    assert main(list(arguments)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err.removesuffix("\n")


def test_the_result_holds_the_architecture_as_changed_and_its_name_says_so(spec: str, capsys: Output) -> None:
    result, said = answer(capsys, spec, "--no-cache", "--set", "spm.banks=64", "--set", "access_energy_pj.spm=20.5")
    assert said == []
    own = resolve_architecture("dmazerunner-256pe", Path()).model_dump(mode="json")
    prices = {**own["access_energy_pj"], "spm": 20.5}
    name = "dmazerunner-256pe (spm.banks 64, access_energy_pj.spm 20.5)"
    changed = {**own, "name": name, "spm": {**own["spm"], "banks": 64}, "access_energy_pj": prices}
    assert result["architecture"] == changed


def test_what_is_found_is_what_the_changed_machine_has_in_a_file(spec: str, tmp_path: Path, capsys: Output) -> None:
    own = resolve_architecture("eyeriss-168", Path()).model_dump(mode="json")
    own["nodes"][1]["capacity_bytes"] = 128
    other = str(write_json(tmp_path / "machine.json", own))
    solved = ("--no-cache", "--backend", "portfolio", "--set", "solver.top_k=2")
    expected, _ = answer(capsys, spec, "--architecture", other, *solved)
    asked = ("--architecture", "eyeriss-168", "--set", "architecture.nodes.GLB.capacity_bytes=128")
    found, said = answer(capsys, spec, *asked, *solved)
    assert [layer["solutions"] for layer in found["layers"]] == [layer["solutions"] for layer in expected["layers"]]
    assert len(found["layers"][0]["solutions"]) == found["solver"]["top_k"] == 2
    place = "warning: --set architecture.nodes.GLB.capacity_bytes: "
    assert said == [f"{place}nodes.GLB.read_pj and nodes.GLB.write_pj {ALL_KEPT}"]


def test_the_report_is_headed_by_what_was_changed(spec: str, capsys: Output) -> None:
    assert main([spec, "--no-cache", "--set", "spm.banks=64", "--set", "access_energy_pj.spm=20.5"]) == 0
    name = "dmazerunner-256pe (spm.banks 64, access_energy_pj.spm 20.5)"
    assert capsys.readouterr().out.startswith(f"least edp on {name}, bounds as claimed by ")


def test_the_cache_tells_machines_apart(spec: str, tmp_path: Path, capsys: Output) -> None:
    cached = ("--cache", str(tmp_path / "cache"), "--set")
    small, _ = answer(capsys, spec, *cached, "pes=2")
    large, _ = answer(capsys, spec, *cached, "pes=4")
    again, _ = answer(capsys, spec, *cached, "pes=2")
    assert [result["layers"][0]["cached"] for result in (small, large, again)] == [False, False, True]
    assert small["layers"][0]["solutions"] == again["layers"][0]["solutions"] != large["layers"][0]["solutions"]


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("spm.bank=64", "--set spm.bank: unknown field; spm has banks, bytes_per_bank; did you mean 'spm.banks'?"),
        ("sovler.top_k=3", None),
        ("pes=none", "--set pes: expected an integer or a number, got 'none'"),
        ("pes=0", "--set pes: expected an integer of at least 1, got 0"),
        ("pes=[1]", "--set pes: expected a number, true, false or a word, got a list"),
        ("pes", "--set: expected PATH=VALUE, got 'pes'"),
        (
            "solver.topk=3",
            "--set solver.topk: unknown field; solver has backend, time_limit_s, total_time_limit_s, workers, top_k, "
            "relative_gap, until_gap, seed, pad_bounds, pad_percent; did you mean 'solver.top_k'?",
        ),
        ("solver=3", "--set solver: unknown field; solver has backend, time_limit_s, "),
        ("objective=edpp", "--set objective: expected 'edp', 'energy' or 'latency', got 'edpp'; did you mean 'edp'?"),
        ("solver.top_k=many", "--set solver.top_k: expected an integer, got 'many'"),
        ("solver.top_k.x=3", "--set solver.top_k.x: expected an integer, got an object"),
        ("constraints.fixed.Q.rf=2", "--set constraints.fixed.Q.rf: unknown dimension 'Q'; expected one of M, N, K"),
        ("spm_kib_double_buffered=3", "--set spm_kib_double_buffered: expected two buffers of whole banks of 2048 byt"),
        ("spm_kib_double_buffered=NaN", "--set spm_kib_double_buffered: expected a number above 0, got nan"),
        ("spm_kib_double_buffered=Infinity", "--set spm_kib_double_buffered: expected a number above 0, got inf"),
        ("clock_mhz=NaN", "--set clock_mhz: expected a finite number, got NaN"),
        ("pes=" + "[" * 100_000, "--set pes: expected an integer or a number, got '[[["),
        ("constraints" + ".x" * 400 + "=1", "--set constraints.x.x"),
        ("constraints" + ".x" * 4000 + "=1", "--set: expected text of at most 1000 characters"),
        ("workload.batch=4", "--set workload.batch: expected a field of the architecture, or of name, cost_model, "),
        ("architecture=tpu-v1", "--set architecture: expected a field of the architecture, or of name, cost_model, "),
        ("architecture.=3", "--set architecture.: unknown field; architecture has pes, "),
        ("=3", "--set: expected PATH=VALUE, got '=3'"),
        ("constraints.min_utilization.pe=2", "--set constraints.min_utilization.pe: expected a number of at most 1, g"),
    ],
)
def test_faults_name_the_option_the_path_and_what_there_is(
    setting: str, line: str | None, spec: str, capsys: Output
) -> None:
    said = refused(capsys, spec, "--set", setting)
    if line is None:
        assert said.startswith("--set sovler.top_k: unknown field; an architecture has pes, rf_bytes_per_pe, spm, ")
        assert "spm_kib_double_buffered, the document name, " in said
        assert said.endswith("; did you mean 'solver.top_k'?")
    else:
        assert said.startswith(line)
    assert len(said.splitlines()) == 1


def test_nodes_are_found_by_their_names(spec: str, capsys: Output) -> None:
    on_machine = (spec, "--architecture", "eyeriss-168", "--set")
    assert refused(capsys, *on_machine, "nodes.GBL.capacity_bytes=3") == (
        "--set nodes.GBL.capacity_bytes: unknown field; nodes has DRAM, GLB, X, Y, IFMAP, FILTER, PSUM; "
        "did you mean 'nodes.GLB.capacity_bytes'?"
    )
    line = refused(capsys, *on_machine, "nodes.GLB.dma.cycles_per_byte=3")
    assert line.splitlines()[0] == "--set: nodes[1].dma.init_cycles: expected, but missing"


def test_a_field_is_set_once(spec: str, capsys: Output) -> None:
    again = "expected without --top-k, which sets it, too"
    assert refused(capsys, spec, "--set", "solver.top_k=3", "--top-k", "3") == f"--set solver.top_k: {again}"
    assert (
        refused(capsys, spec, "--set", "pes=3", "--set", "pes=4")
        == "--set: expected 'pes' once, but given more than once"
    )
    twice = ("--set", "spm.banks=64", "--set", "spm_kib_double_buffered=128")
    expected = "--set spm_kib_double_buffered: expected without --set spm.banks, which sets it, too"
    assert refused(capsys, spec, *twice) == expected


@pytest.mark.parametrize("field", ["spm.banks=64", "spm.bytes_per_bank=4096", "spm_kib_double_buffered=256"])
def test_another_size_without_another_price_is_told(field: str, spec: str, capsys: Output) -> None:
    path = field.partition("=")[0]
    _, said = answer(capsys, spec, "--no-cache", "--set", field)
    assert said == [f"warning: --set {path}: access_energy_pj.spm {KEPT}"]


def test_a_size_that_stays_as_it_is_is_not_told(spec: str, capsys: Output) -> None:
    assert answer(capsys, spec, "--no-cache", "--set", "spm.banks=32", "--set", "pes=64")[1] == []


def test_requests_are_costed_on_the_changed_machine(capsys: Output) -> None:
    (before,), (after,) = (
        answer(capsys, "evaluate", PUBLISHED, *more)[0]["costs"]
        for more in ((), ("--set", "access_energy_pj.dram=0", "--set", "spm.banks=1"))
    )
    capsys.readouterr()
    assert before["fits"] == {"spatial": True, "rf": True, "spm": True}
    assert after["fits"] == {"spatial": True, "rf": True, "spm": False}
    assert after["energy_pj"] == before["energy_pj"] - before["energy_breakdown_pj"]["dram"]
    assert refused(capsys, "evaluate", PUBLISHED, "--set", "layr.batch=1").endswith("; did you mean 'layer.batch'?")
    assert refused(capsys, "evaluate", PUBLISHED, "--set", "layer.stride=0").startswith("--set layer.stride: expected ")


@pytest.mark.parametrize("verb", ["execute", "codegen"])
def test_requests_are_run_on_the_changed_machine(verb: str, capsys: Output) -> None:
    line = refused(capsys, verb, WORKED, "--set", "nodes.X.sizes=2")
    assert line.endswith("; did you mean 'nodes.X.size'?")
    before, after = (answer(capsys, verb, WORKED, "--set", f"nodes.X.size={size}")[0] for size in (4, 1))
    told = {"execute": lambda document: document["executions"][0]["fits"]["X"], "codegen": str}[verb]
    assert told(before) != told(after)


def test_a_machine_is_shown_as_changed(capsys: Output) -> None:
    document, said = answer(capsys, "show", "eyeriss-168", "--set", "nodes.GLB.read_pj=7")
    machine = Machine.model_validate(document)
    assert said == []
    assert (machine.name, machine.nodes[1].read_pj) == ("eyeriss-168 (nodes.GLB.read_pj 7)", 7)  # type: ignore[union-attr]


@pytest.mark.parametrize("verb", [["enumerate"], ["gap", "--full-limit", "0"], ["dataflows"], ["solve", "--pareto"]])
def test_every_verb_that_searches_takes_it(verb: list[str], spec: str, capsys: Output) -> None:
    result, _ = answer(capsys, *verb, spec, "--set", "pes=2", "--set", "name=what if")
    assert (result["name"], result["architecture"]["pes"]) == ("what if", 2)


def test_a_sweep_begins_at_the_changed_machine(tmp_path: Path, capsys: Output) -> None:
    sweep = write_spec(tmp_path, gemm(4, 6, 4), axes=[{"pes": [2, 4]}])
    overrides = overrides_from_options({}, {"settings": ["bytes_per_element=1", "sweep.front_tolerance=0"]})
    loaded = load_sweep_with_overrides(sweep, overrides, SweepGoals()).document
    machines = [design.architecture for design in designs(loaded)]
    assert [(machine.pes, machine.bytes_per_element) for machine in machines] == [(2, 1), (4, 1)]  # type: ignore[union-attr]
    assert loaded.sweep.front_tolerance == 0
    line = "--set pes: expected without sweep.axes[0].pes, which varies it"
    assert refused(capsys, "sweep", str(sweep), "--set", "pes=3") == line


def test_an_axis_of_sizes_without_prices_is_told(tmp_path: Path, capsys: Output) -> None:
    axes = [{"spm.banks": [8, 16], "spm.bytes_per_bank": [64, 128]}, {"pes": [2, 4]}]
    law = {"spm": {"by": "spm.banks", "base_pj": 13.5, "at": 32, "exponent": 0.5}}
    sweep = write_spec(tmp_path, gemm(4, 6, 4), axes=axes)
    load_sweep_with_overrides(sweep, overrides_from_options({}), SweepGoals())
    assert capsys.readouterr().err == f"warning: {sweep}: sweep.axes: access_energy_pj.spm {KEPT}\n"
    for priced in (axes, [*axes, {"access_energy_pj.spm": [9, 13]}]):
        rules = law if priced is axes else {}
        sweep = write_spec(tmp_path, gemm(4, 6, 4), axes=priced, access_energy_pj=rules)
        load_sweep_with_overrides(sweep, overrides_from_options({}), SweepGoals())
        assert capsys.readouterr().err == ""
