"""The ``portfolio`` back end: enumeration with bounds first, CP-SAT beside it where that takes long.

Both prove over the whole space, share one incumbent and need no help of the other. Enumeration with bounds
(:mod:`.enumeration.branch_and_bound`) mostly finishes within a second; CP-SAT (:mod:`.cpsat`) does not care how many
tilings there are. The certificate says who proved what.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

from ..model.dmazerunner.relaxation.cases import has_few_cases
from ..model.documents.result import Certificate, EnumerationProof
from .backend import LayerProblem, Report, SearchLimits, SearchOutcome
from .cpsat.case_backend import close_all
from .cpsat.case_search import CaseSearch, coarse
from .cpsat.engines import CpSatEngine
from .enumeration.branch_and_bound import BranchAndBound
from .enumeration.feasibility import Feasibility
from .search.local_search import LocalSearch
from .search.progress import ProgressReporter, follow
from .search.scoring import Scorer

HEAD_START_S = 3.0
"""How long enumeration with bounds works alone."""

HEAD_START_SHARE = 0.5
"""How much of the time it has where there is one worker; CP-SAT has the rest."""


class PortfolioBackend:
    """The ``portfolio`` back end."""

    name = "portfolio"

    def search(self, problem: LayerProblem, limits: SearchLimits, report: Report | None) -> SearchOutcome:
        """Find the best mapping and prove it, or say how good it is; see :class:`.backend.SearchOutcome`."""
        started = time.monotonic()
        deadline = started + limits.time_limit_s
        start = LocalSearch(problem, seed=limits.seed, keep=limits.top_k)
        next(start.rounds(deadline), None)
        if not start.best.kept and Feasibility(problem.nest).decide(problem, deadline) is False:
            return SearchOutcome((), None, exhausted=True)
        run = PortfolioRun(problem, limits, deadline, start, report)
        run.reporter.tell()
        run.run(started)
        return run.outcome()


class PortfolioRun:
    """One layer's search: the enumeration, and CP-SAT once it is needed."""

    def __init__(
        self, problem: LayerProblem, limits: SearchLimits, deadline: float, start: LocalSearch, report: Report | None
    ) -> None:
        self.problem, self.limits, self.deadline, self.best = problem, limits, deadline, start.best
        gap = limits.relative_gap if coarse(limits.relative_gap) else None
        self.enumeration = BranchAndBound(problem, start.best, coarse_gap=gap)
        self.enumerates_alone = not has_few_cases(problem.nest)
        self.shared: CaseSearch | None = None
        self.reporter = ProgressReporter(report, Scorer(problem), lambda: start.best.kept, self.bound, self.note)

    def run(self, started: float) -> None:
        """Enumerate in a thread of its own, so that the main thread hears Ctrl-C, and follow until all is proved."""
        stopping = threading.Event()
        shared_until = started + HEAD_START_SHARE * self.limits.time_limit_s
        until = self.deadline if self.limits.workers > 1 or self.enumerates_alone else shared_until
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="enumeration") as pool:
            try:
                self._follow(pool.submit(self.enumeration.run, until, stopping), started)
            finally:
                stopping.set()

    def _follow(self, enumeration: Future[None], started: float) -> None:
        """Wait for the enumeration, with CP-SAT beside it after its head start, or after it with one worker."""
        workers = self.limits.workers
        together = workers > 1 and not self.enumerates_alone
        head_start = started + HEAD_START_S if together else self.deadline
        follow([enumeration], head_start, self.reporter.tell)
        if enumeration.done():
            enumeration.result()
        if self.enumeration.finished or self.enumerates_alone or time.monotonic() >= self.deadline:
            return
        engine = CpSatEngine(self.problem.objective, self.limits.seed)
        self.shared = CaseSearch(self.problem, self.limits, self.deadline, self.best, engine)
        beside = workers if enumeration.done() else workers - 1
        close_all(self.shared, beside, self.reporter, lambda: self.enumeration.finished)
        if not self.shared.optimal:
            follow([enumeration], self.deadline, self.reporter.tell)

    @property
    def optimal(self) -> bool:
        """Whether one of both proved that nothing better exists."""
        return self.enumeration.finished or (self.shared is not None and self.shared.optimal)

    def bound(self) -> float | None:
        """The better one of both bounds, at most the incumbent's value; none when there is no mapping."""
        value = self.best.value
        if self.enumeration.finished:
            gap = self.limits.relative_gap if coarse(self.limits.relative_gap) else 0.0
            return value * (1 - gap) if self.best.kept else None
        proved = self.shared.bound() if self.shared is not None else None
        if proved is None and self.shared is not None:
            return None
        return min(value, max(self.enumeration.bound, proved or 0.0))

    def note(self) -> str:
        """What is left to prove, in a few words."""
        if self.shared is not None and not self.enumeration.finished:
            return self.shared.note()
        return f"{self.enumeration.costed:,} tilings costed"

    def outcome(self) -> SearchOutcome:
        """What was found and proved."""
        proof = EnumerationProof(
            finished=self.enumeration.finished,
            slices=self.enumeration.num_subspaces,
            tilings_costed=self.enumeration.costed,
        )
        if self.shared is not None:
            certificate = self.shared.certificate().model_copy(update={"enumeration": proof})
        else:
            certificate = Certificate(ties_settled=self.enumeration.finished, enumeration=proof)
        prover = "enumeration" if self.enumeration.finished else "cp-sat" if self.optimal else "-"
        return SearchOutcome(
            candidates=self.best.mappings(Scorer(self.problem)),
            bound=self.bound(),
            exhausted=self.optimal,
            statistics=(self.shared.statistics() if self.shared is not None else {})
            | {"proved_by": prover, "tilings_costed": self.enumeration.costed},
            certificate=certificate,
        )


BACKEND = PortfolioBackend()
