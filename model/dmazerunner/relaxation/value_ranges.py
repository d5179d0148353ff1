"""Where monomials can lie: their reachable values over all tilings of a nest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...loop_nest import AffineIndex, LoopNest
from ..factorisations import prime_factors
from ..vectorised.batch import SPM
from .logarithms import ValueRange, scaled_log
from .monomials import (
    TILE_LEVELS,
    FactorOf,
    InvocationsOf,
    Monomial,
    Symbol,
    WindowOf,
    index_extent,
)

Reals = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class RangeParameters:
    """Up to where the values of a monomial are listed; beyond, only their range is known.

    Attributes:
        max_points: reachable values of one monomial.
        max_combinations: combinations of tile sizes of one compound index; a solver's model has a Boolean for each.
    """

    max_points: int = 2048
    max_combinations: int = 4096


RANGE_PARAMETERS = RangeParameters()


class ValueRanges:
    """Reachable values of monomials over all tilings of a nest, computed once per monomial."""

    def __init__(
        self, nest: LoopNest, options: Sequence[Reals], parameters: RangeParameters = RANGE_PARAMETERS
    ) -> None:
        self.nest, self.parameters, self._options = nest, parameters, options
        self._known: dict[Monomial, ValueRange] = {}

    def __call__(self, monomial: Monomial) -> ValueRange:
        """Where the monomial's value and scaled logarithm can lie."""
        if monomial not in self._known:
            self._known[monomial] = self._compute(monomial)
        return self._known[monomial]

    def _compute(self, monomial: Monomial) -> ValueRange:
        groups = self._groups(monomial)
        slack = sum(abs(power) * self._rounding(symbol) for symbol, power in monomial.powers)
        value_range = ValueRange.of_points(np.zeros(1, dtype=np.int64), np.ones(1))
        for dims, powers in groups:
            value_range = value_range.times(self._of_group(dims, powers), slack, self.parameters.max_points)
        return value_range

    def _rounding(self, symbol: Symbol) -> float:
        """How far a symbol's scaled logarithm can lie from the true one: half a unit per prime factor."""
        if isinstance(symbol, FactorOf):
            return 0.5 * sum(m for _, m in prime_factors(self.nest.bounds[symbol.dim]))
        index = self.nest.tensors[symbol.tensor].index[symbol.axis] if isinstance(symbol, InvocationsOf) else None
        terms = index.terms if index is not None else symbol.terms if isinstance(symbol, WindowOf) else ()
        return 1.5 + sum(m for dim, _ in terms for _, m in prime_factors(self.nest.bounds[dim]))

    def _groups(self, monomial: Monomial) -> list[tuple[tuple[int, ...], list[tuple[Symbol, int]]]]:
        """Symbols that share dimensions, together; each axis of DMA invocations by itself."""
        groups: list[tuple[set[int], list[tuple[Symbol, int]]]] = []
        for symbol, power in monomial.powers:
            if isinstance(symbol, InvocationsOf):
                groups.append((set(), [(symbol, power)]))
                continue
            dims = {symbol.dim} if isinstance(symbol, FactorOf) else {dim for dim, _ in symbol.terms}
            items: list[tuple[Symbol, int]] = [(symbol, power)]
            for other in [g for g in groups if g[0] & dims]:
                groups.remove(other)
                dims, items = dims | other[0], other[1] + items
            groups.append((dims, items))
        return [(tuple(sorted(dims)), items) for dims, items in groups]

    def _of_group(self, dims: tuple[int, ...], powers: list[tuple[Symbol, int]]) -> ValueRange:
        if not dims:
            (symbol, power), *_ = powers
            return self._of_invocations(symbol, power)
        if math.prod(len(self._options[dim]) for dim in dims) > 64 * self.parameters.max_combinations:
            return self._range(powers)
        grids = np.meshgrid(*(np.arange(len(self._options[dim])) for dim in dims), indexing="ij")
        rows = {dim: self._options[dim][grid.ravel()].T for dim, grid in zip(dims, grids, strict=True)}
        size = grids[0].size
        logs, values = np.zeros(size, dtype=np.int64), np.ones(size)
        for symbol, power in powers:
            log, value = self._symbol_points(symbol, rows, size)
            logs, values = logs + power * log, values * value**power
        return ValueRange.of_points(logs, values)

    def _symbol_points(self, symbol: Symbol, rows: dict[int, Reals], size: int) -> tuple[Integers, Reals]:
        if isinstance(symbol, FactorOf):
            values = rows[symbol.dim][symbol.level]
            return _logs_by_primes(values), values
        assert isinstance(symbol, WindowOf)
        extents = np.ones(size)
        for dim, coefficient in symbol.terms:
            tile = np.prod([rows[dim][level] for level in TILE_LEVELS[symbol.level]], axis=0)
            extents = extents + coefficient * (tile - 1)
        distinct, inverse = np.unique(extents, return_inverse=True)
        return np.array([scaled_log(value) for value in distinct], dtype=np.int64)[inverse], extents

    def _of_invocations(self, symbol: Symbol, power: int) -> ValueRange:
        """1, or an extent of the axis over some tile."""
        assert isinstance(symbol, InvocationsOf)
        index = self.nest.tensors[symbol.tensor].index[symbol.axis]
        inner = index_extent(index, SPM)
        dims = tuple(dim for dim, _ in index.terms)
        points = (
            self._of_group(dims, list(inner.powers))
            if dims
            else ValueRange.of_points(np.zeros(1, np.int64), np.ones(1))
        )
        if points.logs is None or points.values is None:
            return ValueRange(0, power * points.high, points.slack)
        logs, values = np.append(points.logs, 0) * power, np.append(points.values, 1.0) ** power
        return ValueRange.of_points(logs, values)

    def _range(self, powers: list[tuple[Symbol, int]]) -> ValueRange:
        low = high = 0
        for symbol, power in powers:
            if isinstance(symbol, FactorOf):
                most = sum(m * scaled_log(p) for p, m in prime_factors(self.nest.bounds[symbol.dim]))
            else:
                assert isinstance(symbol, WindowOf)
                most = scaled_log(AffineIndex(symbol.terms).extent(self.nest.bounds))
            low, high = low + min(0, power * most), high + max(0, power * most)
        return ValueRange(low, high, 0.0)


def _logs_by_primes(values: Reals) -> Integers:
    """Scaled logarithms as the exponents give them: the sum of the rounded logarithms of the prime factors."""
    distinct, inverse = np.unique(values, return_inverse=True)
    logs = [sum(m * scaled_log(p) for p, m in prime_factors(int(value))) for value in distinct]
    return np.array(logs, dtype=np.int64)[inverse]
