"""From one problem to a checked answer: preset -> cache or back end -> legality -> exact cost -> ranking -> status.

A back end, and a cache, only propose. Whether their mappings are legal, what they cost, which is best and what is
proved is decided here, once for all of them (``docs/contract.md`` section 4).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import cast

from ...model.documents.kinds.cache_origin import CacheOrigin
from ...model.documents.spec import SolverOptions
from ...model.error_text import error_line
from ...model.faults import BackendFault
from ...model.hierarchy.constraints.level_constraints import LevelConstraints
from ..backend import AnyProblem, Backend, LevelsProblem, Progress, SearchLimits, SearchOutcome, published
from ..deadline import Deadline
from ..isolation.isolated_backend import SearchStoppedError
from ..isolation.plain_outcome import plain_outcome, plain_progress
from .layer_cache import LayerCache
from .observer import SearchRecorder
from .presets import Resolved, resolve_preset
from .ranking import CostedMapping, faults_of_candidate, objective_value, rank
from .status import LayerStatus, bound_fault, claims_beyond_exact_numbers, status_of

LEAST_TIME_FOR_CONFLICTS_S = 1.0
"""An infeasible problem is explained even when proving it took all its time."""


@dataclass(frozen=True)
class ProblemAnswer:
    """What is known of one problem. ``problem`` holds no preset; ``cached``: no search was run for it.

    ``origin`` is the search that the cached answer comes from, or that this one went on from.
    """

    problem: AnyProblem
    resolved: Resolved
    outcome: SearchOutcome
    ranked: tuple[CostedMapping, ...]
    layer_status: LayerStatus
    conflicts: tuple[str, ...] = ()
    cached: bool = False
    origin: CacheOrigin | None = None


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
        known, refused = self._known(problem, share)
        if known is not None and known.cached:
            return known
        resolved = self._resolved(problem, share, afresh=refused)
        narrowed = _narrowed(problem, resolved)
        outcome = resolved.outcome or self._search(_from(narrowed, known), share, recorder, known)
        answer = self._checked(problem, resolved, outcome, share)
        if known is not None and not _contradicts(answer, known):
            answer = self._together(problem, answer, known, share)
        elif known is not None:
            refused = True
        if self.cache is not None and resolved.outcome is None and recorder.ended_by_itself:
            self.cache.keep_outcome(narrowed, answer.outcome, answer.layer_status, granted, overwrite=refused)
        return answer

    def _known(self, problem: AnyProblem, share: TimeShare) -> tuple[ProblemAnswer | None, bool]:
        """What the cache has, checked: an answer, or (not ``cached``) the best one to go on from.

        Also says whether there was an entry that claims what is not so: it is to be replaced.
        """
        resolved = None if self.cache is None else self.cache.resolved(problem)
        if self.cache is None or resolved is None:
            return None, False
        kept = None if resolved.outcome else self.cache.kept(_narrowed(problem, resolved), share.seconds)
        outcome = resolved.outcome or (None if kept is None else kept.outcome)
        if outcome is None:
            return None, False
        try:
            checked = self._checked(problem, resolved, outcome, share)
        except BackendFault:
            return None, True
        origin = None if kept is None else kept.origin
        return replace(checked, cached=kept is None or kept.serves, origin=origin), False

    def _together(
        self, problem: AnyProblem, found: ProblemAnswer, known: ProblemAnswer, share: TimeShare
    ) -> ProblemAnswer:
        """What was found together with what was known before: the mappings of both, the higher bound, and the proof.

        Raises:
            BackendFault: when a mapping that was known disproves what the back end claims.
        """
        outcome, before = found.outcome, known.outcome
        if outcome.exhausted and not found.ranked:
            return found
        bounds = [bound for bound in (outcome.bound, before.bound) if bound is not None]
        candidates = tuple(dict.fromkeys((*outcome.candidates, *before.candidates)))
        proved = outcome.exhausted or before.exhausted
        both = replace(outcome, candidates=candidates, bound=max(bounds, default=None), exhausted=proved)
        return replace(self._checked(problem, found.resolved, both, share), origin=known.origin)

    def _resolved(self, problem: AnyProblem, share: TimeShare, *, afresh: bool) -> Resolved:
        """The preset resolved, out of the cache unless that is to be done ``afresh``."""
        known = None if self.cache is None or afresh else self.cache.resolved(problem)
        if known is not None:
            return known
        resolved = resolve_preset(problem, share.deadline)
        if self.cache is not None:
            self.cache.keep_resolved(problem, resolved)
        return resolved

    def _search(
        self, problem: AnyProblem, share: TimeShare, recorder: SearchRecorder, known: ProblemAnswer | None
    ) -> SearchOutcome:
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
            recorder.report(_with_known(plain_progress(progress), known))

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
        from ..hierarchies.level_conflicts import find_level_conflicts  # loaded for layers without a mapping
        from .infeasibility import find_conflicts

        limit_s = max(limit_s, LEAST_TIME_FOR_CONFLICTS_S)
        if isinstance(problem.constraints, LevelConstraints):
            conflicts = find_level_conflicts(cast("LevelsProblem", problem), limit_s)
        else:
            conflicts = find_conflicts(published(problem), limit_s, by_preset=by_preset)
        if not conflicts:
            raise BackendFault(f"back end {self.backend.name} claims that no mapping exists, but one does")
        return conflicts


def _from(problem: AnyProblem, known: ProblemAnswer | None) -> AnyProblem:
    """The problem with the mappings that are known as ones to start from."""
    found = () if known is None else known.outcome.candidates
    return replace(problem, warm_starts=(*found, *problem.warm_starts))


def _contradicts(found: ProblemAnswer, known: ProblemAnswer) -> bool:
    """Whether a mapping was found that lies below the bound that was known."""
    best, bound = found.layer_status.objective_value, known.outcome.bound
    return best is not None and bound is not None and best < bound


def _with_known(progress: Progress, known: ProblemAnswer | None) -> Progress:
    """A snapshot of a search that goes on from what is known."""
    if known is None:
        return progress
    status = known.layer_status
    values = [value for value in (progress.objective_value, status.objective_value) if value is not None]
    bounds = [bound for bound in (progress.bound, status.bound) if bound is not None]
    best = min(values, default=None)
    return replace(progress, objective_value=best, bound=min([max(bounds), *values]) if bounds else None)


def _narrowed(problem: AnyProblem, resolved: Resolved) -> AnyProblem:
    """The problem as the back end gets it."""
    return replace(problem, constraints=resolved.constraints)
