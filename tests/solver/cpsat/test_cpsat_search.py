"""The ``cp-sat`` back end proves what enumeration finds, and never claims more than is true."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from builders import gemm_nest, problem_of
from dmaze.model.dmazerunner.constraints import Constraints, FixedFactors
from dmaze.model.objectives import OBJECTIVES as RULES
from dmaze.model.objectives import Objective
from dmaze.solver.backend import LayerProblem, Progress, SearchLimits, SearchOutcome
from dmaze.solver.cpsat import BACKEND, engines
from dmaze.solver.cpsat.case_backend import CaseBackend
from dmaze.solver.cpsat.case_search import CASE_PARAMETERS, CaseParameters
from dmaze.solver.cpsat.case_solver import SubspaceParameters
from dmaze.solver.cpsat.formulation.scaling import coarse_gap
from dmaze.solver.enumeration import BACKEND as EXHAUSTIVE
from dmaze.solver.pipeline.ranking import faults_of_candidate, objective_value, rank
from dmaze.solver.pipeline.status import bound_fault
from ortools.sat.python import cp_model
from random_problems import OBJECTIVES, TINY, Size, describe, random_problem, ranges_only
from reference import REFERENCE, load, studied_layer
from starts import starting

LIMITS = SearchLimits(time_limit_s=60, top_k=3)
SMALL = Size(macs=1 << 16, tilings=40_000, class_pairs=20)


def best_of(problem: LayerProblem, outcome: SearchOutcome) -> float | None:
    """The exact objective of the best candidate; all candidates must be legal."""
    for candidate in outcome.candidates:
        assert faults_of_candidate(problem, candidate) == ()
    ranked = rank(problem, outcome.candidates, 1)
    return float(objective_value(problem.objective, ranked[0].cost)) if ranked else None


def check_equal_to_enumeration(problem: LayerProblem, message: str, backend: CaseBackend = BACKEND) -> bool:
    """The same optimum from both back ends, or the same infeasibility; says whether there was a mapping."""
    expected = EXHAUSTIVE.search(problem, LIMITS, None)
    found = backend.search(problem, LIMITS, None)
    assert expected.exhausted, message
    assert found.exhausted, message
    best, optimum = best_of(problem, found), best_of(problem, expected)
    assert best == optimum, message
    assert found.bound == optimum, message
    if best and found.certificate is not None and found.certificate.ties_settled:
        assert found.candidates[0] == expected.candidates[0], message
    return best is not None


FINEST = CaseParameters(subspaces=SubspaceParameters(most_combinations=0))
PUT_OFF = CaseParameters(first_time_slice_s=1e-3)
NEVER_ENUMERATED = CaseParameters(subspaces=SubspaceParameters(limit_s=-1.0))
PARAMETERS = (
    CASE_PARAMETERS,
    PUT_OFF,
    FINEST,
    PUT_OFF,
    NEVER_ENUMERATED,
    FINEST,
    *(CaseParameters(ranges=ranges_only(block)) for block in (6, 7)),
)
"""As they are; cases put off again and again, bounds raised; as fine subspaces as there are; none enumerated; ..."""


@pytest.mark.parametrize("block", range(16))
def test_the_optimum_is_that_of_enumeration(block: int) -> None:
    """Without a good start, by every way of excluding what was looked at, with loose bounds too."""
    start = ("no start", "poor start")[block % 2]
    backend = starting(BACKEND, start, PARAMETERS[block % 8])
    for seed in range(1000 + block, 1064, 16):
        for objective in OBJECTIVES:
            problem = replace(random_problem(seed, TINY, constrained=0.6), objective=objective)
            check_equal_to_enumeration(problem, f"seed {seed}, {objective}, {start}\n{describe(problem)}", backend)


@pytest.mark.parametrize("seed", range(6))
def test_the_optimum_of_larger_nests_is_that_of_enumeration(seed: int) -> None:
    for objective in OBJECTIVES:
        problem = replace(random_problem(2000 + seed, SMALL, constrained=0.5), objective=objective)
        check_equal_to_enumeration(problem, f"seed {seed}, {objective}\n{describe(problem)}")


def test_infeasible_problems_are_exhausted_without_candidates() -> None:
    nest = gemm_nest(4, 6, 4)
    impossible = (
        Constraints(fixed={"M": FixedFactors(rf=3)}),
        Constraints(fixed={"M": FixedFactors(spatial=2)}, no_spatial_reduction=True, spatial_dims=("M", "N")),
        Constraints(max_dram_bytes=0),
        Constraints(max_dram_bytes=191),  # every element once: (16 + 24 + 24) elements of 2 bytes are 128 at least
        Constraints(max_dma_invocations=2),
        Constraints(fixed={"M": FixedFactors(rf=4), "N": FixedFactors(rf=6), "K": FixedFactors(rf=4)}, spatial_dims=()),
    )
    for constraints in impossible:
        for objective in OBJECTIVES:
            problem = LayerProblem(nest, REFERENCE, constraints, objective)
            if EXHAUSTIVE.search(problem, LIMITS, None).candidates:
                assert check_equal_to_enumeration(problem, str(constraints))
                continue
            outcome = BACKEND.search(problem, LIMITS, None)
            assert (outcome.candidates, outcome.exhausted, outcome.bound) == ((), True, None)


@pytest.mark.parametrize("limits", [replace(LIMITS, time_limit_s=0.05), replace(LIMITS, time_limit_s=0.0)])
def test_a_search_without_time_claims_nothing_false(limits: SearchLimits) -> None:
    for seed in range(3000, 3020):
        for objective in OBJECTIVES:
            problem = replace(random_problem(seed, SMALL), objective=objective)
            optimum = best_of(problem, EXHAUSTIVE.search(problem, LIMITS, None))
            outcome = BACKEND.search(problem, limits, None)
            best = best_of(problem, outcome)
            message = f"seed {seed}, {objective}, optimum {optimum}, {outcome}\n{describe(problem)}"
            if optimum is not None:
                assert bound_fault(outcome.bound, [optimum]) is None, message
            if outcome.exhausted:
                assert best == optimum, message


@pytest.mark.parametrize("gap", [0.1, 0.0, 1.0])
def test_a_gap_is_kept_and_the_bound_stays_true(gap: float) -> None:
    backend = starting(BACKEND, "no start")
    for seed in range(4000, 4006):
        for objective in OBJECTIVES:
            problem = replace(random_problem(seed, TINY), objective=objective)
            optimum = best_of(problem, EXHAUSTIVE.search(problem, LIMITS, None))
            outcome = backend.search(problem, replace(LIMITS, relative_gap=gap), None)
            best = best_of(problem, outcome)
            message = f"seed {seed}, {objective}, optimum {optimum}, {outcome}\n{describe(problem)}"
            assert outcome.exhausted, message
            assert (best is None) == (optimum is None), message
            if best is not None and optimum is not None:
                assert bound_fault(outcome.bound, [optimum]) is None, message
                assert optimum <= best, message
                assert best * (1 - gap) <= optimum, message


def test_what_improves_on_an_incumbent_is_the_next_smaller_value() -> None:
    assert admissible("energy", 10.0, 1e-6) == 9.0
    assert admissible("latency", 10.0, 0.0) == 9.0
    assert admissible("edp", 10.0, 0.0) == math.nextafter(10.0, 0.0)
    assert admissible("energy", 10.0, 0.25) == 7.5
    for objective in OBJECTIVES:
        assert admissible(objective, math.inf, 0.0) == math.inf
        assert admissible(objective, math.inf, 1.0) == math.inf


def admissible(objective: Objective, value: float, relative_gap: float) -> float:
    return RULES[objective].largest_improving(value, coarse_gap(relative_gap))


def test_energies_of_zero_are_found_below_energies_of_one() -> None:
    """With an incumbent of 1 pJ the question is whether there is one of 0 pJ."""
    zero = 0
    for seed in range(150, 400):
        problem = random_problem(seed, TINY, constrained=0.3)
        prices = problem.architecture.access_energy_pj
        cheap = prices.model_copy(update={part: min(price, 1e-3) for part, price in prices.model_dump().items()})
        machine = problem.architecture.model_copy(update={"access_energy_pj": cheap})
        for objective in ("energy", "edp"):
            cheaper = LayerProblem(problem.nest, machine, problem.constraints, objective)
            optimum = EXHAUSTIVE.search(cheaper, LIMITS, None).bound
            if optimum == 0 and zero < 20:
                zero += 1
                assert check_equal_to_enumeration(cheaper, f"seed {seed}")
    assert zero == 20


@pytest.mark.parametrize(("start", "size"), [("poor start", TINY), ("local search", SMALL)])
def test_the_same_seed_gives_the_same_outcome(start: str, size: Size) -> None:
    backend = starting(BACKEND, start)
    for seed in range(5000, 5003):
        for objective in OBJECTIVES:
            problem = replace(random_problem(seed, size), objective=objective)
            outcomes = [without_seconds(backend.search(problem, replace(LIMITS, seed=seed), None)) for _ in range(2)]
            assert outcomes[0] == outcomes[1]


def without_seconds(outcome: SearchOutcome) -> SearchOutcome:
    statistics = {name: value for name, value in outcome.statistics.items() if not name.endswith("_s")}
    certificate = outcome.certificate
    if certificate is not None:
        pairs = tuple(pair.model_copy(update={"seconds": 0.0}) for pair in certificate.class_pairs)
        certificate = certificate.model_copy(update={"class_pairs": pairs})
    return replace(outcome, statistics=statistics, certificate=certificate)


def test_two_workers_prove_the_same_optimum() -> None:
    backend = starting(BACKEND, "poor start")
    for seed in range(6000, 6006):
        for objective in OBJECTIVES:
            problem = replace(random_problem(seed, TINY), objective=objective)
            one, two = (backend.search(problem, replace(LIMITS, workers=workers), None) for workers in (1, 2))
            assert one.exhausted, seed
            assert two.exhausted, seed
            assert one.bound == two.bound, seed
            assert best_of(problem, one) == best_of(problem, two), seed


# Proved minima of the study


def studied(name: str) -> tuple[dict[str, float], LayerProblem]:
    """A convolution of optima.json: its proved minima, and the problem."""
    layer = load("optima.json")["layers"][name]
    problem = problem_of(studied_layer(layer))
    assert dict(zip(problem.nest.dims, problem.nest.bounds, strict=True)) == layer["bounds"]
    return layer, problem


FIELDS: dict[Objective, str] = {"edp": "min_edp", "energy": "min_energy_pj", "latency": "min_cycles"}


@pytest.mark.parametrize(
    ("objective", "optimum"), [("edp", 6844957271165824.0), ("energy", 2581195121), ("latency", 2457488)]
)
def test_the_minima_of_conv5_2_are_proved(objective: Objective, optimum: float) -> None:
    layer, problem = studied("conv5_2")
    assert layer[FIELDS[objective]] == optimum
    problem = replace(problem, objective=objective)
    outcome = BACKEND.search(problem, replace(LIMITS, time_limit_s=300), None)
    assert (outcome.exhausted, outcome.bound, best_of(problem, outcome)) == (True, optimum, optimum)


@pytest.mark.parametrize("name", load("optima.json")["layers"])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_bounds_never_exceed_the_brute_force_minima(name: str, objective: Objective) -> None:
    """Whenever time runs out: from a poor start, with cases put off and their bounds raised step by step."""
    backend = starting(BACKEND, "poor start", CaseParameters(first_time_slice_s=0.02))
    layer, problem = studied(name)
    problem = replace(problem, objective=objective)
    outcome = backend.search(problem, replace(LIMITS, time_limit_s=1.5), None)
    best = best_of(problem, outcome)
    assert best is not None
    assert bound_fault(outcome.bound, [layer[FIELDS[objective]]]) is None
    assert best >= layer[FIELDS[objective]]


# Being interrupted


@pytest.mark.parametrize("reports", [1, 3, 6])
def test_an_interrupt_in_a_report_ends_the_search_and_its_threads(reports: int) -> None:
    _, problem = studied("conv2_2")
    before, reported = threading.active_count(), 0

    def report(_: Progress) -> None:
        nonlocal reported
        reported += 1
        if reported == reports:
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        BACKEND.search(problem, replace(LIMITS, workers=2), report)
    assert threading.active_count() == before
    assert time.monotonic() - started < LIMITS.time_limit_s / 2


class DeafAtFirst:
    """A solver that is not yet listening when it is asked to stop, as CP-SAT before its search has begun."""

    starting = threading.Event()

    def __init__(self) -> None:
        self.parameters = SimpleNamespace()
        self._told: threading.Event | None = None

    def solve(self, _: cp_model.CpModel) -> object:
        self.starting.set()
        time.sleep(0.3)
        self._told = threading.Event()
        self._told.wait(30)
        return cp_model.UNKNOWN

    def stop_search(self) -> None:
        if self._told is not None:
            self._told.set()


def test_a_solver_that_is_about_to_start_is_stopped_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines.cp_model, "CpSolver", DeafAtFirst)
    monkeypatch.setattr(DeafAtFirst, "starting", threading.Event())
    _, problem = studied("conv5_2")

    def report(_: Progress) -> None:
        if DeafAtFirst.starting.wait(10):
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        starting(BACKEND, "no start").search(problem, replace(LIMITS, workers=2), report)
    assert time.monotonic() - started < 10
