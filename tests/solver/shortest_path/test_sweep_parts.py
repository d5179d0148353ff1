"""What sweeps are made of, by hand: tile vectors, unions, sliding tiles, labels, stages."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from dmaze.model.hierarchy.constraints.level_constraints import LevelConstraints
from dmaze.model.hierarchy.constraints.resolved_constraints import resolved_constraints
from dmaze.model.hierarchy.exact.unions import union_length
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.hierarchy.resolved_machine import resolved_machine
from dmaze.model.loop_nest import LoopNest
from dmaze.solver.shortest_path.bounds.cost_to_go import instances_left, most_unrolled
from dmaze.solver.shortest_path.bounds.stages import Kind, stages
from dmaze.solver.shortest_path.space import marks
from dmaze.solver.shortest_path.space.boundaries import Boundary
from dmaze.solver.shortest_path.space.keeping import OPEN, Edge, Given, Keeping, State
from dmaze.solver.shortest_path.space.map_space import MapSpace
from dmaze.solver.shortest_path.space.quantities import quantities
from dmaze.solver.shortest_path.space.tile_vectors import Axis, TileVectors
from dmaze.solver.shortest_path.space.unrolling_left import most_filled
from dmaze.solver.shortest_path.sweeping.interval_shapes import IntervalShapes
from dmaze.solver.shortest_path.sweeping.labels import Apart, Labels, undominated
from dmaze.solver.shortest_path.sweeping.level_loops import best_of
from hierarchy_cases import nest_of

STRIDED = nest_of(
    {
        "bounds": {"X": 4, "R": 3},
        "tensors": [
            {"name": "I", "index": ["2*X + R"]},
            {"name": "W", "index": ["R"]},
            {"name": "O", "index": ["X"], "output": True},
        ],
    }
)
GEMM = nest_of(
    {
        "bounds": {"M": 2, "N": 3, "K": 8},
        "tensors": [
            {"name": "A", "index": ["M", "K"]},
            {"name": "B", "index": ["K", "N"]},
            {"name": "C", "index": ["M", "N"], "output": True},
        ],
    }
)
NODES = [{"storage": "DRAM"}, {"storage": "L1"}, {"fanout": "X", "size": 4}, {"storage": "RF", "halo": True}]


def test_tile_vectors_are_the_points_of_the_divisor_lattice() -> None:
    vectors = TileVectors(STRIDED)
    assert vectors.axes == (Axis(0, 2, 2, 2), Axis(1, 3, 1, 1))
    assert vectors.tiles.tolist() == [[1, 1, 2, 2, 4, 4], [1, 3, 1, 3, 1, 3]]
    assert [exponents.tolist() for exponents in vectors.exponents] == [[0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 0, 1]]
    assert vectors.repeats.tolist() == [12, 4, 6, 2, 3, 1]


def test_instances_are_filled_by_what_is_left_of_their_dimensions() -> None:
    vectors = TileVectors(STRIDED)
    by_size = [most_filled(vectors, [0, 1], size) for size in (1, 5, 6, 100)]
    left = [12, 4, 6, 2, 3, 1]
    for filled, size in zip(by_size, (1, 5, 6, 100), strict=True):
        factors = [[one for one in (1, 2, 3, 4, 6, 12) if rest % one == 0 and one <= size] for rest in left]
        assert filled.tolist() == list(map(max, factors))
    assert most_filled(vectors, [1], 100).tolist() == [3, 1, 3, 1, 3, 1]


def test_instances_outside_a_node_are_no_more_than_what_is_left_for_all_fanouts_together() -> None:
    nodes = [{"storage": "DRAM"}, {"fanout": "Y", "size": 4}, {"storage": "L1"}, {"fanout": "X", "size": 3}]
    machine = resolved_machine(Machine.model_validate({"name": "m", "nodes": nodes}), STRIDED)
    space = MapSpace(resolved_constraints(STRIDED, machine, LevelConstraints()))
    assert space.vectors.tiles.T.tolist() == [[1, 1], [1, 3], [2, 1], [2, 3], [4, 1], [4, 3]]
    assert space.instances_left(1).tolist() == [1] * 6
    assert space.instances_left(2).tolist() == [4, 4, 3, 2, 3, 1]
    assert space.instances_left(4).tolist() == [12, 4, 6, 2, 3, 1]


def test_words_of_tile_vectors_are_boxes_and_least_words_have_no_holes() -> None:
    vectors = TileVectors(STRIDED)
    assert vectors.boxes.tolist() == [[1, 3, 3, 5, 7, 9], [1, 3, 1, 3, 1, 3], [1, 1, 2, 2, 4, 4]]
    assert vectors.words[0].tolist() == [12, 12, 18, 10, 21, 9]
    assert vectors.least_words[0].tolist() == [12, 12, 12, 10, 12, 9]
    assert vectors.first_visits.tolist() == [4] * 6
    assert vectors.reductions.tolist() == [3, 1, 3, 1, 3, 1]


def test_unions_that_grow_step_by_step_are_those_of_the_model() -> None:
    random, shapes, gapped = Random(0), IntervalShapes(), 0
    for _ in range(500):
        length, steps = random.randint(1, 6), [(random.randint(1, 9), random.choice((2, 2, 3, 5))) for _ in range(3)]
        shape, words = np.array([length]), float(length)
        for step, copies in steps:
            shape, longer = shapes.grow(shape, np.array([step]), copies)
            words *= float(longer[0])
        assert words == pytest.approx(union_length(steps, length), rel=1e-12), f"{length} {steps}"
        gapped += int(shape[0]) < 0
    assert 100 < gapped < 400


def test_equal_unions_have_equal_numbers_whatever_their_way() -> None:
    shapes = IntervalShapes()
    there = shapes.grow(shapes.grow(np.array([1]), np.array([2]), 2)[0], np.array([8]), 2)[0]
    back = shapes.grow(shapes.grow(np.array([1]), np.array([8]), 2)[0], np.array([2]), 2)[0]
    other = shapes.grow(shapes.grow(np.array([1]), np.array([2]), 2)[0], np.array([9]), 2)[0]
    assert there == back
    assert there != other


def random_labels(random: Random, count: int) -> Labels:
    """Labels of few tile vectors, instances, unions and sums, so that many dominate each other."""
    rows = [[random.randint(0, 3) for _ in range(4)] for _ in range(count)]
    sums = np.array(rows, dtype=np.float64)
    return Labels(
        points=np.array([random.randint(0, 2) for _ in range(count)]),
        used=np.array([random.choice((1, 2)) for _ in range(count)]),
        sums=sums,
        shapes=np.array([[random.randint(0, 1), 7] for _ in range(count)]),
        trail=np.arange(count, dtype=np.int32),
        least=sums.sum(axis=1),
    )


def dominates(labels: Labels, better: int, worse: int) -> bool:
    return bool(
        labels.points[better] == labels.points[worse]
        and labels.used[better] <= labels.used[worse]
        and (labels.shapes[better] == labels.shapes[worse]).all()
        and (labels.sums[better] <= labels.sums[worse]).all()
    )


def test_a_label_is_dropped_only_for_one_that_is_nowhere_above() -> None:
    random, dropped = Random(1), 0
    for _ in range(60):
        labels = random_labels(random, random.randint(1, 60))
        stays = set(undominated(labels).trail.tolist())
        for label in set(range(len(labels))) - stays:
            assert any(dominates(labels, other, label) for other in stays)
            dropped += 1
    assert dropped > 500


def test_labels_that_are_told_apart_go_for_one_that_is_below_by_enough_or_of_the_same_marks() -> None:
    """Columns: energy, another cost, and a mark; the instances of the last label are marked otherwise."""
    sums = np.array([[10, 5, 7], [12, 5, 8], [14, 5, 9], [14.5, 4, 10], [11, 5, 7.0000000000000004], [11, 5, 7]])
    labels = Labels(
        points=np.zeros(6, dtype=np.int64),
        used=np.ones(6, dtype=np.int64),
        sums=sums,
        shapes=np.array([[1, mark] for mark in (1, 1, 1, 1, 1, 2)]),
        trail=np.arange(6, dtype=np.int32),
        least=sums.sum(axis=1),
    )
    assert sorted(undominated(labels).trail.tolist()) == [0, 3]
    apart = Apart(column=0, by=3.0, marked=frozenset({2}), told=(2,))
    assert sorted(undominated(labels, apart=apart).trail.tolist()) == [0, 1, 3, 5]


def test_marks_tell_words_apart_but_not_what_rounding_makes_of_them() -> None:
    words = np.array(
        [[3.0, 1e9], [3.0 * (1 + 1e-15), 1e9], [3.0, 1e9 + 1], [1e9, 3.0], [-3.0, 1e9], [0.0, 1e9], [-0.0, 1e9]]
    )
    first, rounded, *others, zero, minus_zero = marks.told_apart(words, (0, 1)).tolist()
    assert first == rounded
    assert zero == minus_zero
    assert len({first, zero, *others}) == 5
    assert len(set(marks.told_apart(words, (1,)).tolist())) == 3


def test_marks_of_words_and_instances_are_constants_of_their_own() -> None:
    levels, tensors = range(9), range(3)
    words = {marks.of_word(n, at, t, kind) for n in (0, 1) for at in levels for t in tensors for kind in marks.KINDS}
    assert len(words) == 2 * 9 * 3 * 4
    assert all(1 <= word < 2 for word in words)
    assert len({marks.of_instances(node, prime) for node in levels for prime in (2, 3, 5, 7)}) == 36
    numbers = np.array([1, 2, 1, 1]), np.array([5, 5, 6, 5])
    assert [len(set(marks.combined(*numbers).tolist())), marks.combined(*numbers)[0]] == [
        3,
        marks.combined(*numbers)[3],
    ]


def test_few_labels_are_those_of_different_tile_vectors_with_the_least_bounds() -> None:
    labels = random_labels(Random(2), 50)
    least = sorted((labels.least[labels.points == point].min(), point) for point in range(3))
    for only in (1, 2, 3, 9):
        kept = undominated(labels, only=only)
        assert list(zip(kept.least, kept.points, strict=True)) == least[:only]


def test_few_labels_of_all_groups_are_those_with_the_least_bounds() -> None:
    groups = {State((), pending): random_labels(Random(pending), 20) for pending in range(3)}
    least = sorted(np.concatenate([labels.least for labels in groups.values()]).tolist())
    for most in (1, 7, 59):
        kept = best_of(groups, most)
        found = sorted(np.concatenate([labels.least for labels in kept.values()]).tolist())
        assert found == [bound for bound in least if bound <= least[most - 1]]
        assert all(len(labels) for labels in kept.values())
    assert best_of(groups, None) is groups
    assert [len(labels) for labels in best_of(groups, 60).values()] == [20, 20, 20]


def keeping_of(nest: LoopNest, given: Given) -> Keeping:
    machine = resolved_machine(Machine.model_validate({"name": "m", "nodes": NODES}), nest)
    space = MapSpace(resolved_constraints(nest, machine, LevelConstraints()))
    return Keeping(space, quantities(space.constraints, with_times=False), given)


ALL, NONE = (True, True, True), (False, False, False)


def test_stages_go_from_the_mac_outwards_and_every_loop_replaces_what_it_indexes() -> None:
    found = stages(keeping_of(GEMM, (ALL, ALL, NONE, ALL)))
    everything, each = {0b111}, {0b111, 0b001, 0b010, 0b100, 0}
    assert [(stage.kind, stage.node, {state.pending for state in stage.states}) for stage in found] == [
        (Kind.LOOPS, 3, {0}),
        (Kind.STORE, 3, {0}),
        (Kind.FANOUT, 2, everything),
        (Kind.LOOPS, 1, each),
        (Kind.STORE, 1, each),
        (Kind.LOOPS, 0, each),
        (Kind.STORE, 0, each),
    ]
    for stage in found:
        sizes = [state.pending.bit_count() for state in stage.states]
        assert sizes == sorted(sizes, reverse=True)
    inside = {edge.inside for state in found[-1].states for edge in state.edges}
    assert inside == {(), (3,)}  # where a tile of the inner level is still pending


def test_what_is_kept_stays_open_until_it_matters() -> None:
    """Two levels that may keep a tensor, then one that must: only where its words go next, and where its tile lies."""
    may = (None, None, None)
    keeping = keeping_of(GEMM, (ALL, may, NONE, may))
    assert {tuple(edge.outer for edge in state.edges) for state in keeping.first} == {
        (a, b, c) for a in (0, 1, 3) for b in (0, 1, 3) for c in (0, 1, 3)
    }
    mac, output = 4, GEMM.output
    state = State(tuple(Edge(mac, 3 if tensor == output else 0) for tensor in range(3)), 0)
    ((row, held),) = keeping.stored(state, 3)
    assert row == tuple(tensor == output for tensor in range(3))
    assert (held.edges[output], held.pending) == (Edge(3, OPEN), 1 << output)
    replaced = keeping.settled(held, 1 << output, 1)
    assert [after.edges[output] for after in replaced] == [Edge(3, 1), Edge(3, 0)]
    stored = dict(keeping.stored(held, 1))
    assert set(stored) == {NONE, row}
    assert stored[NONE] == held
    assert keeping.prices(replaced[1].edges).keepers[output] == (0, 3, mac)


def test_boundaries_are_the_inner_ends_of_edges_and_halo_concerns_windows() -> None:
    found = keeping_of(STRIDED, (ALL, (False, True, True), NONE, (True, True, False))).boundaries
    assert found.listed == (Boundary(tensor=0, node=3, halo=True, fanouts=(2,)),)
    replaced = [found.tensors(found.replaced(1, dim)) for dim in range(2)]
    assert replaced == [0b100, 0b010]  # X replaces O, R replaces W; both slide I
    assert found.slides(0, 0)
    assert not found.slides(0, 2)


def test_instances_left_are_rounded_down_and_unrolled_ones_are_products_of_primes() -> None:
    assert sorted(instances_left(12, {5})) == [2, 12]
    assert most_unrolled(12, [Axis(0, 5, 1, 1), Axis(1, 2, 2, 1)]).tolist() == [
        1,
        1,
        2,
        2,
        4,
        5,
        5,
        5,
        5,
        5,
        10,
        10,
        10,
    ]
