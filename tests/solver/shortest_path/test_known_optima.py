"""Optima that other programs have proved: by costing every mapping, or for a model that is nowhere above ours."""

from __future__ import annotations

import math
from typing import Any

import pytest
from dmaze.model.hierarchy.constraints.level_constraints import LevelConstraints
from dmaze.model.hierarchy.constraints.resolved_constraints import ResolvedConstraints, resolved_constraints
from dmaze.model.hierarchy.exact.exact_cost import hierarchy_cost
from dmaze.model.hierarchy.level_mapping import LevelMappingDocument, illegalities, level_mapping
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.hierarchy.resolved_machine import resolved_machine
from dmaze.model.objectives import OBJECTIVES, Objective
from dmaze.solver.deadline import NEVER
from dmaze.solver.shortest_path.bounds import cost_to_go
from dmaze.solver.shortest_path.programme import Programme, Task
from dmaze.solver.shortest_path.space.map_space import MapSpace
from dmaze.solver.shortest_path.sweeping import level_loops
from hierarchy_cases import nest_of
from reference import load

CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in load("hierarchy/optima.json")["cases"]}
TINY = [name for name in CASES if name.startswith("tiny_")]
QUICK = [
    *(f"{layer}_array-256" for layer in ("gemm1000", "gemm4096", "attn")),
    *(f"{layer}_systolic-256x256" for layer in ("gemm1000", "gemv", "conv5_2")),
    *(f"{layer}_dmazerunner-256pe" for layer in ("gemm1000", "conv5_2")),
    *("conv5_2_array-256", "conv5_2_five-level", "gemm1000_five-level"),
]
"""Layers of real size that are proved within about a second each."""
CLOSE = 1e-9


def constraints_of(case: dict[str, Any]) -> ResolvedConstraints:
    nest = nest_of(case["layer"])
    machine = resolved_machine(Machine.model_validate(case["architecture"]), nest)
    return resolved_constraints(nest, machine, LevelConstraints())


def proved(case: dict[str, Any], objective: Objective) -> Programme:
    """The finished search for the optimum of a case."""
    programme = Programme(MapSpace(constraints_of(case)), Task(objective, NEVER))
    assert programme.run(CLOSE / 10, lambda: None)
    return programme


def check(case: dict[str, Any], objective: Objective) -> None:
    found = proved(case, objective)
    expected, asked = case[objective], constraints_of(case)
    mapping = found.best[0].mapping
    cost = hierarchy_cost(asked.nest, asked.machine, mapping)
    assert not list(illegalities(asked.nest, asked.machine, mapping))
    assert all(cost.fits)
    assert found.value == OBJECTIVES[objective].of_cost(cost.energy_pj, cost.cycles)
    assert found.bound <= found.value
    least, most = (expected.get(end, expected.get("value")) for end in ("value_at_least", "value_at_most"))
    slack = 0.0 if objective == "latency" else CLOSE
    assert least * (1 - slack) <= found.value <= most * (1 + slack)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("name", [name for name in TINY if "infeasible" not in CASES[name]])
def test_optimum_among_all_mappings_is_found(name: str, objective: Objective) -> None:
    check(CASES[name], objective)


@pytest.mark.parametrize("name", ["tiny_gemm_4l_1f_bypass_bytes", "tiny_conv1d_3l_1f_dma_banks"])
def test_searches_of_many_labels_and_large_tables_go_step_by_step_to_the_same_optimum(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = proved(CASES[name], "edp")
    monkeypatch.setattr(level_loops, "MOST_TOGETHER", 0)
    monkeypatch.setattr(cost_to_go, "MOST_AT_ONCE", 1)
    by_steps = proved(CASES[name], "edp")
    assert (by_steps.value, by_steps.sweeps) == (together.value, together.sweeps)
    check(CASES[name], "edp")


@pytest.mark.parametrize("name", QUICK)
def test_optimum_of_a_layer_of_real_size_is_found(name: str) -> None:
    case = CASES[name]
    for objective in OBJECTIVES:
        if case.get(objective) is not None:
            check(case, objective)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_nothing_fits_a_memory_too_small(objective: Objective) -> None:
    (case,) = (case for case in CASES.values() if case.get("infeasible"))
    found = proved(case, objective)
    assert (found.best, found.bound, found.value) == ([], math.inf, math.inf)


def test_mappings_given_there_cost_what_is_said() -> None:
    for case in CASES.values():
        asked = constraints_of(case)
        for objective, rule in OBJECTIVES.items():
            expected = case.get(objective)
            if expected is not None:
                document = LevelMappingDocument.model_validate(expected["mapping"])
                cost = hierarchy_cost(asked.nest, asked.machine, level_mapping(asked.nest, asked.machine, document))
                value = rule.of_cost(cost.energy_pj, cost.cycles)
                assert value == pytest.approx(expected.get("value", expected.get("value_at_most")), rel=CLOSE)
