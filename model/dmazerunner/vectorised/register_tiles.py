"""What a register file makes of a PE-array tile: few iterations at a time, and few uses of every word.

A tile that is larger than all register files together is split over no PEs at all, and one that needs many PEs sends
words to all of them. Both follow from the tiles that fit one register file, which are few (thousands for 512 elements).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ...loop_nest import LoopNest
from ..capacities import Capacity
from ..factorisations import divisors
from .batch import RF, Array, TilingBatch
from .batch_legality import fits

MOST_TILES = 1 << 16
"""Tiles that are listed; where more fit, nothing is said."""

ROUNDING = 2.0**-50
"""More than a product, two quotients and this factor are rounded by; a whole number up to 2^50 is still rounded to."""


@dataclass(frozen=True)
class RegisterTiles:
    """What the best of all tiles does that fit a register file.

    Attributes:
        most_macs: iterations of one RF pass on one PE, at most.
        uses: per tensor the tile with the most iterations for every word, as (iterations, words).
    """

    most_macs: float
    uses: tuple[tuple[float, float], ...]

    def least_words(self, t: int, macs: Array) -> Array:
        """Words of a tensor that PE-array tiles of so many iterations send to PEs, at least, one copy for each PE.

        The number of words is whole, so that the quotient can be rounded up; what binary64 may have made it too large
        by is taken off first.
        """
        iterations, words = self.uses[t]
        return np.ceil(macs * words / iterations * (1 - ROUNDING))


@lru_cache(maxsize=4)
def register_tiles(nest: LoopNest, rf: Capacity) -> RegisterTiles | None:
    """What tiles of a nest do in register files of the given capacity; ``None`` where none fits, or too many.

    Bounds and spaces ask for it again at every stage of a search.
    """
    tiles = np.ones((4, len(nest.dims), 1))
    for dim in range(len(nest.dims)):
        tiles = _grown(nest, rf, tiles, dim)
        if not 0 < tiles.shape[2] <= MOST_TILES:
            return None
    batch = TilingBatch(nest, tiles)
    macs = batch.product_except(RF, ())
    best = [int(np.argmax(macs / words)) for words in batch.rf_footprints]
    uses = ((float(macs[i]), float(words[i])) for i, words in zip(best, batch.rf_footprints, strict=True))
    return RegisterTiles(float(macs.max()), tuple(uses))


def _grown(nest: LoopNest, rf: Capacity, tiles: Array, dim: int) -> Array:
    """The tiles with every factor of a dimension that fits: what is too large with one is so with larger ones.

    Where there are too many, it ends early: further dimensions leave no fewer.
    """
    fitting, number = [tiles[:, :, :0]], 0
    for factor in divisors(nest.bounds[dim]):
        larger = tiles.copy()
        larger[RF, dim] = factor
        tiles = np.take(larger, np.flatnonzero(fits(TilingBatch(nest, larger), rf)), axis=2)
        fitting.append(tiles)
        number += tiles.shape[2]
        if not tiles.shape[2] or number > MOST_TILES:
            break
    return np.concatenate(fitting, axis=2)
