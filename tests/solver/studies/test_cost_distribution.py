"""The landscape of a layer: every method counted once, the exact front, an unbiased sample where all is too much."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from builders import gemm, problem_of
from dmaze.model.dmazerunner.architecture import Architecture
from dmaze.model.dmazerunner.cost import ExactCost, cost_of_reuse
from dmaze.model.dmazerunner.legality import broken_limits, broken_rules
from dmaze.model.dmazerunner.reuse import reuse_classes
from dmaze.model.dmazerunner.vectorised.batch import Array
from dmaze.model.loop_nest import LoopNest
from dmaze.model.mapping import Tiling
from dmaze.solver.backend import LayerProblem, SearchLimits
from dmaze.solver.enumeration import BACKEND
from dmaze.solver.enumeration.counting import CountingLimits
from dmaze.solver.studies import cost_distribution as module
from dmaze.solver.studies.cost_distribution import (
    CELLS_PER_DECADE,
    CostDistribution,
    SurveyParameters,
    cost_distribution,
)
from random_problems import TINY, describe, every_tiling, random_problem

Costs = list[tuple[int, int]]


def legal_costs(problem: LayerProblem) -> list[Costs]:
    """For every tiling that fits and passes the (cycles, energy) of its methods, one tiling and method at a time."""
    nest, architecture, constraints = problem.nest, problem.architecture, problem.constraints
    return [
        [
            (cost.cycles, cost.energy_pj)
            for cost in costs_of_methods(nest, architecture, tiling)
            if not broken_limits(architecture, constraints, cost)
        ]
        for tiling in every_tiling(nest, constraints)
        if not broken_rules(nest, architecture, constraints, tiling)
    ]


def costs_of_methods(nest: LoopNest, architecture: Architecture, tiling: Tiling) -> Iterator[ExactCost]:
    """The exact costs of a tiling under every pair of reuse classes that it attains."""
    for spm, dram in product(reuse_classes(nest), repeat=2):
        if spm.attained(tiling.spm) and dram.attained(tiling.dram):
            yield cost_of_reuse(nest, architecture, tiling, spm.factors(tiling.spm), dram.factors(tiling.dram))


def pareto(costs: Costs) -> Costs:
    """The distinct costs that no other is at least as good as in both, by the definition."""
    distinct = sorted(set(costs))
    return [
        (cycles, energy)
        for cycles, energy in distinct
        if not any(c <= cycles and e <= energy and (c, e) != (cycles, energy) for c, e in distinct)
    ]


def columns(costs: Array) -> Costs:
    return [(int(cycles), int(energy)) for cycles, energy in costs.T.tolist()]


def sample_of(tilings: int, chunk: int, **others: Any) -> SurveyParameters:
    """Nothing is enumerated, but tilings are drawn, so many in chunks of so many."""
    return SurveyParameters(enumeration_share=0.0, sampled_tilings=tilings, chunk_methods=9 * chunk, **others)


@pytest.mark.parametrize("seed", range(40))
def test_methods_are_counted_and_the_front_found_as_by_looking_at_every_one(seed: int) -> None:
    problem = random_problem(seed, replace(TINY, tilings=1500), constrained=0.6)
    expected = legal_costs(problem)
    every = [cost for methods in expected for cost in methods]
    seen = cost_distribution(problem, 60.0)
    assert seen.complete, describe(problem)
    assert (seen.num_tilings, seen.num_methods) == (len(expected), len(every)), describe(problem)
    assert seen.space_tilings == len(expected)
    assert seen.front_proved
    assert columns(seen.front) == pareto(every), describe(problem)
    if len(every) <= SurveyParameters.most_points:
        assert seen.points is not None
        assert sorted(columns(seen.points)) == sorted(every)
    else:
        assert seen.points is None


def test_the_grid_counts_the_methods_within_its_borders() -> None:
    problem = problem_of(gemm(8, 6, 6))
    every = np.array([cost for methods in legal_costs(problem) for cost in methods], dtype=np.float64)
    seen = cost_distribution(problem, 60.0)
    assert seen.grid is not None
    borders = (seen.grid.cycles_edges, seen.grid.energy_edges_pj)
    counts, *_ = np.histogram2d(every[:, 0], every[:, 1], bins=borders)
    np.testing.assert_array_equal(seen.grid.counts, counts)
    assert seen.grid.counts.sum() == seen.num_methods == len(every) > SurveyParameters.most_points
    assert seen.grid.counts[0].any()
    assert seen.grid.counts[:, -1].any()
    np.testing.assert_allclose(borders[0][1:] / borders[0][:-1], 10 ** (1 / CELLS_PER_DECADE), rtol=1e-12)


def test_the_least_edp_of_an_exhaustive_search_is_on_the_front() -> None:
    problem = problem_of(gemm(12, 20, 8))
    front = cost_distribution(problem, 60.0).front
    best = BACKEND.search(problem, SearchLimits(), None)
    assert best.bound == (front[0] * front[1]).min()


def test_many_chunks_give_what_one_gives() -> None:
    problem = problem_of(gemm(12, 6, 8))
    whole = cost_distribution(problem, 60.0)
    pieces = cost_distribution(problem, 60.0, parameters=SurveyParameters(chunk_methods=9 * 16))
    assert pieces.grid is not None
    assert whole.grid is not None
    np.testing.assert_array_equal(pieces.grid.counts, whole.grid.counts)
    np.testing.assert_array_equal(pieces.front, whole.front)
    assert (pieces.num_methods, pieces.points is None) == (whole.num_methods, True)


def test_a_space_too_large_for_the_time_is_sampled_uniformly() -> None:
    parameters = sample_of(1 << 15, 1 << 12, counting=CountingLimits(most_pairs=0))
    problem = problem_of(gemm(48, 40, 36), fixed={"K": {"rf": 3}})
    seen = cost_distribution(problem, 60.0, seed=3, parameters=parameters)
    every = cost_distribution(problem, 60.0)
    assert (seen.complete, seen.space_counted) == (False, False)
    assert (every.complete, every.space_counted) == (True, True)
    assert 1 << 15 <= seen.num_tilings < (1 << 15) + (1 << 12)
    # Five standard errors at most: of a count of 32,768, and of a mean of as many numbers of pairs from 1 to 9.
    assert seen.space_tilings == pytest.approx(every.num_tilings, rel=5 / (1 << 15) ** 0.5)
    pairs = every.num_methods / every.num_tilings
    assert seen.num_methods / seen.num_tilings == pytest.approx(pairs, abs=5 * 4 / (1 << 15) ** 0.5)


def test_a_sample_comes_with_the_front_of_the_whole_space() -> None:
    problem = problem_of(gemm(6, 4, 4))
    seen = cost_distribution(problem, 60.0, parameters=sample_of(50, 50))
    assert (seen.complete, seen.front_proved) == (False, True)
    assert (seen.space_tilings, seen.space_counted) == (len(legal_costs(problem)), True)
    assert columns(seen.front) == pareto([cost for methods in legal_costs(problem) for cost in methods])
    assert seen.num_methods == (seen.grid.counts.sum() if seen.grid else 0)


def test_a_front_that_is_not_proved_holds_the_best_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.FrontSearch, "run", lambda *_: None)
    seen = cost_distribution(problem_of(gemm(6, 4, 4)), 60.0, parameters=sample_of(50, 50))
    assert not seen.front_proved
    assert seen.points is not None
    assert columns(seen.front) == pareto(columns(seen.points))


def test_the_seed_decides_what_is_drawn() -> None:
    def points(seed: int) -> Costs:
        problem = problem_of(gemm(12, 6, 8))
        seen = cost_distribution(problem, 60.0, seed=seed, parameters=sample_of(100, 100))
        return columns(seen.points if seen.points is not None else np.empty((2, 0)))

    assert points(1) == points(1) != points(2)


def test_an_enumeration_that_is_late_is_given_up_early(monkeypatch: pytest.MonkeyPatch) -> None:
    chunks = 0

    class Slow(module.TilingStream):
        def __iter__(self) -> Iterator[Array]:
            nonlocal chunks
            for levels in super().__iter__():
                chunks += 1
                time.sleep(0.02)
                yield levels

    monkeypatch.setattr(module, "TilingStream", Slow)
    few = SurveyParameters(sampled_tilings=10, chunk_methods=9 * 10)
    assert not cost_distribution(problem_of(gemm(12, 6, 8)), 2.0, parameters=few).complete
    assert 0 < chunks < 1.5 / 0.02 / 2  # less than half of the time that enumerating has


def test_an_enumeration_that_takes_too_long_after_all_gives_way_to_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stalled(module.TilingStream):
        def __iter__(self) -> Iterator[Array]:
            yield next(super().__iter__())
            time.sleep(max(0.0, self.deadline.left_s))

    monkeypatch.setattr(module, "TilingStream", Stalled)
    few = SurveyParameters(sampled_tilings=10, chunk_methods=9 * 100)
    seen = cost_distribution(problem_of(gemm(12, 6, 8)), 0.5, parameters=few)
    assert not seen.complete
    assert seen.num_tilings >= 10


def test_a_layer_without_a_method_has_an_empty_landscape() -> None:
    impossible = problem_of(gemm(12, 6, 8), fixed={"M": {"rf": 5}})  # 5 does not divide 12
    seen: CostDistribution = cost_distribution(impossible, 60.0)
    assert (seen.complete, seen.num_tilings, seen.num_methods, seen.grid) == (True, 0, 0, None)
    assert seen.front.shape == (2, 0)
    assert seen.points is not None
    assert seen.points.shape == (2, 0)
