"""From one problem to a checked answer: preset -> cache or back end -> legality -> exact cost -> ranking -> status.

A back end, and a cache, only propose. Whether their mappings are legal, what they cost, which is best and what is
proved is decided here, once for all of them (``docs/contract.md`` section 4).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import cast

from ...model.documents.spec import SolverOptions
from ...model.error_text import error_line
from ...model.faults import BackendFault
from ...model.hierarchy.constraints.level_constraints import LevelConstraints
from ..backend import AnyProblem, Backend, LevelsProblem, Progress, SearchLimits, SearchOutcome, published
from ..deadline import Deadline
from ..hierarchies.level_conflicts import find_level_conflicts
from ..isolation.isolated_backend import SearchStoppedError
from ..isolation.plain_outcome import plain_outcome, plain_progress
from .infeasibility import find_conflicts
from .layer_cache import LayerCache
from .observer import SearchRecorder
from .presets import Resolved, resolve_preset
from .ranking import CostedMapping, faults_of_candidate, objective_value, rank
from .status import LayerStatus, bound_fault, claims_beyond_exact_numbers, status_of

LEAST_TIME_FOR_CONFLICTS_S = 1.0
"""An infeasible problem is explained even when proving it took all its time."""


@dataclass(frozen=True)
class ProblemAnswer:
    """What is known of one problem. ``problem`` holds no preset; ``cached``: no search was run for it."""

    problem: AnyProblem
    resolved: Resolved
    outcome: SearchOutcome
    ranked: tuple[CostedMapping, ...]
    layer_status: LayerStatus
    conflicts: tuple[str, ...] = ()
    cached: bool = False


@dataclass(frozen=True)
class TimeShare:
    """The seconds that a search may count on, and when it must end."""

    seconds: float
    deadline: Deadline


@dataclass(frozen=True)
class LayerSearch:
    """Answers the problems of one run, out of its cache where that has what a search would find."""

    backend: Backend
    options: SolverOptions
    cache: LayerCache | None

    def answer(self, problem: AnyProblem, share: TimeShare, recorder: SearchRecorder) -> ProblemAnswer:
        """The checked answer to a problem.

        Raises:
            BackendFault: for an illegal candidate, a bound that an exact cost disproves, or a mapping that exists
                although none is said to.
        """
        granted = max(share.seconds, share.deadline.left_s)
        known = self._known(problem, share)
        if known is not None:
            try:
                return replace(self._checked(problem, *known, share), cached=True)
            except BackendFault:
                pass  # an entry of whatever origin that claims what is not so: it is replaced below
        resolved = self._resolved(problem, share, afresh=known is not None)
        outcome = resolved.outcome or self._search(_narrowed(problem, resolved), share, recorder)
        answer = self._checked(problem, resolved, outcome, share)
        if self.cache is not None and resolved.outcome is None and recorder.ended_by_itself:
            self.cache.keep_outcome(answer.problem, outcome, answer.layer_status, granted, overwrite=known is not None)
        return answer

    def _known(self, problem: AnyProblem, share: TimeShare) -> tuple[Resolved, SearchOutcome] | None:
        """What the cache has: the problem's preset resolved, and an outcome."""
        if self.cache is None:
            return None
        resolved = self.cache.resolved(problem)
        if resolved is None:
            return None
        outcome = resolved.outcome or self.cache.outcome(_narrowed(problem, resolved), share.seconds)
        return None if outcome is None else (resolved, outcome)

    def _resolved(self, problem: AnyProblem, share: TimeShare, *, afresh: bool) -> Resolved:
        """The preset resolved, out of the cache unless that is to be done ``afresh``."""
        known = None if self.cache is None or afresh else self.cache.resolved(problem)
        if known is not None:
            return known
        resolved = resolve_preset(problem, share.deadline)
        if self.cache is not None:
            self.cache.keep_resolved(problem, resolved)
        return resolved

    def _search(self, problem: AnyProblem, share: TimeShare, recorder: SearchRecorder) -> SearchOutcome:
        """What the back end finds, or has found when Ctrl-C or the watch over its time cuts it short.

        Raises:
            BackendFault: for whatever it raises, and for what is no outcome.
        """
        options, name = self.options, self.backend.name
        limits = SearchLimits(
            share.deadline.left_s, options.workers or 1, options.relative_gap, options.top_k, options.seed
        )
        own = os.getpid()

        def report(progress: Progress) -> None:
            recorder.report(plain_progress(progress))

        try:
            return plain_outcome(self.backend.search(problem, limits, report), name)
        except KeyboardInterrupt:
            recorder.interrupted = True
        except SearchStoppedError as fault:
            recorder.fault = str(fault)
        except BackendFault:
            raise
        except BaseException as error:  # third-party code: whatever it raises must not lose the other layers
            raise BackendFault(error_line(error, f"back end {name}")) from error
        finally:
            if os.getpid() != own:  # a copy of this process that the back end has made: it has nothing to say
                os._exit(0)
        return recorder.outcome()

    def _checked(
        self, problem: AnyProblem, resolved: Resolved, outcome: SearchOutcome, share: TimeShare
    ) -> ProblemAnswer:
        """The outcome with exact costs, ranks and status, if it passes all checks."""
        narrowed = _narrowed(problem, resolved)
        ranked = self._checked_and_ranked(narrowed, outcome)
        best, claimed = None, outcome
        if ranked:
            cost = ranked[0].cost
            best = objective_value(problem.objective, cost)
            claimed = claims_beyond_exact_numbers(outcome, best, (cost.energy_pj, cost.cycles))
        wrong = bound_fault(claimed.bound, [objective_value(problem.objective, found.cost) for found in ranked])
        if wrong is not None:
            raise BackendFault(f"back end {self.backend.name}: {wrong}")
        layer_status = status_of(best, claimed, self.options.relative_gap)
        conflicts: tuple[str, ...] = ()
        if layer_status.status == "infeasible":
            by_preset = problem.constraints.preset is not None
            conflicts = self._conflicts(narrowed, share.deadline.left_s, by_preset=by_preset)
        return ProblemAnswer(narrowed, resolved, outcome, ranked, layer_status, conflicts)

    def _checked_and_ranked(self, problem: AnyProblem, outcome: SearchOutcome) -> tuple[CostedMapping, ...]:
        """The outcome's candidates with their exact costs, best first, at most ``top_k``."""
        for candidate in outcome.candidates:
            broken = faults_of_candidate(problem, candidate)
            if broken:
                raise BackendFault(
                    f"back end {self.backend.name} returned an illegal mapping: it breaks {', '.join(broken)}"
                )
        return rank(problem, outcome.candidates, self.options.top_k)

    def _conflicts(self, problem: AnyProblem, limit_s: float, *, by_preset: bool) -> tuple[str, ...]:
        """Why no mapping exists, by the names of the constraints and capacities that clash."""
        limit_s = max(limit_s, LEAST_TIME_FOR_CONFLICTS_S)
        if isinstance(problem.constraints, LevelConstraints):
            conflicts = find_level_conflicts(cast("LevelsProblem", problem), limit_s)
        else:
            conflicts = find_conflicts(published(problem), limit_s, by_preset=by_preset)
        if not conflicts:
            raise BackendFault(f"back end {self.backend.name} claims that no mapping exists, but one does")
        return conflicts


def _narrowed(problem: AnyProblem, resolved: Resolved) -> AnyProblem:
    """The problem as the back end gets it."""
    return replace(problem, constraints=resolved.constraints)
