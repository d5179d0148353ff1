"""What a register file makes of a PE-array tile: few iterations at a time, and few uses of every word.

A tile that is larger than all register files together is split over no PEs at all, and one that needs many PEs sends
words to all of them. Both follow from the tiles that fit one register file, which are few (thousands for 512 elements).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...loop_nest import LoopNest
from ..capacities import Capacity
from ..factorisations import divisors
from .batch import RF, Array, TilingBatch
from .batch_legality import fits

MOST_TILES = 1 << 16
"""Tiles that are listed; where more fit, nothing is said."""


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

        The number of words is whole, so that rounding the quotient up stays below it: a quotient that is itself
        rounded (in binary64) beyond a whole number lies nearer to it than to the next.
        """
        iterations, words = self.uses[t]
        return np.ceil(macs * words / iterations)


def register_tiles(nest: LoopNest, rf: Capacity) -> RegisterTiles | None:
    """What tiles of a nest do in register files of the given capacity; ``None`` where none fits, or too many."""
    tiles = np.ones((4, len(nest.dims), 1))
    for dim, bound in enumerate(nest.bounds):
        factors = np.array(divisors(bound), dtype=np.float64)
        number: int = tiles.shape[2]
        if number * len(factors) > MOST_TILES * 16:
            return None
        tiles = np.repeat(tiles, len(factors), axis=2)
        tiles[RF, dim] = np.tile(factors, number)
        tiles = np.take(tiles, np.flatnonzero(fits(TilingBatch(nest, tiles), rf)), axis=2)
    batch = TilingBatch(nest, tiles)
    if not 0 < batch.size <= MOST_TILES:
        return None
    macs = batch.product_except(RF, ())
    best = [int(np.argmax(macs / words)) for words in batch.rf_footprints]
    uses = ((float(macs[i]), float(words[i])) for i, words in zip(best, batch.rf_footprints, strict=True))
    return RegisterTiles(float(macs.max()), tuple(uses))
