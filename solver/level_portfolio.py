"""The back end ``portfolio`` on hierarchies: the shortest path first, CP-SAT in the time that is left where it must.

The shortest path (:mod:`.shortest_path`) mostly proves the optimum within seconds, under all constraints. CP-SAT
(:mod:`.cpsat.levels`) takes over where there are more tile vectors than tables can hold, or where time runs short; not
where the programme relaxes something, for CP-SAT relaxes that, too. Both search the whole space; the statistics say who
proved what.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, cast

from ..model.cost_model import HIERARCHY
from ..model.hierarchy.accountings import EXECUTED
from ..model.hierarchy.hierarchy_model import HierarchyModel
from ..model.objectives import OBJECTIVES
from .backend import AnyMapping, AnyProblem, Progress, Report, SearchLimits, SearchOutcome
from .deadline import Deadline
from .pipeline.status import gap_between
from .shortest_path import BACKEND as SHORTEST_PATH
from .shortest_path.shortest_path_backend import ShortestPathBackend

PROGRAMME_SHARE = 0.7
"""Part of the time that the shortest path has; CP-SAT has what is left."""


@dataclass(frozen=True)
class LevelPortfolio:
    """The ``portfolio`` back end for hierarchies."""

    first: ShortestPathBackend = SHORTEST_PATH
    name: str = "portfolio"
    cost_models: ClassVar[tuple[str, ...]] = (HIERARCHY,)

    def search(self, problem: AnyProblem, limits: SearchLimits, report: Report | None) -> SearchOutcome:
        """Find the best mapping and prove it, or say how good it is; see :class:`.backend.SearchOutcome`."""
        deadline = Deadline.after(limits.time_limit_s)
        whole = cast("HierarchyModel", problem.cost_model).counted != EXECUTED
        share = 1.0 if whole else PROGRAMME_SHARE
        found = self.first.search(problem, replace(limits, time_limit_s=limits.time_limit_s * share), report)
        relaxed = found.statistics.get("relaxed", "nothing") != "nothing"
        if found.exhausted or whole or relaxed or deadline.passed:
            return found
        from .cpsat.levels.level_cpsat import BACKEND  # here, as loading OR-Tools takes longer than most searches

        known = replace(problem, warm_starts=(*found.candidates, *problem.warm_starts))
        further = replace(limits, time_limit_s=max(deadline.left_s, 0.0))
        return _together(problem, found, BACKEND.search(known, further, _with_bound(report, found.bound)), limits)


def _with_bound(report: Report | None, bound: float | None) -> Report | None:
    """Reports of the second search, which may not know the first one's bound."""
    if report is None or bound is None:
        return report

    def told(progress: Progress) -> None:
        value = math.inf if progress.objective_value is None else progress.objective_value
        report(replace(progress, bound=min(value, max(bound, progress.bound or 0.0))))

    return told


def _together(problem: AnyProblem, one: SearchOutcome, other: SearchOutcome, limits: SearchLimits) -> SearchOutcome:
    """What two searches know."""
    candidates = tuple(dict.fromkeys((*other.candidates, *one.candidates)))
    if other.exhausted and not candidates:
        return replace(other, statistics={**one.statistics, **other.statistics})
    best = min((_value(problem, mapping) for mapping in candidates), default=math.inf)
    bound = min(best, max((found.bound for found in (one, other) if found.bound is not None), default=0.0))
    proved = other.exhausted or (bool(candidates) and gap_between(best, bound) <= limits.relative_gap)
    prover = "cp-sat" if other.exhausted else "shortest-path and cp-sat" if proved else "-"
    return SearchOutcome(
        candidates=candidates,
        bound=bound,
        exhausted=proved,
        statistics={**one.statistics, **other.statistics, "proved_by": prover},
        certificate=other.certificate,
    )


def _value(problem: AnyProblem, mapping: AnyMapping) -> float:
    cost = problem.cost_model.cost(problem.nest, problem.architecture, mapping)
    return OBJECTIVES[problem.objective].of_cost(cost.energy_pj, cost.cycles)


BACKEND = LevelPortfolio()
