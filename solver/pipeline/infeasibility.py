"""Why a layer has no mapping: a smallest set of constraints and capacities that cannot hold together."""

from __future__ import annotations

import math
from dataclasses import replace

from ...model.dmazerunner.capacities import Capacity, grown
from ...model.dmazerunner.constraints import Constraints, FixedFactors, MinUtilization
from ...model.dmazerunner.legality import TRAFFIC_LIMITS, traffic_limits
from ...model.loop_nest import LoopNest
from ..backend import PublishedProblem
from ..deadline import Deadline
from ..enumeration.feasibility import Feasibility

FLAGS = ("no_spatial_reduction", "no_feature_from_dram")
PRESET = "preset"


def find_conflicts(
    problem: PublishedProblem, time_limit_s: float, *, by_preset: bool = False, feasibility: Feasibility | None = None
) -> tuple[str, ...]:
    """Names of constraints and capacities that clash; empty when the problem is found to have a mapping.

    None of the names can be left out: without it the others can hold. That is not so of rules that could not be
    decided in time; they are named as well, so that what is named clashes in any case. ``by_preset`` says that a preset
    has set the least utilisations and the two pruning rules, which are then one rule called ``preset``.
    """
    deadline = Deadline.after(time_limit_s)
    groups = _rules(problem, by_preset=by_preset)
    feasibility = feasibility or Feasibility(problem.nest)
    if feasibility.decide(problem, deadline.share(len(groups) + 1)):
        return ()
    needed = list(groups)
    for number, name in enumerate(groups):
        others = [other for other in needed if other != name]
        relaxed = _relaxed(problem, {rule for other in others for rule in groups[other]})
        if feasibility.decide(relaxed, deadline.share(len(groups) - number)) is False:
            needed = others
    return tuple(needed)


def _rules(problem: PublishedProblem, *, by_preset: bool) -> dict[str, list[str]]:
    """The rules in force, in the order in which they are tried: machine first. Some go by a common name."""
    constraints, machine = problem.constraints, problem.cost_model.capacities(problem.architecture)
    thresholds = [part.threshold_rule for part in machine if part.least(constraints.min_utilization)]
    names = [*(part.rule for part in machine), *thresholds]
    names += dict.fromkeys(pin.rule for pin in problem.cost_model.pinned_factors(problem.nest, constraints))
    names += traffic_limits(constraints)
    groups: dict[str, list[str]] = {}
    for name in names:
        of_preset = by_preset and (name in thresholds or name in FLAGS)
        groups.setdefault(PRESET if of_preset else name, []).append(name)
    return groups


def _relaxed(problem: PublishedProblem, kept: set[str]) -> PublishedProblem:
    """The problem with only some of its rules.

    Least utilisations stay shares of the original capacities: a capacity that is dropped grows by a power of two, the
    share shrinks by the same, and every comparison comes out as before.
    """
    asked, growth = problem.constraints.min_utilization, dict[str, int]()
    shares = dict[str, float]()
    for part in problem.cost_model.capacities(problem.architecture):
        growth[part.rule] = 1 if part.rule in kept else _enough(problem.nest, part)
        shares[part.threshold] = part.least(asked) / growth[part.rule] if part.threshold_rule in kept else 0.0
    constraints = _only(problem.constraints, kept).model_copy(update={"min_utilization": MinUtilization(**shares)})
    return replace(problem, architecture=grown(problem.architecture, growth), constraints=constraints)


def _enough(nest: LoopNest, capacity: Capacity) -> int:
    """A power of two by which a capacity must grow so that nothing exceeds it."""
    share = capacity.taken(nest, nest.bounds) / capacity.limit
    return 1 << max(0, math.ceil(math.log2(share)) + 1)


def _only(constraints: Constraints, kept: set[str]) -> Constraints:
    """The constraints without those that are not kept, least utilisations aside."""
    fixed = {
        dim: FixedFactors(**{level: f for level, f in factors.given().items() if f"fixed.{dim}.{level}" in kept})
        for dim, factors in constraints.fixed.items()
    }
    dropped: dict[str, object] = {name: False for name in FLAGS if name not in kept}
    dropped |= {name: None for name in ("spatial_dims", *TRAFFIC_LIMITS) if name not in kept}
    return constraints.model_copy(update={**dropped, "fixed": fixed})
