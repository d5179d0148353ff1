"""The exhaustive back end's stream: every allowed tiling once, no other; known counts; deadlines."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from dmaze.model.architecture import Architecture, Spm
from dmaze.model.batch import to_tilings
from dmaze.model.constraints import Constraints
from dmaze.model.cost import costs_of_tiling
from dmaze.model.layers import Conv2d, Gemm, nest_from_expressions
from dmaze.model.legality import broken_rules
from dmaze.model.loop_nest import LoopNest
from dmaze.model.mapping import Tiling
from dmaze.model.tilings import allowed_factorisations, divisors, factorisations, num_tilings, prime_factors
from dmaze.solver.backend import LayerProblem, Progress, SearchLimits
from dmaze.solver.exhaustive import BACKEND, search, stream
from dmaze.solver.exhaustive.stream import CHUNK, TilingStream
from reference import load, reference_architecture

REFERENCE = reference_architecture(load("random_mappings.json")["architectures"]["default"])
TIGHT = REFERENCE.model_copy(
    update={"pes": 4, "rf_bytes_per_pe": 24, "spm": Spm(banks=6, bytes_per_bank=8)}
)  # small enough that each of the three capacities excludes tilings of the tiny nests
SMALL_CONV = {"batch": 1, "out_channels": 2, "in_channels": 2, "in_height": 5, "in_width": 3}
SMALL_KERNEL = {"kernel_height": 2, "kernel_width": 2, "padding": 0}


def conv(**fields: Any) -> LoopNest:
    return Conv2d.model_validate({"type": "conv2d", "name": "c", **SMALL_CONV, **SMALL_KERNEL, **fields}).loop_nest()


def gemm(m: int, n: int, k: int) -> LoopNest:
    return Gemm(type="gemm", name="g", m=m, n=n, k=k).loop_nest()


NESTS = {
    "gemm": gemm(4, 6, 4),
    "conv": conv(in_width=2),  # Ox 4, Oy 1
    "depthwise": conv(groups=2, in_height=3),  # Ox 2, Oy 2
    "general": nest_from_expressions(
        {"i": 6, "j": 4, "k": 2}, {"s": [], "x": [{"i": 1, "j": -2}], "y": [{"j": 1}, {"j": 1}], "z": [{"i": 1}]}, "z"
    ),
}
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


def every_tiling(nest: LoopNest) -> Iterator[Tiling]:
    """The whole space, legal or not, by a plain product."""
    for rows in product(*(factorisations(bound) for bound in nest.bounds)):
        yield Tiling.from_levels(zip(*rows, strict=True))


def streamed(
    nest: LoopNest,
    architecture: Architecture,
    constraints: Constraints,
    deadline: float = math.inf,
    chunk: int = CHUNK,
) -> list[Tiling]:
    """The stream's tilings in its order."""
    arrays = list(TilingStream(nest, architecture, constraints, deadline, chunk))
    assert all(array.shape[:2] == (4, len(nest.dims)) and array.shape[2] <= chunk for array in arrays)
    return [tiling for array in arrays for tiling in to_tilings(array)]


@pytest.mark.parametrize("constraints", CONSTRAINTS)
@pytest.mark.parametrize("kind", NESTS)
def test_the_stream_is_every_allowed_tiling_once(kind: str, constraints: str) -> None:
    nest, asked = NESTS[kind], Constraints.model_validate(CONSTRAINTS[constraints])
    expected = [tiling for tiling in every_tiling(nest) if not broken_rules(nest, TIGHT, asked, tiling)]
    found = streamed(nest, TIGHT, asked)
    assert len(found) == len(set(found))
    assert set(found) == set(expected)


def test_the_cases_exclude_something_and_leave_something() -> None:
    counts = {
        kind: [len(streamed(nest, TIGHT, Constraints.model_validate(fields))) for fields in CONSTRAINTS.values()]
        for kind, nest in NESTS.items()
    }
    assert all(0 < found[0] < sum(1 for _ in every_tiling(NESTS[kind])) for kind, found in counts.items())
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
    legal = [tiling for tiling in every_tiling(nest) if not broken_rules(nest, TIGHT, Constraints(), tiling)]
    for objective, metric in (("edp", "edp"), ("energy", "energy_pj"), ("latency", "cycles")):
        least = min(getattr(cost, metric) for tiling in legal for *_, cost in costs_of_tiling(nest, TIGHT, tiling))
        problem = LayerProblem(nest, TIGHT, Constraints(), objective)  # type: ignore[arg-type]
        outcome = BACKEND.search(problem, SearchLimits(time_limit_s=math.inf), None)
        assert (outcome.bound, outcome.exhausted, outcome.statistics) == (least, True, {"evaluated": len(legal)})


@pytest.mark.parametrize("number", [1, 2, 12, 97, 360, 1000, 2**10])
def test_factorisations_are_all_products_of_four(number: int) -> None:
    found = factorisations(number)
    assert all(math.prod(row) == number for row in found)
    assert len(found) == len(set(found)) == math.prod(math.comb(power + 3, 3) for _, power in prime_factors(number))
    assert divisors(number) == tuple(d for d in range(1, number + 1) if number % d == 0)


def test_the_size_of_a_space_is_counted_without_enumerating_it() -> None:
    assert num_tilings(allowed_factorisations(NESTS["gemm"], Constraints())) == sum(
        1 for _ in every_tiling(NESTS["gemm"])
    )
    fixed = Constraints.model_validate({"fixed": {"M": {"rf": 2, "dram": 1}}})
    kept = [t for t in every_tiling(NESTS["gemm"]) if t.rf[0] == 2 and t.dram[0] == 1]
    assert num_tilings(allowed_factorisations(NESTS["gemm"], fixed)) == len(kept)


# Known numbers.


def test_the_number_of_tilings_of_a_large_product_that_fit() -> None:
    arrays = TilingStream(gemm(1000, 1000, 1000), REFERENCE, Constraints())
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
    assert outcome.statistics == {"evaluated": count}
    assert (outcome.bound, outcome.exhausted) == (best_edp, True)


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


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (stream, search):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock.monotonic))
    monkeypatch.setattr(search, "TilingStream", partial(TilingStream, chunk=SMALL_CHUNK))
    return clock


@pytest.mark.parametrize("deadline", [0.0, 1.0, 10.0, 60.0])
def test_a_stream_breaks_off_at_its_deadline(clock: Clock, deadline: float) -> None:
    nest = NESTS["gemm"]
    found = streamed(nest, TIGHT, Constraints(), deadline, SMALL_CHUNK)
    assert clock.now > deadline
    assert len(found) == len(set(found))
    assert set(found) < set(streamed(nest, TIGHT, Constraints()))


def test_a_search_without_time_has_found_nothing_out(clock: Clock) -> None:
    outcome = BACKEND.search(
        LayerProblem(NESTS["gemm"], TIGHT, Constraints(), "edp"), SearchLimits(time_limit_s=0.0), None
    )
    assert (outcome.candidates, outcome.bound, outcome.exhausted) == ((), None, False)
    assert clock.now < 10


@pytest.mark.usefixtures("clock")
def test_a_search_that_runs_out_of_time_gives_its_best_and_no_bound() -> None:
    problem = LayerProblem(NESTS["gemm"], TIGHT, Constraints(), "edp")
    reports: list[Progress] = []
    stopped = BACKEND.search(problem, SearchLimits(time_limit_s=60.0), reports.append)
    assert (stopped.bound, stopped.exhausted) == (None, False)
    assert reports[-1].incumbents == stopped.candidates != ()
    assert reports[-1].bound is None
    for mapping in stopped.candidates:
        assert not broken_rules(problem.nest, TIGHT, problem.constraints, mapping.tiling)
    finished = BACKEND.search(problem, SearchLimits(time_limit_s=math.inf), None)
    assert finished.exhausted
    assert finished.statistics["evaluated"] > stopped.statistics["evaluated"] > 0  # type: ignore[operator]


def test_a_space_without_a_legal_tiling_is_exhausted_without_a_bound() -> None:
    nothing = Constraints.model_validate({"fixed": {"M": {"spm": 3}}})
    assert streamed(NESTS["gemm"], TIGHT, nothing) == []
    outcome = BACKEND.search(LayerProblem(NESTS["gemm"], TIGHT, nothing, "edp"), SearchLimits(), None)
    assert (outcome.candidates, outcome.bound, outcome.exhausted) == ((), None, True)


def test_arrays_are_of_bounded_size() -> None:
    sizes = [array.shape[2] for array in TilingStream(gemm(64, 64, 64), REFERENCE, Constraints())]
    assert max(sizes) <= CHUNK
    assert np.mean(sizes) > CHUNK / 8
