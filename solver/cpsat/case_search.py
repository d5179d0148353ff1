"""Closing the cases of one layer: what the workers share, and which case comes next."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

from ...model.dmazerunner.relaxation.cases import Case
from ...model.dmazerunner.relaxation.relaxed_model import CYCLES, ENERGY
from ...model.dmazerunner.relaxation.value_ranges import RANGE_PARAMETERS, RangeParameters, ValueRanges
from ...model.dmazerunner.vectorised.batch import Array
from ...model.documents.result import Certificate
from ...model.objectives import OBJECTIVES
from ..backend import PublishedProblem, SearchLimits
from ..deadline import Deadline
from ..search.incumbents import Incumbents
from ..search.scoring import Scorer, trivial_bound
from .case_solver import SUBSPACE_PARAMETERS, CaseSolver, SubspaceParameters
from .case_state import CaseState
from .engines import Engine
from .formulation.scaling import coarse_gap


@dataclass(frozen=True)
class CaseParameters:
    """How cases are closed.

    Attributes:
        first_time_slice_s: a case's first time slice; every further one is twice as long.
        raising_share: part of every further time slice in which a case is asked for less, to raise its bound.
        fractions: parts of the incumbent's value that a case which resists is asked for, one after the other.
        tie_subspaces: subspaces costed for the sake of ties alone; beyond, ties may be left undecided.
        subspaces: how much is costed with a candidate.
        ranges: up to where values of monomials are listed.
    """

    first_time_slice_s: float = 5.0
    raising_share: float = 1 / 3
    fractions: tuple[float, ...] = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
    tie_subspaces: int = 64
    subspaces: SubspaceParameters = SUBSPACE_PARAMETERS
    ranges: RangeParameters = RANGE_PARAMETERS


CASE_PARAMETERS = CaseParameters()


class CaseSearch:
    """What the workers of one layer share: the incumbents, the cases, the solver; guarded by ``lock``."""

    def __init__(
        self,
        problem: PublishedProblem,
        limits: SearchLimits,
        deadline: Deadline,
        best: Incumbents,
        engine: Engine,
        parameters: CaseParameters = CASE_PARAMETERS,
    ) -> None:
        self.problem, self.deadline, self.parameters = problem, deadline, parameters
        self.rule, self.gap = OBJECTIVES[problem.objective], coarse_gap(limits.relative_gap)
        self.lock = threading.RLock()
        self.best = best
        self.solver = CaseSolver(problem, engine, self._cost, deadline, parameters.subspaces)
        self.stopping = threading.Event()
        options = problem.cost_model.factorisations(problem.nest, problem.constraints)
        self.has_choices = all(len(rows) for rows in options)
        self.scorer = Scorer(problem)
        self.states: list[CaseState] = []
        self._enumerated_before_ties: int | None = None
        self.all_open = True
        if self.has_choices:
            self.ranges = ValueRanges(problem.nest, options, parameters.ranges)
            self._open_cases()

    def _open_cases(self) -> None:
        """Open all cases, or as many as there is time for; none where a nest has too many of them."""
        self.all_open = False
        cases = self.problem.cost_model.cases(self.problem.nest)
        if cases is None:
            return
        for number, case in enumerate(cases):
            if self.deadline.passed:
                return
            self.states.append(self._open(number, case))
        self.all_open = True

    def _open(self, number: int, case: Case) -> CaseState:
        relaxation = self.problem.cost_model.relaxation(self.problem.nest, self.problem.architecture, case)
        bounds = self.problem.cost_model.case_bounds(
            self.problem.nest, self.problem.architecture, relaxation, self.ranges
        )
        return CaseState(number, case, relaxation, bounds, self.rule.lower_bound(bounds[ENERGY], bounds[CYCLES]))

    @property
    def optimal(self) -> bool:
        """Whether every case is closed."""
        return self.all_open and all(state.closed for state in self.states)

    def bound(self) -> float | None:
        """A lower bound on the exact objective of every mapping; ``None`` when there is no mapping."""
        values = [state.bound for state in self.states if state.bound < math.inf]
        values += [] if self.all_open else [trivial_bound(self.problem)]
        return min([*values, self.best.value] if self.best.kept else values, default=None)

    def admissible(self) -> float:
        """The largest objective value that improves on the incumbent by the gap asked for."""
        return self.rule.largest_improving(self.best.value, self.gap)

    def next_case(self, busy: list[CaseState]) -> CaseState | None:
        """The next case to work on: an open one, then one with open ties; ``None`` when there is none, or no time."""
        if self.deadline.passed:
            return None
        with self.lock:
            target = self.admissible()
            for state in self.states:
                if not state.closed and self.best.kept and state.bound > target:
                    state.closed_by, state.refuted = "bound", target
                    if self.gap is None:  # no objective value lies between target and incumbent
                        state.bound = max(state.bound, self.best.value)
            waiting = [state for state in self.states if not state.closed and state not in busy]
            if not waiting and self.optimal and self._begin_ties():
                waiting = [state for state in self.states if not state.ties_closed and state not in busy]
            return min(waiting, key=lambda state: (state.time_slices, state.bound, state.number), default=None)

    def _begin_ties(self) -> bool:
        """Count subspaces from now on as enumerated for the sake of ties; says whether any are wanted."""
        if self._enumerated_before_ties is None:
            self._enumerated_before_ties = len(self.solver.enumerated)
        return self.ties_wanted

    @property
    def ties_wanted(self) -> bool:
        """Whether to look for equally good mappings that rank higher: only of an exact optimum, and not for long."""
        first = self._enumerated_before_ties
        few = first is None or len(self.solver.enumerated) - first < self.parameters.tie_subspaces
        return self.best.kept != [] and self.best.value > 0 and few and self.gap is None

    def stop_solvers(self) -> None:
        """Make running solvers return soon, and start no more."""
        self.stopping.set()
        self.solver.engine.stop()

    def _cost(self, levels: Array) -> None:
        self.best.offer(self.scorer.scores(levels), levels)

    def note(self) -> str:
        """How many cases are open, for the progress line."""
        return f"{sum(not state.closed for state in self.states)} of {len(self.states)} class pairs open"

    def statistics(self) -> dict[str, int | float | str]:
        """Counts and seconds for the report."""
        return {
            "proved_by": self.solver.engine.name if self.optimal else "-",
            "class_pairs": len(self.states),
            "class_pairs_closed": sum(state.closed for state in self.states),
            "solver_calls": sum(state.history.calls for state in self.states),
            "solver_s": round(sum(state.seconds for state in self.states), 3),
        }

    def certificate(self) -> Certificate:
        """How every case was closed, or what is known of it."""
        return Certificate(
            class_pairs=tuple(state.class_pair(self.problem.nest) for state in self.states),
            slices_settled=len(self.solver.enumerated),
            tilings_settled=self.solver.num_tilings,
            ties_settled=all(state.ties_closed for state in self.states),
        )
