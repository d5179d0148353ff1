"""What the pipeline does with a back end's candidates: check, cost exactly, find the best orders, rank.

None of it trusts the back end: a candidate that is malformed, does not fit or breaks a constraint is a fault of the
back end, and costs come from the exact model.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from ...model.cost_model import Cost, Costed
from ...model.dmazerunner.cost import ExactCost
from ...model.documents.result import Solution
from ...model.mapping import Mapping
from ...model.objectives import OBJECTIVES, Objective
from ..backend import AnyProblem

CostedMapping = Costed[Mapping, ExactCost]


def objective_value(objective: Objective, cost: Cost) -> int | float:
    """What is minimised: EDP in pJ * cycles (binary64), energy in pJ or cycles (both exact integers)."""
    return OBJECTIVES[objective].of_cost(cost.energy_pj, cost.cycles)


def rank_key(objective: Objective, cost: Cost) -> tuple[int | float, int | float]:
    """The objective, and the metric that decides ties: fewer cycles, or for latency less energy."""
    return OBJECTIVES[objective].rank_key(cost.energy_pj, cost.cycles)


def faults_of_candidate(problem: AnyProblem, candidate: Mapping) -> tuple[str, ...]:
    """Every rule that a candidate breaks, by name; empty when it may be an answer."""
    malformed = tuple(problem.cost_model.malformed(problem.nest, problem.architecture, candidate))
    return malformed or broken(problem, cost_candidate(problem, candidate))


def cost_candidate(problem: AnyProblem, candidate: Mapping) -> CostedMapping:
    """A well-formed candidate with its exact cost."""
    return Costed(candidate, problem.cost_model.cost(problem.nest, problem.architecture, candidate))


def broken(problem: AnyProblem, found: CostedMapping) -> tuple[str, ...]:
    """Every capacity, constraint and limit that a costed mapping breaks, by name."""
    model, architecture, constraints = problem.cost_model, problem.architecture, problem.constraints
    rules = model.broken_rules(problem.nest, architecture, constraints, found.mapping)
    return rules + model.broken_limits(architecture, constraints, found.cost)


def reordered(problem: AnyProblem, mapping: Mapping) -> list[CostedMapping]:
    """The mapping's tiling under the orders that may be its best and keep the traffic limits."""
    model, architecture = problem.cost_model, problem.architecture
    return [
        option
        for option in model.reordered(problem.nest, architecture, mapping)
        if not model.broken_limits(architecture, problem.constraints, option.cost)
    ]


def rank(problem: AnyProblem, candidates: Iterable[Mapping], top_k: int) -> tuple[CostedMapping, ...]:
    """The best candidates, distinct by tiling, each with its best orders; best first.

    Ties in the objective fall to the other metric, then to the tiling's factors. The candidates must be legal.
    """
    by_tiling: dict[tuple[Hashable, ...], list[Mapping]] = {}
    for candidate in candidates:
        by_tiling.setdefault(problem.cost_model.tiling_key(candidate), []).append(candidate)
    best = [_best_orders(problem, given) for given in by_tiling.values()]
    best.sort(key=lambda found: full_rank(problem, found))
    return tuple(best[:top_k])


def full_rank(problem: AnyProblem, found: CostedMapping) -> tuple[object, ...]:
    """What solutions are sorted by: objective, other metric, then the tiling's factors."""
    return *rank_key(problem.objective, found.cost), problem.cost_model.tiling_key(found.mapping)


def _best_orders(problem: AnyProblem, given: Sequence[Mapping]) -> CostedMapping:
    """The cheapest orders of one tiling that keep the traffic limits; the first pair of classes among equals.

    The back end's own orders come last: they win only where no class reaches them, so that the answer does not depend
    on which of several equal orders a back end happened to choose.
    """
    options = [*reordered(problem, given[0]), *(cost_candidate(problem, mapping) for mapping in given)]
    return min(options, key=lambda option: rank_key(problem.objective, option.cost))


def solution(problem: AnyProblem, number: int, found: CostedMapping, *, proved: bool = False) -> Solution:
    """A costed mapping of a given rank as a public document; ``proved``: that nothing else belongs there."""
    model, nest, machine = problem.cost_model, problem.nest, problem.architecture
    cost = model.cost_document(nest, machine, found.mapping, found.cost)
    mapping = model.mapping_document(nest, machine, found.mapping)
    return Solution(rank=number, proved=proved, mapping=mapping, cost=cost)
