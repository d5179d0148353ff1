"""The portfolio on hierarchies: the shortest path first, CP-SAT with what it found, and who proved what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pytest
from dmaze.model.hierarchy.constraints.level_constraints import LevelConstraints
from dmaze.model.hierarchy.hierarchy_model import MODEL
from dmaze.model.hierarchy.level_mapping import LevelMapping
from dmaze.model.hierarchy.machine import Machine
from dmaze.solver.backend import AnyProblem, LayerProblem, LevelsProblem, Progress, Report, SearchLimits, SearchOutcome
from dmaze.solver.level_portfolio import BACKEND, LevelPortfolio
from dmaze.solver.registry import load_backend_for
from dmaze.solver.shortest_path import BACKEND as SHORTEST_PATH
from hierarchy_cases import nest_of
from reference import load

CASES = {case["name"]: case for case in load("hierarchy/optima.json")["cases"]}
LIMITS = SearchLimits(time_limit_s=60.0)
NAME = "tiny_gemm_2l_2f_nored"
OPTIMUM = CASES[NAME]["energy"]["value"]


def problem(name: str = NAME) -> LevelsProblem:
    case = CASES[name]
    machine = Machine.model_validate(case["architecture"])
    return LayerProblem(nest_of(case["layer"]), machine, LevelConstraints(), "energy", (), MODEL)


@dataclass
class GivesUp:
    """A first search that proves nothing."""

    candidates: tuple[LevelMapping, ...] = ()
    bound: float | None = 0.0
    limits: SearchLimits | None = None
    relaxed: str = "nothing"

    def search(self, _: AnyProblem, limits: SearchLimits, __: Report | None) -> SearchOutcome:
        self.limits = limits
        return SearchOutcome(
            self.candidates, self.bound, exhausted=False, statistics={"tile_vectors": 7, "relaxed": self.relaxed}
        )


def portfolio(first: GivesUp) -> LevelPortfolio:
    return LevelPortfolio(cast("Any", first))


def test_it_is_what_the_name_stands_for() -> None:
    found = load_backend_for("portfolio", MODEL).search(problem(), LIMITS, None)
    assert (found.exhausted, found.statistics["proved_by"]) == (True, "shortest-path")
    assert BACKEND.first is SHORTEST_PATH


def test_what_the_shortest_path_proves_is_passed_on() -> None:
    asked = problem()
    assert BACKEND.search(asked, LIMITS, None) == SHORTEST_PATH.search(asked, LIMITS, None)


def test_cp_sat_proves_what_the_shortest_path_leaves() -> None:
    first = GivesUp()
    outcome = portfolio(first).search(problem(), LIMITS, None)
    assert outcome.exhausted
    assert MODEL.cost(problem().nest, problem().architecture, outcome.candidates[0]).energy_pj == OPTIMUM
    assert outcome.bound == pytest.approx(OPTIMUM, rel=1e-6)
    assert (outcome.statistics["proved_by"], outcome.statistics["tile_vectors"]) == ("cp-sat", 7)
    assert first.limits is not None
    assert first.limits.time_limit_s == pytest.approx(42.0)


def test_what_the_shortest_path_relaxes_is_not_tried_again() -> None:
    first = GivesUp(bound=1.0, relaxed="blocks of elements")
    outcome = portfolio(first).search(problem(), LIMITS, None)
    assert (outcome.exhausted, outcome.bound, outcome.candidates) == (False, 1.0, ())


def test_that_there_is_no_mapping_is_proved_by_cp_sat() -> None:
    outcome = portfolio(GivesUp(bound=None)).search(problem("tiny_gemv_3l_1f_infeasible"), LIMITS, None)
    assert (outcome.candidates, outcome.bound, outcome.exhausted) == ((), None, True)
    assert outcome.statistics["proved_by"] == "cp-sat"


def test_a_bound_of_one_proves_a_mapping_of_the_other() -> None:
    """CP-SAT has no time to prove what it is given as a warm start, but the first search's bound meets it."""
    best = SHORTEST_PATH.search(problem(), LIMITS, None).candidates[:1]
    limits = SearchLimits(time_limit_s=0.05)
    outcome = portfolio(GivesUp(best, OPTIMUM * (1 - 1e-9))).search(problem(), limits, None)
    assert outcome.exhausted
    assert outcome.candidates[0] == best[0]


def test_reports_of_the_second_search_keep_the_bound_of_the_first() -> None:
    seen: list[Progress] = []
    portfolio(GivesUp(bound=OPTIMUM * 0.99)).search(problem(), LIMITS, seen.append)
    assert seen
    assert all(progress.bound is not None and OPTIMUM * 0.99 <= progress.bound <= OPTIMUM for progress in seen)


def test_other_accountings_are_left_to_the_shortest_path() -> None:
    case = problem()
    asked = LayerProblem(case.nest, case.architecture, case.constraints, "energy", (), MODEL.under("accelforge"))
    first = GivesUp()
    assert not portfolio(first).search(asked, LIMITS, None).exhausted
    assert first.limits == LIMITS
