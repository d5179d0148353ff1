"""Reporting how a search goes: what a back end's main thread does while its workers search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait

from ...model.mapping import Mapping
from ..backend import Progress, Report
from ..deadline import Deadline
from .incumbents import Scored, mappings_of
from .scoring import Scorer

POLL_S = 0.1
"""How often the waiting main thread looks up, so that Ctrl-C is heard."""


def _unknown() -> None:
    """Nothing."""


class ProgressReporter:
    """Reports what changed, from the main thread only; ``kept`` gives the best tilings so far, best first."""

    def __init__(
        self,
        report: Report | None,
        scorer: Scorer,
        kept: Callable[[], Sequence[Scored]],
        bound: Callable[[], float | None],
        note: Callable[[], str],
        done: Callable[[], float | None] = _unknown,
    ) -> None:
        self._report, self._scorer, self._kept = report, scorer, kept
        self._bound, self._note, self._done = bound, note, done
        self._reported: tuple[tuple[Scored, ...], float | None, str] | None = None
        self._mappings: tuple[Mapping, ...] = ()

    def report_changes(self) -> None:
        """Report the incumbents, the bound, the note and the share done, if any but the last of them changed."""
        if self._report is None:
            return
        now = (tuple(self._kept()), self._bound(), self._note())
        if now == self._reported:
            return
        if self._reported is None or now[0] != self._reported[0]:
            self._mappings = mappings_of(now[0], self._scorer)
        self._reported = now
        value = now[0][0].value if now[0] else None
        self._report(Progress(value, now[1], self._mappings, now[2], self._done()))


def follow(workers: Sequence[Future[None]], until: Deadline, report: Callable[[], None]) -> None:
    """Report how it goes until all workers are done or ``until`` is reached.

    What a worker raised is raised.
    """
    pending = set(workers)
    while pending and (left := until.left_s) > 0:
        done, pending = wait(pending, min(POLL_S, left), FIRST_EXCEPTION)
        for worker in done:
            worker.result()
        report()
