"""The back end ``cp-sat`` on hierarchies: known optima, tiny problems against every mapping, limits, interrupts."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from functools import partial

import pytest
from dmaze.model.faults import InputError
from dmaze.model.hierarchy.constraints.level_constraints import LevelConstraints
from dmaze.model.hierarchy.constraints.resolved_constraints import resolved_constraints
from dmaze.model.hierarchy.hierarchy_model import MODEL
from dmaze.model.hierarchy.level_mapping import LevelMapping
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.hierarchy.resolved_machine import resolved_machine
from dmaze.model.objectives import OBJECTIVES, Objective
from dmaze.solver.backend import LayerProblem, LevelsProblem, Progress, SearchLimits
from dmaze.solver.cpsat.levels import level_search
from dmaze.solver.cpsat.levels.level_cpsat import BACKEND
from dmaze.solver.cpsat.levels.level_proof import refute_levels_with_cpsat
from dmaze.solver.cpsat.levels.level_search import LevelSearch
from dmaze.solver.cpsat.levels.level_solver import LevelSolver
from dmaze.solver.deadline import Deadline
from dmaze.solver.pipeline.ranking import faults_of_candidate
from dmaze.solver.registry import load_backend_for
from hierarchy_cases import nest_of
from level_optima import optima_of
from random_constraints import KINDS_OF_CONSTRAINT
from random_hierarchies import Traits
from random_layers import KINDS
from reference import load
from shortest_path_agreement import EXACT, Searched, compared, drawn_problem, right_searches

CASES = {case["name"]: case for case in load("hierarchy/optima.json")["cases"]}
LIMITS = SearchLimits(time_limit_s=60.0)
ANY, HALO = Traits(most_levels=3, blocks=0.0), Traits(most_levels=3, halo=1.0, dma=0.0, blocks=0.0)
MOST, MOST_CHOICES = 1000, 4
"""Mappings that are costed, and choices of what is kept where; problems with more are passed over."""


def problem(name: str, objective: Objective) -> LevelsProblem:
    case = CASES[name]
    machine = Machine.model_validate(case["architecture"])
    return LayerProblem(nest_of(case["layer"]), machine, LevelConstraints(), objective, (), MODEL)


def checked(seeds: range, number: int, traits: Traits = ANY, kinds: Sequence[str] = ()) -> list[Searched]:
    searched = partial(compared, most=MOST, most_choices=MOST_CHOICES, backend=BACKEND, limits=LIMITS)
    return right_searches(seeds, number, traits, kinds, searched)


@pytest.mark.parametrize("place", range(len(KINDS)), ids=list(KINDS))
def test_optima_are_those_of_all_mappings(place: int) -> None:
    checked(range(61_000_000 + place, 62_000_000, len(KINDS)), 1)


@pytest.mark.parametrize("kind", KINDS_OF_CONSTRAINT)
def test_optima_under_constraints_are_those_of_all_mappings_that_keep_them(kind: str) -> None:
    checked(range(63_000_000, 64_000_000), 1, ANY, (kind,))


def test_tiles_that_slide_are_a_relaxation_that_is_told() -> None:
    place = list(KINDS).index("convolved")
    seeds = range(len(KINDS) * 4_600_000 + place, 80_000_000, len(KINDS))
    told = [str(one.outcome.statistics["relaxed"]) for one in checked(seeds, 3, HALO)]
    assert any("tiles that slide" in text for text in told)


def test_presolve_loses_no_optimum() -> None:
    """OR-Tools 9.15 proves 36 cycles of this problem unless told not to compare constraints: 28 are possible."""
    case, constraints, _ = drawn_problem(22_000_138)
    asked = LayerProblem(case.nest, case.document, constraints, "latency", (), MODEL)
    outcome = BACKEND.search(asked, LIMITS, None)
    assert (outcome.bound, outcome.exhausted) == (28.0, True)


@pytest.mark.parametrize(
    ("name", "objective"),
    [("gemm1000_array-256", "energy"), ("gemm1000_array-256", "latency"), ("conv5_2_array-256", "energy")],
)
def test_layers_of_real_size_are_proved(name: str, objective: Objective) -> None:
    asked, expected = problem(name, objective), CASES[name][objective]["value"]
    outcome = BACKEND.search(asked, LIMITS, None)
    assert outcome.exhausted
    assert outcome.bound is not None
    assert expected * (1 - 1e-6) <= outcome.bound <= expected
    cost = MODEL.cost(asked.nest, asked.architecture, outcome.candidates[0])
    assert OBJECTIVES[objective].of_cost(cost.energy_pj, cost.cycles) == pytest.approx(expected, rel=1e-12)


# What the relaxed model takes for too good


def relaxed_problem(objective: Objective) -> LevelsProblem:
    """One whose relaxed optimum is below the exact one: instances of a fanout keep words apart that could be shared."""
    case, constraints, _ = drawn_problem(20_000_318)
    return LayerProblem(case.nest, case.document, constraints, objective, (), MODEL)


def search_of(asked: LevelsProblem, deadline_s: float = 60.0) -> LevelSearch:
    machine = resolved_machine(asked.architecture, asked.nest)
    resolved = resolved_constraints(asked.nest, machine, asked.constraints)
    return LevelSearch(resolved, asked.objective, LevelSolver(0, 1), Deadline.after(deadline_s), keep=3)


def test_what_the_model_takes_for_too_good_is_costed_and_left_out() -> None:
    asked = relaxed_problem("energy")
    search = search_of(asked)
    assert search.run(1e-6, lambda: None)
    assert search.value == optima_of(search.constraints, 5000).ranks["energy"][0] == 4.0
    assert search.num_settled > 0


def test_too_many_orders_leave_an_honest_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(level_search, "MOST_ORDERS", 0)
    search = search_of(relaxed_problem("energy"))
    assert not search.run(1e-6, lambda: None)
    assert 0 < search.bound < search.value == 4.0


# A second opinion


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_limit_is_refuted_at_the_optimum_and_not_above(objective: Objective) -> None:
    asked, optimum = problem("tiny_gemm_3l_1f_bypass", objective), CASES["tiny_gemm_3l_1f_bypass"][objective]["value"]
    at = refute_levels_with_cpsat(asked, optimum * (1 - 1e-12), Deadline.after(60), seed=1, workers=1)
    assert (at.route, at.complete, at.counterexample) == ("cp-sat", True, None)
    above = refute_levels_with_cpsat(asked, optimum * 1.001, Deadline.after(60), seed=1, workers=1)
    assert above.counterexample is not None
    cost = MODEL.cost(asked.nest, asked.architecture, above.counterexample)
    assert OBJECTIVES[objective].of_cost(cost.energy_pj, cost.cycles) < optimum * 1.001


def test_that_no_mapping_exists_is_refuted_or_not() -> None:
    for name, infeasible in (("tiny_gemv_3l_1f_infeasible", True), ("tiny_gemm_2l_2f_nored", False)):
        found = refute_levels_with_cpsat(problem(name, "edp"), math.inf, Deadline.after(60), seed=1, workers=1)
        assert (found.complete, found.counterexample is None) == (True, infeasible)


def test_no_time_refutes_nothing() -> None:
    found = refute_levels_with_cpsat(problem("gemm1000_array-256", "edp"), 1.0, Deadline.after(0), seed=1, workers=1)
    assert (found.complete, found.counterexample) == (False, None)


# Limits, reports, interrupts


def test_it_is_selected_by_name() -> None:
    assert load_backend_for("cp-sat", MODEL).name == "cp-sat"


def test_no_mapping_is_proved() -> None:
    outcome = BACKEND.search(problem("tiny_gemv_3l_1f_infeasible", "edp"), LIMITS, None)
    assert (outcome.candidates, outcome.bound, outcome.exhausted, outcome.certificate) == ((), None, True, None)


@pytest.mark.parametrize("limit_s", [0.0, 0.05, 1.0])
def test_search_ends_within_its_time_with_a_sound_bound(limit_s: float) -> None:
    asked, optimum = problem("gemm1000_five-level", "edp"), CASES["gemm1000_five-level"]["edp"]["value"]
    started = time.monotonic()
    outcome = BACKEND.search(asked, SearchLimits(time_limit_s=limit_s), None)
    assert time.monotonic() - started < limit_s + 10
    assert not outcome.exhausted
    assert outcome.bound is not None
    assert 0 <= outcome.bound <= optimum
    assert all(not faults_of_candidate(asked, mapping) for mapping in outcome.candidates)


def test_one_worker_and_one_seed_give_one_answer() -> None:
    asked = problem("tiny_gemm_2l_2f_nored", "energy")
    first, second = (BACKEND.search(asked, LIMITS, None) for _ in range(2))
    assert (first.candidates, first.bound, first.exhausted) == (second.candidates, second.bound, second.exhausted)


def test_two_workers_find_the_same_value() -> None:
    outcome = BACKEND.search(problem("tiny_gemm_2l_2f_nored", "energy"), SearchLimits(workers=2), None)
    assert outcome.exhausted
    assert outcome.bound == pytest.approx(CASES["tiny_gemm_2l_2f_nored"]["energy"]["value"], rel=1e-6)


def test_reports_go_up_to_the_result() -> None:
    seen: list[Progress] = []
    outcome = BACKEND.search(problem("tiny_gemm_3l_1f_bypass", "edp"), LIMITS, seen.append)
    optimum = CASES["tiny_gemm_3l_1f_bypass"]["edp"]["value"]
    values = [progress.objective_value for progress in seen if progress.objective_value is not None]
    assert values == sorted(values, reverse=True)
    assert values[-1] == optimum
    assert max(progress.bound for progress in seen if progress.bound is not None) <= optimum
    assert seen[-1].incumbents[0] == outcome.candidates[0]


def test_an_interrupt_passes_through() -> None:
    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        BACKEND.search(problem("tiny_gemm_3l_1f_bypass", "energy"), LIMITS, interrupt)


def test_warm_starts_are_taken_unless_they_are_no_mappings() -> None:
    asked = problem("tiny_gemm_3l_1f_bypass", "energy")
    (best, *_) = BACKEND.search(asked, LIMITS, None).candidates
    broken = LayerProblem(asked.nest, asked.architecture, EXACT, "energy", (best,), MODEL)
    outcome = BACKEND.search(broken, SearchLimits(time_limit_s=0.0), None)
    assert outcome.candidates == (best,)
    worse = LayerProblem(asked.nest, asked.architecture, EXACT, "energy", (LevelMapping((), (), ()),), MODEL)
    assert BACKEND.search(worse, SearchLimits(time_limit_s=0.0), None).candidates == ()


def test_other_accountings_are_refused() -> None:
    asked = problem("tiny_gemm_3l_1f_bypass", "energy")
    other = LayerProblem(asked.nest, asked.architecture, EXACT, "energy", (), MODEL.under("timeloop"))
    with pytest.raises(InputError, match="expected 'executed', for which cp-sat proves optima, got 'timeloop'"):
        BACKEND.search(other, LIMITS, None)
    found = refute_levels_with_cpsat(other, 1.0, Deadline.after(10), seed=1, workers=1)
    assert (found.complete, found.examined) == (False, "nothing under timeloop")
