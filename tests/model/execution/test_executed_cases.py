"""The executor's counts are those of an independent executor, case by case, and do not depend on how time is cut."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import pytest
from dmaze.model.execution.executing import Execution, execute
from hierarchy_cases import HierarchyCase, hierarchy_cases
from paths import ROOT
from random_hierarchies import random_case

V = TypeVar("V")

SLICES = 8
"""Parts into which the reference cases are cut, each a test."""


def by_name(case: HierarchyCase, values: Mapping[tuple[int, int], V]) -> dict[str, dict[str, V]]:
    found: dict[str, dict[str, V]] = {}
    for (node, tensor), value in values.items():
        found.setdefault(case.machine.nodes[node], {})[case.nest.tensors[tensor].name] = value
    return found


def figures(case: HierarchyCase, execution: Execution) -> dict[str, Any]:
    """What an execution found, in the form of the reference cases."""
    cost, nodes = execution.cost, case.machine.nodes
    accesses = {key: [a.fill, a.serve, a.drain, a.update] for key, a in cost.accesses.items()}
    networks = {key: [link.down, link.up, link.adds] for key, link in cost.networks.items()}
    return {
        "accesses": by_name(case, accesses),
        "networks": by_name(case, networks),
        "busiest": {nodes[node]: list(words) for node, words in cost.busiest.items()},
        "held": by_name(case, cost.held),
        "dma_cycles": {nodes[node]: cycles for node, cycles in cost.dma_cycles.items()},
        "fits": {nodes[node]: fits for node, fits in cost.fits.items()},
        "energy_pj": {part: round(energy, 6) for part, energy in cost.energy_parts_pj.items()},
        "total_energy_pj": round(cost.energy_pj, 6),
        "roofline": cost.roofline,
        "cycles": cost.cycles,
        "walk_cycles": cost.walk_cycles,
    }


def expected(case: HierarchyCase) -> dict[str, Any]:
    """The figures of a reference case, without entries of levels that keep nothing."""
    return {**case.expect, "held": {level: held for level, held in case.expect["held"].items() if held}}


def test_all_reference_cases_are_here() -> None:
    assert len(hierarchy_cases("executed")) == 400
    assert all(
        case.expect.keys() == figures(case, execute_case(case)).keys() for case in hierarchy_cases("executed")[:5]
    )


def execute_case(case: HierarchyCase, words_at_once: int = 1 << 18) -> Execution:
    return execute(case.nest, case.machine, case.mapping, words_at_once=words_at_once)


@pytest.mark.parametrize("part", range(SLICES))
def test_every_figure_equals_the_reference_and_the_output_is_numpys(part: int) -> None:
    for case in hierarchy_cases("executed")[part::SLICES]:
        execution = execute_case(case)
        assert (execution.output_equals, execution.faults) == (True, ()), case.id
        assert figures(case, execution) == expected(case), case.id


@pytest.mark.parametrize("words_at_once", [1, 5, 40])
def test_walking_single_steps_counts_the_same_as_walking_many_at_once(words_at_once: int) -> None:
    for case in hierarchy_cases("executed")[3::60]:
        assert execute_case(case, words_at_once) == execute_case(case), case.id


def test_the_words_of_the_operands_change_no_count() -> None:
    case = random_case(7)
    executions = [execute(case.nest, case.machine, case.mapping, seed=seed) for seed in (0, 1)]
    assert executions[0] == executions[1]
    assert executions[0].is_sound


def test_the_executor_imports_nothing_that_counts() -> None:
    imported = {
        line.strip()
        for path in sorted((ROOT / "model" / "execution").glob("*.py"))
        for line in re.findall(r"^\s*(?:from|import) .*hierarchy.*", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    modules = {line.split()[1].removeprefix("..hierarchy.") for line in imported}
    assert modules == {"hierarchy_cost", "level_mapping", "resolved_machine"}
