"""The objective of arrays of tilings, on the exact vectorised model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...model.dmazerunner.reuse import ReuseClass
from ...model.dmazerunner.vectorised.batch import Array, TilingBatch, to_array
from ...model.dmazerunner.vectorised.batch_cost import mapping_of
from ...model.dmazerunner.vectorised.order_query import Best, Costing, OrderQuery, OrderSearch
from ...model.mapping import Mapping, Tiling
from ...model.objectives import OBJECTIVES
from ..backend import AnyProblem, PublishedProblem


def order_search(problem: PublishedProblem) -> OrderSearch:
    """What finds the best orders of a problem's tilings."""
    return problem.cost_model.order_search(problem.nest, problem.architecture)


class Scorer:
    """The objective of one layer problem over arrays of tilings. Capacities are not asked for here."""

    def __init__(self, problem: PublishedProblem, orders: OrderSearch | None = None) -> None:
        self._nest = problem.nest
        self._orders = orders or order_search(problem)
        permit = problem.cost_model.permit(problem.architecture, problem.constraints)
        self._query = OrderQuery(OBJECTIVES[problem.objective], Costing(permit=permit))
        self._mappings: dict[Tiling, Mapping | None] = {}

    def scores(self, levels: Array, worst: float = np.inf) -> Best:
        """The best orders of tilings of shape (4, dimensions, n); values above ``worst`` may be given as infinite."""
        best = self._orders.best(TilingBatch(self._nest, levels), replace(self._query, limit=(worst, np.inf)))
        return best if worst == np.inf else Best(np.where(best.values <= worst, best.values, np.inf), best.ties)

    def best_classes(self, tiling: Tiling) -> tuple[ReuseClass, ReuseClass] | None:
        """The classes (SPM, DRAM) of a tiling's best orders; ``None`` where no orders keep the traffic limits."""
        return self._orders.orders(TilingBatch(self._nest, to_array([tiling])), self._query)

    def best_mapping(self, tiling: Tiling) -> Mapping | None:
        """A tiling with its best orders; ``None`` where no orders keep the traffic limits."""
        if tiling not in self._mappings:  # the same few are asked for again and again while a search reports
            found = self.best_classes(tiling)
            self._mappings[tiling] = None if found is None else mapping_of(tiling, *found)
        return self._mappings[tiling]


def trivial_bound(problem: AnyProblem) -> float:
    """A lower bound on the objective of every mapping that needs no search."""
    bounds = problem.cost_model.trivial_bounds(problem.nest, problem.architecture)
    return OBJECTIVES[problem.objective].lower_bound(*bounds)
