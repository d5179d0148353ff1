"""The whole energy-latency front of one layer on a hierarchy, with a proof: successive proved solves by shortest paths.

First the least cycles of all. Then, from the least energy on, the least energy among mappings with fewer cycles than
the point before (the epsilon-constraint method), until the least cycles are reached. Each solve proves that nothing
lies in one of the steps that :mod:`.front_steps` names, and together these leave no room for a point that is missing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ...model.documents.pareto import StepCheck
from ...model.documents.result import Number
from ...model.hierarchy.level_mapping import LevelMapping
from ...model.objectives import float_below
from ..backend import LevelsProblem
from ..deadline import Deadline
from ..shortest_path.programme import Candidate, Programme, Task
from ..shortest_path.shortest_path_backend import MOST_POINTS, space_of

GAP = 1e-11
"""Relative gap of every solve: more than bounds allow for rounding, less than energies differ by."""


@dataclass(frozen=True)
class _Solve:
    """What one solve found, whether it is proved, and what was looked at for that."""

    best: Candidate | None
    proved: bool
    examined: str

    def step(self, most_energy_pj: float | None, most_cycles: int | None) -> StepCheck:
        """What it says of a step of the front."""
        return StepCheck(
            most_energy_pj=most_energy_pj, most_cycles=most_cycles, refuted=self.proved, examined=self.examined
        )


class LevelFrontSearch:
    """Searches one layer's mappings onto a hierarchy; the problem's objective does not matter.

    ``complete`` says that nothing is missing, but for energies that differ by less than rounding; ``steps`` is what
    each solve has proved.
    """

    def __init__(self, problem: LevelsProblem) -> None:
        self._space = space_of(problem)
        self._points: list[Candidate] = []
        self._steps: list[StepCheck] = []
        self._report: Callable[[int], None] | None = None
        self.complete = False
        self.costed = 0

    def run(self, deadline: Deadline, report: Callable[[int], None] | None = None) -> None:
        """Work until complete or until the deadline; ``report`` hears the front's size often."""
        if self._space.vectors.size > MOST_POINTS:
            return
        self._report = report
        solve = self._solve(Task("latency", deadline))
        fastest = solve.best
        if fastest is None:
            self.complete = solve.proved
            return
        last = solve.step(None, fastest.cost.cycles - 1)
        reached = self._walk(fastest.cost.cycles, deadline)
        if not reached and self._is_new(fastest):
            self._points.append(fastest)
        self._steps.append(last)
        self.complete = reached and all(step.refuted for step in self._steps)

    def _walk(self, least_cycles: int, deadline: Deadline) -> bool:
        """Go from the point of least energy to that of least cycles, and say whether it was reached."""
        most_cycles: int | None = None
        while most_cycles is None or most_cycles >= least_cycles:
            limit = math.inf if most_cycles is None else most_cycles
            solve = self._solve(Task("energy", deadline, most_cycles=limit))
            found = solve.best
            if found is None:
                return False
            if self._points and found.cost.energy_pj <= self._points[-1].cost.energy_pj:
                self._points.pop()  # as little energy in fewer cycles: the step before it was as wide
            else:
                self._steps.append(solve.step(float_below(found.cost.energy_pj * (1 - GAP)), most_cycles))
            self._points.append(found)
            most_cycles = found.cost.cycles - 1
        return True

    def _is_new(self, found: Candidate) -> bool:
        """Whether a mapping is faster than every point."""
        return not self._points or found.cost.cycles < self._points[-1].cost.cycles

    def _solve(self, task: Task) -> _Solve:
        """The best mapping of a task, and whether that is proved."""
        programme = Programme(self._space, task)
        proved = programme.run(GAP, self._tell)
        examined = f"{programme.labels:,} labels in {programme.sweeps} sweeps"
        return _Solve(programme.best[0] if programme.best else None, proved, examined)

    def _tell(self) -> None:
        if self._report is not None:
            self._report(len(self._points))

    @property
    def steps(self) -> tuple[StepCheck, ...]:
        """What was proved of the steps between the points, by rising energy."""
        return tuple(self._steps)

    def points(self) -> list[tuple[LevelMapping, tuple[Number, int]]]:
        """The points' mappings with their exact energy and cycles, by rising energy."""
        return [(point.mapping, (point.cost.energy_pj, point.cost.cycles)) for point in self._points]
