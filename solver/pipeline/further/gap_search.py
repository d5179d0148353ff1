"""Searching a layer further than its time limit, until its gap is as small as was asked for."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

from ....model.documents.result import Limit
from ....model.faults import BackendFault
from ...backend import AnyProblem
from ...deadline import Deadline
from ..layer_search import LayerSearch
from ..observer import SearchRecorder
from ..padded_search import LayerAnswer, answer_all
from ..status import USED_UP

GROWTH = 2
"""How much longer every further search is than the one before: all together take at most twice what the last needs."""

PROVER = "proved_by"
"""The statistic that says who proved an optimum, where a back end has it."""


@dataclass(frozen=True)
class Searched:
    """What searches of a layer came to, which part of its time the last of them took, and the limit that cut it."""

    found: LayerAnswer
    share_used: float
    limit: Limit


@dataclass(frozen=True)
class GapGoal:
    """The relative gap that a layer is to reach, and when the run as a whole must end."""

    relative_gap: float
    total: Deadline

    def is_reached(self, found: LayerAnswer) -> bool:
        """Whether there is nothing to search further for."""
        status, gap = found.layer_status.status, found.layer_status.gap
        return status in ("optimal", "infeasible") or (gap is not None and gap <= self.relative_gap)


def searched_on(
    first: Searched, layer_search: LayerSearch, problem: AnyProblem, goal: GapGoal, limit_s: float, rec: SearchRecorder
) -> Searched:
    """What is known once the goal is reached, time is up, or a search has ended before its time without a proof.

    Each search has twice the time of the one before, begins with the best mapping of all, and ends as soon as the gap
    is reached. A fault, or Ctrl-C, ends them; what was known before stays.
    """
    known, last_s = first, limit_s
    own = layer_search.options
    coarse = own.model_copy(update={"relative_gap": max(goal.relative_gap, own.relative_gap)})
    cache = None if layer_search.cache is None else replace(layer_search.cache, options=coarse)
    further = replace(layer_search, options=coarse, cache=cache)
    while not goal.is_reached(known.found) and known.share_used >= USED_UP and rec.ended_by_itself:
        last_s, limit = min((GROWTH * last_s, Limit.TIME), (goal.total.left_s, Limit.TOTAL_TIME))
        if last_s <= 0:
            return replace(known, limit=Limit.TOTAL_TIME)
        started, warm = time.monotonic(), tuple(known.found.best.outcome.candidates)
        try:
            found = answer_all(further, [replace(problem, warm_starts=(*warm, *problem.warm_starts))], last_s, rec)
        except BackendFault as fault:
            rec.fault = str(fault)
            return known
        except KeyboardInterrupt:
            rec.interrupted = True
            return known
        share = 1.0 if found.cached else (time.monotonic() - started) / last_s
        better = min(known.found, _held_to(found, own.relative_gap), key=_gap)
        known = Searched(better, share, limit)
    return replace(known, limit=Limit.UNTIL_GAP, share_used=1.0) if goal.is_reached(known.found) else known


def _gap(found: LayerAnswer) -> float:
    gap = found.layer_status.gap
    return math.inf if gap is None else gap


def _held_to(found: LayerAnswer, relative_gap: float) -> LayerAnswer:
    """The answer of a coarser search, which has proved an optimum only where its gap is as small as for the others."""
    status = found.layer_status
    if status.gap is None or status.gap <= relative_gap:
        return found
    outcome = found.unpadded.outcome
    statistics = {name: "-" if name == PROVER else figure for name, figure in outcome.statistics.items()}
    unproved = replace(outcome, exhausted=False, statistics=statistics)
    answer = replace(found.unpadded, outcome=unproved, layer_status=replace(status, status="feasible"))
    return LayerAnswer((replace(found.trials[0], answer=answer),), answer, relative_gap)
