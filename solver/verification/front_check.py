"""One distinct front of a network's optimum while it is checked."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ...model.cost_models import searchable_model_for
from ...model.documents.networks.network_result import NetworkResult
from ...model.documents.networks.network_verification import MissingPoint
from ...model.documents.pareto import LayerFront
from ..backend import AnyMapping, AnyProblem, LayerProblem
from ..deadline import Deadline
from ..least_costs import least_costs
from ..pipeline.presets import resolve_preset
from ..pipeline.ranking import cost_candidate, faults_of_candidate
from .network_claims import point_faults
from .open_steps import OpenSteps, Run, look_into, open_steps_of


@dataclass
class FrontCheck:
    """One distinct front while it is checked: what is wrong with it, which steps are open, how much time is left."""

    front: LayerFront
    problem: AnyProblem
    occurrences: int
    steps: OpenSteps
    left_s: float
    faults: tuple[str, ...]
    routes: set[str] = field(default_factory=set[str])
    tried: set[int] = field(default_factory=set[int])
    missing: MissingPoint | None = None

    def step_in(self, run: Run, pj_per_cycle: float) -> int | None:
        """The step of a run that is to be looked into next: where a missing mapping could gain most; or none."""
        open_to_all = [n for n in range(run.first, run.last + 1) if n in self.steps.claimed and n not in self.tried]
        return min(open_to_all, key=lambda step: self._worth(step, pj_per_cycle), default=None)

    def _worth(self, step: int, pj_per_cycle: float) -> float:
        alone = self.steps.run(step, step)
        return float(alone.energy_pj) + pj_per_cycle * alone.cycles

    def look_into(self, step: int, workers: int) -> None:
        """Look for a mapping in a step, within the time that is left."""
        started = time.monotonic()
        self.tried.add(step)
        answer = look_into(self.problem, self.steps.limits(step), Deadline.after(self.left_s), workers)
        self.left_s -= time.monotonic() - started
        self.routes.add(answer.route)
        if answer.refuted:
            self.steps.refuted.add(step)
        if answer.found is not None:
            self.missing = _missing_point(self.problem, answer.found)


def front_check(result: NetworkResult, front: LayerFront, limit_s: float) -> FrontCheck:
    """The problem of a front, with a preset resolved anew, and what is wrong with its points."""
    model = searchable_model_for(result.cost_model)
    model = model if result.accounting is None else model.under(result.accounting)
    nest = front.layer.loop_nest()
    problem = LayerProblem(nest, result.architecture, result.constraints, "edp", cost_model=model)
    resolved = resolve_preset(problem, Deadline.after(limit_s))
    problem = LayerProblem(nest, result.architecture, resolved.constraints, "edp", cost_model=model)
    wrong = () if resolved.thresholds == front.thresholds else ("thresholds are not those that the preset ends with",)
    copies = [other for other in result.fronts if front.name in (other.name, other.same_as)]
    return FrontCheck(
        front=front,
        problem=problem,
        occurrences=sum(copy.count for copy in copies),
        steps=open_steps_of(front, least_costs(problem, Deadline.after(limit_s))),
        left_s=limit_s,
        faults=(*wrong, *point_faults(problem, front)),
    )


def _missing_point(problem: AnyProblem, mapping: AnyMapping) -> MissingPoint:
    """A mapping that a front lacks, on the one-at-a-time model.

    Raises:
        RuntimeError: when that model says that it is not legal.
    """
    found, rules = cost_candidate(problem, mapping), faults_of_candidate(problem, mapping)
    if rules:
        raise RuntimeError(f"a mapping that a front is said to lack breaks {', '.join(rules)}")
    model, nest = problem.cost_model, problem.nest
    return MissingPoint(
        mapping=model.mapping_document(nest, problem.architecture, mapping),
        cost=model.cost_document(nest, problem.architecture, mapping, found.cost),
    )
