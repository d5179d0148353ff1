"""What a results file says is held against the exact model before it counts, as what a cache says is.

Legality, costs and orders of every mapping, and that no bound lies above a cost. That nothing better exists, or nothing
at all, is not proved again: for that there is ``dmaze-solve verify``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...model.dmazerunner.constraints import Constraints
from ...model.documents.pareto import LayerFront
from ...model.documents.result import LayerResult, Solution
from ...model.documents.spec import Spec
from ...model.documents.sweep_results import SweepRecord
from ...model.reading.loading import ResolvedSpec
from ..backend import AnyProblem, LayerProblem
from ..pipeline.padding import choices_of_bounds
from ..pipeline.presets import rounds
from ..pipeline.ranking import broken, cost_candidate
from ..verification.recomputation import cost_differences, padding_faults, solution_faults, status_faults


def record_faults(record_type: type[SweepRecord[Any]], spec: ResolvedSpec[Spec], answer: Any) -> Iterator[str]:
    """In what an answer for the spec's only layer cannot be right, one line each."""
    if answer.layer.loop_nest().key != spec.layers[0].loop_nest().key:
        yield "layer: it is another loop nest"
        return
    problem = _problem(spec, answer)
    if problem is None:
        yield "thresholds: no round of the preset has these"
        return
    yield from _CHECKS[record_type](problem, answer, spec)


def _problem(spec: ResolvedSpec[Spec], answer: LayerResult | LayerFront) -> AnyProblem | None:
    """The problem that an answer is about; ``None`` where a preset has no such thresholds."""
    given = spec.document.constraints
    if isinstance(given, Constraints) and given.preset is not None:
        stated = answer.thresholds
        found = next((r.constraints(given) for r in rounds() if stated in (None, r.thresholds)), None)
        if found is None:
            return None
        given = found
    nest = spec.layers[0].loop_nest()
    return LayerProblem(nest, spec.architecture, given, spec.document.objective, cost_model=spec.cost_model)


def _optimum_faults(problem: AnyProblem, answer: LayerResult, spec: ResolvedSpec[Spec]) -> Iterator[str]:
    options = spec.document.solver
    choices = choices_of_bounds(problem.nest, spec.document.constraints, options)
    yield from padding_faults(answer, choices, options)
    padded = LayerProblem(
        answer.loop_nest(),
        problem.architecture,
        problem.constraints,
        problem.objective,
        cost_model=problem.cost_model,
    )
    yield from solution_faults(padded, answer, options.top_k)
    yield from status_faults(padded, answer, options.relative_gap)


def _front_faults(problem: AnyProblem, answer: LayerFront, _: ResolvedSpec[Spec]) -> Iterator[str]:
    if answer.infeasible and (answer.points or not answer.complete):
        yield "infeasible, with points or without a proof"
    for position, point in enumerate(answer.points):
        yield from (f"points[{position}]: {line}" for line in _point_faults(problem, point))


def _point_faults(problem: AnyProblem, point: Solution) -> Iterator[str]:
    model, nest, machine = problem.cost_model, problem.nest, problem.architecture
    try:
        found = cost_candidate(problem, model.mapping_of(nest, machine, point.mapping, with_orders=True))
    except ValueError as error:
        yield str(error)
        return
    rules = broken(problem, found)
    if rules:
        yield f"the mapping breaks {', '.join(rules)}"
    if any(cost_differences(point.cost, model.cost_document(nest, machine, found.mapping, found.cost))):
        yield "its cost is not the exact model's"


_CHECKS: Mapping[type[SweepRecord[Any]], Callable[..., Iterator[str]]] = {
    SweepRecord[LayerResult]: _optimum_faults,
    SweepRecord[LayerFront]: _front_faults,
}
"""How the answers of every kind of record are checked."""
