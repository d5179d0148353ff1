"""The implementations of the hierarchy model on the same random cases: formula, arrays, and real words that move."""

from __future__ import annotations

import pytest
from dmaze.model.execution.executing import execute
from dmaze.model.hierarchy.accountings import ACCOUNTINGS, AccountingName, accounting
from dmaze.model.hierarchy.exact.exact_cost import hierarchy_cost
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.hierarchy.vectorised.hierarchy_batch import batch_cost
from dmaze.model.hierarchy.vectorised.mapping_arrays import mapping_arrays
from dmaze.model.loop_nest import MAX_MACS
from hierarchy_agreement import differences_of_costs, differences_of_execution
from hierarchy_cases import builtin_machines
from plain_strides import PlainStrides
from plain_walk import PlainWalk
from random_hierarchies import RandomCase, described, random_case, random_cases, random_group
from random_layers import KINDS

EXECUTED_OF_A_KIND = 80
"""Cases of every kind of nest that are executed."""
LARGE = 3000
"""Multiply-accumulates of a nest that is not small."""


@pytest.mark.parametrize("place", range(len(KINDS)), ids=list(KINDS))
def test_what_is_counted_is_what_moves(place: int) -> None:
    for number in range(EXECUTED_OF_A_KIND):
        check_execution(random_case(number * len(KINDS) + place))


def test_what_is_counted_is_what_moves_in_larger_nests() -> None:
    for case in random_cases(range(1_000_000, 1_000_060), LARGE):
        check_execution(case)


@pytest.mark.parametrize("document", builtin_machines(), ids=lambda document: document.name)
def test_what_is_counted_on_a_built_in_machine_is_what_moves(document: Machine) -> None:
    for seed in range(13):
        check_execution(random_group(seed, 1, on=document)[0])


def check_execution(case: RandomCase) -> None:
    cost = hierarchy_cost(case.nest, case.machine, case.mapping)
    found = differences_of_execution(cost, execute(case.nest, case.machine, case.mapping))
    assert found == [], described(case)


@pytest.mark.parametrize("mac_first_read", [False, True])
@pytest.mark.parametrize("name", ACCOUNTINGS)
def test_many_mappings_at_once_cost_what_each_one_costs(name: AccountingName, mac_first_read: bool) -> None:
    counted = accounting(name, mac_first_read=mac_first_read)
    for seed in range(2_000_000, 2_000_000 + (13 if mac_first_read else 65)):
        cases = random_group(seed, 6)
        nest, machine = cases[0].nest, cases[0].machine
        arrays = mapping_arrays(nest, machine, [case.mapping for case in cases])
        batch = batch_cost(nest, machine, arrays, counted, walk=True)
        for row, case in enumerate(cases):
            cost = hierarchy_cost(nest, machine, case.mapping, counted)
            assert differences_of_costs(cost, batch.row(row)) == [], described(case)


@pytest.mark.parametrize("name", ACCOUNTINGS)
@pytest.mark.parametrize("most_macs", [1 << 32, MAX_MACS])
def test_counts_of_many_mappings_at_once_are_exact_or_refused(most_macs: int, name: AccountingName) -> None:
    refused, largest = 0, 0
    for seed in range(8_000_000, 8_000_026):
        cases = random_group(seed, 2, most_macs)
        nest, machine = cases[0].nest, cases[0].machine
        arrays = mapping_arrays(nest, machine, [case.mapping for case in cases])
        try:
            batch = batch_cost(nest, machine, arrays, accounting(name), walk=True)
        except OverflowError:
            refused += 1
            continue
        for row, case in enumerate(cases):
            cost = hierarchy_cost(nest, machine, case.mapping, accounting(name))
            assert differences_of_costs(cost, batch.row(row)) == [], described(case)
            largest = max(largest, *(access.update for access in cost.accesses[0] if access is not None))
    assert refused <= 2
    assert largest > most_macs >> 4


def test_the_walk_takes_as_long_as_a_walk_through_every_tuple() -> None:
    stalled = 0
    for case in random_cases(range(3_000_000, 3_000_130)):
        cost = hierarchy_cost(case.nest, case.machine, case.mapping)
        walked = PlainWalk(case.nest, case.machine, case.mapping).cycles()
        assert cost.walk_cycles == max(cost.cycles, walked), described(case)
        stalled += walked > cost.cycles
    assert stalled > 90


def test_timeloops_words_are_those_of_a_walk_through_every_tuple() -> None:
    for case in random_cases(range(4_000_000, 4_000_130)):
        cost = hierarchy_cost(case.nest, case.machine, case.mapping, accounting("timeloop"))
        strides = PlainStrides(case.nest, case.machine, case.mapping)
        for level in case.machine.levels:
            assert cost.accesses[level.node] == strides.accesses(level.node), described(case)
        assert cost.cycles == strides.cycles(), described(case)
