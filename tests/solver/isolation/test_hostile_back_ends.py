"""Whatever a back end does, the other layers' results are kept, and its own layer says what happened."""

from __future__ import annotations

import json
import math
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from builders import Specs, gemm, nest_of, only, problem_of
from dmaze.cli.main import main
from dmaze.model.documents.result import Certificate, Result
from dmaze.model.faults import BackendFault, InputError
from dmaze.solver import LayerProblem, Progress, SearchLimits, SearchOutcome, solve
from dmaze.solver.isolation.isolated_backend import IsolatedBackend, SearchStoppedError
from dmaze.solver.isolation.plain_outcome import LARGEST_COUNT, plain_outcome, plain_progress
from dmaze.solver.registry import load_backend

HEALTHY, LAST = gemm(2, 3, 4, name="healthy"), gemm(2, 3, 5, name="last")
spec = Specs(HEALTHY, backend="fake-hostile")
SHORT = SearchLimits(time_limit_s=0.1)

LEFT_BEHIND = """
import subprocess, sys
subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(30)"])
from dmaze.solver.isolation.search_process import end_with
end_with(0)  # nobody's parent
"""
"""Starts a process and is left by the one that has started it; both hold standard output open."""

FATAL = {
    3: r"SystemExit: 0 \(.*, back end fake-hostile\)",
    4: r"back end fake-hostile ended its process \(exit code 0\)",
    5: r"back end fake-hostile ended its process \(signal 9\)",
    6: r"BaseError: something base \(.*\)",
    7: r"KeyboardInterrupt \(.*\)",
    8: r"InputError: spec\.json: solver: mine \(.*\)",
    9: r"SilentError: \(it cannot say what it is\) \(.*\)",
}
HARMLESS = {11: "forks", 12: "prints and moves", 13: "closes its files", 14: "changes the problem"}


def layer(bound: int) -> dict[str, Any]:
    return gemm(bound, 3, 4, name=f"m{bound}")


@pytest.mark.usefixtures("plugins")
class TestProcesses:
    def test_no_way_to_end_a_search_loses_another_layer(self, capfd: pytest.CaptureFixture[str], tmp_path: Any) -> None:
        layers = [HEALTHY, *(layer(bound) for bound in FATAL), LAST]
        path = Specs(*layers, backend="fake-hostile").writer(tmp_path)()
        assert main([path, "--json", "--no-cache"]) == 70
        out, err = capfd.readouterr()
        first, *ill, last = Result.model_validate_json(out).layers
        assert [first.status, last.status] == ["feasible", "feasible"]
        assert (first.fault, last.fault) == (None, None)
        for found, pattern in zip(ill, FATAL.values(), strict=True):
            assert re.fullmatch(pattern, found.fault or ""), found.fault
            assert found.termination is not None
            assert found.termination.reason == "fault"
        assert len(err.splitlines()) == len(FATAL)

    def test_what_it_does_to_its_surroundings_changes_nothing(
        self, capfd: pytest.CaptureFixture[str], tmp_path: Any
    ) -> None:
        layers = [HEALTHY, *(layer(bound) for bound in HARMLESS), LAST]
        path = Specs(*layers, backend="fake-hostile").writer(tmp_path)()
        assert main([path, "--json", "--no-cache"]) == 0
        out, _ = capfd.readouterr()
        result = json.loads(out)
        assert [layer["status"] for layer in result["layers"]] == ["feasible"] * 6
        assert result["objective"] == "edp"

    def test_what_was_reported_before_the_process_died_is_kept(self) -> None:
        found = only(solve(spec(layer(5))))
        assert found.status == "feasible"
        assert found.bound == 1.0
        assert len(found.solutions) == 1
        assert found.fault is not None

    def test_a_search_that_hangs_is_stopped_after_a_grace(self) -> None:
        backend, reported = IsolatedBackend("fake-hostile", ("dmazerunner",), grace_s=0.3), list[Progress]()
        with pytest.raises(SearchStoppedError) as stopped:
            backend.search(problem_of(layer(10)), SHORT, reported.append)
        assert str(stopped.value) == "back end fake-hostile did not end within 0.3 s after its time limit of 0.1 s"
        assert len(reported) == 1
        assert len(backend.search(problem_of(HEALTHY), SHORT, None).candidates) == 1  # in a new process

    def test_a_module_that_ends_the_process_cannot_be_loaded(self) -> None:
        with pytest.raises(BackendFault, match="back end fake-exits-on-import cannot be loaded: SystemExit: 0"):
            load_backend("fake-exits-on-import")

    @pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs groups of processes")
    def test_what_it_has_started_ends_with_it_when_the_command_is_killed(self) -> None:
        done = subprocess.run(
            [sys.executable, "-c", LEFT_BEHIND], stdout=subprocess.PIPE, start_new_session=True, timeout=20
        )
        assert done.returncode == -signal.SIGKILL

    def test_ours_search_here(self) -> None:
        assert not isinstance(load_backend("exhaustive"), IsolatedBackend)
        assert not isinstance(load_backend("fake-first"), IsolatedBackend)
        assert isinstance(load_backend("fake-hostile"), IsolatedBackend)


class TestPlainOutcomes:
    mapping: Any = None

    @pytest.fixture(autouse=True)
    def _mapping(self, fakes: ModuleType) -> None:
        self.mapping = fakes.everything_in_dram(nest_of(HEALTHY))

    def test_odd_statistics_are_left_out(self) -> None:
        odd: dict[Any, Any] = {
            "nan": math.nan, "inf": math.inf, "huge": 10**5000, "object": object(), "none": None, 3: 3,
            "large": LARGEST_COUNT, "numpy": np.int64(3), "share": 0.5, "text": "x" * 2000,
        }  # fmt: skip
        plain = plain_outcome(SearchOutcome((), None, False, odd), "mine").statistics
        assert plain == {"large": LARGEST_COUNT, "numpy": 3, "share": 0.5, "text": "x" * 997 + "..."}
        assert type(plain["numpy"]) is int

    def test_numpy_numbers_in_mappings_are_whole_numbers(self) -> None:
        ones = np.ones(3, dtype=np.int64)
        dram = np.array([2, 3, 4])
        tiling = type(self.mapping.tiling)(tuple(dram), tuple(ones), tuple(ones), tuple(ones))
        found = plain_outcome(SearchOutcome((type(self.mapping)(tiling, (0, 1, 2), (0, 1, 2)),), None, False), "mine")
        assert found.candidates == (self.mapping,)
        assert all(type(factor) is int for level in found.candidates[0].tiling.levels for factor in level)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"bound": "5"}, "back end mine returned a bound that is no number: an object of type str"),
            ({"candidates": (None,)}, "back end mine returned a candidate that is no mapping of whole numbers"),
            ({"certificate": "x"}, "back end mine returned an object of type str instead of a certificate"),
            (
                {"certificate": Certificate.model_construct(slices_settled=math.nan, ties_settled=True)},
                "back end mine returned a certificate with numbers that there are not",
            ),
        ],
    )
    def test_what_is_no_outcome_is_a_fault(self, changes: dict[str, Any], message: str) -> None:
        given: dict[str, Any] = {"candidates": (), "bound": None, "exhausted": False, **changes}
        with pytest.raises(BackendFault, match=message):
            plain_outcome(SearchOutcome(**given), "mine")

    def test_endless_candidates_end(self) -> None:
        def endless() -> Any:
            while True:
                yield self.mapping

        with pytest.raises(BackendFault, match="back end mine returned more than 10000 mappings"):
            plain_outcome(SearchOutcome(endless(), None, False), "mine")

    def test_odd_parts_of_a_snapshot_count_as_not_reported(self) -> None:
        odd: Any = Progress(math.nan, math.inf, (None,), 3, 5.0)  # type: ignore[arg-type]
        assert plain_progress(odd) == Progress(None, None, (), "3", None)


JUNK: list[Callable[[random.Random], Any]] = [
    lambda _: None, lambda _: math.nan, lambda _: -math.inf, lambda _: 10**400, lambda _: "text\x1b[31m\n",
    lambda _: object(), lambda _: (), lambda _: {"a": 10**5000, 2: "b", "c": math.nan}, lambda r: r.uniform(-1e9, 1e9),
    lambda r: r.randrange(10**6), lambda _: np.float64("nan"), lambda _: np.int64(7), lambda _: True, lambda _: [None],
    lambda _: Certificate(ties_settled=False), lambda _: iter("abc"),
]  # fmt: skip
RAISED = [
    ValueError("a\nb"),
    InputError([]),
    SystemExit("x"),
    GeneratorExit(),
    MemoryError(),
    BackendFault(""),
    OSError(),
]


@pytest.mark.parametrize("seed", range(150))
def test_a_back_end_that_does_anything_at_all_costs_its_own_layer_at_most(seed: int, fakes: ModuleType) -> None:
    """A fuzzer: outcomes with parts replaced by junk, junk instead of an outcome, exceptions, odd snapshots."""
    draw = random.Random(seed)

    def search(problem: LayerProblem, limits: SearchLimits, report: Any) -> Any:
        if problem.nest.bounds == (2, 3, 4):
            return fakes.first(problem, limits, report)
        parts = {"candidates": (fakes.everything_in_dram(problem.nest),), "bound": 1.0, "exhausted": False}
        for name in draw.sample([*parts, "statistics", "certificate"], draw.randint(0, 3)):
            parts[name] = draw.choice(JUNK)(draw)
        if draw.random() < 0.3:
            report(Progress(*(draw.choice(JUNK)(draw) for _ in range(5))))
        if draw.random() < 0.2:
            raise draw.choice(RAISED)
        return draw.choice(JUNK)(draw) if draw.random() < 0.1 else SearchOutcome(**parts)

    fakes.SCRIPTED.script = search
    result = solve(spec(layer(7), HEALTHY, backend="fake-scripted"))
    ill, healthy = result.layers
    assert (healthy.status, healthy.fault) == ("feasible", None)
    assert ill.fault or ill.status in ("feasible", "optimal", "unknown")
    assert Result.model_validate_json(result.model_dump_json(by_alias=True)) == result
