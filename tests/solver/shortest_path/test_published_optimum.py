"""The optimum that an exhaustive search of 594 minutes published, proved (see the sources in the example)."""

from __future__ import annotations

import math

from dmaze.model.hierarchy.hierarchy_documents import LevelsCost
from dmaze.model.hierarchy.level_mapping import LevelMappingDocument
from dmaze.model.reading.builtin_data import builtin_path
from dmaze.model.reading.loading import load_spec
from dmaze.solver import solve

PUBLISHED_UJ, PUBLISHED_CYCLES = 423.36, 1_098_075
"""Energy and time as published, with words that outputs are filled with at their first visits."""
FIRST_FILLS = ((64, 3025, 8, 9.8608), (1, 193_600, 32, 66.2387))
"""Those of the local buffers and of the global one: instances, words of each, words of an access, its price in pJ."""


def published(outer: str, inner: str) -> dict[str, dict[str, int]]:
    """The published factors; along which way the outputs are looped over outside makes no difference."""
    return {
        "M": {"PE": 64},
        "C": {"LocalBuffer": 3},
        inner: {"LocalBuffer": 55},
        outer: {"DRAM": 55},
        "Fx": {"LocalBuffer": 11},
        "Fy": {"LocalBuffer": 11},
    }


def test_published_optimum_is_proved_to_the_last_digit() -> None:
    result = solve(load_spec(builtin_path("examples", "alexnet-conv1-published")))
    (layer,) = result.layers
    best = layer.solutions[0]
    assert isinstance(best.cost, LevelsCost)
    assert isinstance(best.mapping, LevelMappingDocument)
    assert (result.accounting, layer.status) == ("timeloop", "optimal")
    assert layer.gap is not None
    assert layer.gap < 1e-11
    tiling = {dim: dict(factors) for dim, factors in best.mapping.tiling.items() if factors}
    assert tiling in (published("Ox", "Oy"), published("Oy", "Ox"))
    assert (best.cost.cycles, best.cost.energy_pj) == (PUBLISHED_CYCLES, 422_719_039.9251999)
    filled_pj = sum(buffers * math.ceil(words / size) * price for buffers, words, size, price in FIRST_FILLS)
    assert round((best.cost.energy_pj + filled_pj) / 1e6, 2) == PUBLISHED_UJ
