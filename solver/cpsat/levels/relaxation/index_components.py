"""How the words of a tile depend on its dimensions: those that share an axis of a tensor go together.

Each table holds integers over the exponents of a component's primes, and is exact or says of what it is a lower bound.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .....model.hierarchy.exact.unions import union_length
from .....model.loop_nest import AffineIndex, LoopNest, Tensor
from .level_exponents import PrimeAxis

Table: TypeAlias = npt.NDArray[np.int64]
_Union: TypeAlias = Callable[[AffineIndex, dict[int, int], dict[int, int]], int]


@dataclass(frozen=True)
class IndexComponent:
    """Axes of a tensor and the dimensions of more than one iteration that occur in them, and in no other axis.

    ``numbers``: the primes of these dimensions among all ``axes``.
    """

    nest: LoopNest
    axes: tuple[PrimeAxis, ...]
    indexes: tuple[AffineIndex, ...]
    dims: frozenset[int]

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of the component's prime axes."""
        return tuple(number for number, axis in enumerate(self.axes) if axis.dim in self.dims)

    @property
    def shape(self) -> tuple[int, ...]:
        """Entries of a table along every prime axis."""
        return tuple(self.axes[number].multiplicity + 1 for number in self.numbers)

    def _tiles(self) -> Iterator[tuple[tuple[int, ...], dict[int, int]]]:
        """All exponents with the tile sizes by dimension."""
        for powers in itertools.product(*(range(size) for size in self.shape)):
            tile = dict.fromkeys(self.dims, 1)
            for number, power in zip(self.numbers, powers, strict=True):
                tile[self.axes[number].dim] *= self.axes[number].prime ** power
            yield powers, tile

    def _repeats(self, tile: dict[int, int]) -> int:
        return math.prod(self.nest.bounds[dim] // size for dim, size in tile.items())

    @cached_property
    def extents(self) -> Table:
        """Words of the box that a tile touches."""
        found = np.zeros(self.shape, dtype=np.int64)
        for powers, tile in self._tiles():
            found[powers] = math.prod(_extent(index, tile) for index in self.indexes)
        return found

    @cached_property
    def words(self) -> Table:
        """The same times the number of such tiles in the nest."""
        found = np.zeros(self.shape, dtype=np.int64)
        for powers, tile in self._tiles():
            found[powers] = self.extents[powers] * self._repeats(tile)
        return found

    @cached_property
    def is_plain(self) -> bool:
        """Whether every tile is as many words as iterations, so that all words are moved once by all tiles."""
        return bool((self.words == self.words.flat[0]).all())

    @cached_property
    def contiguous(self) -> Table:
        """At most the words that instances of one tile have together, times the number of their tiles in the nest.

        Over exponents of all instances' tiles together; instances stand side by side. The least over all tiles of which
        there can be instances.
        """
        return self._least_over_parts(_union_side_by_side)

    @cached_property
    def scattered(self) -> Table:
        """The same where loops of other nodes may lie between an instance's tile and the next."""
        return self._least_over_parts(_union_anyhow)

    @cached_property
    def swept(self) -> Table:
        """The same where a tile slides over the whole component: at least every element once."""
        if len(self.indexes) == 1:
            return self.contiguous
        ones = dict.fromkeys(self.dims, 1)
        whole = {dim: self.nest.bounds[dim] for dim in self.dims}
        return np.full(self.shape, max(_union_side_by_side(index, ones, whole) for index in self.indexes))

    def _least_over_parts(self, union: _Union) -> Table:
        found, tiles = np.zeros(self.shape, dtype=np.int64), list(self._tiles())
        for powers, whole in tiles:
            parts = [part for inner, part in tiles if all(a <= b for a, b in zip(inner, powers, strict=True))]
            together = min(
                math.prod(union(index, part, {d: whole[d] // part[d] for d in whole}) for index in self.indexes)
                for part in parts
            )
            found[powers] = together * self._repeats(whole)
        return found


def _extent(index: AffineIndex, tile: dict[int, int]) -> int:
    return 1 + sum(abs(step) * (tile.get(dim, 1) - 1) for dim, step in index.terms)


def _union_side_by_side(index: AffineIndex, tile: dict[int, int], instances: dict[int, int]) -> int:
    steps = [(abs(step) * tile[dim], instances[dim]) for dim, step in index.terms if instances.get(dim, 1) > 1]
    return union_length(steps, _extent(index, tile))


def _union_anyhow(index: AffineIndex, tile: dict[int, int], instances: dict[int, int]) -> int:
    """Instances along one dimension alone, as near to each other as they can be."""
    length = _extent(index, tile)
    return max(
        [length]
        + [
            length + (instances[dim] - 1) * min(length, abs(step) * tile[dim])
            for dim, step in index.terms
            if dim in instances
        ]
    )


def components_of(nest: LoopNest, axes: Sequence[PrimeAxis], tensor: Tensor) -> tuple[IndexComponent, ...]:
    """The components of a tensor; axes that are the same for all iterations are in none."""
    groups: list[tuple[frozenset[int], tuple[AffineIndex, ...]]] = []
    for index in tensor.index:
        dims, indexes = frozenset(dim for dim, _ in index.terms if nest.bounds[dim] > 1), (index,)
        for group in [group for group in groups if group[0] & dims]:
            groups.remove(group)
            dims, indexes = dims | group[0], (*group[1], *indexes)
        if dims:
            groups.append((dims, indexes))
    return tuple(IndexComponent(nest, tuple(axes), indexes, dims) for dims, indexes in groups)
