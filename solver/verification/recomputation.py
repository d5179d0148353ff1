"""What can be checked of a result without a search: its solutions on the one-at-a-time model, and its arithmetic.

Every function gives one line for each thing that is wrong; nothing when all is well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import cast

from ...model.documents.kinds.any_mappings import AnyCost
from ...model.documents.pareto import LayerFront
from ...model.documents.result import LayerResult, Result, Solution
from ...model.documents.spec import SolverOptions
from ...model.loop_nest import LoopNest
from ..backend import AnyProblem
from ..pipeline.padding import padding_of
from ..pipeline.ranking import (
    CostedMapping,
    broken,
    cost_candidate,
    full_rank,
    objective_value,
    rank_key,
    reordered,
)
from ..pipeline.status import gap_between
from ..pipeline.summary import question_of, share_of, totals

ROUNDING = 2.0**-52
"""How far a gap may exceed the one asked for since the bound that the latter gives is rounded down to a binary64."""

OWN_FIELDS_OF_A_COPY = frozenset({"name", "count", "layer", "same_as", "wall_s", "share"})


def solution_faults(problem: AnyProblem, layer: LayerResult, top_k: int) -> Iterator[str]:
    """Whether every solution is legal, costs what is stated, has its best orders, and stands in its place."""
    costed: list[CostedMapping] = []
    for position, solution in enumerate(layer.solutions):
        place = f"solutions[{position}]"
        if solution.rank != position + 1:
            yield f"{place}.rank is {solution.rank}; the {position + 1}. solution has rank {position + 1}"
        try:
            mapping = problem.cost_model.mapping_of(
                problem.nest, problem.architecture, solution.mapping, with_orders=True
            )
        except ValueError as error:
            yield from (f"{place}.mapping.{line}" for line in str(error).splitlines())
            continue
        found = cost_candidate(problem, mapping)
        costed.append(found)
        yield from (f"{place}: {line}" for line in _faults_of_one(problem, solution, found))
    yield from _ranking_faults(problem, costed)
    if len(layer.solutions) > top_k:
        yield f"solutions: {len(layer.solutions)} are given, but at most {top_k} were asked for (solver.top_k)"


def _faults_of_one(problem: AnyProblem, solution: Solution, found: CostedMapping) -> Iterator[str]:
    rules = broken(problem, found)
    if rules:
        yield f"the mapping breaks {', '.join(rules)}"
    model, nest = problem.cost_model, problem.nest
    exact = model.cost_document(nest, problem.architecture, found.mapping, found.cost)
    yield from cost_differences(solution.cost, exact)
    own = rank_key(problem.objective, found.cost)
    others = (rank_key(problem.objective, option.cost) for option in reordered(problem, found.mapping))
    best = min(others, default=own)
    if best < own:
        yield f"the orders are not the tiling's best: others have {problem.objective} {best[0]} instead of {own[0]}"


def cost_differences(stated: AnyCost, exact: AnyCost) -> Iterator[str]:
    """Every number of a stated cost that is not the exact model's; an older document need not state all of them."""
    given = stated.model_dump(exclude_unset=True)
    yield from _differences("cost", given, exact.model_dump(include=set(given)))


def _differences(place: str, given: object, exact: object) -> Iterator[str]:
    """Every number in a stated cost that is not the exact model's."""
    if isinstance(given, dict) and isinstance(exact, dict):
        stated, expected = cast("dict[str, object]", given), cast("dict[str, object]", exact)
        for name in dict.fromkeys((*stated, *expected)):
            yield from _differences(f"{place}.{name}", stated.get(name), expected.get(name))
    elif given != exact:
        yield f"{place} is {given}; the exact model gives {exact}"


def _ranking_faults(problem: AnyProblem, costed: Sequence[CostedMapping]) -> Iterator[str]:
    """Best first: by the objective, then the other metric, then the tiling; no tiling twice."""
    tilings = [problem.cost_model.tiling_key(found.mapping) for found in costed]
    if len(set(tilings)) < len(tilings):
        yield "solutions: the same tiling stands there twice"
    keys = [full_rank(problem, found) for found in costed]
    for position, (better, worse) in enumerate(pairwise(keys), start=1):
        if worse < better:
            yield f"solutions[{position}] ranks before solutions[{position - 1}]: {worse[:2]} against {better[:2]}"


def status_faults(problem: AnyProblem, layer: LayerResult, relative_gap: float) -> Iterator[str]:
    """Whether status, objective value, bound and gap agree with each other and with the solution of rank 1."""
    value, bound, gap = layer.objective_value, layer.bound, layer.gap
    solved = layer.status in ("optimal", "feasible")
    if solved != bool(layer.solutions) or solved != (value is not None):
        yield f"status is {layer.status}, with {len(layer.solutions)} solutions and objective_value {value}"
    if layer.status == "optimal" and bound is None:
        yield "status is optimal, but there is no bound"
    if layer.status == "infeasible" and bound is not None:
        yield f"status is infeasible, but there is a bound of {bound}"
    if value is None or bound is None:
        if gap is not None:
            yield f"gap is {gap}, but there is no {'objective_value' if value is None else 'bound'} to tell it from"
    elif bound > value:
        yield f"bound {bound} lies above objective_value {value}"
    else:
        yield from _gap_faults(layer, gap_between(value, bound), relative_gap)
    if layer.solutions:
        best = _stated_value(problem, layer.solutions[0])
        if value is not None and best is not None and value != best:
            yield f"objective_value is {value}; the solution of rank 1 has {problem.objective} {best}"


def _gap_faults(layer: LayerResult, exact: float, relative_gap: float) -> Iterator[str]:
    """A gap is (objective_value - bound) / objective_value; an optimal layer's is at most the one asked for."""
    capped = min(exact, relative_gap) if layer.status == "optimal" else exact
    if layer.gap not in (exact, capped):
        yield f"gap is {layer.gap}; objective_value and bound give {exact}"
    if layer.status == "optimal" and exact > relative_gap + ROUNDING:
        yield f"status is optimal, but the gap of {exact} is above solver.relative_gap {relative_gap}"
    if layer.status == "feasible" and exact <= relative_gap:
        yield f"status is feasible, but the gap of {exact} is within solver.relative_gap {relative_gap}"


def _stated_value(problem: AnyProblem, solution: Solution) -> int | float | None:
    """The exact objective of a solution; ``None`` where its mapping is malformed."""
    try:
        mapping = problem.cost_model.mapping_of(problem.nest, problem.architecture, solution.mapping, with_orders=True)
    except ValueError:
        return None
    return objective_value(problem.objective, cost_candidate(problem, mapping).cost)


def padding_faults(layer: LayerResult, choices: Sequence[LoopNest], options: SolverOptions) -> Iterator[str]:
    """Whether bounds are padded as the options allow, and what is said of the choices agrees with the solutions.

    ``choices`` are the nests that were to be searched, the layer's own first.
    """
    value, unpadded = layer.objective_value, layer.unpadded_objective_value
    if not options.pad_bounds:
        if layer.padding is not None or unpadded is not None or layer.padding_variants:
            yield "padding is reported, but solver.pad_bounds is false"
        return
    if layer.loop_nest() not in choices:
        given = {name: bound.to for name, bound in (layer.padding or {}).items()}
        yield f"padding to {given} is none of the choices that solver.pad_percent {options.pad_percent} leaves"
    if layer.padding_variants:
        stated = [variant.bounds for variant in layer.padding_variants]
        own = [{name: to for name, (_, to) in padding_of(choices[0], choice).items()} for choice in choices]
        if stated != own:
            yield f"padding_variants are {stated}; solver.pad_percent {options.pad_percent} gives {own}"
    if value is not None and unpadded is not None:
        if unpadded < value:
            yield f"unpadded_objective_value {unpadded} lies below objective_value {value}"
        if layer.padding is None and unpadded != value:
            yield f"unpadded_objective_value is {unpadded}, but nothing is padded and objective_value is {value}"


def copy_faults(layer: LayerResult | LayerFront, original: LayerResult | LayerFront | None) -> Iterator[str]:
    """Whether a layer said to be the same as another one is, and has that one's result or front."""
    if original is None:
        yield f"same_as: there is no layer {layer.same_as} before this one that is no copy itself"
        return
    if layer.layer.loop_nest().key != original.layer.loop_nest().key:
        yield f"same_as: layer {original.name} is another loop nest"
    given = layer.model_dump(exclude=set(OWN_FIELDS_OF_A_COPY))
    for field, value in original.model_dump(exclude=set(OWN_FIELDS_OF_A_COPY)).items():
        if given[field] != value:
            yield f"{field} is not that of layer {original.name}, which this one is said to be the same as"


def document_faults(result: Result) -> Iterator[str]:
    """Whether all layers are there and named as described, what was asked is as it was, and totals are sums."""
    if result.backend != result.solver.backend:
        yield f"backend is {result.backend}, but solver.backend is {result.solver.backend}"
    yield from _question_faults(result)
    for position, layer in enumerate(result.layers):
        if (layer.name, layer.count) != (layer.layer.name, layer.layer.count):
            yield f"layers[{position}]: name or count is not that of its layer {layer.layer.name}"
    names = [layer.name for layer in result.layers]
    yield from (f"layers: the name {name} occurs twice" for name in dict.fromkeys(names) if names.count(name) > 1)
    exact = totals(result.layers)
    for name, value in result.total.model_dump().items():
        if value != getattr(exact, name):
            yield f"total.{name} is {value}; the layers' costs and counts sum to {getattr(exact, name)}"
    for position, layer in enumerate(result.layers):
        own = share_of(layer, exact)
        if layer.share not in (None, own):
            yield f"layers[{position}]: share is {layer.share!r}; its cost and the totals give {own!r}"


def _question_faults(result: Result) -> Iterator[str]:
    """Whether a result's parts are those that it was made of."""
    stated = result.question
    if stated is None:
        return
    own = question_of(result, stated.workload)
    of = "" if stated.workload is None else f" of {stated.workload}"
    if own.num_layers != stated.num_layers:
        yield f"layers: {own.num_layers} are there, but {stated.num_layers}{of} were asked for"
    elif own.layers != stated.layers:
        yield f"layers: they are not those{of} that were asked for, or not in their order"
    if own.conditions != stated.conditions:
        what = "architecture, cost model, objective, constraints, backend or solver options"
        yield f"question: {what} are not those that the answer was found for"
