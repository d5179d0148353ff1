"""``dmaze-solve explain``: its report, its document, its exit codes, and the question of a newcomer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from builders import Specs, gemm, write_json
from dmaze.cli.main import main
from dmaze.model import Explanation, Result
from dmaze.solver import explain, solve
from dmaze.solver.explaining import other_costs
from machines import SMALL
from paths import ROOT

Output = pytest.CaptureFixture[str]

spec_of = Specs(gemm(6, 4, 10), gemm(3, 4, 4, name="h", count=3), name="network", architecture=SMALL)
TIGHT = spec_of(gemm(2, 2, 2), architecture={**SMALL, "pes": 8, "spm": {"banks": 3, "bytes_per_bank": 2}})


@pytest.fixture(scope="module")
def result() -> Result:
    return solve(spec_of())


@pytest.fixture
def file(result: Result, tmp_path: Path) -> Path:
    return stored(result, tmp_path)


def stored(result: Result, folder: Path) -> Path:
    return write_json(folder / "r.json", result.model_dump(mode="json", by_alias=True))


def report(capsys: Output, *arguments: str | Path, code: int = 0) -> str:
    assert main(["explain", *map(str, arguments)]) == code
    out, err = capsys.readouterr()
    assert err == ""
    return out


def rows(text: str, heading: str) -> dict[str, list[str]]:
    """The rows of the table whose first heading is this one, by what they begin with."""
    _, table = re.split(rf"^{heading} .*\n─+\n", text, flags=re.MULTILINE)
    split = (re.split(r"  +", line) for line in table.partition("\n\n")[0].splitlines())
    return {name: cells for name, *cells in split}


def test_the_document_is_that_of_the_library(file: Path, result: Result, tmp_path: Path, capsys: Output) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    target = tmp_path / "e.json"
    text = report(capsys, file, "g", "--json", "--out", target)
    assert target.read_text() == text
    schema = json.loads((ROOT / "specs" / "schemas" / "explain.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(text))
    found, own = Explanation.model_validate_json(text), explain(result, "g")
    assert _without_times(found) == _without_times(own)
    assert found.schema_ == "dmaze-solve/explain/1"


def _without_times(explanation: Explanation) -> Any:
    document = explanation.model_dump()
    for answer in (*document["what_if"], *(array["forced"] for array in document["arrays"])):
        del answer["wall_s"]
    return document


def test_the_report_says_all_of_it(file: Path, result: Result, capsys: Output) -> None:
    text, told = report(capsys, file, "g"), explain(result, "g")
    cost, share = result.layers[0].solutions[0].cost, result.layers[0].share
    assert share is not None
    lines = text.splitlines()
    assert lines[0] == "g of network: least edp on small, optimal"
    assert lines[2] == (
        f"Bound by {cost.bound_by}: {cost.cycles:,} cycles, {cost.cycles / 60:.2f} times the 60 that it would take "
        f"with everything busy, {share.energy:.1%} of the network's energy and {share.cycles:.1%} of its cycles."
    )
    terms = sorted(cost.roofline.items(), key=lambda item: -item[1])
    assert list(rows(text, "term").items()) == [
        (term, [f"{cycles:,}", f"{cycles / cost.cycles:.1%}"]) for term, cycles in terms
    ]
    (array,) = told.arrays
    assert f"PE: {array.used} of 4 in use, {array.used / 4:.1%}" in text
    larger = rows(text, "dimension")
    for row in array.larger_factors:
        factors = row.factors and (row.factors.objective, row.factors.energy, row.factors.cycles)
        costs = [f"x{factor:.3f}" for factor in factors] if factors else ["-", "-", "-"]
        stopped = ", ".join(row.stopped_by) or "nothing"
        assert larger[row.dimension] == [f"{row.old} -> {row.new}", f"{row.used} of 4", stopped, *costs]
    answers = rows(text, "with")
    assert list(answers) == [answer.what for answer in told.what_if]
    for answer in told.what_if:
        assert answer.factors is not None
        assert answers[answer.what][:2] == ["optimal", f"x{answer.factors.objective:.3f}"]
        (change,) = answer.changes
        assert answers[answer.what][-1] == f"{change.field} {change.old:,} -> {change.new:,}"
    assert [line for line in lines if line.startswith("rank ")] == [
        f"rank {other.rank}: EDP x{other.factors.objective:.3f}, energy x{other.factors.energy:.3f}, "
        f"cycles x{other.factors.cycles:.3f}"
        for other in told.ranks
    ]


def test_more_use_is_said_not_to_pay_with_what_it_costs(file: Path, result: Result, capsys: Output) -> None:
    (array,) = explain(result, "g").arrays
    assert array.forced is not None
    assert array.forced.factors is not None
    line = f"Using more than {array.used} does not pay: the best mapping that does takes EDP "
    assert f"{line}x{array.forced.factors.objective:.3f}" in report(capsys, file, "g")


def test_what_is_not_possible_is_said_with_its_reasons(tmp_path: Path, capsys: Output) -> None:
    text = report(capsys, stored(solve(TIGHT), tmp_path), "g")
    expected = "With more than 1 in use there is no mapping (proved): spm, min_utilization.pe clash."
    assert expected in text.splitlines()


def test_without_time_the_command_ends_with_1_and_says_so(file: Path, capsys: Output) -> None:
    text = report(capsys, file, "g", "--time-limit", "0.000001", code=1)
    assert "one more row of PEs: no answer, time was up before this search" in text.splitlines()


def test_what_is_not_proved_is_marked(result: Result, tmp_path: Path, capsys: Output) -> None:
    doubtful = [layer.model_copy(update={"status": "feasible"}) for layer in result.layers]
    path = stored(result.model_copy(update={"layers": tuple(doubtful)}), tmp_path)
    text = report(capsys, path, "g")
    assert text.startswith("g of network: least edp on small, feasible, not proved\n")
    assert all(cells[0] == "optimal, not proved" for cells in rows(text, "with").values())
    assert "(not proved); it uses" in text
    assert text.endswith("What is not proved is the best that was found in 60 s (--time-limit).\n")


def test_ctrl_c_prints_what_was_found_and_ends_with_130(
    file: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_arguments: Any, **_options: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(other_costs, "solve_layer", interrupted)
    text = report(capsys, file, "g", code=130)
    assert "Bound by " in text
    assert text.endswith("\ninterrupted\n")


def test_what_comes_from_the_cache_is_said_to(file: Path, capsys: Output) -> None:
    first, second = report(capsys, file, "g"), report(capsys, file, "g")
    assert second == f"{first}\nFrom the cache: 5 of 5 answers (--no-cache searches again).\n"
    assert report(capsys, file, "g", "--no-cache") == first


def test_what_cannot_be_explained_ends_with_2(file: Path, capsys: Output) -> None:
    assert main(["explain", str(file), "gg"]) == 2
    assert capsys.readouterr().err == f"{file}: LAYER: no layer is called 'gg'; did you mean 'g'?\n"
    assert main(["explain", str(file)]) == 2
    assert "LAYER" in capsys.readouterr().err


def test_a_newcomer_learns_why_a_layer_leaves_most_pes_idle_with_two_commands(tmp_path: Path, capsys: Output) -> None:
    target = tmp_path / "r.json"
    assert main([str(ROOT / "specs" / "examples" / "resnet18.json"), "--out", str(target)]) == 0
    _, table = capsys.readouterr().out.split("What bounds the best mappings")
    assert re.search(r"^layer3\.0\.conv1 +dma +848,384 +225,792 +3\.76 ", table, re.MULTILINE)
    text = report(capsys, target, "layer3.0.conv1")
    assert "Bound by dma: 848,384 cycles, 3.76 times the 225,792" in text
    assert "PE: 112 of 256 in use, 43.8% (M 16, Ox 7)." in text
    assert "Using more than 112 does not pay: the best mapping that does takes EDP x1.004, energy x1.006" in text
    assert rows(text, "with")["twice the SPM"][:4] == ["optimal", "x0.653", "x0.852", "x0.766"]
