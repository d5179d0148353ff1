"""The exhaustive back end as a search: workers, limits, Ctrl-C, and no proof that is not one."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import Specs, gemm
from commands import START
from dmaze.cli.progress_line import time_left_text
from dmaze.model.dmazerunner.constraints import Constraints
from dmaze.model.dmazerunner.vectorised.batch import Array
from dmaze.model.documents.result import Result
from dmaze.solver import enumerate_mappings
from dmaze.solver.backend import LayerProblem, Progress, SearchLimits, SearchOutcome
from dmaze.solver.enumeration import costing
from dmaze.solver.enumeration.counting import CountingLimits, num_allowed_tilings
from dmaze.solver.enumeration.exhaustive import ENUMERATION_PARAMETERS, EnumerationParameters, ExhaustiveBackend
from dmaze.solver.enumeration.stream import Part, tilings_of
from dmaze.solver.search.scoring import Scorer
from random_problems import random_problem
from reference import REFERENCE
from tiny_nests import NESTS, TIGHT

TINY = LayerProblem(NESTS["gemm"], TIGHT, Constraints(), "edp")
GEMM = gemm(4, 6, 4)
spec = Specs(GEMM, architecture=TIGHT.model_dump(mode="json"))
CONV2_2 = {"type": "conv2d", "name": "conv2_2", "batch": 4, "out_channels": 64, "in_channels": 64, "in_height": 56,
           "in_width": 56, "kernel_height": 3, "kernel_width": 3, "padding": 1}  # fmt: skip
"""1,160,980,152 tilings that fit: minutes of work."""

BY_PROCESSES = EnumerationParameters(few_tilings=0)

GoOn = Callable[[], None]


def run(
    limits: SearchLimits, problem: LayerProblem = TINY, parameters: EnumerationParameters = ENUMERATION_PARAMETERS
) -> tuple[SearchOutcome, list[Progress]]:
    reports: list[Progress] = []
    return ExhaustiveBackend(parameters).search(problem, limits, reports.append), reports


def arrays(problem: LayerProblem = TINY) -> list[Array]:
    """The tilings in arrays of at most four."""
    return list(tilings_of(problem, lambda: None, chunk=4))


def num_tilings(found: list[Array]) -> int:
    return sum(levels.shape[2] for levels in found)


def wait_for_ever(go_on: GoOn) -> None:
    """Wait until the search is stopped."""
    while True:
        go_on()
        time.sleep(0.001)


@pytest.fixture
def stream_is(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[GoOn], Iterator[Array]]], None]:
    """Puts a stream of the test's own in place."""

    def put(stream: Callable[[GoOn], Iterator[Array]]) -> None:
        monkeypatch.setattr(costing, "tilings_of", lambda _, go_on, **__: stream(go_on))

    return put


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that a search starts."""
    processes: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def recorded(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        processes.append(start(*arguments, **options))
        return processes[-1]

    monkeypatch.setattr(subprocess, "Popen", recorded)
    return processes


# Workers.


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_processes_give_what_one_thread_gives(workers: int) -> None:
    problem = LayerProblem(NESTS["conv"], TIGHT, Constraints(), "edp")
    expected, _ = run(SearchLimits(top_k=4), problem)
    outcome, reports = run(SearchLimits(workers=workers, top_k=4), problem, BY_PROCESSES)
    assert outcome == expected
    assert len(outcome.candidates) == 4
    assert reports[-1].incumbents == outcome.candidates
    assert reports[-1].done == 1.0


def test_a_space_that_is_not_counted_is_costed_by_processes() -> None:
    expected, _ = run(SearchLimits())
    uncounted = EnumerationParameters(counting=CountingLimits(most_pairs=0))
    outcome, reports = run(SearchLimits(workers=2), parameters=uncounted)
    assert outcome == expected
    assert {report.done for report in reports} == {None}
    assert reports[-1].note == f"{expected.statistics['evaluated']:,} tilings"


def test_the_import_path_of_the_processes_is_the_parents(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pickle.py").write_text("raise ImportError")  # what lies in the current folder is none of our modules
    assert run(SearchLimits(), parameters=BY_PROCESSES)[0].exhausted


@pytest.mark.parametrize(("program", "said"), [("import sys; sys.exit('no memory')", "1: no memory"), ("exit(3)", "3")])
def test_a_process_that_ends_by_itself_is_a_fault(monkeypatch: pytest.MonkeyPatch, program: str, said: str) -> None:
    monkeypatch.setattr(costing, "PROGRAM", program)
    with pytest.raises(RuntimeError, match=f"ended with {said}"):
        run(SearchLimits(workers=2), parameters=BY_PROCESSES)


def test_a_process_that_says_nothing_is_ended_when_time_is_up(
    monkeypatch: pytest.MonkeyPatch, started: list[subprocess.Popen[bytes]]
) -> None:
    monkeypatch.setattr(costing, "PROGRAM", "import time; time.sleep(1000)")
    outcome, _ = run(SearchLimits(workers=2, time_limit_s=0.2), parameters=BY_PROCESSES)
    assert (outcome.candidates, outcome.bound, outcome.exhausted) == ((), None, False)
    assert len(started) == 2
    assert all(process.poll() is not None for process in started)


def test_a_worker_that_was_stopped_does_not_start() -> None:
    for make in (costing.CostedHere, costing.CostedElsewhere):
        worker = make(costing.Job(TINY, 1, Part(0, 1)))
        worker.stop()
        reported: list[costing.Snapshot] = []
        worker.run(reported.append)
        assert reported == []


# Limits, and what is claimed.


def test_ties_and_ranks_are_those_of_all_tilings() -> None:
    for seed in range(40):
        problem = random_problem(seed)
        scorer = Scorer(problem)
        rows = [
            (*pair, levels[:, :, i].astype(int).tolist())
            for levels in tilings_of(problem, lambda: None)
            for i, pair in enumerate(zip(*_values(scorer, levels), strict=True))
            if pair[0] < float("inf")
        ]
        outcome, _ = run(SearchLimits(top_k=5), problem)
        found = [[list(level) for level in mapping.tiling.levels] for mapping in outcome.candidates]
        assert found == [levels for *_, levels in sorted(rows)[:5]]


def _values(scorer: Scorer, levels: Array) -> tuple[list[float], list[float]]:
    scores = scorer.scores(levels)
    return scores.values.tolist(), scores.ties.tolist()


def test_a_search_that_runs_out_of_time_gives_its_best_and_no_bound(stream_is: Callable[..., None]) -> None:
    def stream(go_on: GoOn) -> Iterator[Array]:
        yield from arrays()[:3]
        wait_for_ever(go_on)

    stream_is(stream)
    stopped, reports = run(SearchLimits(time_limit_s=1.0))
    assert (stopped.bound, stopped.exhausted) == (None, False)
    assert stopped.statistics == {"evaluated": num_tilings(arrays()[:3]), "pruned_by_bound": 0}
    assert reports[-1].incumbents == stopped.candidates != ()
    assert reports[-1].bound is None
    assert 0 < (reports[-1].done or 0) < 1


def test_what_is_costed_after_the_deadline_is_no_less_costed(stream_is: Callable[..., None]) -> None:
    def stream(_: GoOn) -> Iterator[Array]:
        yield np.concatenate(arrays(), axis=2)
        time.sleep(0.4)

    stream_is(stream)
    outcome, _ = run(SearchLimits(time_limit_s=0.2))
    assert outcome.exhausted
    assert outcome.statistics["evaluated"] == num_allowed_tilings(TINY)


def test_a_stream_that_loses_tilings_is_a_fault(stream_is: Callable[..., None]) -> None:
    stream_is(lambda _: iter(arrays()[:-1]))
    with pytest.raises(RuntimeError, match="tilings were costed, but"):
        run(SearchLimits())


def test_without_time_nothing_is_found_out() -> None:
    outcome, _ = run(SearchLimits(time_limit_s=0.0), LayerProblem(NESTS["gemm"], REFERENCE, Constraints(), "edp"))
    assert (outcome.bound, outcome.exhausted) == (None, False)


def test_the_pipeline_makes_feasible_of_it(stream_is: Callable[..., None]) -> None:
    def stream(go_on: GoOn) -> Iterator[Array]:
        yield arrays()[0]
        wait_for_ever(go_on)

    stream_is(stream)
    (layer,) = enumerate_mappings(spec(solver={"time_limit_s": 1.0})).layers
    assert (layer.status, layer.bound, layer.gap, layer.evaluated) == (
        "feasible",
        None,
        None,
        num_tilings(arrays()[:1]),
    )
    assert layer.pruned_by_bound == 0
    assert layer.solutions


def test_traffic_limits_take_no_tiling_out_of_the_count_but_mappings_out_of_the_answer() -> None:
    free, _ = run(SearchLimits(top_k=1))
    limited = TINY.constraints.model_copy(update={"max_dram_bytes": 0})
    outcome, _ = run(SearchLimits(), LayerProblem(TINY.nest, TIGHT, limited, "edp"))
    assert (outcome.candidates, outcome.exhausted) == ((), True)
    assert outcome.statistics == free.statistics


# Ctrl-C.


@pytest.mark.parametrize(
    ("parameters", "count"), [(ENUMERATION_PARAMETERS, 0), (BY_PROCESSES, 2)], ids=["a thread", "processes"]
)
def test_an_interrupt_ends_threads_and_processes(
    started: list[subprocess.Popen[bytes]], parameters: EnumerationParameters, count: int
) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.incumbents:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ExhaustiveBackend(parameters).search(TINY, SearchLimits(workers=2), interrupt)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("enumeration")]
    assert len(started) == count
    assert all(process.poll() is not None for process in started)


def test_ctrl_c_at_a_terminal_gives_what_was_found(tmp_path: Path) -> None:
    path, out = tmp_path / "spec.json", tmp_path / "result.json"
    document = {"architecture": "dmazerunner-256pe", "workload": {"layers": [CONV2_2]}}
    path.write_text(json.dumps(document))
    arguments = ["enumerate", str(path), "--workers", "2", "--time-limit", "300", "--out", str(out)]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", START, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        stdin=theirs,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200"},
    )
    os.close(theirs)
    shown = ""
    while ("best edp" not in shown or "left" not in shown) and select.select([ours], [], [], 60)[0]:
        shown += os.read(ours, 4096).decode(errors="replace")
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the command and to its workers alike
    _drain(ours)
    assert process.wait(timeout=30) == 130
    result = Result.model_validate_json(out.read_text())
    (layer,) = result.layers
    assert (result.interrupted, layer.status, layer.bound, layer.note) == (True, "feasible", None, "interrupted")
    assert len(layer.solutions) == 5
    assert "of 1,160,980,152 tilings" in " ".join(shown.split())
    assert "Traceback" not in shown


def _drain(terminal: int) -> None:
    """Read what a terminal still shows, to its end."""
    try:
        while os.read(terminal, 4096):
            pass
    except OSError:  # the other end is closed
        os.close(terminal)


@pytest.mark.parametrize(
    ("done", "elapsed_s", "text"),
    [
        (None, 30.0, ""),
        (0.0, 30.0, ""),
        (0.25, 30.0, "25% done, about 0:01:30 left"),
        (0.004, 1.0, "0% done, about 0:04:09 left"),
        (1.0, 5.0, "100% done, about 0:00:00 left"),
    ],
)
def test_the_time_left_is_what_the_share_done_took_in_proportion(
    done: float | None, elapsed_s: float, text: str
) -> None:
    assert time_left_text(done, elapsed_s) == text
