"""What answers a case model: a solver behind one question, so that solvers can be exchanged."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ortools.sat.python import cp_model

from ...model.documents.result import ClosedBy
from ...model.objectives import Objective
from .formulation.variables import Assignment


@dataclass(frozen=True)
class EngineAnswer:
    """``found`` is a solution, if there is one; ``impossible`` says that there is none. Neither: out of time."""

    found: Assignment | None = None
    impossible: bool = False


class Engine(Protocol):
    """A solver of case models; several threads may ask at the same time. ``name`` goes into certificates."""

    name: ClosedBy

    def ask(self, model: cp_model.CpModel, seconds: float) -> EngineAnswer:
        """Search for a solution for at most so long."""
        ...

    def stop(self) -> None:
        """Make running questions return soon, and answer no more."""
        ...


NO_INCLUSION = 0
"""Presolve of CP-SAT 9.15 that compares constraints with each other can lose solutions, and with them the optimum.

See https://github.com/google/or-tools/issues/5293, and `tests/solver/cpsat/test_level_cpsat.py` for a model of ours.
"""

MakeEngine = Callable[[Objective, int], Engine]
"""Makes the engine for one search from its objective and seed."""


@dataclass(frozen=True)
class CpSatParameters:
    """How CP-SAT answers a question, by the names of its own parameters; always with one worker."""

    random_seed: int
    linearization_level: int
    """How far a model is relaxed into linear rows, 0 to 2."""
    cp_model_probing_level: int
    """How hard literals are tried out before the search."""


LINEARIZATION_LEVELS: Mapping[Objective, int] = {"energy": 1}
"""The level of a search's models where it is not 0."""


def search_engine(objective: Objective, seed: int) -> Engine:
    """CP-SAT as the searches use it."""
    level = LINEARIZATION_LEVELS.get(objective, 0)
    return CpSatEngine(CpSatParameters(random_seed=seed, linearization_level=level, cp_model_probing_level=0))


class CpSatEngine:
    """CP-SAT with one worker per question."""

    name: ClosedBy = "cp-sat"

    def __init__(self, parameters: CpSatParameters) -> None:
        self._parameters = parameters
        self._lock, self._stopped = threading.Lock(), False
        self._solvers: set[cp_model.CpSolver] = set()

    def ask(self, model: cp_model.CpModel, seconds: float) -> EngineAnswer:
        """Run CP-SAT; its status is read before anything else is asked of it.

        Raises:
            RuntimeError: when the solver finds the model invalid.
        """
        solver = self._solver(seconds)
        with self._lock:
            if self._stopped:
                return EngineAnswer()
            self._solvers.add(solver)
        try:
            status = solver.solve(model)
        finally:
            with self._lock:
                self._solvers.discard(solver)
        if status == cp_model.MODEL_INVALID:
            raise RuntimeError(f"the CP-SAT model is invalid: {model.validate()}")
        found = solver if status in (cp_model.OPTIMAL, cp_model.FEASIBLE) else None
        return EngineAnswer(found, status == cp_model.INFEASIBLE)

    def stop(self) -> None:
        """Stop every running solver; one that is only about to search does not notice, and must be stopped again."""
        with self._lock:
            self._stopped = True
            for solver in self._solvers:
                solver.stop_search()

    def _solver(self, seconds: float) -> cp_model.CpSolver:
        solver, own = cp_model.CpSolver(), self._parameters
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = own.random_seed
        solver.parameters.max_time_in_seconds = max(seconds, 0.01)
        solver.parameters.catch_sigint_signal = False
        solver.parameters.linearization_level = own.linearization_level
        solver.parameters.cp_model_probing_level = own.cp_model_probing_level
        solver.parameters.presolve_inclusion_work_limit = NO_INCLUSION
        return solver
