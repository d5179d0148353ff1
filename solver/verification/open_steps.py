"""The steps between the points of a front, and what a mapping that the front lacks would cost at least.

A front of n points by rising energy leaves n + 1 steps, as :mod:`..fronts.front_steps` has them: step k asks for less
energy than point k + 1 and fewer cycles than point k. While steps j to k are open, a missing mapping may have as little
energy as point j and as few cycles as point k + 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import cast

from ...model.cost_model import HIERARCHY
from ...model.documents.pareto import LayerFront
from ...model.documents.result import Number
from ...model.objectives import Objective, float_below
from ..backend import AnyMapping, AnyProblem, LevelsProblem, published
from ..deadline import Deadline
from ..hierarchies.level_refutation import refute_levels
from ..least_costs import LeastCosts
from ..routed_backend import map_space_of
from .proof_checks import VERIFIER_SEED

MOST_CHOICES_OF_A_STEP = 100_000
"""Tilings times keep choices up to which all mappings are costed for every single step."""

ROUNDING = 1e-11
"""By how much (relative) energies on hierarchies may lie below those of a front's points."""


@dataclass(frozen=True)
class Run:
    """Neighbouring steps that are open, the first and the last of them, and the least that a mapping there costs."""

    first: int
    last: int
    energy_pj: Number
    cycles: int


@dataclass
class OpenSteps:
    """Which steps of a front are still open; ``claimed`` are those that it says are refuted."""

    points: tuple[tuple[Number, int], ...]
    claimed: frozenset[int]
    least: LeastCosts
    refuted: set[int] = field(default_factory=set[int])

    def runs(self) -> list[Run]:
        """The open steps, neighbours together."""
        runs: list[Run] = []
        for step in range(len(self.points) + 1):
            if step in self.refuted:
                continue
            if runs and runs[-1].last == step - 1:
                runs[-1] = self.run(runs[-1].first, step)
            else:
                runs.append(self.run(step, step))
        return runs

    def run(self, first: int, last: int) -> Run:
        """Some neighbouring steps, as if all of them were open."""
        energy_pj = self.points[first - 1][0] if first else self.least.energy_pj
        cycles = self.points[last][1] if last < len(self.points) else self.least.cycles
        return Run(first, last, energy_pj, cycles)

    def limits(self, step: int) -> tuple[Number | None, int | None]:
        """The energy and the cycles that a mapping of a step would be below; ``None`` for no limit."""
        energy_pj = self.points[step][0] if step < len(self.points) else None
        return energy_pj, self.points[step - 1][1] if step else None


def open_steps_of(front: LayerFront, least: LeastCosts) -> OpenSteps:
    """All steps of a front; a complete one claims all of them, another one those that its solves have refuted."""
    points = tuple((point.cost.energy_pj, point.cost.cycles) for point in front.points)
    if front.complete:
        return OpenSteps(points, frozenset(range(len(points) + 1)), least)
    numbered = ((len(points) if step.most_energy_pj is None else n, step) for n, step in enumerate(front.steps))
    return OpenSteps(points, frozenset(number for number, step in numbered if step.refuted), least)


@dataclass(frozen=True)
class StepAnswer:
    """Whether a step was refuted, or the mapping that was found there; ``route`` says how it was looked for."""

    refuted: bool
    route: str
    found: AnyMapping | None = None


def look_into(
    problem: AnyProblem, limits: tuple[Number | None, int | None], until: Deadline, workers: int
) -> StepAnswer:
    """Look for a mapping with less energy and fewer cycles than given.

    On the published map space by CP-SAT, which no front is found with; on hierarchies by costing every mapping where
    there are few, else by a shortest path of its own.
    """
    if map_space_of(problem.cost_model) == HIERARCHY:
        levels = cast("LevelsProblem", problem)
        return _by_enumeration(levels, limits, until) or _by_shortest_path(levels, limits, until)
    return _by_cpsat(problem, limits, until, workers)


def _by_cpsat(
    problem: AnyProblem, limits: tuple[Number | None, int | None], until: Deadline, workers: int
) -> StepAnswer:
    from ..cpsat.case_refutation import Limits, WithinLimits, refute  # here, as loading OR-Tools takes long

    energy_pj, cycles = (math.inf if limit is None else limit - 1 for limit in limits)
    found = refute(
        WithinLimits(published(problem), Limits(energy_pj, cycles)), until, seed=VERIFIER_SEED, workers=workers
    )
    return StepAnswer(found.complete and found.counterexample is None, "cp-sat", found.counterexample)


def _by_enumeration(
    problem: LevelsProblem, limits: tuple[Number | None, int | None], until: Deadline
) -> StepAnswer | None:
    """The answer where every mapping can be costed in a moment; ``None`` elsewhere."""
    objective, limit, most_cycles = _asked(limits)
    asked = replace(problem, objective=objective)
    found = refute_levels(asked, limit, until, most_cycles=most_cycles, most_choices=MOST_CHOICES_OF_A_STEP)
    if not found.complete and found.counterexample is None:
        return None
    return StepAnswer(found.counterexample is None, "enumeration", found.counterexample)


def _asked(limits: tuple[Number | None, int | None]) -> tuple[Objective, float, float]:
    """The objective that is to be below a limit, which allows for rounding, and the most cycles besides."""
    energy_pj, cycles = (math.inf if limit is None else limit for limit in limits)
    if math.isinf(energy_pj):
        return "latency", cycles, math.inf
    return "energy", float_below(energy_pj * (1 - ROUNDING)), cycles - 1


def _by_shortest_path(problem: LevelsProblem, limits: tuple[Number | None, int | None], until: Deadline) -> StepAnswer:
    from ..shortest_path.programme import Programme, Task  # here, as above
    from ..shortest_path.shortest_path_backend import MOST_POINTS, space_of

    space = space_of(problem)
    if space.vectors.size > MOST_POINTS:
        return StepAnswer(refuted=False, route="nothing")
    objective, target, most_cycles = _asked(limits)
    programme = Programme(space, Task(objective, until, most_cycles=most_cycles))
    programme.run(ROUNDING / 10, lambda: None)
    in_cycles = objective == "latency" and math.isfinite(programme.bound)
    bound = math.ceil(programme.bound) if in_cycles else programme.bound
    below = bool(programme.best) and programme.value < target
    found = programme.best[0].mapping if below else None
    return StepAnswer(bound >= target and not below, "a shortest path", found)
