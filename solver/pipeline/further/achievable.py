"""What can be had of what the limits of an infeasible layer ask for: least traffic, greatest utilisation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar, cast

from ....model.dmazerunner.capacities import Capacity
from ....model.dmazerunner.constraints import Constraints, MinUtilization
from ....model.dmazerunner.legality import traffic_limits
from ....model.documents.kinds.achievable_value import AchievableValue
from ....model.hierarchy.constraints.level_constraints import LevelConstraints
from ...backend import AnyProblem, LevelsProblem, PublishedProblem, published
from ...deadline import Deadline
from ...enumeration.feasibility import Feasibility
from .frontiers import Frontier
from .level_achievable import level_achievable, level_limits, with_level_limit

ProblemT = TypeVar("ProblemT")

LEAST_TIME_S, MOST_TIME_S = 1.0, 10.0
"""An explanation has some time even when a proof took all of the layer's, and is not worth more than so much."""


@dataclass(frozen=True)
class Limits(Generic[ProblemT]):
    """What a kind of problem limits: its limits by their rules, one of them alone, and how far it could be moved."""

    given: Callable[[ProblemT], list[str]]
    alone: Callable[[ProblemT, str], ProblemT]
    achievable: Callable[[ProblemT, str, Deadline], AchievableValue | None]


def achievable_values(problem: AnyProblem, conflicts: Sequence[str], left_s: float) -> dict[str, AchievableValue]:
    """For every limit among the rules that clash the best value that the other rules of the problem leave.

    Where these clash among themselves it is a bound: what the limit's own value could be without the other limits.
    ``left_s`` is what is left of the layer's time.
    """
    deadline = Deadline.after(min(max(left_s, LEAST_TIME_S), MOST_TIME_S))
    if isinstance(problem.constraints, LevelConstraints):
        return _values(cast("LevelsProblem", problem), conflicts, OF_LEVELS, deadline)
    return _values(published(problem), conflicts, OF_PUBLISHED, deadline)


def _values(
    problem: ProblemT, conflicts: Sequence[str], limits: Limits[ProblemT], deadline: Deadline
) -> dict[str, AchievableValue]:
    given = limits.given(problem)
    numbers = [rule for rule in conflicts if rule in given]
    found: dict[str, AchievableValue] = {}
    for position, rule in enumerate(numbers):
        until = deadline.share(len(numbers) - position)
        value = limits.achievable(problem, rule, until)
        if value is None:
            alone = limits.achievable(limits.alone(problem, rule), rule, until)
            value = None if alone is None else alone.model_copy(update={"value": None, "proved": False})
        if value is not None:
            found[rule] = value
    return found


def _achievable(problem: PublishedProblem, rule: str, deadline: Deadline) -> AchievableValue | None:
    """The best value that the other rules leave of what a limit is for; ``None`` where they leave nothing."""
    asked, feasibility = problem.constraints, Feasibility(problem.nest)
    part = _thresholds(problem).get(rule)

    def decide(units: int) -> bool | None:
        changed = {rule: units} if part is None else _with_share(asked, part, units)
        return feasibility.decide(replace(problem, constraints=asked.model_copy(update=changed)), deadline)

    if part is None:
        above = Frontier.above(decide, traffic_limits(asked)[rule])
        return None if above is None else above.least()
    below = Frontier.below(decide, math.ceil(part.least(asked.min_utilization) * part.whole))
    return None if below is None else below.greatest(part.whole)


def _thresholds(problem: PublishedProblem) -> dict[str, Capacity]:
    """The capacities that a least utilisation is asked of, by its rule."""
    parts = problem.cost_model.capacities(problem.architecture)
    return {part.threshold_rule: part for part in parts if part.least(problem.constraints.min_utilization)}


def _with_share(asked: Constraints, part: Capacity, units: int) -> dict[str, object]:
    """The least utilisations with that of one capacity at so many of its units."""
    return {"min_utilization": asked.min_utilization.model_copy(update={part.threshold: units / part.whole})}


def _given(problem: PublishedProblem) -> list[str]:
    return [*traffic_limits(problem.constraints), *_thresholds(problem)]


def _alone(problem: PublishedProblem, rule: str) -> PublishedProblem:
    """The problem with one of its limits alone; whatever else is asked stays."""
    asked, part = problem.constraints, _thresholds(problem).get(rule)
    shares = {} if part is None else {part.threshold: part.least(asked.min_utilization)}
    dropped = {limit: None for limit in traffic_limits(asked) if limit != rule}
    alone = asked.model_copy(update={**dropped, "min_utilization": MinUtilization(**shares)})
    return replace(problem, constraints=alone)


OF_PUBLISHED = Limits(_given, _alone, _achievable)
OF_LEVELS = Limits(level_limits, with_level_limit, level_achievable)
