"""Enumeration with bounds alone: a certified optimum without a solver, and an account of the whole space."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from ...model.documents.result import Certificate, EnumerationProof
from ..backend import PublishedProblem, Report, SearchLimits, SearchOutcome
from ..deadline import Deadline
from ..search.incumbents import Incumbents, Scored
from ..search.progress import ProgressReporter, follow
from ..search.scoring import Scorer
from .accounting import Accounting
from .branch_and_bound import BranchAndBound
from .counting import num_allowed_tilings
from .first_mappings import FindFirst, first_from_bounds

LEAST_COARSE_GAP = 1e-4
"""A smaller gap is not worth leaving ties open for: the exact optimum takes hardly longer."""


class BoundedBackend:
    """The ``exhaustive-bounded`` back end: :class:`.branch_and_bound.BranchAndBound` on one thread.

    When it finishes, its ``top_k`` mappings are the best ones of the whole space (with a gap of 1e-4 or more: the first
    one is that close). Statistics: ``evaluated``, the number of tilings that the enumeration costed exactly;
    ``pruned_by_bound``, the number of those, fitting or not, in parts of the space that a lower bound excluded;
    ``pruned_by_capacity``, in parts that do not fit or do not pass the constraints. Once the search has finished they
    sum to the number of all tilings that fixed factors leave. ``first`` finds the first incumbents.
    """

    name = "exhaustive-bounded"

    def __init__(self, first: FindFirst = first_from_bounds) -> None:
        self._first = first

    def search(self, problem: PublishedProblem, limits: SearchLimits, report: Report | None) -> SearchOutcome:
        """Find the best mappings and prove it, or say how good they are."""
        deadline = Deadline.after(limits.time_limit_s)
        best = self._first(problem, seed=limits.seed, keep=limits.top_k, deadline=deadline)
        run = BoundedRun(problem, limits, best)
        if not best.kept and num_allowed_tilings(problem, deadline) == 0:
            run.accounting.by_capacity = run.accounting.whole
            return SearchOutcome((), None, exhausted=True, statistics=run.statistics())
        run.work(deadline, ProgressReporter(report, run.scorer, run.kept, run.bound, run.note, run.done))
        return run.outcome()


class BoundedRun:
    """One layer's search: the incumbents, the enumeration, and the account of its space."""

    def __init__(self, problem: PublishedProblem, limits: SearchLimits, best: Incumbents) -> None:
        self.scorer = Scorer(problem)
        self._best, self._gap = best, limits.relative_gap
        self._coarse = limits.relative_gap >= LEAST_COARSE_GAP
        self.accounting = Accounting(problem.nest, problem.constraints)
        self._enumeration = BranchAndBound(
            problem,
            best,
            coarse_gap=limits.relative_gap if self._coarse else None,
            ranks=limits.top_k,
            accounting=self.accounting,
        )

    def work(self, deadline: Deadline, reporter: ProgressReporter) -> None:
        """Enumerate in a thread of its own, so that the main thread hears Ctrl-C.

        Raises:
            RuntimeError: when the enumeration has lost tilings.
        """
        stopping = threading.Event()
        reporter.report_changes()
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="enumeration") as pool:
            try:
                follow([pool.submit(self._enumeration.run, deadline, stopping)], deadline, reporter.report_changes)
            finally:
                stopping.set()
        if self._enumeration.finished and self.accounting.missing:
            raise RuntimeError(f"{self.accounting.missing} of {self.accounting.whole} tilings are not accounted for")

    def kept(self) -> list[Scored]:
        """The best tilings so far, best first."""
        return self._best.kept

    def bound(self) -> float | None:
        """What no mapping lies below; at most the best one's value."""
        if not self._enumeration.finished:
            return min(self._best.value, self._enumeration.bound)
        return self._best.value * (1 - self._gap if self._coarse else 1) if self._best.kept else None

    def note(self) -> str:
        """What was costed and excluded, in words."""
        account = self.accounting
        return f"{account.evaluated:,} tilings costed, {account.by_bound:,} excluded by bounds"

    def done(self) -> float:
        """The share of the space's tilings that are accounted for."""
        return 1 - self.accounting.missing / max(self.accounting.whole, 1)

    def statistics(self) -> dict[str, int | float | str]:
        """The account, as statistics."""
        account = self.accounting
        return {
            "evaluated": account.evaluated,
            "pruned_by_bound": account.by_bound,
            "pruned_by_capacity": account.by_capacity,
        }

    def outcome(self) -> SearchOutcome:
        """What was found and proved."""
        enumeration = self._enumeration
        proof = EnumerationProof(
            finished=enumeration.finished, slices=enumeration.num_subspaces, tilings_costed=enumeration.costed
        )
        settled = enumeration.finished and not self._coarse
        return SearchOutcome(
            candidates=self._best.mappings(self.scorer),
            bound=self.bound(),
            exhausted=enumeration.finished,
            statistics=self.statistics(),
            certificate=Certificate(
                ties_settled=settled, ranks_settled=self._best.size if settled else 1, enumeration=proof
            ),
        )
