"""A layer's space with factors still open, narrowed level by level, with bounds on what open factors can come to.

DRAM factors are chosen first (a *slice*), then SPM factors (an *array tile*), then how the PE-array tile is spread over
PEs (tilings). What is open stands in the RF level, as :mod:`..model.batch_floor` wants it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ..model.batch import DRAM, RF, SPATIAL, SPM, Array, Mask, TilingBatch
from ..model.batch_cost import PairCosts
from ..model.batch_floor import FloorModel, SliceFloor
from ..model.batch_legality import allowed, spm_banks
from .backend import LayerProblem
from .scoring import within_traffic_limits
from .splitting import Step, split_off, steps_of_level

CHUNK = 1 << 15
"""Partial tilings per array."""


class OpenSpace:
    """Streams slices, array tiles and tilings of one layer, in arrays of shape (4, dimensions, n).

    ``go_on`` is called often while a stream is made; what it raises ends the stream.
    """

    def __init__(self, problem: LayerProblem, go_on: Callable[[], None]) -> None:
        self._problem, self._go_on = problem, go_on
        self._floor = FloorModel(problem.nest, problem.architecture, problem.constraints)

    def slices(self) -> Iterator[Array]:
        """All choices of DRAM factors whose SPM tile fits."""
        nest = self._problem.nest
        return self._grow(self.slices_with(np.ones((len(nest.dims), 1))), self._steps(DRAM), self._may_fit_spm)

    def slices_with(self, dram: Array) -> Array:
        """The slices with the given DRAM factors, of shape (dimensions, n)."""
        slices = np.ones((4, *dram.shape))
        slices[DRAM] = dram
        slices[RF] = np.array(self._problem.nest.bounds, dtype=np.float64)[:, None] / dram
        return slices

    def array_tiles(self, slices: Array) -> Iterator[Array]:
        """The given slices with all choices of SPM factors."""
        return self._grow(slices, self._steps(SPM))

    def tilings(self, array_tiles: Array) -> Iterator[Array]:
        """All allowed tilings with the DRAM and SPM factors of the given array tiles."""
        problem = self._problem
        for tilings in self._grow(array_tiles, self._steps(SPATIAL), self._have_pes):
            legal = allowed(problem.nest, problem.architecture, problem.constraints, tilings)
            if legal.any():
                yield np.ascontiguousarray(tilings[:, :, legal])

    def bounds_of_slices(self, slices: Array) -> list[SliceFloor]:
        """Bounds for every DRAM class; infinite where traffic limits or the PEs asked for are out of reach."""
        problem, batch = self._problem, TilingBatch(self._problem.nest, slices)
        enough = self._floor.most_pes(batch) / problem.architecture.pes >= problem.constraints.min_utilization.pe
        within = within_traffic_limits(problem.constraints, self._floor.model, batch)
        return [
            _where(floor, enough if within is None else enough & within[floor.dram_class])
            for floor in self._floor.slices(batch)
        ]

    def bounds_of_array_tiles(self, array_tiles: Array) -> Iterator[PairCosts]:
        """Bounds for every pair of classes."""
        return self._floor.array_tiles(TilingBatch(self._problem.nest, array_tiles))

    def _steps(self, level: int) -> tuple[Step, ...]:
        return steps_of_level(self._problem.nest, self._problem.constraints, level)

    def _grow(
        self, partial: Array, steps: Sequence[Step], keep: Callable[[Array, int], Mask] | None = None
    ) -> Iterator[Array]:
        """Split off one level's factors dimension by dimension; ``keep`` is told how many dimensions are chosen."""
        self._go_on()
        if partial.shape[2] == 0 or not steps:
            yield from [partial] if partial.shape[2] else []
            return
        for first in range(0, partial.shape[2], CHUNK):
            grown = split_off(partial[:, :, first : first + CHUNK], RF, steps[0])
            if keep is not None:
                grown = grown[:, :, keep(grown, steps[0].dim + 1)]
            for piece in range(0, grown.shape[2], CHUNK):
                yield from self._grow(grown[:, :, piece : piece + CHUNK], steps[1:], keep)

    def _may_fit_spm(self, partial: Array, num_chosen: int) -> Mask:
        """Which SPM tiles still fit, with dimensions to come taken as 1."""
        smallest = partial.copy()
        smallest[RF, num_chosen:] = 1
        architecture = self._problem.architecture
        return spm_banks(TilingBatch(self._problem.nest, smallest), architecture) <= architecture.spm.banks

    def _have_pes(self, partial: Array, _: int) -> Mask:
        batch = TilingBatch(self._problem.nest, partial)
        return batch.product_except(SPATIAL, ()) <= self._problem.architecture.pes


def _where(floor: SliceFloor, kept: Mask) -> SliceFloor:
    """A bound that is infinite where nothing is kept."""
    energy, cycles = (np.where(kept, values, np.inf) for values in (floor.energy_pj, floor.cycles))
    return SliceFloor(floor.dram_class, energy, cycles)
