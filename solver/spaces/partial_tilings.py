"""A layer's space with factors still open, narrowed level by level, with bounds on what open factors can come to.

DRAM factors are chosen first (a *slice*), then SPM factors (an *array tile*), then how the PE-array tile is spread over
PEs (tilings). What is open stands in the RF level, as :mod:`...model.dmazerunner.vectorised.batch_bounds` wants it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from ...model.dmazerunner.vectorised.batch import DRAM, RF, SPATIAL, SPM, Array, Mask, TilingBatch
from ...model.dmazerunner.vectorised.batch_bounds import FloorModel, SliceFloor
from ...model.dmazerunner.vectorised.batch_cost import PairCosts
from ...model.dmazerunner.vectorised.batch_legality import allowed, spm_banks
from ..backend import LayerProblem
from ..search.scoring import within_traffic_limits
from .branching import Dropped, chosen_of, grow, most_rows, steps
from .partial_legality import splits_may_pass


class OpenSpace:
    """Streams slices, array tiles and tilings of one layer, in arrays of shape (4, dimensions, n).

    ``go_on`` is called often while a stream is made; what it raises ends the stream. ``dropped`` is told of what does
    not fit or pass (:data:`.branching.Dropped`).
    """

    def __init__(
        self,
        problem: LayerProblem,
        go_on: Callable[[], None],
        dropped_slices: Dropped | None = None,
        dropped_tilings: Dropped | None = None,
    ) -> None:
        nest, constraints = problem.nest, problem.constraints
        self._problem, self._go_on, self._most = problem, go_on, most_rows(nest)
        self._dropped_slices, self._dropped_tilings = dropped_slices, dropped_tilings
        self._floor = FloorModel(nest, problem.architecture, constraints)
        self._dram_steps = steps(nest, constraints, DRAM, chosen=(DRAM,), left=(SPM, RF, SPATIAL))
        self._spm_steps = steps(nest, constraints, SPM, chosen=(SPM,), left=(RF, SPATIAL))
        self._spatial_steps = steps(nest, constraints, SPATIAL, chosen=(SPATIAL,), left=(RF,))

    def slices(self) -> Iterator[Array]:
        """All choices of DRAM factors whose SPM tile fits."""
        whole = self.slices_with(np.ones((len(self._problem.nest.dims), 1)))
        return grow(whole, RF, self._dram_steps, self._most, self._go_on, self._may_fit_spm, self._dropped_slices)

    def slices_with(self, dram: Array) -> Array:
        """The slices with the given DRAM factors, of shape (dimensions, n)."""
        slices = np.ones((4, *dram.shape))
        slices[DRAM] = dram
        slices[RF] = np.array(self._problem.nest.bounds, dtype=np.float64)[:, None] / dram
        return slices

    def array_tiles(self, slices: Array) -> Iterator[Array]:
        """The given slices with all choices of SPM factors."""
        return grow(slices, RF, self._spm_steps, self._most, self._go_on)

    def tilings(self, array_tiles: Array) -> Iterator[Array]:
        """All allowed tilings with the DRAM and SPM factors of the given array tiles."""
        problem, told, passes = self._problem, self._dropped_tilings, partial(splits_may_pass, self._problem)
        for tilings in grow(array_tiles, RF, self._spatial_steps, self._most, self._go_on, passes, told):
            legal = allowed(problem.nest, problem.architecture, problem.constraints, tilings)
            if told is not None:
                told(chosen_of(tilings, ~legal), ())
            if legal.any():
                yield chosen_of(tilings, legal)

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

    def _may_fit_spm(self, slices: Array, open_dims: Sequence[int]) -> Mask:
        """Which SPM tiles still fit, with dimensions to come taken as 1."""
        smallest = slices.copy()
        smallest[RF, open_dims] = 1
        architecture = self._problem.architecture
        return spm_banks(TilingBatch(self._problem.nest, smallest), architecture) <= architecture.spm.banks


def _where(floor: SliceFloor, kept: Mask) -> SliceFloor:
    """A bound that is infinite where nothing is kept."""
    energy, cycles = (np.where(kept, values, np.inf) for values in (floor.energy_pj, floor.cycles))
    return SliceFloor(floor.dram_class, energy, cycles)
