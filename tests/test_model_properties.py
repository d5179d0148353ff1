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
from dmaze.model.architecture import AccessEnergy, Architecture, Dma, Spm
from dmaze.model.batch import TilingBatch, to_array, to_tilings
from dmaze.model.batch_cost import BatchModel
from dmaze.model.batch_legality import allowed
from dmaze.model.constraints import Constraints, FixedFactors, MinUtilization
from dmaze.model.cost import ExactCost, cost_of_mapping, cost_of_reuse, sum_parts
from dmaze.model.layers import Conv2d, Gemm, nest_from_expressions
from dmaze.model.legality import broken_rules, dma_invocations, dram_bytes
from dmaze.model.loop_nest import AffineIndex, LoopNest
from dmaze.model.mapping import LEVELS, Mapping, Tiling
from dmaze.model.reuse import ReuseClass, all_reuse_classes, reuse_classes, reuse_factors
from dmaze.model.tilings import divisors, factorisations
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import load, reference_architecture
from transcript import Transcript

SETTINGS = settings(max_examples=100, deadline=None, derandomize=True, database=None)
REFERENCE = reference_architecture(load("random_mappings.json")["architectures"]["default"])


# Random nests, architectures, tilings.

small = st.integers(1, 3)


@st.composite
def convolutions(draw: st.DrawFn) -> LoopNest:
    """Convolutions with stride, dilation, padding and groups, each its own per axis; often depthwise."""
    groups = draw(st.sampled_from([1, 1, 2, 4]))
    depthwise = groups > 1 and draw(st.booleans())
    kernel, stride, dilation = (draw(st.tuples(small, small)) for _ in range(3))
    padding = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    least = [max(1, r - 2 * p) for r, p in zip(reach, padding, strict=True)]
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


nests = st.one_of(convolutions(), products(), general_nests())
prices = st.sampled_from([0.0, 0.075, 0.1, 1 / 3, 0.96, 2.0, 13.5, 200.0, 1e9])
rates = st.sampled_from([1.0, 3.0, 500.0, 1000.0, 3200.0, 1 / 3])


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    """Small and odd machines: one PE, one bank, three bytes per element, prices of nothing."""
    return Architecture(
        name="odd",
        pes=draw(st.sampled_from([1, 2, 7, 256])),
        rf_bytes_per_pe=draw(st.sampled_from([6, 40, 129, 512])),
        spm=Spm(banks=draw(st.sampled_from([1, 4, 32])), bytes_per_bank=draw(st.sampled_from([7, 64, 2048]))),
        bytes_per_element=draw(st.integers(1, 4)),
        clock_mhz=draw(rates),
        dma=Dma(init_cycles=draw(prices), cycles_per_byte=draw(prices), clock_mhz=draw(rates)),
        access_energy_pj=AccessEnergy(rf=draw(prices), noc=draw(prices), spm=draw(prices), dram=draw(prices), mac=draw(prices)),
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
def constraints(draw: st.DrawFn, nest: LoopNest) -> Constraints:
    """Constraints of every kind that speaks of the tiling alone."""
    shares = st.sampled_from([0.0, 0.0, 0.1, 0.5, 0.8])
    spatial_dims = draw(st.none() | st.lists(st.sampled_from(nest.dims), unique=True).map(tuple))
    dim = draw(st.integers(0, len(nest.dims) - 1))
    factor = draw(st.sampled_from(divisors(nest.bounds[dim])))
    level = draw(st.sampled_from(["dram", "spm", "rf"]))
    fixed = {nest.dims[dim]: FixedFactors.model_validate({level: factor})} if draw(st.booleans()) else {}
    return Constraints(
        min_utilization=MinUtilization(pe=draw(shares), rf=draw(shares), spm=draw(shares)),
        no_spatial_reduction=draw(st.booleans()),
        no_feature_from_dram=draw(st.booleans()),
        spatial_dims=spatial_dims,
        fixed=fixed,
    )


def attained_pairs(classes: Sequence[ReuseClass], tiling: Tiling) -> list[tuple[int, int]]:
    """Positions of the (SPM class, DRAM class) pairs that describe orders of a tiling."""
    spm = [a for a, c in enumerate(classes) if c.attained(tiling.spm)]
    dram = [b for b, c in enumerate(classes) if c.attained(tiling.dram)]
    return [(a, b) for a in spm for b in dram]


def cost_of_pair(nest: LoopNest, architecture: Architecture, tiling: Tiling, spm: ReuseClass, dram: ReuseClass) -> ExactCost:
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
def test_energy_and_cycles_are_those_of_the_document(case: tuple[LoopNest, Tiling], arch: Architecture, data: st.DataObject) -> None:
    nest, tiling = case
    classes = all_reuse_classes(nest)
    a, b = data.draw(st.sampled_from(attained_pairs(classes, tiling)))
    cost = cost_of_pair(nest, arch, tiling, classes[a], classes[b])
    oracle = Transcript(nest, arch, tiling, cost.spm_reuse, cost.dram_reuse)
    assert cost.cycles_per_spm_pass == oracle.spm_pass()
    assert cost.cycles == oracle.total_cycles()
    assert sum_parts(cost.energy_breakdown_pj) == pytest.approx(float(oracle.energy_pj()), rel=1e-14, abs=0)


@SETTINGS
@given(batches(), architectures(), st.sampled_from([reuse_classes, all_reuse_classes]))
def test_the_vectorised_model_is_the_scalar_model(case: tuple[LoopNest, list[Tiling]], arch: Architecture, classes_of: object) -> None:
    nest, many = case
    classes = all_reuse_classes(nest) if classes_of is all_reuse_classes else reuse_classes(nest)
    levels = to_array(many)
    assert to_tilings(levels) == many
    model, batch = BatchModel(nest, arch, classes), TilingBatch(nest, levels)
    traffic = model.dram_traffic(batch)
    expected = [{pair: cost_of_pair(nest, arch, t, classes[pair[0]], classes[pair[1]]) for pair in attained_pairs(classes, t)} for t in many]
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


@SETTINGS
@given(batches(), architectures(), st.data())
def test_the_vectorised_rules_are_the_scalar_rules(case: tuple[LoopNest, list[Tiling]], arch: Architecture, data: st.DataObject) -> None:
    nest, many = case
    asked = data.draw(constraints(nest))
    assert allowed(nest, arch, asked, to_array(many)).tolist() == [not broken_rules(nest, arch, asked, t) for t in many]
