"""The ``cp-sat`` back end: an incumbent from local search, then every case refuted or improved upon by CP-SAT.

For every case (:mod:`.cases`) the solver is asked for a mapping that beats the incumbent on the relaxed execution
model. What it finds is costed exactly, may become the incumbent, and is excluded; once nothing is left the case is
closed. When all cases are closed the incumbent is optimal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from ..backend import LayerProblem, Progress, Report, SearchLimits, SearchOutcome
from ..local_search import LocalSearch
from ..scoring import BestFew, Scorer
from .closing import CaseState, Shared, work_on

START_SHARE = 0.25
"""Part of the time that the search for a first incumbent may take."""

MIN_ROUNDS, PATIENCE = 3, 2
"""Rounds of local search: at least so many, then until so many in a row bring nothing."""

POLL_S = 0.1
"""How often the waiting main thread looks up, so that Ctrl-C is heard."""


class CpSatBackend:
    """The ``cp-sat`` back end."""

    name = "cp-sat"

    def search(self, problem: LayerProblem, limits: SearchLimits, report: Report | None) -> SearchOutcome:
        """Find the best mapping and prove it, or say how good it is; see :class:`..backend.SearchOutcome`."""
        deadline = time.monotonic() + limits.time_limit_s
        start = LocalSearch(problem, seed=limits.seed, keep=limits.top_k)
        shared = Shared(problem, limits, deadline, start.best)
        teller = Teller(report, Scorer(problem), start.best, shared.bound, shared.note)
        for _ in _first_rounds(start, deadline, limits.time_limit_s):
            teller.tell()
        if shared.has_choices:
            close_all(shared, limits.workers, teller, lambda: False)
        with shared.lock:
            return SearchOutcome(
                candidates=shared.best.mappings(Scorer(problem)),
                bound=shared.bound(),
                exhausted=shared.optimal,
                statistics=shared.statistics(),
                certificate=shared.certificate(),
            )


def _first_rounds(start: LocalSearch, deadline: float, time_limit_s: float) -> Iterator[None]:
    """Rounds of local search until they stop improving or have had their share of the time."""
    until = min(deadline, time.monotonic() + START_SHARE * time_limit_s)
    best, idle = float("inf"), 0
    for number, value in enumerate(start.rounds(until)):
        yield
        idle = 0 if value < best else idle + 1
        best = value
        if number + 1 >= MIN_ROUNDS and idle >= PATIENCE:
            return


class Teller:
    """Reports what changed, from the main thread only."""

    def __init__(
        self,
        report: Report | None,
        scorer: Scorer,
        best: BestFew,
        bound: Callable[[], float | None],
        note: Callable[[], str],
    ) -> None:
        self._report, self._scorer, self._best, self._bound, self._note = report, scorer, best, bound, note
        self._told: tuple[float, float | None, str] | None = None

    def tell(self) -> None:
        """Report the incumbents, the bound and the note, if any of them changed."""
        if self._report is None:
            return
        now = (self._best.value, self._bound(), self._note())
        if now != self._told:
            self._told = now
            mappings = self._best.mappings(self._scorer)
            self._report(Progress(now[0] if mappings else None, now[1], mappings, now[2]))


def close_all(shared: Shared, workers: int, teller: Teller, enough: Callable[[], bool]) -> None:
    """Work on the open cases, most promising first, until all are closed, it is enough or time is up."""
    running: dict[Future[None], CaseState] = {}
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="cp-sat") as pool:
        try:
            while not enough():
                while len(running) < workers and (state := shared.next_case(list(running.values()))) is not None:
                    running[pool.submit(work_on, shared, state)] = state
                if not running:
                    return
                _collect(running, POLL_S)
                teller.tell()
        finally:
            while running:
                shared.stop_solvers()
                _collect(running, POLL_S)


def _collect(running: dict[Future[None], CaseState], timeout_s: float) -> None:
    """Take finished workers off the list, waiting for the first a while; what they raised is raised."""
    done, _ = wait(running, timeout=timeout_s, return_when=FIRST_COMPLETED)
    for future in done:
        del running[future]
        future.result()
