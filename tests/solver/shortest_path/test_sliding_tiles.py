"""Tiles that slide, held against the model: shares that stay, tiles that are followed no more, words at the least."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from dmaze.model.hierarchy.accountings import accounting
from dmaze.model.hierarchy.exact.exact_cost import hierarchy_cost
from dmaze.model.hierarchy.exact.geometry import Geometry
from dmaze.model.hierarchy.exact.node_counts import NodeCounts
from dmaze.model.hierarchy.exact.stride_rule import received_words
from dmaze.model.hierarchy.level_mapping import LevelMapping, LevelMappingDocument, level_mapping
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.hierarchy.resolved_machine import resolved_machine
from dmaze.model.loop_nest import LoopNest
from dmaze.solver.shortest_path.space.least_words import strided_words
from dmaze.solver.shortest_path.space.tile_vectors import TileVectors
from dmaze.solver.shortest_path.sweeping.halo_tiles import OverlappingTile, StridingTile
from dmaze.solver.shortest_path.sweeping.sliding import SETTLED, Sliding
from hierarchy_cases import nest_of

ANY = np.array([-1])
"""All dimensions can still be looped over."""
LEVELS = [{"storage": "DRAM"}, {"storage": "RF", "halo": True}]
COUNTED = accounting("timeloop")


def test_tile_that_slides_shares_words_with_the_one_before() -> None:
    """Section 10 of the hierarchy model: x of 1 and r of 3 in a tile, x of 2 on a fanout, a loop of 6 outside."""
    index = nest_of(
        {
            "bounds": {"X": 12, "R": 3},
            "tensors": [{"name": "I", "index": ["X + R"]}, {"name": "O", "index": ["X"], "output": True}],
        }
    )
    sliding = Sliding(index.tensors[0], (0,), OverlappingTile.of)
    tile = sliding.spread(sliding.brought(np.array([[3]])), 0, np.array([1]), 1, 2)
    _, shares = sliding.slid(tile, 0, np.array([2]), 6, 1, ANY)
    alone, together = shares[:, 0]
    assert 6 * 3 - 5 * 3 * alone == pytest.approx(3 + 5 * 2)
    assert 6 * 4 - 5 * 4 * together == pytest.approx(4 + 5 * 3)


def test_words_that_slide_past_the_wrapping_of_inner_loops_are_those_of_the_model() -> None:
    nest = nest_of(
        {
            "bounds": {"X": 4, "R": 3},
            "tensors": [{"name": "I", "index": ["X + R"]}, {"name": "O", "index": ["X"], "output": True}],
        }
    )
    sliding = Sliding(nest.tensors[0], (0,), OverlappingTile.of)
    tile = sliding.brought(np.array([[2]]))
    tile, of_window = sliding.slid(tile, 1, np.array([1]), 3, 0, ANY)
    _, of_outer = sliding.slid(tile, 0, np.array([2]), 2, 0, ANY)
    words = 3 * 2 - 2 * 2 * of_window[0, 0]
    words = 2 * words - 2 * of_outer[0, 0]
    machine = resolved_machine(Machine.model_validate({"name": "m", "nodes": LEVELS}), nest)
    document = {"tiling": {"X": {"DRAM": 2, "RF": 2}, "R": {"DRAM": 3}}, "orders": {"DRAM": ["X", "R"]}}
    mapping = level_mapping(nest, machine, LevelMappingDocument.model_validate(document))
    access = hierarchy_cost(nest, machine, mapping).accesses[1][0]
    assert access is not None
    assert words == access.fill == 6


def test_tile_displaced_along_two_axes_is_settled() -> None:
    nest = nest_of(
        {
            "bounds": {"X": 4, "R": 2, "Y": 4, "S": 2},
            "tensors": [{"name": "I", "index": ["X + R", "Y + S"]}, {"name": "O", "index": ["X", "Y"], "output": True}],
        }
    )
    sliding = Sliding(nest.tensors[0], (0, 1), OverlappingTile.of)
    tile = sliding.brought(np.array([[2], [2]]))
    along_one, _ = sliding.slid(tile, 0, np.array([1]), 4, 0, ANY)
    along_both, _ = sliding.slid(along_one, 2, np.array([1]), 4, 0, ANY)
    assert int(along_one[0]) != SETTLED
    assert int(along_both[0]) == SETTLED
    assert sliding.slid(along_both, 1, np.array([1]), 2, 0, ANY)[1].tolist() == [[0.0]]
    assert sliding.spread(along_both, 1, np.array([1]), 1, 2).tolist() == [SETTLED]


def test_tile_displaced_along_an_axis_whose_loops_are_over_is_settled() -> None:
    tensors = [{"name": "I", "index": ["X + R", "Y + S"]}, {"name": "O", "index": ["X", "Y"], "output": True}]
    nest = nest_of({"bounds": {"X": 4, "R": 2, "Y": 4, "S": 2}, "tensors": tensors})
    for first in (OverlappingTile.of, StridingTile.of):
        sliding = Sliding(nest.tensors[0], (0, 1), first)
        tile = sliding.brought(np.array([[1], [2]]))
        left = [0b1110, 0b1100, 0b0010]  # R and others, others, R alone
        found = [int(sliding.slid(tile, 0, np.array([1]), 4, 0, np.array([dims]))[0][0]) for dims in left]
        assert [number == SETTLED for number in found] == [False, True, False]


def test_dimension_in_two_axes_can_bring_a_tile_back_along_both() -> None:
    tensors = [{"name": "I", "index": ["X + R", "X + S"]}, {"name": "O", "index": ["X"], "output": True}]
    nest = nest_of({"bounds": {"X": 8, "R": 2, "S": 2}, "tensors": tensors})
    sliding = Sliding(nest.tensors[0], (0, 1), OverlappingTile.of)
    tile, _ = sliding.slid(sliding.brought(np.array([[2], [2]])), 0, np.array([1]), 4, 0, ANY)
    _, shares = sliding.slid(tile, 0, np.array([4]), 2, 0, ANY)
    assert (int(tile[0]) != SETTLED, shares.tolist()) == (True, [[0.25]])


def windowed(random: Random) -> LoopNest:
    """Two windows, some strided or dilated, two plain dimensions of the input, one that it does not have."""
    steps = [random.choice((1, 1, 2, 3, 4)) for _ in range(4)]
    index = [f"{steps[0]}*X + {steps[1]}*R", f"{steps[2]}*Y + {steps[3]}*S", "C", "N"]
    tensors = [{"name": "I", "index": index}, {"name": "O", "index": ["X", "Y", "N", "M"], "output": True}]
    bounds = {dim: random.choice((1, 2, 3, 4, 6)) for dim in "XRYSCNM"}
    return nest_of({"bounds": bounds, "tensors": tensors})


def random_loops(random: Random, nest: LoopNest) -> LevelMapping:
    """A mapping onto two levels: some factors inside, the others outside in any order."""
    inner = [random.choice([n for n in range(1, bound + 1) if bound % n == 0]) for bound in nest.bounds]
    outer = tuple(bound // n for bound, n in zip(nest.bounds, inner, strict=True))
    orders = tuple(tuple(random.sample(range(len(inner)), len(inner))) for _ in range(2))
    return LevelMapping((outer, tuple(inner)), orders, ((True, True), (True, True)))


def received(nest: LoopNest, mapping: LevelMapping) -> int:
    machine = resolved_machine(Machine.model_validate({"name": "m", "nodes": LEVELS}), nest)
    counts = NodeCounts(Geometry(nest, machine, mapping), COUNTED)
    words = counts.entering(1, 0)
    assert words is not None
    return received_words(words)


def words_by_sliding(nest: LoopNest, mapping: LevelMapping) -> tuple[float, int]:
    """Words of the input that its inner level receives, loop by loop, and how many loops leave a part of the tile."""
    tensor, sizes = nest.tensors[0], list(mapping.factors[1])
    sliding, lengths = Sliding(tensor, (0, 1), StridingTile.of), [index.extent(sizes) for index in tensor.index]
    tile, words, slid = sliding.brought(np.array(lengths[:2])[:, np.newaxis]), float(math.prod(lengths)), 0
    for dim in reversed(mapping.orders[0]):
        trips, share = mapping.factors[0][dim], 0.0
        if trips > 1 and nest.dims[dim] in "CN":
            tile = np.array([SETTLED])
        elif trips > 1:
            tile, shares = sliding.slid(tile, dim, np.array([sizes[dim]]), trips, 0, ANY)
            share = float(shares[0, 0])
        words, slid = trips * words - (trips - 1) * share * math.prod(lengths), slid + (0 < share < 1)
        sizes[dim] *= trips
    return words, slid


def test_words_by_the_stride_rule_are_those_of_the_model() -> None:
    random, slid = Random(0), 0
    for _ in range(300):
        nest = windowed(random)
        mapping = random_loops(random, nest)
        words, times = words_by_sliding(nest, mapping)
        assert words == pytest.approx(received(nest, mapping), rel=1e-12)
        slid += times
    assert slid > 60


def begun_at(nest: LoopNest, mapping: LevelMapping) -> int:
    """The tile vector at which the first loop begins that moves the input's tile."""
    sizes, vectors = list(mapping.factors[1]), TileVectors(nest)
    for dim in reversed(mapping.orders[0]):
        if mapping.factors[0][dim] > 1 and dim in nest.tensors[0].dims:
            break
        sizes[dim] *= mapping.factors[0][dim]
    return int(np.flatnonzero((sizes == vectors.tiles.T).all(axis=1))[0])


def test_words_at_the_least_are_not_above_those_of_any_loops_and_often_not_below() -> None:
    random, equal = Random(1), 0
    for _ in range(300):
        nest = windowed(random)
        mapping, vectors = random_loops(random, nest), TileVectors(nest)
        meeting = [dim for dim in range(len(nest.dims)) if nest.dims[dim] in "XRYS" and in_a_window(nest, dim)]
        least = strided_words(vectors, 0, frozenset(meeting))[begun_at(nest, mapping)]
        words = received(nest, mapping)
        assert least <= words * (1 + 1e-12)
        equal += least == pytest.approx(words)
    assert equal > 20


def in_a_window(nest: LoopNest, dim: int) -> bool:
    indices = (index for index in nest.tensors[0].index if dim in dict(index.terms))
    return all(sum(nest.bounds[other] > 1 for other, _ in index.terms) > 1 for index in indices)
