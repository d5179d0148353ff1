"""The best orders of every tiling of a batch, by costing all pairs of reuse classes: for nests that have few."""

from __future__ import annotations

import numpy as np

from ...loop_nest import LoopNest
from ..architecture import Architecture
from ..reuse import ReuseClass
from .batch import Mask, TilingBatch
from .batch_cost import BatchModel
from .order_query import Best, OrderQuery, Permit


class AllPairs:
    """Costs every pair of reuse classes, where :class:`.order_search.BestOrders` costs those that may be best.

    The answers do not depend on the limit of a query.
    """

    def __init__(self, nest: LoopNest, architecture: Architecture) -> None:
        self._model = BatchModel(nest, architecture)

    def best(self, batch: TilingBatch, query: OrderQuery) -> Best:
        """The best orders' objective of every tiling of a batch."""
        values, ties = np.full(batch.size, np.inf), np.full(batch.size, np.inf)
        for pair in self._model.pair_costs(batch, query.costing):
            value, tie = query.objective.of_arrays(pair.energy_pj, pair.cycles)
            better = (value < values) | ((value == values) & (tie < ties))
            np.copyto(values, value, where=better)
            np.copyto(ties, tie, where=better)
        return Best(values, ties)

    def permitted(self, batch: TilingBatch, permit: Permit) -> Mask:
        """Which tilings of a batch have a DRAM order that is permitted."""
        shared, of_dram = self._model.dram_terms(batch)
        mask: Mask = np.logical_or.reduce([permit(shared, terms) for terms in of_dram])
        return mask

    def orders(self, batch: TilingBatch, query: OrderQuery) -> tuple[ReuseClass, ReuseClass] | None:
        """Classes (SPM, DRAM) of the best orders of a batch of one tiling; ``None`` where no orders are permitted."""
        best, found = (np.inf, np.inf), None
        for pair in self._model.pair_costs(batch, query.costing):
            value, tie = query.objective.of_arrays(pair.energy_pj, pair.cycles)
            if (value[0], tie[0]) < best:
                best, found = (value[0], tie[0]), pair
        return None if found is None else self._model.classes_of(found)
