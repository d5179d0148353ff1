"""A back end that does harm; the first bound of the nest says which."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable

from dmaze.model.faults import InputError
from dmaze.solver import LayerProblem, Progress, Report, SearchLimits, SearchOutcome
from dmaze_fakes import everything_in_dram


class SilentError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even that")


class BaseError(BaseException):
    pass


def leave(_problem: LayerProblem) -> None:
    sys.exit(0)


def leave_at_once(_problem: LayerProblem) -> None:
    os._exit(0)


def crash(_problem: LayerProblem) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def base_exception(_problem: LayerProblem) -> None:
    raise BaseError("something base")


def interrupt(_problem: LayerProblem) -> None:
    raise KeyboardInterrupt


def blame_the_input(_problem: LayerProblem) -> None:
    raise InputError.single("spec.json", "solver", "mine")


def say_nothing(_problem: LayerProblem) -> None:
    raise SilentError


def hang(_problem: LayerProblem) -> None:
    while True:
        try:
            time.sleep(60)
        except BaseException:
            continue


def fork(_problem: LayerProblem) -> None:
    os.fork()


def pollute(_problem: LayerProblem) -> None:
    print("printed", flush=True)
    os.write(1, b"written\n")
    os.chdir("/")
    os.environ.clear()


def close_everything(_problem: LayerProblem) -> None:
    os.closerange(0, 3)


def change_the_problem(problem: LayerProblem) -> None:
    object.__setattr__(problem, "objective", "energy")
    object.__setattr__(problem.nest, "dims", ("x", "y", "z"))


HARM: dict[int, Callable[[LayerProblem], None]] = {
    3: leave, 4: leave_at_once, 5: crash, 6: base_exception, 7: interrupt, 8: blame_the_input, 9: say_nothing,
    10: hang, 11: fork, 12: pollute, 13: close_everything, 14: change_the_problem,
}  # fmt: skip


class Hostile:
    name = "fake-hostile"

    def search(self, problem: LayerProblem, _limits: SearchLimits, report: Report | None) -> SearchOutcome:
        mapping = everything_in_dram(problem.nest)
        if report is not None:
            report(Progress(None, 1.0, (mapping,)))
        HARM.get(problem.nest.bounds[0], lambda _: None)(problem)
        return SearchOutcome((mapping,), 1.0, exhausted=False)


HOSTILE = Hostile()
