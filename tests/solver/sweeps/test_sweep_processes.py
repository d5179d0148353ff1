"""Sweeps on processes of this machine: any number of them, killed at any time, interrupted, resumed."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import gemm
from commands import START
from dmaze.cli.main import main
from dmaze.model.designs import resolve_sweep
from dmaze.model.documents.sweep_results import SweepResult
from dmaze.model.documents.sweep_spec import SweepSpec
from dmaze.solver import sweep
from dmaze.solver.sweeps.executors import ProcessPool
from dmaze.solver.sweeps.goals import Fronts, Optima, on_design
from dmaze.solver.sweeps.run import SweepParameters
from dmaze.solver.sweeps.study import SweepSetting, sweep_on
from dmaze.solver.sweeps.tasks import Task
from paths import PLUGINS
from sweep_specs import DIARY_FILE, NAP_S, PRODUCTS, document, essence, sweep_spec, unchanged_prices, write_spec

PATIENCE_S = 60.0
"""How long to wait for what takes a second on an idle machine."""

AXES = ({"spm.banks": [8, 16, 32]}, {"rf_bytes_per_pe": [16, 32, 64, 128]})
NUM_PROBLEMS = 12 * 2

pytestmark = pytest.mark.usefixtures("plugins")


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    path = tmp_path / "diary"
    path.touch()
    return path


@pytest.fixture
def start(diary: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the command in a group of its own, where its back end takes a nap before every search."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str, nap_s: float = 0.15) -> subprocess.Popen[str]:
        path = os.pathsep.join([str(PLUGINS), os.environ.get("PYTHONPATH", "")])
        env = {**os.environ, "PYTHONPATH": path, DIARY_FILE: str(diary), NAP_S: str(nap_s)}
        command = [sys.executable, "-c", START, "sweep", *arguments, "--no-cache"]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        processes.append(subprocess.Popen(command, env=env, start_new_session=True, **pipes))
        return processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def test_one_process_and_two_give_the_same_table(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The portfolio back end, as a user has it, down to the bytes of the table in a file."""
    axes = [{"spm.banks": [8, 16]}, {"rf_bytes_per_pe": [16, 64]}]
    spec = write_spec(
        tmp_path, gemm(24, 36, 30, name="a"), gemm(60, 8, 12, name="b"), axes=axes, solver={"backend": "portfolio"}
    )
    for workers in ("1", "2"):
        table = str(tmp_path / f"{workers}.csv")
        assert main(["sweep", str(spec), "--json", "--no-cache", "--workers", workers, "--csv", table]) == 0
    first, second = (
        SweepResult.model_validate_json(text) for text in capsys.readouterr().out.replace("}\n{", "}\0{").split("\0")
    )
    assert essence(first) == essence(second)
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()


def test_a_killed_sweep_goes_on_where_it_was(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path, diary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, file, out = write_spec(tmp_path, axes=AXES, solver={"backend": "fake-diary"}), *paths(tmp_path)
    killed = start(str(spec), "--results", str(file), "--workers", "2")
    wait_until(lambda: len(lines(file)) > 6, "some answers are there")
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    known = {(*record["design"].values(), record["layer"]["name"]) for record in map(json.loads, lines(file)[1:])}
    assert 6 <= len(known) < NUM_PROBLEMS
    searched_before = len(lines(diary))
    resumed = start(str(spec), "--results", str(file), "--workers", "2", "--out", str(out), nap_s=0)
    assert resumed.wait(PATIENCE_S) == 0
    result = SweepResult.model_validate_json(out.read_text(encoding="utf-8"))
    distinct = {slot for slot in known if slot[2] != "again"}
    assert result.counts.resumed == len(distinct)
    assert result.counts.searched == NUM_PROBLEMS - len(distinct)
    assert len(lines(diary)) - searched_before - (NUM_PROBLEMS - len(distinct)) in range(3)  # those that were under way
    assert len(lines(file)) == 1 + 12 * 3
    monkeypatch.setenv(NAP_S, "0")
    whole = sweep(sweep_spec(axes=AXES, solver={"backend": "fake-diary", "workers": 2}))
    assert essence(result) == essence(whole)


def paths(folder: Path) -> tuple[Path, Path]:
    return folder / "results.jsonl", folder / "out.json"


def test_processes_end_with_the_sweep_that_started_them(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path, diary: Path
) -> None:
    spec = write_spec(tmp_path, axes=AXES, solver={"backend": "fake-diary"})
    killed = start(str(spec), "--workers", "2", nap_s=0.2)
    wait_until(lambda: bool(lines(diary)), "a search has begun")
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    wait_until(lambda: not group_exists(killed.pid), "no process of the group is left")


def group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_ctrl_c_prints_what_is_finished_and_the_same_command_goes_on(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    spec, file, out = write_spec(tmp_path, axes=AXES, solver={"backend": "fake-diary"}), *paths(tmp_path)
    command = (str(spec), "--results", str(file), "--workers", "2", "--out", str(out))
    process = start(*command)
    wait_until(lambda: len(lines(file)) > 4, "some answers are there")
    os.killpg(process.pid, signal.SIGINT)  # a terminal tells the whole group
    printed, complaints = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert complaints == unchanged_prices(spec)
    assert printed.splitlines()[0].endswith("(interrupted)")
    first = SweepResult.model_validate_json(out.read_text(encoding="utf-8"))
    assert first.interrupted
    assert 0 < first.counts.searched < NUM_PROBLEMS
    assert f"{first.counts.searched} searched" in printed
    wait_until(lambda: not group_exists(process.pid), "no process of the group is left")
    again = start(*command, nap_s=0)
    assert again.wait(PATIENCE_S) == 0
    second = SweepResult.model_validate_json(out.read_text(encoding="utf-8"))
    assert (second.counts.resumed, second.counts.left, second.interrupted) == (first.counts.searched, 0, False)


def test_a_search_that_kills_its_process_is_blamed_and_no_other() -> None:
    deadly = gemm(13, 2, 2, name="deadly")
    spec = sweep_spec(*PRODUCTS, deadly, axes=[{"spm.banks": [8, 16]}], solver={"backend": "fake-deadly", "workers": 2})
    result = sweep(spec)
    assert [(f.layer, f.values) for f in result.faults] == [("deadly", {"spm.banks": n}) for n in (8, 16)]
    assert {f.message for f in result.faults} == {
        "the worker process died while it searched this layer and nothing else"
    }
    assert result.fault is None
    assert (result.counts.searched, result.counts.left) == (4, 2)
    for design in result.designs:
        assert design.result is not None
        assert [layer.status for layer in design.result.layers] == ["optimal"] * 3 + ["unknown"]


def test_workers_that_keep_dying_end_the_sweep() -> None:
    known = resolve_sweep(sweep_spec(axes=[{"spm.banks": [8, 16, 32, 64]}], solver={"workers": 1}), Path.cwd())
    with ProcessPool(1, exit_at_once) as pool:
        result = sweep_on(pool, known, SweepSetting(parameters=SweepParameters(most_breakdowns=1)))
    assert result.fault == "worker processes keep dying; standard error has what they said"
    assert (result.counts.searched, result.counts.left) == (0, 8)


def exit_at_once(_: object) -> None:
    os._exit(1)


def test_a_task_can_be_sent_anywhere() -> None:
    spec = resolve_sweep(SweepSpec.model_validate(document()), Path()).spec
    one = on_design(spec, spec.architecture, spec.layers[0], spec.document.solver)
    for goal in (Optima(), Fronts()):
        task: Task[Any] = Task(goal, one, (), Path("cache"), {"dmaze-solve": "1"})
        assert pickle.loads(pickle.dumps(task)) == task
