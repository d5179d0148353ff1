"""How many instances of fanouts what is left of the loops can fill, by tile vector."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from .tile_vectors import Ints, TileVectors


def most_filled(vectors: TileVectors, dims: Collection[int], size: int) -> Ints:
    """For every tile vector the most instances of a fanout of some size that its dimensions can be unrolled over.

    Example: of a bound of 12, tiles of 1, 2, 3, 4, 6 and 12 leave factors that fill 6, 6, 4, 3, 2 and 1 of 7 instances.
    """
    shape = [size_ if axis.dim in dims else 1 for axis, size_ in zip(vectors.axes, vectors.shape, strict=True)]
    filled = np.ones(shape, dtype=np.int64)
    for position, axis in enumerate(vectors.axes):
        if axis.dim in dims:
            powers = np.minimum(axis.prime ** np.arange(axis.multiplicity + 1, dtype=np.float64), size + 1)
            along = powers.astype(np.int64).reshape([-1 if at == position else 1 for at in range(len(shape))])
            filled = np.minimum(filled * along, size + 1)
    filled[filled > size] = 1
    for position in range(len(shape)):
        filled = np.maximum.accumulate(filled, axis=position)
    return np.broadcast_to(np.flip(filled), vectors.shape).reshape(-1)
