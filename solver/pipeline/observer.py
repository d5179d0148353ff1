"""What the pipeline reports while it works, and what it remembers in case it is interrupted."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from ...model.documents.result import LayerResult
from ...model.mapping import Mapping
from ...model.objectives import Objective
from ..backend import Progress, SearchOutcome
from ..reporting.progress_lines import ProgressLines


class Observer(Protocol):
    """Hears what happens during a run of any verb; :class:`SilentObserver` has methods that do nothing to start from.

    ``progressed`` may be called from a thread of the back end.
    """

    def layer_started(self, name: str, position: int, total: int) -> None:
        """Work begins: the layer's name and which of how many distinct layers it is, counted from 1."""
        ...

    def progressed(self, name: str, progress: Progress) -> None:
        """The search of a layer reports a snapshot."""
        ...

    def layer_finished(self, result: LayerResult) -> None:
        """A layer's result is final; also for layers that were not searched."""
        ...

    def sweep_advanced(self, latest: str, answered: int, failed: int, total: int) -> None:
        """So many of a sweep's layers on designs are answered, and have failed; ``latest`` came last, at first none."""
        ...


class SilentObserver:
    """Does nothing with what it hears."""

    def layer_started(self, name: str, position: int, total: int) -> None:
        """Nothing."""

    def progressed(self, name: str, progress: Progress) -> None:
        """Nothing."""

    def layer_finished(self, result: LayerResult) -> None:
        """Nothing."""

    def sweep_advanced(self, latest: str, answered: int, failed: int, total: int) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Observers:
    """Lets several observers hear what one hears."""

    each: tuple[Observer, ...]

    def layer_started(self, name: str, position: int, total: int) -> None:
        """Passed on."""
        for observer in self.each:
            observer.layer_started(name, position, total)

    def progressed(self, name: str, progress: Progress) -> None:
        """Passed on."""
        for observer in self.each:
            observer.progressed(name, progress)

    def layer_finished(self, result: LayerResult) -> None:
        """Passed on."""
        for observer in self.each:
            observer.layer_finished(result)

    def sweep_advanced(self, latest: str, answered: int, failed: int, total: int) -> None:
        """Passed on."""
        for observer in self.each:
            observer.sweep_advanced(latest, answered, failed, total)


@contextmanager
def observed(observer: Observer | None, objective: Objective | None, *, progress: bool) -> Generator[Observer | None]:
    """A caller's observer, with ``progress`` also lines on standard error about values of an objective."""
    if not progress:
        yield observer
        return
    lines = ProgressLines(objective)
    try:
        yield lines if observer is None else Observers((observer, lines))
    finally:
        lines.close()


class SearchRecorder:
    """Passes a search's reports on and keeps the latest incumbents and bound, for when the search is interrupted.

    ``interrupted`` says whether Ctrl-C ended the work on the layer, which may take several searches; ``fault`` why one
    of them had to be stopped.
    """

    def __init__(self, name: str, observer: Observer | None) -> None:
        self.interrupted = False
        self.fault: str | None = None
        self._name = name
        self._observer = observer or SilentObserver()
        self._incumbents: tuple[Mapping, ...] = ()
        self._bound: float | None = None
        self._as_reported: Callable[[Progress], Progress] = _as_it_is

    @property
    def ended_by_itself(self) -> bool:
        """Whether nothing has cut a search short."""
        return not self.interrupted and self.fault is None

    def begin(self, as_reported: Callable[[Progress], Progress]) -> None:
        """Forget the search before; the next one's snapshots are passed on as what ``as_reported`` makes of them."""
        self._incumbents, self._bound, self._as_reported = (), None, as_reported

    def report(self, progress: Progress) -> None:
        """Take in a snapshot; what a snapshot leaves out stays as the one before had it."""
        self._incumbents = progress.incumbents or self._incumbents
        self._bound = self._bound if progress.bound is None else progress.bound
        self._observer.progressed(self._name, self._as_reported(progress))

    def outcome(self) -> SearchOutcome:
        """What is known so far, as the outcome of a search that was cut short."""
        return SearchOutcome(self._incumbents, self._bound, exhausted=False)


def _as_it_is(progress: Progress) -> Progress:
    return progress
