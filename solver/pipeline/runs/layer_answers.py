"""Answers of a run's distinct layers, each asked for once, in their order.

:class:`InTurn` works on one layer after the other; :mod:`.layer_processes` on several at once.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from ..observer import Observer

AnswerT = TypeVar("AnswerT")
AnswerT_co = TypeVar("AnswerT_co", covariant=True)


class Work(Protocol[AnswerT_co]):
    """Answers one layer, given by its place from 0 on, with so many threads; says also whether Ctrl-C cut it short."""

    def __call__(self, place: int, workers: int, observer: Observer) -> tuple[AnswerT_co, bool]:
        """The answer, and whether it was cut short.

        Raises:
            InputError, BackendFault: for what ends the run.
        """
        ...


class LayerAnswers(Protocol[AnswerT_co]):
    """Gives the answers; after an interruption only those of layers that had begun."""

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the work."""
        ...

    def interrupt(self) -> None:
        """End the work because of a Ctrl-C that was heard elsewhere."""
        ...

    def of(self, place: int) -> AnswerT_co | None:
        """The answer of a layer; ``None`` where its work had not begun when the run was interrupted.

        Raises:
            InputError, BackendFault: for what ends the run.
        """
        ...


class InTurn(Generic[AnswerT]):
    """Works on a layer when its answer is asked for, with all threads."""

    def __init__(self, work: Work[AnswerT], workers: int, observer: Observer) -> None:
        self.interrupted = False
        self._work, self._workers, self._observer = work, workers, observer

    def interrupt(self) -> None:
        """Begin no further layer."""
        self.interrupted = True

    def of(self, place: int) -> AnswerT | None:
        """The answer of a layer; ``None`` after an interruption."""
        if self.interrupted:
            return None
        try:
            answer, self.interrupted = self._work(place, self._workers, self._observer)
        except KeyboardInterrupt:  # between two layers; what is found is kept
            self.interrupted = True
            return None
        return answer
