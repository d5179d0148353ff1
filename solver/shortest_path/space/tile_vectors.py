"""Tile vectors as a grid: how large the tiles of all dimensions are at one place of a hierarchy.

A tile vector is a point of the divisor lattice of the nest's bounds. Its coordinates are exponents, one for each prime
of each dimension, so that a loop of a prime factor is one step along one axis.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ....model.dmazerunner.factorisations import prime_factors
from ....model.hierarchy.exact.unions import distinct_offsets
from ....model.loop_nest import AffineIndex, LoopNest

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Axis:
    """One prime of one dimension: so many steps lead from a tile of 1 to the whole bound, each over ``step`` points."""

    dim: int
    prime: int
    multiplicity: int
    step: int


@dataclass(frozen=True)
class TileVectors:
    """All tile vectors of a nest, with what depends on a tile vector alone; arrays have one entry for each point."""

    nest: LoopNest

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """Primes of all dimensions, in the order of the grid's coordinates."""
        found = [(dim, *power) for dim, bound in enumerate(self.nest.bounds) for power in prime_factors(bound)]
        sizes = [multiplicity + 1 for _, _, multiplicity in found]
        return tuple(
            Axis(dim, prime, multiplicity, math.prod(sizes[position + 1 :]))
            for position, (dim, prime, multiplicity) in enumerate(found)
        )

    @cached_property
    def jumps(self) -> tuple[tuple[Axis, ...], ...]:
        """For every dimension all factors that a loop over it can have, as axes of one step."""
        found: list[tuple[Axis, ...]] = []
        for dim in range(len(self.nest.bounds)):
            steps = {1: 0}
            for axis in (axis for axis in self.axes if axis.dim == dim):
                powers = [(axis.prime**power, axis.step * power) for power in range(axis.multiplicity + 1)]
                steps = {n * factor: step + more for n, step in steps.items() for factor, more in powers}
            found.append(tuple(Axis(dim, factor, 1, steps[factor]) for factor in sorted(steps) if factor > 1))
        return tuple(found)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Points along every axis."""
        return tuple(axis.multiplicity + 1 for axis in self.axes)

    @cached_property
    def size(self) -> int:
        """Points in all."""
        return math.prod(self.shape)

    @cached_property
    def exponents(self) -> tuple[npt.NDArray[np.int8], ...]:
        """For every axis how often its prime is in a tile."""
        points = np.arange(self.size)
        return tuple(((points // axis.step) % (axis.multiplicity + 1)).astype(np.int8) for axis in self.axes)

    @cached_property
    def tiles(self) -> Ints:
        """Tile sizes: ``tiles[dim, point]``."""
        tiles = np.ones((len(self.nest.dims), self.size), dtype=np.int64)
        for axis, exponents in zip(self.axes, self.exponents, strict=True):
            powers = np.array([axis.prime**power for power in range(axis.multiplicity + 1)], dtype=np.int64)
            tiles[axis.dim] *= powers[exponents]
        return tiles

    @cached_property
    def repeats(self) -> Floats:
        """How many such tiles the whole nest has: what is left of its iterations."""
        return (self.nest.num_macs // np.prod(self.tiles, axis=0)).astype(np.float64)

    @cached_property
    def unfinished(self) -> Ints:
        """The dimensions of which a tile is not the whole bound, bit by bit."""
        found = np.zeros(self.size, dtype=np.int64)
        for dim, bound in enumerate(self.nest.bounds):
            found |= (self.tiles[dim] < bound).astype(np.int64) << dim
        return found

    @cached_property
    def extents(self) -> tuple[tuple[Ints, ...], ...]:
        """``extents[tensor][axis]``: elements along an axis of the box that a tile touches."""
        return tuple(tuple(self._extent(index) for index in tensor.index) for tensor in self.nest.tensors)

    @cached_property
    def boxes(self) -> Floats:
        """``boxes[tensor, point]``: elements of the box."""
        rows = (np.prod(np.array([*extents, self._one]), axis=0) for extents in self.extents)
        return np.array([row.astype(np.float64) for row in rows])

    @cached_property
    def words(self) -> Floats:
        """``words[tensor, point]``: elements moved in all where every tile of the nest is brought once."""
        return self.boxes * self.repeats

    @cached_property
    def least_words(self) -> Floats:
        """The same for the elements that are touched, without holes: not above what any larger tile of them moves."""
        rows = [np.ones(self.size) for _ in self.nest.tensors]
        for row, tensor in zip(rows, self.nest.tensors, strict=True):
            for index in tensor.index:
                row *= self.distinct(index)
        return np.array(rows) * self.repeats

    @cached_property
    def first_visits(self) -> Floats:
        """Elements of the output whose first visit reads nothing back, where a level holds such a tile."""
        output = self.nest.tensors[self.nest.output]
        first = self.boxes[self.nest.output].copy()
        for dim in output.dims:
            first *= self.nest.bounds[dim] / self.tiles[dim]
        return first

    @cached_property
    def reductions(self) -> Floats:
        """How many of the iterations left do not index the output: no fanout outside can reduce by more."""
        output = self.nest.tensors[self.nest.output]
        left = np.ones(self.size)
        for dim, bound in enumerate(self.nest.bounds):
            if dim not in output.dims:
                left *= bound / self.tiles[dim]
        return left

    @cached_property
    def _one(self) -> Ints:
        return np.ones(self.size, dtype=np.int64)

    def _extent(self, index: AffineIndex) -> Ints:
        extent = self._one.copy()
        for dim, coefficient in index.terms:
            extent += abs(coefficient) * (self.tiles[dim] - 1)
        return extent

    def distinct(self, index: AffineIndex) -> Floats:
        """How many values an index takes within a tile."""
        if not index.terms:
            return np.ones(self.size)
        if len(index.terms) == 1:
            return self.tiles[index.terms[0][0]].astype(np.float64)
        sizes, places = np.unique(np.stack([self.tiles[dim] for dim, _ in index.terms]), axis=1, return_inverse=True)
        counts = [
            distinct_offsets([(abs(a), int(size)) for (_, a), size in zip(index.terms, column, strict=True)])
            for column in sizes.T
        ]
        return np.array(counts, dtype=np.float64)[places.reshape(-1)]
