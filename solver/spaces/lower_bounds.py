"""Lower bounds where factors are still open, under every pair of reuse classes or on the best orders of both levels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...model.dmazerunner.vectorised.batch import Array, Mask, TilingBatch
from ...model.dmazerunner.vectorised.batch_cost import PairCosts
from ...model.dmazerunner.vectorised.order_query import OrderQuery, OrderSearch
from ...model.objectives import OBJECTIVES
from ..backend import PublishedProblem
from ..search.scoring import order_search

Limit = tuple[float, float]
"""The largest objective, and other metric, that are of interest."""

NO_LIMIT: Limit = (np.inf, np.inf)


class LowerBounds:
    """Bounds on objective and tie-breaking metric; their best pair, so that none is better in both at once.

    Infinite where no mapping passes the constraints.
    """

    def __init__(self, problem: PublishedProblem, orders: OrderSearch | None = None) -> None:
        self._nest, self._objective = problem.nest, OBJECTIVES[problem.objective]
        self._orders = orders or order_search(problem)
        self._bound_model = problem.cost_model.bound_model(problem.nest, problem.architecture, problem.constraints)
        self._permit = problem.cost_model.permit(problem.architecture, problem.constraints)

    def of_subspaces(self, subspaces: Array, limit: Limit = NO_LIMIT) -> tuple[Array, Array]:
        """Bounds where only DRAM factors are chosen; above the limit they may be lower than they could be."""
        batch = TilingBatch(self._nest, subspaces)
        query = OrderQuery(self._objective, self._bound_model.of_subspaces(batch, self._permit), limit)
        best, enough = self._orders.best(batch, query), self._bound_model.enough_pes(batch)
        return _where(enough, best.values), _where(enough, best.ties)

    def of_array_tiles(self, tiles: Array, limit: Limit = NO_LIMIT) -> tuple[Array, Array]:
        """Bounds where DRAM and SPM factors are chosen; above the limit they may be lower than they could be."""
        batch = TilingBatch(self._nest, tiles)
        best = self._orders.best(batch, OrderQuery(self._objective, self._bound_model.of_array_tiles(batch), limit))
        return best.values, best.ties


class PairBounds:
    """Bounds on energy and cycles under every pair of reuse classes; infinite where the pair cannot pass."""

    def __init__(self, problem: PublishedProblem) -> None:
        self._model = problem.cost_model.batch_model(problem.nest, problem.architecture)
        self._bound_model = problem.cost_model.bound_model(problem.nest, problem.architecture, problem.constraints)
        self._permit = problem.cost_model.permit(problem.architecture, problem.constraints)

    def of_subspaces(self, subspaces: Array) -> Iterator[PairCosts]:
        """Bounds where only DRAM factors are chosen, under every DRAM class."""
        batch = TilingBatch(self._model.nest, subspaces)
        enough = self._bound_model.enough_pes(batch)
        for pair in self._model.pair_costs(batch, self._bound_model.of_subspaces(batch, self._permit)):
            energy, cycles = _where(enough, pair.energy_pj), _where(enough, pair.cycles)
            yield PairCosts(pair.spm_class, pair.dram_class, energy, cycles)

    def of_array_tiles(self, tiles: Array) -> Iterator[PairCosts]:
        """Bounds where DRAM and SPM factors are chosen."""
        batch = TilingBatch(self._model.nest, tiles)
        return self._model.pair_costs(batch, self._bound_model.of_array_tiles(batch))


def _where(kept: Mask, values: Array) -> Array:
    """The values, infinite where nothing is kept."""
    return np.where(kept, values, np.inf)
