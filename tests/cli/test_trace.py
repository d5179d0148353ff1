"""``--trace`` follows the search line by line; ``--certificate`` shows why nothing better exists."""

from __future__ import annotations

import json
import re
import sys
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from builders import Specs, Write, gemm
from commands import interrupted
from dmaze.cli import progress_line, trace_file
from dmaze.cli.main import main
from dmaze.model.layers import Gemm
from dmaze.solver import Progress
from dmaze.solver.pipeline.runs.layer_results import INTERRUPTED, unsolved
from rich.console import Console

GEMM, OTHER = gemm(8, 6, 4), gemm(5, 6, 4, name="h")
Output = pytest.CaptureFixture[str]

pytestmark = pytest.mark.usefixtures("plugins")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a spec with two layers and a copy of the first; gives its path."""
    return Specs(GEMM, {**GEMM, "name": "again"}, OTHER).writer(tmp_path)


def traced_lines(path: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in path.read_text().splitlines()]
    assert all(list(line) == ["seconds", "layer", "incumbent", "bound", "note"] for line in found)
    return found


@pytest.mark.parametrize("verb", ["solve", "enumerate"])
def test_a_trace_ends_every_layer_with_its_status(write: Write, tmp_path: Path, capsys: Output, verb: str) -> None:
    target = tmp_path / "trace.jsonl"
    target.write_text("old\n")
    assert main([verb, "--json", write(backend="cp-sat"), "--trace", str(target)]) == 0
    layers = json.loads(capsys.readouterr().out)["layers"]
    lines = traced_lines(target)
    final = [line for line in lines if line["note"].startswith("optimal")]
    assert [(line["layer"], line["note"]) for line in final] == [
        ("g", "optimal"),
        ("again", "optimal, same as g"),
        ("h", "optimal"),
    ]
    for line, layer in zip(final, layers, strict=True):
        assert (line["incumbent"], line["bound"]) == (layer["objective_value"], layer["bound"])
    for name in ("g", "h"):
        own = [line for line in lines if line["layer"] == name]
        assert [line["seconds"] for line in own] == sorted(line["seconds"] for line in own)
        assert own[0]["seconds"] < 5
        known = [line["incumbent"] for line in own if line["incumbent"] is not None]
        assert known == sorted(known, reverse=True)
        states = [(line["incumbent"], line["bound"]) for line in own[:-1]]
        assert len(set(states)) == len(states)


def test_a_bound_that_rises_is_traced_once_for_each_change(tmp_path: Path) -> None:
    target = tmp_path / "trace.jsonl"
    with trace_file.traced(target) as observer:
        assert observer is not None
        observer.layer_started("g", 1, 1)
        for bound, note in ((1.0, "a"), (1.0, "b"), (2.0, "b"), (2.0, "c")):
            observer.progressed("g", Progress(None, bound, (), note))
        assert [(line["bound"], line["note"]) for line in traced_lines(target)] == [(1.0, "a"), (2.0, "b")]


def test_layers_that_are_searched_at_once_are_traced_each_by_itself(tmp_path: Path) -> None:
    target = tmp_path / "trace.jsonl"
    with trace_file.traced(target) as observer:
        assert observer is not None
        for name in ("g", "h"):
            observer.layer_started(name, 1, 2)
        for name, bound in (("g", 1.0), ("h", 1.0), ("g", 1.0), ("h", 2.0)):
            observer.progressed(name, Progress(None, bound))
        time.sleep(0.01)  # as results are told in the order of the spec, this one has waited
        ended = unsolved(Gemm(type="gemm", name="h", m=2, n=3, k=4), INTERRUPTED, wall_s=0.001)
        observer.layer_finished(ended)
        lines = traced_lines(target)
    assert [(line["layer"], line["bound"]) for line in lines] == [("g", 1.0), ("h", 1.0), ("h", 2.0), ("h", None)]
    assert lines[3]["seconds"] == max(0.001, lines[2]["seconds"])


def test_a_trace_into_a_missing_folder_is_refused_before_solving(write: Write, tmp_path: Path, capsys: Output) -> None:
    for target in (tmp_path / "none" / "trace.jsonl", tmp_path):
        assert main([write(backend="fake-crash"), "--trace", str(target)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert re.match(r"--trace: expected a file(, but | in a folder that exists, but there is no folder )", err)
        assert err.count("\n") == 1


def test_a_full_disk_ends_the_trace_and_not_the_search(write: Write, capsys: Output) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    assert main([write(backend="exhaustive"), "--trace", "/dev/full"]) == 0
    out, err = capsys.readouterr()
    assert "total with counts: " in out
    assert err == "--trace: cannot write any more: No space left on device\n"


def test_ctrl_c_leaves_a_trace_up_to_there(write: Write, tmp_path: Path) -> None:
    target = tmp_path / "trace.jsonl"

    def look() -> None:
        assert [(line["bound"], line["note"]) for line in traced_lines(target)] == [(1.0, "started")]

    interrupted(write(backend="fake-slow"), "--trace", str(target), meanwhile=look)
    assert [(line["layer"], line["note"]) for line in traced_lines(target)[1:]] == [
        ("g", "feasible"),
        ("again", "feasible, same as g"),
        ("h", "unknown"),
    ]


def test_the_certificate_shows_every_class_pair(write: Write, capsys: Output) -> None:
    assert main([write(backend="cp-sat"), "--certificate"]) == 0
    out = capsys.readouterr().out
    assert out.count(", certificate (optimal):") == 2
    assert len(re.findall(r"^  cp-sat: 16 of 16 class pairs closed$", out, re.MULTILINE)) == 2
    assert re.search(r"^  slices settled: [\d,]+, with [\d,]+ tilings costed$", out, re.MULTILINE)
    assert re.search(r"^  ties settled: (yes|no)$", out, re.MULTILINE)
    assert re.search(r"^SPM reuse +DRAM reuse +skipped +closed by +edp bound +refuted at +solver calls +s$", out, re.M)
    assert len(re.findall(r"^(A\(N\)|B\(M\)|C\(K\)|none \(one pass\)) .*(cp-sat|bound) ", out, re.MULTILINE)) == 32


def test_the_certificate_says_what_enumeration_proved(write: Write, capsys: Output) -> None:
    assert main([write(backend="portfolio"), "--certificate"]) == 0
    assert "  enumeration with bounds: finished; " in capsys.readouterr().out
    assert main(["enumerate", write(backend="cp-sat"), "--certificate"]) == 0
    assert "  ties settled: yes\n  the best 5 tilings of all are settled\n" in capsys.readouterr().out


@pytest.mark.parametrize("width", [60, 160])
def test_the_progress_line_shows_all_it_knows_on_any_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    terminal = StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(
        progress_line,
        "Console",
        lambda **_: Console(file=terminal, force_terminal=True, width=width, color_system=None),
    )
    with progress_line.shown_progress("edp") as observer:
        assert observer is not None
        observer.layer_started("conv5_2", 1, 1)
        observer.progressed("conv5_2", Progress(6.844957e15, 5.602457e15, (), "12 of 16 class pairs open"))
        time.sleep(0.3)
    shown = " ".join(re.sub(r"\x1b\[[\d;?]*\w", "", terminal.getvalue()).split())
    shown = re.sub(r" ?\d:\d\d:\d\d ?", " ", shown)
    words = "layer 1 of 1, conv5_2: best edp 6.844957e+15, bound 5.602457e+15, gap 18.15%, 12 of 16 class pairs open"
    assert words in shown
