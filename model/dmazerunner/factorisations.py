"""Divisors and ordered factorisations of loop bounds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache

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


def factorisations(number: int) -> tuple[tuple[int, ...], ...]:
    """All ordered factorisations of a bound over the four levels (order: :data:`..mapping.LEVELS`), sorted.

    Example:
        >>> factorisations(2)
        ((1, 1, 1, 2), (1, 1, 2, 1), (1, 2, 1, 1), (2, 1, 1, 1))
    """
    return tuple(map(tuple, factorisation_rows(number).tolist()))


@lru_cache(maxsize=4)
def factorisation_rows(number: int) -> NDArray[np.int32]:
    """The same as an array with a row for each; not to be changed.

    There are 5 million at most, of bounds below 2**31: no loop of Python runs over them.
    """
    known = np.array(divisors(number), dtype=np.int32)
    by_rest = [np.array(divisors(rest), dtype=np.int32) for rest in known.tolist()]
    counts, flat = np.array([len(found) for found in by_rest]), np.concatenate(by_rest)
    ends = np.cumsum(counts)
    columns, rest = list[NDArray[np.int32]](), np.array([number], dtype=np.int32)
    for _ in range(len(LEVELS) - 1):
        place = np.searchsorted(known, rest)
        repeats = counts[place]
        last = np.cumsum(repeats)
        start = np.repeat(ends[place] - last, repeats)  # of the divisors of what is left, less what stands before them
        factors = flat[start + np.arange(last[-1])]
        columns = [*(np.repeat(column, repeats) for column in columns), factors]
        rest = np.repeat(rest, repeats) // factors
    rows = np.stack([*columns, rest], axis=1)
    rows.flags.writeable = False
    return rows


def allowed_factorisations(nest: LoopNest, constraints: Constraints) -> list[NDArray[np.float64]]:
    """For every dimension the factorisations that the constraints leave, of shape (number, 4); possibly none."""
    pins = pinned_factors(nest, constraints)
    options: list[NDArray[np.float64]] = []
    for dim, bound in enumerate(nest.bounds):
        rows = factorisation_rows(bound)
        for pin in pins:
            if pin.dim == dim:
                rows = rows[rows[:, LEVELS.index(pin.level)] == pin.factor]
        options.append(rows.astype(np.float64))
    return options


def num_tilings(options: Sequence[NDArray[np.float64]]) -> int:
    """Number of tilings, those that do not fit included."""
    product = 1
    for rows in options:
        product *= len(rows)
    return product
