"""Our own back ends keep the contract that we ship for others, and its checks catch those that do not."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from dmaze.model.mapping import Mapping, Tiling
from dmaze.solver.backend import Backend, LayerProblem, Progress, Report, SearchLimits, SearchOutcome
from dmaze.solver.backend_contract import TINY_MACHINE, BackendContract, tiny_problems
from dmaze.solver.enumeration import BACKEND as EXHAUSTIVE


class TestPortfolio(BackendContract):
    backend_name = "portfolio"
    proves = True


class TestCpSat(BackendContract):
    backend_name = "cp-sat"
    proves = True


class TestHighs(BackendContract):
    backend_name = "highs"
    proves = True


class TestExhaustive(BackendContract):
    backend_name = "exhaustive"
    proves = True


Change = Callable[[LayerProblem, SearchOutcome], SearchOutcome]


def too_large(problem: LayerProblem, outcome: SearchOutcome) -> SearchOutcome:
    """Everything on the PEs, whether they are there or not."""
    ones = (1,) * len(problem.nest.dims)
    orders = tuple(range(len(problem.nest.dims)))
    return replace(outcome, candidates=(Mapping(Tiling(ones, ones, ones, problem.nest.bounds), orders, orders),))


def above(_: LayerProblem, outcome: SearchOutcome) -> SearchOutcome:
    return replace(outcome, bound=None if outcome.bound is None else outcome.bound * 2)


def endless(_: LayerProblem, outcome: SearchOutcome) -> SearchOutcome:
    return replace(outcome, bound=math.inf)


def worst_called_best(_: LayerProblem, outcome: SearchOutcome) -> SearchOutcome:
    return replace(outcome, candidates=outcome.candidates[-1:], bound=None)


def nothing_called_infeasible(_: LayerProblem, outcome: SearchOutcome) -> SearchOutcome:
    return replace(outcome, candidates=(), bound=None)


def never_sure(_: LayerProblem, outcome: SearchOutcome) -> SearchOutcome:
    return replace(outcome, exhausted=False)


class Broken:
    """Enumeration, with its outcome changed; every other run with one candidate less if it is ``fickle``."""

    def __init__(self, change: Change, *, fickle: bool = False, slow_s: float = 0.0, lies: bool = False) -> None:
        self.name, self.calls = "broken", 0
        self._change, self._fickle, self._slow_s, self._lies = change, fickle, slow_s, lies

    def search(self, problem: LayerProblem, limits: SearchLimits, report: Report | None) -> SearchOutcome:
        self.calls += 1
        time.sleep(self._slow_s)
        outcome = self._change(problem, EXHAUSTIVE.search(problem, limits, None))
        if report is not None and self._lies:
            report(Progress(0.0, None))
        return replace(outcome, candidates=outcome.candidates[self.calls % 2 :]) if self._fickle else outcome


def contract_of(broken: Broken, *, short: float = 1.0, grace: float = 10.0) -> BackendContract:
    class OfBroken(BackendContract):
        backend_name = "broken"
        proves = True
        short_s, grace_s = short, grace
        limits = SearchLimits(time_limit_s=20.0, workers=1, top_k=200, seed=7)

        def backend(self) -> Backend:
            return broken

    return OfBroken()


def same(_: LayerProblem, outcome: SearchOutcome) -> SearchOutcome:
    return outcome


@pytest.mark.parametrize(
    ("broken", "check", "message"),
    [
        (Broken(too_large), "test_it_agrees_with_enumeration", "illegal candidate"),
        (Broken(above), "test_it_agrees_with_enumeration", "bound"),
        (Broken(endless), "test_it_agrees_with_enumeration", "finite|no mapping exists"),
        (Broken(worst_called_best), "test_it_agrees_with_enumeration", "claims"),
        (Broken(nothing_called_infeasible), "test_it_agrees_with_enumeration", "found None"),
        (Broken(never_sure), "test_it_agrees_with_enumeration", "no proof"),
        (Broken(never_sure), "test_an_infeasible_problem_gets_no_mapping", "not proved"),
        (Broken(too_large), "test_an_infeasible_problem_gets_no_mapping", "candidates for a problem"),
        (Broken(same, fickle=True), "test_one_worker_and_one_seed_give_one_answer", "other candidates"),
        (Broken(same, lies=True), "test_what_it_reports_on_the_way_is_true", "value"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_checks_catch(broken: Broken, check: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        getattr(contract_of(broken), check)()


def test_a_back_end_that_takes_its_time_is_caught() -> None:
    contract = contract_of(Broken(same, slow_s=0.5), short=0.01, grace=0.1)
    with pytest.raises(AssertionError, match=r"took .* of 0\.01 s"):
        contract.test_it_keeps_its_time_limit()


def test_each_capacity_excludes_something_in_the_tiny_problems() -> None:
    roomy = {"pes": 4096, "rf_bytes_per_pe": 1 << 16, "spm": TINY_MACHINE.spm.model_copy(update={"banks": 1 << 12})}
    limits = SearchLimits(time_limit_s=math.inf)
    for field, plenty in roomy.items():
        machine = TINY_MACHINE.model_copy(update={field: plenty})
        pairs = [
            (EXHAUSTIVE.search(p, limits, None), EXHAUSTIVE.search(replace(p, architecture=machine), limits, None))
            for _, p in tiny_problems()
        ]
        assert any(own.statistics["evaluated"] < more.statistics["evaluated"] for own, more in pairs)  # type: ignore[operator]
