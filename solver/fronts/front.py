"""Energy-latency fronts as staircases: the mappings that no other one beats in both metrics."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...model.dmazerunner.vectorised.batch import Array, Mask
from ...model.dmazerunner.vectorised.batch_cost import BatchModel, PairCosts
from ...model.mapping import Mapping, Tiling


@dataclass(frozen=True)
class Candidates:
    """Tilings with a pair of reuse classes each: exact energy in pJ, exact cycles, all of length n.

    ``levels`` has shape (4, dimensions, n).
    """

    energy_pj: Array
    cycles: Array
    pairs: NDArray[np.int64]
    levels: Array

    def take(self, chosen: NDArray[np.int64]) -> Candidates:
        """Some of them, in the given order."""
        return Candidates(self.energy_pj[chosen], self.cycles[chosen], self.pairs[chosen], self.levels[:, :, chosen])

    def joined(self, other: Candidates) -> Candidates:
        """These, then the others."""
        return Candidates(
            np.concatenate([self.energy_pj, other.energy_pj]),
            np.concatenate([self.cycles, other.cycles]),
            np.concatenate([self.pairs, other.pairs]),
            np.concatenate([self.levels, other.levels], axis=2),
        )

    def unbeaten(self) -> Candidates:
        """Those that no other one equals or beats in both metrics, by rising energy; of equals the first is kept."""
        order = np.lexsort((self.cycles, self.energy_pj))
        cycles = self.cycles[order]
        least_before = np.concatenate([[np.inf], np.minimum.accumulate(cycles)[:-1]])
        return self.take(order[cycles < least_before])


def no_candidates(num_dims: int) -> Candidates:
    """None, for a nest with so many dimensions."""
    nothing = np.ones(0)
    return Candidates(nothing, nothing, np.ones(0, dtype=np.int64), np.ones((4, num_dims, 0)))


@dataclass
class Front:
    """The unbeaten candidates seen so far."""

    num_dims: int
    points: Candidates = field(init=False)

    def __post_init__(self) -> None:
        self.points = no_candidates(self.num_dims)

    @property
    def size(self) -> int:
        """Number of points."""
        return len(self.points.cycles)

    def beats(self, energy_pj: Array, cycles: Array) -> Mask:
        """Where some point is as good in both metrics; with lower bounds, where nothing new can be."""
        if not self.size:
            return np.zeros(len(energy_pj), dtype=bool)
        last = np.searchsorted(self.points.energy_pj, energy_pj, side="right") - 1
        return (last >= 0) & (self.points.cycles[last] <= cycles)

    def offer(self, candidates: Candidates) -> None:
        """Take in candidates, those on the front already first."""
        new = candidates.take(np.flatnonzero(~self.beats(candidates.energy_pj, candidates.cycles)))
        if len(new.cycles):
            self.points = self.points.joined(new.unbeaten()).unbeaten()

    def take(self, pair: PairCosts, number: int, levels: Array) -> None:
        """Take in what it lacks of tilings under the pair of classes with a number; infinite costs are no mappings."""
        chosen = np.flatnonzero(np.isfinite(pair.energy_pj) & ~self.beats(pair.energy_pj, pair.cycles))
        if len(chosen):
            pairs = np.full(len(chosen), number, dtype=np.int64)
            self.offer(Candidates(pair.energy_pj[chosen], pair.cycles[chosen], pairs, levels[:, :, chosen]))

    def mappings(self, model: BatchModel) -> tuple[Mapping, ...]:
        """The points' mappings with orders of their classes, by rising energy."""
        rows = np.moveaxis(self.points.levels, 2, 0).astype(np.int64).tolist()
        tilings = (Tiling.from_levels(levels) for levels in rows)
        return tuple(model.mapping(t, pair) for t, pair in zip(tilings, self.points.pairs.tolist(), strict=True))
