"""A network's choice as a document: totals, what may be claimed of them, and the mappings of every layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from ...model.documents.networks.network_result import (
    ChosenMapping,
    LayerByLayer,
    NetworkGoal,
    NetworkLayer,
    NetworkResult,
    NetworkTotals,
)
from ...model.documents.pareto import LayerFront, ParetoFronts
from ...model.documents.result import Number, Solution, Status
from ...model.objectives import OBJECTIVES, Objective, float_below
from ..pipeline.status import gap_between
from .exchange_rates import Picks
from .front_groups import FrontGroup
from .network_choice import NetworkChoice


@dataclass(frozen=True)
class NetworkAnswer:
    """A choice with what may be claimed of it; ``note`` says why there is none, or no proof."""

    choice: NetworkChoice
    groups: tuple[FrontGroup, ...]
    infeasible: bool
    note: str | None


def network_document(
    fronts: ParetoFronts, goal: NetworkGoal, relative_gap: float, answer: NetworkAnswer
) -> NetworkResult:
    """The document of an answer; its time is still to be filled in."""
    layers = () if answer.choice.picks is None else tuple(_layers(fronts.layers, answer.groups, answer.choice.picks))
    total = _total(layers) if layers else None
    value = None if total is None else value_of(goal, total)
    bound = _float_bound(answer.choice.bound, value)
    gap = None if value is None or bound is None else gap_between(value, bound)
    rate = answer.choice.pj_per_cycle
    return NetworkResult(
        name=fronts.name,
        cost_model=fronts.cost_model,
        accounting=fronts.accounting,
        goal=goal,
        architecture=fronts.architecture,
        constraints=fronts.constraints,
        relative_gap=relative_gap,
        versions=fronts.versions,
        interrupted=fronts.interrupted or answer.choice.interrupted,
        status=_status(answer, gap, relative_gap),
        objective_value=value,
        bound=bound,
        gap=gap,
        pj_per_cycle=None if rate is None else float(rate),
        note=answer.note,
        wall_s=0.0,
        total=total,
        layer_by_layer=tuple(layer_by_layer(fronts.layers, goal)),
        layers=layers,
        fronts=fronts.layers,
    )


def _status(answer: NetworkAnswer, gap: float | None, relative_gap: float) -> Status:
    if answer.infeasible:
        return "infeasible"
    if answer.choice.picks is None:
        return "unknown"
    return "optimal" if gap is not None and gap <= relative_gap else "feasible"


def _float_bound(bound: Fraction | None, value: Number | None) -> float | None:
    """A bound as a binary64 number, no greater than the value, which is rounded itself."""
    if bound is None:
        return None
    below = max(float_below(bound), 0.0)
    return below if value is None else min(below, float_below(value))


def value_of(goal: NetworkGoal, total: NetworkTotals) -> Number:
    """The objective's value of a network."""
    return OBJECTIVES[goal.objective].of_cost(total.energy_pj, total.cycles)


def _layers(fronts: Sequence[LayerFront], groups: Sequence[FrontGroup], picks: Picks) -> Iterator[NetworkLayer]:
    """The choices of all layers: occurrences take their group's points by rising energy, in the network's order."""
    queues: dict[int, list[int]] = {}
    for group, counter in zip(groups, picks, strict=True):
        queue = [position for position in sorted(counter) for _ in range(counter[position])]
        queues.update(dict.fromkeys(group.members, queue))
    for number, front in enumerate(fronts):
        queue = queues[number]
        own, queue[:] = queue[: front.count], queue[front.count :]
        taken = {position: own.count(position) for position in own}
        choices = tuple(_chosen(front.points[position], times) for position, times in taken.items())
        yield NetworkLayer(name=front.name, count=front.count, same_as=front.same_as, choices=choices)


def _chosen(point: Solution, occurrences: int) -> ChosenMapping:
    return ChosenMapping(occurrences=occurrences, point=point.rank, mapping=point.mapping, cost=point.cost)


def _total(layers: Iterable[NetworkLayer]) -> NetworkTotals:
    return totals_of((chosen.occurrences, chosen) for layer in layers for chosen in layer.choices)


def totals_of(taken: Iterable[tuple[int, ChosenMapping | Solution]]) -> NetworkTotals:
    """Sums of costs, each so many times; the EDP is their product in binary64, as that of a result is."""
    known = [(times, one.cost) for times, one in taken]
    energy_pj = sum(times * cost.energy_pj for times, cost in known)
    cycles = sum(times * cost.cycles for times, cost in known)
    return NetworkTotals(energy_pj=energy_pj, cycles=cycles, edp=float(energy_pj) * float(cycles))


def layer_by_layer(fronts: Sequence[LayerFront], goal: NetworkGoal) -> Iterator[LayerByLayer]:
    """The network with every layer optimal by itself, for each objective; nothing where a layer has no mapping."""
    if not all(front.points for front in fronts):
        return
    for objective in OBJECTIVES:
        total = totals_of((front.count, _best_point(front, objective)) for front in fronts)
        yield LayerByLayer(**total.model_dump(), objective=objective, within_limits=keeps_limits(goal, total))


def _best_point(front: LayerFront, objective: Objective) -> Solution:
    rule = OBJECTIVES[objective]
    return min(front.points, key=lambda point: rule.rank_key(point.cost.energy_pj, point.cost.cycles))


def keeps_limits(goal: NetworkGoal, total: NetworkTotals) -> bool:
    """Whether totals keep the limit of a goal."""
    fast_enough = goal.max_cycles is None or total.cycles <= goal.max_cycles
    return fast_enough and (goal.max_energy_pj is None or total.energy_pj <= goal.max_energy_pj)
