"""What several instances hold together along one axis, as numbers that labels can carry.

Boxes along an axis are intervals. A union without gaps is determined by its length, which is its number; one with gaps
is kept in a table, under a negative number.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..space.tile_vectors import Floats, Ints

_Union = tuple[int, tuple[int, ...]]
"""The length of the intervals, and their offsets, ascending."""


class IntervalShapes:
    """Unions of intervals that were met so far; each growth of one is worked out once."""

    def __init__(self) -> None:
        self._unions: list[_Union] = []
        self._numbers: dict[_Union, int] = {}
        self._grown: dict[tuple[int, int, int], tuple[int, float]] = {}

    def grow(self, shapes: Ints, steps: Ints, copies: int) -> tuple[Ints, Floats]:
        """The unions of so many copies of each shape, each a step further, and by how much they are longer.

        Example:
            >>> shapes = IntervalShapes()
            >>> [list(map(float, row)) for row in shapes.grow(np.array([3, 1]), np.array([2, 2]), 4)]
            [[9.0, -1.0], [3.0, 4.0]]
        """
        grown = shapes + steps * (copies - 1)
        longer = grown / np.maximum(shapes, 1)
        gapped = np.flatnonzero((shapes < 0) | (steps > shapes))
        if len(gapped):
            pairs, places = np.unique(np.stack([shapes[gapped], steps[gapped]]), axis=1, return_inverse=True)
            found = [self._grow(int(shape), int(step), copies) for shape, step in pairs.T]
            places = places.reshape(-1)
            grown[gapped] = np.array([number for number, _ in found])[places]
            longer[gapped] = np.array([ratio for _, ratio in found])[places]
        return grown, longer

    def _grow(self, shape: int, step: int, copies: int) -> tuple[int, float]:
        key = shape, step, copies
        if key not in self._grown:
            length, offsets = (shape, (0,)) if shape >= 0 else self._unions[-shape - 1]
            further = tuple(sorted({offset + step * index for offset in offsets for index in range(copies)}))
            words = _words(length, further)
            number = words if words == further[-1] + length else self._number((length, further))
            self._grown[key] = number, words / _words(length, offsets)
        return self._grown[key]

    def _number(self, union: _Union) -> int:
        if union not in self._numbers:
            self._unions.append(union)
            self._numbers[union] = -len(self._unions)
        return self._numbers[union]


def _words(length: int, offsets: tuple[int, ...]) -> int:
    """Words that intervals of a length at some offsets cover."""
    return length + sum(min(length, outer - inner) for inner, outer in pairwise(offsets))
