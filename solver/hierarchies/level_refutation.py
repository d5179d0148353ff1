"""Whether a hierarchy has a mapping with an objective below a limit, decided by costing every one of them."""

from __future__ import annotations

import math

from ...model.hierarchy.constraints.resolved_constraints import resolved_constraints
from ...model.hierarchy.resolved_machine import resolved_machine
from ...model.hierarchy.vectorised.count_bounds import why_too_large
from ..backend import LevelsProblem
from ..deadline import Deadline
from ..refutation import Refutation
from .level_conflicts import constraints_can_hold
from .level_enumeration import EnumerationRun

MOST_CHOICES = 50_000_000
"""Tilings times keep choices up to which all mappings may be costed in some minutes."""


def refute_levels(
    problem: LevelsProblem,
    limit: float,
    deadline: Deadline,
    *,
    most_cycles: float = math.inf,
    most_choices: int | None = None,
) -> Refutation:
    """Look for a mapping below a limit, and of at most so many cycles; infinity stands for any mapping at all.

    With more than ``most_choices``, by default :data:`MOST_CHOICES`, nothing is costed.
    """
    machine = resolved_machine(problem.architecture, problem.nest)
    constraints = resolved_constraints(problem.nest, machine, problem.constraints)
    run = EnumerationRun(constraints, problem.cost_model.counted, problem.objective, 1, most_cycles)
    if limit == math.inf and not constraints_can_hold(constraints, deadline.part(0.5)):
        return Refutation("enumeration", complete=True, examined="no tiling keeps all sizes and constraints")
    choices = run.space.num_tilings * run.space.num_keep_choices
    reason = why_too_large(problem.nest, machine)
    if reason or choices > (MOST_CHOICES if most_choices is None else most_choices):
        examined = reason or f"{choices:,} tilings with what they keep are too many to be costed"
        return Refutation("enumeration", complete=False, examined=examined)
    run.work(deadline, None)
    best = run.best.kept
    below = best[0].mapping if best and best[0].value < limit else None
    return Refutation("enumeration", run.finished, f"{run.evaluated:,} mappings costed", below)
