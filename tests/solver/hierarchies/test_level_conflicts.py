"""Why a hierarchy has no mapping of a layer."""

from __future__ import annotations

import pytest
from dmaze.model.hierarchy.constraints.level_constraints import LevelConstraints
from dmaze.model.hierarchy.hierarchy_model import MODEL
from dmaze.model.hierarchy.machine import Machine
from dmaze.solver.backend import LayerProblem, LevelsProblem
from dmaze.solver.hierarchies.level_conflicts import find_level_conflicts
from hierarchy_cases import nest_of
from reference import load
from test_level_enumeration import problem


def test_a_layer_that_has_a_mapping_has_no_conflicts() -> None:
    assert find_level_conflicts(problem(), 10.0) == ()


@pytest.mark.parametrize(
    ("constraints", "names"),
    [
        ({"fixed": {"M": {"X": 4}, "N": {"X": 2}}}, ("nodes.X.size", "fixed.M.X", "fixed.N.X")),
        (
            {"min_factor": {"M": {"RF": 4}, "N": {"RF": 2}}},
            ("nodes.RF.capacity_bytes", "min_factor.M.RF", "min_factor.N.RF"),
        ),
        (
            {"min_utilization": {"X": 0.9}, "max_factor": {"M": {"X": 3}}, "dims": {"X": ["M"]}},
            ("min_utilization.X", "max_factor.M.X", "dims.X"),
        ),
        (
            {"keep": {"GLB": {"*": "never"}}, "min_utilization": {"GLB": 0.1}},
            ("min_utilization.GLB", "keep.GLB.A", "keep.GLB.B", "keep.GLB.C"),
        ),
        ({"max_words": {"DRAM": 43}}, ("max_words.DRAM",)),
    ],
)
def test_what_is_named_clashes_and_nothing_else(constraints: dict[str, object], names: tuple[str, ...]) -> None:
    found = find_level_conflicts(problem("energy", **constraints), 20.0)
    assert set(found) == set(names)


def test_a_machine_that_is_too_small_is_named() -> None:
    case = next(case for case in load("hierarchy/optima.json")["cases"] if case.get("infeasible"))
    nest, machine = nest_of(case["layer"]), Machine.model_validate(case["architecture"])
    asked: LevelsProblem = LayerProblem(nest, machine, LevelConstraints(), "edp", cost_model=MODEL)
    assert len(find_level_conflicts(asked, 10.0)) == 1


def test_without_time_every_rule_is_named() -> None:
    constraints = {"fixed": {"M": {"X": 4}, "N": {"X": 2}}, "keep": {"RF": {"A": "must"}}}
    assert set(find_level_conflicts(problem("energy", **constraints), 0.0)) >= {
        "nodes.X.size",
        "fixed.M.X",
        "fixed.N.X",
    }
