"""Dimensions that a level has looped over, as numbers that labels can carry, so that none is looped over twice there.

In a sweep a dimension may have several runs of loops at one level. Made one loop, they cost no more, save where a tile
with halo slides: a loop between them may find more of it in place, since it has slid less far.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..space.tile_vectors import Ints, Mask

FREE, BEGUN = 0, 1
"""Numbers of labels that may loop over anything, and of labels that have looped over nothing yet."""


@dataclass(frozen=True)
class WholeLoops:
    """Sets of dimensions with the latest of them, numbered from ``BEGUN`` on."""

    num_dims: int

    def may_follow(self, loops: Ints, dim: int, *, again: bool = True) -> Mask:
        """Where a loop over a dimension can follow: it has not been looped over, or is the latest, if that may be.

        Example:
            >>> whole = WholeLoops(3)
            >>> loops = whole.followed(whole.followed(np.array([BEGUN, FREE]), 2), 0)
            >>> [whole.may_follow(loops, dim).tolist() for dim in range(3)]
            [[True, True], [True, True], [False, True]]
        """
        done, latest = np.divmod(loops - BEGUN, self.num_dims + 1)
        found: Mask = (loops == FREE) | ((latest == dim + 1) & again) | (done >> dim & 1 == 0)
        return found

    def followed(self, loops: Ints, dim: int, *, latest: bool = True) -> Ints:
        """The numbers after a loop over a dimension, which need not be remembered as the latest."""
        done, last = (loops - BEGUN) // (self.num_dims + 1), dim + 1 if latest else 0
        found: Ints = np.where(loops == FREE, FREE, BEGUN + (done | 1 << dim) * (self.num_dims + 1) + last)
        return found
