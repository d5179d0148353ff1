"""Back ends for tests: each does one thing, right or wrong."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from dmaze.model.loop_nest import LoopNest
from dmaze.model.mapping import Mapping, Tiling
from dmaze.solver import LayerProblem, Progress, Report, SearchLimits, SearchOutcome

Search = Callable[[LayerProblem, SearchLimits, Report], SearchOutcome]


def everything_in_dram(nest: LoopNest) -> Mapping:
    """The mapping that fits wherever any does: tiles of one element."""
    ones = (1,) * len(nest.dims)
    order = tuple(range(len(nest.dims)))
    return Mapping(Tiling(nest.bounds, ones, ones, ones), order, order)


def first(problem: LayerProblem, _limits: SearchLimits, _report: Report) -> SearchOutcome:
    return SearchOutcome((everything_in_dram(problem.nest),), 1.0, exhausted=False, statistics={"branches": 0})


def slow(problem: LayerProblem, _limits: SearchLimits, report: Report) -> SearchOutcome:
    report(Progress(None, 1.0, (everything_in_dram(problem.nest),), "started"))
    print("searching", flush=True, file=sys.stderr)
    for _ in range(300):
        time.sleep(0.1)  # a signal that comes right before a sleep is heard after it
    raise AssertionError("nobody interrupted the search")


def crash(_problem: LayerProblem, _limits: SearchLimits, _report: Report) -> SearchOutcome:
    raise ZeroDivisionError("something third-party")


def none(_problem: LayerProblem, _limits: SearchLimits, _report: Report) -> SearchOutcome:
    return SearchOutcome((), None, exhausted=True)


@dataclass
class Fake:
    name: str
    script: Search
    in_process: bool = True  # tests set the script

    def search(self, problem: LayerProblem, limits: SearchLimits, report: Report) -> SearchOutcome:
        return self.script(problem, limits, report)


SCRIPTED = Fake("fake-scripted", first)
FIRST = Fake("fake-first", first)
SLOW = Fake("fake-slow", slow)
CRASH = Fake("fake-crash", crash)
NONE = Fake("fake-none", none)
