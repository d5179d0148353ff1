"""Whether a layer on a design can have a mapping below a limit: a search that ends as soon as that is decided."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import cast

from ....model.cost_model import HIERARCHY
from ....model.documents.spec import Spec
from ....model.faults import InputError
from ....model.objectives import OBJECTIVES
from ....model.reading.loading import ResolvedSpec
from ...backend import AnyProblem, LayerProblem, LevelsProblem, published
from ...deadline import Deadline
from ...enumeration.refute import refute_with_bounds
from ...routed_backend import map_space_of

GAP = 1e-12
"""Relative gap up to which a shortest path is searched: bounds are lowered by as much for rounding."""


def is_refuted_below(spec: ResolvedSpec[Spec], limit: float) -> bool:
    """Whether it is proved that no mapping of the spec's only layer has an objective below a limit.

    False as well where that cannot be told: beside a preset and padded bounds, and when time is up.
    """
    given = spec.document
    if given.constraints.preset is not None or given.solver.pad_bounds:
        return False
    nest = spec.layers[0].loop_nest()
    problem = LayerProblem(nest, spec.architecture, given.constraints, given.objective, cost_model=spec.cost_model)
    deadline = Deadline.after(given.solver.time_limit_s)
    if map_space_of(spec.cost_model) == HIERARCHY:
        return _by_shortest_path(cast("LevelsProblem", problem), limit, deadline)
    return _by_enumeration(problem, limit, deadline)


def _by_enumeration(problem: AnyProblem, limit: float, deadline: Deadline) -> bool:
    found = refute_with_bounds(published(problem), limit, deadline)
    return found.complete and found.counterexample is None


class _DecidedError(Exception):
    """The search need not go on."""


def _by_shortest_path(problem: LevelsProblem, limit: float, deadline: Deadline) -> bool:
    """Sweeps until the bound reaches the limit, or a mapping is below it."""
    from ...shortest_path.programme import Programme, Task  # here, as its tables are not needed elsewhere
    from ...shortest_path.shortest_path_backend import MOST_POINTS, space_of

    try:
        space = space_of(problem)
    except InputError:
        return False
    if space.vectors.size > MOST_POINTS:
        return False
    programme = Programme(space, Task(problem.objective, deadline))
    in_cycles = not OBJECTIVES[problem.objective].energy_power

    def bound() -> float:
        return math.ceil(programme.bound) if in_cycles and math.isfinite(programme.bound) else programme.bound

    def look() -> None:
        if programme.value < limit or bound() >= limit:
            raise _DecidedError

    with suppress(_DecidedError):
        programme.run(GAP, look)
    return programme.value >= limit and bound() >= limit
