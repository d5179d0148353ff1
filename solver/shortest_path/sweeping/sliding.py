"""How the tile at a boundary with halo slides: displacements and unions, as numbers that labels can carry.

Loops outside a boundary are added from the inside outwards. With M words so far, a loop of n iterations makes it
n*M - (n - 1)*o, where o are the words that a tile has in common with the one before, when the loop advances and all
inner ones wrap (hierarchy model, section 5). How far that moves a tile depends on the dimension's tile and on the
displacement of what has slid so far.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ....model.hierarchy.exact.unions import union_length
from ....model.loop_nest import Tensor
from ..space.tile_vectors import Floats, Ints

SETTLED = 0
"""The number of a tile that is not followed: no loop outside can find words of it again."""


@dataclass(frozen=True)
class _Line:
    """One axis: the tile's length, how far it has been displaced, and what fanouts spread it over.

    ``spread``: (number of the fanout, step, copies), the inner fanouts first.
    """

    length: int
    displaced: int = 0
    spread: tuple[tuple[int, int, int], ...] = ()

    def share(self, fanouts: int, shift: int) -> float:
        """The share of the words of the innermost ``fanouts`` together that are there already after a shift."""
        steps = [(step, copies) for number, step, copies in self.spread if number <= fanouts]
        new = union_length(steps, min(self.length, abs(shift)))
        return 1.0 - new / union_length(steps, self.length)

    @property
    def is_past(self) -> bool:
        """Whether the tile has been displaced by its whole length or more."""
        return abs(self.displaced) >= self.length


_Tile = tuple[_Line, ...]
_After = Callable[[_Tile, int], tuple[int, tuple[float, ...]]]


class Sliding:
    """Tiles of one tensor at one boundary with halo, those that were met so far.

    ``axes``: positions of the axes in which several dimensions meet; a tile's number is 0 once it is settled.
    """

    def __init__(self, tensor: Tensor, axes: tuple[int, ...]) -> None:
        self._coefficients = [dict(tensor.index[axis].terms) for axis in axes]
        self._rising = all(a > 0 for axis in self._coefficients for a in axis.values())
        self._tiles: list[_Tile] = [()]
        self._numbers: dict[_Tile, int] = {}
        self._known: dict[tuple[object, ...], tuple[int, tuple[float, ...]]] = {}

    def brought(self, extents: Ints) -> Ints:
        """The numbers of tiles of given lengths (``extents[axis, label]``)."""
        if not extents.size:
            return np.zeros(len(extents.T), dtype=np.int64)
        lengths, places = np.unique(extents, axis=1, return_inverse=True)
        tiles = [tuple(_Line(int(length)) for length in column) for column in lengths.T]
        numbers: Ints = np.array([self._number(tile) for tile in tiles], dtype=np.int64)
        return numbers[places.reshape(-1)]

    def spread(self, tiles: Ints, dim: int, sizes: Ints, fanout: int, copies: int) -> Ints:
        """The numbers of tiles when a dimension of given tile sizes is unrolled over the ``fanout``-th fanout."""
        if not any(dim in axis for axis in self._coefficients):
            return tiles

        def after(tile: _Tile, size: int) -> tuple[int, tuple[float, ...]]:
            lines = [
                replace(line, spread=_spread(line.spread, fanout, abs(axis[dim]) * size, copies))
                if dim in axis
                else line
                for line, axis in zip(tile, self._coefficients, strict=True)
            ]
            return self._number(tuple(lines)), ()

        return self._each(tiles, sizes, ("spread", dim, fanout, copies), after)[0]

    def slid(self, tiles: Ints, dim: int, sizes: Ints, iterations: int, fanouts: int) -> tuple[Ints, Floats]:
        """The numbers of tiles after a loop over a dimension, and what they have in common from one to the next.

        The shares are those of the union over the innermost 0, 1, ... ``fanouts`` fanouts (``shares[fanouts, label]``).
        """

        def after(tile: _Tile, size: int) -> tuple[int, tuple[float, ...]]:
            steps = [axis.get(dim, 0) * size for axis in self._coefficients]
            shifts = [step - line.displaced for step, line in zip(steps, tile, strict=True)]
            lines = tuple(
                replace(line, displaced=line.displaced + step * (iterations - 1))
                for line, step in zip(tile, steps, strict=True)
            )
            shares = [
                math.prod(line.share(count, shift) for line, shift in zip(tile, shifts, strict=True))
                for count in range(fanouts + 1)
            ]
            settled = self._rising and sum(line.is_past for line in lines) > 1
            return SETTLED if settled else self._number(lines), tuple(shares)

        return self._each(tiles, sizes, ("slid", dim, iterations, fanouts), after, fanouts + 1)

    def _each(
        self, tiles: Ints, sizes: Ints, what: tuple[object, ...], after: _After, rows: int = 0
    ) -> tuple[Ints, Floats]:
        """Something for every tile and size, worked out once for equal ones; settled tiles stay so."""
        if not len(tiles):
            return tiles, np.ones((rows, 0))
        pairs, places = np.unique(np.stack([tiles, sizes]), axis=1, return_inverse=True)
        found: list[tuple[int, tuple[float, ...]]] = []
        for tile, size in pairs.T:
            key = (int(tile), int(size), *what)
            if key not in self._known:
                stays = SETTLED, (0.0,) * rows
                self._known[key] = after(self._tiles[int(tile)], int(size)) if tile != SETTLED else stays
            found.append(self._known[key])
        places = places.reshape(-1)
        numbers = np.array([number for number, _ in found], dtype=np.int64)[places]
        return numbers, np.array([shares for _, shares in found]).reshape(len(found), rows).T[:, places]

    def _number(self, tile: _Tile) -> int:
        if tile not in self._numbers:
            self._numbers[tile] = len(self._tiles)
            self._tiles.append(tile)
        return self._numbers[tile]


def _spread(
    before: tuple[tuple[int, int, int], ...], fanout: int, step: int, copies: int
) -> tuple[tuple[int, int, int], ...]:
    """One more step, joined with the one that it continues."""
    for position, (number, inner, count) in enumerate(before):
        if number == fanout and inner * count == step:
            return (*before[:position], (number, inner, count * copies), *before[position + 1 :])
    return tuple(sorted([*before, (fanout, step, copies)]))
