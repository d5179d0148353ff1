"""The ``highs`` back end: the same cases and relaxation as ``cp-sat``, answered by the mixed-integer solver HiGHS.

It shows that the formulation does not depend on one solver technology, and is a second opinion; it is slower. HiGHS
works in floating point: that a case is empty is the solver's claim, within its tolerances, and not certified in
integers as CP-SAT's claims are.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from ortools.linear_solver.python import model_builder
from ortools.sat.python import cp_model

from ...model.documents.result import ClosedBy
from ...model.faults import BackendFault
from .engines import EngineAnswer
from .mixed_integer import MixedIntegerProgram

SILENT = "output_flag=false"
"""HiGHS greets on standard output otherwise."""


@dataclass(frozen=True)
class Rounded:
    """A solution's values, rounded to the integers that they are within HiGHS's tolerance."""

    solver: model_builder.Solver
    translated: MixedIntegerProgram

    def value(self, expression: cp_model.IntVar, /) -> int:
        """The value of one variable of the CP-SAT model."""
        return self.translated.value(self.solver, expression)


class HighsEngine:
    """HiGHS through OR-Tools, one thread per question.

    It cannot be interrupted from outside: a question, and with it Ctrl-C, may take ``longest_call_s``.

    Raises:
        BackendFault: when the installed OR-Tools was built without HiGHS.
    """

    name: ClosedBy = "highs"

    def __init__(self, longest_call_s: float = 20.0) -> None:
        if not model_builder.Solver("highs").solver_is_supported():
            raise BackendFault("back end highs: the installed ortools has no HiGHS in it")
        self._longest_call_s, self._stopped = longest_call_s, threading.Event()

    def ask(self, model: cp_model.CpModel, seconds: float) -> EngineAnswer:
        """Run HiGHS; its status is read before anything else is asked of it."""
        translated = MixedIntegerProgram(model)
        if self._stopped.is_set():
            return EngineAnswer()
        solver = model_builder.Solver("highs")
        solver.set_solver_specific_parameters(SILENT)
        solver.set_time_limit_in_seconds(min(max(seconds, 0.01), self._longest_call_s))
        status = solver.solve(translated.program)
        found = status in (model_builder.SolveStatus.OPTIMAL, model_builder.SolveStatus.FEASIBLE)
        values = Rounded(solver, translated) if found else None
        return EngineAnswer(values, status == model_builder.SolveStatus.INFEASIBLE)

    def stop(self) -> None:
        """Answer no more; a running question returns at its time limit."""
        self._stopped.set()
