"""How much of an array a mapping uses, and what its next larger factors would need, costed without any search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...model.dmazerunner.factorisations import divisors
from ...model.documents.explaining.explanation import ArrayUse, LargerFactor
from ...model.explaining.explainable import ArrayInUse
from ..backend import AnyProblem
from ..pipeline.ranking import CostedMapping, broken, cost_candidate, rank
from .explained_layer import ExplainedLayer


def arrays_of(explained: ExplainedLayer) -> tuple[ArrayInUse, ...]:
    """The arrays of the machine as the best mapping uses them."""
    problem = explained.problem
    return explained.parts.arrays(problem.nest, problem.architecture, problem.constraints, explained.best.mapping)


def array_use(explained: ExplainedLayer, array: ArrayInUse) -> ArrayUse:
    """Why no more of an array is in use, as far as single factors say."""
    counts = array.counts
    named = zip(explained.problem.nest.dims, array.factors, strict=True)
    return ArrayUse(
        name=array.name,
        size=array.size,
        used=array.used,
        utilization=array.used / array.size,
        unrolled={dim: factor for dim, factor in named if factor > 1},
        next_used=next((count for count in counts if count > array.used), None),
        most_used=counts[-1],
        larger_factors=tuple(_larger_factors(explained, array)),
    )


def _larger_factors(explained: ExplainedLayer, array: ArrayInUse) -> Iterator[LargerFactor]:
    """The next larger factor of every dimension that has one, the others staying as they are."""
    for dim, (name, factor) in enumerate(zip(explained.problem.nest.dims, array.factors, strict=True)):
        larger = next((each for each in divisors(array.bounds[dim]) if each > factor), None)
        if larger is not None:
            yield _larger_factor(explained, array, dim, name, larger)


def _larger_factor(explained: ExplainedLayer, array: ArrayInUse, dim: int, name: str, factor: int) -> LargerFactor:
    """What a larger factor needs: the best of all ways to take it from the dimension's factors at the memories."""
    used = array.used // array.factors[dim] * factor
    found, stopped_by = (None, (array.limit,)) if used > array.size else _cheapest(explained, array, dim, factor)
    return LargerFactor(
        dimension=name,
        old=array.factors[dim],
        new=factor,
        used=used,
        stopped_by=stopped_by,
        factors=None if found is None else explained.factors(found.cost),
    )


def _cheapest(
    explained: ExplainedLayer, array: ArrayInUse, dim: int, factor: int
) -> tuple[CostedMapping | None, tuple[str, ...]]:
    """The cheapest legal way to another factor; else the rules that the closest one breaks."""
    problem = explained.problem
    legal: list[Any] = []
    refused: list[tuple[str, ...]] = []
    present = explained.best.mapping
    for way in explained.parts.spread_anew(problem.nest, problem.architecture, present, array.name, dim, factor):
        rules = _broken_rules(problem, way)
        if rules:
            refused.append(rules)
        else:
            legal.append(way)
    best = rank(problem, legal, 1)
    return (best[0], ()) if best else (None, min(refused, key=len))


def _broken_rules(problem: AnyProblem, way: Any) -> tuple[str, ...]:
    """Every rule that a way breaks; limits on what is counted only where all else holds: counting takes longest."""
    model, nest, machine = problem.cost_model, problem.nest, problem.architecture
    rules = tuple(model.malformed(nest, machine, way)) or model.broken_rules(nest, machine, problem.constraints, way)
    return rules or broken(problem, cost_candidate(problem, way))
