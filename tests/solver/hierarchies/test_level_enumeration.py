"""Exhaustive search of hierarchies: known optima, constraints, ties, limits."""

from __future__ import annotations

import time
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from builders import nest_of as layer_nest
from dmaze.model.hierarchy.constraints.level_constraints import LevelConstraints
from dmaze.model.hierarchy.constraints.resolved_constraints import resolved_constraints
from dmaze.model.hierarchy.hierarchy_model import MODEL
from dmaze.model.hierarchy.level_mapping import LevelMapping
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.hierarchy.resolved_machine import resolved_machine
from dmaze.model.hierarchy.vectorised.hierarchy_batch import BatchedModel
from dmaze.model.hierarchy.vectorised.mapping_arrays import MappingArrays, level_mappings
from dmaze.model.loop_nest import LoopNest
from dmaze.model.objectives import OBJECTIVES, Objective
from dmaze.model.reading.references import resolve_architecture
from dmaze.solver.backend import LayerProblem, LevelsProblem, Progress, SearchLimits
from dmaze.solver.hierarchies.level_space import LevelSpace, joined
from dmaze.solver.pipeline.ranking import cost_candidate, faults_of_candidate
from dmaze.solver.routed_backend import EXHAUSTIVE
from hierarchy_cases import nest_of
from reference import load

CASES = {case["name"]: case for case in load("hierarchy/optima.json")["cases"] if case["proof"] == "exhaustive"}
QUICK = [name for name, case in CASES.items() if case["mappings_that_fit"] <= 36_000]
OBJECTIVE_NAMES: tuple[Objective, ...] = tuple(OBJECTIVES)
LIMITS = SearchLimits(time_limit_s=60.0, top_k=4)

MACHINE = Machine.model_validate(
    {
        "name": "m",
        "mac_pj": 0.5,
        "nodes": [
            {"storage": "DRAM", "read_pj": 100, "write_pj": 100, "bandwidth": 2},
            {"storage": "GLB", "capacity_bytes": 24, "read_pj": 5, "write_pj": 6, "bandwidth": 4},
            {"fanout": "X", "size": 4, "word_pj": 1, "add_pj": 0.5},
            {"storage": "RF", "capacity_bytes": 6, "keep": {"A": "may", "*": "must"}, "read_pj": 1, "write_pj": 1},
        ],
    }
)
GEMM = nest_of(
    {
        "bounds": {"M": 4, "N": 2, "K": 6},
        "tensors": [
            {"name": "A", "index": ["M", "K"]},
            {"name": "B", "index": ["K", "N"]},
            {"name": "C", "index": ["M", "N"], "output": True},
        ],
    }
)


def problem(
    objective: Objective = "edp", nest: LoopNest = GEMM, machine: Machine = MACHINE, **constraints: object
) -> LevelsProblem:
    return LayerProblem(nest, machine, LevelConstraints.model_validate(constraints), objective, cost_model=MODEL)


@pytest.mark.parametrize(("name", "objective"), [*product(QUICK, OBJECTIVE_NAMES)])
def test_it_finds_the_known_optimum(name: str, objective: Objective) -> None:
    case = CASES[name]
    asked = problem(objective, nest_of(case["layer"]), Machine.model_validate(case["architecture"]))
    outcome = EXHAUSTIVE.search(asked, LIMITS, None)
    assert outcome.exhausted
    assert outcome.statistics["mappings_that_fit"] == case["mappings_that_fit"]
    if case.get("infeasible"):
        assert outcome.candidates == ()
        assert outcome.bound is None
    else:
        assert outcome.bound == pytest.approx(case[objective]["value"], rel=1e-9)
        best = cost_candidate(asked, outcome.candidates[0]).cost
        assert OBJECTIVES[objective].of_cost(best.energy_pj, best.cycles) == outcome.bound


@pytest.mark.parametrize("objective", OBJECTIVE_NAMES)
def test_what_it_returns_is_legal_distinct_and_in_order(objective: Objective) -> None:
    asked = problem(objective)
    outcome = EXHAUSTIVE.search(asked, LIMITS, None)
    assert len(outcome.candidates) == 4
    assert not any(faults_of_candidate(asked, mapping) for mapping in outcome.candidates)
    tilings = [MODEL.tiling_key(mapping) for mapping in outcome.candidates]
    assert len(set(tilings)) == 4
    costs = [cost_candidate(asked, mapping).cost for mapping in outcome.candidates]
    ranks = [
        (*OBJECTIVES[objective].rank_key(cost.energy_pj, cost.cycles), MODEL.tiling_key(mapping))
        for cost, mapping in zip(costs, outcome.candidates, strict=True)
    ]
    assert ranks == sorted(ranks)


CONSTRAINTS: list[dict[str, object]] = [
    {"fixed": {"M": {"X": 2}, "K": {"RF": 3}}},
    {"min_factor": {"K": {"GLB": 2}}, "max_factor": {"K": {"RF": 1}}},
    {"dims": {"X": ["N"]}},
    {"no_spatial_reduction": True},
    {"orders": {"DRAM": ["K", "M"]}, "fixed": {"K": {"DRAM": 2}}},
    {"innermost": {"GLB": "M"}, "fixed": {"M": {"GLB": 2}, "K": {"GLB": 3}}},
    {"keep": {"GLB": {"A": "never", "output": "must"}, "RF": {"A": "must"}}},
    {"min_utilization": {"X": 0.75, "GLB": 0.9}},
    {"max_words": {"DRAM": 80}},
    {"max_words": {"GLB": 120}, "min_utilization": {"RF": 0.6}},
]


@pytest.fixture(scope="module")
def every_mapping() -> tuple[MappingArrays, list[int]]:
    """All mappings without constraints, and their places by rising energy."""
    machine = resolved_machine(MACHINE, GEMM)
    space = LevelSpace(resolved_constraints(GEMM, machine, LevelConstraints()))
    parts: list[MappingArrays] = []
    for _, factors in space.tilings():
        for choice in space.keep_choices:
            parts += space.mappings(factors, np.broadcast_to(choice, (len(factors), *choice.shape)))
    arrays = joined(parts)
    energy_pj = np.concatenate([cost.energy_pj for cost in BatchedModel(GEMM, machine).costs(arrays)])
    return arrays, np.argsort(energy_pj, kind="stable").tolist()


@pytest.mark.parametrize("constraints", CONSTRAINTS)
def test_with_constraints_it_finds_the_best_of_what_they_leave(
    constraints: dict[str, object], every_mapping: tuple[MappingArrays, list[int]]
) -> None:
    arrays, cheapest_first = every_mapping
    asked, machine = problem("energy", **constraints), resolved_machine(MACHINE, GEMM)
    found = EXHAUSTIVE.search(asked, LIMITS, None)
    assert found.exhausted
    assert not any(faults_of_candidate(asked, mapping) for mapping in found.candidates)
    mappings = (level_mappings(GEMM, machine, arrays.rows(row, row + 1))[0] for row in cheapest_first)
    best = next(mapping for mapping in mappings if not faults_of_candidate(asked, mapping))
    assert cost_candidate(asked, best).cost.energy_pj == found.bound
    assert cost_candidate(asked, found.candidates[0]).cost.energy_pj == found.bound


def test_orders_stand_as_asked() -> None:
    fixed = {"K": {"DRAM": 3}, "M": {"DRAM": 2}, "N": {"DRAM": 2}}
    for order in (["K", "M"], ["M", "K"], ["N", "K"]):
        outcome = EXHAUSTIVE.search(problem("energy", fixed=fixed, orders={"DRAM": order}), LIMITS, None)
        found: LevelMapping = outcome.candidates[0]
        assert [GEMM.dims[dim] for dim in found.orders[0]][-2:] == order


def test_a_limit_of_time_leaves_no_claim() -> None:
    outcome = EXHAUSTIVE.search(problem(), SearchLimits(time_limit_s=0.0), None)
    assert outcome.bound is None
    assert not outcome.exhausted


def test_it_reports_what_is_left_when_it_is_interrupted() -> None:
    reported: list[Progress] = []

    def interrupt(progress: Progress) -> None:
        reported.append(progress)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        EXHAUSTIVE.search(problem(), LIMITS, interrupt)
    assert reported[0].incumbents
    assert not any(faults_of_candidate(problem(), mapping) for mapping in reported[0].incumbents)
    assert reported[0].bound is None


def test_a_single_level_has_one_mapping() -> None:
    alone = Machine.model_validate({"name": "alone", "nodes": [{"storage": "DRAM", "read_pj": 1}]})
    outcome = EXHAUSTIVE.search(problem("energy", machine=alone), LIMITS, None)
    assert outcome.exhausted
    assert outcome.statistics["evaluated"] == 1
    assert outcome.statistics["mappings_that_fit"] == 6
    # every MAC reads both operands, and a partial sum but for the 8 first ones
    assert outcome.bound == 48 + 48 + (48 - 8)


def test_time_limits_hold_where_no_tiling_fits_for_long() -> None:
    layer = {"type": "conv2d", "name": "c", "batch": 1, "out_channels": 384, "in_channels": 256, "in_height": 13}
    nest = layer_nest({**layer, "in_width": 13, "kernel_height": 3, "kernel_width": 3, "padding": 1})
    machine = resolve_architecture("eyeriss-168", Path())
    assert isinstance(machine, Machine)
    started = time.monotonic()
    outcome = EXHAUSTIVE.search(
        LayerProblem(nest, machine, LevelConstraints(), "edp", (), MODEL), SearchLimits(time_limit_s=0.1), None
    )
    assert not outcome.exhausted
    assert time.monotonic() - started < 10  # it takes minutes to come to the first tiling that fits
