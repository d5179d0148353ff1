"""How much of an array a mapping uses, and what its next larger factors would need, costed without any search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...model.dmazerunner.factorisations import divisors
from ...model.documents.explaining.explanation import ArrayUse, LargerFactor
from ...model.explaining.explainable import ArrayInUse
from ..pipeline.ranking import faults_of_candidate, rank
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
    problem, model = explained.problem, explained.parts
    legal: list[Any] = []
    broken: list[tuple[str, ...]] = []
    ways = model.spread_anew(problem.nest, problem.architecture, explained.best.mapping, array.name, dim, factor)
    for way in ways:
        faults = faults_of_candidate(problem, way)
        if faults:
            broken.append(faults)
        else:
            legal.append(way)
    best = rank(problem, legal, 1)
    return LargerFactor(
        dimension=name,
        old=array.factors[dim],
        new=factor,
        used=array.used // array.factors[dim] * factor,
        stopped_by=() if best else min(broken, key=len),
        factors=explained.factors(best[0].cost) if best else None,
    )
