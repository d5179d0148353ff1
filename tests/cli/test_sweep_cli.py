"""The verb ``sweep``: one table on standard output, the files asked for, and one line for each fault of the input."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from builders import gemm
from dmaze.cli.main import main
from dmaze.cli.reports.comparisons.sweep_report import MOST_ROWS
from dmaze.cli.verbs.schema_verb import schema_document
from dmaze.model.documents.result import Result
from dmaze.model.documents.sweep_results import SweepResult
from dmaze.solver.sweeps import study
from dmaze.solver.sweeps.executors import BorrowedExecutor
from sweep_specs import document, write_spec

AXES = ({"spm.banks": [8, 16]}, {"rf_bytes_per_pe": [16, 64]})
Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command does with its processes is tested elsewhere; here their start would only take time."""
    from concurrent.futures import ThreadPoolExecutor

    class Pool(BorrowedExecutor):
        def __init__(self, workers: int) -> None:
            self.threads = ThreadPoolExecutor(workers)
            super().__init__(self.threads, lambda: workers)

        def __enter__(self) -> Pool:
            return self

        def __exit__(self, *_: object) -> None:
            self.threads.shutdown()

    monkeypatch.setattr(study, "ProcessPool", Pool)


def run(*arguments: object) -> int:
    return main(["sweep", *map(str, arguments), "--no-cache"])


def test_the_table_has_a_row_for_each_design_and_nothing_else_is_said(tmp_path: Path, capsys: Output) -> None:
    assert run(write_spec(tmp_path, axes=AXES)) == 0
    out, err = capsys.readouterr()
    assert err == (
        f"warning: {tmp_path / 'sweep.json'}: sweep.axes: access_energy_pj.spm and access_energy_pj.rf are unchanged, "
        "though a memory of another size takes another energy per access\n"
    )
    rows = [re.split(r"\s{2,}", line.strip()) for line in out.splitlines() if re.match(r" +\d", line)]
    assert [row[:3] for row in rows] == [["1", "8", "16"], ["2", "8", "64"], ["3", "16", "16"], ["4", "16", "64"]]
    assert {row[4] for row in rows} == {"optimal"}
    assert sum("best" in row for row in rows) == 1
    assert out.startswith("test sweep: least edp of 3 layers on 4 designs, base architecture reference\n")
    assert re.search(r"^least sum of EDPs: spm.banks \d+, rf_bytes_per_pe \d+, .*; proved: no design .*$", out, re.M)
    assert "12 pairs of a layer and a design, 8 different problems: 0 from the results file, 8 searched, 0 left" in out


def test_a_design_without_a_mapping_is_an_exit_code_and_a_reason(tmp_path: Path, capsys: Output) -> None:
    assert run(write_spec(tmp_path, axes=[{"rf_bytes_per_pe": [4, 16]}])) == 1
    out = capsys.readouterr().out
    assert re.search(r"^ +1 .* infeasible .* a: rf_bytes_per_pe and 2 more$", out, re.M)


def test_json_keeps_its_schema_and_each_design_holds_a_result_of_its_own(tmp_path: Path, capsys: Output) -> None:
    spec, out = write_spec(tmp_path, axes=AXES), tmp_path / "out.json"
    assert run(spec, "--json", "--out", out) == 0
    text = capsys.readouterr().out
    assert text == out.read_text(encoding="utf-8")
    found = json.loads(text)
    schema = schema_document("sweep")
    jsonschema.validate(found, schema)
    jsonschema.validate(document(axes=AXES), schema)
    assert SweepResult.model_validate(found).counts.left == 0
    for design in found["designs"]:
        assert Result.model_validate(design["result"]).architecture.spm.banks == design["values"]["spm.banks"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document(axes=[]), schema)


def test_csv_has_a_row_for_each_design_and_a_column_for_each_layer(tmp_path: Path) -> None:
    table, out = tmp_path / "table.csv", tmp_path / "out.json"
    assert run(write_spec(tmp_path, axes=AXES), "--csv", table, "--out", out) == 0
    rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"))))
    designs = SweepResult.model_validate_json(out.read_text(encoding="utf-8")).designs
    assert len(rows) == len(designs) == 4
    for row, design in zip(rows, designs, strict=True):
        assert design.result is not None
        assert {name: float(row[name]) for name in design.values} == design.values
        assert float(row["objective_value"]) == design.objective_value == design.result.total.edp_sum
        assert int(row["energy_pj"]) == design.result.total.energy_pj
        assert [float(row[f"objective_value.{layer.name}"]) for layer in design.result.layers] == [
            layer.objective_value for layer in design.result.layers
        ]


def test_options_stand_in_place_of_the_specs_values(tmp_path: Path, capsys: Output) -> None:
    spec = write_spec(tmp_path, axes=AXES)
    options = ("--objective", "latency", "--time-limit", "7", "--total-time-limit", "70", "--workers", "1")
    assert run(spec, "--json", *options, "--backend", "portfolio") == 0
    found = SweepResult.model_validate_json(capsys.readouterr().out)
    assert (found.objective, found.backend) == ("latency", "portfolio")
    assert (found.solver.time_limit_s, found.solver.total_time_limit_s) == (7, 70)


def test_a_front_is_told_as_table_csv_and_picture(tmp_path: Path, capsys: Output) -> None:
    table, plot, page = tmp_path / "table.csv", tmp_path / "plot.svg", tmp_path / "page.html"
    spec = write_spec(tmp_path, gemm(12, 8, 10, name="a"), axes=AXES)
    assert run(spec, "--pareto", "--csv", table, "--plot", plot, "--report", page) == 0
    out = capsys.readouterr().out
    (number,) = re.findall(r"^Front over energy, cycles and area proxy, (\d+) points, proved complete", out, re.M)
    rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"))))
    assert len(rows) == int(number)
    assert all(float(row["edp"]) == int(row["energy_pj"]) * int(row["cycles"]) for row in rows)
    assert "total cycles" in plot.read_text(encoding="utf-8")
    assert "proved complete" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("axes", [AXES[:1], AXES, (*AXES, {"pes": [64, 256]})])
def test_pictures_and_report_of_one_objective(tmp_path: Path, axes: Any) -> None:
    plot, page = tmp_path / "plot.svg", tmp_path / "page.html"
    assert run(write_spec(tmp_path, axes=axes), "--plot", plot, "--report", page) == 0
    assert "spm.banks" in plot.read_text(encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    assert text.count("<tr>") == 1 + len(axes[0]["spm.banks"]) * 2 ** (len(axes) - 1)
    assert 'src="http' not in text


def test_where_no_design_has_a_mapping_the_picture_says_so(tmp_path: Path) -> None:
    plot = tmp_path / "plot.svg"
    for pareto in (False, True):
        spec = write_spec(tmp_path, axes=[{"rf_bytes_per_pe": [2, 4]}], pareto=pareto)
        assert run(spec, "--plot", plot) == 1
        assert "no design has a" in plot.read_text(encoding="utf-8")


def test_a_long_table_shows_the_best_designs_and_says_where_the_others_are(tmp_path: Path, capsys: Output) -> None:
    axes = [{"access_energy_pj.noc": {"from": 1, "to": MOST_ROWS + 1, "step": 1}}]
    assert run(write_spec(tmp_path, gemm(2, 2, 2, name="a"), axes=axes)) == 0
    out = capsys.readouterr().out
    assert len(re.findall(r"^ +\d+ +\d+ ", out, re.M)) == MOST_ROWS
    assert "... 1 more designs: see --csv, --json or --out" in out
    assert out.index("best ") < out.index("+")


@pytest.mark.usefixtures("plugins")
def test_faults_are_told_one_line_each_and_the_rest_is_kept(tmp_path: Path, capsys: Output) -> None:
    spec = write_spec(tmp_path, axes=AXES[:1], solver={"backend": "fake-crash"})
    assert run(spec) == 70
    out, err = capsys.readouterr()
    warning, *faults = err.splitlines()
    assert warning.endswith(
        "access_energy_pj.spm is unchanged, though a memory of another size takes another energy per access"
    )
    assert len(faults) == 4
    assert faults[0].startswith("dmaze-solve: layer a on spm.banks 8: ZeroDivisionError: something third-party")
    assert out.count("fault: ZeroDivisionError") == 4


BAD: dict[str, tuple[list[str], str]] = {
    "an executor that is none": (["--executor", "slurm"], "--executor: expected processes or dask, got 'slurm'"),
    "dask without address": (["--executor", "dask"], "--scheduler: expected the address of the scheduler, but missing"),
    "an address without dask": (["--scheduler", "h:1"], "--scheduler: expected together with --executor dask"),
    "no folder for results": (
        ["--results", "nowhere/r.jsonl"],
        "--results: expected a file in a folder that exists, but there is no folder nowhere",
    ),
    "a picture of another kind": (["--plot", "p.pdf"], "--plot: expected a file that ends in .png or .svg, got p.pdf"),
    "an objective of a front": (
        ["--pareto", "--objective", "energy"],
        "--objective: expected none for a front, which is over energy, cycles and area proxy",
    ),
    "no processes": (["--workers", "0"], "--workers: expected an integer of at least 1, got 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_options_are_one_line_before_any_work(name: str, tmp_path: Path, capsys: Output) -> None:
    options, expected = BAD[name]
    assert run(write_spec(tmp_path), *options) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"{expected}\n")


def test_a_spec_without_axes_is_no_sweep_and_a_sweep_is_no_spec_to_solve(tmp_path: Path, capsys: Output) -> None:
    spec = write_spec(tmp_path)
    assert main(["solve", str(spec)]) == 2
    assert capsys.readouterr().err == (
        f"{spec}: sweep: expected the spec of one machine; the verb sweep takes this one\n"
    )
    plain = {key: value for key, value in document().items() if key != "sweep"}
    spec.write_text(json.dumps(plain), encoding="utf-8")
    assert run(spec) == 2
    assert capsys.readouterr().err == f"{spec}: sweep: expected, but missing\n"


def test_results_and_cache_both_spare_searches(tmp_path: Path, capsys: Output) -> None:
    spec, file, cache = write_spec(tmp_path, axes=AXES), tmp_path / "results.jsonl", tmp_path / "cache"
    for _ in range(2):
        assert main(["sweep", str(spec), "--json", "--cache", str(cache)]) == 0
    found = SweepResult.model_validate_json(capsys.readouterr().out.split("\n}\n{")[1].join(["{", ""]))
    assert all(layer.cached for design in found.designs if design.result for layer in design.result.layers)
    for expected in (8, 0):
        assert run(spec, "--json", "--results", file) == 0
        assert json.loads(capsys.readouterr().out)["counts"]["searched"] == expected
