"""The exact hierarchy model against an executor's counts, timeloop-model and AccelForge: every number, exactly."""

from __future__ import annotations

from typing import Any

import pytest
from dmaze.model.hierarchy.accountings import accounting
from dmaze.model.hierarchy.exact.exact_cost import hierarchy_cost
from dmaze.model.hierarchy.hierarchy_cost import Access, HierarchyCost
from hierarchy_cases import HierarchyCase, hierarchy_cases

EXECUTED, TIMELOOP, ACCELFORGE = (hierarchy_cases(source) for source in ("executed", "timeloop", "accelforge"))

SUMMED = 1e-12
"""Timeloop-model adds the same products up in another order."""


def named(case: HierarchyCase, rows: tuple[tuple[Any, ...], ...]) -> dict[str, dict[str, Any]]:
    """Values by node and tensor, without what is absent."""
    tensors = [tensor.name for tensor in case.nest.tensors]
    found = {
        node: {tensor: value for tensor, value in zip(tensors, row, strict=True) if value is not None}
        for node, row in zip(case.machine.nodes, rows, strict=True)
    }
    return {node: values for node, values in found.items() if values}


def accesses(case: HierarchyCase, cost: HierarchyCost) -> dict[str, dict[str, list[int]]]:
    return {
        node: {tensor: [a.fill, a.serve, a.drain, a.update] for tensor, a in values.items()}
        for node, values in named(case, cost.accesses).items()
    }


@pytest.mark.parametrize("case", EXECUTED, ids=lambda case: str(case.id))
def test_every_count_is_the_executors(case: HierarchyCase) -> None:
    cost, expect = hierarchy_cost(case.nest, case.machine, case.mapping), case.expect
    nodes = case.machine.nodes
    assert accesses(case, cost) == expect["accesses"]
    networks = {
        node: {tensor: [t.down, t.up, t.adds] for tensor, t in values.items()}
        for node, values in named(case, cost.networks).items()
    }
    assert networks == expect["networks"]
    busiest = {name: list(words) for name, words in zip(nodes, cost.busiest, strict=True) if words is not None}
    assert busiest == expect["busiest"]
    held = named(case, cost.held)
    assert {node: held.get(node, {}) for node in expect["held"]} == expect["held"]
    assert {nodes[node]: cycles for node, cycles in cost.dma_cycles.items()} == expect["dma_cycles"]
    assert dict(zip(nodes[1:], cost.fits[1:], strict=True)) == expect["fits"]
    parts = {part: round(energy, 6) for part, energy in cost.energy_parts_pj.items()}
    assert parts == expect["energy_pj"]
    assert round(cost.energy_pj, 6) == expect["total_energy_pj"]
    assert cost.roofline == expect["roofline"]
    assert (cost.cycles, cost.walk_cycles) == (expect["cycles"], expect["walk_cycles"])


@pytest.mark.parametrize("case", TIMELOOP, ids=lambda case: str(case.id))
def test_the_preset_timeloop_counts_what_timeloop_model_counts(case: HierarchyCase) -> None:
    cost, expect = hierarchy_cost(case.nest, case.machine, case.mapping, accounting("timeloop")), case.expect
    kept = named(case, cost.accesses)
    found = {
        level: {tensor: _per_instance(access, instances[3]) for tensor, access in kept.get(level, {}).items()}
        for level, counts in expect["counts"].items()
        for instances in [next(iter(counts.values()), [0, 0, 0, 1])]
    }
    assert found == expect["counts"]
    parts = {part.replace("mac", "MAC"): energy for part, energy in cost.energy_parts_pj.items()}
    assert {part: parts[part] for part in expect["energy_pj"]} == pytest.approx(expect["energy_pj"], rel=SUMMED)
    assert cost.energy_pj == pytest.approx(expect["total_energy_pj"], rel=SUMMED)
    assert (cost.cycles, cost.walk_cycles) == (expect["cycles"], None)


def _per_instance(access: Access, instances: int) -> list[int]:
    words = [access.serve, access.fill, access.update]
    assert all(count % instances == 0 for count in words)
    return [*(count // instances for count in words), instances]


@pytest.mark.parametrize("case", ACCELFORGE, ids=lambda case: str(case.id))
def test_the_preset_accelforge_counts_what_accelforge_counts(case: HierarchyCase) -> None:
    cost, expect = hierarchy_cost(case.nest, case.machine, case.mapping, accounting("accelforge")), case.expect
    found = {
        level: {tensor: [access.reads, access.writes] for tensor, access in values.items()}
        for level, values in named(case, cost.accesses).items()
    }
    assert found == expect["reads_writes"]
    assert (cost.energy_pj, cost.cycles) == (expect["energy_pj"], expect["cycles"])


def test_all_reference_cases_are_there() -> None:
    assert [len(cases) for cases in (EXECUTED, TIMELOOP, ACCELFORGE)] == [400, 200, 130]
