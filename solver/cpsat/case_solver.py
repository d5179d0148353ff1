"""Asking an engine about one case, again and again: what it finds is costed exactly and left out of the next question.

A candidate fits the relaxed model, not necessarily the exact one. Its whole subspace is costed at once, which spares
many questions. Where it overflows a memory, all tilings with larger tiles do, and are left out without being costed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from ...model.dmazerunner.vectorised.batch import Array, to_array
from ...model.mapping import LEVELS, Mapping, Tiling
from ..backend import PublishedProblem
from ..deadline import Deadline
from ..spaces.subspaces import MOST_COMBINATIONS, Subspace, Subspaces
from .engines import Engine, EngineAnswer
from .formulation.case_model import CaseModel
from .formulation.variables import TilingVariables


@dataclass(frozen=True)
class SubspaceParameters:
    """How much of a candidate's surroundings is costed with it.

    Attributes:
        limit_s: how long costing all tilings of its subspace may take; else the candidate is costed alone.
        most_combinations: combinations of factors, fitting or not, up to which a subspace is not cut finer.
    """

    limit_s: float = 2.0
    most_combinations: int = MOST_COMBINATIONS


SUBSPACE_PARAMETERS = SubspaceParameters()


@dataclass
class CaseHistory:
    """What was asked about one case, and what its next models leave out besides subspaces: by one worker at a time.

    ``costed`` are single tilings; of ``too_large`` (level, tiling) all tilings with at least such a tile of the level.
    """

    calls: int = 0
    costed: list[Tiling] = field(default_factory=list[Tiling])
    too_large: list[tuple[int, Tiling]] = field(default_factory=list[tuple[int, Tiling]])


class CaseSolver:
    """Asks an engine about the cases of one layer; several workers may ask at the same time.

    ``cost`` is called with arrays of legal tilings, of shape (4, dimensions, n). Subspaces that are ``enumerated`` are
    left out of the models of all cases.
    """

    def __init__(
        self,
        problem: PublishedProblem,
        engine: Engine,
        cost: Callable[[Array], object],
        deadline: Deadline,
        parameters: SubspaceParameters = SUBSPACE_PARAMETERS,
    ) -> None:
        self.engine = engine
        self.enumerated: dict[Subspace, None] = {}  # in the order found: that of a set varies from process to process
        self.num_tilings = 0
        self._problem, self._cost, self._deadline = problem, cost, deadline
        self._limit_s, self._lock = parameters.limit_s, threading.Lock()
        self._subspaces = Subspaces(problem, parameters.most_combinations)

    def ask(self, model: CaseModel, history: CaseHistory, until: Deadline) -> EngineAnswer:
        """Whether a case has a mapping that meets its model's target and was not costed yet; if so, it is now."""
        if not model.feasible:
            return EngineAnswer(impossible=True)
        self._leave_out(model.tiling, history)
        history.calls += 1
        answer = self.engine.ask(model.model, until.left_s)
        if answer.found is not None:
            self._take(model.tiling.read(answer.found), history)
        return answer

    def _leave_out(self, variables: TilingVariables, history: CaseHistory) -> None:
        with self._lock:
            enumerated = list(self.enumerated)
        variables.forbid_subspaces(enumerated)
        variables.forbid(history.costed)
        for level, tiling in history.too_large:
            variables.forbid_tiles(tiling, level)

    def _take(self, tiling: Tiling, history: CaseHistory) -> None:
        """Enumerate a candidate's subspace exactly, or exclude it with all larger tiles where a memory overflows."""
        problem, order = self._problem, tuple(range(len(self._problem.nest.dims)))
        nest, architecture, model = problem.nest, problem.architecture, problem.cost_model
        broken = model.broken_rules(nest, architecture, problem.constraints, Mapping(tiling, order, order))
        memories = (capacity for capacity in model.capacities(architecture) if capacity.level != "spatial")
        overflowing = [LEVELS.index(capacity.level) for capacity in memories if capacity.rule in broken]
        if overflowing:
            history.too_large.append((overflowing[0], tiling))
        elif not self._enumerate_around(tiling):
            history.costed.append(tiling)
            if not broken:
                self._cost(to_array([tiling]))

    def _enumerate_around(self, tiling: Tiling) -> bool:
        """Cost every tiling of a tiling's subspace; false when that takes too long."""
        subspace, until = self._subspaces.around(tiling), min(self._deadline, Deadline.after(self._limit_s))
        try:
            for levels in self._subspaces.tilings(subspace, until):
                self._cost(levels)
                with self._lock:
                    self.num_tilings += levels.shape[2]
        except TimeoutError:
            return False
        with self._lock:
            self.enumerated[subspace] = None
        return True
