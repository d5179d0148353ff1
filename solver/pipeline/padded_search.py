"""Searching a layer with several choices of bounds, and what may be said of all of them together.

A layer without padding is one choice. The space is that of all choices: its bound is the least of theirs, and one that
was not searched counts with what holds of it anyway.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ...model.documents.result import Number, PaddingVariant
from ..backend import AnyProblem, Progress, SearchOutcome
from ..deadline import Deadline
from ..search.scoring import trivial_bound
from .layer_search import LayerSearch, ProblemAnswer, TimeShare
from .observer import SearchRecorder
from .padding import padding_of
from .ranking import rank_key
from .status import LayerStatus, status_of

UNPADDED_SHARE = 0.5
"""Part of a layer's time that the unpadded search may take; the others share the rest, and what it leaves."""


@dataclass(frozen=True)
class Trial:
    """One choice of bounds. There is no answer where time was up, or where no mapping can be the best one."""

    problem: AnyProblem
    answer: ProblemAnswer | None

    @property
    def bound(self) -> float | None:
        """A lower bound on the objective of all its mappings; ``None`` when it has no mapping."""
        if self.answer is not None and self.answer.layer_status.status == "infeasible":
            return None
        known = self.answer.layer_status.bound if self.answer is not None else None
        return trivial_bound(self.problem) if known is None else known

    @property
    def value(self) -> Number:
        """The objective of its best mapping; infinite without one."""
        value = self.answer.layer_status.objective_value if self.answer is not None else None
        return math.inf if value is None else value


@dataclass(frozen=True)
class LayerAnswer:
    """What is known of a layer, from all choices of its bounds; the first one is the layer as it is."""

    trials: tuple[Trial, ...]
    unpadded: ProblemAnswer
    relative_gap: float

    @cached_property
    def best(self) -> ProblemAnswer:
        """The answer that has the best mapping; the first among equals."""
        objective = self.unpadded.problem.objective
        found = [trial.answer for trial in self.trials if trial.answer is not None and trial.answer.ranked]
        return min(found, key=lambda answer: rank_key(objective, answer.ranked[0].cost), default=self.unpadded)

    @cached_property
    def layer_status(self) -> LayerStatus:
        """What may be claimed of all choices together."""
        if len(self.trials) == 1:
            return self.unpadded.layer_status
        value = self.best.layer_status.objective_value
        bound = min((trial.bound for trial in self.trials if trial.bound is not None), default=None)
        return status_of(value, SearchOutcome((), bound, exhausted=not self.open_trials), self.relative_gap)

    @cached_property
    def open_trials(self) -> tuple[Trial, ...]:
        """The choices that may have a better mapping than the best one."""
        best = self.best.layer_status.objective_value
        return tuple(
            trial
            for trial in self.trials
            if not (trial.answer.outcome.exhausted if trial.answer is not None else _is_beaten(trial, best))
        )

    @property
    def ranks_proved(self) -> int:
        """How many of the best mappings, from the first on, are proved to be the best of all distinct tilings.

        Of several choices of bounds only the best one of all is searched for, so that no more is known than that.
        """
        if self.layer_status.status != "optimal":
            return 0
        certificate = self.best.outcome.certificate
        return 1 if certificate is None or len(self.trials) > 1 else certificate.ranks_settled

    @property
    def cached(self) -> bool:
        """Whether no search was run."""
        return all(trial.answer is None or trial.answer.cached for trial in self.trials)

    @property
    def padding(self) -> dict[str, tuple[int, int]]:
        """For every dimension that the best mapping pads its own bound and the padded one."""
        return padding_of(self.unpadded.problem.nest, self.best.problem.nest)

    def documents(self) -> tuple[PaddingVariant, ...]:
        """What was tried, as the result lists it."""
        nest = self.unpadded.problem.nest
        return tuple(
            PaddingVariant(
                bounds={name: to for name, (_, to) in padding_of(nest, trial.problem.nest).items()},
                status=trial.answer.layer_status.status if trial.answer is not None else "unknown",
                objective_value=trial.answer.layer_status.objective_value if trial.answer is not None else None,
                bound=trial.bound,
            )
            for trial in self.trials
        )

    def note(self, num_combinations: int) -> str:
        """What was padded, what that gained, and how much of what is possible was tried."""
        tried = f"{len(self.trials)} of {num_combinations} combinations of bounds tried"
        missed = sum(trial.answer is None for trial in self.open_trials)
        tried += f", {missed} of them not reached" if missed else ""
        if not self.padding:
            return f"padding gains nothing; {tried}"
        padded = ", ".join(f"{name} {own} -> {to}" for name, (own, to) in self.padding.items())
        return f"padded {padded}: {self._gain()}; {tried}"

    def _gain(self) -> str:
        best, unpadded = self.best.layer_status.objective_value, self.unpadded.layer_status
        if best is None or not unpadded.objective_value:
            return "without padding no mapping was found"
        gain = 1 - best / unpadded.objective_value
        what = "the unpadded optimum" if unpadded.status == "optimal" else "the best unpadded mapping found"
        return f"{self.unpadded.problem.objective} {gain:.2%} below {what}"


def answer_all(
    layer_search: LayerSearch, problems: Sequence[AnyProblem], limit_s: float, recorder: SearchRecorder
) -> LayerAnswer:
    """The answers to a layer's problem, given first, and to its paddings, within a time limit for all together.

    Raises:
        BackendFault: as :meth:`.layer_search.LayerSearch.answer` does.
    """
    deadline = Deadline.after(limit_s)
    num_paddings = len(problems) - 1
    own = limit_s * UNPADDED_SHARE if num_paddings else limit_s
    if num_paddings:
        recorder.begin(_OfAllChoices((), problems))
    unpadded = layer_search.answer(problems[0], TimeShare(own, Deadline.after(own)), recorder)
    trials = [Trial(problems[0], unpadded)]
    for number, problem in enumerate(problems[1:], start=1):
        trial = Trial(problem, None)
        if (
            not deadline.passed
            and not recorder.interrupted
            and not _is_beaten(trial, min(earlier.value for earlier in trials))
        ):
            recorder.begin(_OfAllChoices(trials, problems[number:]))
            share = TimeShare((limit_s - own) / num_paddings, deadline.share(len(problems) - number))
            trial = Trial(problem, _answer(layer_search, problem, share, recorder))
        trials.append(trial)
    return LayerAnswer(tuple(trials), unpadded, layer_search.options.relative_gap)


def _answer(
    layer_search: LayerSearch, problem: AnyProblem, share: TimeShare, recorder: SearchRecorder
) -> ProblemAnswer | None:
    """The answer to a padded problem; ``None`` when Ctrl-C comes in between, which must not lose the others."""
    try:
        return layer_search.answer(problem, share, recorder)
    except KeyboardInterrupt:
        recorder.interrupted = True
        return None


def _is_beaten(trial: Trial, value: Number | None) -> bool:
    """Whether what holds of a choice anyway rules out that it has a mapping better than one of this objective."""
    return value is not None and trial.bound is not None and trial.bound >= value


class _OfAllChoices:
    """One search's snapshots as ones of the whole layer: the best of all so far, and a bound on all choices.

    ``ahead`` are the problem that is searched and those after it.
    """

    def __init__(self, done: Sequence[Trial], ahead: Sequence[AnyProblem]) -> None:
        nest = done[0].problem.nest if done else ahead[0].nest
        padded = padding_of(nest, ahead[0].nest).items()
        self._label = ", ".join(f"{name} {own} -> {to}" for name, (own, to) in padded) or "unpadded"
        self._best = min((trial.value for trial in done), default=math.inf)
        others = [*done, *(Trial(problem, None) for problem in ahead[1:])]
        self._bound = min((trial.bound for trial in others if trial.bound is not None), default=math.inf)

    def __call__(self, progress: Progress) -> Progress:
        found = math.inf if progress.objective_value is None else progress.objective_value
        best = min(found, self._best)
        return replace(
            progress,
            objective_value=None if best == math.inf else best,
            bound=None if progress.bound is None else min(progress.bound, self._bound),
            note=f"{self._label}: {progress.note}" if progress.note else self._label,
        )
