"""The decisions of a mapping as CP-SAT variables, and logarithms of monomials as linear expressions over them.

A factor is the product of prime powers: one integer variable per dimension, prime and level, the four levels summing
to the prime's multiplicity in the bound. Extents of compound indices (*windows*) get a Boolean per combination of tile
sizes. Source: ``docs/cpsat_formulation.md``, section Variables.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import product as combinations_of
from typing import Protocol

from ortools.sat.python import cp_model

from ....model.dmazerunner.constraints import Constraints
from ....model.dmazerunner.factorisations import divisors, prime_factors
from ....model.dmazerunner.legality import pinned_factors
from ....model.dmazerunner.relaxation.logarithms import scaled_log
from ....model.dmazerunner.relaxation.monomials import TILE_LEVELS, FactorOf, InvocationsOf, Monomial, Symbol, WindowOf
from ....model.dmazerunner.relaxation.value_ranges import RANGE_PARAMETERS
from ....model.dmazerunner.vectorised.batch import DRAM, SPM
from ....model.loop_nest import AffineIndex, LoopNest
from ....model.mapping import LEVELS, Tiling
from ...spaces.subspaces import Subspace


class Assignment(Protocol):
    """The values of a solution's variables."""

    def value(self, expression: cp_model.IntVar, /) -> int:
        """The value of one variable."""
        ...


def add_if(
    model: cp_model.CpModel, relation: cp_model.BoundedLinearExpression | bool, *literals: cp_model.LiteralT
) -> None:
    """Add a linear constraint that is enforced only where all the given literals hold."""
    model.add(relation).only_enforce_if(list(literals))  # pyright: ignore[reportUnknownMemberType]


class TilingVariables:
    """Variables of one layer's tiling in one CP-SAT model, with the factors that constraints pin.

    Up to ``max_combinations`` tile sizes of a compound index get a Boolean each; beyond, its extent is only bounded.
    """

    def __init__(
        self,
        model: cp_model.CpModel,
        nest: LoopNest,
        constraints: Constraints,
        max_combinations: int = RANGE_PARAMETERS.max_combinations,
    ) -> None:
        self.model, self.nest, self._max_combinations = model, nest, max_combinations
        self._pins = pinned_factors(nest, constraints)
        self.feasible = True
        self.exponents: dict[tuple[int, int, int], cp_model.IntVar] = {}
        for dim, bound in enumerate(nest.bounds):
            self._add_exponents(dim, bound)
        self._windows: dict[WindowOf, cp_model.IntVar] = {}
        self._invocations: dict[InvocationsOf, cp_model.IntVar] = {}
        self._logs: dict[Monomial, cp_model.LinearExprT] = {}
        self._iterates: dict[tuple[int, int], cp_model.IntVar] = {}

    def _add_exponents(self, dim: int, bound: int) -> None:
        for prime, multiplicity in prime_factors(bound):
            row = [
                self.model.new_int_var(0, multiplicity, f"e_{self.nest.dims[dim]}_{prime}_{name}") for name in LEVELS
            ]
            self.model.add(sum(row) == multiplicity)
            for level, variable in enumerate(row):
                self.exponents[dim, prime, level] = variable
        for pin in (pin for pin in self._pins if pin.dim == dim):
            self._pin(LEVELS.index(pin.level), dim, pin.factor)

    def _pin(self, level: int, dim: int, factor: int) -> None:
        if self.nest.bounds[dim] % factor:
            self.feasible = False
            return
        powers = dict(prime_factors(factor))
        for prime, _ in prime_factors(self.nest.bounds[dim]):
            self.model.add(self.exponents[dim, prime, level] == powers.get(prime, 0))

    # Reading and writing tilings

    def fix(self, tiling: Tiling) -> None:
        """Constrain the model to one tiling."""
        for (dim, prime, level), variable in self.exponents.items():
            self.model.add(variable == multiplicity_of(tiling.levels[level][dim], prime))

    def hint(self, tiling: Tiling) -> None:
        """Suggest a tiling to the solver."""
        for (dim, prime, level), variable in self.exponents.items():
            self.model.add_hint(variable, multiplicity_of(tiling.levels[level][dim], prime))

    def read(self, solution: Assignment) -> Tiling:
        """The tiling of a solution."""
        rows = [[1] * len(self.nest.dims) for _ in LEVELS]
        for (dim, prime, level), variable in self.exponents.items():
            rows[level][dim] *= prime ** solution.value(variable)
        return Tiling.from_levels(rows)

    def forbid(self, tilings: Iterable[Tiling]) -> None:
        """Exclude tilings."""
        places = list(self.exponents.items())
        rows = [
            tuple(multiplicity_of(tiling.levels[level][dim], prime) for (dim, prime, level), _ in places)
            for tiling in tilings
        ]
        if rows and places:
            self.model.add_forbidden_assignments([variable for _, variable in places], rows)
        elif rows:
            self.model.add_bool_or([])

    def forbid_subspaces(self, parts: Sequence[Subspace]) -> None:
        """Exclude every tiling of the given subspaces."""
        coarse = [{DRAM: part.dram} for part in parts if part.spm is None]
        fine = [{DRAM: part.dram, SPM: part.spm} for part in parts if part.spm is not None]
        for levels, rows in (((DRAM,), coarse), ((DRAM, SPM), fine)):
            places = [place for place in self.exponents if place[2] in levels]
            powers = [tuple(multiplicity_of(row[level][dim], prime) for dim, prime, level in places) for row in rows]
            if powers and places:
                self.model.add_forbidden_assignments([self.exponents[place] for place in places], powers)
            elif powers:
                self.model.add_bool_or([])

    def forbid_tiles(self, tiling: Tiling, level: int) -> None:
        """Exclude every tiling whose tile of a level is a multiple, in every dimension, of this tiling's."""
        smaller: list[cp_model.IntVar] = []
        for dim, bound in enumerate(self.nest.bounds):
            for prime, _ in prime_factors(bound):
                parts = TILE_LEVELS[level]
                reached = sum(multiplicity_of(tiling.levels[part][dim], prime) for part in parts)
                if reached:
                    literal = self.model.new_bool_var("")
                    total = sum(self.exponents[dim, prime, part] for part in parts)
                    add_if(self.model, total <= reached - 1, literal)
                    smaller.append(literal)
        self.model.add_bool_or(smaller)

    def iterates(self, level: int, dim: int) -> cp_model.IntVar | None:
        """A literal that holds exactly when a factor is above 1; ``None`` where the bound is 1."""
        primes = [prime for prime, _ in prime_factors(self.nest.bounds[dim])]
        if not primes:
            return None
        key = (level, dim)
        if key not in self._iterates:
            total = sum(self.exponents[dim, prime, level] for prime in primes)
            literal = self.model.new_bool_var(f"iterates_{LEVELS[level]}_{self.nest.dims[dim]}")
            add_if(self.model, total >= 1, literal)
            add_if(self.model, total == 0, ~literal)
            self._iterates[key] = literal
        return self._iterates[key]

    # Logarithms

    def log(self, monomial: Monomial) -> cp_model.LinearExprT:
        """The scaled logarithm of a monomial, up to the rounding of its symbols' logarithms."""
        if monomial not in self._logs:
            self._logs[monomial] = sum(power * self._log_of(symbol) for symbol, power in monomial.powers)
        return self._logs[monomial]

    def _log_of(self, symbol: Symbol) -> cp_model.LinearExprT:
        if isinstance(symbol, FactorOf):
            return self._factor_log((symbol.level,), symbol.dim)
        if isinstance(symbol, WindowOf):
            return self._window_log(symbol)
        return self._invocations_log(symbol)

    def _factor_log(self, levels: Sequence[int], dim: int) -> cp_model.LinearExprT:
        """The logarithm of a tile size: the product of a dimension's factors at some levels."""
        return sum(
            scaled_log(prime) * self.exponents[dim, prime, level]
            for prime, _ in prime_factors(self.nest.bounds[dim])
            for level in levels
        )

    def _window_log(self, window: WindowOf) -> cp_model.IntVar:
        if window not in self._windows:
            index = AffineIndex(window.terms)
            high = scaled_log(index.extent(self.nest.bounds))
            variable = self.model.new_int_var(0, high, "window")
            self._windows[window] = variable
            sizes = [divisors(self.nest.bounds[dim]) for dim, _ in window.terms]
            if math.prod(len(choices) for choices in sizes) <= self._max_combinations:
                self._tabulate(window, variable, list(combinations_of(*sizes)))
            else:
                for dim, _ in window.terms:  # the extent is at least every tile size; one unit for rounding per prime
                    slack = sum(m for _, m in prime_factors(self.nest.bounds[dim]))
                    self.model.add(variable >= self._factor_log(TILE_LEVELS[window.level], dim) - slack)
        return self._windows[window]

    def _tabulate(self, window: WindowOf, variable: cp_model.IntVar, rows: list[tuple[int, ...]]) -> None:
        """One Boolean per combination of tile sizes, tied to the exponents and to the extent's logarithm."""
        chosen = [self.model.new_bool_var("") for _ in rows]
        self.model.add_exactly_one(chosen)
        tile = [1] * len(self.nest.dims)
        logs: list[int] = []
        for row in rows:
            for (dim, _), size in zip(window.terms, row, strict=True):
                tile[dim] = size
            logs.append(scaled_log(AffineIndex(window.terms).extent(tile)))
        self.model.add(variable == sum(log * literal for log, literal in zip(logs, chosen, strict=True)))
        for position, (dim, _) in enumerate(window.terms):
            for prime, _ in prime_factors(self.nest.bounds[dim]):
                powers = [multiplicity_of(row[position], prime) for row in rows]
                total = sum(self.exponents[dim, prime, level] for level in TILE_LEVELS[window.level])
                self.model.add(
                    total == sum(power * literal for power, literal in zip(powers, chosen, strict=True) if power)
                )

    def index_log(self, index: AffineIndex, level: int) -> cp_model.LinearExprT:
        """The logarithm of an index's extent over the tile of a level."""
        if not index.terms:
            return 0
        if len(index.terms) == 1 and abs(index.terms[0][1]) == 1:
            return self._factor_log(TILE_LEVELS[level], index.terms[0][0])
        return self._window_log(WindowOf(level, tuple((dim, abs(a)) for dim, a in index.terms)))

    def _invocations_log(self, symbol: InvocationsOf) -> cp_model.IntVar:
        """At least the axis' extent, or 0 where a literal says that all axes inside are full (and they are)."""
        if symbol not in self._invocations:
            tensor = self.nest.tensors[symbol.tensor]
            index = tensor.index[symbol.axis]
            variable = self.model.new_int_var(0, scaled_log(index.extent(self.nest.bounds)) + 64, "invocations")
            full = self._inside_full(symbol.tensor, symbol.axis)
            add_if(self.model, variable >= self.index_log(index, SPM), *([] if full is None else [~full]))
            self._invocations[symbol] = variable
        return self._invocations[symbol]

    def _inside_full(self, tensor: int, axis: int) -> cp_model.IntVar | None:
        """A literal that may hold only where all axes inside an axis are full; ``None`` where they cannot be."""
        data = self.nest.tensors[tensor]
        inside = [(data.index[a], data.shape[a]) for a in range(axis + 1, len(data.index))]
        if any(index.extent(self.nest.bounds) != size for index, size in inside):
            return None
        literal = self.model.new_bool_var("full")
        for index, _ in inside:
            for dim, _ in index.terms:  # extents grow with every tile size, so that full means every tile is whole
                for prime, multiplicity in prime_factors(self.nest.bounds[dim]):
                    total = sum(self.exponents[dim, prime, level] for level in TILE_LEVELS[SPM])
                    add_if(self.model, total == multiplicity, literal)
        return literal


def multiplicity_of(number: int, prime: int) -> int:
    """How often a prime divides a number."""
    count = 0
    while number % prime == 0:
        number //= prime
        count += 1
    return count
