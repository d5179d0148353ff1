"""The ``cp-sat`` back end: an incumbent from local search, then every case refuted or improved upon by CP-SAT.

For every case (:mod:`...model.dmazerunner.relaxation.cases`) the solver is asked for a mapping that beats the incumbent
on the relaxed execution model. What it finds is costed exactly, may become the incumbent, and is excluded; once nothing
is left the case is closed. When all cases are closed the incumbent is optimal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from ..backend import PublishedProblem, Report, SearchLimits, SearchOutcome
from ..deadline import Deadline
from ..search.local_search import LocalSearch, MakeLocalSearch
from ..search.progress import POLL_S, ProgressReporter
from ..search.scoring import Scorer
from .case_search import CASE_PARAMETERS, CaseParameters, CaseSearch
from .case_state import CaseState
from .engines import MakeEngine
from .time_slice import work_on


@dataclass(frozen=True)
class StartParameters:
    """How a first incumbent is looked for.

    Attributes:
        local_search: makes the local search.
        share: part of the time that it may take.
        min_rounds: rounds at least.
        patience: then, rounds in a row that bring nothing, after which it ends.
    """

    local_search: MakeLocalSearch = LocalSearch
    share: float = 0.25
    min_rounds: int = 3
    patience: int = 2


START_PARAMETERS = StartParameters()


@dataclass(frozen=True)
class CaseBackend:
    """A back end that closes the cases with some engine: ``cp-sat``, ``highs``."""

    name: str
    make_engine: MakeEngine
    start: StartParameters = START_PARAMETERS
    cases: CaseParameters = CASE_PARAMETERS

    def search(self, problem: PublishedProblem, limits: SearchLimits, report: Report | None) -> SearchOutcome:
        """Find the best mapping and prove it, or say how good it is; see :class:`..backend.SearchOutcome`."""
        deadline = Deadline.after(limits.time_limit_s)
        start = self.start.local_search(problem, seed=limits.seed, keep=limits.top_k)
        engine = self.make_engine(problem.objective, limits.seed)
        search = CaseSearch(problem, limits, deadline, start.best, engine, self.cases)
        reporter = ProgressReporter(report, Scorer(problem), lambda: start.best.kept, search.bound, search.note)
        until = min(deadline, Deadline.after(self.start.share * limits.time_limit_s))
        for _ in self._first_rounds(start.rounds(until)):
            reporter.report_changes()
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

    def _first_rounds(self, values: Iterable[float]) -> Iterator[None]:
        """Rounds of local search, as long as they improve."""
        best, idle = float("inf"), 0
        for number, value in enumerate(values):
            yield
            idle = 0 if value < best else idle + 1
            best = value
            if number + 1 >= self.start.min_rounds and idle >= self.start.patience:
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
                reporter.report_changes()
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
