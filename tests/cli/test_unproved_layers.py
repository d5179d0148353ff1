"""The last line of a report, and with --require-proof the exit code, tell which layers are not proved."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from builders import Specs, Write, gemm, nest_of
from dmaze.cli.main import main
from dmaze.cli.reports.certificate_report import unproved_line
from dmaze.model import Result
from dmaze.model.documents.result import Termination
from dmaze.solver import LayerProblem, SearchLimits, SearchOutcome
from paths import EXAMPLES

Output = pytest.CaptureFixture[str]
GEMM, OTHER = gemm(2, 3, 4), gemm(4, 3, 4, name="h", count=3)


@pytest.fixture
def write(tmp_path: Path, fakes: ModuleType) -> Write:
    """Writes a spec for a back end that proves one layer, and takes its time for the other to prove next to nothing."""

    def search(problem: LayerProblem, limits: SearchLimits, _report: Any) -> SearchOutcome:
        layer = GEMM if problem.nest == nest_of(GEMM) else OTHER
        mapping = fakes.everything_in_dram(nest_of(layer))
        cost = problem.cost_model.cost(problem.nest, problem.architecture, mapping)
        proved = layer is GEMM
        if not proved:
            time.sleep(limits.time_limit_s)
        return SearchOutcome((mapping,), cost.energy_pj * cost.cycles * (1.0 if proved else 0.01), exhausted=False)

    fakes.SCRIPTED.script = search
    return Specs(GEMM, OTHER, backend="fake-scripted", solver={"time_limit_s": 0.02}).writer(tmp_path)


def last_line(capsys: Output) -> str:
    return capsys.readouterr().out.splitlines()[-1]


def test_the_last_line_counts_proofs_and_says_what_may_prove_more(write: Write, capsys: Output) -> None:
    assert main([write(), "--no-cache", "--loops", "--certificate"]) == 0
    advice = "to search further than 0.02 s: --until-gap 0.01, or --time-limit 0.08"
    assert last_line(capsys) == f"1 of 2 layers proved; largest gap 99.00% in h; {advice}"


def test_a_script_can_require_proofs(write: Write, capsys: Output) -> None:
    assert main([write(), "--no-cache", "--json"]) == 0
    assert main([write(), "--no-cache", "--json", "--require-proof"]) == 1
    capsys.readouterr()
    assert main([write(GEMM), "--no-cache", "--require-proof"]) == 0
    assert last_line(capsys).startswith("total with counts: ")
    assert main(["enumerate", write(), "--require-proof", "--time-limit", "20"]) == 0


def test_a_gap_to_reach_stands_in_the_result(write: Write, tmp_path: Path, capsys: Output) -> None:
    target = tmp_path / "result.json"
    assert main([write(OTHER), "--no-cache", "--until-gap", "0.995", "--out", str(target)]) == 0
    reached = "all gaps that --until-gap 0.995 asked for are reached where it ended the search"
    assert last_line(capsys) == f"0 of 1 layers proved; largest gap 99.00% in h; {reached}"
    document = json.loads(target.read_text(encoding="utf-8"))
    assert document["solver"]["until_gap"] == 0.995
    assert document["layers"][0]["termination"] == {"reason": "limit", "limit": "until_gap"}
    assert main(["verify", str(target), "--json"]) == 0


def test_a_result_of_before_is_verified_as_before(tmp_path: Path, capsys: Output) -> None:
    target = tmp_path / "result.json"
    assert main([Specs(GEMM).writer(tmp_path)(), "--no-cache", "--out", str(target)]) == 0
    document = json.loads(target.read_text(encoding="utf-8"))
    del document["solver"]["until_gap"]
    target.write_text(json.dumps(document), encoding="utf-8")
    capsys.readouterr()
    assert main(["verify", str(target), "--json"]) == 0


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--until-gap", "1.5"], "--until-gap: expected a number below 1, got 1.5"),
        (["--until-gap", "0.1", "--pad-bounds"], "--until-gap: expected none beside solver.pad_bounds"),
        (["--pareto", "--require-proof"], "--pareto: expected without --until-gap and --require-proof"),
        (["--network", "edp", "--until-gap", "0.1"], "--network: expected without --until-gap and --require-proof"),
        (["--until-gap", "0.1", "--set", "solver.until_gap=0.2"], "--set solver.until_gap: expected without --until-g"),
    ],
)
def test_faults_are_one_line(options: list[str], line: str, write: Write, capsys: Output) -> None:
    assert main([write(), *options]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert err.startswith(line)


def changed(result: Result, **fields: Any) -> Result:
    """The result with other fields of its one layer."""
    (layer,) = result.layers
    return result.model_copy(update={"layers": (layer.model_copy(update=fields),)})


def test_every_reason_has_its_advice(tmp_path: Path, capsys: Output) -> None:
    assert main([Specs(GEMM).writer(tmp_path)(), "--no-cache", "--json"]) == 0
    proved = Result.model_validate_json(capsys.readouterr().out)
    assert unproved_line(proved) is None
    assert unproved_line(changed(proved, status="infeasible", solutions=())) is None
    no_bound = changed(
        proved, status="feasible", gap=None, bound=None, termination=Termination.model_validate({"reason": "no_proof"})
    )
    nothing = "back end exhaustive had nothing left to try, for which more time is no help"
    assert unproved_line(no_bound) == f"0 of 1 layers proved; no bound for g; {nothing}"
    options = proved.solver.model_copy(update={"total_time_limit_s": 7.5})
    total = Termination.model_validate({"reason": "limit", "limit": "total_time_limit_s"})
    late = changed(
        proved.model_copy(update={"solver": options}), status="unknown", solutions=(), gap=None, termination=total
    )
    told = "0 of 1 layers proved; no mapping found for g; --total-time-limit 7.5 was up; 30 may do"
    assert unproved_line(late) == told
    small = changed(
        proved,
        status="feasible",
        gap=0.004,
        termination=Termination.model_validate({"reason": "limit", "limit": "time_limit_s"}),
    )
    advice = "to search further than 60 s: --until-gap 0.001, or --time-limit 240"
    assert unproved_line(small) == f"0 of 1 layers proved; largest gap 0.40% in g; {advice}"


def test_the_examples_take_the_usual_back_end() -> None:
    spec = json.loads((EXAMPLES / "conv5_2.json").read_text(encoding="utf-8"))
    assert "backend" not in spec["solver"]
