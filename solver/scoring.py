"""Judging arrays of tilings by the objective, on the exact vectorised model; keeping the best few."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from ..model.batch import Array, Mask, TilingBatch
from ..model.batch_cost import BatchModel, PairCosts
from ..model.batch_floor import SliceFloor
from ..model.constraints import Constraints
from ..model.mapping import Mapping, Tiling
from ..model.reuse import ReuseClass
from ..model.spec import Objective
from .backend import LayerProblem


@dataclass(frozen=True)
class Scores:
    """For every tiling of a batch its best pair of classes: objective value, the metric that breaks ties, the pair.

    Both are infinite, and the pair is meaningless, where no pair of classes keeps the traffic limits.
    """

    values: Array
    ties: Array
    pairs: np.ndarray[tuple[int], np.dtype[np.int64]]


def by_objective(objective: Objective, pair: PairCosts | SliceFloor) -> tuple[Array, Array]:
    """Objective values and the metric that breaks ties: fewer cycles, or for latency less energy."""
    if objective == "energy":
        return pair.energy_pj, pair.cycles
    if objective == "latency":
        return pair.cycles, pair.energy_pj
    return pair.energy_pj * pair.cycles, pair.cycles


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

    def scores(self, levels: Array) -> Scores:
        """Scores of an array of tilings of shape (4, dimensions, n)."""
        size = levels.shape[2]
        values, ties, pairs = np.full(size, np.inf), np.full(size, np.inf), np.zeros(size, dtype=np.int64)
        batch, num_classes = TilingBatch(self.problem.nest, levels), len(self.model.classes)
        excess = self._excess(batch)
        for pair in self.model.pair_costs(batch):
            value, tie = by_objective(self.problem.objective, pair)
            if excess is not None:
                value, tie = value + excess[pair.dram_class], tie + excess[pair.dram_class]
            better = (value < values) | ((value == values) & (tie < ties))
            np.copyto(values, value, where=better)
            np.copyto(ties, tie, where=better)
            pairs[better] = pair.spm_class * num_classes + pair.dram_class
        return Scores(values, ties, pairs)

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


@dataclass(frozen=True)
class Scored:
    """A tiling with its objective value, its tie-breaking metric and its best pair of classes."""

    value: float
    tie: float
    tiling: Tiling
    pair: int

    @property
    def rank(self) -> tuple[float, float, tuple[tuple[int, ...], ...]]:
        """What solutions are sorted by: objective, other metric, then the tiling's factors."""
        return self.value, self.tie, self.tiling.levels


class BestFew:
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
            found.setdefault(
                tiling, Scored(float(scores.values[i]), float(scores.ties[i]), tiling, int(scores.pairs[i]))
            )
        self.kept = sorted(found.values(), key=lambda entry: entry.rank)[: self.size]

    def mappings(self, scorer: Scorer) -> tuple[Mapping, ...]:
        """The kept tilings with their best orders, best first."""
        return tuple(scorer.mapping(entry.tiling, entry.pair) for entry in self.kept)
