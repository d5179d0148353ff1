"""What must hold of the exact model for every loop nest, architecture and tiling.

The nests are small and of every kind; the numbers are chosen awkward (odd prices, zeros, one PE, one bank).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from builders import gemm_nest
from dmaze.model.dmazerunner.architecture import AccessEnergy, Architecture, Dma, Spm
from dmaze.model.dmazerunner.constraints import Constraints, FixedFactors, MinUtilization
from dmaze.model.dmazerunner.cost import ExactCost, cost_of_mapping, cost_of_reuse, sum_parts
from dmaze.model.dmazerunner.cycle_terms import cycle_terms
from dmaze.model.dmazerunner.factorisations import divisors, factorisations
from dmaze.model.dmazerunner.legality import broken_rules, dma_invocations, dram_bytes
from dmaze.model.dmazerunner.reuse import ReuseClass, all_reuse_classes, reuse_classes, reuse_factors
from dmaze.model.dmazerunner.vectorised.batch import TilingBatch, to_array, to_tilings
from dmaze.model.dmazerunner.vectorised.batch_cost import BatchModel
from dmaze.model.dmazerunner.vectorised.batch_legality import allowed
from dmaze.model.layers import Conv2d, Gemm, nest_from_expressions
from dmaze.model.loop_nest import AffineIndex, LoopNest
from dmaze.model.mapping import Mapping, Tiling
from hypothesis import given, settings
from hypothesis import strategies as st
from random_problems import dram_traffic
from reference import REFERENCE
from transcript import Transcript

SETTINGS = settings(max_examples=100, deadline=None, derandomize=True, database=None)


# Random nests, architectures, tilings.

small = st.integers(1, 3)


@st.composite
def convolutions(draw: st.DrawFn) -> LoopNest:
    """Convolutions with stride, dilation, padding and groups, each its own per axis; often depthwise."""
    groups = draw(st.sampled_from([1, 1, 2, 4]))
    depthwise = groups > 1 and draw(st.booleans())
    kernel, stride, dilation = (draw(st.tuples(small, small)) for _ in range(3))
    padding = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    value_range = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    least = [max(1, r - 2 * p) for r, p in zip(value_range, padding, strict=True)]
    return Conv2d(
        type="conv2d",
        name="conv",
        batch=draw(st.sampled_from([1, 2, 4])),
        out_channels=groups if depthwise else groups * draw(st.sampled_from([1, 2, 3, 6])),
        in_channels=groups if depthwise else groups * draw(st.sampled_from([1, 2, 4])),
        in_height=least[0] + draw(st.integers(0, 8)),
        in_width=least[1] + draw(st.integers(0, 8)),
        kernel_height=kernel[0],
        kernel_width=kernel[1],
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    ).loop_nest()


@st.composite
def products(draw: st.DrawFn) -> LoopNest:
    """Matrix products, batched or not."""
    m, n, k = (draw(st.sampled_from([1, 2, 4, 6, 12])) for _ in range(3))
    return Gemm(type="gemm", name="gemm", m=m, n=n, k=k, batch=draw(st.sampled_from([1, 1, 2, 6]))).loop_nest()


@st.composite
def general_nests(draw: st.DrawFn) -> LoopNest:
    """2 to 4 tensors over 1 to 4 dimensions: scalars, repeated dimensions, negative coefficients, padded shapes."""
    bounds = {name: draw(st.sampled_from([1, 2, 3, 4, 6, 8])) for name in "ijkl"[: draw(st.integers(1, 4))]}
    coefficient = st.sampled_from([-3, -1, 1, 1, 2])
    index = st.dictionaries(st.sampled_from(sorted(bounds)), coefficient, max_size=2)
    tensors = {f"t{t}": draw(st.lists(index, max_size=3)) for t in range(draw(st.integers(2, 4)))}
    nest = nest_from_expressions(bounds, tensors, draw(st.sampled_from(sorted(tensors))))
    padded = [
        replace(tensor, shape=tuple(size + draw(st.sampled_from([0, 0, 1])) for size in tensor.shape))
        for tensor in nest.tensors
    ]
    return replace(nest, tensors=tuple(padded))


@st.composite
def nests_with_one_class_per_tensor(draw: st.DrawFn) -> LoopNest:
    """1 to 4 tensors, any of which may be the output; every dimension is missing from at most one of them."""
    bounds = {name: draw(st.sampled_from([2, 3, 4, 6, 8])) for name in "ijkl"[: draw(st.integers(1, 4))]}
    names = [f"t{t}" for t in range(draw(st.integers(1, 4)))]
    missing_from = {dim: draw(st.sampled_from([None, *names])) for dim in bounds}
    tensors: dict[str, list[dict[str, int]]] = {}
    for name in names:
        axes: list[dict[str, int]] = []
        for dim in (dim for dim in bounds if missing_from[dim] != name):
            if not axes or draw(st.booleans()):
                axes.append({})
            axes[-1][dim] = draw(st.sampled_from([-1, 1, 2]))
        tensors[name] = axes
    nest = nest_from_expressions(bounds, tensors, draw(st.sampled_from(names)))
    assert sum(len(nest.missing_dims(t)) for t in range(len(names))) <= len(bounds)
    return nest


nests = st.one_of(convolutions(), products(), general_nests(), nests_with_one_class_per_tensor())
disjoint_nests = st.one_of(convolutions(), products(), nests_with_one_class_per_tensor())
prices = st.sampled_from([0.0, 0.075, 0.1, 1 / 3, 0.96, 2.0, 13.5, 200.0, 1e9])
transfers = st.sampled_from([0.0, 0.24, 1 / 3, 1.0, 20.0, 291.0])
rates = st.sampled_from([1.0, 3.0, 500.0, 1000.0, 3200.0, 1 / 3])


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    """Small and odd machines: one PE, one bank, three bytes per element, prices of nothing."""
    return Architecture(
        name="odd",
        pes=draw(st.sampled_from([1, 7, 64, 1024])),
        rf_bytes_per_pe=draw(st.sampled_from([6, 129, 512, 4096])),
        spm=Spm(banks=draw(st.sampled_from([1, 4, 32])), bytes_per_bank=draw(st.sampled_from([7, 64, 2048, 65536]))),
        bytes_per_element=draw(st.integers(1, 4)),
        clock_mhz=draw(rates),
        dma=Dma(init_cycles=draw(transfers), cycles_per_byte=draw(transfers), clock_mhz=draw(rates)),
        access_energy_pj=AccessEnergy(
            rf=draw(prices), noc=draw(prices), spm=draw(prices), dram=draw(prices), mac=draw(prices)
        ),
    )


def tilings(nest: LoopNest) -> st.SearchStrategy[Tiling]:
    """Tilings of a nest, whether they fit or not."""
    rows = st.tuples(*(st.sampled_from(factorisations(bound)) for bound in nest.bounds))
    return rows.map(lambda chosen: Tiling.from_levels(zip(*chosen, strict=True)))


@st.composite
def tiled(draw: st.DrawFn) -> tuple[LoopNest, Tiling]:
    nest = draw(nests)
    return nest, draw(tilings(nest))


@st.composite
def batches(draw: st.DrawFn) -> tuple[LoopNest, list[Tiling]]:
    nest = draw(nests)
    return nest, draw(st.lists(tilings(nest), min_size=1, max_size=6))


@st.composite
def constraints(draw: st.DrawFn, nest: LoopNest, tiling: Tiling) -> Constraints:
    """Constraints of every kind that speaks of the tiling alone, mostly such that the given tiling keeps them."""
    shares = st.sampled_from([0.0, 0.0, 0.0, 0.01, 0.1, 0.8])
    often_off = st.sampled_from([False, False, True])
    used = [nest.dims[dim] for dim, factor in enumerate(tiling.spatial) if factor > 1]
    spatial_dims = draw(st.none() | st.just(tuple(used)) | st.lists(st.sampled_from(nest.dims), unique=True).map(tuple))
    dim, level = draw(st.integers(0, len(nest.dims) - 1)), draw(st.sampled_from(["dram", "spm", "rf"]))
    own = getattr(tiling, level)[dim]
    factor = draw(st.sampled_from([own, own, *divisors(nest.bounds[dim])]))
    return Constraints(
        min_utilization=MinUtilization(pe=draw(shares), rf=draw(shares), spm=draw(shares)),
        no_spatial_reduction=draw(often_off),
        no_feature_from_dram=draw(often_off),
        spatial_dims=spatial_dims,
        fixed={nest.dims[dim]: FixedFactors.model_validate({level: factor})} if draw(st.booleans()) else {},
    )


def attained_pairs(classes: Sequence[ReuseClass], tiling: Tiling) -> list[tuple[int, int]]:
    """Positions of the (SPM class, DRAM class) pairs that describe orders of a tiling."""
    spm = [a for a, c in enumerate(classes) if c.attained(tiling.spm)]
    dram = [b for b, c in enumerate(classes) if c.attained(tiling.dram)]
    return [(a, b) for a in spm for b in dram]


def cost_of_pair(
    nest: LoopNest, architecture: Architecture, tiling: Tiling, spm: ReuseClass, dram: ReuseClass
) -> ExactCost:
    return cost_of_reuse(nest, architecture, tiling, spm.factors(tiling.spm), dram.factors(tiling.dram))


def costs(nest: LoopNest, architecture: Architecture, tiling: Tiling, classes: Sequence[ReuseClass]) -> list[ExactCost]:
    """Costs of a tiling under all pairs of some classes that it attains."""
    pairs = attained_pairs(classes, tiling)
    return [cost_of_pair(nest, architecture, tiling, classes[a], classes[b]) for a, b in pairs]


def least(found: Sequence[ExactCost]) -> tuple[int, int, float]:
    """Least energy, cycles and EDP, each over all."""
    return min(c.energy_pj for c in found), min(c.cycles for c in found), min(c.edp for c in found)


# The model against other statements of itself.


@SETTINGS
@given(tiled(), architectures(), st.data())
def test_energy_and_cycles_are_those_of_the_document(
    case: tuple[LoopNest, Tiling], arch: Architecture, data: st.DataObject
) -> None:
    nest, tiling = case
    classes = all_reuse_classes(nest)
    a, b = data.draw(st.sampled_from(attained_pairs(classes, tiling)))
    cost = cost_of_pair(nest, arch, tiling, classes[a], classes[b])
    oracle = Transcript(nest, arch, tiling, cost.spm_reuse, cost.dram_reuse)
    assert cost.cycles_per_spm_pass == oracle.spm_pass()
    assert cost.cycles == oracle.total_cycles()
    assert sum_parts(cost.energy_breakdown_pj) == pytest.approx(float(oracle.energy_pj()), rel=1e-14, abs=0)


@SETTINGS
@given(batches(), architectures(), st.booleans())
def test_the_vectorised_model_is_the_scalar_model(
    case: tuple[LoopNest, list[Tiling]], arch: Architecture, every_class: bool
) -> None:
    nest, many = case
    classes = all_reuse_classes(nest) if every_class else reuse_classes(nest)
    levels = to_array(many)
    assert to_tilings(levels) == many
    model, batch = BatchModel(nest, arch, classes), TilingBatch(nest, levels)
    traffic = dram_traffic(model, batch)
    expected = [
        {pair: cost_of_pair(nest, arch, t, classes[pair[0]], classes[pair[1]]) for pair in attained_pairs(classes, t)}
        for t in many
    ]
    for found in model.pair_costs(batch):
        moved, invocations = traffic[found.dram_class]
        for i, by_pair in enumerate(expected):
            cost = by_pair.get((found.spm_class, found.dram_class))
            if cost is None:
                assert (found.energy_pj[i], found.cycles[i]) == (math.inf, math.inf)
            else:
                assert (found.energy_pj[i], found.cycles[i]) == (cost.energy_pj, cost.cycles)
                assert (moved[i], invocations[i]) == (dram_bytes(arch, cost), dma_invocations(cost))
    minima = model.minima(levels)
    rows = zip(minima.energy_pj, minima.cycles, minima.edp, strict=True)
    assert list(rows) == [least(list(by_pair.values())) for by_pair in expected]


@settings(SETTINGS, max_examples=200)
@given(batches(), architectures(), st.data())
def test_the_vectorised_rules_are_the_scalar_rules(
    case: tuple[LoopNest, list[Tiling]], arch: Architecture, data: st.DataObject
) -> None:
    nest, many = case
    asked = data.draw(constraints(nest, many[0]))
    assert allowed(nest, arch, asked, to_array(many)).tolist() == [not broken_rules(nest, arch, asked, t) for t in many]


@SETTINGS
@given(tiled(), architectures())
def test_orders_of_a_class_cost_what_the_class_costs(case: tuple[LoopNest, Tiling], arch: Architecture) -> None:
    nest, tiling = case
    classes = all_reuse_classes(nest)
    for a, b in attained_pairs(classes, tiling)[:20]:
        mapping = Mapping(tiling, classes[b].order(tiling.dram), classes[a].order(tiling.spm))
        assert cost_of_mapping(nest, arch, mapping) == cost_of_pair(nest, arch, tiling, classes[a], classes[b])


# Reuse classes.


def brute_force_vectors(nest: LoopNest, trips: Sequence[int]) -> set[tuple[int, ...]]:
    """Reuse vectors of all orders of the loops that iterate (the others change nothing)."""
    iterating = [dim for dim, trip in enumerate(trips) if trip > 1]
    rest = tuple(dim for dim, trip in enumerate(trips) if trip == 1)
    return {reuse_factors(nest, trips, (*order, *rest)) for order in permutations(iterating)}


@st.composite
def trips_of(draw: st.DrawFn) -> tuple[LoopNest, tuple[int, ...]]:
    """A nest with trip counts of one level, at most five of them above 1 (120 orders)."""
    nest = draw(nests)
    trips = [1 if bound == 1 else draw(st.sampled_from([1, 2, 2, 3, 4, 5])) for bound in nest.bounds]
    for dim in draw(st.permutations(range(len(trips))))[5:]:
        trips[dim] = 1
    return nest, tuple(trips)


@SETTINGS
@given(trips_of())
def test_the_classes_have_the_reuse_of_all_orders(case: tuple[LoopNest, tuple[int, ...]]) -> None:
    nest, trips = case
    attained = [c for c in all_reuse_classes(nest) if c.attained(trips)]
    assert {c.factors(trips) for c in attained} == brute_force_vectors(nest, trips)
    assert {c.factors(trips) for c in reuse_classes(nest) if c.attained(trips)} <= brute_force_vectors(nest, trips)
    for reuse_class in (*attained, *(c for c in reuse_classes(nest) if c.attained(trips))):
        order = reuse_class.order(trips)
        assert sorted(order) == list(range(len(nest.dims)))
        assert reuse_factors(nest, trips, order) == reuse_class.factors(trips)


def conv(**fields: int) -> LoopNest:
    sizes = {
        "batch": 2,
        "out_channels": 3,
        "in_channels": 5,
        "in_height": 12,
        "in_width": 16,
        "kernel_height": 2,
        "kernel_width": 4,
    }
    return Conv2d.model_validate({"type": "conv2d", "name": "conv", **sizes, **fields}).loop_nest()


SECTION_3 = {
    # Non-empty subsets of the dimensions that each tensor misses: I {M} 1, W {N,Ox,Oy} 7, O {C,Fx,Fy} 7.
    "conv": (conv(), 1 + 7 + 7, 3),
    # Depthwise: I nothing, W {N,Ox,Oy} 7, O {Fx,Fy} 3, and 1 for C innermost, which indexes every tensor.
    "depthwise": (conv(out_channels=5, groups=5), 7 + 3 + 1, 2 + 1),
    # Grouped: as conv, and 1 for G innermost.
    "grouped": (conv(out_channels=10, in_channels=10, groups=5), 1 + 7 + 7 + 1, 3 + 1),
    "gemm": (gemm_nest(2, 3, 5), 3, 3),
    "batched gemm": (gemm_nest(2, 3, 5, batch=7), 3 + 1, 3 + 1),
}
PRIMES = (2, 3, 5, 7, 11, 13, 17, 19)
"""Trip counts with which two classes have the same reuse only if they are reused over the same dimensions."""


@pytest.mark.parametrize("kind", SECTION_3)
def test_the_number_of_classes_is_that_of_section_3(kind: str) -> None:
    nest, num_all, num_kept = SECTION_3[kind]
    trips = PRIMES[: len(nest.dims)]
    vectors = {c.factors(trips) for c in all_reuse_classes(nest) if c.attained(trips)}
    kept = {c.factors(trips) for c in reuse_classes(nest) if c.attained(trips)}
    assert (len(vectors), len(kept)) == (num_all, num_kept)
    assert len(reuse_classes(nest)) == num_kept
    assert kept <= vectors == brute_force_vectors(nest, trips)


@settings(SETTINGS, max_examples=300)
@given(disjoint_nests, st.data(), architectures())
def test_one_class_per_tensor_is_enough(nest: LoopNest, data: st.DataObject, arch: Architecture) -> None:
    tiling = data.draw(tilings(nest))
    kept, everything = reuse_classes(nest), all_reuse_classes(nest)
    assert least(costs(nest, arch, tiling, kept)) == least(costs(nest, arch, tiling, everything))


@settings(SETTINGS, max_examples=300)
@given(disjoint_nests, st.data(), architectures())
def test_the_whole_set_innermost_is_never_worse_than_a_part(
    nest: LoopNest, data: st.DataObject, arch: Architecture
) -> None:
    """The claim behind :func:`reuse_classes`, pair by pair: ``docs/reuse_classes.md``."""
    tiling = data.draw(tilings(nest))
    classes = all_reuse_classes(nest)
    a, b = data.draw(st.sampled_from(attained_pairs(classes, tiling)))
    spm, dram = classes[a].factors(tiling.spm), classes[b].factors(tiling.dram)
    check_no_worse(nest, arch, tiling, better=(whole(nest, tiling.spm, spm), dram), worse=(spm, dram))
    check_no_worse(nest, arch, tiling, better=(spm, whole(nest, tiling.dram, dram)), worse=(spm, dram))


Vectors = tuple[tuple[int, ...], tuple[int, ...]]


def check_no_worse(nest: LoopNest, arch: Architecture, tiling: Tiling, *, better: Vectors, worse: Vectors) -> None:
    """One pair of (SPM, DRAM) reuse vectors costs no more than another, in anything that is minimised or limited."""
    less, more = cost_of_reuse(nest, arch, tiling, *better), cost_of_reuse(nest, arch, tiling, *worse)
    assert sum_parts(less.energy_breakdown_pj) <= sum_parts(more.energy_breakdown_pj)
    assert less.energy_pj <= more.energy_pj
    assert less.cycles <= more.cycles
    assert dram_bytes(arch, less) <= dram_bytes(arch, more)
    assert dma_invocations(less) <= dma_invocations(more)


@settings(SETTINGS, max_examples=200)
@given(disjoint_nests, st.data(), architectures())
def test_reusing_a_read_only_tensor_is_never_worse_than_reusing_nothing(
    nest: LoopNest, data: st.DataObject, arch: Architecture
) -> None:
    """So that the vector of all ones can win only where the output is all that a level could reuse."""
    tiling = data.draw(tilings(nest))
    spm_vectors, dram_vectors = (
        sorted({c.factors(trips) for c in all_reuse_classes(nest) if c.attained(trips)})
        for trips in (tiling.spm, tiling.dram)
    )
    spm, dram = data.draw(st.sampled_from(spm_vectors)), data.draw(st.sampled_from(dram_vectors))
    nothing = (1,) * len(nest.tensors)
    if spm[nest.output] == 1:
        check_no_worse(nest, arch, tiling, better=(spm, dram), worse=(nothing, dram))
    if dram[nest.output] == 1:
        check_no_worse(nest, arch, tiling, better=(spm, dram), worse=(spm, nothing))


def whole(nest: LoopNest, trips: Sequence[int], reuse: tuple[int, ...]) -> tuple[int, ...]:
    """The reuse vector in which the tensor that is reused is reused over all its missing dimensions."""
    return tuple(
        math.prod(trips[dim] for dim in nest.missing_dims(t)) if factor > 1 else 1 for t, factor in enumerate(reuse)
    )


def vector_costs(
    nest: LoopNest, arch: Architecture, tiling: Tiling, *, dram: tuple[int, ...]
) -> dict[tuple[int, ...], int]:
    """Cycles by SPM reuse vector, over all orders of the SPM level."""
    found = brute_force_vectors(nest, tiling.spm)
    return {spm: cost_of_reuse(nest, arch, tiling, spm, dram).cycles for spm in found}


def test_no_reuse_at_all_can_take_the_fewest_cycles_of_a_depthwise_convolution() -> None:
    """Section 3 calls the vector of all ones never better than another; it is, where a dimension indexes everything.

    Delivering the output in every RF pass moves computing into the stall, where it does not overlap with deliveries;
    delivering it in every second one counts computing again, in the stall.
    """
    nest = conv(
        batch=1, out_channels=2, in_channels=2, in_height=7, in_width=7, kernel_height=4, kernel_width=4, groups=2
    )
    assert dict(zip(nest.dims, nest.bounds, strict=True)) == {"N": 1, "C": 2, "Ox": 4, "Oy": 4, "Fx": 4, "Fy": 4}
    tiling = Tiling(dram=(1, 1, 2, 1, 1, 1), spm=(1, 2, 1, 1, 2, 1), rf=(1, 1, 2, 4, 2, 4), spatial=(1,) * 6)
    assert not broken_rules(nest, REFERENCE, Constraints(), tiling)
    # comp = 2*4*2*4 = 64, R = 2*2 = 4; deliveries: I (2+2-1)*(4+4-1) = 21, W 2*4 = 8, O 2*4 = 8; no reduction.
    every_pass = 21 * 4 + 64 * 4  # r_O = 1: computing waits for the deliveries and is the stall
    every_second = 64 * 4 + 64 * (4 // 2)  # r_O = 2: deliveries hide behind computing, and the stall comes on top
    assert (every_pass, every_second) == (340, 384)
    weights_in_dram = (1, 2, 1)  # Ox = 2 is the only DRAM loop
    found = vector_costs(nest, REFERENCE, tiling, dram=weights_in_dram)
    assert found == {(1, 1, 1): every_pass * 2, (1, 1, 2): every_second * 2} == {(1, 1, 1): 680, (1, 1, 2): 768}
    best = least(costs(nest, REFERENCE, tiling, reuse_classes(nest)))
    without = least([c for c in costs(nest, REFERENCE, tiling, reuse_classes(nest)) if max(c.spm_reuse) > 1])
    assert best[1:] == (680, 680.0 * 48384)
    assert without[1:] == (768, 768.0 * 47392)


def test_no_reuse_at_all_can_take_the_fewest_cycles_at_the_dram_level_too() -> None:
    """The same nest with C and Fx looping in DRAM and a DMA that takes no time: the skipped output computes alone."""
    nest = conv(
        batch=1, out_channels=2, in_channels=2, in_height=7, in_width=7, kernel_height=4, kernel_width=4, groups=2
    )
    arch = REFERENCE.model_copy(update={"dma": Dma(init_cycles=0.0, cycles_per_byte=0.0, clock_mhz=1.0)})
    tiling = Tiling(dram=(1, 2, 1, 1, 2, 1), spm=(1,) * 6, rf=(1, 1, 4, 4, 2, 4), spatial=(1,) * 6)
    # P = 4, R = 1, comp = 4*4*2*4 = 128; deliveries: I (4+2-1)*(4+4-1) = 35, W 8, O 16.
    ones = (1, 1, 1)
    nothing = cost_of_reuse(nest, arch, tiling, ones, ones)
    output = cost_of_reuse(nest, arch, tiling, ones, (1, 1, 2))
    assert nothing.cycles == (35 + 128) * 4 == 652
    # Skipped: a pass is comp alone; every second one also pays comp once more (pe1), and O's delivery hides (pe2).
    assert output.cycles == 128 * 4 + (128 + 0) * (4 // 2) == 768
    assert {c.dram_reuse for c in costs(nest, arch, tiling, all_reuse_classes(nest))} == {ones, (1, 1, 2)}
    assert least(costs(nest, arch, tiling, reuse_classes(nest)))[1] == 652


TICK = Architecture(
    name="one element or byte or cycle",
    pes=256,
    rf_bytes_per_pe=512,
    spm=Spm(banks=32, bytes_per_bank=2048),
    bytes_per_element=1,
    clock_mhz=1.0,
    dma=Dma(init_cycles=20.0, cycles_per_byte=0.0, clock_mhz=1.0),
    access_energy_pj=AccessEnergy(rf=1.0, noc=1.0, spm=1.0, dram=1.0, mac=1.0),
)


def test_more_reuse_can_cost_cycles_where_two_tensors_miss_a_dimension() -> None:
    """Why :func:`reuse_classes` keeps all classes of such nests: y[i] += x[i], with j and k missing from both."""
    nest = nest_from_expressions({"i": 2, "j": 4, "k": 6}, {"x": [{"i": 1}], "y": [{"i": 1}]}, "y")
    tiling = Tiling(dram=(1, 1, 2), spm=(2, 4, 3), rf=(1, 1, 1), spatial=(1, 1, 1))
    # P = 2, R = 24, comp = 1, deliveries 1 and 1, DMA 20 and 20, both reused over k in DRAM: cum[1] = 0, cum[2] = 40.
    # One SPM pass is its 24 RF passes and 24/r stalls of 1 cycle each for the delivery and the computing before it.
    passes = {(12, 12): 24 + 2, (4, 4): 24 + 6, (3, 3): 24 + 8, (1, 1): 24 + 24}
    # total = 2 * pass + (x: max(40, pass) - pass) * 2/2 + (y: 2 * (max(40, pass) - pass)) * 2/2
    total = {r: 2 * p + 3 * (max(40, p) - p) for r, p in passes.items()}
    assert vector_costs(nest, TICK, tiling, dram=(2, 2)) == total == {(12, 12): 94, (4, 4): 90, (3, 3): 88, (1, 1): 96}
    assert least(costs(nest, TICK, tiling, reuse_classes(nest)))[1] == 88


@SETTINGS
@given(tiled(), architectures())
def test_no_part_takes_more_cycles_by_itself_than_the_layer(case: tuple[LoopNest, Tiling], arch: Architecture) -> None:
    nest, tiling = case
    for cost in costs(nest, arch, tiling, all_reuse_classes(nest)):
        terms = cycle_terms(nest, arch, tiling, cost)
        assert 0 <= min(terms.values()) <= max(terms.values()) <= cost.cycles


# Energies.


@SETTINGS
@given(tiled(), architectures())
def test_doubling_all_energies_doubles_the_energy(case: tuple[LoopNest, Tiling], arch: Architecture) -> None:
    nest, tiling = case
    doubled = {part: 2 * price for part, price in arch.access_energy_pj.model_dump().items()}
    dearer = arch.model_copy(update={"access_energy_pj": AccessEnergy.model_construct(**doubled)})
    classes = reuse_classes(nest)
    for cheap, dear in zip(costs(nest, arch, tiling, classes), costs(nest, dearer, tiling, classes), strict=True):
        assert sum_parts(dear.energy_breakdown_pj) == 2 * sum_parts(cheap.energy_breakdown_pj)
        assert dear.cycles == cheap.cycles


@SETTINGS
@given(tiled(), architectures())
def test_the_parts_sum_to_the_energy(case: tuple[LoopNest, Tiling], arch: Architecture) -> None:
    nest, tiling = case
    for cost in costs(nest, arch, tiling, reuse_classes(nest)):
        assert tuple(cost.energy_breakdown_pj) == ("mac", "rf", "noc", "spm", "dram")
        total = math.fsum(cost.energy_breakdown_pj.values())
        assert sum_parts(cost.energy_breakdown_pj) == pytest.approx(total, rel=1e-15, abs=0)
        assert cost.energy_pj == round(sum_parts(cost.energy_breakdown_pj))
        assert min(cost.energy_breakdown_pj.values()) >= 0


# Names, positions, sizes.


@SETTINGS
@given(tiled(), architectures(), st.data())
def test_renaming_and_reordering_dimensions_changes_nothing(
    case: tuple[LoopNest, Tiling], arch: Architecture, data: st.DataObject
) -> None:
    nest, tiling = case
    places = data.draw(st.permutations(range(len(nest.dims))))
    other, moved = reordered(nest, places), Tiling.from_levels([row[p] for p in places] for row in tiling.levels)
    assert least(costs(nest, arch, tiling, reuse_classes(nest))) == least(
        costs(other, arch, moved, reuse_classes(other))
    )
    dram_order, spm_order = (tuple(data.draw(st.permutations(range(len(nest.dims))))) for _ in range(2))
    there = Mapping(moved, *(tuple(places.index(dim) for dim in order) for order in (dram_order, spm_order)))
    assert cost_of_mapping(nest, arch, Mapping(tiling, dram_order, spm_order)) == cost_of_mapping(other, arch, there)


def reordered(nest: LoopNest, places: Sequence[int]) -> LoopNest:
    """The nest with other names, whose dimension number n is the one that was number ``places[n]``."""
    tensors = [
        replace(
            tensor,
            index=tuple(
                AffineIndex(tuple((places.index(dim), a) for dim, a in index.terms), index.constant)
                for index in tensor.index
            ),
        )
        for tensor in nest.tensors
    ]
    dims = tuple(f"renamed_{nest.dims[p]}" for p in places)
    windows = frozenset(places.index(dim) for dim in nest.window_dims)
    return LoopNest(dims, tuple(nest.bounds[p] for p in places), tuple(tensors), windows)


@SETTINGS
@given(batches(), architectures(), st.data())
def test_a_larger_machine_still_fits_what_fitted(
    case: tuple[LoopNest, list[Tiling]], arch: Architecture, data: st.DataObject
) -> None:
    nest, many = case
    more = st.integers(0, 5)
    larger = arch.model_copy(
        update={
            "pes": arch.pes + data.draw(more),
            "rf_bytes_per_pe": arch.rf_bytes_per_pe + data.draw(more),
            "spm": Spm(
                banks=arch.spm.banks + data.draw(more), bytes_per_bank=arch.spm.bytes_per_bank + data.draw(more)
            ),
        }
    )
    levels = to_array(many)
    fitted, fits = (allowed(nest, machine, Constraints(), levels) for machine in (arch, larger))
    assert np.all(fits[fitted])
    for i, tiling in enumerate(many):
        assert not fitted[i] or broken_rules(nest, larger, Constraints(), tiling) == ()
