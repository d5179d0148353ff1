"""A second opinion of the shortest path on a hierarchy: is there any mapping with an objective below a limit?"""

from __future__ import annotations

import math

from ...model.hierarchy.accountings import EXECUTED
from ...model.hierarchy.constraints.resolved_constraints import resolved_constraints
from ...model.hierarchy.resolved_machine import resolved_machine
from ..backend import LevelsProblem
from ..deadline import Deadline
from ..refutation import Refutation
from ..shortest_path.programme import Programme, Task
from ..shortest_path.shortest_path_backend import MOST_POINTS
from ..shortest_path.space.map_space import MapSpace

NO_GAP = 1e-12
"""Relative gap up to which the programme is run: bounds are lowered by as much for rounding."""


def refute_by_shortest_path(problem: LevelsProblem, limit: float, deadline: Deadline) -> Refutation:
    """Look for a mapping below a limit with sweeps of their own; infinity stands for any mapping at all."""
    machine = resolved_machine(problem.architecture, problem.nest)
    space = MapSpace(resolved_constraints(problem.nest, machine, problem.constraints))
    if problem.cost_model.counted != EXECUTED or space.vectors.size > MOST_POINTS:
        return Refutation("shortest-path", complete=False, examined=f"nothing of {space.vectors.size:,} tile vectors")
    programme = Programme(space, Task(problem.objective, deadline))
    programme.run(NO_GAP, lambda: None)
    complete = programme.bound >= limit or math.isinf(programme.bound)
    below = programme.best[0].mapping if programme.value < limit else None
    examined = f"{programme.labels:,} labels in {programme.sweeps} sweeps"
    return Refutation("shortest-path", complete, examined, below)
