"""The ``portfolio`` back end: enumeration with bounds first, CP-SAT beside it where that takes long.

Both prove over the whole space, share one incumbent and need no help of the other. Enumeration with bounds
(:mod:`.enumeration.branch_and_bound`) mostly finishes within a second; CP-SAT (:mod:`.cpsat`) does not care how many
tilings there are. The certificate says who proved what.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..model.documents.result import Certificate, EnumerationProof
from ..model.objectives import OBJECTIVES
from .backend import PublishedProblem, Report, SearchLimits, SearchOutcome
from .cpsat.formulation.scaling import coarse_gap
from .deadline import Deadline
from .enumeration.branch_and_bound import BranchAndBound
from .enumeration.feasibility import Feasibility
from .enumeration.first_mappings import FindFirst, first_from_bounds
from .search.incumbents import Incumbents
from .search.progress import ProgressReporter, follow
from .search.scoring import Scorer

if TYPE_CHECKING:
    from .cpsat.case_search import CaseSearch


@dataclass(frozen=True)
class PortfolioParameters:
    """How enumeration with bounds and CP-SAT share the time.

    Attributes:
        head_start_s: how long enumeration works alone.
        head_start_share: how much of the time it has where there is one worker; CP-SAT has the rest.
        first: finds the first mappings.
    """

    head_start_s: float = 3.0
    head_start_share: float = 0.5
    first: FindFirst = first_from_bounds


PORTFOLIO_PARAMETERS = PortfolioParameters()


class PortfolioBackend:
    """The ``portfolio`` back end."""

    name = "portfolio"

    def __init__(self, parameters: PortfolioParameters = PORTFOLIO_PARAMETERS) -> None:
        self._parameters = parameters

    def search(self, problem: PublishedProblem, limits: SearchLimits, report: Report | None) -> SearchOutcome:
        """Find the best mapping and prove it, or say how good it is; see :class:`.backend.SearchOutcome`."""
        schedule = Schedule.of(limits, self._parameters)
        best = self._parameters.first(problem, seed=limits.seed, keep=limits.top_k, deadline=schedule.end)
        if not best.kept and Feasibility(problem.nest).decide(problem, schedule.end) is False:
            return SearchOutcome((), None, exhausted=True)
        run = PortfolioRun(problem, limits, schedule, best, report)
        run.reporter.report_changes()
        run.run()
        return run.outcome()


@dataclass(frozen=True)
class Schedule:
    """Points in time of one search: its ``end``; when enumeration gets company, or with one worker hands over."""

    end: Deadline
    head_start: Deadline
    handover: Deadline

    @classmethod
    def of(cls, limits: SearchLimits, parameters: PortfolioParameters) -> Schedule:
        """The schedule of a search that begins now."""
        return cls(
            end=Deadline.after(limits.time_limit_s),
            head_start=Deadline.after(parameters.head_start_s),
            handover=Deadline.after(parameters.head_start_share * limits.time_limit_s),
        )


class PortfolioRun:
    """One layer's search: the enumeration, and CP-SAT once it is needed."""

    def __init__(
        self,
        problem: PublishedProblem,
        limits: SearchLimits,
        schedule: Schedule,
        best: Incumbents,
        report: Report | None,
    ) -> None:
        self.problem, self.limits, self.schedule = problem, limits, schedule
        self.best = best
        self.gap = coarse_gap(limits.relative_gap)
        self.enumeration = BranchAndBound(problem, best, coarse_gap=self.gap, ranks=limits.top_k)
        self.enumerates_alone = problem.cost_model.cases(problem.nest) is None
        self.case_search: CaseSearch | None = None
        self.scorer = Scorer(problem)
        self.reporter = ProgressReporter(report, self.scorer, lambda: best.kept, self.bound, self.note)

    def run(self) -> None:
        """Enumerate in a thread of its own, so that the main thread hears Ctrl-C, and follow until all is proved."""
        stopping = threading.Event()
        whole = self.limits.workers > 1 or self.enumerates_alone
        until = self.schedule.end if whole else self.schedule.handover
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="enumeration") as pool:
            try:
                self._follow(pool.submit(self.enumeration.run, until, stopping))
            finally:
                stopping.set()

    def _follow(self, enumeration: Future[None]) -> None:
        """Wait for the enumeration, with CP-SAT beside it after its head start, or after it with one worker."""
        workers = self.limits.workers
        together = workers > 1 and not self.enumerates_alone
        alone_until = self.schedule.head_start if together else self.schedule.end
        follow([enumeration], alone_until, self.reporter.report_changes)
        if enumeration.done():
            enumeration.result()
        if self.enumeration.finished or self.enumerates_alone or self.schedule.end.passed:
            return
        if not self._close_cases(workers if enumeration.done() else workers - 1):
            follow([enumeration], self.schedule.end, self.reporter.report_changes)

    def _close_cases(self, workers: int) -> bool:
        """CP-SAT on the cases, until all are closed or the enumeration has finished; whether all are closed.

        OR-Tools is loaded here: most layers are proved without it, sooner than it loads.
        """
        from .cpsat.case_backend import close_all
        from .cpsat.case_search import CASE_PARAMETERS, CaseSearch
        from .cpsat.engines import search_engine

        engine = search_engine(self.problem.objective, self.limits.seed)
        self.case_search = CaseSearch(self.problem, self.limits, self.schedule.end, self.best, engine, CASE_PARAMETERS)
        close_all(self.case_search, workers, self.reporter, lambda: self.enumeration.finished)
        return self.case_search.optimal

    @property
    def optimal(self) -> bool:
        """Whether one of both proved that nothing better exists."""
        return self.enumeration.finished or (self.case_search is not None and self.case_search.optimal)

    def bound(self) -> float | None:
        """The better one of both bounds, at most the incumbent's value; ``None`` when there is no mapping."""
        value = self.best.value
        if self.enumeration.finished:
            if not self.best.kept:
                return None
            return value if self.gap is None else OBJECTIVES[self.problem.objective].largest_improving(value, self.gap)
        proved = self.case_search.bound() if self.case_search is not None else None
        if proved is None and self.case_search is not None:
            return None
        return min(value, max(self.enumeration.bound, proved or 0.0))

    def note(self) -> str:
        """What is left to prove, in a few words."""
        if self.case_search is not None and not self.enumeration.finished:
            return self.case_search.note()
        return f"{self.enumeration.costed:,} tilings costed"

    def outcome(self) -> SearchOutcome:
        """What was found and proved."""
        proof = EnumerationProof(
            finished=self.enumeration.finished,
            slices=self.enumeration.num_subspaces,
            tilings_costed=self.enumeration.costed,
        )
        if self.case_search is not None:
            certificate = self.case_search.certificate().model_copy(update={"enumeration": proof})
        else:
            certificate = Certificate(ties_settled=self.enumeration.finished, enumeration=proof)
        if self.enumeration.finished and self.gap is None:
            certificate = certificate.model_copy(update={"ranks_settled": self.limits.top_k})
        prover = "enumeration" if self.enumeration.finished else "cp-sat" if self.optimal else "-"
        return SearchOutcome(
            candidates=self.best.mappings(self.scorer),
            bound=self.bound(),
            exhausted=self.optimal,
            statistics=(self.case_search.statistics() if self.case_search is not None else {})
            | {"proved_by": prover, "tilings_costed": self.enumeration.costed},
            certificate=certificate,
        )


BACKEND = PortfolioBackend()
