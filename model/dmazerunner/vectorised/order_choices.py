"""Which orders every tiling of a batch has to choose from: the reuse classes of the dimensions that iterate in it.

A nest in which several tensors can be reused at once may have thousands of classes; a tiling has few of them, as only
some of its dimensions iterate at a level. Entries are flat arrays, one entry for each tiling and class.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...loop_nest import LoopNest
from ..reuse import ReuseClass, all_reuse_classes, distinct, is_single, iterating_dims, reuse_classes
from .batch import DRAM, SPM, Array, Indices, Mask, TilingBatch
from .level_terms import LevelReuse

MOST_ENTRIES = 1 << 16
"""Entries and pairs of entries that are costed at a time, but for those of a single tiling."""


class OrderChoices:
    """The classes of tilings of one loop nest; those of a set of dimensions are made when first asked for."""

    def __init__(self, nest: LoopNest) -> None:
        self._nest = nest
        self._iterating = sorted(iterating_dims(nest.bounds))
        self._known: dict[tuple[frozenset[int], bool], tuple[ReuseClass, ...]] = {}

    def of_tilings(self, batch: TilingBatch) -> tuple[Choices, Choices]:
        """The classes of every tiling of a batch, at the SPM and at the DRAM level."""
        everywhere: Mask = np.ones(batch.size, dtype=np.bool_)
        dram = self._choices_of_level(batch, DRAM, everywhere)
        single: Mask = np.array([is_single(self._nest, dims) for dims in dram.dims], dtype=np.bool_)
        return self._choices_of_level(batch, SPM, single[dram.pattern]), dram

    def _choices_of_level(self, batch: TilingBatch, level: int, few: Mask) -> Choices:
        """The classes of every tiling at a level; ``few`` says where one class per tensor may be enough."""
        codes = few.astype(np.int64)
        for position, dim in enumerate(self._iterating, start=1):  # at most 48, as the bounds' product is limited
            codes |= (batch.levels[level, dim] > 1).astype(np.int64) << position
        patterns, pattern = np.unique(codes, return_inverse=True)
        dims = [frozenset(d for i, d in enumerate(self._iterating, 1) if code >> i & 1) for code in patterns.tolist()]
        classes = [self._classes(own, few=bool(code & 1)) for own, code in zip(dims, patterns.tolist(), strict=True)]
        return Choices(batch, level, dims, classes, pattern)

    def _classes(self, dims: frozenset[int], *, few: bool) -> tuple[ReuseClass, ...]:
        key = (dims, few)
        if key not in self._known:
            found = reuse_classes(self._nest, dims) if few else all_reuse_classes(self._nest, dims)
            self._known[key] = distinct(found)
        return self._known[key]


@dataclass(frozen=True)
class Choices:
    """The classes of every tiling of a batch at one level, by which dimensions iterate there (its pattern)."""

    batch: TilingBatch
    level: int
    dims: list[frozenset[int]]
    classes: list[tuple[ReuseClass, ...]]
    pattern: Indices

    @property
    def count(self) -> Indices:
        """Number of classes of every tiling."""
        return np.array([len(own) for own in self.classes])[self.pattern]

    def entries(self, columns: Indices) -> Entries:
        """The entries of some tilings, in their order."""
        pieces = [self._piece(columns, p) for p in np.unique(self.pattern[columns])]
        column = np.concatenate([piece for piece, _ in pieces])
        order = np.argsort(column, kind="stable")
        factors = [np.concatenate(values)[order] for values in zip(*(f for _, f in pieces), strict=True)]
        return Entries(column[order], factors)

    def _piece(self, columns: Indices, pattern: int) -> tuple[Indices, list[Array]]:
        """The entries of the tilings with one pattern: positions among the columns, and every tensor's reuse."""
        places = np.flatnonzero(self.pattern[columns] == pattern)
        part = TilingBatch(self.batch.nest, self.batch.levels[:, :, columns[places]])
        classes = self.classes[pattern]
        factors = [
            np.stack([part.product(self.level, c.reused[t]) for c in classes], axis=1).reshape(-1)
            for t in range(len(part.nest.tensors))
        ]
        return np.repeat(places, len(classes)), factors


@dataclass(frozen=True)
class Entries:
    """Entries of one level, sorted by tiling: its position, and the reuse factor of every tensor."""

    column: Indices
    factors: list[Array]

    @property
    def starts(self) -> Indices:
        """The first entry of every tiling, each of which has one."""
        return np.flatnonzero(np.diff(self.column, prepend=-1))

    def number(self, entries: Indices) -> Indices:
        """The numbers of entries among those of their tilings."""
        return entries - self.starts[self.column[entries]]

    def reuse(self, iterations: Array, entries: Indices | None = None) -> LevelReuse:
        """What entries reuse, of tilings with so many iterations of the level; all entries for ``None``."""
        return level_reuse(
            self.factors if entries is None else [factor[entries] for factor in self.factors], iterations
        )


def level_reuse(factors: Sequence[Array], iterations: Array) -> LevelReuse:
    """What tensors with the given reuse factors reuse, of so many iterations of a level."""
    shown = [None if (factor == 1).all() else factor for factor in factors]
    repeats = [iterations / factor for factor in factors]
    return LevelReuse(shown, repeats, np.ones(len(iterations), dtype=np.bool_))


def pieces(counts: Indices) -> Iterator[Indices]:
    """Positions in order, as many at a time as have at most :data:`MOST_ENTRIES` entries together, or one."""
    ends = np.cumsum(counts)
    first = 0
    while first < len(counts):
        limit = int(ends[first] - counts[first]) + MOST_ENTRIES
        last = max(first + 1, int(np.searchsorted(ends, limit, side="right")))
        yield np.arange(first, last, dtype=np.int64)
        first = last


def repeated(counts: Indices) -> tuple[Indices, Indices]:
    """Every position as often as its count says, with the number of its repetition."""
    ends = np.cumsum(counts)
    rows = np.repeat(np.arange(len(counts)), counts)
    return rows, np.arange(len(rows)) - (ends - counts)[rows]
