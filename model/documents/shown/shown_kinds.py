"""What every kind of documents shows of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from .flat_rows import Row, Shown, counted, energy_text, flat, is_best, of_layer, solution_rows, total_facts, value_text

if TYPE_CHECKING:
    from ..evaluation import EvaluateResult
    from ..explaining.explanation import Explanation
    from ..networks.network_result import NetworkResult
    from ..networks.network_verification import NetworkVerification
    from ..pareto import LayerFront, ParetoFronts
    from ..result import LayerResult, Result
    from ..study_results import DataflowStudy, GapStudy
    from ..sweep_results import SweepResult
    from ..verification import Verification

COST = ("energy_pj", "cycles", "edp")


def _interrupted(document: Any) -> Iterator[str]:
    if document.interrupted:
        yield "interrupted"


def _result_facts(result: Result) -> Iterator[str]:
    statuses = Counter(layer.status for layer in result.layers)
    without = [f"{statuses[status]} {status}" for status in ("infeasible", "unknown") if statuses[status]]
    yield f"{result.objective} on {result.architecture.name}"
    yield ", ".join((counted(len(result.layers), "layer"), f"{statuses['optimal']} proved", *without))
    yield from total_facts(result.total)
    yield from _interrupted(result)


def _layer_facts(layer: LayerResult) -> Iterator[str]:
    yield layer.status
    yield counted(len(layer.solutions), "mapping")
    for best in layer.solutions[:1]:
        yield f"{energy_text(best.cost.energy_pj)}, {best.cost.cycles:,} cycles, EDP {best.cost.edp:.4e} pJ*cycles"
    if layer.gap is not None:
        yield f"gap {layer.gap:.2g}"


def _fronts_facts(fronts: ParetoFronts) -> Iterator[str]:
    complete = sum(layer.complete for layer in fronts.layers)
    yield f"energy-latency fronts on {fronts.architecture.name}"
    yield f"{counted(len(fronts.layers), 'layer')}, {complete} complete"
    yield counted(sum(len(layer.points) for layer in fronts.layers), "point")
    yield from _interrupted(fronts)


def _front_facts(layer: LayerFront) -> Iterator[str]:
    yield "complete" if layer.complete else "not complete"
    yield counted(len(layer.points), "point")


def _gap_facts(study: GapStudy) -> Iterator[str]:
    yield f"{study.objective} on {study.architecture.name}"
    yield counted(len(study.layers), "layer")
    if study.mean_loss is not None:
        yield f"mean loss {study.mean_loss:.2%}"
    if study.agree is not None:
        yield "the proofs agree" if study.agree else "the proofs disagree"
    yield from _interrupted(study)


def _dataflow_facts(study: DataflowStudy) -> Iterator[str]:
    yield f"{study.objective} on {study.architecture.name}"
    yield f"{counted(len(study.layers), 'layer')}, {counted(len(study.dataflows), 'dataflow')}"
    mean = study.classic_mean.arithmetic
    if mean is not None and mean.edp is not None:
        yield f"mean EDP ratio {mean.edp:.2f}"
    yield from _interrupted(study)


def _dataflow_rows(study: DataflowStudy) -> Iterator[Row]:
    for layer in study.layers:
        for entry in layer.restricted:
            yield {"layer": layer.name, "count": layer.count, "same_as": layer.same_as, **flat(entry)}


def _sweep_facts(sweep: SweepResult) -> Iterator[str]:
    proved = sum(design.status == "optimal" for design in sweep.designs)
    yield f"{'front' if sweep.objective is None else sweep.objective} around {sweep.architecture.name}"
    yield f"{counted(len(sweep.designs), 'design')}, {proved} proved"
    if sweep.best is not None and sweep.objective is not None:
        values = ", ".join(f"{field} {value}" for field, value in sweep.best.values.items())
        yield f"best {values} with {value_text(sweep.objective, sweep.best.objective_value)}"
    if sweep.front is not None:
        yield counted(len(sweep.front.points), "point") + " of the front"
    yield from _interrupted(sweep)


def _sweep_rows(sweep: SweepResult) -> Iterator[Row]:
    for design in sweep.designs:
        total = {} if design.result is None else flat(design.result.total)
        yield {**flat(design), **{f"total.{name}": value for name, value in total.items()}}


def _costed_rows(costs: EvaluateResult) -> Iterator[Row]:
    named: list[Row] = [{"layer": each.layer, "rank": each.rank} for each in costs.costs_of or ()]
    places = named or [{"mapping": position} for position in range(len(costs.costs))]
    return ({**place, **flat(cost)} for place, cost in zip(places, costs.costs, strict=True))


def _network_facts(network: NetworkResult) -> Iterator[str]:
    yield f"{network.goal.objective} of the network on {network.architecture.name}"
    yield counted(len(network.layers), "layer")
    yield network.status
    yield from total_facts(network.total)
    yield from _interrupted(network)


def _network_rows(network: NetworkResult) -> Iterator[Row]:
    for layer in network.layers:
        for choice in layer.choices:
            own = {"occurrences": choice.occurrences, "point": choice.point}
            yield {"layer": layer.name, "count": layer.count, "same_as": layer.same_as, **own, **flat(choice.cost)}


def _explanation_facts(why: Explanation) -> Iterator[str]:
    yield f"{why.layer} on {why.architecture}, {why.status}"
    yield f"bound by {why.bottleneck.bound_by}, {why.bottleneck.cycles:,} cycles"
    yield from _interrupted(why)


def _verification_facts(verification: Verification | NetworkVerification) -> Iterator[str]:
    yield "holds" if verification.holds else "does not hold"
    yield counted(len(verification.layers), "layer")
    yield "every claim checked" if verification.complete else "not every claim checked"
    yield from _interrupted(verification)


SHOWN: Mapping[str, Shown] = {
    "Result": Shown(
        _result_facts,
        lambda result: chain.from_iterable(solution_rows(layer, layer.solutions) for layer in result.layers),
        ("layer", "count", "status", "gap", *COST, "bound_by"),
        is_best,
    ),
    "LayerResult": Shown(
        _layer_facts, lambda layer: solution_rows(layer, layer.solutions), ("rank", "rank_proved", *COST)
    ),
    "ParetoFronts": Shown(
        _fronts_facts,
        lambda fronts: chain.from_iterable(solution_rows(layer, layer.points) for layer in fronts.layers),
        ("layer", "count", "complete", "rank", *COST),
    ),
    "LayerFront": Shown(_front_facts, lambda layer: solution_rows(layer, layer.points), ("rank", *COST)),
    "GapStudy": Shown(
        _gap_facts,
        lambda study: map(of_layer, study.layers),
        ("layer", "count", "optimum", "proved_by", "pruned.search.objective_value", "pruned.loss", "agree"),
    ),
    "DataflowStudy": Shown(
        _dataflow_facts, _dataflow_rows, ("layer", "dataflow", "ratios.edp", "ratios.energy", "ratios.cycles", "proved")
    ),
    "SweepResult": Shown(
        _sweep_facts,
        _sweep_rows,
        ("values.", "area_proxy_bytes", "status", "objective_value", "total.energy_pj", "total.cycles"),
    ),
    "EvaluateResult": Shown(
        lambda costs: [counted(len(costs.costs), "mapping")],
        _costed_rows,
        ("mapping", "layer", "rank", *COST, "min_energy_pj", "min_cycles", "min_edp", "bound_by"),
    ),
    "NetworkResult": Shown(_network_facts, _network_rows, ("layer", "count", "occurrences", "point", *COST)),
    "Explanation": Shown(
        _explanation_facts,
        lambda why: map(flat, why.what_if),
        ("what", "status", "proved", "factors.objective", "factors.energy", "factors.cycles"),
    ),
    "Verification": Shown(
        _verification_facts,
        lambda verification: map(of_layer, verification.layers),
        ("layer", "status", "solutions_checked", "proof.outcome", "proof.text", "faults"),
    ),
    "NetworkVerification": Shown(
        _verification_facts,
        lambda verification: map(of_layer, verification.layers),
        ("layer", "points_checked", "steps_refuted", "steps", "text", "faults"),
    ),
}
"""By the names of the types."""
