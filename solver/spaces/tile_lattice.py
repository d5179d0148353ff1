"""Tile sizes of a nest as sets, and what is asked of a tiling as such sets.

What is asked of a tiling falls apart into what is asked of its spatial factors ``s`` (PEs), of its RF factors ``r``
(RF bytes) and of its SPM tile ``T`` (banks, and DRAM traffic, which depends on no other factor). All that ties them
together is that ``s * r`` divides ``T``: the SPM factors are the quotient. Each of the three is a set of tile sizes,
one divisor of its bound per dimension; there are few of those, where tilings are many.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ...model.dmazerunner.capacities import Capacity
from ...model.dmazerunner.factorisations import prime_factors
from ...model.dmazerunner.legality import traffic_limits
from ...model.dmazerunner.vectorised.batch import DRAM, Array, Mask, TilingBatch
from ...model.dmazerunner.vectorised.batch_legality import keeps
from ...model.loop_nest import LoopNest
from ...model.mapping import LEVELS
from ..backend import PublishedProblem
from ..search.scoring import order_search

CHUNK = 1 << 15
"""Tile sizes checked at a time."""

LARGEST_TABLE = 1 << 26
"""Bytes of the largest table of products."""

MOST_AXES = 32
"""Axes of the largest array that every supported numpy takes."""

Pins = MappingOf[int, int]
"""Factors that the constraints determine at one level, by dimension."""


Positions = NDArray[np.int64]
"""Where tile sizes stand in a table over products of two."""

Entry = TypeVar("Entry", bound=np.generic)


class TileSets:
    """The sets of problems on one nest that differ in capacities and constraints alone; kept from one to the next."""

    def __init__(self, nest: LoopNest, largest_table: int = LARGEST_TABLE) -> None:
        self.nest = nest
        self.lattice = TileLattice(nest, largest_table)
        self._sets: dict[tuple[object, ...], Mask] = {}

    def spatial_factors(self, problem: PublishedProblem, pins: Pins) -> Mask:
        """Spatial factors that the machine has the PEs for, and that use enough of them."""
        return self._kept(problem, problem.cost_model.capacities(problem.architecture).pes, pins)

    def rf_factors(self, problem: PublishedProblem, pins: Pins) -> Mask:
        """RF factors that fit the register files, and fill them enough."""
        return self._kept(problem, problem.cost_model.capacities(problem.architecture).rf, pins)

    def spm_tiles(self, problem: PublishedProblem, dram_pins: Pins) -> Mask:
        """SPM tiles that fit, fill the SPM enough, and keep the traffic limits in some loop order."""
        pins = {dim: self.nest.bounds[dim] // factor for dim, factor in dram_pins.items()}
        orders, permit = order_search(problem), problem.cost_model.permit(problem.architecture, problem.constraints)
        keep = None if permit is None else partial(orders.permitted, permit=permit)
        return self._kept(problem, problem.cost_model.capacities(problem.architecture).spm, pins, keep)

    def _kept(
        self,
        problem: PublishedProblem,
        capacity: Capacity,
        pins: Pins,
        permitted: Callable[[TilingBatch], Mask] | None = None,
    ) -> Mask:
        """The tile sizes of a capacity's level that keep it, and have orders that are permitted."""
        asked, limits = problem.constraints.min_utilization, traffic_limits(problem.constraints) if permitted else {}

        def rule(tiles: Array) -> Mask:
            batch = self._batch(LEVELS.index(capacity.level), tiles)
            mask = keeps(batch, capacity, asked)
            return mask if permitted is None else mask & permitted(batch)

        return self._where((capacity, capacity.least(asked), *limits.items()), pins, rule)

    def _where(self, key: tuple[object, ...], pins: Pins, rule: Callable[[Array], Mask]) -> Mask:
        """:meth:`TileLattice.where`, remembered by what the rule depends on."""
        whole = (*key, *sorted(pins.items()))
        if whole not in self._sets:
            self._sets[whole] = self.lattice.where(rule, pins)
        return self._sets[whole]

    def _batch(self, level: int, tiles: Array) -> TilingBatch:
        """Tilings with the given factors at one level and the rest in DRAM."""
        levels = np.ones((len(LEVELS), *tiles.shape))
        levels[level] = tiles
        levels[DRAM] = np.array(self.nest.bounds, dtype=np.float64)[:, None] / tiles
        return TilingBatch(self.nest, levels)


def pins_of(problem: PublishedProblem) -> tuple[Pins, ...] | None:
    """The pinned factors of every level, in the order of the levels; None when they cannot all hold."""
    pins: tuple[dict[int, int], ...] = tuple({} for _ in LEVELS)
    for pin in problem.cost_model.pinned_factors(problem.nest, problem.constraints):
        agreed = pins[LEVELS.index(pin.level)].setdefault(pin.dim, pin.factor) == pin.factor
        if not agreed or problem.nest.bounds[pin.dim] % pin.factor:
            return None
    return pins


@dataclass(frozen=True)
class Axis:
    """The exponent, from 0 to ``most``, of one prime in the tile size of one dimension."""

    dim: int
    prime: int
    most: int


class TileLattice:
    """All tile sizes of a nest as an array of exponents of primes, one :class:`Axis` for each prime of each bound."""

    def __init__(self, nest: LoopNest, largest_table: int = LARGEST_TABLE) -> None:
        self.nest, self._largest_table = nest, largest_table
        self.axes = tuple(
            Axis(dim, prime, most) for dim, bound in enumerate(nest.bounds) for prime, most in prime_factors(bound)
        )
        self.shape = tuple(axis.most + 1 for axis in self.axes)
        self.products = tuple(2 * axis.most + 1 for axis in self.axes)

    @property
    def is_small(self) -> bool:
        """Whether tables of all products of two tile sizes are affordable."""
        return len(self.axes) <= MOST_AXES and math.prod(self.products) <= self._largest_table

    @cached_property
    def tiles(self) -> Array:
        """All tile sizes, of shape (dimensions, n)."""
        exponents = np.indices(self.shape).reshape(len(self.axes), math.prod(self.shape))
        tiles = np.ones((len(self.nest.dims), exponents.shape[1]))
        for axis, exponent in zip(self.axes, exponents, strict=True):
            tiles[axis.dim] *= axis.prime**exponent
        return tiles

    def where(self, rule: Callable[[Array], Mask], pins: Pins) -> Mask:
        """Which tile sizes keep a rule on arrays of them, and have the pinned factors; in the lattice's shape."""
        kept = np.ones(self.tiles.shape[1], dtype=bool)
        for dim, factor in pins.items():
            kept &= self.tiles[dim] == factor
        chosen = np.flatnonzero(kept)
        for first in range(0, len(chosen), CHUNK):
            part = chosen[first : first + CHUNK]
            kept[part] = rule(self.tiles[:, part])
        return kept.reshape(self.shape)

    def least(self, tiles: Mask, pinned: Pins) -> Positions:
        """Table positions of the tile sizes that are least in a set, as far as dimensions not pinned in SPM go.

        Those divide all others of the set, so that no more are needed of factors whose multiples SPM may absorb.
        """
        least = tiles.copy()
        for position, axis in enumerate(self.axes):
            if axis.dim not in pinned:
                above, below = _ends(position, 1)
                least[above] &= ~tiles[below]
        return self.positions(least)

    def positions(self, tiles: Mask) -> Positions:
        """Table positions of the tile sizes of a set; those of a product's two factors add up to its own."""
        strides = np.cumprod((1, *reversed(self.products)))[:-1][::-1]
        return np.argwhere(tiles) @ strides.astype(np.int64)

    def table(self, tiles: Mask, pinned: Pins) -> NDArray[np.bool_]:
        """Which products ``s * r`` the SPM factors complete to a tile size of a set; false where ``s * r`` is none."""
        return self._over_products(tiles, pinned, np.logical_or)

    def counts(self, tiles: Mask, pinned: Pins) -> NDArray[np.int64]:
        """To how many tile sizes of a set the SPM factors complete products ``s * r``; 0 where ``s * r`` is none."""
        return self._over_products(tiles.astype(np.int64), pinned, np.add)

    def _over_products(self, values: NDArray[Entry], pinned: Pins, combine: np.ufunc) -> NDArray[Entry]:
        """For every product, the values at its allowed multiples combined; flat."""
        inner = values
        for position, axis in enumerate(self.axes):
            if axis.dim not in pinned:
                flipped = np.flip(inner, position)
                inner = np.flip(combine.accumulate(flipped, axis=position), position)
            elif (power := _multiplicity(pinned[axis.dim], axis.prime)) > 0:
                shifted = np.zeros_like(inner)
                above, below = _ends(position, power)
                shifted[below] = inner[above]
                inner = shifted
        table = np.zeros(self.products, dtype=inner.dtype)
        table[tuple(slice(size) for size in self.shape)] = inner
        return table.reshape(-1)


def _ends(position: int, count: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Everything but the first, and but the last, ``count`` entries along one axis of an array."""
    before = (slice(None),) * position
    return (*before, slice(count, None)), (*before, slice(None, -count))


def _multiplicity(number: int, prime: int) -> int:
    """How often a prime divides a number."""
    return dict(prime_factors(number)).get(prime, 0)
