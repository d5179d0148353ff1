"""The ``cp-sat`` back end: an incumbent from local search, then every case refuted or improved upon by CP-SAT.

For every case (:mod:`...model.dmazerunner.relaxation.cases`) the solver is asked for a mapping that beats the incumbent
on the relaxed execution model. What it finds is costed exactly, may become the incumbent, and is excluded; once nothing
is left the case is closed. When all cases are closed the incumbent is optimal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from ..backend import LayerProblem, Report, SearchLimits, SearchOutcome
from ..deadline import Deadline
from ..search.local_search import LocalSearch
from ..search.progress import POLL_S, ProgressReporter
from ..search.scoring import Scorer
from .case_search import CaseSearch
from .case_state import CaseState
from .engines import MakeEngine
from .time_slice import work_on

START_SHARE = 0.25
"""Part of the time that the search for a first incumbent may take."""

MIN_ROUNDS, PATIENCE = 3, 2
"""Rounds of local search: at least so many, then until so many in a row bring nothing."""


@dataclass(frozen=True)
class CaseBackend:
    """A back end that closes the cases with some engine: ``cp-sat``, ``highs``."""

    name: str
    make_engine: MakeEngine

    def search(self, problem: LayerProblem, limits: SearchLimits, report: Report | None) -> SearchOutcome:
        """Find the best mapping and prove it, or say how good it is; see :class:`..backend.SearchOutcome`."""
        deadline = Deadline.after(limits.time_limit_s)
        start = LocalSearch(problem, seed=limits.seed, keep=limits.top_k)
        search = CaseSearch(problem, limits, deadline, start.best, self.make_engine(problem.objective, limits.seed))
        reporter = ProgressReporter(report, Scorer(problem), lambda: start.best.kept, search.bound, search.note)
        for _ in _first_rounds(start, deadline, limits.time_limit_s):
            reporter.tell()
        if search.has_choices:
            close_all(search, limits.workers, reporter, lambda: False)
        with search.lock:
            return SearchOutcome(
                candidates=search.best.mappings(Scorer(problem)),
                bound=search.bound(),
                exhausted=search.optimal,
                statistics=search.statistics(),
                certificate=search.certificate(),
            )


def _first_rounds(start: LocalSearch, deadline: Deadline, time_limit_s: float) -> Iterator[None]:
    """Rounds of local search until they stop improving or have had their share of the time."""
    until = min(deadline, Deadline.after(START_SHARE * time_limit_s))
    best, idle = float("inf"), 0
    for number, value in enumerate(start.rounds(until)):
        yield
        idle = 0 if value < best else idle + 1
        best = value
        if number + 1 >= MIN_ROUNDS and idle >= PATIENCE:
            return


def close_all(search: CaseSearch, workers: int, reporter: ProgressReporter, enough: Callable[[], bool]) -> None:
    """Work on the open cases, most promising first, until all are closed, it is enough or time is up."""
    running: dict[Future[None], CaseState] = {}
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="cp-sat") as pool:
        try:
            while not enough():
                while len(running) < workers and (state := search.next_case(list(running.values()))) is not None:
                    running[pool.submit(work_on, search, state)] = state
                if not running:
                    return
                _collect(running, POLL_S)
                reporter.tell()
        finally:
            while running:
                search.stop_solvers()
                _collect(running, POLL_S)


def _collect(running: dict[Future[None], CaseState], timeout_s: float) -> None:
    """Take finished workers off the list, waiting for the first a while; what they raised is raised."""
    done, _ = wait(running, timeout=timeout_s, return_when=FIRST_COMPLETED)
    for future in done:
        del running[future]
        future.result()
