"""Lower bounds on tilings with open factors never exceed the exact cost; both routes of a second opinion are right."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from dmaze.model.dmazerunner.capacities import capacities
from dmaze.model.dmazerunner.constraints import Constraints
from dmaze.model.dmazerunner.cost import cost_of_mapping
from dmaze.model.dmazerunner.factorisations import allowed_factorisations
from dmaze.model.dmazerunner.vectorised.batch import RF, SPATIAL, SPM, TilingBatch
from dmaze.model.dmazerunner.vectorised.batch_bounds import BoundModel
from dmaze.model.dmazerunner.vectorised.batch_cost import BatchModel
from dmaze.model.dmazerunner.vectorised.batch_legality import fits
from dmaze.model.layers import Conv2d
from dmaze.model.objectives import OBJECTIVES as RULES
from dmaze.solver.backend import LayerProblem
from dmaze.solver.cpsat import case_refutation
from dmaze.solver.cpsat.case_refutation import refute_with_cpsat
from dmaze.solver.deadline import Deadline
from dmaze.solver.enumeration.refute import refute_by_costing_all, refute_with_bounds
from dmaze.solver.enumeration.stream import TilingStream
from dmaze.solver.pipeline.ranking import faults_of_candidate, objective_value
from dmaze.solver.refutation import Refutation
from dmaze.solver.search.scoring import Scorer
from dmaze.solver.spaces.branching import chosen_of
from random_problems import OBJECTIVES, TINY, Size, describe, random_levels, random_problem
from reference import REFERENCE, load

SMALL = Size(macs=1 << 12, tilings=10_000, class_pairs=100)
ANY_NEST = Size(macs=1 << 24, class_pairs=100)


@pytest.mark.parametrize("block", range(4))
def test_bounds_on_open_factors_never_exceed_the_exact_costs(block: int) -> None:
    compared = 0
    for seed in range(block, 240, 4):
        problem = random_problem(seed, ANY_NEST, constrained=0.3)
        nest, architecture = problem.nest, problem.architecture
        if not all(map(len, allowed_factorisations(nest, problem.constraints))):
            continue
        levels = random_levels(Random(seed), nest, 150, problem.constraints)
        levels = np.ascontiguousarray(levels[:, :, levels[SPATIAL].prod(axis=0) <= architecture.pes])
        levels = chosen_of(levels, fits(TilingBatch(nest, levels), capacities(architecture).rf))
        array_tiles = levels.copy()
        array_tiles[RF], array_tiles[SPATIAL] = levels[RF] * levels[SPATIAL], 1
        slices = array_tiles.copy()
        slices[RF], slices[SPM] = array_tiles[RF] * array_tiles[SPM], 1
        bound_model = BoundModel(nest, architecture, problem.constraints)
        model, coarse, fine = BatchModel(nest, architecture), TilingBatch(nest, slices), TilingBatch(nest, array_tiles)
        of_subspaces = {found.dram_class: found for found in model.pair_costs(coarse, bound_model.of_subspaces(coarse))}
        of_tiles = list(model.pair_costs(fine, bound_model.of_array_tiles(fine)))
        exact_pairs = model.pair_costs(TilingBatch(nest, levels))
        for exact, tile in zip(exact_pairs, of_tiles, strict=True):
            compared += int(np.isfinite(exact.cycles).sum())
            for below in (tile, of_subspaces[exact.dram_class]):
                assert (below.energy_pj <= exact.energy_pj).all(), f"seed {seed}\n{describe(problem)}"
                assert (below.cycles <= exact.cycles).all(), f"seed {seed}\n{describe(problem)}"
    assert compared > 15_000


def test_no_more_pes_are_used_than_a_tile_can_be_spread_over() -> None:
    for seed in range(60):
        problem = random_problem(seed, ANY_NEST)
        for levels in TilingStream(problem, Deadline.after(0.05)):
            whole = levels.copy()
            whole[RF] *= levels[SPATIAL]
            bound_model = BoundModel(problem.nest, problem.architecture, problem.constraints)
            assert (levels[SPATIAL].prod(axis=0) <= bound_model.most_pes(TilingBatch(problem.nest, whole))).all()
            break


def least(problem: LayerProblem) -> float:
    scorer = Scorer(problem)
    stream = TilingStream(problem)
    return min((float(scorer.scores(levels).values.min()) for levels in stream), default=math.inf)


def check_both_answers(problem: LayerProblem, lowest: float, below: Refutation, above: Refutation | None) -> None:
    """``below`` was asked at the minimum, ``above`` just above it."""
    assert below.complete
    assert below.counterexample is None
    if above is not None:
        assert above.counterexample is not None
        assert not faults_of_candidate(problem, above.counterexample)
        cost = cost_of_mapping(problem.nest, problem.architecture, above.counterexample)
        assert objective_value(problem.objective, cost) == lowest


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_enumeration_finds_what_lies_below_a_limit_and_nothing_else(objective: str) -> None:
    for seed in range(60):
        problem = replace(random_problem(seed, SMALL), objective=objective)
        lowest, never = least(problem), Deadline.never()
        above = math.nextafter(lowest, math.inf)
        for route in (refute_with_bounds, refute_by_costing_all):
            found = route(problem, above, never) if lowest < math.inf else None
            check_both_answers(problem, lowest, route(problem, lowest, never), found)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_cp_sat_finds_what_lies_below_a_limit_and_nothing_else(objective: str) -> None:
    for seed in range(2000, 2004):
        problem = replace(random_problem(seed, TINY), objective=objective)
        lowest, deadline = least(problem), Deadline.after(60)
        above = math.nextafter(lowest, math.inf)
        found = refute_with_cpsat(problem, above, deadline, seed=1, workers=2) if lowest < math.inf else None
        check_both_answers(problem, lowest, refute_with_cpsat(problem, lowest, deadline, seed=1, workers=2), found)


def test_the_largest_value_below_a_limit_is_one_that_the_objective_can_have() -> None:
    assert RULES["energy"].largest_below(7.0) == 6
    assert RULES["latency"].largest_below(7.5) == 7
    assert RULES["edp"].largest_below(7.0) == math.nextafter(7.0, 0.0)
    assert RULES["edp"].largest_below(math.inf) == RULES["energy"].largest_below(math.inf) == math.inf


def conv5_2() -> LayerProblem:
    sizes = {"batch": 4, "out_channels": 512, "in_channels": 512, "in_height": 7, "in_width": 7}
    layer = Conv2d(type="conv2d", name="conv5_2", kernel_height=3, kernel_width=3, padding=1, **sizes)
    architecture = REFERENCE
    return LayerProblem(layer.loop_nest(), architecture, Constraints(), "edp")


@pytest.mark.parametrize(
    ("objective", "key"), [("edp", "min_edp"), ("energy", "min_energy_pj"), ("latency", "min_cycles")]
)
def test_known_optima_are_confirmed_over_the_whole_space(objective: str, key: str) -> None:
    problem, optimum = replace(conv5_2(), objective=objective), load("optima.json")["layers"]["conv5_2"][key]
    confirmed = refute_with_bounds(problem, optimum, Deadline.after(60))
    assert confirmed.complete
    assert confirmed.examined.startswith("123,904,000 tilings, ")
    refuted = refute_with_bounds(problem, optimum * (1 + 1e-12), Deadline.after(60))
    assert refuted.counterexample is not None
    cost = cost_of_mapping(problem.nest, problem.architecture, refuted.counterexample)
    assert objective_value(problem.objective, cost) == optimum


def test_without_time_nothing_is_claimed() -> None:
    problem, past = conv5_2(), Deadline.after(-1)
    for answer in (
        refute_with_bounds(problem, 1e300, past),
        refute_by_costing_all(problem, 1.0, past),
        refute_with_cpsat(problem, 1.0, past, seed=1, workers=2),
    ):
        assert not answer.complete
        assert answer.counterexample is None


def test_an_interrupt_stops_the_solvers(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        time.sleep(0.3)
        raise KeyboardInterrupt

    monkeypatch.setattr(case_refutation, "_wait", interrupted)
    before, started = threading.active_count(), time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        refute_with_cpsat(conv5_2(), 6.8e15, Deadline.after(60), seed=1, workers=2)
    assert threading.active_count() == before
    assert time.monotonic() - started < 10
