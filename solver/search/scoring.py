"""Judging arrays of tilings by the objective, on the exact vectorised model; keeping the best few."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import numpy as np

from ...model.dmazerunner.mapping import Mapping, Tiling
from ...model.dmazerunner.reuse import ReuseClass, has_more_classes
from ...model.dmazerunner.vectorised.all_pairs import AllPairs
from ...model.dmazerunner.vectorised.batch import Array, TilingBatch, to_array
from ...model.dmazerunner.vectorised.batch_cost import mapping_of
from ...model.dmazerunner.vectorised.batch_legality import permit_of
from ...model.dmazerunner.vectorised.order_query import Best, Costing, OrderQuery, OrderSearch
from ...model.dmazerunner.vectorised.order_search import BestOrders
from ...model.objectives import OBJECTIVES
from ..backend import LayerProblem

MOST_CLASSES = 6
"""Reuse classes of which all pairs are tried; nests with more get their best orders from :class:`.BestOrders`."""


def order_search(problem: LayerProblem, most_classes: int = MOST_CLASSES) -> OrderSearch:
    """What finds the best orders of a problem's tilings."""
    search = BestOrders if has_more_classes(problem.nest, most_classes) else AllPairs
    return search(problem.nest, problem.architecture)


class Scorer:
    """The objective of one layer problem over arrays of tilings. Capacities are not asked for here."""

    def __init__(self, problem: LayerProblem, orders: OrderSearch | None = None) -> None:
        self._nest = problem.nest
        self._orders = orders or order_search(problem)
        permit = permit_of(problem.constraints, problem.architecture)
        self._query = OrderQuery(OBJECTIVES[problem.objective], Costing(permit=permit))

    def scores(self, levels: Array, worst: float = np.inf) -> Best:
        """The best orders of tilings of shape (4, dimensions, n); values above ``worst`` may be given as infinite."""
        best = self._orders.best(TilingBatch(self._nest, levels), replace(self._query, limit=(worst, np.inf)))
        return best if worst == np.inf else Best(np.where(best.values <= worst, best.values, np.inf), best.ties)

    def best_classes(self, tiling: Tiling) -> tuple[ReuseClass, ReuseClass] | None:
        """The classes (SPM, DRAM) of a tiling's best orders; none where no orders keep the traffic limits."""
        return self._orders.orders(TilingBatch(self._nest, to_array([tiling])), self._query)

    def best_mapping(self, tiling: Tiling) -> Mapping | None:
        """A tiling with its best orders; none where no orders keep the traffic limits."""
        found = self.best_classes(tiling)
        return None if found is None else mapping_of(tiling, *found)


@dataclass(frozen=True)
class Scored:
    """A tiling with its objective value and its tie-breaking metric."""

    value: float
    tie: float
    tiling: Tiling

    @property
    def rank(self) -> tuple[float, float, tuple[tuple[int, ...], ...]]:
        """What solutions are sorted by: objective, other metric, then the tiling's factors."""
        return self.value, self.tie, self.tiling.levels


class Incumbents:
    """The best few distinct tilings seen so far; threads may offer at the same time."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._lock = threading.Lock()
        self.kept: list[Scored] = []

    @property
    def best(self) -> Scored | None:
        """The best tiling so far."""
        return self.kept[0] if self.kept else None

    @property
    def value(self) -> float:
        """Its objective value; infinite when there is none yet."""
        return self.kept[0].value if self.kept else float("inf")

    @property
    def worst(self) -> float:
        """Up to which objective value a tiling may still be taken in."""
        return self.kept[-1].value if len(self.kept) >= self.size else float("inf")

    @property
    def tie(self) -> float:
        """Its tie-breaking metric; infinite when there is none yet."""
        return self.kept[0].tie if self.kept else float("inf")

    def offer(self, scores: Best, levels: Array) -> bool:
        """Take in a scored array of legal tilings; says whether the best one changed."""
        with self._lock:
            before = self.best
            self._take(scores, levels)
            return self.best != before

    def _take(self, scores: Best, levels: Array) -> None:
        full = len(self.kept) >= self.size
        worst = self.kept[-1].value if full else float("inf")
        chosen = np.flatnonzero((scores.values <= worst) & (scores.values < np.inf))
        if len(chosen) > self.size:
            keys = [
                levels[level, dim, chosen] for level in reversed(range(4)) for dim in reversed(range(levels.shape[1]))
            ]
            order = np.lexsort((*keys, scores.ties[chosen], scores.values[chosen]))
            chosen = chosen[order[: self.size * 2]]
        found = {entry.tiling: entry for entry in self.kept}
        for i in chosen.tolist():
            tiling = Tiling.from_levels(levels[:, :, i].astype(np.int64).tolist())
            found.setdefault(tiling, Scored(float(scores.values[i]), float(scores.ties[i]), tiling))
        self.kept = sorted(found.values(), key=lambda entry: entry.rank)[: self.size]

    def mappings(self, scorer: Scorer) -> tuple[Mapping, ...]:
        """The kept tilings with their best orders, best first."""
        found = (scorer.best_mapping(entry.tiling) for entry in self.kept)
        return tuple(mapping for mapping in found if mapping is not None)
