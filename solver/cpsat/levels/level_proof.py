"""A second opinion of CP-SAT on a hierarchy: is there any mapping with an objective below a limit?

The model is built anew and asked without an incumbent, hint or bound of the search that is checked, under another seed
and with other parameters.
"""

from __future__ import annotations

import math

from ....model.hierarchy.accountings import EXECUTED
from ....model.hierarchy.constraints.resolved_constraints import resolved_constraints
from ....model.hierarchy.resolved_machine import resolved_machine
from ....model.hierarchy.vectorised.count_bounds import why_too_large
from ....model.objectives import OBJECTIVES, Objective
from ...backend import LevelsProblem
from ...deadline import Deadline
from ...refutation import Refutation
from .level_search import LevelSearch
from .level_solver import LevelSolver


def largest_below(objective: Objective, limit: float) -> float:
    """The largest value below a limit that an objective can have on a hierarchy: only cycles are whole numbers.

    Example:
        >>> largest_below("latency", 4.0), largest_below("energy", 4.0)
        (3.0, 3.9999999999999996)
    """
    if math.isinf(limit):
        return limit
    return float(math.ceil(limit) - 1) if not OBJECTIVES[objective].energy_power else math.nextafter(limit, 0.0)


def refute_levels_with_cpsat(
    problem: LevelsProblem, limit: float, deadline: Deadline, *, seed: int, workers: int
) -> Refutation:
    """Ask CP-SAT for a mapping with an objective below a limit; infinity stands for any mapping at all."""
    machine = resolved_machine(problem.architecture, problem.nest)
    if problem.cost_model.counted != EXECUTED:
        return Refutation("cp-sat", complete=False, examined=f"nothing under {problem.cost_model.accounting}")
    if reason := why_too_large(problem.nest, machine):
        return Refutation("cp-sat", complete=False, examined=reason)
    constraints = resolved_constraints(problem.nest, machine, problem.constraints)
    solver = LevelSolver(seed, workers, linearization_level=2, cp_model_probing_level=2)
    search = LevelSearch(constraints, problem.objective, solver, deadline, keep=1)
    complete = search.look_below(largest_below(problem.objective, limit))
    below = search.best[0].mapping if search.best and search.value < limit else None
    examined = f"{search.calls} solver calls, {search.num_settled} tilings costed under all orders"
    return Refutation("cp-sat", complete, examined, below)
