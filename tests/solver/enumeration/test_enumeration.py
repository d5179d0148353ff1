"""The exhaustive back end's stream: every allowed tiling once, no other; in parts; counted; known counts."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from builders import gemm, gemm_nest, problem_of, whole_space
from dmaze.model.dmazerunner.architecture import Architecture
from dmaze.model.dmazerunner.constraints import Constraints
from dmaze.model.dmazerunner.cost import costs_of_tiling
from dmaze.model.dmazerunner.factorisations import (
    allowed_factorisations,
    divisors,
    factorisations,
    num_tilings,
    prime_factors,
)
from dmaze.model.dmazerunner.legality import broken_rules
from dmaze.model.dmazerunner.vectorised.batch import DRAM, SPM, to_tilings
from dmaze.model.layers import Conv2d, nest_from_expressions
from dmaze.model.loop_nest import LoopNest
from dmaze.model.mapping import Tiling
from dmaze.solver import deadline as deadlines
from dmaze.solver.backend import LayerProblem, SearchLimits
from dmaze.solver.deadline import NEVER, Deadline
from dmaze.solver.enumeration import BACKEND
from dmaze.solver.enumeration.counting import CountingLimits, num_allowed_tilings
from dmaze.solver.enumeration.stream import CHUNK, Part, TilingStream, tilings_of
from dmaze.solver.spaces.branching import MOST_BYTES, MOST_ROWS, grow, most_rows, spread, steps
from random_problems import random_problem
from reference import REFERENCE
from tiny_nests import NESTS, TIGHT

CONSTRAINTS: dict[str, dict[str, Any]] = {
    "none": {},
    "enough PEs": {"min_utilization": {"pe": 0.6}},
    "enough of the RF": {"min_utilization": {"rf": 0.7}},
    "enough of the SPM": {"min_utilization": {"spm": 0.4}},
    "enough of everything": {"min_utilization": {"pe": 0.5, "rf": 0.5, "spm": 0.3}},
    "no spatial reduction": {"no_spatial_reduction": True},
    "no feature from DRAM": {"no_feature_from_dram": True},
    "some spatial dimensions": {"spatial_dims": ["M", "Ox", "C", "i"]},
    "no spatial dimension": {"spatial_dims": []},
    "fixed at two levels": {"fixed": {"M": {"rf": 2, "dram": 1}, "C": {"spm": 2}, "i": {"spatial": 3}}},
    "fixed to what no factorisation has": {"fixed": {"M": {"spm": 5}, "C": {"spm": 5}, "i": {"spm": 5}}},
    "fixed against another rule": {"fixed": {"M": {"spatial": 2}, "C": {"spatial": 2}, "i": {"spatial": 2}},
                                   "no_spatial_reduction": True},
    "everything at once": {"min_utilization": {"pe": 0.25, "rf": 0.25, "spm": 0.1}, "no_spatial_reduction": True,
                           "no_feature_from_dram": True, "spatial_dims": ["N", "C", "Oy", "i", "M"],
                           "fixed": {"Oy": {"rf": 1}, "N": {"dram": 1}, "j": {"dram": 2}}},
}  # fmt: skip
"""Every kind of constraint on the tiling; the names of dimensions are those of all the nests above."""


def streamed(
    nest: LoopNest,
    architecture: Architecture,
    constraints: Constraints,
    deadline: Deadline = NEVER,
    chunk: int = CHUNK,
) -> list[Tiling]:
    """The stream's tilings in its order."""
    arrays = list(TilingStream(LayerProblem(nest, architecture, constraints, "edp"), deadline, chunk))
    assert all(array.shape[:2] == (4, len(nest.dims)) and array.shape[2] <= chunk for array in arrays)
    return [tiling for array in arrays for tiling in to_tilings(array)]


@pytest.mark.parametrize("constraints", CONSTRAINTS)
@pytest.mark.parametrize("kind", NESTS)
def test_the_stream_is_every_allowed_tiling_once(kind: str, constraints: str) -> None:
    nest, asked = NESTS[kind], Constraints.model_validate(CONSTRAINTS[constraints])
    expected = [tiling for tiling in whole_space(nest) if not broken_rules(nest, TIGHT, asked, tiling)]
    found = streamed(nest, TIGHT, asked)
    assert len(found) == len(set(found))
    assert set(found) == set(expected)


@pytest.mark.parametrize("constraints", ["none", "enough of everything", "everything at once"])
@pytest.mark.parametrize("kind", NESTS)
def test_parts_are_disjoint_and_make_the_whole(kind: str, constraints: str) -> None:
    problem = LayerProblem(NESTS[kind], TIGHT, Constraints.model_validate(CONSTRAINTS[constraints]), "edp")
    whole = streamed(problem.nest, TIGHT, problem.constraints)
    for count in (1, 2, 5):
        found = [
            tiling
            for number in range(count)
            for levels in tilings_of(problem, lambda: None, part=Part(number, count))
            for tiling in to_tilings(levels)
        ]
        assert len(found) == len(whole)
        assert set(found) == set(whole)


def test_parts_are_of_about_the_same_size() -> None:
    problem = LayerProblem(gemm_nest(60, 64, 72), REFERENCE, Constraints(), "edp")
    sizes = [sum(a.shape[2] for a in tilings_of(problem, lambda: None, part=Part(n, 3))) for n in range(3)]
    assert sum(sizes) == num_allowed_tilings(problem)
    assert max(sizes) < 1.2 * min(sizes)


@pytest.mark.parametrize("constraints", CONSTRAINTS)
@pytest.mark.parametrize("kind", NESTS)
def test_counting_without_listing_gives_the_length_of_the_list(kind: str, constraints: str) -> None:
    nest, asked = NESTS[kind], Constraints.model_validate(CONSTRAINTS[constraints])
    counted = num_allowed_tilings(LayerProblem(nest, TIGHT, asked, "edp"))
    assert counted == len(streamed(nest, TIGHT, asked))
    with_limit = asked.model_copy(update={"max_dram_bytes": 0})  # of orders, not of tilings
    assert num_allowed_tilings(LayerProblem(nest, TIGHT, with_limit, "edp")) == counted


def test_random_spaces_are_counted_without_listing_them() -> None:
    for seed in range(300):
        problem = random_problem(seed)
        stream = TilingStream(problem)
        assert num_allowed_tilings(problem) == sum(levels.shape[2] for levels in stream), f"seed {seed}"


@pytest.mark.parametrize("limits", [CountingLimits(largest_table=10), CountingLimits(most_pairs=10)], ids=str)
def test_counting_is_not_tried_where_it_would_take_long(limits: CountingLimits) -> None:
    assert num_allowed_tilings(LayerProblem(NESTS["gemm"], TIGHT, Constraints(), "edp"), limits=limits) is None


def test_counting_ends_at_its_deadline() -> None:
    problem = LayerProblem(NESTS["gemm"], TIGHT, Constraints(), "edp")
    assert num_allowed_tilings(problem, Deadline.after(-1)) is None


def test_the_cases_exclude_something_and_leave_something() -> None:
    counts = {
        kind: [len(streamed(nest, TIGHT, Constraints.model_validate(fields))) for fields in CONSTRAINTS.values()]
        for kind, nest in NESTS.items()
    }
    assert all(0 < found[0] < sum(1 for _ in whole_space(NESTS[kind])) for kind, found in counts.items())
    for place, name in enumerate(CONSTRAINTS):
        column = [(found[place], found[0]) for found in counts.values()]
        assert name == "none" or any(some < everything for some, everything in column)
        assert name.startswith("fixed to") or any(some > 0 for some, _ in column)


@pytest.mark.parametrize("kind", NESTS)
@pytest.mark.parametrize("chunk", [2, 7, 64])
def test_the_size_of_the_arrays_changes_nothing(kind: str, chunk: int) -> None:
    whole = streamed(NESTS[kind], TIGHT, Constraints())
    pieces = streamed(NESTS[kind], TIGHT, Constraints(), chunk=chunk)
    assert (len(pieces), set(pieces)) == (len(whole), set(whole))


def test_the_optimum_is_that_of_a_plain_loop() -> None:
    nest = NESTS["depthwise"]
    legal = [tiling for tiling in whole_space(nest) if not broken_rules(nest, TIGHT, Constraints(), tiling)]
    for objective, metric in (("edp", "edp"), ("energy", "energy_pj"), ("latency", "cycles")):
        least = min(getattr(cost, metric) for tiling in legal for *_, cost in costs_of_tiling(nest, TIGHT, tiling))
        problem = LayerProblem(nest, TIGHT, Constraints(), objective)  # type: ignore[arg-type]
        outcome = BACKEND.search(problem, SearchLimits(time_limit_s=math.inf), None)
        assert (outcome.bound, outcome.exhausted) == (least, True)
        every = sum(1 for _ in whole_space(nest))
        others = {"pruned_by_bound": 0, "pruned_by_capacity": every - len(legal)}
        assert outcome.statistics == {"evaluated": len(legal), **others}


@pytest.mark.parametrize("number", [1, 2, 12, 97, 360, 1000, 2**10])
def test_factorisations_are_all_products_of_four(number: int) -> None:
    found = factorisations(number)
    assert all(math.prod(row) == number for row in found)
    assert len(found) == len(set(found)) == math.prod(math.comb(power + 3, 3) for _, power in prime_factors(number))
    assert divisors(number) == tuple(d for d in range(1, number + 1) if number % d == 0)


def test_the_size_of_a_space_is_counted_without_enumerating_it() -> None:
    assert num_tilings(allowed_factorisations(NESTS["gemm"], Constraints())) == sum(
        1 for _ in whole_space(NESTS["gemm"])
    )
    fixed = Constraints.model_validate({"fixed": {"M": {"rf": 2, "dram": 1}}})
    kept = [t for t in whole_space(NESTS["gemm"]) if t.rf[0] == 2 and t.dram[0] == 1]
    assert num_tilings(allowed_factorisations(NESTS["gemm"], fixed)) == len(kept)


# Known numbers.


def test_the_number_of_tilings_of_a_large_product_that_fit() -> None:
    arrays = TilingStream(problem_of(gemm(1000, 1000, 1000)))
    assert sum(array.shape[2] for array in arrays) == 6_400_243


STUDY = {
    # (M, C, output, kernel, stride, padding, input): tilings that pass, best EDP in pJ * cycles
    "conv1": ((64, 3, 112, 7, 2, 3, 224), 46_812, 1.928212859630848e16),
    "conv2_2": ((64, 64, 56, 3, 1, 1, 56), 122_092, 7.196508486140288e15),
    "conv3_2": ((128, 128, 28, 3, 1, 1, 28), 53_690, 5.729089205138432e15),
    "conv4_2": ((256, 256, 14, 3, 1, 1, 14), 10_938, 5.022049603912992e15),
    "conv5_1": ((512, 256, 7, 3, 2, 1, 14), 877, 8.048775494280192e15),
    "conv5_2": ((512, 512, 7, 3, 1, 1, 7), 753, 6.844957271165824e15),
}
"""The study's layers at batch 4 under the first round of the published pruning, on the reference architecture."""

FIRST_ROUND = Constraints.model_validate(
    {"min_utilization": {"pe": 0.8, "rf": 0.8, "spm": 0.5}, "no_spatial_reduction": True, "no_feature_from_dram": True}
)


@pytest.mark.parametrize("name", STUDY)
def test_the_pruned_spaces_of_the_study(name: str) -> None:
    (out_channels, in_channels, output, kernel, stride, padding, size), count, best_edp = STUDY[name]
    layer = Conv2d(
        type="conv2d",
        name=name,
        batch=4,
        out_channels=out_channels,
        in_channels=in_channels,
        in_height=size,
        in_width=size,
        kernel_height=kernel,
        kernel_width=kernel,
        stride=stride,
        padding=padding,
    )
    assert layer.output_size() == (output, output)
    problem = LayerProblem(layer.loop_nest(), REFERENCE, FIRST_ROUND, "edp")
    outcome = BACKEND.search(problem, SearchLimits(time_limit_s=math.inf), None)
    assert outcome.statistics["evaluated"] == count
    assert (outcome.bound, outcome.exhausted) == (best_edp, True)


# Growing in bounded memory.


@pytest.mark.parametrize(("counts", "most"), [([2, 0, 3, 0], 4), ([0, 0], 3), ([], 3), ([7], 2), ([1] * 9, 4)])
def test_rows_are_spread_in_order_and_in_full_arrays(counts: list[int], most: int) -> None:
    pieces = list(spread(np.array(counts, dtype=np.int64), most))
    expected = [(row, number) for row, count in enumerate(counts) for number in range(count)]
    assert [(int(row), int(number)) for pair in pieces for row, number in zip(*pair, strict=True)] == expected
    assert all(len(rows) == most for rows, _ in pieces[:-1])
    assert all(0 < len(rows) <= most for rows, _ in pieces)


def test_no_array_is_longer_than_asked_for_however_many_choices_there_are() -> None:
    nest = gemm_nest(720720, 720720, 2)  # 240 divisors each
    start = np.ones((4, 3, 1))
    start[DRAM] = np.array(nest.bounds)[:, None]
    choose = steps(nest, Constraints(), SPM, chosen=(SPM,), left=(DRAM,))
    sizes = [grown.shape[2] for grown in grow(start, DRAM, choose, 100, lambda: None)]
    assert sum(sizes) == 240 * 240 * 2
    assert max(sizes) <= 100


def test_nests_of_many_dimensions_grow_in_shorter_arrays() -> None:
    many = nest_from_expressions({f"d{n}": 2 for n in range(40)}, {"x": [{"d0": 1}], "y": [{"d1": 1}]}, "y")
    held = most_rows(many) * 4 * 40 * 8 * (3 * 40)  # bytes: an array for each dimension at each of three stages
    assert held <= MOST_BYTES
    assert most_rows(NESTS["gemm"]) == MOST_ROWS


# Deadlines.


SMALL_CHUNK = 4
"""Tilings per array, so that a tiny nest takes many arrays."""


class Clock:
    """A clock that advances by one second every time it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 1.0
        return self.now


@pytest.mark.parametrize("deadline", [0.0, 1.0, 10.0, 60.0])
def test_a_stream_breaks_off_at_its_deadline(monkeypatch: pytest.MonkeyPatch, deadline: float) -> None:
    clock = Clock()
    monkeypatch.setattr(deadlines, "time", SimpleNamespace(monotonic=clock.monotonic))
    nest = NESTS["gemm"]
    found = streamed(nest, TIGHT, Constraints(), Deadline(deadline), SMALL_CHUNK)
    assert clock.now >= deadline
    assert len(found) == len(set(found))
    assert set(found) < set(streamed(nest, TIGHT, Constraints()))


def test_a_space_without_a_legal_tiling_is_exhausted_without_a_bound() -> None:
    nothing = Constraints.model_validate({"fixed": {"M": {"spm": 3}}})
    assert streamed(NESTS["gemm"], TIGHT, nothing) == []
    outcome = BACKEND.search(LayerProblem(NESTS["gemm"], TIGHT, nothing, "edp"), SearchLimits(), None)
    assert (outcome.candidates, outcome.bound, outcome.exhausted) == ((), None, True)


def test_arrays_are_of_bounded_size() -> None:
    sizes = [array.shape[2] for array in TilingStream(problem_of(gemm(64, 64, 64)))]
    assert max(sizes) <= CHUNK
    assert np.mean(sizes) > CHUNK / 8
