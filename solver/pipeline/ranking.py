"""What the pipeline does with a back end's candidates: check, cost exactly, find the best orders, rank.

None of it trusts the back end: a candidate that is malformed, does not fit or breaks a constraint is a fault of the
back end, and costs come from the exact model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ...model.dmazerunner.cost import ExactCost, cost_of_mapping, costs_of_tiling
from ...model.dmazerunner.legality import broken_limits, broken_rules
from ...model.dmazerunner.mapping import LEVELS, Mapping, Tiling
from ...model.loop_nest import LoopNest
from ...model.objectives import OBJECTIVES, Objective
from ..backend import LayerProblem


@dataclass(frozen=True)
class CostedMapping:
    """A mapping with its exact cost."""

    mapping: Mapping
    cost: ExactCost


def objective_value(objective: Objective, cost: ExactCost) -> int | float:
    """What is minimised: EDP in pJ * cycles (binary64), energy in pJ or cycles (both exact integers)."""
    return OBJECTIVES[objective].of_cost(cost.energy_pj, cost.cycles)


def rank_key(objective: Objective, cost: ExactCost) -> tuple[int | float, int]:
    """The objective, and the metric that decides ties: fewer cycles, or for latency less energy."""
    return OBJECTIVES[objective].rank_key(cost.energy_pj, cost.cycles)


def faults_of_candidate(problem: LayerProblem, candidate: Mapping) -> tuple[str, ...]:
    """Every rule that a candidate breaks, by name; empty when it may be an answer."""
    malformed = tuple(_malformed(problem.nest, candidate))
    if malformed:
        return malformed
    nest, architecture, constraints = problem.nest, problem.architecture, problem.constraints
    broken = broken_rules(nest, architecture, constraints, candidate.tiling)
    return broken + broken_limits(architecture, constraints, cost_of_mapping(nest, architecture, candidate))


def _malformed(nest: LoopNest, candidate: Mapping) -> Iterator[str]:
    """What is wrong with a candidate's form: back ends are third-party code, and types are not checked at run time."""
    dims = list(range(len(nest.dims)))
    for level, factors in zip(LEVELS, candidate.tiling.levels, strict=True):
        if not _are_integers(factors, len(dims)) or min(factors) < 1:
            yield f"tiling.{level}: expected {len(dims)} positive integers, got {factors}"
    for field, order in (("dram_order", candidate.dram_order), ("spm_order", candidate.spm_order)):
        if not _are_integers(order, len(dims)) or sorted(order) != dims:
            yield f"{field}: expected every position from 0 to {len(dims) - 1} once, got {order}"


def _are_integers(values: Sequence[object], length: int) -> bool:
    return isinstance(values, tuple) and len(values) == length and all(type(value) is int for value in values)


def rank(problem: LayerProblem, candidates: Iterable[Mapping], top_k: int) -> tuple[CostedMapping, ...]:
    """The best candidates, distinct by tiling, each with its best orders; best first.

    Ties in the objective fall to the other metric, then to the tiling's factors. The candidates must be legal.
    """
    by_tiling: dict[Tiling, list[Mapping]] = {}
    for candidate in candidates:
        by_tiling.setdefault(candidate.tiling, []).append(candidate)
    best = [_best_orders(problem, tiling, given) for tiling, given in by_tiling.items()]
    best.sort(key=lambda entry: (*rank_key(problem.objective, entry.cost), entry.mapping.tiling.levels))
    return tuple(best[:top_k])


def _best_orders(problem: LayerProblem, tiling: Tiling, given: Sequence[Mapping]) -> CostedMapping:
    """The cheapest orders of a tiling that keep the traffic limits; the first pair of classes among equals.

    The back end's own orders come last: they win only where no class reaches them, so that the answer does not depend
    on which of several equal orders a back end happened to choose.
    """
    nest, architecture = problem.nest, problem.architecture
    options = [
        CostedMapping(Mapping(tiling, dram.order(tiling.dram), spm.order(tiling.spm)), cost)
        for spm, dram, cost in costs_of_tiling(nest, architecture, tiling)
        if not broken_limits(architecture, problem.constraints, cost)
    ]
    options += [CostedMapping(mapping, cost_of_mapping(nest, architecture, mapping)) for mapping in given]
    return min(options, key=lambda option: rank_key(problem.objective, option.cost))
