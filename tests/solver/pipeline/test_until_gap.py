"""What a time limit leaves open is searched further until its gap is as small as asked for, and not longer."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType

import pytest
from builders import Specs, gemm, nest_of, only
from dmaze.model.documents.result import Limit, Reason, Termination
from dmaze.model.faults import InputError
from dmaze.solver import LayerProblem, Progress, SearchLimits, SearchOutcome, solve

GEMM = gemm(2, 3, 4)
LIMIT_S = 0.02
spec = Specs(GEMM, backend="fake-scripted", solver={"until_gap": 0.05, "time_limit_s": LIMIT_S})
REACHED = Termination(reason=Reason.LIMIT, limit=Limit.UNTIL_GAP)

Round = Callable[[LayerProblem, SearchLimits], SearchOutcome]


def value_of(problem: LayerProblem, fakes: ModuleType) -> tuple[object, int]:
    """The mapping with tiles of one element, and its EDP."""
    mapping = fakes.everything_in_dram(nest_of(GEMM))
    cost = problem.cost_model.cost(problem.nest, problem.architecture, mapping)
    return mapping, cost.energy_pj * cost.cycles


def proving(fakes: ModuleType, gap: float, *, exhausted: bool = False, patient: bool = True) -> Round:
    """A search that takes all its time and leaves a gap."""

    def search(problem: LayerProblem, limits: SearchLimits) -> SearchOutcome:
        if patient:
            time.sleep(limits.time_limit_s)
        mapping, value = value_of(problem, fakes)
        return SearchOutcome((mapping,), value * (1 - gap), exhausted, {"proved_by": "somebody"})

    return search


def rounds(fakes: ModuleType, *searches: Round) -> list[tuple[LayerProblem, SearchLimits]]:
    """Make the scripted back end search so, one after the other; gives the calls that it will have had."""
    calls: list[tuple[LayerProblem, SearchLimits]] = []

    def search(problem: LayerProblem, limits: SearchLimits, _report: Callable[[Progress], None]) -> SearchOutcome:
        calls.append((problem, limits))
        return searches[len(calls) - 1](problem, limits)

    fakes.SCRIPTED.script = search
    return calls


def test_every_search_has_twice_the_time_and_begins_with_what_was_found(fakes: ModuleType) -> None:
    calls = rounds(fakes, *(proving(fakes, gap) for gap in (0.5, 0.2, 0.04)))
    layer = only(solve(spec()))
    assert (layer.status, round(layer.gap, 9), layer.termination) == ("feasible", 0.04, REACHED)
    for (_, limits), most_s in zip(calls, (LIMIT_S, 2 * LIMIT_S, 4 * LIMIT_S), strict=True):
        assert most_s / 2 < limits.time_limit_s <= most_s
    assert [limits.relative_gap for _, limits in calls] == [1e-6, 0.05, 0.05]
    mapping, _ = value_of(calls[0][0], fakes)
    assert [problem.warm_starts for problem, _ in calls] == [(), (mapping,), (mapping,)]


def test_a_coarser_search_that_ends_proves_its_gap_and_no_optimum(fakes: ModuleType) -> None:
    rounds(fakes, proving(fakes, 0.5), proving(fakes, 0.03, exhausted=True))
    layer = only(solve(spec()))
    assert (layer.status, round(layer.gap, 9), layer.termination) == ("feasible", 0.03, REACHED)
    assert layer.statistics["proved_by"] == "-"
    assert not layer.solutions[0].proved


def test_an_optimum_needs_no_further_search(fakes: ModuleType) -> None:
    calls = rounds(fakes, proving(fakes, 0.0))
    layer = only(solve(spec()))
    assert (layer.status, layer.termination, len(calls)) == ("optimal", Termination(reason=Reason.OPTIMAL), 1)


def test_a_gap_that_is_small_enough_needs_none_either(fakes: ModuleType) -> None:
    calls = rounds(fakes, proving(fakes, 0.05 - 1e-9))
    assert (only(solve(spec())).termination, len(calls)) == (REACHED, 1)


def test_a_search_that_has_nothing_left_to_try_is_not_repeated(fakes: ModuleType) -> None:
    calls = rounds(fakes, proving(fakes, 0.5, patient=False))
    patient = spec(solver={"time_limit_s": 30})
    assert (only(solve(patient)).termination, len(calls)) == (Termination(reason=Reason.NO_PROOF), 1)


def test_the_total_limit_ends_it(fakes: ModuleType) -> None:
    calls = rounds(fakes, *[proving(fakes, 0.5)] * 9)
    layer = only(solve(spec(solver={"total_time_limit_s": 5 * LIMIT_S})))
    assert layer.termination == Termination(reason=Reason.LIMIT, limit=Limit.TOTAL_TIME)
    assert (layer.status, layer.gap, len(calls)) == ("feasible", pytest.approx(0.5), 3)
    assert sum(limits.time_limit_s for _, limits in calls) <= 5 * LIMIT_S


def test_a_worse_answer_does_not_replace_a_better_one(fakes: ModuleType) -> None:
    rounds(fakes, proving(fakes, 0.2), proving(fakes, 0.6, patient=False))
    layer = only(solve(spec()))
    assert (layer.status, layer.gap) == ("feasible", pytest.approx(0.2))


def test_a_fault_of_a_further_search_keeps_what_was_found(fakes: ModuleType) -> None:
    def fail(_problem: LayerProblem, _limits: SearchLimits) -> SearchOutcome:
        raise ZeroDivisionError("broken")

    rounds(fakes, proving(fakes, 0.2), fail)
    layer = only(solve(spec()))
    assert (layer.status, layer.gap, layer.termination) == (
        "feasible",
        pytest.approx(0.2),
        Termination(reason=Reason.FAULT),
    )
    assert layer.fault.startswith("ZeroDivisionError: broken")
    assert len(layer.solutions) == 1


def test_an_interrupt_of_a_further_search_keeps_what_was_found(fakes: ModuleType) -> None:
    def interrupted(_problem: LayerProblem, _limits: SearchLimits) -> SearchOutcome:
        raise KeyboardInterrupt

    rounds(fakes, proving(fakes, 0.2), interrupted)
    result = solve(spec())
    layer = only(result)
    assert (result.interrupted, layer.status, layer.gap) == (True, "feasible", pytest.approx(0.2))
    assert layer.termination == Termination(reason=Reason.INTERRUPTED)


def test_it_is_refused_beside_padded_bounds() -> None:
    with pytest.raises(InputError) as caught:
        solve(spec(solver={"pad_bounds": True}))
    assert str(caught.value).endswith("solver.until_gap: expected none beside solver.pad_bounds")


def test_without_it_nothing_changes(fakes: ModuleType) -> None:
    calls = rounds(fakes, proving(fakes, 0.5))
    plain = Specs(GEMM, backend="fake-scripted", solver={"time_limit_s": LIMIT_S})
    layer = only(solve(plain()))
    assert (layer.termination, len(calls)) == (Termination(reason=Reason.LIMIT, limit=Limit.TIME), 1)
