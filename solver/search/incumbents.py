"""The best few tilings of a search."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ...model.dmazerunner.vectorised.batch import Array
from ...model.dmazerunner.vectorised.order_query import Best
from ...model.mapping import Mapping, Tiling
from .scoring import Scorer


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
        return mappings_of(self.kept, scorer)


def mappings_of(kept: Iterable[Scored], scorer: Scorer) -> tuple[Mapping, ...]:
    """Tilings with their best orders."""
    found = (scorer.best_mapping(entry.tiling) for entry in kept)
    return tuple(mapping for mapping in found if mapping is not None)
