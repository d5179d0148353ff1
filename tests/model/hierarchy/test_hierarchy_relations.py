"""What must follow when a nest, a machine or a mapping is altered, on random cases: no number is known beforehand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from itertools import pairwise
from operator import add
from random import Random
from typing import Any, TypeVar

import pytest
from dmaze.model.hierarchy.accountings import ACCOUNTINGS, AccountingName, accounting
from dmaze.model.hierarchy.exact.exact_cost import hierarchy_cost
from dmaze.model.hierarchy.hierarchy_cost import HierarchyCost
from dmaze.model.hierarchy.level_mapping import (
    LevelMapping,
    level_mapping,
    level_mapping_document,
    overlapping_axes,
)
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.hierarchy.resolved_machine import Level, Network, ResolvedMachine, resolved_machine
from dmaze.model.loop_nest import AffineIndex, LoopNest
from random_hierarchies import RandomCase, described, random_case

V = TypeVar("V")


def cases(property_number: int, count: int = 40) -> Iterator[RandomCase]:
    return (random_case(seed) for seed in range(10_000 * property_number, 10_000 * property_number + count))


def cost_of(case: RandomCase) -> HierarchyCost:
    return hierarchy_cost(case.nest, case.machine, case.mapping)


def permuted(values: Sequence[V], order: Sequence[int]) -> tuple[V, ...]:
    return tuple(values[position] for position in order)


def with_levels(machine: ResolvedMachine, alter: Callable[[Level], Level]) -> ResolvedMachine:
    return replace(machine, levels=tuple(map(alter, machine.levels)))


def with_networks(machine: ResolvedMachine, alter: Callable[[Network], Network]) -> ResolvedMachine:
    return replace(machine, networks=tuple(map(alter, machine.networks)))


def test_parts_sum_to_totals() -> None:
    for case in cases(1):
        cost = cost_of(case)
        assert cost.energy_pj == reduce(add, cost.energy_parts_pj.values(), 0.0), described(case)
        assert list(cost.energy_parts_pj) == ["mac", *case.machine.nodes], described(case)
        assert cost.energy_parts_pj["mac"] == case.nest.num_macs * case.machine.mac_pj, described(case)
        assert cost.cycles == max(cost.roofline.values()) == cost.roofline[cost.bound_by], described(case)
        used = math.prod(math.prod(case.mapping.factors[network.node]) for network in case.machine.networks)
        assert cost.roofline["compute"] * used == case.nest.num_macs, described(case)
        assert cost.walk_cycles is not None, described(case)
        assert cost.walk_cycles >= cost.cycles, described(case)


def test_where_an_edge_crosses_no_fanout_what_is_served_is_what_is_filled() -> None:
    for case in cases(2, 80):
        cost, fanouts = cost_of(case), [network.node for network in case.machine.networks]
        for t in range(len(case.nest.tensors)):
            kept = [level.node for level in case.machine.levels if case.mapping.kept[level.node][t]]
            for outer, inner in pairwise(kept):
                if any(outer < node < inner for node in fanouts):
                    continue
                above, below = cost.accesses[outer][t], cost.accesses[inner][t]
                assert above is not None, described(case)
                assert below is not None, described(case)
                assert above.serve == below.fill, described(case)
                assert above.update == below.drain, described(case)


def test_every_word_of_the_output_is_begun_once_or_read_back_every_time() -> None:
    for case in cases(3, 100):
        moved, output = cost_of(case).accesses[0][case.nest.output], case.nest.tensors[case.nest.output]
        assert moved is not None, described(case)
        assert (moved.fill, moved.drain) == (0, 0), described(case)
        terms = [term for axis in output.index for term in axis.terms]
        if overlapping_axes(case.nest):
            assert moved.update == moved.serve, described(case)
        elif len(terms) == len(output.dims) and all(abs(coefficient) == 1 for _, coefficient in terms):
            words = math.prod(case.nest.bounds[dim] for dim in output.dims)
            assert moved.update - moved.serve == words, described(case)


@pytest.mark.parametrize("name", ACCOUNTINGS)
def test_doubling_every_price_doubles_every_part(name: AccountingName) -> None:
    def dearer(values: Sequence[float]) -> tuple[float, ...]:
        return tuple(2 * value for value in values)

    for case in cases(4, 20):
        machine = with_levels(
            case.machine, lambda level: replace(level, read_pj=dearer(level.read_pj), write_pj=dearer(level.write_pj))
        )
        machine = with_networks(machine, lambda n: replace(n, word_pj=dearer(n.word_pj), add_pj=2 * n.add_pj))
        machine = replace(machine, mac_pj=2 * machine.mac_pj)
        before = hierarchy_cost(case.nest, case.machine, case.mapping, accounting(name))
        after = hierarchy_cost(case.nest, machine, case.mapping, accounting(name))
        assert after.energy_parts_pj == {part: 2 * pj for part, pj in before.energy_parts_pj.items()}, described(case)
        assert replace(after, energy_parts_pj=before.energy_parts_pj) == before, described(case)


@pytest.mark.parametrize("name", ACCOUNTINGS)
@pytest.mark.parametrize("field", ["read_bandwidth", "write_bandwidth", "bandwidth", None])
def test_more_bandwidth_never_takes_more_cycles(field: str | None, name: AccountingName) -> None:
    for case in cases(5, 15):
        machine = case.machine
        for raised in (2.5, 1e6):
            if field is None:
                machine = with_networks(machine, lambda n: _faster(n, "bandwidth", raised))  # noqa: B023
            else:
                machine = with_levels(machine, lambda level: _faster(level, field, raised))  # noqa: B023
            before = hierarchy_cost(case.nest, case.machine, case.mapping, accounting(name))
            after = hierarchy_cost(case.nest, machine, case.mapping, accounting(name))
            assert after.cycles <= before.cycles, described(case)
            assert (after.walk_cycles or 0) <= (before.walk_cycles or 0), described(case)
            assert after.accesses == before.accesses, described(case)


def _faster(node: Any, field: str, times: float) -> Any:
    bandwidth = getattr(node, field)
    return replace(node, **{field: None if bandwidth is None else bandwidth * times})


def test_double_buffers_cost_room_and_never_cycles() -> None:
    for case in cases(6, 60):
        once, twice = (
            hierarchy_cost(
                case.nest,
                with_levels(case.machine, lambda level: replace(level, buffers=buffers)),  # noqa: B023
                case.mapping,
            )
            for buffers in (1, 2)
        )
        assert (twice.walk_cycles or 0) <= (once.walk_cycles or 0), described(case)
        assert all(before or not after for before, after in zip(once.fits, twice.fits, strict=True)), described(case)
        assert (once.accesses, once.roofline) == (twice.accesses, twice.roofline), described(case)


def test_more_room_never_hurts_and_changes_nothing_else() -> None:
    def roomier(level: Level) -> Level:
        capacity = None if level.capacity_bytes is None else 2 * level.capacity_bytes
        partitions = tuple(None if size is None else size + 3 for size in level.partitions)
        return replace(level, capacity_bytes=capacity, partitions=partitions)

    for case in cases(7, 50):
        before = cost_of(case)
        after = hierarchy_cost(case.nest, with_levels(case.machine, roomier), case.mapping)
        assert all(now or not then for then, now in zip(before.fits, after.fits, strict=True)), described(case)
        assert replace(after, fits=before.fits, utilization=before.utilization) == before, described(case)


def test_halo_never_moves_more() -> None:
    saved = 0
    for case in cases(8, 60):
        without, given = (
            hierarchy_cost(
                case.nest,
                with_levels(case.machine, lambda level: replace(level, halo=halo, dma=None)),  # noqa: B023
                case.mapping,
            )
            for halo in (False, True)
        )
        for before, after in zip(without.accesses, given.accesses, strict=True):
            for t, (whole, part) in enumerate(zip(before, after, strict=True)):
                if whole is None or part is None:
                    assert whole is part, described(case)
                    continue
                assert (part.fill <= whole.fill, part.serve <= whole.serve) == (True, True), described(case)
                assert t != case.nest.output or part == whole, described(case)
                saved += whole.fill - part.fill
    assert saved > 0


def test_multicast_never_sends_more_and_changes_no_fill() -> None:
    saved = 0
    for case in cases(9, 60):
        every = (True,) * len(case.nest.tensors)
        none = (False,) * len(case.nest.tensors)
        shared, copied = (
            hierarchy_cost(
                case.nest,
                with_networks(case.machine, lambda network: replace(network, multicast=multicast)),  # noqa: B023
                case.mapping,
            )
            for multicast in (every, none)
        )
        for with_it, without in zip(shared.accesses, copied.accesses, strict=True):
            for less, more in zip(with_it, without, strict=True):
                if less is None or more is None:
                    continue
                assert less.serve <= more.serve, described(case)
                assert less == replace(more, serve=less.serve), described(case)
                saved += more.serve - less.serve
    assert saved > 0


@pytest.mark.parametrize("name", ACCOUNTINGS)
def test_the_order_of_a_nests_dimensions_is_no_matter(name: AccountingName) -> None:
    for case in cases(10, 30):
        order = Random(case.seed).sample(range(len(case.nest.dims)), len(case.nest.dims))
        place = {d: position for position, d in enumerate(order)}
        nest = replace(
            case.nest,
            dims=permuted(case.nest.dims, order),
            bounds=permuted(case.nest.bounds, order),
            tensors=tuple(replace(t, index=tuple(_moved(axis, place) for axis in t.index)) for t in case.nest.tensors),
            window_dims=frozenset(place[d] for d in case.nest.window_dims),
        )
        mapping = replace(
            case.mapping,
            factors=tuple(permuted(factors, order) for factors in case.mapping.factors),
            orders=tuple(tuple(place[d] for d in loops) for loops in case.mapping.orders),
        )
        before = hierarchy_cost(case.nest, case.machine, case.mapping, accounting(name))
        assert hierarchy_cost(nest, case.machine, mapping, accounting(name)) == before, described(case)


def _moved(axis: AffineIndex, place: dict[int, int]) -> AffineIndex:
    return replace(axis, terms=tuple(sorted((place[d], a) for d, a in axis.terms)))


@pytest.mark.parametrize("name", ACCOUNTINGS)
def test_the_order_of_tensors_and_of_their_axes_is_no_matter_to_counts(name: AccountingName) -> None:
    for case in cases(11, 30):
        random = Random(case.seed)
        order = random.sample(range(len(case.nest.tensors)), len(case.nest.tensors))
        nest = replace(case.nest, tensors=permuted([_with_axes_moved(random, t) for t in case.nest.tensors], order))

        def per_tensor(node: V) -> V:
            values = {field: getattr(node, field) for field in node.__dataclass_fields__}  # type: ignore[attr-defined]
            listed = {field: value for field, value in values.items() if isinstance(value, tuple)}
            return replace(node, **{field: permuted(value, order) for field, value in listed.items()})  # noqa: B023

        machine = with_networks(
            with_levels(case.machine, lambda level: replace(per_tensor(level), dma=None)), per_tensor
        )
        machine = replace(machine, bytes_per_element=permuted(machine.bytes_per_element, order))
        mapping = replace(case.mapping, kept=tuple(permuted(kept, order) for kept in case.mapping.kept))
        plain = with_levels(case.machine, lambda level: replace(level, dma=None))
        before = hierarchy_cost(case.nest, plain, case.mapping, accounting(name))
        after = hierarchy_cost(nest, machine, mapping, accounting(name))
        assert after.accesses == tuple(permuted(row, order) for row in before.accesses), described(case)
        assert after.networks == tuple(permuted(row, order) for row in before.networks), described(case)
        assert after.energy_pj == pytest.approx(before.energy_pj, rel=1e-12), described(case)
        if name != "timeloop":  # which adds rates up in binary64, tensor by tensor
            assert after.roofline == before.roofline, described(case)
        assert (after.walk_cycles, after.fits) == (before.walk_cycles, before.fits), described(case)


def _with_axes_moved(random: Random, tensor: Any) -> Any:
    order = random.sample(range(len(tensor.index)), len(tensor.index))
    return replace(tensor, index=permuted(tensor.index, order), shape=permuted(tensor.shape, order))


@pytest.mark.parametrize("name", ACCOUNTINGS)
def test_constants_and_the_direction_of_an_axis_are_no_matter(name: AccountingName) -> None:
    for case in cases(12, 30):
        random = Random(case.seed)

        def altered(axis: AffineIndex) -> AffineIndex:
            sign = random.choice((1, -1))  # noqa: B023
            terms = tuple((dim, sign * coefficient) for dim, coefficient in axis.terms)
            return AffineIndex(terms, axis.constant + random.randint(-3, 3))  # noqa: B023

        tensors = tuple(replace(t, index=tuple(map(altered, t.index))) for t in case.nest.tensors)
        nest = replace(case.nest, tensors=tensors)
        before = hierarchy_cost(case.nest, case.machine, case.mapping, accounting(name))
        assert hierarchy_cost(nest, case.machine, case.mapping, accounting(name)) == before, described(case)


def test_names_are_no_matter() -> None:
    for case in cases(13):
        new = {t.name: f"tensor_{t.name}" for t in case.nest.tensors}
        dims = {dim: f"dim_{dim}" for dim in case.nest.dims}
        nodes = {node: f"{node} of the machine" for node in case.machine.nodes}
        nest = replace(
            case.nest,
            dims=tuple(dims.values()),
            tensors=tuple(replace(t, name=new[t.name]) for t in case.nest.tensors),
        )
        machine = resolved_machine(Machine.model_validate(_renamed(case.document, new, dims, nodes)), nest)
        document = case.mapping_document
        mapping = level_mapping(
            nest,
            machine,
            document.model_copy(
                update={
                    "tiling": {
                        dims[d]: {nodes[node]: factor for node, factor in factors.items()}
                        for d, factors in document.tiling.items()
                    },
                    "orders": {nodes[n]: tuple(dims[d] for d in order) for n, order in document.orders.items()},
                    "keep": {nodes[n]: tuple(new[t] for t in kept) for n, kept in document.keep.items()},
                }
            ),
        )
        assert mapping == case.mapping, described(case)
        before, after = cost_of(case), hierarchy_cost(nest, machine, mapping)
        assert list(after.energy_parts_pj.values()) == list(before.energy_parts_pj.values()), described(case)
        assert list(after.roofline.values()) == list(before.roofline.values()), described(case)
        same = replace(after, energy_parts_pj=before.energy_parts_pj, roofline=before.roofline)
        assert same == before, described(case)


def _renamed(machine: Machine, tensors: dict[str, str], dims: dict[str, str], nodes: dict[str, str]) -> dict[str, Any]:
    """The machine as JSON, with other names of nodes, dimensions and, in selectors, tensors."""

    def value(given: Any) -> Any:
        return {tensors.get(key, key): v for key, v in given.items()} if isinstance(given, dict) else given

    fields = machine.model_dump(mode="json", exclude_defaults=True)
    fields["nodes"] = [
        {
            field: nodes[given]
            if field in ("storage", "fanout")
            else [dims.get(dim, dim) for dim in given]
            if field == "dims"
            else value(given)
            for field, given in node.items()
        }
        for node in fields["nodes"]
    ]
    return {field: value(given) for field, given in fields.items()}


@pytest.mark.parametrize("name", ACCOUNTINGS)
def test_loops_that_do_not_iterate_may_stand_anywhere(name: AccountingName) -> None:
    for case in cases(14, 30):
        random = Random(case.seed)
        orders = tuple(
            _shuffled_ones(random, order, factors)
            for order, factors in zip(case.mapping.orders, case.mapping.factors, strict=True)
        )
        before = hierarchy_cost(case.nest, case.machine, case.mapping, accounting(name))
        moved = replace(case.mapping, orders=orders)
        assert hierarchy_cost(case.nest, case.machine, moved, accounting(name)) == before, described(case)


def _shuffled_ones(random: Random, order: Sequence[int], factors: Sequence[int]) -> tuple[int, ...]:
    loops = [d for d in order if factors[d] > 1]
    for d in (d for d in order if factors[d] == 1):
        loops.insert(random.randint(0, len(loops)), d)
    return tuple(loops)


def test_a_mapping_costs_the_same_after_its_document() -> None:
    for case in cases(15):
        document = level_mapping_document(case.nest, case.machine, case.mapping)
        again = level_mapping(case.nest, case.machine, document)
        assert (again.factors, again.kept) == (case.mapping.factors, case.mapping.kept), described(case)
        assert hierarchy_cost(case.nest, case.machine, again) == cost_of(case), described(case)


@pytest.mark.parametrize("name", ["executed", "accelforge"])
def test_a_level_that_keeps_nothing_and_a_fanout_of_one_instance_change_no_count(name: AccountingName) -> None:
    for case in cases(16, 60):
        random = Random(case.seed)
        position = random.randint(1, case.machine.num_nodes)
        new: dict[str, Any] = {"storage": "new", "keep": "never"}
        if random.random() < 0.5:
            new = {"fanout": "new", "size": random.choice((1, 5)), "multicast": False}
        fields = case.document.model_dump(mode="json", exclude_defaults=True)
        fields["nodes"].insert(position, new)
        machine = resolved_machine(Machine.model_validate(fields), case.nest)
        mapping = _with_row(case.nest, case.mapping, position, is_level="storage" in new)
        before = hierarchy_cost(case.nest, case.machine, case.mapping, accounting(name))
        after = hierarchy_cost(case.nest, machine, mapping, accounting(name))
        assert _without(after.accesses, position) == before.accesses, described(case)
        assert _without(after.networks, position) == before.networks, described(case)
        assert after.roofline == before.roofline, described(case)
        assert after.energy_pj == before.energy_pj, described(case)


def _with_row(nest: LoopNest, mapping: LevelMapping, position: int, *, is_level: bool) -> LevelMapping:
    order = tuple(range(len(nest.dims))) if is_level else ()
    return LevelMapping(
        _inserted(mapping.factors, position, (1,) * len(nest.dims)),
        _inserted(mapping.orders, position, order),
        _inserted(mapping.kept, position, (False,) * len(nest.tensors)),
    )


def _inserted(rows: tuple[V, ...], position: int, row: V) -> tuple[V, ...]:
    return (*rows[:position], row, *rows[position:])


def _without(rows: tuple[V, ...], position: int) -> tuple[V, ...]:
    return (*rows[:position], *rows[position + 1 :])
