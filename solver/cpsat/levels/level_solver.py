"""CP-SAT on one model, in a thread of its own, so that Ctrl-C is heard and what is found is seen at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

from ortools.sat.python import cp_model

from ....model.hierarchy.level_mapping import LevelMapping
from ..engines import NO_INCLUSION
from .relaxation.level_program import LevelProgram

POLL_S = 0.1
"""How often the waiting main thread looks up."""


@dataclass(frozen=True)
class SolverAnswer:
    """What a run has proved: ``bound`` on the objective, infinite where no mapping is left.

    ``solved``: the last mapping that was found is the best of the relaxed problem.
    """

    bound: float
    solved: bool = False


class _Collector(cp_model.CpSolverSolutionCallback):
    """Gathers the mappings of solutions in the solver's threads."""

    def __init__(self, program: LevelProgram) -> None:
        super().__init__()
        self._program, self._lock = program, threading.Lock()
        self._found: list[LevelMapping] = []

    def on_solution_callback(self) -> None:
        """Called by the solver for every better solution."""
        mapping = self._program.mapping(self.value_of)
        with self._lock:
            self._found.append(mapping)

    def value_of(self, expression: cp_model.LiteralT) -> int:
        """The value of a variable or literal in the solution."""
        return self.value(expression)

    def take(self) -> list[LevelMapping]:
        """What was found since the last call."""
        with self._lock:
            found, self._found = self._found, []
        return found


@dataclass(frozen=True)
class LevelSolver:
    """CP-SAT with a seed and so many workers."""

    seed: int
    workers: int
    linearization_level: int = 1
    cp_model_probing_level: int = 0

    def ask(
        self, program: LevelProgram, seconds: float, consider: Callable[[list[LevelMapping]], bool]
    ) -> SolverAnswer:
        """Minimise for at most so long; ``consider`` is given what is found, in the order of the relaxed objective.

        It says whether that is enough, which ends the run.

        Raises:
            RuntimeError: when the solver finds the model invalid.
        """
        solver, collector = self._solver(seconds), _Collector(program)
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="cp-sat") as pool:
            running = pool.submit(solver.solve, program.model, collector)
            try:
                enough = False
                while not running.done() and not enough:
                    wait([running], timeout=POLL_S)
                    enough = consider(collector.take())
            finally:
                while not running.done():
                    solver.stop_search()
                    wait([running], timeout=POLL_S)
        status = running.result()
        consider(collector.take())
        if status == cp_model.MODEL_INVALID:
            raise RuntimeError(f"the CP-SAT model is invalid: {program.model.validate()}")
        if status == cp_model.INFEASIBLE:
            return SolverAnswer(float("inf"))
        reached = max(solver.best_objective_bound, 0.0) / program.objective.scale
        return SolverAnswer(reached, solved=status == cp_model.OPTIMAL)

    def _solver(self, seconds: float) -> cp_model.CpSolver:
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = self.workers
        solver.parameters.random_seed = self.seed
        solver.parameters.max_time_in_seconds = max(seconds, 0.01)
        solver.parameters.catch_sigint_signal = False
        solver.parameters.linearization_level = self.linearization_level
        solver.parameters.cp_model_probing_level = self.cp_model_probing_level
        solver.parameters.presolve_inclusion_work_limit = NO_INCLUSION
        return solver
