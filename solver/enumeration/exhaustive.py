"""Exhaustive enumeration: every tiling that fits and passes, all pairs of reuse classes, no solver inside."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from ...model.dmazerunner.factorisations import num_tilings
from ...model.documents.result import Certificate
from ..backend import PublishedProblem, Report, SearchLimits, SearchOutcome
from ..deadline import Deadline
from ..search.incumbents import Scored, mappings_of
from ..search.progress import ProgressReporter, follow
from ..search.scoring import Scorer
from .costing import CostedElsewhere, CostedHere, Job, Snapshot
from .counting import COUNTING_LIMITS, CountingLimits, num_allowed_tilings
from .stream import Part


@dataclass(frozen=True)
class EnumerationParameters:
    """How the work of enumerating is divided.

    Attributes:
        few_tilings: tilings up to which a thread of this process costs them; others would take longer to start than
            they save.
        most_processes: processes at a time: none takes more than 150 MB, so that together they stay below 2 GB.
        counting: up to where tilings are counted first.
    """

    few_tilings: int = 1 << 22
    most_processes: int = 12
    counting: CountingLimits = COUNTING_LIMITS


ENUMERATION_PARAMETERS = EnumerationParameters()


class ExhaustiveBackend:
    """The ``exhaustive`` back end. When it finishes its best mappings are the best ones by construction.

    Statistics: ``evaluated``, the number of tilings costed, which are those that fit and pass what is asked of tilings
    (traffic limits depend on loop orders, and take no tiling out); ``pruned_by_bound``, which is 0; and, when the
    search finished, ``pruned_by_capacity``, the number of all others that fixed factors leave.
    """

    name = "exhaustive"

    def __init__(self, parameters: EnumerationParameters = ENUMERATION_PARAMETERS) -> None:
        self._parameters = parameters

    def search(self, problem: PublishedProblem, limits: SearchLimits, report: Report | None) -> SearchOutcome:
        """Cost every allowed tiling; the answer does not depend on the number of workers."""
        deadline = Deadline.after(limits.time_limit_s)
        total = num_allowed_tilings(problem, deadline, self._parameters.counting)
        run = ExhaustiveRun(problem, limits, total, self._parameters)
        run.work(deadline, ProgressReporter(report, Scorer(problem), run.kept, lambda: None, run.note, run.done))
        return run.outcome()


class ExhaustiveRun:
    """One layer's enumeration: its parts, and what is known of each."""

    def __init__(
        self, problem: PublishedProblem, limits: SearchLimits, total: int | None, parameters: EnumerationParameters
    ) -> None:
        self._problem, self._keep, self._total = problem, limits.top_k, total
        self._here = (total is not None and total <= parameters.few_tilings) or not sys.executable
        self._parts = [Snapshot()] * (1 if self._here else min(limits.workers, parameters.most_processes))

    def work(self, deadline: Deadline, reporter: ProgressReporter) -> None:
        """Have all parts worked on; the main thread only waits, so that it hears Ctrl-C."""
        count, make = len(self._parts), CostedHere if self._here else CostedElsewhere
        workers = [make(Job(self._problem, self._keep, Part(number, count))) for number in range(count)]
        with ThreadPoolExecutor(max_workers=count, thread_name_prefix="enumeration") as pool:
            try:
                running = [pool.submit(worker.run, partial(self._take, i)) for i, worker in enumerate(workers)]
                follow(running, deadline, reporter.report_changes)
            finally:
                for worker in workers:
                    worker.stop()

    def _take(self, number: int, snapshot: Snapshot) -> None:
        self._parts[number] = snapshot

    @property
    def evaluated(self) -> int:
        """Tilings costed so far."""
        return sum(part.evaluated for part in self._parts)

    def kept(self) -> list[Scored]:
        """The best tilings so far, best first."""
        found = [entry for part in self._parts for entry in part.kept]
        return sorted(found, key=lambda entry: entry.rank)[: self._keep]

    def note(self) -> str:
        """How many tilings were costed, in words."""
        of_how_many = "" if self._total is None else f" of {self._total:,}"
        return f"{self.evaluated:,}{of_how_many} tilings"

    def done(self) -> float | None:
        """The share of the tilings that is costed; ``None`` when it is not known how many there are."""
        return None if self._total is None else self.evaluated / max(self._total, 1)

    def outcome(self) -> SearchOutcome:
        """What was found; a proof when every part was finished.

        Raises:
            RuntimeError: when what was costed are not as many tilings as there are.
        """
        finished, kept = all(part.finished for part in self._parts), self.kept()
        statistics = {"evaluated": self.evaluated, "pruned_by_bound": 0}
        if finished and self._total not in (None, self.evaluated):
            raise RuntimeError(f"{self.evaluated} tilings were costed, but {self._total} fit and pass")
        if finished:
            whole = num_tilings(self._problem.cost_model.factorisations(self._problem.nest, self._problem.constraints))
            statistics["pruned_by_capacity"] = whole - self.evaluated
        bound = kept[0].value if finished and kept else None
        settled = Certificate(ties_settled=True, ranks_settled=self._keep) if finished else None
        return SearchOutcome(mappings_of(kept, Scorer(self._problem)), bound, finished, statistics, settled)
