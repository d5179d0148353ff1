"""The portfolio back end and enumeration with bounds: the same best mappings as full enumeration, ties included."""

from __future__ import annotations

import threading

import pytest
from builders import nest_of
from dmaze.model.dmazerunner.constraints import Constraints
from dmaze.model.objectives import Objective
from dmaze.solver.backend import LayerProblem, Progress, SearchLimits, SearchOutcome
from dmaze.solver.deadline import Deadline
from dmaze.solver.enumeration import BACKEND as EXHAUSTIVE
from dmaze.solver.enumeration.branch_and_bound import BranchAndBound
from dmaze.solver.enumeration.first_mappings import FindFirst, first_from_bounds
from dmaze.solver.portfolio import BACKEND as PORTFOLIO
from dmaze.solver.portfolio import PortfolioBackend, PortfolioParameters
from dmaze.solver.search.incumbents import Incumbents
from dmaze.solver.search.scoring import Scorer
from random_problems import OBJECTIVES, describe, problems, random_problem
from reference import REFERENCE, load, studied_layer
from searches import Watched
from starts import nothing

KEYS = {"energy": "min_energy_pj", "latency": "min_cycles", "edp": "min_edp"}


def optimum(problem: LayerProblem) -> SearchOutcome:
    return EXHAUSTIVE.search(problem, SearchLimits(top_k=1), None)


@pytest.mark.parametrize("block", range(4))
def test_enumeration_with_bounds_finds_what_full_enumeration_finds(block: int) -> None:
    for problem in problems(range(1000 * block, 1000 * block + 250)):
        expected = optimum(problem)
        best = Incumbents(1)
        search = BranchAndBound(problem, best)
        search.run(Deadline.after(60), threading.Event())
        assert search.finished, describe(problem)
        assert best.mappings(Scorer(problem)) == expected.candidates, describe(problem)


@pytest.mark.parametrize("first", [first_from_bounds, nothing], ids=["from bounds", "from nothing"])
def test_the_portfolio_finds_the_best_few_of_full_enumeration(first: FindFirst) -> None:
    portfolio = PortfolioBackend(PortfolioParameters(first=first))
    for problem in problems(range(7000, 7100)):
        expected = EXHAUSTIVE.search(problem, SearchLimits(top_k=3), None)
        outcome = portfolio.search(problem, SearchLimits(top_k=3), None)
        assert outcome.exhausted, describe(problem)
        assert (outcome.bound, outcome.candidates) == (expected.bound, expected.candidates), describe(problem)
        assert outcome.certificate is None or outcome.certificate.ranks_settled == 3, describe(problem)


def test_the_bound_rises_and_never_exceeds_the_optimum() -> None:
    for problem in problems(range(5000, 5100)):
        expected, best = optimum(problem).bound, Watched()
        best.search = BranchAndBound(problem, best)
        best.search.run(Deadline.after(60), threading.Event())
        assert best.bounds == sorted(best.bounds)
        assert expected is None or all(bound <= expected for bound in best.bounds), describe(problem)


@pytest.mark.parametrize("name", ["conv5_2", "conv5_1", "conv2_2", "gemm_1000", "effnet_dw_14_k5"])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_brute_forced_optima_are_proved(name: str, objective: Objective) -> None:
    architecture = REFERENCE
    entry = load("optima.json")["layers"][name]
    problem = LayerProblem(nest_of(studied_layer(entry)), architecture, Constraints(), objective)
    outcome = PORTFOLIO.search(problem, SearchLimits(workers=2), None)
    assert outcome.exhausted
    assert outcome.bound == entry[KEYS[objective]]


def test_a_coarse_gap_is_proved_and_its_bound_is_true() -> None:
    for problem in problems(range(900, 950)):
        expected = optimum(problem).bound
        outcome = PORTFOLIO.search(problem, SearchLimits(relative_gap=0.1), None)
        assert outcome.exhausted
        assert (outcome.bound is None) == (expected is None)
        if outcome.bound is not None and expected is not None:
            assert 0.9 * 0.9 * expected <= outcome.bound <= expected, describe(problem)


@pytest.mark.parametrize("workers", [1, 2])
def test_cpsat_takes_over_where_enumeration_has_no_time(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BranchAndBound, "run", lambda *_: None)
    for problem in problems(range(300, 315)):
        expected, outcome = optimum(problem), PORTFOLIO.search(problem, SearchLimits(workers=workers), None)
        assert outcome.exhausted
        assert outcome.bound == expected.bound, describe(problem)
        assert outcome.statistics.get("proved_by") in ("cp-sat", None)


def test_an_interrupt_ends_the_search_and_its_threads() -> None:
    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        PORTFOLIO.search(random_problem(3), SearchLimits(workers=2), interrupt)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("enumeration", "cp-sat"))]
