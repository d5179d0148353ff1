"""Divisors and ordered factorisations of loop bounds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..loop_nest import LoopNest
from ..mapping import LEVELS
from .constraints import Constraints
from .legality import pinned_factors


@cache
def prime_factors(number: int) -> tuple[tuple[int, int], ...]:
    """Prime factorisation of a positive integer as (prime, multiplicity), primes rising."""
    factors: list[tuple[int, int]] = []
    rest, prime = number, 2
    while prime * prime <= rest:
        multiplicity = 0
        while rest % prime == 0:
            rest //= prime
            multiplicity += 1
        if multiplicity:
            factors.append((prime, multiplicity))
        prime += 1
    if rest > 1:
        factors.append((rest, 1))
    return tuple(factors)


@cache
def divisors(number: int) -> tuple[int, ...]:
    """All divisors of a positive integer, rising."""
    found = [1]
    for prime, multiplicity in prime_factors(number):
        found = [d * prime**power for d in found for power in range(multiplicity + 1)]
    return tuple(sorted(found))


@cache
def factorisations(number: int) -> tuple[tuple[int, int, int, int], ...]:
    """All ordered factorisations of a bound over the four levels (order: :data:`..mapping.LEVELS`), sorted."""
    return tuple(
        (dram, spm, rf, number // (dram * spm * rf))
        for dram in divisors(number)
        for spm in divisors(number // dram)
        for rf in divisors(number // (dram * spm))
    )


def allowed_factorisations(nest: LoopNest, constraints: Constraints) -> list[NDArray[np.float64]]:
    """For every dimension the factorisations that the constraints leave, of shape (number, 4); possibly none."""
    pins = pinned_factors(nest, constraints)
    options: list[NDArray[np.float64]] = []
    for dim, bound in enumerate(nest.bounds):
        pinned = [(LEVELS.index(pin.level), pin.factor) for pin in pins if pin.dim == dim]
        rows = [row for row in factorisations(bound) if all(row[level] == factor for level, factor in pinned)]
        options.append(np.array(rows, dtype=np.float64).reshape(-1, 4))
    return options


def num_tilings(options: Sequence[NDArray[np.float64]]) -> int:
    """Number of tilings, those that do not fit included."""
    product = 1
    for rows in options:
        product *= len(rows)
    return product
