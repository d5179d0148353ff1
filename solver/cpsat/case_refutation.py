"""A second opinion of CP-SAT: is there any mapping below a limit, or within limits on energy and cycles?

Every case is modelled from scratch and asked once more, without an incumbent, hint or enumerated subspace of the search
that is being checked, under another seed and with other parameters. What the relaxation proposes is costed exactly,
with all tilings of its subspace, and excluded.
"""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from ortools.sat.python import cp_model

from ...model.dmazerunner.factorisations import allowed_factorisations
from ...model.dmazerunner.legality import broken_rules
from ...model.dmazerunner.mapping import Mapping, Tiling
from ...model.dmazerunner.relaxation.case_bounds import analytic_bounds
from ...model.dmazerunner.relaxation.cases import Case, all_cases, has_few_cases
from ...model.dmazerunner.relaxation.relaxed_model import CYCLES, ENERGY, relax
from ...model.dmazerunner.relaxation.value_ranges import ValueRanges
from ...model.dmazerunner.reuse import reuse_classes
from ...model.dmazerunner.vectorised.batch import RF, SPM, Array, TilingBatch, to_array
from ...model.dmazerunner.vectorised.batch_cost import BatchModel, mapping_of
from ...model.dmazerunner.vectorised.batch_legality import permit_of
from ...model.dmazerunner.vectorised.order_query import Costing
from ...model.objectives import OBJECTIVES
from ..backend import LayerProblem
from ..deadline import Deadline
from ..refutation import Refutation
from ..search.incumbents import Incumbents
from ..search.scoring import Scorer
from ..spaces.subspaces import Subspace, Subspaces
from .formulation.case_model import CaseModel
from .formulation.cutoff import Target

SUBSPACE_LIMIT_S = 2.0
"""How long costing one subspace may take; else the candidate is costed alone."""

POLL_S = 0.1
"""How often the waiting main thread looks up, so that Ctrl-C is heard."""


@dataclass(frozen=True)
class Limits:
    """The most energy in pJ, and the most cycles, that a mapping looked for may take."""

    energy_pj: float
    cycles: float


class Question(Protocol):
    """What is looked for in one problem's space; threads may ask at the same time."""

    problem: LayerProblem

    def target(self, least: dict[str, float]) -> Target:
        """What a case is asked for, given lower bounds over it."""
        ...

    def take(self, levels: Array) -> None:
        """Cost an array of legal tilings, of shape (4, dimensions, n), exactly."""
        ...

    def answer(self) -> Mapping | None:
        """A mapping that was looked for, once one was taken in."""
        ...


class BelowLimit:
    """A mapping with an objective below a limit."""

    def __init__(self, problem: LayerProblem, limit: float) -> None:
        self.problem, self._limit = problem, limit
        self._scorer, self._best = Scorer(problem), Incumbents(1)

    def target(self, least: dict[str, float]) -> Target:
        """The largest objective value below the limit."""
        asked = OBJECTIVES[self.problem.objective].largest_below(self._limit)
        return Target(self.problem.objective, asked, least[ENERGY], least[CYCLES])

    def take(self, levels: Array) -> None:
        """Keep the best."""
        self._best.offer(self._scorer.scores(levels), levels)

    def answer(self) -> Mapping | None:
        """The best, where it lies below the limit."""
        return self._best.mappings(self._scorer)[0] if self._best.value < self._limit else None


class WithinLimits:
    """A mapping within limits on energy and cycles, whatever the objective."""

    def __init__(self, problem: LayerProblem, limits: Limits) -> None:
        self.problem, self._limits = problem, limits
        self._model, self._found = BatchModel(problem.nest, problem.architecture), None
        self._costing = Costing(permit=permit_of(problem.constraints, problem.architecture))

    def target(self, least: dict[str, float]) -> Target:
        """Energy within its limit, and the other metric within that of cycles."""
        return Target("energy", self._limits.energy_pj, least[ENERGY], least[CYCLES], self._limits.cycles)

    def take(self, levels: Array) -> None:
        """Keep one that is within both."""
        for pair in self._model.pair_costs(TilingBatch(self.problem.nest, levels), self._costing):
            inside = (pair.energy_pj <= self._limits.energy_pj) & (pair.cycles <= self._limits.cycles)
            inside &= np.isfinite(pair.cycles)
            for position in np.flatnonzero(inside)[:1].tolist():
                tiling = Tiling.from_levels(levels[:, :, position].astype(np.int64).tolist())
                self._found = mapping_of(tiling, *self._model.classes_of(pair))

    def answer(self) -> Mapping | None:
        """The one that was found."""
        return self._found


def refute_with_cpsat(
    problem: LayerProblem, limit: float, deadline: Deadline, *, seed: int, workers: int
) -> Refutation:
    """Ask CP-SAT, case by case, for a mapping with an objective below a limit.

    ``workers`` cases are worked on at a time.
    """
    return refute(BelowLimit(problem, limit), deadline, seed=seed, workers=workers)


def refute(question: Question, deadline: Deadline, *, seed: int, workers: int) -> Refutation:
    """Ask CP-SAT, case by case, for what a question looks for; see :func:`refute_with_cpsat`."""
    if not has_few_cases(question.problem.nest):
        return Refutation("cp-sat", False, "no class pair, since there are too many")
    run = RefutationRun(question, deadline, seed)
    if not all(map(len, run.options)):
        return Refutation("cp-sat", True, "no class pair, since no factors are left")
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="refute")
    with pool:
        futures = [pool.submit(run.close, case) for case in run.cases]
        try:
            _wait(futures, run)
        finally:
            run.stop(futures)
    examined = f"{run.num_closed} of {len(run.cases)} class pairs, {run.num_calls} solver calls"
    return Refutation("cp-sat", run.num_closed == len(run.cases), examined, question.answer())


def _wait(futures: list[Future[None]], run: RefutationRun) -> None:
    """Until all cases are done, one fails, or a mapping below the limit is found; what was raised is raised."""
    pending = set(futures)
    while pending and not run.stopping.is_set():
        done, pending = wait(pending, POLL_S, FIRST_EXCEPTION)
        for future in done:
            future.result()


class RefutationRun:
    """What the workers share; ``lock`` guards what changes."""

    def __init__(self, question: Question, deadline: Deadline, seed: int) -> None:
        self.question, self.deadline, self.seed = question, deadline, seed
        self.problem = problem = question.problem
        self.options = allowed_factorisations(problem.nest, problem.constraints)
        self.ranges = ValueRanges(problem.nest, self.options)
        self.cases = all_cases(reuse_classes(problem.nest))
        self.num_closed = self.num_calls = 0
        self.stopping, self.lock = threading.Event(), threading.Lock()
        self._subspaces, self._enumerated = Subspaces(problem), set[Subspace]()
        self._solvers = set[cp_model.CpSolver]()

    def stop(self, futures: list[Future[None]]) -> None:
        """Make the workers return soon, and wait for them."""
        self.stopping.set()
        for future in futures:
            future.cancel()
        while not all(future.done() for future in futures):
            with self.lock:
                for solver in self._solvers:
                    solver.stop_search()
            wait(futures, POLL_S)

    def close(self, case: Case) -> None:
        """Ask for mappings of a case below the limit until none is left, one is found, or time is up."""
        problem = self.problem
        relaxation = relax(problem.nest, problem.architecture, case)
        least = analytic_bounds(problem.nest, problem.architecture, relaxation, self.ranges)
        target = self.question.target(least)
        excluded: list[tuple[int | None, Tiling]] = []
        while not self.stopping.is_set() and not self.deadline.passed:
            model = CaseModel(problem, case, relaxation, self.ranges, target).build()
            status, found = self._ask(model, excluded) if model.feasible else (cp_model.INFEASIBLE, None)
            if status == cp_model.INFEASIBLE:
                with self.lock:
                    self.num_closed += 1
                return
            if found is None:
                return
            excluded += self._enumerate_around(found)
            if self.question.answer() is not None:
                self.stopping.set()

    def _ask(
        self, model: CaseModel, excluded: list[tuple[int | None, Tiling]]
    ) -> tuple[cp_model.CpSolverStatus, Tiling | None]:
        """One call of the solver: its status, read before anything else, and the tiling that it found."""
        with self.lock:
            model.tiling.forbid_subspaces(list(self._enumerated))
            self.num_calls += 1
        model.tiling.forbid([tiling for level, tiling in excluded if level is None])
        for level, tiling in excluded:
            if level is not None:
                model.tiling.forbid_tiles(tiling, level)
        solver = self._solver()
        try:
            status = cp_model.UNKNOWN if self.stopping.is_set() else solver.solve(model.model)
        finally:
            with self.lock:
                self._solvers.discard(solver)
        if status == cp_model.MODEL_INVALID:
            raise RuntimeError(f"the CP-SAT model is invalid: {model.model.validate()}")
        return status, model.tiling.read(solver) if status in (cp_model.OPTIMAL, cp_model.FEASIBLE) else None

    def _solver(self) -> cp_model.CpSolver:
        """A solver with parameters that the search does not use."""
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = self.seed
        solver.parameters.max_time_in_seconds = max(self.deadline.left_s, 0.01)
        solver.parameters.catch_sigint_signal = False
        solver.parameters.linearization_level = 2
        solver.parameters.cp_model_probing_level = 2
        with self.lock:
            self._solvers.add(solver)
        return solver

    def _enumerate_around(self, tiling: Tiling) -> list[tuple[int | None, Tiling]]:
        """Cost a candidate with its subspace; gives what remains to be excluded: larger tiles (by level), or itself."""
        problem = self.problem
        broken = broken_rules(problem.nest, problem.architecture, problem.constraints, tiling)
        for rule, level in (("rf_bytes_per_pe", RF), ("spm", SPM)):
            if rule in broken:
                return [(level, tiling)]
        part = self._subspaces.around(tiling)
        until = min(self.deadline, Deadline.after(SUBSPACE_LIMIT_S))
        try:
            for levels in self._subspaces.tilings(part, until):
                self.question.take(levels)
        except TimeoutError:
            if not broken:
                self.question.take(to_array([tiling]))
            return [(None, tiling)]
        with self.lock:
            self._enumerated.add(part)
        return []
