"""Searches that end early, by a limit or by Ctrl-C, and what they report."""

from __future__ import annotations

import math
import time

import pytest
from dmaze.model.faults import InputError
from dmaze.model.hierarchy.constraints.level_constraints import LevelConstraints
from dmaze.model.hierarchy.hierarchy_model import MODEL
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.objectives import OBJECTIVES, Objective
from dmaze.solver.backend import LayerProblem, Progress, SearchLimits
from dmaze.solver.shortest_path import BACKEND
from hierarchy_cases import builtin_machines, nest_of
from random_hierarchies import random_case
from reference import load
from shortest_path_agreement import EXACT, search, wrong_candidates

CASES = {case["name"]: case for case in load("hierarchy/optima.json")["cases"]}
LIMITS_S = (0.0, 0.001, 0.02, 0.1, 0.4)


def problem(name: str, objective: Objective) -> LayerProblem:
    case = CASES[name]
    machine = Machine.model_validate(case["architecture"])
    return LayerProblem(nest_of(case["layer"]), machine, LevelConstraints(), objective, (), MODEL)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_search_ends_within_its_time_with_a_sound_bound(objective: Objective) -> None:
    name = "gemm1000_five-level"
    optimum = CASES[name][objective]["value"]
    bounds: list[float] = []
    for limit_s in LIMITS_S:
        started = time.monotonic()
        outcome = BACKEND.search(problem(name, objective), SearchLimits(time_limit_s=limit_s), None)
        assert time.monotonic() - started < limit_s + 5
        assert outcome.exhausted or outcome.certificate is None
        assert outcome.bound is not None
        assert 0 <= outcome.bound <= optimum
        bounds.append(outcome.bound)
    assert bounds[0] <= bounds[-1]


def test_no_time_is_no_proof_and_no_mapping() -> None:
    """All that is known at once is what multiply-accumulates take on all instances."""
    outcome = BACKEND.search(problem("gemm1000_array-256", "edp"), SearchLimits(time_limit_s=0.0), None)
    machine = Machine.model_validate(CASES["gemm1000_array-256"]["architecture"])
    assert (outcome.candidates, outcome.exhausted) == ((), False)
    assert outcome.bound == pytest.approx(10**9 * machine.mac_pj * 10**9 / 256, rel=1e-9)


def test_mappings_of_an_interrupted_search_are_allowed() -> None:
    candidates = 0
    for seed in range(39_000_000, 39_000_006):
        case = random_case(seed, 100)
        for limit_s in (0.1, 3.0):
            outcome = search(case, "edp", limits=SearchLimits(time_limit_s=limit_s))
            assert not list(wrong_candidates(case, EXACT, outcome, "edp"))
            candidates += len(outcome.candidates)
    assert candidates > 0


def test_reports_go_up_to_the_result() -> None:
    seen: list[Progress] = []
    outcome = BACKEND.search(problem("tiny_gemm_3l_1f_bypass", "edp"), SearchLimits(), seen.append)
    assert outcome.exhausted
    assert len(seen) > 3
    bounds = [progress.bound for progress in seen if progress.bound is not None]
    values = [math.inf if progress.objective_value is None else progress.objective_value for progress in seen]
    assert values == sorted(values, reverse=True)
    assert values[-1] == CASES["tiny_gemm_3l_1f_bypass"]["edp"]["value"]
    assert max(bounds) <= values[-1]
    assert seen[-1].incumbents[0] == outcome.candidates[0]


def test_an_interrupt_passes_through() -> None:
    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        BACKEND.search(problem("tiny_gemm_3l_1f_bypass", "edp"), SearchLimits(), interrupt)


def test_settling_ties_ends_by_itself() -> None:
    """Each objective's optimum on a machine where many mappings share it, in many choices of what is kept where."""
    for objective in ("energy", "latency"):
        outcome = BACKEND.search(problem("tiny_gemm_3l_1f_bypass", objective), SearchLimits(time_limit_s=1e6), None)
        assert outcome.certificate is not None
        assert outcome.certificate.ties_settled


@pytest.mark.parametrize("index", [["X + R"], ["2*X", "R"], ["X", "X", "R"]], ids=["overlaps", "holes", "diagonal"])
def test_negative_counts_are_refused(index: list[str]) -> None:
    """By the stride rule, first visits can be more words of such outputs than are read."""
    tensors = [{"name": "I", "index": ["X", "R"]}, {"name": "O", "index": index, "output": True}]
    nest = nest_of({"bounds": {"X": 4, "R": 3}, "tensors": tensors})
    asked = LayerProblem(nest, builtin_machines()[0], EXACT, "energy", (), MODEL.under("timeloop"))
    with pytest.raises(InputError, match="overlap or have holes"):
        BACKEND.search(asked, SearchLimits(), None)


def test_spaces_of_too_many_tile_vectors_are_left_alone() -> None:
    """48 divisors of each of four bounds."""
    tensors = [
        {"name": "A", "index": ["H", "M", "K"]},
        {"name": "B", "index": ["H", "K", "N"]},
        {"name": "C", "index": ["H", "M", "N"], "output": True},
    ]
    nest = nest_of({"bounds": dict.fromkeys("HMNK", 2520), "tensors": tensors})
    asked = LayerProblem(nest, builtin_machines()[0], EXACT, "energy", (), MODEL)
    outcome = BACKEND.search(asked, SearchLimits(), None)
    assert (outcome.candidates, outcome.exhausted, outcome.bound) == ((), False, 0.0)
    assert outcome.statistics == {"tile_vectors": 48**4}
