"""How the tile at a boundary with halo slides: displacements and unions, as numbers that labels can carry.

Loops outside a boundary are added from the inside outwards. With M words so far, a loop of n iterations makes it
n*M - (n - 1)*o, where o are the words that a tile has in common with the one before, when the loop advances and all
inner ones wrap (hierarchy model, section 5). How far that moves a tile depends on the dimension's tile and on the
displacement of what has slid so far; what is in common, on how words are counted (:mod:`.halo_tiles`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from ....model.loop_nest import Tensor
from ..space.tile_vectors import Floats, Ints

SETTLED = 0
"""The number of a tile that is not followed: no loop outside can find words of it again."""


class Tile(Protocol):
    """A tile along the axes in which several dimensions meet, and how far it has slid."""

    def spread(self, steps: Sequence[int], fanout: int, copies: int) -> Tile:
        """The tile unrolled over the ``fanout``-th fanout, each instance's some steps along each axis further."""
        ...

    def slid(self, steps: Sequence[int], iterations: int, fanouts: int) -> tuple[Tile, tuple[float, ...]]:
        """The tile after a loop of so many steps along each axis, and the shares that stay when the loop advances.

        Shares are those of what the innermost 0, 1, ... ``fanouts`` fanouts have together.
        """
        ...

    def away(self) -> tuple[int, ...]:
        """The axes along which no loop of another axis finds words again."""
        ...


_After = tuple[int, tuple[float, ...]]
"""The number of a tile after a step, and the shares that stay."""


class Sliding:
    """Tiles of one tensor at one boundary with halo, those that were met so far.

    ``axes``: positions of the axes in which several dimensions meet; a tile's number is 0 once it is settled.
    ``first``: makes the tile of given lengths that has just been brought.
    """

    def __init__(self, tensor: Tensor, axes: tuple[int, ...], first: Callable[[tuple[int, ...]], Tile]) -> None:
        self._coefficients, self._first = [dict(tensor.index[axis].terms) for axis in axes], first
        dims = [dim for axis in self._coefficients for dim in axis]
        self._rising = len(set(dims)) == len(dims) and all(a > 0 for axis in self._coefficients for a in axis.values())
        self._dims = sum(1 << dim for dim in set(dims))
        self._tiles: list[Tile | None] = [None]
        self._numbers: dict[Tile, int] = {}
        self._known: dict[tuple[object, ...], _After] = {}

    def brought(self, extents: Ints) -> Ints:
        """The numbers of tiles of given lengths (``extents[axis, label]``)."""
        if not extents.size:
            return np.zeros(len(extents.T), dtype=np.int64)
        lengths, places = np.unique(extents, axis=1, return_inverse=True)
        tiles = [self._first(tuple(map(int, column))) for column in lengths.T]
        numbers: Ints = np.array([self._number(tile) for tile in tiles], dtype=np.int64)
        return numbers[places.reshape(-1)]

    def spread(self, tiles: Ints, dim: int, sizes: Ints, fanout: int, copies: int) -> Ints:
        """The numbers of tiles when a dimension of given tile sizes is unrolled over the ``fanout``-th fanout."""
        if not any(dim in axis for axis in self._coefficients):
            return tiles

        def after(tile: Tile, size: int, _: int) -> _After:
            return self._number(tile.spread(self._steps(dim, size), fanout, copies)), ()

        return self._each(tiles, sizes, sizes, ("spread", dim, fanout, copies), after)[0]

    def slid(
        self, tiles: Ints, dim: int, sizes: Ints, iterations: int, fanouts: int, left: Ints
    ) -> tuple[Ints, Floats]:
        """The numbers of tiles after a loop over a dimension, and what they have in common from one to the next.

        ``left``: for each label the dimensions that can still be looped over afterwards, bit by bit.
        The shares are those of the union over the innermost 0, 1, ... ``fanouts`` fanouts (``shares[fanouts, label]``).
        """

        def after(tile: Tile, size: int, later: int) -> _After:
            moved, shares = tile.slid(self._steps(dim, size), iterations, fanouts)
            return SETTLED if self._is_settled(moved, later) else self._number(moved), shares

        return self._each(tiles, sizes, left & self._dims, ("slid", dim, iterations, fanouts), after, fanouts + 1)

    def _steps(self, dim: int, size: int) -> list[int]:
        return [axis.get(dim, 0) * size for axis in self._coefficients]

    def _is_settled(self, tile: Tile, later: int) -> bool:
        """Whether no loop can find words again: it would have to bring the tile back along two axes, or is over."""
        away = tile.away() if self._rising else ()
        if len(away) != 1:
            return len(away) > 1
        return not any(later >> dim & 1 for dim in self._coefficients[away[0]])

    def _each(
        self,
        tiles: Ints,
        sizes: Ints,
        left: Ints,
        what: tuple[object, ...],
        after: Callable[[Tile, int, int], _After],
        rows: int = 0,
    ) -> tuple[Ints, Floats]:
        """Something for every tile and size, worked out once for equal ones; settled tiles stay so."""
        if not len(tiles):
            return tiles, np.ones((rows, 0))
        cases, places = np.unique(np.stack([tiles, sizes, left]), axis=1, return_inverse=True)
        found: list[_After] = []
        for number, size, later in cases.T:
            key = (int(number), int(size), int(later), *what)
            if key not in self._known:
                tile = self._tiles[int(number)]
                stays = SETTLED, (0.0,) * rows
                self._known[key] = stays if tile is None else after(tile, int(size), int(later))
            found.append(self._known[key])
        places = places.reshape(-1)
        numbers = np.array([number for number, _ in found], dtype=np.int64)[places]
        return numbers, np.array([shares for _, shares in found]).reshape(len(found), rows).T[:, places]

    def _number(self, tile: Tile) -> int:
        if tile not in self._numbers:
            self._numbers[tile] = len(self._tiles)
            self._tiles.append(tile)
        return self._numbers[tile]
