"""Candidates are checked, given their best orders and ranked in one fixed order."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from builders import gemm, nest_of, problem_of, whole_space
from dmaze.model.dmazerunner.architecture import Architecture
from dmaze.model.dmazerunner.constraints import Constraints
from dmaze.model.dmazerunner.cost import cost_of_mapping
from dmaze.model.dmazerunner.legality import broken_limits, dram_bytes
from dmaze.model.mapping import Mapping, Tiling
from dmaze.model.objectives import Objective
from dmaze.solver.backend import LayerProblem
from dmaze.solver.pipeline.ranking import CostedMapping, faults_of_candidate, rank
from reference import REFERENCE, load, random_workload, reference_architecture

ORDERS = list(permutations(range(3)))
NATURAL = (0, 1, 2)
GEMM = gemm(2, 3, 4)


def architecture(**prices: float) -> Architecture:
    return REFERENCE.model_copy(update={"access_energy_pj": REFERENCE.access_energy_pj.model_copy(update=prices)})


def value_and_tie(objective: Objective, entry: CostedMapping) -> tuple[float, float]:
    cost = entry.cost
    return {
        "edp": (cost.edp, cost.cycles),
        "energy": (cost.energy_pj, cost.cycles),
        "latency": (cost.cycles, cost.energy_pj),
    }[objective]


@pytest.mark.parametrize("objective", ["edp", "energy", "latency"])
@pytest.mark.parametrize(
    "prices", [{}, {"rf": 0, "noc": 0, "spm": 0, "dram": 0, "mac": 0}], ids=["priced", "everything for free"]
)
def test_ranking_finds_what_comparing_all_orders_finds(objective: Objective, prices: dict[str, float]) -> None:
    problem = problem_of(GEMM, objective, architecture(**prices))
    tilings = list(whole_space(problem.nest))
    expected: list[tuple[float, float, object]] = []
    for tiling in tilings:
        mappings = [Mapping(tiling, dram, spm) for dram in ORDERS for spm in ORDERS]
        costs = [cost_of_mapping(problem.nest, problem.architecture, mapping) for mapping in mappings]
        best = min(value_and_tie(objective, CostedMapping(mappings[0], cost)) for cost in costs)
        expected.append((*best, tiling.levels))
    given = [Mapping(tiling, NATURAL, NATURAL) for tiling in tilings]
    random.Random(0).shuffle(given)
    ranked = rank(problem, given, top_k=len(tilings))
    got = [(*value_and_tie(objective, entry), entry.mapping.tiling.levels) for entry in ranked]
    assert got == sorted(expected, key=lambda row: row)  # type: ignore[arg-type]


def test_answers_are_distinct_by_tiling_and_at_most_top_k() -> None:
    problem = problem_of(GEMM, "edp")
    tilings = list(whole_space(problem.nest))[:4]
    given = [Mapping(tiling, order, NATURAL) for tiling in tilings for order in ORDERS]
    ranked = rank(problem, given, top_k=3)
    assert len(ranked) == 3
    assert len({entry.mapping.tiling for entry in ranked}) == 3


def test_a_traffic_limit_decides_which_orders_are_taken() -> None:
    free = problem_of(GEMM, "latency")
    tiling = Tiling((2, 3, 2), (1, 1, 1), (1, 1, 2), (1, 1, 1))
    moved: dict[tuple[int, ...], int] = {}
    for order in ORDERS:
        cost = cost_of_mapping(free.nest, free.architecture, Mapping(tiling, order, NATURAL))
        moved[order] = dram_bytes(free.architecture, cost)
    least = min(moved.values())
    assert least < max(moved.values())
    limited = problem_of(GEMM, "latency", max_dram_bytes=least)
    allowed = next(order for order in ORDERS if moved[order] == least)
    (answer,) = rank(limited, [Mapping(tiling, allowed, NATURAL)], top_k=5)
    assert not broken_limits(limited.architecture, limited.constraints, answer.cost)
    refused = next(order for order in ORDERS if moved[order] > least)
    assert faults_of_candidate(limited, Mapping(tiling, refused, NATURAL)) == ("max_dram_bytes",)
    assert faults_of_candidate(limited, Mapping(tiling, allowed, NATURAL)) == ()


def test_legal_candidates_have_no_faults() -> None:
    problem = problem_of(GEMM, "edp")
    assert all(
        faults_of_candidate(problem, Mapping(tiling, NATURAL, NATURAL)) == () for tiling in whole_space(problem.nest)
    )


MALFORMED: dict[str, tuple[dict[str, Any], str]] = {
    "negative factors": ({"tiling": Tiling((-2, 3, 4), (-1, 1, 1), (1, 1, 1), (1, 1, 1))}, "tiling.dram"),
    "too few dimensions": ({"tiling": Tiling((2, 3), (1, 1), (1, 1), (1, 1))}, "tiling.dram"),
    "numpy integers, which overflow": (
        {"tiling": Tiling((2, 3, 4), (1, 1, 1), (1, 1, np.int64(1)), (1, 1, 1))},  # type: ignore[arg-type]
        "tiling.rf",
    ),
    "factors that do not multiply to the bounds": (
        {"tiling": Tiling((2, 3, 2), (1, 1, 1), (1, 1, 1), (1, 1, 1))},
        "factors multiply to the bounds",
    ),
    "a repeated dimension": ({"dram_order": (0, 1, 1)}, "dram_order"),
    "names in place of positions": ({"spm_order": ("M", "N", "K")}, "spm_order"),
    "a dimension too many": ({"spm_order": (0, 1, 2, 3)}, "spm_order"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_candidates_are_named(case: str) -> None:
    changes, rule = MALFORMED[case]
    problem = problem_of(GEMM, "edp")
    sound = Mapping(Tiling((2, 3, 4), (1, 1, 1), (1, 1, 1), (1, 1, 1)), NATURAL, NATURAL)
    assert faults_of_candidate(problem, sound) == ()
    assert faults_of_candidate(problem, replace(sound, **changes))[0].partition(":")[0] == rule


def test_the_best_orders_of_published_mappings_cost_the_published_minimum() -> None:
    document = load("random_mappings.json")
    for workload in document["workloads"][::9]:
        nest = nest_of(random_workload(workload))
        arch = reference_architecture(document["architectures"][workload["architecture"]])
        dims = tuple(range(len(nest.dims)))
        for record in workload["mappings"][:5]:
            rows = ([record["tiling"][dim][level] for dim in nest.dims] for level in ("dram", "spm", "rf", "spatial"))
            mapping = Mapping(Tiling.from_levels(rows), dims, dims)
            (best,) = rank(LayerProblem(nest, arch, Constraints(), "edp"), [mapping], top_k=1)
            assert best.cost.edp == record["min_edp"]
