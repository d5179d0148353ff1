"""A layer's space with factors still open, narrowed level by level.

DRAM factors are chosen first (a *subspace*), then SPM factors (an *array tile*), then how the PE-array tile is spread
over PEs (tilings). What is open stands in the RF level, as :mod:`...model.dmazerunner.vectorised.batch_bounds` wants
it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from ...model.dmazerunner.vectorised.batch import DRAM, RF, SPATIAL, SPM, Array, Mask, TilingBatch
from ...model.dmazerunner.vectorised.batch_legality import fits
from ...model.dmazerunner.vectorised.register_tiles import register_tiles
from ..backend import PublishedProblem
from .branching import Dropped, chosen_of, grow, most_rows, steps
from .partial_legality import moved, splits_may_pass


class PartialTilings:
    """Streams subspaces, array tiles and tilings of one layer, in arrays of shape (4, dimensions, n).

    ``go_on`` is called often while a stream is made; what it raises ends the stream. ``dropped`` gets what does
    not fit or pass (:data:`.branching.Dropped`). ``most`` partial tilings stand in an array.
    """

    def __init__(
        self,
        problem: PublishedProblem,
        go_on: Callable[[], None],
        dropped_subspaces: Dropped | None = None,
        dropped_array_tiles: Dropped | None = None,
        dropped_tilings: Dropped | None = None,
        most: int | None = None,
    ) -> None:
        nest, constraints = problem.nest, problem.constraints
        self._problem, self._go_on, self._most = problem, go_on, most or most_rows(nest)
        self._dropped_subspaces, self._dropped_array_tiles = dropped_subspaces, dropped_array_tiles
        self._dropped_tilings = dropped_tilings
        capacities = problem.cost_model.capacities(problem.architecture)
        tiles = register_tiles(nest, capacities.rf)
        self._most_macs = math.inf if tiles is None else tiles.most_macs * capacities.pes.limit
        self._dram_steps = steps(nest, constraints, DRAM, chosen=(DRAM,), left=(SPM, RF, SPATIAL))
        self._spm_steps = steps(nest, constraints, SPM, chosen=(SPM,), left=(RF, SPATIAL))
        self._spatial_steps = steps(nest, constraints, SPATIAL, chosen=(SPATIAL,), left=(RF,))

    def subspaces(self) -> Iterator[Array]:
        """All choices of DRAM factors whose SPM tile fits."""
        whole = self.subspaces_with(np.ones((len(self._problem.nest.dims), 1)))
        return grow(whole, RF, self._dram_steps, self._most, self._go_on, self._may_fit_spm, self._dropped_subspaces)

    def subspaces_with(self, dram: Array) -> Array:
        """The subspaces with the given DRAM factors, of shape (dimensions, n)."""
        subspaces = np.ones((4, *dram.shape))
        subspaces[DRAM] = dram
        subspaces[RF] = np.array(self._problem.nest.bounds, dtype=np.float64)[:, None] / dram
        return subspaces

    def array_tiles(self, subspaces: Array) -> Iterator[Array]:
        """The given subspaces with all choices of SPM factors that leave no more than all PEs can hold."""
        keep, dropped = self._may_fit_pes, self._dropped_array_tiles
        return grow(subspaces, RF, self._spm_steps, self._most, self._go_on, keep, dropped)

    def tilings(self, array_tiles: Array) -> Iterator[Array]:
        """All allowed tilings with the DRAM and SPM factors of the given array tiles."""
        problem, dropped, passes = self._problem, self._dropped_tilings, partial(splits_may_pass, self._problem)
        for tilings in grow(array_tiles, RF, self._spatial_steps, self._most, self._go_on, passes, dropped):
            legal = problem.cost_model.allowed(problem.nest, problem.architecture, problem.constraints, tilings)
            if dropped is not None:
                dropped(chosen_of(tilings, ~legal), ())
            if legal.any():
                yield chosen_of(tilings, legal)

    def _may_fit_pes(self, array_tiles: Array, open_dims: Sequence[int]) -> Mask:
        """Which PE-array tiles may fit the register files of all PEs, with dimensions to come taken as 1."""
        chosen = [dim for dim in range(len(self._problem.nest.dims)) if dim not in open_dims]
        mask: Mask = TilingBatch(self._problem.nest, array_tiles).product(RF, chosen) <= self._most_macs
        return mask

    def _may_fit_spm(self, subspaces: Array, open_dims: Sequence[int]) -> Mask:
        """Which SPM tiles still fit, with dimensions to come taken as 1."""
        smallest = TilingBatch(self._problem.nest, moved(subspaces, RF, DRAM, open_dims))
        return fits(smallest, self._problem.cost_model.capacities(self._problem.architecture).spm)
