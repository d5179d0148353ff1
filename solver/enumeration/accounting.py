"""Accounting for a whole space: every tiling is costed, or lies in a part that something excluded.

Parts of the space are partial tilings; how many tilings such a part holds, fitting or not, follows from the numbers of
ordered factorisations that the constraints' fixed factors leave, dimension by dimension.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...model.dmazerunner.constraints import Constraints
from ...model.dmazerunner.factorisations import allowed_factorisations, divisors, num_tilings
from ...model.dmazerunner.vectorised.batch import DRAM, SPM, Array
from ...model.loop_nest import LoopNest
from ..spaces.branching import Dropped

Counts = NDArray[Any]
"""Integers: of 64 bits where the whole space has fewer tilings than they can count, else Python's."""


class Accounting:
    """Where the ``whole`` space's tilings went.

    ``evaluated`` were costed exactly. ``by_bound`` lie in parts that a lower bound excluded, ``by_capacity`` in parts
    that do not fit or do not pass the constraints. The three sum to ``whole`` once all parts are dealt with.
    """

    def __init__(self, nest: LoopNest, constraints: Constraints) -> None:
        options = allowed_factorisations(nest, constraints)
        self.whole = num_tilings(options)
        self.evaluated = self.by_bound = self.by_capacity = 0
        self._divisors: list[Array] = [np.array(divisors(bound), dtype=np.float64) for bound in nest.bounds]
        # no part of the space has more tilings than the whole
        self._exact: type[Any] = np.int64 if self.whole < 2**63 else object
        self._with_factors: list[Counts] = [
            _numbers_of_rows(rows, own).astype(self._exact) for rows, own in zip(options, self._divisors, strict=True)
        ]

    @property
    def missing(self) -> int:
        """Tilings not accounted for yet."""
        return self.whole - self.evaluated - self.by_bound - self.by_capacity

    @property
    def dropped(self) -> tuple[Dropped, Dropped, Dropped]:
        """What takes note of subspaces, array tiles and tilings that do not fit."""
        return self.subspaces_do_not_fit, self.array_tiles_do_not_fit, self.tilings_do_not_fit

    def subspaces_do_not_fit(self, subspaces: Array, open_dims: Sequence[int]) -> None:
        """DRAM factors are chosen of all dimensions but the open ones."""
        self.by_capacity += self._in_subspaces(subspaces, open_dims)

    def array_tiles_do_not_fit(self, array_tiles: Array, open_dims: Sequence[int]) -> None:
        """DRAM factors are chosen, and SPM factors of all dimensions but the open ones."""
        product = self._ones(array_tiles)
        for dim, table in enumerate(self._with_factors):
            in_dram = self._places(array_tiles, DRAM, dim)
            open_numbers = table.sum(axis=1)[in_dram]
            product = product * (
                open_numbers if dim in open_dims else table[in_dram, self._places(array_tiles, SPM, dim)]
            )
        self.by_capacity += int(product.sum())

    def tilings_do_not_fit(self, tilings: Array, open_dims: Sequence[int]) -> None:
        """DRAM and SPM factors are chosen, and spatial ones of all dimensions but the open ones."""
        self.by_capacity += self._in_array_tiles(tilings, open_dims)

    def subspaces_excluded(self, subspaces: Array, bounds: Array) -> None:
        """Only DRAM factors are chosen; infinite bounds say that no mapping passes the constraints."""
        never = np.isinf(bounds)
        self.by_capacity += self._in_subspaces(subspaces[:, :, never])
        self.by_bound += self._in_subspaces(subspaces[:, :, ~never])

    def array_tiles_excluded(self, array_tiles: Array) -> None:
        """DRAM and SPM factors are chosen."""
        self.by_bound += self._in_array_tiles(array_tiles, range(len(self._divisors)))

    def _in_subspaces(self, subspaces: Array, open_dims: Sequence[int] = ()) -> int:
        """Number of tilings with the given DRAM factors, any in the open dimensions."""
        product = self._ones(subspaces)
        for dim, table in enumerate(self._with_factors):
            numbers = table.sum(axis=1)
            product = product * (numbers.sum() if dim in open_dims else numbers[self._places(subspaces, DRAM, dim)])
        return int(product.sum())

    def _in_array_tiles(self, tiles: Array, open_dims: Sequence[int]) -> int:
        """Number of ways to split the given DRAM and SPM factors' open dimensions over PEs and register files."""
        product = self._ones(tiles)
        for dim in open_dims:
            places = self._places(tiles, DRAM, dim), self._places(tiles, SPM, dim)
            product = product * self._with_factors[dim][places]
        return int(product.sum())

    def _places(self, tiles: Array, level: int, dim: int) -> NDArray[np.int64]:
        factors: Array = tiles[level, dim]
        return np.searchsorted(self._divisors[dim], factors)

    def _ones(self, tiles: Array) -> Counts:
        size: int = tiles.shape[2]
        return np.ones(size, dtype=self._exact)


def _numbers_of_rows(rows: Array, own_divisors: Array) -> NDArray[np.int64]:
    """How many of one dimension's factorisations have the i-th divisor in DRAM and the j-th in the SPM."""
    size = len(own_divisors)
    places = np.searchsorted(own_divisors, rows[:, DRAM]) * size + np.searchsorted(own_divisors, rows[:, SPM])
    return np.bincount(places, minlength=size * size).reshape(size, size)
