"""The hierarchy model over arrays of mappings: equal to the one-at-a-time model, which has its own references."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from builders import gemm_nest, nest_of
from dmaze.model.hierarchy.accountings import ACCOUNTINGS, EXECUTED, Accounting, AccountingName, accounting
from dmaze.model.hierarchy.exact.exact_cost import hierarchy_cost
from dmaze.model.hierarchy.hierarchy_cost import HierarchyCost
from dmaze.model.hierarchy.level_mapping import LevelMapping, level_mapping
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.hierarchy.resolved_machine import ResolvedMachine, resolved_machine
from dmaze.model.hierarchy.vectorised.count_bounds import most_words, why_too_large
from dmaze.model.hierarchy.vectorised.counts.covered_words import UnrolledAxis
from dmaze.model.hierarchy.vectorised.exact_division import quotient
from dmaze.model.hierarchy.vectorised.hierarchy_batch import BatchedModel, batch_cost
from dmaze.model.hierarchy.vectorised.hierarchy_batch_cost import BatchCost
from dmaze.model.hierarchy.vectorised.mapping_arrays import level_mappings, mapping_arrays
from dmaze.model.layers import nest_from_expressions
from dmaze.model.loop_nest import LoopNest
from hierarchy_cases import HierarchyCase, Source, builtin_machines, hierarchy_cases
from random_hierarchies import random_group, random_mapping

MIXED = range(5_000_000, 5_000_040)
"""Seeds of nests and machines that are costed with many mappings at once."""

SLIDING = {
    "type": "conv2d",
    "name": "c",
    "batch": 2,
    "out_channels": 12,
    "in_channels": 8,
    "in_height": 4 * 7 + 25,
    "in_width": 6 * 8 + 19,
    "kernel_height": 5,
    "kernel_width": 4,
    "stride": [4, 6],
    "dilation": [6, 6],
}
"""Strides and dilations such that copies of intervals meet copies."""


def mappings_of(nest: LoopNest, machine: ResolvedMachine, seed: int, number: int) -> list[LevelMapping]:
    random = Random(seed)
    return [level_mapping(nest, machine, random_mapping(random, nest, machine)) for _ in range(number)]


def cost_of(
    nest: LoopNest, machine: ResolvedMachine, mappings: list[LevelMapping], counted: Accounting = EXECUTED
) -> BatchCost:
    return batch_cost(nest, machine, mapping_arrays(nest, machine, mappings), counted, walk=True)


def rows(cost: BatchCost) -> list[HierarchyCost]:
    return [cost.row(row) for row in range(cost.size)]


def one_by_one(
    nest: LoopNest, machine: ResolvedMachine, mappings: list[LevelMapping], counted: Accounting = EXECUTED
) -> list[HierarchyCost]:
    return [hierarchy_cost(nest, machine, mapping, counted) for mapping in mappings]


@pytest.mark.parametrize("source", ["executed", "timeloop", "accelforge"])
def test_all_reference_cases_cost_the_same_in_batches(source: Source) -> None:
    together: dict[tuple[object, ...], list[HierarchyCase]] = {}
    for case in hierarchy_cases(source):
        together.setdefault((case.nest.key, case.document.model_dump_json()), []).append(case)
    for cases in together.values():
        nest, machine, mappings = cases[0].nest, cases[0].machine, [case.mapping for case in cases]
        found = rows(cost_of(nest, machine, mappings, accounting(source)))
        assert found == one_by_one(nest, machine, mappings, accounting(source))
        assert [cost.cycles for cost in found] == [case.expect["cycles"] for case in cases]
        energies = [case.expect["total_energy_pj"] if source == "executed" else None for case in cases]
        assert all(e is None or round(cost.energy_pj, 6) == e for cost, e in zip(found, energies, strict=True))
    assert sum(map(len, together.values())) == {"executed": 400, "timeloop": 200, "accelforge": 130}[source]


@pytest.mark.parametrize("name", ACCOUNTINGS)
@pytest.mark.parametrize("mac_first_read", [False, True])
def test_batches_that_mix_bypasses_and_orders_cost_what_each_mapping_costs(
    name: AccountingName, mac_first_read: bool
) -> None:
    for seed in MIXED[:13] if mac_first_read else MIXED[13:]:
        cases = random_group(seed, 12, 3000)
        nest, machine, mappings = cases[0].nest, cases[0].machine, [case.mapping for case in cases]
        counted = accounting(name, mac_first_read=mac_first_read)
        assert rows(cost_of(nest, machine, mappings, counted)) == one_by_one(nest, machine, mappings, counted), seed


@pytest.mark.parametrize("document", builtin_machines(), ids=lambda document: document.name)
@pytest.mark.parametrize("name", ACCOUNTINGS)
def test_layers_of_real_size_cost_the_same(document: Machine, name: AccountingName) -> None:
    for nest in (gemm_nest(384, 768, 240), nest_of(SLIDING)):
        machine = resolved_machine(document, nest)
        mappings = mappings_of(nest, machine, 1, 12)
        counted = accounting(name)
        assert rows(cost_of(nest, machine, mappings, counted)) == one_by_one(nest, machine, mappings, counted)


def test_the_totals_of_a_batch_are_those_of_its_rows() -> None:
    nest = nest_of(SLIDING)
    machine = resolved_machine(builtin_machines()[0], nest)
    cost = cost_of(nest, machine, mappings_of(nest, machine, 2, 20))
    each = rows(cost)
    assert cost.energy_pj.tolist() == [row.energy_pj for row in each]
    assert cost.cycles.tolist() == [row.cycles for row in each]
    assert [cost.terms[place] for place in cost.bound_by] == [row.bound_by for row in each]
    assert cost.edp.tolist() == [row.edp for row in each]
    assert len({row.bound_by for row in each}) > 1


def test_pieces_of_any_size_cost_the_same() -> None:
    nest = nest_of(SLIDING)
    machine = resolved_machine(builtin_machines()[1], nest)
    mappings = mappings_of(nest, machine, 3, 20)
    arrays = mapping_arrays(nest, machine, mappings)
    whole = rows(batch_cost(nest, machine, arrays))
    for piece in (1, 7, 10, 20, 21):
        costs = list(BatchedModel(nest, machine, piece=piece).costs(arrays))
        assert [cost.size for cost in costs] == [len(range(20)[at : at + piece]) for at in range(0, 20, piece)]
        assert [row for cost in costs for row in rows(cost)] == whole


def test_the_walk_is_left_out_unless_it_is_asked_for() -> None:
    nest = gemm_nest(4, 6, 8)
    machine = resolved_machine(builtin_machines()[0], nest)
    arrays = mapping_arrays(nest, machine, mappings_of(nest, machine, 4, 3))
    assert batch_cost(nest, machine, arrays).walk_cycles is None
    assert batch_cost(nest, machine, arrays, accounting("timeloop"), walk=True).walk_cycles is None
    costs = list(BatchedModel(nest, machine, piece=2).costs(arrays, walk=True))
    walks = [cost.row(row).walk_cycles for cost in costs for row in range(cost.size)]
    assert walks == [cost.walk_cycles for cost in rows(batch_cost(nest, machine, arrays, walk=True))]
    assert None not in walks


@pytest.mark.parametrize("name", ACCOUNTINGS)
@pytest.mark.parametrize("document", builtin_machines(), ids=lambda document: document.name)
def test_no_mappings_cost_nothing(document: Machine, name: AccountingName) -> None:
    nest = nest_of(SLIDING)
    machine = resolved_machine(document, nest)
    arrays = mapping_arrays(nest, machine, [])
    (cost,) = BatchedModel(nest, machine, accounting(name)).costs(arrays, walk=True)
    assert (cost.size, rows(cost), level_mappings(nest, machine, arrays)) == (0, [], [])
    assert cost.fits.shape == (machine.num_nodes, 0)


def test_arrays_hold_what_the_mappings_hold() -> None:
    for seed in MIXED:
        cases = random_group(seed, 4)
        nest, machine, mappings = cases[0].nest, cases[0].machine, [case.mapping for case in cases]
        assert level_mappings(nest, machine, mapping_arrays(nest, machine, mappings)) == mappings


def test_arrays_of_another_nest_or_machine_are_refused() -> None:
    nest = gemm_nest(4, 6, 8)
    machine, other = (resolved_machine(document, nest) for document in builtin_machines()[:2])
    arrays = mapping_arrays(nest, machine, mappings_of(nest, machine, 5, 2))
    with pytest.raises(ValueError, match=r"factors: expected an array of shape \(2, 7, 3\), got \(2, 4, 3\)\norders: "):
        batch_cost(nest, other, arrays)
    with pytest.raises(ValueError, match="factors: expected products over the nodes that are the bounds of the nest"):
        batch_cost(gemm_nest(4, 6, 9), resolved_machine(builtin_machines()[0], gemm_nest(4, 6, 9)), arrays)


def large_nest(coefficient: int) -> LoopNest:
    """A nest of 3**28 = 2**44.4 multiply-accumulates; of the first tensor ``coefficient**2`` times as many words."""
    sparse = [{"m": coefficient}, {"k": coefficient}]
    tensors = {"A": sparse, "B": [{"k": 1}, {"n": 1}], "C": [{"m": 1}, {"n": 1}]}
    return nest_from_expressions({"m": 3**9, "n": 3**10, "k": 3**9}, tensors, "C")


LARGE_MACHINE = Machine.model_validate(
    {
        "name": "large",
        "clock_mhz": 500,
        "mac_pj": 0.3,
        "nodes": [
            {"storage": "DRAM", "read_pj": 200.1, "write_pj": 199.9, "bandwidth": 0.7},
            {
                "storage": "L1",
                "capacity_bytes": 12,
                "dma": {"init_cycles": 3, "cycles_per_byte": 0.24, "clock_mhz": 300},
            },
            {"fanout": "X", "size": 243, "multicast": False, "word_pj": 0.7, "add_pj": 0.1, "bandwidth": 1.3},
            {"storage": "L2", "halo": True, "read_pj": 1.1, "write_pj": 1.3, "read_bandwidth": 3},
        ],
    }
)


@pytest.mark.parametrize("name", ACCOUNTINGS)
def test_counts_beyond_the_integers_of_binary64_stay_exact(name: AccountingName) -> None:
    nest = large_nest(61)
    machine = resolved_machine(LARGE_MACHINE, nest)
    mappings = mappings_of(nest, machine, 6, 60)
    cost = cost_of(nest, machine, mappings, accounting(name))
    assert int(cost.accesses.max()) > 2**53
    assert rows(cost) == one_by_one(nest, machine, mappings, accounting(name))


def test_what_may_not_fit_the_integers_of_the_model_is_refused() -> None:
    nest = large_nest(1000)
    machine = resolved_machine(LARGE_MACHINE, nest)
    with pytest.raises(OverflowError, match="the vectorised model cannot count this: words moved may exceed 2"):
        cost_of(nest, machine, mappings_of(nest, machine, 7, 1))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"bytes_per_element": 2**31 - 1}, "bytes of tiles"),
        ({"nodes": [{"storage": "DRAM", "bandwidth": 1e-9}]}, "cycles"),
        ({"nodes": [{"storage": "DRAM"}, {"fanout": "X", "size": 2, "bandwidth": 2e-9}]}, "cycles"),
    ],
)
def test_machines_may_not_take_counts_beyond_the_integers_of_the_model(change: dict[str, object], what: str) -> None:
    nest = large_nest(2)
    document = Machine.model_validate({**LARGE_MACHINE.model_dump(), **change})
    assert why_too_large(nest, resolved_machine(LARGE_MACHINE, nest)) is None
    assert why_too_large(nest, resolved_machine(document, nest)) == f"{what} may exceed 2**63"


def test_offsets_that_need_too_many_bits_are_refused() -> None:
    """A step and a factor share 64 bits: here 39 and 30 of them."""
    nest = nest_from_expressions({"x": 2**29, "r": 2}, {"A": [{"x": 600, "r": 1}], "C": [{"x": 1}]}, "C")
    assert why_too_large(nest, resolved_machine(LARGE_MACHINE, nest)) == "offsets of tiles may exceed 2**63"


def test_no_count_exceeds_the_bound_that_is_known_beforehand() -> None:
    reached = 0.0
    for seed in MIXED[:20]:
        cases = random_group(seed, 8, 3000)
        nest, machine, mappings = cases[0].nest, cases[0].machine, [case.mapping for case in cases]
        for name in ACCOUNTINGS:
            cost = cost_of(nest, machine, mappings, accounting(name))
            for tensor, bound in enumerate(most_words(nest, tensor) for tensor in nest.tensors):
                most = max(int(cost.accesses[:, :, tensor].max()), int(cost.networks[:, :, tensor].max(initial=0)))
                assert most <= bound
                reached = max(reached, most / bound)
    assert reached == 1


def test_words_along_an_axis_are_those_of_all_intervals() -> None:
    random, enumerated = Random(8), 0
    for _ in range(150):
        number, size = random.choice((0, 1, 2, 3, 4)), 12
        steps = [[random.choice((1, 2, 3, 5, 8, 13, 40)) for _ in range(size)] for _ in range(number)]
        counts = [[random.choice((1, 1, 2, 3, 5)) for _ in range(size)] for _ in range(number)]
        lengths = [random.choice((0, 1, 2, 3, 7, 20)) for _ in range(size)]
        axis = UnrolledAxis(3)
        for step, count in zip(steps, counts, strict=True):
            axis = axis.unrolled(np.array(step), np.array(count))
        found = axis.covered(np.array(lengths)).tolist()
        for row, length in enumerate(lengths):
            starts = {0}
            for step, count in zip(steps, counts, strict=True):
                starts = {start + step[row] * i for start in starts for i in range(count[row])}
            assert found[row] == len({start + i for start in starts for i in range(length)})
            enumerated += len(starts) > 4
    assert enumerated > 300


def test_quotients_are_rounded_once() -> None:
    random = Random(9)
    dividends = [random.randrange(2 ** random.randrange(1, 63)) for _ in range(400)]
    divisors = [random.randrange(1, 2 ** random.randrange(1, 63)) for _ in range(400)]
    exact = [dividend / divisor for dividend, divisor in zip(dividends, divisors, strict=True)]
    assert quotient(np.array(dividends), np.array(divisors)).tolist() == exact
    twice = np.array(dividends) / np.array(divisors)
    assert twice.tolist() != exact
    assert quotient(np.array(dividends), 3).tolist() == [dividend / 3 for dividend in dividends]


def test_a_level_without_limits_has_no_utilization() -> None:
    nest = gemm_nest(4, 6, 8)
    machine = resolved_machine(builtin_machines()[1], nest)
    cost = cost_of(nest, machine, mappings_of(nest, machine, 10, 3))
    assert [share is None for share in cost.utilization] == [True, *([False] * 6)]


def test_prices_change_nothing_but_energy() -> None:
    nest = nest_of(SLIDING)
    machine = resolved_machine(builtin_machines()[5], nest)
    free = replace(machine, levels=tuple(replace(level, read_pj=(0.0,) * 3) for level in machine.levels))
    mappings = mappings_of(nest, machine, 11, 5)
    paid, unpaid = rows(cost_of(nest, machine, mappings)), rows(cost_of(nest, free, mappings))
    assert [replace(cost, energy_parts_pj={}) for cost in paid] == [
        replace(cost, energy_parts_pj={}) for cost in unpaid
    ]
    assert unpaid == one_by_one(nest, free, mappings)
    assert all(cheap.energy_pj < dear.energy_pj for cheap, dear in zip(unpaid, paid, strict=True))
