"""Lower bounds on the objective where factors are still open, each the least over all orders of both levels."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ...model.dmazerunner.vectorised.batch import Array, TilingBatch
from ...model.dmazerunner.vectorised.batch_bounds import BoundModel, SubspaceBounds
from ...model.dmazerunner.vectorised.batch_cost import PairCosts
from ...model.dmazerunner.vectorised.order_search import OF_ARRAY_TILES, OF_SUBSPACES, OrderQuery
from ...model.objectives import OBJECTIVES
from ..backend import LayerProblem
from ..search.scoring import best_orders, permit_of
from .partial_tilings import PartialTilings

Limit = tuple[float, float]
"""The largest objective, and other metric, that are of interest."""

NO_LIMIT: Limit = (np.inf, np.inf)


class LowerBounds:
    """Bounds on objective and tie-breaking metric; their best pair, so that none is better in both at once.

    Infinite where no mapping passes the constraints.
    """

    def __init__(self, problem: LayerProblem, space: PartialTilings) -> None:
        self._problem, self._space = problem, space
        self._orders, self._objective = best_orders(problem), OBJECTIVES[problem.objective]
        self._floor = BoundModel(problem.nest, problem.architecture, problem.constraints)

    def of_subspaces(self, subspaces: Array, limit: Limit = NO_LIMIT) -> tuple[Array, Array]:
        """Bounds where only DRAM factors are chosen; above the limit they may be lower than they could be."""
        if self._orders is None:
            return self._least(self._space.bounds_of_subspaces(subspaces), subspaces.shape[2])
        problem, batch = self._problem, TilingBatch(self._problem.nest, subspaces)
        permit, run = permit_of(problem.constraints, problem.architecture), self._floor.rf_pass_of_subspaces(batch)
        best = self._orders.best(batch, OrderQuery(self._objective, OF_SUBSPACES, permit, run, limit))
        enough = self._floor.most_pes(batch) / problem.architecture.pes >= problem.constraints.min_utilization.pe
        return np.where(enough, best.values, np.inf), np.where(enough, best.ties, np.inf)

    def of_array_tiles(self, tiles: Array, limit: Limit = NO_LIMIT) -> tuple[Array, Array]:
        """Bounds where DRAM and SPM factors are chosen; above the limit they may be lower than they could be."""
        if self._orders is None:
            return self._least(self._space.bounds_of_array_tiles(tiles), tiles.shape[2])
        batch = TilingBatch(self._problem.nest, tiles)
        run = self._floor.rf_pass_of_array_tiles(batch)
        best = self._orders.best(batch, OrderQuery(self._objective, OF_ARRAY_TILES, run=run, limit=limit))
        return best.values, best.ties

    def _least(self, bounds: Iterable[PairCosts | SubspaceBounds], size: int) -> tuple[Array, Array]:
        """The least pair of objective and other metric over classes or pairs of classes."""
        values, ties = np.full(size, np.inf), np.full(size, np.inf)
        for bound in bounds:
            value, tie = self._objective.of_arrays(bound.energy_pj, bound.cycles)
            better = (value < values) | ((value == values) & (tie < ties))
            np.copyto(values, value, where=better)
            np.copyto(ties, tie, where=better)
        return values, ties
