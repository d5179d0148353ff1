"""Which of a sweep's problems is searched next, and for what."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, Protocol

from ...model.documents.sweep_results import AnswerT, Exclusion
from .goals import Goal


class Agenda(Protocol[AnswerT]):
    """Hands out problems by their numbers, and hears what becomes of them."""

    def following(self) -> int | None:
        """The problem to be submitted next; ``None`` where there is none now. Nothing changes by asking."""
        ...

    def submitted(self, number: int) -> None:
        """That problem is under way."""
        ...

    def goal_of(self, number: int) -> Goal[AnswerT]:
        """What to search for."""
        ...

    def answered(self, number: int, answer: AnswerT) -> bool:
        """Take an answer in; says whether it is one that the sweep was asked for, and not only a bound."""
        ...

    def failed(self, number: int) -> None:
        """The search of a problem went wrong."""
        ...

    def excluded(self, number: int) -> AnswerT | None:
        """What is known of a problem that needs no search any more; ``None`` for all others."""
        ...

    def exclusion(self, design: int) -> Exclusion | None:
        """Why a design is left out, by its number; ``None`` for all others."""
        ...


class InOrder(Generic[AnswerT]):
    """Every problem, one after the other."""

    def __init__(self, goal: Goal[AnswerT], numbers: Iterable[int]) -> None:
        self._goal, self._waiting = goal, dict.fromkeys(numbers)

    def following(self) -> int | None:
        """The first that is waiting."""
        return next(iter(self._waiting), None)

    def submitted(self, number: int) -> None:
        """It waits no more."""
        del self._waiting[number]

    def goal_of(self, number: int) -> Goal[AnswerT]:  # noqa: ARG002
        """The same for all."""
        return self._goal

    def answered(self, number: int, answer: AnswerT) -> bool:  # noqa: ARG002
        """Every answer is one that was asked for."""
        return True

    def failed(self, number: int) -> None:
        """Nothing follows from that."""

    def excluded(self, number: int) -> AnswerT | None:  # noqa: ARG002
        """Nothing is left out."""
        return None

    def exclusion(self, design: int) -> Exclusion | None:  # noqa: ARG002
        """Nor is any design."""
        return None
