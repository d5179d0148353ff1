"""Judging arrays of tilings by the objective, on the exact vectorised model; keeping the best few."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import numpy as np

from ...model.dmazerunner.architecture import Architecture
from ...model.dmazerunner.constraints import Constraints
from ...model.dmazerunner.mapping import Mapping, Tiling
from ...model.dmazerunner.reuse import ReuseClass, has_more_classes
from ...model.dmazerunner.vectorised.batch import Array, Indices, Mask, TilingBatch, to_array
from ...model.dmazerunner.vectorised.batch_cost import BatchModel
from ...model.dmazerunner.vectorised.level_terms import DramTerms, SharedTerms
from ...model.dmazerunner.vectorised.order_search import EXACT, BestOrders, OrderQuery, Permit
from ...model.objectives import OBJECTIVES
from ..backend import LayerProblem

MOST_CLASSES = 6
"""Reuse classes of which all pairs are tried; nests with more get their best orders from :class:`.BestOrders`."""


@dataclass(frozen=True)
class Scores:
    """For every tiling of a batch its best orders: objective value, and the metric that breaks ties.

    Both are infinite where no orders keep the traffic limits. ``pairs`` numbers the pair of classes, where the nest has
    so few that all are tried.
    """

    values: Array
    ties: Array
    pairs: Indices | None


def permit_of(constraints: Constraints, architecture: Architecture) -> Permit | None:
    """What says which DRAM orders keep the traffic limits; none without limits."""
    if constraints.max_dram_bytes is None and constraints.max_dma_invocations is None:
        return None
    most_bytes = np.inf if constraints.max_dram_bytes is None else constraints.max_dram_bytes
    most_invocations = np.inf if constraints.max_dma_invocations is None else constraints.max_dma_invocations

    def permit(shared: SharedTerms, terms: DramTerms) -> Mask:
        moved = terms.words * architecture.bytes_per_element
        return (moved <= most_bytes) & (terms.dma_invocations(shared) <= most_invocations)

    return permit


def within_traffic_limits(constraints: Constraints, model: BatchModel, batch: TilingBatch) -> list[Mask] | None:
    """Per DRAM class which tilings keep the traffic limits; none without limits."""
    if constraints.max_dram_bytes is None and constraints.max_dma_invocations is None:
        return None
    most_bytes = np.inf if constraints.max_dram_bytes is None else constraints.max_dram_bytes
    most_invocations = np.inf if constraints.max_dma_invocations is None else constraints.max_dma_invocations
    return [
        (moved <= most_bytes) & (invocations <= most_invocations) for moved, invocations in model.dram_traffic(batch)
    ]


class Scorer:
    """The objective of one layer problem over arrays of tilings. Capacities are not asked for here."""

    def __init__(self, problem: LayerProblem) -> None:
        self.problem = problem
        self.model = BatchModel(problem.nest, problem.architecture)
        self._orders = best_orders(problem)
        self._objective = OBJECTIVES[problem.objective]

    def scores(self, levels: Array, worst: float = np.inf) -> Scores:
        """Scores of an array of tilings of shape (4, dimensions, n); those above ``worst`` may be given as infinite."""
        batch = TilingBatch(self.problem.nest, levels)
        if self._orders is None:
            return Scores(*self._over_all_pairs(batch))
        best = self._orders.best(batch, replace(self._query(), limit=(worst, np.inf)))
        values = np.where(best.values <= worst, best.values, np.inf)
        return Scores(values, best.ties, None)

    def _query(self) -> OrderQuery:
        constraints, architecture = self.problem.constraints, self.problem.architecture
        return OrderQuery(self._objective, EXACT, permit_of(constraints, architecture))

    def keep_traffic_limits(self, batch: TilingBatch) -> Mask | None:
        """Which tilings keep the traffic limits in some loop order; none without limits."""
        permit = permit_of(self.problem.constraints, self.problem.architecture)
        if permit is not None and self._orders is not None:
            return self._orders.permitted(batch, permit)
        within = within_traffic_limits(self.problem.constraints, self.model, batch)
        return None if within is None else np.logical_or.reduce(within)

    def _over_all_pairs(self, batch: TilingBatch) -> tuple[Array, Array, Indices]:
        size, num_classes = batch.size, len(self.model.classes)
        values, ties, pairs = np.full(size, np.inf), np.full(size, np.inf), np.zeros(size, dtype=np.int64)
        excess = self._excess(batch)
        for pair in self.model.pair_costs(batch):
            value, tie = self._objective.of_arrays(pair.energy_pj, pair.cycles)
            if excess is not None:
                value, tie = value + excess[pair.dram_class], tie + excess[pair.dram_class]
            better = (value < values) | ((value == values) & (tie < ties))
            np.copyto(values, value, where=better)
            np.copyto(ties, tie, where=better)
            pairs[better] = pair.spm_class * num_classes + pair.dram_class
        return values, ties, pairs

    def _excess(self, batch: TilingBatch) -> list[Array] | None:
        """Per DRAM class infinity where a traffic limit is exceeded, else zero; none without limits."""
        within = within_traffic_limits(self.problem.constraints, self.model, batch)
        return None if within is None else [np.where(mask, 0.0, np.inf) for mask in within]

    def classes_of(self, pair: int) -> tuple[ReuseClass, ReuseClass]:
        """The (SPM class, DRAM class) of a pair number."""
        a, b = divmod(pair, len(self.model.classes))
        return self.model.classes[a], self.model.classes[b]

    def mapping(self, tiling: Tiling, pair: int) -> Mapping:
        """A tiling with orders of the given pair of classes."""
        spm_class, dram_class = self.classes_of(pair)
        return Mapping(tiling, dram_class.order(tiling.dram), spm_class.order(tiling.spm))

    def best_mapping(self, tiling: Tiling) -> Mapping | None:
        """A tiling with its best orders; none where no orders keep the traffic limits."""
        batch = TilingBatch(self.problem.nest, to_array([tiling]))
        if self._orders is None:
            values, _, pairs = self._over_all_pairs(batch)
            return self.mapping(tiling, int(pairs[0])) if values[0] < np.inf else None
        found = self._orders.orders(batch, self._query())
        return None if found is None else Mapping(tiling, found[1].order(tiling.dram), found[0].order(tiling.spm))


def best_orders(problem: LayerProblem) -> BestOrders | None:
    """What finds the best orders where the nest has too many reuse classes to try all pairs; none elsewhere."""
    many = has_more_classes(problem.nest, MOST_CLASSES)
    return BestOrders(problem.nest, problem.architecture) if many else None


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

    def offer(self, scores: Scores, levels: Array) -> bool:
        """Take in a scored array of legal tilings; says whether the best one changed."""
        with self._lock:
            before = self.best
            self._take(scores, levels)
            return self.best != before

    def _take(self, scores: Scores, levels: Array) -> None:
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
