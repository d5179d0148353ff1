"""The ``cp-sat`` back end: an incumbent from local search, then every case refuted or improved upon by CP-SAT.

For every case (:mod:`.cases`) the solver is asked for a mapping that beats the incumbent on the relaxed execution
model. What it finds is costed exactly, may become the incumbent, and is excluded; once nothing is left the case is
closed. When all cases are closed the incumbent is optimal.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from ..backend import LayerProblem, Progress, Report, SearchLimits, SearchOutcome
from ..local_search import LocalSearch
from ..scoring import Scorer
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
        teller = _Teller(shared, report)
        for _ in _first_rounds(start, deadline, limits.time_limit_s):
            teller.tell()
        if shared.has_choices:
            _close_all(shared, limits.workers, teller)
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


class _Teller:
    """Reports what changed, from the main thread only."""

    def __init__(self, shared: Shared, report: Report | None) -> None:
        self._shared, self._report = shared, report
        self._told: tuple[float, float | None, int] | None = None
        self._scorer = Scorer(shared.problem)

    def tell(self) -> None:
        """Report the incumbents, the bound and the cases open, if any of them changed."""
        if self._report is None:
            return
        shared = self._shared
        with shared.lock:
            open_cases = sum(not state.closed for state in shared.states)
            now = (shared.best.value, shared.bound(), open_cases)
            if now != self._told:
                self._told = now
                value = now[0] if shared.best.kept else None
                note = f"{open_cases} of {len(shared.states)} class pairs open"
                self._report(Progress(value, now[1], shared.best.mappings(self._scorer), note))


def _close_all(shared: Shared, workers: int, teller: _Teller) -> None:
    """Work on the open cases, most promising first, until all are closed or time is up."""
    running: dict[Future[None], CaseState] = {}
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="cp-sat") as pool:
        try:
            while True:
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
