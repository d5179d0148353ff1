"""General nests: scalars, diagonals, windows, reductions, up to 12 dimensions, by every route to an answer.

The truth is every tiling that is allowed under every pair of *all* classes of loop orders, on the vectorised model.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from dmaze.model.dmazerunner.capacities import capacities
from dmaze.model.dmazerunner.constraints import Constraints
from dmaze.model.dmazerunner.cost import cost_of_mapping, cost_of_reuse, costs_of_tiling
from dmaze.model.dmazerunner.factorisations import allowed_factorisations
from dmaze.model.dmazerunner.legality import broken_limits
from dmaze.model.dmazerunner.published import PUBLISHED, PublishedModel
from dmaze.model.dmazerunner.reuse import all_reuse_classes, has_more_classes, reuse_classes
from dmaze.model.dmazerunner.vectorised.all_pairs import AllPairs
from dmaze.model.dmazerunner.vectorised.batch import RF, SPATIAL, SPM, Array, TilingBatch, to_tilings
from dmaze.model.dmazerunner.vectorised.batch_legality import fits, permit_of
from dmaze.model.dmazerunner.vectorised.order_query import OrderQuery, OrderSearch
from dmaze.model.dmazerunner.vectorised.order_search import BestOrders
from dmaze.model.layers import LoopNestLayer, Mttkrp, TtmChain, nest_from_expressions
from dmaze.model.loop_nest import LoopNest
from dmaze.model.mapping import Tiling
from dmaze.model.objectives import OBJECTIVES as RULES
from dmaze.model.reading.builtin_data import builtin_path
from dmaze.model.reading.consistency import MOST_CLASSES as MOST_CLASSES_OF_INPUT
from dmaze.model.reading.consistency import consistency_faults
from dmaze.model.reading.loading import load_spec
from dmaze.solver import solve
from dmaze.solver.backend import LayerProblem, SearchLimits
from dmaze.solver.cpsat import BACKEND as CP_SAT
from dmaze.solver.cpsat.case_refutation import refute_with_cpsat
from dmaze.solver.deadline import Deadline
from dmaze.solver.enumeration import BACKEND as EXHAUSTIVE
from dmaze.solver.enumeration.branch_and_bound import BranchAndBound
from dmaze.solver.enumeration.refute import refute_with_bounds
from dmaze.solver.portfolio import BACKEND as PORTFOLIO
from dmaze.solver.search.local_search import LocalSearch
from dmaze.solver.search.scoring import Scorer, trivial_bound
from dmaze.solver.spaces.branching import chosen_of
from dmaze.solver.spaces.lower_bounds import LowerBounds
from random_problems import (
    OBJECTIVES,
    TINY_GENERAL,
    Size,
    costs_of_all_orders,
    describe,
    optimum_of_all_orders,
    random_architecture,
    random_levels,
    random_problem,
)
from reference import REFERENCE

ANY_GENERAL = Size(macs=1 << 24, class_pairs=1 << 12, wide=True)


def einsum(text: str, **bounds: int) -> LoopNest:
    layer = {"type": "loop_nest", "name": "x", "einsum": text, "bounds": bounds}
    return LoopNestLayer.model_validate(layer).loop_nest()


def searched(problem: LayerProblem) -> OrderSearch:
    """What finds the best orders without trying all pairs of classes, few as they may be."""
    return BestOrders(problem.nest, problem.architecture)


def samples(seeds: range, size: Size, count: int) -> Iterator[tuple[LayerProblem, Array]]:
    """Problems under every objective with tilings of theirs, whether they fit or not."""
    for seed in seeds:
        problem = random_problem(seed, size, constrained=0.4)
        if not all(map(len, allowed_factorisations(problem.nest, problem.constraints))):
            continue
        levels = random_levels(Random(seed), problem.nest, count, problem.constraints)
        for objective in OBJECTIVES:
            yield replace(problem, objective=objective), levels


# The best orders of a tiling.


def test_the_best_orders_are_those_of_all_pairs_of_all_classes() -> None:
    compared = 0
    for problem, levels in samples(range(60), ANY_GENERAL, 60):
        values, ties = costs_of_all_orders(problem, levels)
        scores = Scorer(problem, searched(problem)).scores(levels)
        assert (scores.values == values).all(), describe(problem)
        assert (scores.ties == ties)[values < np.inf].all(), describe(problem)
        compared += int((values < np.inf).sum())
    assert compared > 5000


def test_orders_beyond_a_limit_are_told_apart_from_those_within() -> None:
    for problem, levels in samples(range(60, 90), ANY_GENERAL, 40):
        values, ties = costs_of_all_orders(problem, levels)
        middle = int(np.argsort(values, kind="stable")[len(values) // 2])
        limit = float(values[middle]), float(ties[middle])
        orders, asked = searched(problem), OrderQuery(RULES[problem.objective])
        if not (limit[0] < np.inf and problem.constraints.max_dram_bytes is problem.constraints.max_dma_invocations):
            continue
        best = orders.best(TilingBatch(problem.nest, levels), replace(asked, limit=limit))
        within = (values < limit[0]) | ((values == limit[0]) & (ties <= limit[1]))
        found = (best.values < limit[0]) | ((best.values == limit[0]) & (best.ties <= limit[1]))
        assert (found == within).all(), describe(problem)
        assert (best.values[within] == values[within]).all(), describe(problem)
        assert (best.values <= values).all(), describe(problem)


def test_a_tiling_is_given_with_its_best_orders() -> None:
    for problem, levels in samples(range(90, 120), ANY_GENERAL, 3):
        values, ties = costs_of_all_orders(problem, levels)
        for tiling, value, tie in zip(to_tilings(levels), values, ties, strict=True):
            mapping = Scorer(problem, searched(problem)).best_mapping(tiling)
            assert (mapping is None) == (value == np.inf)
            if mapping is not None:
                cost = cost_of_mapping(problem.nest, problem.architecture, mapping)
                assert RULES[problem.objective].rank_key(cost.energy_pj, cost.cycles) == (value, tie), describe(problem)
                assert not broken_limits(problem.architecture, problem.constraints, cost)


# ``docs/reuse_classes.md`` section 7.


def test_which_classes_a_tiling_needs_depends_on_the_dimensions_that_iterate() -> None:
    """The claim of section 7 on single tilings: the few classes have the least energy, cycles and EDP of all."""
    fewer = 0
    for seed in range(400):
        random = Random(seed)
        nest, architecture = almost_single(random), random_architecture(random)
        classes = all_reuse_classes(nest)
        for _ in range(4):
            tiling = in_dram_and_spm(random, nest)
            kept = [cost for *_, cost in costs_of_tiling(nest, architecture, tiling)]
            spm, dram = ({c.factors(t) for c in classes if c.attained(t)} for t in (tiling.spm, tiling.dram))
            everything = [cost_of_reuse(nest, architecture, tiling, a, b) for a in spm for b in dram]
            for metric in ("energy_pj", "cycles", "edp"):
                least = min(getattr(cost, metric) for cost in everything)
                assert min(getattr(cost, metric) for cost in kept) == least, f"seed {seed}: {nest}, {tiling}"
            fewer += len(kept) < len(everything)
    assert fewer > 100


def almost_single(random: Random) -> LoopNest:
    """A nest with a dimension that is missing from two tensors; every other one is missing from at most one."""
    names = [f"t{t}" for t in range(random.choice((2, 3, 3, 4)))]
    bounds = {dim: random.choice((2, 4, 6)) for dim in "ijklm"}
    missing_from = {dim: random.sample(names, random.choice((0, 1, 1, 1))) for dim in bounds} | {
        "i": random.sample(names, 2)
    }
    tensors = {name: [{dim: 1} for dim in bounds if name not in missing_from[dim]] for name in names}
    return nest_from_expressions(bounds, tensors, random.choice(names))


def in_dram_and_spm(random: Random, nest: LoopNest) -> Tiling:
    """A tiling with most factors at the levels where order matters."""
    dram = [random.choice((1, bound, bound, 2)) for bound in nest.bounds]
    spm = [bound // factor for bound, factor in zip(nest.bounds, dram, strict=True)]
    inner = [random.choice((1, 1, 1, factor)) for factor in spm]
    spm = [factor // taken for factor, taken in zip(spm, inner, strict=True)]
    return Tiling.from_levels([dram, spm, inner, [1] * len(dram)])


def test_dimensions_with_a_bound_of_1_change_nothing() -> None:
    for seed in range(40):
        problem = random_problem(seed, TINY_GENERAL, constrained=0)
        nest = problem.nest
        ones = {f"one{i}": 1 for i in range(6)}
        wider = replace(nest, dims=(*nest.dims, *ones), bounds=(*nest.bounds, *ones.values()))
        assert [c.reused for c in all_reuse_classes(wider)] == [c.reused for c in all_reuse_classes(nest)]
        levels = random_levels(Random(seed), nest, 20)
        padded = np.concatenate([levels, np.ones((4, len(ones), 20))], axis=1)
        own, other = (Scorer(replace(problem, nest=n)).scores(x) for n, x in ((nest, levels), (wider, padded)))
        assert (own.values == other.values).all()
        assert (own.ties == other.ties).all()


# Bounds where factors are open.


def test_bounds_are_never_above_what_open_factors_come_to() -> None:
    compared = 0
    for problem, drawn in samples(range(120, 160), ANY_GENERAL, 60):
        levels = drawn[:, :, drawn[SPATIAL].prod(axis=0) <= problem.architecture.pes]
        levels = chosen_of(levels, fits(TilingBatch(problem.nest, levels), capacities(problem.architecture).rf))
        if not levels.shape[2]:
            continue
        array_tiles = levels.copy()
        array_tiles[RF], array_tiles[SPATIAL] = levels[RF] * levels[SPATIAL], 1
        slices = array_tiles.copy()
        slices[RF], slices[SPM] = array_tiles[RF] * array_tiles[SPM], 1
        no_rules = replace(problem, constraints=Constraints())
        exact = costs_of_all_orders(no_rules, levels)
        bounds = LowerBounds(no_rules, searched(problem))
        for value, tie in (bounds.of_subspaces(slices), bounds.of_array_tiles(array_tiles)):
            assert (value <= exact[0]).all(), describe(problem)
            assert (tie <= exact[1])[value == exact[0]].all(), describe(problem)
        compared += levels.shape[2]
    assert compared > 2000


# Every route to the optimum.

HARD = {
    "a scalar operand": einsum(",ij->ij", i=6, j=4),
    "a full reduction": einsum("ij,ij->", i=6, j=8),
    "one dimension": einsum("i,i->i", i=24),
    "one dimension, reduced": einsum("i,i->", i=24),
    "only scalars": einsum(",i->", i=12),
    "operands indexed by all dimensions": einsum("ijk,ijk->ij", i=4, j=2, k=6),
    "nothing misses a dimension": einsum("ij,ij->ij", i=6, j=6),
    "a diagonal": einsum("iij,j->i", i=6, j=4),
    "an outer product": einsum("i,j,k->ijk", i=4, j=3, k=4),
    "five operands": einsum("a,b,ab,bc,c->ac", a=4, b=2, c=4),
    "twelve dimensions": einsum(
        "abcd,efgh,ijkl,adgj->bcefhikl", **dict.fromkeys("adfgk", 2), **dict.fromkeys("bcehijl", 1)
    ),
    "an MTTKRP": Mttkrp(type="mttkrp", name="x", shape=(4, 2, 4), rank=3).loop_nest(),
    "two matrices": TtmChain(type="ttm_chain", name="x", shape=(4, 2), ranks=(2, 3)).loop_nest(),
    "a window with holes, backwards": nest_from_expressions(
        {"i": 4, "j": 3, "k": 2}, {"A": [{"i": 3, "j": -2}, {"k": 1}], "B": [{"j": 1, "k": 5}], "O": [{"i": -2}]}, "O"
    ),
    "an output in windows": nest_from_expressions(
        {"i": 4, "f": 3, "c": 2}, {"A": [{"i": 1}, {"c": 1}], "W": [{"c": 1}, {"f": 1}], "O": [{"i": 2, "f": 1}]}, "O"
    ),
}


@pytest.mark.parametrize("name", HARD)
def test_all_back_ends_agree_on(name: str) -> None:
    for seed, objective in enumerate(OBJECTIVES):
        architecture = random_architecture(Random(seed), roomy=True)
        problem = LayerProblem(HARD[name], architecture, Constraints(), objective)
        expected = optimum_of_all_orders(problem)
        for backend in (
            (EXHAUSTIVE, PORTFOLIO) if has_more_classes(problem.nest, 5) else (EXHAUSTIVE, PORTFOLIO, CP_SAT)
        ):
            outcome = backend.search(problem, SearchLimits(workers=1, top_k=1), None)
            assert outcome.exhausted
            assert outcome.bound == expected, f"{backend.name}, {objective}"


@pytest.mark.parametrize("most", [0, PUBLISHED.most_classes, 1 << 30])
def test_random_general_nests_are_solved_as_by_trying_everything(most: int) -> None:
    """With all pairs of classes tried never, sometimes, always."""
    for seed in range(20_000, 20_060):
        problem = replace(random_problem(seed, TINY_GENERAL, constrained=0.3), objective=OBJECTIVES[seed % 3])
        expected = optimum_of_all_orders(problem)
        orders = PublishedModel(most_classes=most).order_search(problem.nest, problem.architecture)
        start = LocalSearch(problem, seed=0, keep=1, orders=orders)
        next(start.rounds(Deadline.never()), None)
        search = BranchAndBound(problem, start.best, orders=orders)
        search.run(Deadline.never(), threading.Event())
        assert search.finished
        assert start.best.value == expected, describe(problem)
        confirmed = refute_with_bounds(problem, expected, Deadline.never(), orders)
        assert confirmed.complete
        assert confirmed.counterexample is None


def test_both_ways_of_looking_for_orders_permit_the_same_tilings() -> None:
    compared = 0
    for problem, levels in samples(range(160, 320), ANY_GENERAL, 40):
        permit = permit_of(problem.constraints, problem.architecture)
        if permit is not None and problem.objective == "edp":
            batch = TilingBatch(problem.nest, levels)
            own = AllPairs(problem.nest, problem.architecture).permitted(batch, permit)
            assert (own == searched(problem).permitted(batch, permit)).all(), describe(problem)
            compared += len(own)
    assert compared > 200


# Nests with very many classes.


def test_a_nest_with_too_many_classes_is_refused_before_it_is_searched() -> None:
    bounds = {f"d{i}": 2 for i in range(24)}
    nest = nest_from_expressions(bounds, {"A": [{"d0": 1}], "O": [{"d0": 1}]}, "O")  # 2**23 sets innermost
    (fault,) = consistency_faults({"wide": nest}, Constraints(), REFERENCE, "spec.json")
    assert fault.place == "workload"
    assert fault.message.startswith(
        f"expected at most {MOST_CLASSES_OF_INPUT} classes of loop orders with the same reuse"
    )
    assert fault.message.endswith("(layer 'wide')")


def test_cp_sat_says_so_where_a_nest_has_too_many_class_pairs() -> None:
    nest = TtmChain(type="ttm_chain", name="x", shape=(8, 8, 8), ranks=(2, 2, 2)).loop_nest()
    assert len(reuse_classes(nest)) == 144
    assert has_more_classes(nest, 143)
    assert not has_more_classes(nest, 144)
    problem = LayerProblem(nest, REFERENCE, Constraints(), "energy")
    outcome = CP_SAT.search(problem, SearchLimits(time_limit_s=5, workers=1), None)
    assert not outcome.exhausted
    assert outcome.candidates
    assert outcome.bound == trivial_bound(problem)
    answer = refute_with_cpsat(problem, 1.0, Deadline.after(5), seed=0, workers=1)
    assert (answer.complete, answer.examined) == (False, "no class pair, since there are too many")


def test_an_mttkrp_and_a_chain_of_products_are_proved() -> None:
    for layer in (
        Mttkrp(type="mttkrp", name="x", shape=(64, 64, 64), rank=16),
        TtmChain(type="ttm_chain", name="x", shape=(64, 64), ranks=(16, 16)),
    ):
        problem = LayerProblem(layer.loop_nest(), REFERENCE, Constraints(), "edp")
        outcome = PORTFOLIO.search(problem, SearchLimits(workers=1), None)
        assert outcome.exhausted
        assert outcome.statistics["proved_by"] == "enumeration"


@pytest.mark.parametrize("name", ["mttkrp", "attention"])
def test_every_layer_of_the_examples_is_proved(name: str) -> None:
    result = solve(load_spec(builtin_path("examples", name)))
    assert [layer.status for layer in result.layers] == ["optimal"] * 4
