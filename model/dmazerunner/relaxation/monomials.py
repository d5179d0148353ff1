"""Sums of monomials over the choices of a tiling.

A monomial is a product of powers of symbols: factors of dimensions at levels, extents of affine indices that are not
a single loop variable (*windows*), and the extents that multiply into DMA invocations. In logarithms a monomial is
linear, which is what the CP-SAT model works with; on arrays of tilings it is evaluated directly, which is what the
tests of the relaxation work with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ...loop_nest import AffineIndex, LoopNest
from ..vectorised.batch import DRAM, RF, SPATIAL, SPM, Array, TilingBatch, extent

TILE_LEVELS: dict[int, tuple[int, ...]] = {RF: (RF,), SPATIAL: (RF, SPATIAL), SPM: (RF, SPATIAL, SPM)}
"""The factors that make up a tile: of one register file, of the PE array, of the SPM."""


@dataclass(frozen=True, order=True)
class FactorOf:
    """The factor of a dimension at a level."""

    level: int
    dim: int


@dataclass(frozen=True, order=True)
class WindowOf:
    """The extent of an index over the tile of a level (see :data:`TILE_LEVELS`)."""

    level: int
    terms: tuple[tuple[int, int], ...]


@dataclass(frozen=True, order=True)
class InvocationsOf:
    """What a storage axis (0 = outermost) of a tensor multiplies into the DMA invocations of one SPM tile.

    Its extent, or 1 where all axes inside it are full (``docs/model.md`` section 5, DMA).
    """

    tensor: int
    axis: int


Symbol = FactorOf | WindowOf | InvocationsOf


def _sort_key(item: tuple[Symbol, int]) -> tuple[str, Symbol]:
    return type(item[0]).__name__, item[0]


@dataclass(frozen=True)
class Monomial:
    """A product of powers of symbols, in a fixed order and without zero powers."""

    powers: tuple[tuple[Symbol, int], ...] = ()

    @classmethod
    def of(cls, powers: Mapping[Symbol, int]) -> Monomial:
        """The monomial with the given powers."""
        return cls(tuple(sorted(((s, p) for s, p in powers.items() if p), key=_sort_key)))

    def __mul__(self, other: Monomial) -> Monomial:
        powers = Counter(dict(self.powers))
        for symbol, power in other.powers:
            powers[symbol] += power
        return Monomial.of(powers)

    def value(self, batch: TilingBatch) -> Array:
        """The monomial's value for every tiling of a batch."""
        result = np.ones(batch.size)
        for symbol, power in self.powers:
            result = result * symbol_value(symbol, batch) ** power
        return result


def product(monomials: Iterable[Monomial]) -> Monomial:
    """The product of monomials."""
    result = Monomial()
    for monomial in monomials:
        result = result * monomial
    return result


def factors(level: int, dims: Iterable[int]) -> Monomial:
    """The product of one level's factors over some dimensions."""
    return Monomial.of({FactorOf(level, dim): 1 for dim in dims})


def index_extent(index: AffineIndex, level: int) -> Monomial:
    """The extent of an index over the tile of a level."""
    if not index.terms:
        return Monomial()
    if len(index.terms) == 1 and abs(index.terms[0][1]) == 1:
        return Monomial.of({FactorOf(part, index.terms[0][0]): 1 for part in TILE_LEVELS[level]})
    terms = tuple((dim, abs(coefficient)) for dim, coefficient in index.terms)
    return Monomial.of({WindowOf(level, terms): 1})


def footprint(nest: LoopNest, tensor: int, level: int) -> Monomial:
    """The footprint of a tensor over the tile of a level."""
    return product(index_extent(index, level) for index in nest.tensors[tensor].index)


def invocations(nest: LoopNest, tensor: int) -> Monomial:
    """DMA invocations of one SPM tile; the innermost axis is always part of the burst."""
    axes = range(max(len(nest.tensors[tensor].index) - 1, 0))
    return Monomial.of({InvocationsOf(tensor, axis): 1 for axis in axes})


def is_single_variable(nest: LoopNest, tensor: int) -> bool:
    """Whether every index of a tensor is a distinct loop variable, so that footprints multiply over the levels."""
    terms = [index.terms for index in nest.tensors[tensor].index if index.terms]
    return all(len(t) == 1 and abs(t[0][1]) == 1 for t in terms) and len({t[0][0] for t in terms}) == len(terms)


def symbol_value(symbol: Symbol, batch: TilingBatch) -> Array:
    """A symbol's value for every tiling of a batch."""
    if isinstance(symbol, FactorOf):
        return batch.levels[symbol.level, symbol.dim]
    if isinstance(symbol, WindowOf):
        tiles: dict[int, Callable[[], Array]] = {
            RF: lambda: batch.levels[RF],
            SPATIAL: lambda: batch.pe_array_tile,
            SPM: lambda: batch.spm_tile,
        }
        return extent(AffineIndex(symbol.terms), tiles[symbol.level]())
    extents, shape = batch.spm_extents[symbol.tensor], batch.nest.tensors[symbol.tensor].shape
    inside = range(symbol.axis + 1, len(shape))
    full = np.logical_and.reduce([extents[axis] == shape[axis] for axis in inside])
    return np.where(full, 1.0, extents[symbol.axis])


@dataclass
class Posynomial:
    """A sum of monomials with positive coefficients, and a constant of either sign."""

    nest: LoopNest
    terms: dict[Monomial, float] = field(default_factory=dict[Monomial, float])
    constant: float = 0.0

    def add(self, coefficient: float, *parts: Monomial) -> Posynomial:
        """Add a coefficient times a product, in the normal form that the bounds allow; returns itself."""
        scale, monomial = normalise(self.nest, product(parts))
        if monomial.powers:
            self.terms[monomial] = self.terms.get(monomial, 0.0) + coefficient * scale
            if self.terms[monomial] == 0.0:
                del self.terms[monomial]
        else:
            self.constant += coefficient * scale
        return self

    def value(self, batch: TilingBatch) -> Array:
        """The sum for every tiling of a batch."""
        total = np.full(batch.size, self.constant)
        for monomial, coefficient in self.terms.items():
            total = total + coefficient * monomial.value(batch)
        return total


def normalise(nest: LoopNest, monomial: Monomial) -> tuple[float, Monomial]:
    """A number and a monomial whose product is the given one, equal for all monomials that the bounds make equal.

    The four factors of a dimension multiply to its bound; the power that most levels share is taken out.
    """
    powers = dict(monomial.powers)
    scale = 1.0
    for dim, bound in enumerate(nest.bounds):
        symbols = [FactorOf(level, dim) for level in (DRAM, SPM, RF, SPATIAL)]
        counts = Counter(powers.get(symbol, 0) for symbol in symbols)
        common = min(counts, key=lambda power: (-counts[power], abs(power), power))
        if common:
            scale *= float(bound) ** common
            for symbol in symbols:
                powers[symbol] = powers.get(symbol, 0) - common
    return scale, Monomial.of(powers)
