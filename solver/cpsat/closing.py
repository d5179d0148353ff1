"""Closing the cases of one layer: what the workers share, and one worker's time slice on one case."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field

from ortools.sat.python import cp_model

from ...model.batch import DRAM, RF, SPM, to_array
from ...model.legality import broken_rules
from ...model.mapping import Tiling
from ...model.spec import Objective
from ...model.tilings import allowed_factorisations
from ..backend import LayerProblem, SearchLimits
from ..local_search import LocalSearch
from ..scoring import Scorer
from ..slices import Slices
from .analytic import analytic_bounds, objective_bound
from .cases import Case, all_cases
from .formulas import CYCLES, ENERGY, Relaxation, relax
from .model import CaseModel
from .objective import Target
from .reaches import Reaches
from .scaling import COST_UNITS

FIRST_SLICE_S = 2.0
"""A case's first time slice; every further one is longer by :data:`SLICE_GROWTH`."""

SLICE_GROWTH = 1.5

SLICE_LIMIT_S = 2.0
"""How long costing all tilings with one choice of DRAM factors may take; else the candidate is costed alone."""

FRACTIONS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)
"""A case that resists its first slice is asked for less first, which proves a bound on the way."""


@dataclass
class CaseState:
    """One case and what is known of it. ``bound`` holds for every mapping of the case that is not ``costed``."""

    number: int
    case: Case
    relaxation: Relaxation
    least: dict[str, float]
    bound: float
    closed: bool = False
    step: int = len(FRACTIONS) - 1
    slices: int = 0
    rounds: int = 0
    seconds: float = 0.0
    costed: list[Tiling] = field(default_factory=list[Tiling])
    too_large: list[tuple[int, Tiling]] = field(default_factory=list[tuple[int, Tiling]])


class Shared:
    """What the workers of one layer share: the incumbents, the cases, the running solvers; guarded by ``lock``."""

    def __init__(self, problem: LayerProblem, limits: SearchLimits, deadline: float, start: LocalSearch) -> None:
        self.problem, self.limits, self.deadline = problem, limits, deadline
        self.lock = threading.RLock()
        self.start, self.best = start, start.best
        options = allowed_factorisations(problem.nest, problem.constraints)
        self.has_choices = all(len(rows) for rows in options)
        self.scorer = Scorer(problem)
        self.states: list[CaseState] = []
        self.settled: set[tuple[int, ...]] = set()
        self._slices = Slices(problem)
        self._solvers: set[cp_model.CpSolver] = set()
        if self.has_choices:
            self.reaches = Reaches(problem.nest, options)
            cases = all_cases(self.scorer.model.classes)
            self.states = [self._open(number, case) for number, case in enumerate(cases)]

    def _open(self, number: int, case: Case) -> CaseState:
        relaxation = relax(self.problem.nest, self.problem.architecture, case)
        bounds = analytic_bounds(self.problem, relaxation, self.reaches)
        return CaseState(number, case, relaxation, bounds, objective_bound(self.problem.objective, bounds))

    def bound(self) -> float | None:
        """A lower bound on the exact objective of every mapping; none when nothing is left that could have one."""
        still = [self.best.value] if self.best.kept else []
        return min([*still, *(state.bound for state in self.states if not self._refuted(state))], default=None)

    def _refuted(self, state: CaseState) -> bool:
        return state.closed and state.bound == math.inf

    def next_case(self, busy: list[CaseState]) -> CaseState | None:
        """The open case with the least bound that no worker is busy with; none when time is up."""
        if time.monotonic() >= self.deadline:
            return None
        with self.lock:
            waiting = [state for state in self.states if not state.closed and state not in busy]
            for state in waiting:
                if self.best.kept and state.bound > admissible(
                    self.problem.objective, self.best.value, self.limits.relative_gap
                ):
                    state.closed = True
            return min((s for s in waiting if not s.closed), key=lambda s: (s.slices, s.bound, s.number), default=None)

    def stop_solvers(self) -> None:
        """Make running solvers return soon."""
        with self.lock:
            for solver in self._solvers:
                solver.stop_search()

    def solve(self, model: CaseModel, seconds: float) -> tuple[cp_model.CpSolver, int]:
        """Run CP-SAT on a case model; the status is read before anything else is asked of the solver."""
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = self.limits.seed
        solver.parameters.max_time_in_seconds = max(seconds, 0.01)
        solver.parameters.catch_sigint_signal = False
        solver.parameters.cp_model_probing_level = 0
        solver.parameters.linearization_level = 1 if self.problem.objective == "energy" else 0
        with self.lock:
            self._solvers.add(solver)
        try:
            return solver, int(solver.solve(model.model))
        finally:
            with self.lock:
                self._solvers.discard(solver)

    def settle(self, dram: tuple[int, ...]) -> bool:
        """Cost every tiling with the given DRAM factors exactly; false when that takes too long."""
        try:
            for levels in self._slices.tilings(dram, min(self.deadline, time.monotonic() + SLICE_LIMIT_S)):
                scores = self.scorer.scores(levels)
                with self.lock:
                    self.best.offer(scores, levels)
        except TimeoutError:
            return False
        with self.lock:
            self.settled.add(dram)
        return True

    def take_in(self, tiling: Tiling) -> None:
        """Cost one legal candidate exactly; descend from what improves on the incumbent."""
        with self.lock:
            levels = to_array([tiling])
            if self.best.offer(self.scorer.scores(levels), levels):
                self.start.improve(tiling, self.deadline)

    def statistics(self) -> dict[str, int | float | str]:
        """Counts and seconds for the report."""
        return {
            "class_pairs": len(self.states),
            "class_pairs_closed": sum(state.closed for state in self.states),
            "candidates_costed": sum(len(state.costed) for state in self.states),
            "slices_settled": len(self.settled),
            "solver_calls": sum(state.rounds for state in self.states),
            "solver_s": round(sum(state.seconds for state in self.states), 3),
        }


def admissible(objective: Objective, value: float, relative_gap: float) -> float:
    """The largest objective value that improves on an incumbent by the gap asked for.

    A gap below the solver's own resolution costs no more than none: then it is the next smaller value that the
    objective can have (an integer, or for the EDP the next binary64 number).
    """
    if value == math.inf:
        return math.inf
    if relative_gap > 16 / COST_UNITS:
        return value * (1 - relative_gap)
    return math.nextafter(value, 0.0) if objective == "edp" else value - 1


def _proved(objective: Objective, refuted: float, value: float, relative_gap: float) -> float:
    """The bound that follows when no mapping has an objective of at most ``refuted``."""
    if refuted == admissible(objective, value, relative_gap) and relative_gap <= 16 / COST_UNITS:
        return value
    return refuted


def work_on(shared: Shared, state: CaseState, stop: threading.Event) -> None:
    """One time slice on one case: ask for better mappings until none is left, or the slice is over."""
    started = time.monotonic()
    until = min(shared.deadline, started + FIRST_SLICE_S * SLICE_GROWTH**state.slices)
    state.slices += 1
    finished = False
    while not finished and not stop.is_set() and time.monotonic() < until:
        finished = _ask(shared, state, until)
    state.seconds += time.monotonic() - started
    if not state.closed:
        last = len(FRACTIONS) - 1
        state.step = min(state.step + 1, last) if finished else max(0, state.step - 1) if state.slices > 1 else 0


def _ask(shared: Shared, state: CaseState, until: float) -> bool:
    """Ask once for a mapping of the case within the target; says whether the target is settled."""
    objective, gap = shared.problem.objective, shared.limits.relative_gap
    with shared.lock:
        value = shared.best.value
    target = admissible(objective, value, gap)
    if target <= 0:
        state.closed, state.bound = True, max(0.0, min(value, state.bound))
        return True
    whole = state.step == len(FRACTIONS) - 1
    asked = target if whole or target == math.inf else target * FRACTIONS[state.step]
    model = _model(shared, state, asked)
    status = cp_model.INFEASIBLE
    if model.feasible:
        solver, status = shared.solve(model, until - time.monotonic())
        state.rounds += 1
        if status == cp_model.MODEL_INVALID:
            raise RuntimeError(f"the CP-SAT model is invalid: {model.model.validate()}")
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            _take(shared, state, model.tiling.read(solver))
            return False
        if status == cp_model.UNKNOWN:
            return False
    with shared.lock:
        state.bound = max(state.bound, _proved(objective, asked, value, gap) if asked < math.inf else math.inf)
        state.closed = asked == target
    return True


def _model(shared: Shared, state: CaseState, asked: float) -> CaseModel:
    target = Target(shared.problem.objective, asked, state.least[ENERGY], state.least[CYCLES])
    model = CaseModel(shared.problem, state.case, state.relaxation, shared.reaches, target).build()
    if model.feasible:
        with shared.lock:
            settled = list(shared.settled)
        model.tiling.forbid_factors(DRAM, settled)
        model.tiling.forbid(state.costed)
        for level, tiling in state.too_large:
            model.tiling.forbid_tiles(tiling, level)
    return model


def _take(shared: Shared, state: CaseState, tiling: Tiling) -> None:
    """Settle a candidate's slice, or exclude it with all larger tiles where a memory overflows."""
    problem = shared.problem
    broken = broken_rules(problem.nest, problem.architecture, problem.constraints, tiling)
    if "rf_bytes_per_pe" in broken:
        state.too_large.append((RF, tiling))
    elif "spm" in broken:
        state.too_large.append((SPM, tiling))
    elif not shared.settle(tiling.dram):
        state.costed.append(tiling)
        if not broken:
            shared.take_in(tiling)
