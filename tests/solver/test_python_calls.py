"""What the library's functions take and say: specs however given, options, progress, faults."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from builders import gemm, write_json
from dmaze.cli.main import main
from dmaze.model import InputError, Spec, SweepSpec
from dmaze.solver import (
    Cache,
    Progress,
    SilentObserver,
    dataflow_study,
    enumerate_mappings,
    gap_study,
    network_optimum,
    pareto_fronts,
    solve,
    sweep,
)
from dmaze.solver.reporting import progress_lines
from dmaze.solver.reporting.progress_lines import ProgressLines

TINY: dict[str, Any] = {
    "architecture": "dmazerunner-256pe",
    "workload": {"layers": [gemm(4, 6, 8, name="a"), gemm(4, 6, 8, name="copy"), gemm(4, 6, 10, name="b")]},
    "solver": {"workers": 1},
}
SMALL: dict[str, Any] = {**TINY, "workload": {"layers": [gemm(4, 6, 8)]}}
AXES = {"axes": [{"spm.banks": [32, 64]}]}

CALLS: dict[str, Callable[..., Any]] = {
    "solve": solve,
    "enumerate": enumerate_mappings,
    "gap": lambda *given, **options: gap_study(*given, full_limit_s=0, **options),
    "dataflows": dataflow_study,
    "pareto": pareto_fronts,
}


def without_times(document: Any) -> str:
    """A result as JSON, without what a clock says."""
    return json.dumps(_without(document.model_dump(mode="json"), ("wall_s", "seconds", "projected_s", "statistics")))


def _without(value: Any, names: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        return {name: _without(member, names) for name, member in value.items() if name not in names}
    return [_without(member, names) for member in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", CALLS)
def test_a_spec_may_be_given_in_any_way(name: str, tmp_path: Path) -> None:
    call, path = CALLS[name], write_json(tmp_path / "spec.json", SMALL)
    wanted = without_times(call(Spec.model_validate(SMALL)))
    for way in (SMALL, path, str(path), json.dumps(SMALL)) if name == "solve" else (str(path),):
        assert without_times(call(way)) == wanted


def test_options_stand_in_place_of_the_specs_own() -> None:
    result = solve(TINY, objective="latency", top_k=2, constraints={"spatial_dims": ["M"]})
    assert (result.objective, result.solver.top_k) == ("latency", 2)
    assert all(len(layer.solutions) == 2 for layer in result.layers)
    assert {factors.spatial for dim, factors in result.layers[0].solutions[0].mapping.tiling.items() if dim != "M"} == {
        1
    }
    assert enumerate_mappings(TINY, backend="cp-sat").backend == "exhaustive"


def test_a_sweep_may_be_given_in_any_way(tmp_path: Path) -> None:
    document = {**SMALL, "sweep": AXES}
    path = write_json(tmp_path / "sweep.json", document)
    results = tmp_path / "results.jsonl"
    with ThreadPoolExecutor(1) as executor:
        wanted = sweep(SweepSpec.model_validate(document), results=results, executor=executor).best
        assert wanted is not None
        for way in (document, path, str(path), json.dumps(document)):
            again = sweep(way, results=results, executor=executor)
            assert (again.best, again.counts.searched) == (wanted, 0)


@pytest.mark.parametrize("name", CALLS)
def test_a_fault_is_what_the_command_prints(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faulty = {**TINY, "objective": "cost", "solver": {"backend": "none", "top_k": 0}, "more": 1}
    path = write_json(tmp_path / "spec.json", faulty)
    verb = {"pareto": ["solve", "--pareto"]}.get(name, [name])
    assert main([*verb, str(path)]) == 2
    printed = capsys.readouterr().err
    with pytest.raises(InputError) as caught:
        CALLS[name](path)
    assert f"{caught.value}\n" == printed
    with pytest.raises(InputError) as caught:
        CALLS[name](faulty)
    assert f"{caught.value}\n" == printed.replace(str(path), "spec")


def test_a_fault_that_only_the_run_finds_is_what_the_command_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_json(tmp_path / "spec.json", {**TINY, "solver": {"backend": "none"}})
    assert main([str(path)]) == 2
    with pytest.raises(InputError) as caught:
        solve(path)
    assert f"{caught.value}\n" == capsys.readouterr().err
    with pytest.raises(InputError, match=r"^backend: unknown back end 'none'"):
        solve(TINY, backend="none")


def test_the_goal_of_a_network_is_a_known_objective() -> None:
    goal: Any = "cost"
    with pytest.raises(InputError, match=r"^goal\.objective: expected 'edp', 'energy' or 'latency', got 'cost'"):
        network_optimum(SMALL, goal)


def test_a_cache_may_be_given_as_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "answers"
    for given, cached in ((folder, False), (folder, True), (str(folder), True), (Cache(str(folder)), True)):
        assert solve(SMALL, cache=given).layers[0].cached is cached
    document = {**SMALL, "sweep": {"axes": [{"spm.banks": [32]}]}}
    with ThreadPoolExecutor(1) as executor:
        for given in (str(folder), Cache(folder)):
            found = sweep(document, executor=executor, cache=given, results=str(tmp_path / "results.jsonl"))
            assert found.best is not None
    assert len(list(folder.iterdir())) == 1
    assert (tmp_path / "results.jsonl").exists()


class Terminal(io.StringIO):
    """Standard error that is a terminal, or none."""

    def __init__(self, *, tty: bool) -> None:
        super().__init__()
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty

    @property
    def lines(self) -> list[str]:
        """What is seen in the end: text after a carriage return is written over what stood there."""
        seen: list[str] = []
        for line in self.getvalue().split("\n"):
            shown = ""
            for part in line.split("\r"):
                shown = part + shown[len(part) :]
            seen.append(shown.rstrip())
        return seen


def said(call: Callable[[], object], *, tty: bool = False) -> Terminal:
    """Standard error while something is called, on which every state of a line is shown."""
    with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stderr(Terminal(tty=tty)) as stream:
        patched.setattr(progress_lines, "BETWEEN_S", 0.0)
        call()
    assert isinstance(stream, Terminal)
    return stream


def without_seconds(lines: list[str]) -> list[str]:
    return [line.rpartition(", ")[0] if line.endswith(" s") else line for line in lines]


@pytest.mark.parametrize("tty", [False, True])
def test_progress_is_a_line_for_each_distinct_layer(*, tty: bool) -> None:
    stream = said(lambda: solve(TINY, progress=True), tty=tty)
    values = [f"{layer.objective_value:.6e}" for layer in solve(TINY).layers]
    assert without_seconds(stream.lines) == [f"1/2 a: optimal, edp {values[0]}", f"2/2 b: optimal, edp {values[2]}", ""]
    assert ("\r" in stream.getvalue()) is tty


def test_progress_in_a_notebook_is_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    stream = said(lambda: solve(TINY, progress=True))
    assert stream.getvalue().startswith("\r1/2 a: searching\r1/2 a: ")
    assert [line.partition(":")[0] for line in stream.lines] == ["1/2 a", "2/2 b", ""]


def test_progress_of_fronts() -> None:
    assert said(lambda: pareto_fronts(TINY, progress=True)).lines == ["1/2 a: front of 3", "2/2 b: front of 3", ""]


def test_progress_of_a_study() -> None:
    lines = said(lambda: gap_study(TINY, full_limit_s=0, progress=True)).lines
    searches = ("by portfolio", "enumeration with bounds", "pruned search")
    assert [line.partition(":")[0] for line in lines] == [
        *(f"{layer}, {what}" for layer in ("1/2 a", "2/2 b") for what in searches),
        "",
    ]


def test_progress_of_a_sweep() -> None:
    with ThreadPoolExecutor(1) as executor:
        (line, end) = said(lambda: sweep({**TINY, "sweep": AXES}, executor=executor, progress=True)).lines
    assert line.startswith("6/6: done: ")
    assert end == ""


def test_a_search_tells_how_far_it_is() -> None:
    def search() -> None:
        lines = ProgressLines("energy")
        lines.layer_started("x" * 100, 1, 1)
        for progress in (Progress(None, None), Progress(2000.0, None), Progress(2000.0, 1999.5, note="pass 2")):
            lines.progressed("x", progress)
        lines.close()

    start = f"1/1 {'x' * 45}...: "
    states = [state.rstrip(" ") for state in said(search, tty=True).getvalue().split("\r")]
    last = f"{start}best energy 2,000, bound 1,999, gap 0.025 %, pass 2"
    assert states == ["", f"{start}searching", f"{start}searching", f"{start}best energy 2,000", last, f"{last}\n"]


def test_layers_that_are_searched_at_once_end_their_own_lines() -> None:
    first, _, second = solve(TINY).layers

    def search() -> None:
        lines = ProgressLines("edp")
        lines.layer_started("a", 1, 2)
        lines.layer_started("b", 2, 2)
        lines.progressed("a", Progress(None, None, note="pass 1"))
        for result in (second, first):
            lines.layer_finished(result)
        lines.close()

    for tty in (False, True):
        shown = without_seconds(said(search, tty=tty).lines)
        assert [line.partition(",")[0] for line in shown] == ["2/2 b: optimal", "1/2 a: optimal", ""]


def test_progress_and_an_observer_hear_the_same() -> None:
    heard: list[str] = []

    class Listener(SilentObserver):
        def layer_started(self, name: str, position: int, total: int) -> None:  # noqa: ARG002 (names alone matter)
            heard.append(name)

    assert len(said(lambda: solve(TINY, Listener(), progress=True)).lines) == 3
    assert heard == ["a", "b"]


def test_without_progress_nothing_is_said() -> None:
    assert said(lambda: solve(TINY), tty=True).getvalue() == ""
