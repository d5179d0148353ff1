"""What can be checked of a network's optimum without a search: points on the exact model, choices, sums, status."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from ...model.documents.networks.network_result import NetworkLayer, NetworkResult
from ...model.documents.pareto import LayerFront
from ..backend import AnyProblem
from ..network.network_document import keeps_limits, layer_by_layer, totals_of, value_of
from ..pipeline.ranking import broken, cost_candidate
from ..pipeline.status import gap_between
from .recomputation import cost_differences


def point_faults(problem: AnyProblem, front: LayerFront) -> Iterator[str]:
    """Whether every point's mapping is legal and costs what is stated, and no point equals or beats another one."""
    for position, point in enumerate(front.points):
        place = f"points[{position}]"
        if point.rank != position + 1:
            yield f"{place}.rank is {point.rank}; the {position + 1}. point has rank {position + 1}"
        try:
            mapping = problem.cost_model.mapping_of(problem.nest, problem.architecture, point.mapping, with_orders=True)
        except ValueError as error:
            yield from (f"{place}.mapping.{line}" for line in str(error).splitlines())
            continue
        found = cost_candidate(problem, mapping)
        rules = broken(problem, found)
        if rules:
            yield f"{place}: the mapping breaks {', '.join(rules)}"
        exact = problem.cost_model.cost_document(problem.nest, problem.architecture, mapping, found.cost)
        yield from (f"{place}: {line}" for line in cost_differences(point.cost, exact))
    for position, (one, following) in enumerate(pairwise(front.points), start=1):
        if following.cost.energy_pj <= one.cost.energy_pj or following.cost.cycles >= one.cost.cycles:
            yield f"points[{position}] does not follow by more energy and fewer cycles"
    if front.infeasible and (front.points or not front.complete):
        yield "infeasible is true beside points, or without a complete front"


def network_faults(result: NetworkResult) -> Iterator[str]:
    """Whether the choice is made of the fronts' points, and everything stated of it follows from it."""
    for position, front in enumerate(result.fronts):
        if (front.name, front.count) != (front.layer.name, front.layer.count):
            yield f"fronts[{position}]: name or count is not that of its layer {front.layer.name}"
    names = [front.name for front in result.fronts]
    yield from (f"fronts: the name {name} occurs twice" for name in dict.fromkeys(names) if names.count(name) > 1)
    if result.layers:
        yield from _choice_faults(result.layers, result.fronts)
    yield from _total_faults(result)
    yield from _status_faults(result)
    if [other.model_dump() for other in result.layer_by_layer] != [
        other.model_dump() for other in layer_by_layer(result.fronts, result.goal)
    ]:
        yield "layer_by_layer is not what the fronts give"


def _choice_faults(layers: Sequence[NetworkLayer], fronts: Sequence[LayerFront]) -> Iterator[str]:
    stated = [(layer.name, layer.count, layer.same_as) for layer in layers]
    if stated != [(front.name, front.count, front.same_as) for front in fronts]:
        yield "layers: they are not those of the fronts, or not in their order"
        return
    for layer, front in zip(layers, fronts, strict=True):
        if sum(chosen.occurrences for chosen in layer.choices) != layer.count:
            yield f"layer {layer.name}: the choices' occurrences do not add up to its count {layer.count}"
        for chosen in layer.choices:
            points = [point for point in front.points if point.rank == chosen.point]
            if [(point.mapping, point.cost) for point in points] != [(chosen.mapping, chosen.cost)]:
                yield f"layer {layer.name}: the mapping chosen is not point {chosen.point} of its front"
            if chosen.occurrences < 1:
                yield f"layer {layer.name}: point {chosen.point} is chosen {chosen.occurrences} times"


def _total_faults(result: NetworkResult) -> Iterator[str]:
    """Whether totals are sums, the objective's value is that of the totals, and limits are kept."""
    if not result.layers:
        if (result.total, result.objective_value, result.gap) != (None, None, None):
            yield "total, objective_value and gap are given without a choice"
        return
    exact = totals_of((chosen.occurrences, chosen) for layer in result.layers for chosen in layer.choices)
    if result.total != exact:
        yield f"total is {result.total}; the choices sum to {exact}"
    if result.objective_value != value_of(result.goal, exact):
        yield f"objective_value is {result.objective_value}; the totals give {value_of(result.goal, exact)}"
    if not keeps_limits(result.goal, exact):
        yield "the choice does not keep the limit that was asked for"


def _status_faults(result: NetworkResult) -> Iterator[str]:
    value, bound = result.objective_value, result.bound
    if value is not None and bound is not None:
        if bound > value:
            yield f"bound {bound} lies above objective_value {value}"
        elif result.gap != gap_between(value, bound):
            yield f"gap is {result.gap}; objective_value and bound give {gap_between(value, bound)}"
    expected = _expected_status(result)
    if expected is not None and result.status != expected:
        yield f"status is {result.status}; what is given makes it {expected}"


def _expected_status(result: NetworkResult) -> str | None:
    """The status that value and gap give; ``None`` where nothing is chosen, which a proof decides."""
    if result.objective_value is None:
        return None if result.status in ("infeasible", "unknown") else "unknown"
    return "optimal" if result.gap is not None and result.gap <= result.relative_gap else "feasible"
