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
from ...mapping import Mapping, Tiling
from ..architecture import Architecture
from ..reuse import ReuseClass, reuse_classes
from .batch import DRAM, SPM, Array, TilingBatch
from .level_terms import DramTerms, SharedTerms, SpmTerms, no_reuse, reuse_of_class
from .order_query import EXACTLY, Costing


@dataclass(frozen=True)
class PairCosts:
    """Costs of every tiling of a batch under one (SPM class, DRAM class).

    Infinite where the pair is not attained, or not permitted.
    """

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

    def pair_costs(self, batch: TilingBatch, costing: Costing = EXACTLY) -> Iterator[PairCosts]:
        """Costs under every pair of classes, the SPM class varying slowest; where SPM factors are open, under one."""
        shared, of_dram = self.dram_terms(batch, costing)
        open_spm = costing.rules.spm_is_open
        of_spm = [no_reuse(batch)] if open_spm else (reuse_of_class(batch, SPM, c) for c in self.classes)
        for a, reuse in enumerate(of_spm):
            spm_terms = SpmTerms(shared, reuse)
            for b, dram_terms in enumerate(of_dram):
                energy, cycles = costing.rules.costs(spm_terms, dram_terms)
                yield PairCosts(a, b, energy, cycles)

    def dram_terms(self, batch: TilingBatch, costing: Costing = EXACTLY) -> tuple[SharedTerms, list[DramTerms]]:
        """What all orders share, and what those of every DRAM class add; attained only where they are permitted."""
        shared = SharedTerms(batch, self.architecture, costing.run)
        of_dram = [DramTerms(shared, reuse_of_class(batch, DRAM, c)) for c in self.classes]
        if costing.permit is not None:
            for terms in of_dram:
                terms.attained = terms.attained & costing.permit(shared, terms)
        return shared, of_dram

    def classes_of(self, pair: PairCosts) -> tuple[ReuseClass, ReuseClass]:
        """The pair's classes (SPM, DRAM)."""
        return self.classes[pair.spm_class], self.classes[pair.dram_class]

    def number_of(self, pair: PairCosts) -> int:
        """The pair's number among all, in the order of :meth:`pair_costs`."""
        return pair.spm_class * len(self.classes) + pair.dram_class

    def mapping(self, tiling: Tiling, number: int) -> Mapping:
        """A tiling with orders of the pair of classes with a number."""
        spm_class, dram_class = divmod(number, len(self.classes))
        return mapping_of(tiling, self.classes[spm_class], self.classes[dram_class])

    def minima(self, levels: Array) -> Minima:
        """Least energy, cycles and EDP of every tiling of an array of shape (4, dimensions, n)."""
        size = levels.shape[2]
        energy, cycles, edp = np.full(size, np.inf), np.full(size, np.inf), np.full(size, np.inf)
        for pair in self.pair_costs(TilingBatch(self.nest, levels)):
            np.minimum(energy, pair.energy_pj, out=energy)
            np.minimum(cycles, pair.cycles, out=cycles)
            np.minimum(edp, pair.energy_pj * pair.cycles, out=edp)
        return Minima(energy, cycles, edp)


def mapping_of(tiling: Tiling, spm_class: ReuseClass, dram_class: ReuseClass) -> Mapping:
    """A tiling with loop orders of the given classes."""
    return Mapping(tiling, dram_class.order(tiling.dram), spm_class.order(tiling.spm))
