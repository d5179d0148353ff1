"""Closing the cases of one layer: what the workers share, and one worker's time slice on one case."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field

from ...model.dmazerunner.factorisations import allowed_factorisations
from ...model.dmazerunner.legality import broken_rules
from ...model.dmazerunner.mapping import Tiling
from ...model.dmazerunner.relaxation.case_bounds import analytic_bounds
from ...model.dmazerunner.relaxation.cases import Case, all_cases, has_few_cases
from ...model.dmazerunner.relaxation.relaxed_model import CYCLES, ENERGY, Relaxation, relax
from ...model.dmazerunner.relaxation.value_ranges import ValueRanges
from ...model.dmazerunner.reuse import reuse_classes
from ...model.dmazerunner.vectorised.batch import RF, SPM, to_array
from ...model.documents.result import Certificate, ClassPair, ClosedBy
from ...model.objectives import OBJECTIVES
from ..backend import LayerProblem, SearchLimits
from ..deadline import Deadline
from ..enumeration.branch_and_bound import trivial_bound
from ..search.incumbents import Incumbents
from ..search.scoring import Scorer
from ..spaces.subspaces import Subspace, Subspaces
from .engines import Engine
from .formulation.case_model import CaseModel
from .formulation.cutoff import Target
from .formulation.scaling import COST_UNITS

FIRST_TIME_SLICE_S = 5.0
"""A case's first time slice; every further one is twice as long."""

RAISING_SHARE = 1 / 3
"""Part of every further time slice in which a case is asked for less, to raise its bound."""

FRACTIONS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
"""Parts of the incumbent's value that a case which resists is asked for, one after the other."""

SUBSPACE_LIMIT_S = 2.0
"""How long costing all tilings with one choice of DRAM factors may take; else the candidate is costed alone."""

TIE_SUBSPACES = 64
"""Choices of DRAM factors costed for the sake of ties alone; beyond, ties may be left undecided."""


@dataclass
class CaseState:
    """One case and what is known of it.

    ``bound`` holds for every mapping of the case that is not costed exactly. ``refuted`` is the target for which the
    case was proved empty; ``closed_by`` says by what it was closed for good.
    """

    number: int
    case: Case
    relaxation: Relaxation
    least: dict[str, float]
    bound: float
    closed_by: ClosedBy | None = None
    refuted: float | None = None
    ties_closed: bool = False
    next_fraction: int = 0
    time_slices: int = 0
    calls: int = 0
    seconds: float = 0.0
    costed: list[Tiling] = field(default_factory=list[Tiling])
    too_large: list[tuple[int, Tiling]] = field(default_factory=list[tuple[int, Tiling]])

    @property
    def closed(self) -> bool:
        """Whether nothing better than the incumbent can be in the case."""
        return self.closed_by is not None


class CaseSearch:
    """What the workers of one layer share: the incumbents, the cases, the solver; guarded by ``lock``."""

    def __init__(
        self, problem: LayerProblem, limits: SearchLimits, deadline: Deadline, best: Incumbents, engine: Engine
    ) -> None:
        self.problem, self.limits, self.deadline = problem, limits, deadline
        self.rule, self.gap = OBJECTIVES[problem.objective], coarse_gap(limits.relative_gap)
        self.lock = threading.RLock()
        self.best, self.engine = best, engine
        self.stopping = threading.Event()
        options = allowed_factorisations(problem.nest, problem.constraints)
        self.has_choices = all(len(rows) for rows in options)
        self.scorer = Scorer(problem)
        self.states: list[CaseState] = []
        self.enumerated: set[Subspace] = set()
        self.tilings_enumerated = 0
        self.enumerated_before_ties = 0
        self._subspaces = Subspaces(problem)
        self.all_open = True
        if self.has_choices:
            self.ranges = ValueRanges(problem.nest, options)
            self._open_cases()

    def _open_cases(self) -> None:
        """Open all cases, or as many as there is time for; none where a nest has too many of them."""
        self.all_open = False
        if not has_few_cases(self.problem.nest):
            return
        for number, case in enumerate(all_cases(reuse_classes(self.problem.nest))):
            if self.deadline.passed:
                return
            self.states.append(self._open(number, case))
        self.all_open = True

    def _open(self, number: int, case: Case) -> CaseState:
        relaxation = relax(self.problem.nest, self.problem.architecture, case)
        bounds = analytic_bounds(self.problem.nest, self.problem.architecture, relaxation, self.ranges)
        return CaseState(number, case, relaxation, bounds, self.rule.lower_bound(bounds[ENERGY], bounds[CYCLES]))

    @property
    def optimal(self) -> bool:
        """Whether every case is closed."""
        return self.all_open and all(state.closed for state in self.states)

    def bound(self) -> float | None:
        """A lower bound on the exact objective of every mapping; none when there is no mapping."""
        values = [state.bound for state in self.states if state.bound < math.inf]
        values += [] if self.all_open else [trivial_bound(self.problem)]
        return min([*values, self.best.value] if self.best.kept else values, default=None)

    def admissible(self) -> float:
        """The largest objective value that improves on the incumbent by the gap asked for."""
        return self.rule.largest_improving(self.best.value, self.gap)

    def next_case(self, busy: list[CaseState]) -> CaseState | None:
        """The case to work on next: an open one, then one whose ties are open; none when there is none, or no time."""
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
            if not waiting and self.optimal and self.ties_wanted:
                waiting = [state for state in self.states if not state.ties_closed and state not in busy]
            return min(waiting, key=lambda state: (state.time_slices, state.bound, state.number), default=None)

    @property
    def ties_wanted(self) -> bool:
        """Whether to look for equally good mappings that rank higher: only of an exact optimum, and not for long."""
        few = len(self.enumerated) - self.enumerated_before_ties < TIE_SUBSPACES
        return self.best.kept != [] and self.best.value > 0 and few and self.gap is None

    def stop_solvers(self) -> None:
        """Make running solvers return soon, and start no more."""
        self.stopping.set()
        self.engine.stop()

    def enumerate_exactly(self, tiling: Tiling) -> bool:
        """Cost every tiling of a tiling's subspace exactly; false when that takes too long."""
        part = self._subspaces.around(tiling)
        until = min(self.deadline, Deadline.after(SUBSPACE_LIMIT_S))
        try:
            for levels in self._subspaces.tilings(part, until):
                self.best.offer(self.scorer.scores(levels), levels)
                with self.lock:
                    self.tilings_enumerated += levels.shape[2]
        except TimeoutError:
            return False
        with self.lock:
            self.enumerated.add(part)
            self.enumerated_before_ties += not self.optimal
        return True

    def take_in(self, tiling: Tiling) -> None:
        """Cost one legal candidate exactly."""
        levels = to_array([tiling])
        self.best.offer(self.scorer.scores(levels), levels)

    def note(self) -> str:
        """How many cases are open, for the progress line."""
        return f"{sum(not state.closed for state in self.states)} of {len(self.states)} class pairs open"

    def statistics(self) -> dict[str, int | float | str]:
        """Counts and seconds for the report."""
        return {
            "proved_by": self.engine.name if self.optimal else "-",
            "class_pairs": len(self.states),
            "class_pairs_closed": sum(state.closed for state in self.states),
            "solver_calls": sum(state.calls for state in self.states),
            "solver_s": round(sum(state.seconds for state in self.states), 3),
        }

    def certificate(self) -> Certificate:
        """How every case was closed, or what is known of it."""
        names = [tensor.name for tensor in self.problem.nest.tensors]
        return Certificate(
            class_pairs=tuple(_class_pair(self.problem, state, names) for state in self.states),
            slices_settled=len(self.enumerated),
            tilings_settled=self.tilings_enumerated,
            ties_settled=all(state.ties_closed for state in self.states),
        )


def _class_pair(problem: LayerProblem, state: CaseState, names: list[str]) -> ClassPair:
    spm, dram = state.case.labels(problem.nest)
    return ClassPair(
        spm_reuse=spm,
        dram_reuse=dram,
        skipped=tuple(names[t] for t in sorted(state.case.skipped)),
        closed_by=state.closed_by,
        bound=state.bound if state.bound < math.inf else None,
        refuted=state.refuted if state.refuted is not None and state.refuted < math.inf else None,
        solver_calls=state.calls,
        seconds=round(state.seconds, 3),
    )


def coarse_gap(relative_gap: float) -> float | None:
    """A gap above the solver's own resolution; none for a smaller one, which costs no more to prove than none."""
    return relative_gap if relative_gap > 16 / COST_UNITS else None


def work_on(shared: CaseSearch, state: CaseState) -> None:
    """One time slice on one case: ask for better mappings until none is left, or the slice is over."""
    started = time.monotonic()
    length = FIRST_TIME_SLICE_S * 2**state.time_slices
    end = min(shared.deadline, Deadline.after(length))
    if state.closed:
        while not shared.stopping.is_set() and not state.ties_closed and not end.passed and shared.ties_wanted:
            state.ties_closed = _excluded_up_to(shared, state, shared.best.value, end, shared.best.tie)
    else:
        if state.time_slices and shared.best.kept:
            _raise_bound(shared, state, min(end, Deadline.after(length * RAISING_SHARE)))
        while not shared.stopping.is_set() and not state.closed and not end.passed:
            _close(shared, state, end)
    state.time_slices += 1
    state.seconds += time.monotonic() - started


def _close(shared: CaseSearch, state: CaseState, end: Deadline) -> None:
    """Ask once for a mapping of the case that improves on the incumbent; the first time, for equally good ones too."""
    with shared.lock:
        value, target = shared.best.value, shared.admissible()
    ties_too = state.calls == 0 and value < math.inf and shared.gap is None
    target = value if ties_too else target
    if _excluded_up_to(shared, state, target, end):
        proved = value if shared.gap is None else target
        with shared.lock:
            state.bound, state.refuted, state.closed_by = max(state.bound, proved), target, shared.engine.name
            state.ties_closed = ties_too


def _raise_bound(shared: CaseSearch, state: CaseState, end: Deadline) -> None:
    """Prove that the case has nothing below ever larger parts of the incumbent's value."""
    while state.next_fraction < len(FRACTIONS) and not shared.stopping.is_set() and not end.passed:
        asked = shared.best.value * FRACTIONS[state.next_fraction]
        if asked <= state.bound or _excluded_up_to(shared, state, asked, end):
            with shared.lock:
                state.bound = max(state.bound, asked)
            state.next_fraction += 1


def _excluded_up_to(shared: CaseSearch, state: CaseState, target: float, end: Deadline, tie: float = math.inf) -> bool:
    """Whether the case has no mapping within the target that is not costed yet; what the solver finds is costed."""
    if target < 0 or state.bound > target or shared.best.value <= 0:
        return True
    model = _model(shared, state, target, tie)
    if not model.feasible:
        return True
    answer = shared.engine.ask(model.model, end.left_s)
    state.calls += 1
    if answer.found is not None:
        _take(shared, state, model.tiling.read(answer.found))
    return answer.impossible


def _model(shared: CaseSearch, state: CaseState, asked: float, tie: float) -> CaseModel:
    target = Target(shared.problem.objective, asked, state.least[ENERGY], state.least[CYCLES], tie)
    model = CaseModel(shared.problem, state.case, state.relaxation, shared.ranges, target).build()
    if model.feasible:
        with shared.lock:
            enumerated = list(shared.enumerated)
        model.tiling.forbid_subspaces(enumerated)
        model.tiling.forbid(state.costed)
        for level, tiling in state.too_large:
            model.tiling.forbid_tiles(tiling, level)
    return model


def _take(shared: CaseSearch, state: CaseState, tiling: Tiling) -> None:
    """Enumerate a candidate's subspace exactly, or exclude it with all larger tiles where a memory overflows."""
    problem = shared.problem
    broken = broken_rules(problem.nest, problem.architecture, problem.constraints, tiling)
    if "rf_bytes_per_pe" in broken:
        state.too_large.append((RF, tiling))
    elif "spm" in broken:
        state.too_large.append((SPM, tiling))
    elif not shared.enumerate_exactly(tiling):
        state.costed.append(tiling)
        if not broken:
            shared.take_in(tiling)
