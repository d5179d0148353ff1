"""Layers scaled down keep what decides how their tiles move."""

from __future__ import annotations

import math

import pytest
from dmaze.model.execution.agreement.shrinking import ChangedFactor, Shrunk, shrunk, smaller_factors
from dmaze.model.execution.executing import execute
from dmaze.model.hierarchy.level_mapping import LevelMappingDocument, illegalities, level_mapping
from dmaze.model.hierarchy.resolved_machine import ResolvedMachine, resolved_machine
from dmaze.model.layers.convolution import Conv2d
from dmaze.model.loop_nest import LoopNest
from hierarchy_cases import builtin_machines
from random_hierarchies import random_case

CONV = Conv2d.model_validate(
    {
        "type": "conv2d",
        "name": "conv",
        "batch": 1,
        "out_channels": 256,
        "in_channels": 64,
        "in_height": 56,
        "in_width": 56,
        "kernel_height": 3,
        "kernel_width": 3,
        "padding": 1,
    }
).loop_nest()
TILING = {
    "M": {"DRAM": 8, "PE": 4, "LANE": 8},
    "C": {"GLB": 2, "PE": 4, "VEC": 8},
    "Ox": {"DRAM": 7, "GLB": 8},
    "Oy": {"GLB": 8, "ACC": 7},
    "Fx": {"WBUF": 3},
    "Fy": {"WBUF": 3},
}


def simba(nest: LoopNest) -> ResolvedMachine:
    return resolved_machine(next(machine for machine in builtin_machines() if machine.name == "simba-chiplet"), nest)


def shrunk_conv(most_macs: int) -> Shrunk:
    mapping = level_mapping(CONV, simba(CONV), LevelMappingDocument(tiling=TILING))
    return shrunk(CONV, simba(CONV), mapping, most_macs)


def test_temporal_factors_shrink_and_the_unrolling_stays() -> None:
    found = shrunk_conv(500_000)
    assert found.nest.num_macs == math.prod(found.nest.bounds) <= 500_000
    assert dict(zip(CONV.dims, found.nest.bounds, strict=True)) == {
        "N": 1, "M": 64, "C": 64, "Ox": 4, "Oy": 4, "Fx": 2, "Fy": 3,
    }  # fmt: skip
    assert found.changed == (
        ChangedFactor("M", "DRAM", 8, 2),
        ChangedFactor("Ox", "DRAM", 7, 2),
        ChangedFactor("Ox", "GLB", 8, 2),
        ChangedFactor("Oy", "GLB", 8, 2),
        ChangedFactor("Fx", "WBUF", 3, 2),
        ChangedFactor("Oy", "ACC", 7, 2),
    )
    assert found.kept == (
        "loop orders and what every level keeps",
        "which loops iterate: 8 loops",
        "which tensors stay at which level while which loops run",
        "instances in use: PE 16, LANE 8, VEC 8",
        "which dimensions are unrolled at which fanout",
    )
    assert found.lost == ()


def test_what_cannot_be_kept_is_said() -> None:
    found = shrunk_conv(200_000)
    assert found.lost == ("instances in use: PE 16, LANE 8, VEC 8",)
    found = shrunk_conv(10)
    assert found.nest.num_macs <= 10
    assert found.lost == (
        "which loops iterate: 8 loops",
        "which tensors stay at which level while which loops run",
        "instances in use: PE 16, LANE 8, VEC 8",
        "which dimensions are unrolled at which fanout",
    )


def test_margins_of_stored_tensors_stay() -> None:
    case = shrunk_conv(500_000)
    whole, small = CONV.tensors[0], case.nest.tensors[0]
    assert whole.shape == (1, 64, 58, 58)
    assert small.shape == tuple(index.extent(case.nest.bounds) for index in small.index) == (1, 64, 5, 6)


@pytest.mark.parametrize("seed", range(12))
def test_shrunk_mappings_are_legal_as_small_as_asked_and_sound(seed: int) -> None:
    case = random_case(seed, 5000)
    for most_macs in (1, 30, 400):
        found = shrunk(case.nest, case.machine, case.mapping, most_macs)
        assert found.nest.num_macs <= max(1, most_macs)
        assert not list(illegalities(found.nest, case.machine, found.mapping))
        assert execute(found.nest, case.machine, found.mapping).is_sound


def test_what_is_small_enough_stays_as_it_is() -> None:
    rows = ((4, 1), (2, 3))
    assert smaller_factors(rows, {1}, 24) == rows
    assert smaller_factors(rows, {1}, 23) == ((3, 1), (2, 3))
    assert smaller_factors(rows, {1}, 10) == ((2, 1), (2, 2))
    assert smaller_factors(rows, {1}, 1) == ((1, 1), (1, 1))
