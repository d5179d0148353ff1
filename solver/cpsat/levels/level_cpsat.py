"""The method of the back end ``cp-sat`` for hierarchies."""

from __future__ import annotations

import math
from typing import ClassVar, cast

from ....model.cost_model import HIERARCHY
from ....model.documents.result import Certificate
from ....model.faults import InputError
from ....model.hierarchy.accountings import EXECUTED
from ....model.hierarchy.constraints.resolved_constraints import resolved_constraints
from ....model.hierarchy.hierarchy_model import HierarchyModel
from ....model.hierarchy.resolved_machine import resolved_machine
from ....model.hierarchy.vectorised.count_bounds import why_too_large
from ...backend import AnyProblem, Progress, Report, SearchLimits, SearchOutcome
from ...deadline import Deadline
from .level_search import LevelSearch
from .level_solver import LevelSolver


class LevelCpSat:
    """Proves the best mapping onto a hierarchy, under the accounting `executed` (``docs/certificates.md``)."""

    name = "cp-sat"
    cost_models: ClassVar[tuple[str, ...]] = (HIERARCHY,)

    def search(self, problem: AnyProblem, limits: SearchLimits, report: Report | None) -> SearchOutcome:
        """Find the best mapping and prove it, or say how good it is; see :class:`...backend.SearchOutcome`.

        Raises:
            InputError: for an accounting other than `executed`.
        """
        deadline = Deadline.after(limits.time_limit_s)
        model = cast("HierarchyModel", problem.cost_model)
        if model.counted != EXECUTED:
            message = f"expected 'executed', for which cp-sat proves optima, got '{model.accounting}'"
            raise InputError.single(None, "accounting", message)
        machine = resolved_machine(problem.architecture, problem.nest)
        if reason := why_too_large(problem.nest, machine):
            return SearchOutcome((), None, exhausted=False, statistics={"not_counted": reason})
        constraints = resolved_constraints(problem.nest, machine, problem.constraints)
        solver = LevelSolver(limits.seed, limits.workers)
        search = LevelSearch(constraints, problem.objective, solver, deadline, limits.top_k)
        for mapping in problem.warm_starts:
            if not any(model.malformed(problem.nest, problem.architecture, mapping)):
                search.offer(mapping)
        proved = search.run(limits.relative_gap, lambda: _tell(search, report))
        best = tuple(found.mapping for found in search.best)
        return SearchOutcome(
            candidates=best,
            bound=_bound_of(search),
            exhausted=proved,
            statistics=_statistics(search),
            certificate=Certificate(ties_settled=False) if proved and best else None,
        )


def _tell(search: LevelSearch, report: Report | None) -> None:
    """Report what is known."""
    if report is not None:
        value = search.value if search.best else None
        note = f"{search.calls:,} solver calls"
        report(Progress(value, _bound_of(search), tuple(found.mapping for found in search.best), note))


def _bound_of(search: LevelSearch) -> float | None:
    """The bound, at most the best mapping's value; `None` where no mapping exists."""
    bound = min(search.bound, search.value)
    return None if math.isinf(bound) else bound


def _statistics(search: LevelSearch) -> dict[str, int | float | str]:
    relaxed = ", ".join(search.relaxed) or "nothing"
    return {
        "proved_by": "cp-sat",
        "solver_calls": search.calls,
        "tilings_settled": search.num_settled,
        "relaxed": relaxed,
    }


BACKEND = LevelCpSat()
