"""Arrays of tilings and the quantities that legality and cost share.

A batch is a binary64 array of shape (4, dimensions, n): factors by level (order: :data:`...mapping.LEVELS`), dimension
and tiling. Counts are integers held in binary64, exact below 2**53 (see :data:`...loop_nest.MAX_MACS`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...loop_nest import AffineIndex, LoopNest, Tensor
from ...mapping import Tiling

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Indices = NDArray[np.int64]

DRAM, SPM, RF, SPATIAL = range(4)


def to_array(tilings: Sequence[Tiling]) -> Array:
    """The batch of the given tilings, in their order."""
    return np.ascontiguousarray(np.moveaxis(np.array([t.levels for t in tilings], dtype=np.float64), 0, 2))


def to_tilings(batch: Array) -> list[Tiling]:
    """The tilings of a batch, in its order."""
    return [Tiling.from_levels(levels) for levels in np.moveaxis(batch, 2, 0).astype(np.int64).tolist()]


class TilingBatch:
    """Tile sizes, footprints and products of factors of a batch, each computed once when first asked for."""

    def __init__(self, nest: LoopNest, levels: Array) -> None:
        self.nest = nest
        self.levels = levels
        self.size: int = levels.shape[2]
        self._products: dict[tuple[int, frozenset[int]], Array] = {}
        self._everywhere = frozenset(range(len(nest.dims)))

    def product(self, level: int, dims: Iterable[int]) -> Array:
        """Product of one level's factors over some dimensions, per tiling."""
        key = (level, frozenset(dims))
        if key not in self._products:
            factors = [self.levels[level, dim] for dim in sorted(key[1])]
            self._products[key] = _multiply(factors, self.size)
        return self._products[key]

    def product_except(self, level: int, dims: Iterable[int]) -> Array:
        """Product of one level's factors over all dimensions but some, per tiling."""
        return self.product(level, self._everywhere.difference(dims))

    @cached_property
    def pe_array_tile(self) -> Array:
        """rf * spatial, of shape (dimensions, n)."""
        return self.levels[RF] * self.levels[SPATIAL]

    @cached_property
    def spm_tile(self) -> Array:
        """rf * spatial * spm, of shape (dimensions, n)."""
        return self.pe_array_tile * self.levels[SPM]

    @cached_property
    def rf_footprints(self) -> list[Array]:
        """Elements of every tensor in one register file."""
        return [self._footprint(tensor, self.levels[RF]) for tensor in self.nest.tensors]

    @cached_property
    def pe_array_footprints(self) -> list[Array]:
        """Elements of every tensor that all PEs together hold."""
        return [self._footprint(tensor, self.pe_array_tile) for tensor in self.nest.tensors]

    @cached_property
    def spm_extents(self) -> list[list[Array]]:
        """For every tensor the extents of its SPM tile, from the outermost storage dimension inwards."""
        return [[extent(index, self.spm_tile) for index in tensor.index] for tensor in self.nest.tensors]

    @cached_property
    def spm_footprints(self) -> list[Array]:
        """Elements of every tensor in one SPM buffer."""
        return [_multiply(extents, self.size) for extents in self.spm_extents]

    def _footprint(self, tensor: Tensor, tile: Array) -> Array:
        return _multiply([extent(index, tile) for index in tensor.index], self.size)


def extent(index: AffineIndex, tile: Array) -> Array:
    """Distinct index values touched between the first and the last, for tile sizes of shape (dimensions, n)."""
    if len(index.terms) == 1 and abs(index.terms[0][1]) == 1:
        return tile[index.terms[0][0]]
    total = np.ones(tile.shape[1])
    for dim, coefficient in index.terms:
        total += abs(coefficient) * (tile[dim] - 1)
    return total


def _multiply(factors: Sequence[Array], size: int) -> Array:
    if not factors:
        return np.ones(size)
    product = factors[0]
    for factor in factors[1:]:
        product = product * factor
    return product
