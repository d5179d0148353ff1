"""What every back end must keep, as a test class that its author runs (``docs/backends.md``).

Example, in a test file of a distribution that registers a back end ``my-solver``:

    from dmaze.solver.backend_contract import BackendContract

    class TestMySolver(BackendContract):
        backend_name = "my-solver"
        proves = True  # it claims optima; a heuristic leaves this at False

pytest finds the methods by their names; nothing here needs pytest.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import ClassVar, get_args

from ..model.dmazerunner.architecture import Architecture
from ..model.dmazerunner.constraints import Constraints
from ..model.layers import nest_from_expressions
from ..model.loop_nest import LoopNest
from ..model.objectives import Objective
from .backend import Backend, LayerProblem, Progress, PublishedProblem, SearchLimits, SearchOutcome
from .enumeration import BACKEND as EXHAUSTIVE
from .pipeline.ranking import CostedMapping, faults_of_candidate, objective_value, rank
from .pipeline.status import bound_fault, gap_between
from .registry import load_backend

OBJECTIVES: tuple[Objective, ...] = get_args(Objective)

TINY_MACHINE = Architecture.model_validate(
    {
        "name": "tiny",
        "pes": 4,
        "rf_bytes_per_pe": 24,
        "spm": {"banks": 6, "bytes_per_bank": 16},
        "bytes_per_element": 2,
        "clock_mhz": 500,
        "dma": {"init_cycles": 291, "cycles_per_byte": 0.24, "clock_mhz": 3200},
        "access_energy_pj": {"rf": 0.96, "noc": 2, "spm": 13.5, "dram": 200, "mac": 0.075},
    }
)
"""Small enough that each of the three capacities excludes mappings of the tiny nests."""

LARGE_MACHINE = TINY_MACHINE.model_copy(
    update={"pes": 256, "rf_bytes_per_pe": 512, "spm": TINY_MACHINE.spm.model_copy(update={"banks": 2048})}
)


def _matrix_product(m: int, n: int, k: int) -> LoopNest:
    tensors = {"A": [{"M": 1}, {"K": 1}], "B": [{"K": 1}, {"N": 1}], "C": [{"M": 1}, {"N": 1}]}
    return nest_from_expressions({"M": m, "N": n, "K": k}, tensors, "C")


def tiny_nests() -> dict[str, LoopNest]:
    """Loop nests of at most a few thousand tilings: products, a strided convolution, general affine nests."""
    conv = {
        "I": [{"C": 1}, {"Ox": 2, "Fx": 1}, {"Oy": 1}],
        "W": [{"M": 1}, {"C": 1}, {"Fx": 1}],
        "O": [{"M": 1}, {"Ox": 1}, {"Oy": 1}],
    }
    batched = {"A": [{"b": 1}, {"i": 1}, {"k": 1}], "B": [{"b": 1}, {"k": 1}], "C": [{"b": 1}, {"i": 1}]}
    three_operands = {"X": [{"i": 1}, {"j": 1}, {"k": 1}], "B": [{"j": 1}], "D": [{"k": 1}], "O": [{"i": 1}]}
    return {
        "matrix product": _matrix_product(6, 4, 4),
        "strided convolution": nest_from_expressions(
            {"M": 2, "C": 2, "Ox": 4, "Oy": 2, "Fx": 3}, conv, "O", window_dims=("Fx",)
        ),
        "a dimension that indexes every tensor": nest_from_expressions({"b": 2, "i": 4, "k": 6}, batched, "C"),
        "three operands": nest_from_expressions({"i": 4, "j": 3, "k": 4}, three_operands, "O"),
        "a single iteration": _matrix_product(1, 1, 1),
    }


def tiny_problems() -> Iterator[tuple[str, PublishedProblem]]:
    """Tiny problems with a name each: every nest by EDP, two of them by the other objectives and constrained."""
    nests = tiny_nests()
    for name, nest in nests.items():
        yield f"{name}, edp", LayerProblem(nest, TINY_MACHINE, Constraints(), "edp")
    constrained = Constraints.model_validate({"no_spatial_reduction": True, "min_utilization": {"rf": 0.3}})
    for name in ("matrix product", "three operands"):
        for objective in OBJECTIVES:
            yield f"{name}, {objective}, constrained", LayerProblem(nests[name], TINY_MACHINE, constrained, objective)


class BackendContract:
    """Checks of one back end. Subclass it, name the back end, and let pytest collect it."""

    backend_name: ClassVar[str]
    """The name that the back end is registered under."""
    proves: ClassVar[bool] = False
    """Whether it finds and proves the optimum of a tiny problem, with time enough."""
    limits: ClassVar[SearchLimits] = SearchLimits(time_limit_s=20.0, workers=1, top_k=3, seed=7)
    """The limits of the tiny problems."""
    short_s: ClassVar[float] = 1.0
    """Time limit in seconds of a large problem."""
    grace_s: ClassVar[float] = 10.0
    """Seconds by which the search of a large problem may exceed its limit."""

    def backend(self) -> Backend:
        """The back end, loaded as the pipeline loads it."""
        return load_backend(self.backend_name)

    def test_it_goes_by_the_name_that_it_is_registered_under(self) -> None:
        """The entry point's name is the object's."""
        assert self.backend().name == self.backend_name

    def test_it_agrees_with_enumeration(self) -> None:
        """Legal candidates only, no bound above the optimum, and what is called exhausted has nothing better."""
        for name, problem in tiny_problems():
            outcome, optimum = self.backend().search(problem, self.limits, None), _optimum(problem)
            ranked = _ranked(name, problem, outcome)
            if outcome.bound is not None:
                assert math.isfinite(outcome.bound), f"{name}: the bound is not finite"
                assert optimum is not None, f"{name}: a bound of {outcome.bound}, but no mapping exists"
                assert outcome.bound <= optimum, f"{name}: bound {outcome.bound} above the optimum {optimum}"
            assert outcome.exhausted or not self.proves, f"{name}: no proof in {self.limits.time_limit_s} s"
            if outcome.exhausted:
                found = objective_value(problem.objective, ranked[0].cost) if ranked else None
                assert (found is None) == (optimum is None), f"{name}: found {found}, enumeration {optimum}"
                gap = 0.0 if found is None or optimum is None else gap_between(found, optimum)
                assert gap <= self.limits.relative_gap, f"{name}: claims {found}, but {optimum} exists"

    def test_an_infeasible_problem_gets_no_mapping(self) -> None:
        """Register files of one element hold no three tensors; a prover says that the space is exhausted."""
        machine = TINY_MACHINE.model_copy(update={"rf_bytes_per_pe": 2})
        problem = LayerProblem(_matrix_product(6, 4, 4), machine, Constraints(), "edp")
        outcome = self.backend().search(problem, self.limits, None)
        assert not outcome.candidates, "candidates for a problem that has none"
        assert outcome.exhausted or not self.proves, "infeasibility was not proved"

    def test_it_keeps_its_time_limit(self) -> None:
        """A large layer ends soon after the limit, with legal candidates."""
        problem = LayerProblem(_matrix_product(5040, 5040, 5040), LARGE_MACHINE, Constraints(), "edp")
        limits = SearchLimits(time_limit_s=self.short_s, workers=1, top_k=3, seed=7)
        started = time.monotonic()
        outcome = self.backend().search(problem, limits, None)
        took = time.monotonic() - started
        assert took <= self.short_s + self.grace_s, f"took {took:.1f} s of {self.short_s} s"
        _ranked("large product", problem, outcome)

    def test_one_worker_and_one_seed_give_one_answer(self) -> None:
        """Two runs with the same seed return the same candidates and the same bound."""
        for name, problem in self._few():
            first, second = (self.backend().search(problem, self.limits, None) for _ in range(2))
            assert first.candidates == second.candidates, f"{name}: other candidates the second time"
            assert (first.bound, first.exhausted) == (second.bound, second.exhausted), f"{name}: another proof"

    def test_what_it_reports_on_the_way_is_true(self) -> None:
        """Incumbents are legal, no bound lies above the optimum, no objective value below it."""
        for name, problem in self._few():
            reported: list[Progress] = []
            self.backend().search(problem, self.limits, reported.append)
            optimum = _optimum(problem)
            assert optimum is not None
            for progress in reported:
                assert progress.bound is None or progress.bound <= optimum, f"{name}: bound {progress.bound}"
                assert progress.objective_value is None or optimum <= progress.objective_value, f"{name}: value"
                for mapping in progress.incumbents:
                    assert not faults_of_candidate(problem, mapping), f"{name}: an illegal incumbent"

    @staticmethod
    def _few() -> list[tuple[str, PublishedProblem]]:
        return list(tiny_problems())[:2]


def _ranked(name: str, problem: PublishedProblem, outcome: SearchOutcome) -> tuple[CostedMapping, ...]:
    """The candidates as the pipeline ranks them, all legal and none below the bound."""
    for candidate in outcome.candidates:
        broken = faults_of_candidate(problem, candidate)
        assert not broken, f"{name}: an illegal candidate: {', '.join(broken)}"
    ranked = rank(problem, outcome.candidates, len(outcome.candidates))
    wrong = bound_fault(outcome.bound, [objective_value(problem.objective, found.cost) for found in ranked])
    assert wrong is None, f"{name}: {wrong}"
    return ranked


def _optimum(problem: PublishedProblem) -> int | float | None:
    """The least objective value by full enumeration; ``None`` where no mapping is legal."""
    return EXHAUSTIVE.search(problem, SearchLimits(time_limit_s=math.inf), None).bound
