"""Back ends for tests of sweeps, which search in other processes: environment variables say what they do."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, replace

from dmaze.solver import LayerProblem, Report, SearchLimits, SearchOutcome
from dmaze.solver.enumeration import BACKEND as EXHAUSTIVE

DIARY_FILE, NAP_S = "DMAZE_TEST_DIARY", "DMAZE_TEST_NAP_S"
DEADLY_BOUND = 13


@dataclass(frozen=True)
class Diary:
    """Enumeration that writes down every search, after a nap."""

    name: str = "fake-diary"
    in_process: bool = True  # the processes of a sweep are what is tested

    def search(self, problem: LayerProblem, limits: SearchLimits, _report: Report | None) -> SearchOutcome:
        time.sleep(float(os.environ.get(NAP_S, "0")))
        if DIARY_FILE in os.environ:
            with open(os.environ[DIARY_FILE], "a", encoding="utf-8") as diary:
                machine = problem.architecture
                diary.write(f"{problem.nest.bounds} {machine.rf_bytes_per_pe} {machine.spm.banks}\n")
        outcome = EXHAUSTIVE.search(problem, limits, None)
        return replace(outcome, statistics={"starts": len(problem.warm_starts)})


@dataclass(frozen=True)
class Deadly(Diary):
    """The same, but a nest with a certain bound ends the process without a word."""

    name: str = "fake-deadly"

    def search(self, problem: LayerProblem, limits: SearchLimits, report: Report | None) -> SearchOutcome:
        if DEADLY_BOUND in problem.nest.bounds:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().search(problem, limits, report)


DIARY, DEADLY = Diary(), Deadly()
