"""The command line: one answer on standard output, faults in one line each, the contract's exit codes."""

from __future__ import annotations

import json
import os
import re
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

import pytest
from builders import Specs, Write, gemm
from commands import command, interrupted
from dmaze.cli.arguments.command_line import with_verb
from dmaze.cli.main import main, run
from dmaze.cli.output import write_document
from dmaze.model import EvaluateResult, InputError, Result, Spec

GEMM, OTHER = gemm(2, 3, 4), gemm(4, 3, 4, name="h", count=3)
SPECS = Specs(GEMM, name="test spec")
Output = pytest.CaptureFixture[str]

pytestmark = pytest.mark.usefixtures("plugins")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return SPECS.writer(tmp_path)


def test_the_installed_command_is_ours() -> None:
    (point,) = entry_points(group="console_scripts", name="dmaze-solve")
    assert point.load() is run


@pytest.mark.parametrize("verb", [["solve"], []])
def test_solving_prints_a_report_and_nothing_else(write: Write, capsys: Output, verb: list[str]) -> None:
    spec = write(GEMM, {**GEMM, "name": "again"}, OTHER)
    assert main([*verb, spec]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert re.search(r"^h +3 +optimal +0\.00% ", out, re.MULTILINE)
    assert re.search(r"^again .* = g\b", out, re.MULTILINE)
    assert "bounds as claimed by back end exhaustive" in out
    assert "total with counts: energy " in out
    assert not [line for line in out.splitlines() if line != line.rstrip() or "…" in line]


def test_json_is_one_document_that_the_models_read_back(write: Write, capsys: Output) -> None:
    assert main(["--json", write(GEMM, OTHER)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    document = json.loads(out)
    assert document["schema"] == "dmaze-solve/result/1"
    result = Result.model_validate(document)
    assert json.loads(result.model_dump_json()) == document
    assert [layer.status for layer in result.layers] == ["optimal", "optimal"]
    assert document["layers"][0]["evaluated"] == 160


def test_the_report_states_what_the_document_states(write: Write, capsys: Output) -> None:
    spec = write(OTHER)
    main(["--json", spec])
    cost = json.loads(capsys.readouterr().out)["layers"][0]["solutions"][0]["cost"]
    main([spec])
    report = capsys.readouterr().out
    assert f" {cost['energy_pj']:,} " in report
    assert f" {cost['cycles']:,} " in report
    assert f" {cost['edp']:.6e} " in report


@pytest.mark.parametrize("width", [60, 80, 200])
def test_columns_that_do_not_fit_a_terminal_move_to_a_further_table(
    write: Write, capsys: Output, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    spec = write(GEMM, OTHER)
    main([spec, "--no-cache"])
    wide = capsys.readouterr().out
    monkeypatch.setattr("dmaze.cli.drawing.PIPE_WIDTH", width)
    main([spec, "--no-cache"])
    narrow = capsys.readouterr().out
    tables = [line for line in narrow.splitlines() if re.match(r"(layer|g|h) ", line)]
    assert max(map(len, tables)) <= width
    assert sorted(set(re.findall(r"[\d.,e+]{5,}", narrow))) == sorted(set(re.findall(r"[\d.,e+]{5,}", wide)))


def test_loops_shows_every_distinct_mapping_once(write: Write, capsys: Output) -> None:
    assert main([write(GEMM, {**GEMM, "name": "again"}, OTHER), "--loops"]) == 0
    out = capsys.readouterr().out
    assert out.count("C[M][N] += A[M][K] * B[K][N]") == 2
    assert out.count("best mapping (") == 2


def test_options_replace_values_of_the_spec(write: Write, capsys: Output) -> None:
    spec = write(objective="edp")
    options = "--objective latency --backend fake-first --time-limit 7 --total-time-limit 9.5 --workers 2 --top-k 3"
    assert main(["--json", *options.split(), "--gap", "0.5", "--until-gap", "0.75", "--seed", "4", spec]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["objective"], document["backend"]) == ("latency", "fake-first")
    assert document["solver"] == {
        "backend": "fake-first",
        "time_limit_s": 7.0,
        "total_time_limit_s": 9.5,
        "workers": 2,
        "top_k": 3,
        "relative_gap": 0.5,
        "until_gap": 0.75,
        "seed": 4,
        "pad_bounds": False,
        "pad_percent": 5.0,
    }


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--workers", "0"], "--workers: expected an integer of at least 1, got 0"),
        (["--workers", "two"], "--workers: expected an integer, got 'two'"),
        (["--workers", "1.5"], "--workers: expected an integer, got 1.5"),
        (["--time-limit", "-1"], "--time-limit: expected a number above 0, got -1"),
        (["--time-limit", "NaN"], "--time-limit: expected a finite number, got NaN"),
        (["--gap", "1"], "--gap: expected a number below 1, got 1"),
        (["--top-k", "true"], "--top-k: expected an integer, got true"),
        (["--backend", "exhaustve"], "--backend: unknown back end 'exhaustve'; did you mean 'exhaustive'?"),
        (
            ["--objective", "edpp"],
            "--objective: expected 'edp', 'energy' or 'latency', got 'edpp'; did you mean 'edp'?",
        ),
        (["--qqq"], "dmaze-solve: No such option: --qqq; see dmaze-solve solve --help"),
        (
            ["--out", "/nowhere/x.json"],
            "--out: expected a file in a folder that exists, but there is no folder /nowhere",
        ),
        (["--out", "/"], "--out: expected a file, but / is a directory"),
    ],
)
def test_bad_options_are_told_in_one_line(write: Write, capsys: Output, arguments: list[str], complaint: str) -> None:
    assert main([write(backend="fake-crash"), *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(complaint)
    assert err.count("\n") == 1


def test_bad_specs_are_told_with_file_and_place(write: Write, capsys: Output) -> None:
    spec = write({**GEMM, "m": -1, "kk": 1}, solver={"backend": "exhaustve"})
    assert main(["--json", spec]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(": ")[:2] for line in err.splitlines()] == [
        [spec, "workload.layers[0].m"],
        [spec, "workload.layers[0].kk"],
    ]
    assert main([write(solver={"backend": "exhaustve"})]) == 2
    assert capsys.readouterr().err.startswith(f"{spec}: solver.backend: unknown back end 'exhaustve'; did you mean")
    assert main([str(Path(spec).parent / "none.json")]) == 2
    assert main([]) == 2


@pytest.mark.parametrize("verb", [["solve"], ["solve", "--pareto"], ["gap"], ["dataflows"]])
def test_what_a_spec_asks_for_and_nobody_models_is_reported_once(write: Write, capsys: Output, verb: list[str]) -> None:
    """Warnings fail the tests: one that the command does not catch is a second report."""
    tensors = [{"name": "x", "index": ["i"]}, {"name": "y", "index": ["2*i + f"], "output": True}]
    layer = {"type": "loop_nest", "name": "up", "bounds": {"i": 2, "f": 3}, "tensors": tensors}
    spec = write(layer)
    main([*verb, spec])
    message = "workload: different loops may add to one element of 'y'; what that costs is not modelled (layer 'up')"
    assert capsys.readouterr().err == f"warning: {spec}: {message}\n"


def test_infeasible_layers_end_with_1_and_keep_the_document(write: Write, capsys: Output) -> None:
    spec = write(backend="fake-none", constraints={"min_utilization": {"pe": 1.0}})
    assert main(["--json", spec]) == 1
    (layer,) = json.loads(capsys.readouterr().out)["layers"]
    assert (layer["status"], layer["objective_value"], layer["bound"], layer["gap"]) == ("infeasible", None, None, None)
    assert layer["conflicts"] == ["min_utilization.pe"]
    assert main([spec]) == 1
    out = capsys.readouterr().out
    best = "the greatest that the other rules leave is 0.09375"  # 2 * 3 * 4 of 256 PEs
    assert f"g is infeasible; no mapping keeps:\n  - min_utilization.pe: {best}\n" in out
    assert "total: none" in out


def test_faults_of_back_ends_end_with_70_and_say_what_to_report(write: Write, capsys: Output) -> None:
    assert main(["--json", write(GEMM, OTHER, backend="fake-crash")]) == 70
    out, err = capsys.readouterr()
    assert [layer["status"] for layer in json.loads(out)["layers"]] == ["unknown", "unknown"]
    assert re.match(r"dmaze-solve: layer g: ZeroDivisionError: something third-party \(.*; please report", err)
    assert err.count("\n") == 2
    assert main([write(backend="fake-crash")]) == 70
    assert "g: fault: ZeroDivisionError" in capsys.readouterr().out
    assert main([write(backend="fake-missing")]) == 70
    assert re.match(r"dmaze-solve: back end fake-missing cannot be loaded.*; please report", capsys.readouterr().err)


def test_our_own_faults_end_with_70_without_a_traceback(
    write: Write, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug\nof ours")

    monkeypatch.setattr("dmaze.cli.verbs.solve_verb.solve_resolved", broken)
    assert main([write()]) == 70
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"dmaze-solve \S+: internal fault: RuntimeError: a bug\\nof ours \(.*; please report.*\n", err)


def test_out_is_written_besides_the_report(write: Write, capsys: Output, tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    target.write_text("old")
    assert main([write(), "--out", str(target)]) == 0
    assert capsys.readouterr().out.startswith("test spec: least edp on dmazerunner-256pe")
    assert Result.model_validate_json(target.read_text()).layers[0].status == "optimal"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result.json", "spec.json"]


def test_out_keeps_the_old_file_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "result.json"
    target.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(InputError, match="No space left on device"):
        write_document(target, "new")
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]
    assert target.read_text() == "old"


def test_out_follows_links_and_leaves_devices_alone(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    write_document(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    write_document(Path(os.devnull), "new")
    assert Path(os.devnull).is_char_device()


def test_enumerate_counts_without_a_solver(write: Write, capsys: Output) -> None:
    assert main(["enumerate", "--json", write(backend="cp-sat")]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["backend"] == "exhaustive"
    assert document["layers"][0]["evaluated"] == 160


REQUEST: dict[str, Any] = {
    "architecture": "dmazerunner-256pe",
    "layer": GEMM,
    "mappings": [
        {"tiling": {"M": {"dram": 2}, "N": {"dram": 3}, "K": {"dram": 4}}},
        {
            "tiling": {"M": {"rf": 2}, "N": {"spatial": 3}, "K": {"spm": 4}},
            "dram_order": ["M", "N", "K"],
            "spm_order": ["K", "M", "N"],
        },
    ],
}


def test_evaluate_leaves_out_what_was_not_asked_for(capsys: Output, tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_text(json.dumps(REQUEST))
    assert main(["evaluate", str(path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert EvaluateResult.model_validate(document).costs[0].fits.rf
    bare, ordered = (set(cost) for cost in document["costs"])
    assert bare == {"fits", "min_energy_pj", "min_cycles", "min_edp"}
    of_orders = {"energy_pj", "cycles", "edp", "energy_breakdown_pj", "ideal_cycles", "roofline", "bound_by"}
    assert ordered - bare == of_orders
    assert main(["evaluate", str(path), "--detail"]) == 0
    report = capsys.readouterr().out
    assert "footprint in elements, pe_array: A 8, B 3, C 6" not in report  # K is not in the RF tile
    assert "footprint in elements, pe_array: A 2, B 3, C 6" in report
    assert "reuse across RF passes: A 1, B 1, C 4" in report


def test_evaluate_flags_what_does_not_fit(capsys: Output, tmp_path: Path) -> None:
    layer = {**GEMM, "m": 512}
    mapping = {"tiling": {"M": {"spatial": 512}, "N": {"rf": 3}, "K": {"rf": 4}}}
    path = tmp_path / "request.json"
    path.write_text(json.dumps({**REQUEST, "layer": layer, "mappings": [mapping]}))
    assert main(["evaluate", str(path)]) == 0
    assert "no: PEs" in capsys.readouterr().out
    path.write_text(json.dumps({**REQUEST, "layer": layer}))
    assert main(["evaluate", str(path)]) == 2
    err = capsys.readouterr().err
    assert err.splitlines()[0] == f"{path}: mappings[0].tiling.M: factors multiply to 2; expected the bound 512"


def test_list_names_what_is_there(capsys: Output) -> None:
    assert main(["list", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert "dmazerunner-256pe" in document["architectures"]
    assert {"resnet18", "resnet-study", "resnet50", "alexnet", "vgg16", "mobilenetv2"} <= set(document["networks"])
    assert {"cp-sat", "exhaustive", "fake-first"} <= set(document["backends"])
    assert main(["list"]) == 0
    assert "  fake-first\n" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["spec", "result", "evaluate", "verification"])
def test_schemas_have_a_dialect_and_a_title(capsys: Output, tmp_path: Path, name: str) -> None:
    target = tmp_path / "schema.json"
    assert main(["schema", name, "--out", str(target)]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"]
    assert json.loads(target.read_text()) == schema
    main(["schema"])
    assert json.loads(capsys.readouterr().out)[name] == schema


def test_printed_documents_keep_to_the_printed_schemas(write: Write, capsys: Output, tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    main(["schema"])
    schemas = json.loads(capsys.readouterr().out)
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    conv = {"type": "conv2d", "name": "c", "batch": 1, "out_channels": 2, "in_channels": 2, "in_height": 3}
    conv |= {"in_width": 3, "kernel_height": 2, "kernel_width": 1, "stride": [1, 2], "groups": 2}
    nest = {"type": "loop_nest", "name": "n", "bounds": {"i": 2}}
    nest |= {"tensors": [{"name": "x", "index": ["i"]}, {"name": "y", "index": ["2*i"], "output": True}]}
    for backend in ("exhaustive", "fake-none", "fake-crash"):
        spec = write(GEMM, conv, nest, backend=backend)
        jsonschema.validate(json.loads(Path(spec).read_text()), schemas["spec"])
        main(["--json", spec])
        jsonschema.validate(json.loads(capsys.readouterr().out), schemas["result"])
    path = tmp_path / "request.json"
    path.write_text(json.dumps(REQUEST))
    jsonschema.validate(REQUEST, schemas["evaluate"])
    main(["evaluate", "--json", "--detail", str(path)])
    jsonschema.validate(json.loads(capsys.readouterr().out), schemas["evaluate"])


def test_the_schema_of_a_result_names_the_schema_field(capsys: Output) -> None:
    main(["schema", "result"])
    schema = json.loads(capsys.readouterr().out)
    assert {"schema", "layers", "total", "objective", "backend", "architecture"} <= set(schema["required"])
    main(["schema", "spec"])
    assert set(json.loads(capsys.readouterr().out)["properties"]) == set(Spec.model_fields)


@pytest.mark.parametrize(
    ("arguments", "words"), [(["--help"], "evaluate"), (["-h"], "enumerate"), (["solve", "--help"], "--gap")]
)
def test_help_goes_to_standard_output(capsys: Output, arguments: list[str], words: str) -> None:
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert words in out
    assert err == ""
    assert "╭" not in out


def test_version(capsys: Output) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"dmaze-solve {version('dmaze-solve')}\n"


@pytest.mark.parametrize(
    ("arguments", "completed"),
    [
        (["spec.json"], ["solve", "spec.json"]),
        (["--json", "spec.json"], ["solve", "--json", "spec.json"]),
        (["--out", "list", "spec.json"], ["solve", "--out", "list", "spec.json"]),
        (["--json", "list"], ["list", "--json"]),
        (["--out", "x", "list", "--json"], ["list", "--out", "x", "--json"]),
        (["--", "list"], ["solve", "--", "list"]),
        (["./list"], ["solve", "./list"]),
        ([], ["solve"]),
        (["--help"], ["--help"]),
        (["--json", "--help"], ["solve", "--json", "--help"]),
    ],
)
def test_what_is_no_verb_is_a_spec(arguments: list[str], completed: list[str]) -> None:
    assert with_verb(arguments, ["solve", "list"], ["--out"]) == completed


def test_names_from_the_input_cannot_play_tricks_on_a_terminal(write: Write, capsys: Output) -> None:
    name = "\x1b[31m[red]é" + "x" * 80
    assert main([write({**GEMM, "name": name})]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\\x1b[31m[red]é" in out or "\\x1b[31m[red]\\xe9" in out


@pytest.mark.parametrize("as_json", [True, False])
def test_ctrl_c_prints_what_was_found_and_ends_with_130(write: Write, tmp_path: Path, as_json: bool) -> None:
    target = tmp_path / "result.json"
    arguments = [*(["--json"] if as_json else []), "--out", str(target), write(GEMM, OTHER, backend="fake-slow")]
    out, err = interrupted(*arguments)
    assert err == ""
    result = Result.model_validate_json(target.read_text())
    assert result.interrupted
    assert [layer.status for layer in result.layers] == ["feasible", "unknown"]
    assert result.layers[0].bound == 1.0
    if as_json:
        assert out == target.read_text()
    else:
        assert "(interrupted)" in out


def test_a_reader_who_leaves_is_no_fault(write: Write) -> None:
    with command(write()) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_reports_survive_a_locale_that_lacks_their_characters(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    with command(write({**GEMM, "name": "é"}), "--loops") as process:
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert "\\xe9" in out
