"""The preset ends where the published optimizer's automatic pruning ends, round by round."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from builders import Specs, gemm, only, problem_of
from dmaze.model.dmazerunner.constraints import Constraints, MinUtilization
from dmaze.model.documents.result import LayerResult
from dmaze.model.documents.spec import Spec
from dmaze.solver import LayerProblem, SearchOutcome, enumerate_mappings, solve
from dmaze.solver.deadline import Deadline
from dmaze.solver.enumeration.stream import TilingStream
from dmaze.solver.pipeline.presets import Resolved, resolve_preset, rounds
from reference import load

CASES: list[dict[str, Any]] = load("auto_search.json")
CASE_NAMES = [case["layer"]["name"] for case in CASES]
PRESET = "dmazerunner-auto"
TOO_SMALL = gemm(2, 3, 4)
"""A layer with 24 multiply-accumulates: less than a tenth of 256 PEs."""

STUDY = {"conv1": 46812, "conv2_2": 122092, "conv3_2": 53690, "conv4_2": 10938, "conv5_1": 877, "conv5_2": 753}
"""Tilings of the study's layers that pass the first round."""

spec = Specs(constraints={"preset": PRESET})


def found_for(layer: dict[str, Any], run: Callable[[Spec], Any] = enumerate_mappings, **fields: Any) -> LayerResult:
    return only(run(spec(layer, **fields)))


def problem(layer: dict[str, Any], **constraints: Any) -> LayerProblem:
    return problem_of(layer, preset=PRESET, **constraints)


def resolve(layer: dict[str, Any], **constraints: Any) -> Resolved:
    return resolve_preset(problem(layer, **constraints), Deadline.after(60))


@pytest.mark.parametrize("case", CASES, ids=CASE_NAMES)
def test_rounds_have_the_published_thresholds_and_numbers_of_tilings(case: dict[str, Any]) -> None:
    asked = problem(case["layer"])
    for found, expected in zip(rounds(), case["rounds"], strict=False):
        assert found.thresholds == MinUtilization(**expected["min_utilization"])
        assert found.rules == expected["rules"]
        constraints = found.constraints(asked.constraints)
        stream = TilingStream(replace(asked, constraints=constraints))
        assert sum(levels.shape[2] for levels in stream) == expected["tilings"]
    last = list(rounds())[len(case["rounds"]) - 1]
    assert resolve(case["layer"]) == Resolved(last.constraints(asked.constraints), last.thresholds)


@pytest.mark.parametrize(("objective", "least"), [("edp", "edp"), ("energy", "energy_pj"), ("latency", "cycles")])
@pytest.mark.parametrize("case", CASES, ids=CASE_NAMES)
def test_the_last_round_has_the_published_minima(case: dict[str, Any], objective: str, least: str) -> None:
    found = found_for(case["layer"], objective=objective)
    assert (found.status, found.gap, found.evaluated) == ("optimal", 0.0, case["evaluated"])
    assert found.objective_value == case[f"min_{least}"]
    assert found.thresholds == MinUtilization(**case["rounds"][-1]["min_utilization"])


def test_the_layers_of_the_study_need_one_round() -> None:
    result = enumerate_mappings(spec(workload="resnet-study"))
    assert {layer.name: layer.evaluated for layer in result.layers} == STUDY
    assert {layer.thresholds for layer in result.layers} == {MinUtilization(pe=0.8, rf=0.8, spm=0.5)}
    assert result.constraints.preset == PRESET


def test_both_rules_are_on_until_a_threshold_falls_to_0_3() -> None:
    for case in CASES:
        constraints, rules = resolve(case["layer"]).constraints, case["rounds"][-1]["rules"]
        assert (constraints.no_spatial_reduction, constraints.no_feature_from_dram) == (rules, rules)
        assert constraints.preset is None


def test_rounds_end_when_a_threshold_would_be_negative() -> None:
    *_, last = rounds()
    assert len(list(rounds())) == 8
    assert last.thresholds.pe == last.thresholds.rf == 0.8 - 0.1 - 0.1 - 0.1 - 0.1 - 0.1 - 0.1 - 0.1
    assert last.thresholds.spm == 0.5 - 0.1 - 0.1 - 0.1 - 0.1 - 0.1
    assert (last.rules, last.enough) == (False, 1)


def test_constraints_beside_the_preset_stay_in_force() -> None:
    layer = CASES[CASE_NAMES.index("gemm_1000")]["layer"]
    beside: dict[str, Any] = {"spatial_dims": ("M",), "fixed": {"K": {"spm": 1}}, "max_dram_bytes": 10**12}
    resolved = resolve(layer, **beside)
    assert resolved.thresholds != resolve(layer).thresholds  # at most 250 of 256 PEs, in fewer ways
    kept = resolved.constraints
    assert (kept.spatial_dims, kept.fixed["K"].given(), kept.max_dram_bytes) == (("M",), {"spm": 1}, 10**12)
    found = found_for(layer, constraints=beside)
    assert found.thresholds == resolved.thresholds
    for solution in found.solutions:
        tiling = solution.mapping.tiling
        assert (tiling["N"].spatial, tiling["K"].spatial, tiling["K"].spm) == (1, 1, 1)


@pytest.mark.parametrize("backend", ["exhaustive", "cp-sat"])
def test_giving_up_makes_a_layer_infeasible(backend: str) -> None:
    found = found_for(TOO_SMALL, solve, solver={"backend": backend})
    assert (found.status, found.conflicts, found.solutions) == ("infeasible", ("preset",), ())
    *_, last = rounds()
    assert (found.thresholds, found.evaluated) == (last.thresholds, 0)


def test_what_clashes_with_the_preset_is_named_beside_it() -> None:
    layer = CASES[CASE_NAMES.index("gemm_1000")]["layer"]
    found = found_for(layer, constraints={"spatial_dims": []})
    assert (found.status, found.conflicts) == ("infeasible", ("preset", "spatial_dims"))
    found = found_for(layer, constraints={"max_dram_bytes": 10})
    assert (found.status, found.conflicts) == ("infeasible", ("max_dram_bytes",))
    assert found.thresholds == MinUtilization(pe=0.8, rf=0.8, spm=0.5)


def test_a_preset_that_is_not_counted_in_time_leaves_the_layer_unknown() -> None:
    resolved = resolve_preset(problem(CASES[0]["layer"]), Deadline.after(-1))
    assert resolved.outcome == SearchOutcome((), None, exhausted=False)
    found = found_for(CASES[0]["layer"], solver={"time_limit_s": 1e-9})
    assert (found.status, found.thresholds, found.conflicts) == ("unknown", None, ())
    assert found.note == "out of time while counting the tilings of dmazerunner-auto"


def test_without_a_preset_constraints_are_as_given() -> None:
    given = Constraints(no_spatial_reduction=True)
    without = LayerProblem(problem(TOO_SMALL).nest, problem(TOO_SMALL).architecture, given, "edp")
    assert resolve_preset(without, Deadline.after(0)) == Resolved(given)
