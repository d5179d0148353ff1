"""The exact model over arrays of tilings and all pairs of reuse classes.

The same formulas as :mod:`..cost` (``docs/model.md`` sections 4 and 5), with the same order of floating-point
operations, so that both agree exactly while counts stay below 2**53.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...loop_nest import LoopNest
from ..architecture import Architecture
from ..reuse import ReuseClass, reuse_classes
from .batch import DRAM, SPM, Array, TilingBatch
from .level_terms import (
    DramTerms,
    RfPass,
    SharedTerms,
    SpmTerms,
    TotalCycles,
    cost_of_terms,
    layer_cycles,
    reuse_of_class,
)


@dataclass(frozen=True)
class PairCosts:
    """Costs of every tiling of a batch under one (SPM class, DRAM class); infinite where it is not attained."""

    spm_class: int
    dram_class: int
    energy_pj: Array
    cycles: Array


@dataclass(frozen=True)
class Minima:
    """Least energy (pJ), cycles and EDP of every tiling of a batch, each over all pairs of reuse classes."""

    energy_pj: Array
    cycles: Array
    edp: Array


class BatchModel:
    """The exact model of one loop nest on one architecture, over arrays of tilings.

    Tilings that do not fit are costed all the same, as in :mod:`..cost`; :mod:`.batch_legality` says which do.
    """

    def __init__(self, nest: LoopNest, architecture: Architecture, classes: Sequence[ReuseClass] | None = None) -> None:
        self.nest = nest
        self.architecture = architecture
        self._classes = tuple(classes) if classes is not None else None

    @cached_property
    def classes(self) -> tuple[ReuseClass, ...]:
        """The reuse classes of both levels: those given, or those among which every tiling has its cheapest orders."""
        return reuse_classes(self.nest) if self._classes is None else self._classes

    def pair_costs(
        self, batch: TilingBatch, rf_pass: RfPass | None = None, total: TotalCycles | None = None
    ) -> Iterator[PairCosts]:
        """Costs under every pair of classes, the SPM class varying slowest.

        ``rf_pass`` takes the place of what the batch's RF and spatial factors give, ``total`` that of
        :func:`layer_cycles` (:mod:`.batch_bounds`).
        """
        shared = SharedTerms(batch, self.architecture, rf_pass)
        of_dram = [DramTerms(shared, reuse_of_class(batch, DRAM, c)) for c in self.classes]
        for a, spm_class in enumerate(self.classes):
            spm_terms = SpmTerms(shared, reuse_of_class(batch, SPM, spm_class))
            for b, dram_terms in enumerate(of_dram):
                energy, cycles = cost_of_terms(spm_terms, dram_terms, total or layer_cycles)
                yield PairCosts(a, b, energy, cycles)

    def minima(self, levels: Array) -> Minima:
        """Least energy, cycles and EDP of every tiling of an array of shape (4, dimensions, n)."""
        size = levels.shape[2]
        energy, cycles, edp = np.full(size, np.inf), np.full(size, np.inf), np.full(size, np.inf)
        for pair in self.pair_costs(TilingBatch(self.nest, levels)):
            np.minimum(energy, pair.energy_pj, out=energy)
            np.minimum(cycles, pair.cycles, out=cycles)
            np.minimum(edp, pair.energy_pj * pair.cycles, out=edp)
        return Minima(energy, cycles, edp)

    def dram_traffic(self, batch: TilingBatch) -> list[tuple[Array, Array]]:
        """For every DRAM class the bytes moved and the DMA invocations of every tiling, both directions."""
        shared = SharedTerms(batch, self.architecture)
        of_dram = [DramTerms(shared, reuse_of_class(batch, DRAM, c)) for c in self.classes]
        size = self.architecture.bytes_per_element
        return [(terms.words * size, terms.dma_invocations(shared)) for terms in of_dram]
