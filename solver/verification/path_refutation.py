"""A second opinion of the shortest path on a hierarchy: is there any mapping with an objective below a limit?"""

from __future__ import annotations

import math

from ...model.faults import InputError
from ...model.objectives import OBJECTIVES
from ..backend import LevelsProblem
from ..deadline import Deadline
from ..refutation import Refutation
from ..shortest_path.programme import Programme, Task
from ..shortest_path.shortest_path_backend import MOST_POINTS, space_of

NO_GAP = 1e-12
"""Relative gap up to which the programme is run: bounds are lowered by as much for rounding."""


def refute_by_shortest_path(problem: LevelsProblem, limit: float, deadline: Deadline) -> Refutation:
    """Look for a mapping below a limit with sweeps of their own; infinity stands for any mapping at all."""
    try:
        space = space_of(problem)
    except InputError as refused:
        return Refutation("shortest-path", complete=False, examined=str(refused))
    if space.vectors.size > MOST_POINTS:
        return Refutation("shortest-path", complete=False, examined=f"nothing of {space.vectors.size:,} tile vectors")
    programme = Programme(space, Task(problem.objective, deadline))
    programme.run(NO_GAP, lambda: None)
    in_cycles = not OBJECTIVES[problem.objective].energy_power and math.isfinite(programme.bound)
    complete = (math.ceil(programme.bound) if in_cycles else programme.bound) >= limit
    below = programme.best[0].mapping if programme.value < limit else None
    examined = f"{programme.labels:,} labels in {programme.sweeps} sweeps"
    return Refutation("shortest-path", complete, examined, below)
