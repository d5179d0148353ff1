"""A second opinion of CP-SAT: is there any mapping below a limit, or within limits on energy and cycles?

Every case is modelled from scratch and asked once more, without an incumbent, hint or enumerated subspace of the search
that is being checked, under another seed and with other parameters. What the relaxation proposes is costed exactly,
with all tilings of its subspace, and excluded.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...model.dmazerunner.relaxation.cases import Case
from ...model.dmazerunner.relaxation.relaxed_model import CYCLES, ENERGY
from ...model.dmazerunner.relaxation.value_ranges import ValueRanges
from ...model.dmazerunner.vectorised.batch import Array, TilingBatch
from ...model.dmazerunner.vectorised.batch_cost import mapping_of
from ...model.dmazerunner.vectorised.order_query import Costing
from ...model.mapping import Mapping, Tiling
from ...model.objectives import OBJECTIVES
from ..backend import PublishedProblem
from ..deadline import Deadline
from ..refutation import Refutation
from ..search.incumbents import Incumbents
from ..search.scoring import Scorer
from .case_solver import CaseHistory, CaseSolver
from .engines import CpSatEngine, CpSatParameters, EngineAnswer
from .formulation.case_model import CaseModel
from .formulation.cutoff import Target

POLL_S = 0.1
"""How often the waiting main thread looks up, so that Ctrl-C is heard."""


@dataclass(frozen=True)
class Limits:
    """The most energy in pJ, and the most cycles, that a mapping looked for may take."""

    energy_pj: float
    cycles: float


class Question(Protocol):
    """What is looked for in one problem's space; threads may ask at the same time."""

    problem: PublishedProblem

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

    def __init__(self, problem: PublishedProblem, limit: float) -> None:
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

    def __init__(self, problem: PublishedProblem, limits: Limits) -> None:
        self.problem, self._limits = problem, limits
        self._model, self._found = problem.cost_model.batch_model(problem.nest, problem.architecture), None
        self._costing = Costing(permit=problem.cost_model.permit(problem.architecture, problem.constraints))

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
    problem: PublishedProblem, limit: float, deadline: Deadline, *, seed: int, workers: int
) -> Refutation:
    """Ask CP-SAT, case by case, for a mapping with an objective below a limit.

    ``workers`` cases are worked on at a time.
    """
    return refute(BelowLimit(problem, limit), deadline, seed=seed, workers=workers)


def refute(question: Question, deadline: Deadline, *, seed: int, workers: int) -> Refutation:
    """Ask CP-SAT, case by case, for what a question looks for; see :func:`refute_with_cpsat`."""
    cases = question.problem.cost_model.cases(question.problem.nest)
    if cases is None:
        return Refutation("cp-sat", False, "no class pair, since there are too many")
    run = RefutationRun(question, cases, deadline, seed)
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

    def __init__(self, question: Question, cases: Sequence[Case], deadline: Deadline, seed: int) -> None:
        self.question, self.deadline, self.problem = question, deadline, question.problem
        self.options = self.problem.cost_model.factorisations(self.problem.nest, self.problem.constraints)
        self.ranges = ValueRanges(self.problem.nest, self.options)
        self.cases = cases
        self.num_closed = self.num_calls = 0
        self.stopping, self.lock = threading.Event(), threading.Lock()
        parameters = CpSatParameters(random_seed=seed, linearization_level=2, cp_model_probing_level=2)
        self._solver = CaseSolver(self.problem, CpSatEngine(parameters), question.take, deadline)

    def stop(self, futures: list[Future[None]]) -> None:
        """Make the workers return soon, and wait for them."""
        self.stopping.set()
        for future in futures:
            future.cancel()
        while not all(future.done() for future in futures):
            self._solver.engine.stop()
            wait(futures, POLL_S)

    def close(self, case: Case) -> None:
        """Ask for mappings of a case below the limit until none is left, one is found, or time is up."""
        nest, architecture, history = self.problem.nest, self.problem.architecture, CaseHistory()
        relaxation = self.problem.cost_model.relaxation(nest, architecture, case)
        target = self.question.target(self.problem.cost_model.case_bounds(nest, architecture, relaxation, self.ranges))
        answer = EngineAnswer()
        while not self.stopping.is_set() and not self.deadline.passed:
            model = CaseModel(self.problem, case, relaxation, self.ranges, target).build()
            answer = self._solver.ask(model, history, self.deadline)
            if answer.found is None:
                break
            if self.question.answer() is not None:
                self.stopping.set()
        with self.lock:
            self.num_closed += answer.impossible
            self.num_calls += history.calls
