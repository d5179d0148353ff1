"""Exhaustive enumeration: every tiling that fits and passes, all pairs of reuse classes, no solver inside."""

from __future__ import annotations

import time

from ..backend import LayerProblem, Progress, Report, SearchLimits, SearchOutcome
from ..scoring import BestFew, Scorer
from .stream import TilingStream


class ExhaustiveBackend:
    """The ``exhaustive`` back end. Without a time-out its best mapping is optimal by construction."""

    name = "exhaustive"

    def search(self, problem: LayerProblem, limits: SearchLimits, report: Report | None) -> SearchOutcome:
        """Score every allowed tiling; ``statistics`` has the number ``evaluated``."""
        scorer, best = Scorer(problem), BestFew(limits.top_k)
        deadline, evaluated = time.monotonic() + limits.time_limit_s, 0
        for levels in TilingStream(problem.nest, problem.architecture, problem.constraints, deadline):
            evaluated += levels.shape[2]
            if best.offer(scorer.scores(levels), levels) and report is not None:
                report(Progress(best.value, None, best.mappings(scorer), f"{evaluated} tilings"))
        exhausted = time.monotonic() < deadline
        bound = best.value if exhausted and best.kept else None
        return SearchOutcome(best.mappings(scorer), bound, exhausted, {"evaluated": evaluated})
