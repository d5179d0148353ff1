"""In what a layer's other solutions differ from the best one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...model.documents.explaining.explanation import FactorDifference, OtherRank
from ...model.documents.kinds.any_mappings import AnyMappingDocument
from .explained_layer import ExplainedLayer, cost_factors

TILING = "tiling"


def other_ranks(explained: ExplainedLayer) -> Iterator[OtherRank]:
    """Ranks 2 and further of the result, each beside rank 1."""
    best = explained.solution
    for other in explained.layer.solutions[1:]:
        one, two = _fields(best.mapping), _fields(other.mapping)
        yield OtherRank(
            rank=other.rank,
            proved=other.proved,
            factors=cost_factors(explained.result, other.cost, best.cost),
            tiling=tuple(_factor_differences(one[TILING], two[TILING])),
            differs_in=tuple(field for field in one if field != TILING and one[field] != two[field]),
        )


def _fields(mapping: AnyMappingDocument) -> dict[str, Any]:
    return mapping.model_dump(mode="json")


def _factor_differences(
    best: dict[str, dict[str, int]], other: dict[str, dict[str, int]]
) -> Iterator[FactorDifference]:
    """The factors that two tilings do not share; those left out are 1."""
    for dim in dict.fromkeys((*best, *other)):
        one, two = best.get(dim, {}), other.get(dim, {})
        for level in dict.fromkeys((*one, *two)):
            factors = one.get(level, 1), two.get(level, 1)
            if factors[0] != factors[1]:
                yield FactorDifference(dimension=dim, level=level, best=factors[0], other=factors[1])
