"""Which loop bounds may be padded to what: values with more divisors than any smaller one, within a percentage.

A padded nest is an ordinary nest with larger bounds: all its iterations are counted and paid for. The space of a
padded search is that of a few such nests together, the unpadded one among them (``docs/cache_and_padding.md``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...model.dmazerunner.factorisations import divisors
from ...model.dmazerunner.legality import pinned_factors
from ...model.documents.kinds.any_constraints import AnyConstraints
from ...model.documents.spec import SolverOptions
from ...model.hierarchy.constraints.level_constraints import LevelConstraints
from ...model.loop_nest import MAX_MACS, LoopNest
from ...model.mapping import LEVELS

MAX_VARIANTS = 16
"""Nests searched for one layer, the unpadded one included."""

FARTHEST = 1 << 16
"""How far above a bound one is looked for, whatever the percentage: it keeps bounds of billions quick."""

Promise = tuple[Fraction, int]
"""What bounds are sorted by, most promising first: their coarseness, then their iterations."""


def padded_bounds(bound: int, percent: float) -> tuple[int, ...]:
    """The bound, and every larger one within the percentage that has more divisors than any between, rising.

    Example:
        >>> padded_bounds(107, 5)
        (107, 108)
        >>> padded_bounds(50257, 5)
        (50257, 50258, 50260, 50274, 50400)
    """
    room = min(math.floor(Fraction(percent) * bound / 100), FARTHEST)
    found, most = [bound], 0
    for candidate, number in enumerate(_numbers_of_divisors(bound, bound + room).tolist(), start=bound):
        if candidate > bound and number > most:
            found.append(candidate)
        most = max(most, number)
    return tuple(found)


def _numbers_of_divisors(first: int, last: int) -> NDArray[np.int64]:
    """How many divisors every number from the first to the last has: both of each pair that multiplies to it."""
    numbers = np.zeros(last - first + 1, dtype=np.int64)
    for smaller in range(1, math.isqrt(last) + 1):
        square = smaller * smaller
        numbers[max(square, -(-first // smaller) * smaller) - first :: smaller] += 2
        if square >= first:
            numbers[square - first] -= 1
    return numbers


def num_combinations(nest: LoopNest, percent: float) -> int:
    """Number of ways to pad the bounds of a nest, not to pad included."""
    return math.prod(len(padded_bounds(bound, percent)) for bound in nest.bounds)


def choices_of_bounds(nest: LoopNest, constraints: AnyConstraints, options: SolverOptions) -> tuple[LoopNest, ...]:
    """The nests to be searched for one layer, its own first; no others where bounds are not to be padded."""
    return variants(nest, constraints, options.pad_percent) if options.pad_bounds else (nest,)


def variants(nest: LoopNest, constraints: AnyConstraints, percent: float) -> tuple[LoopNest, ...]:
    """The nests to search in place of one: itself first, then its most promising paddings.

    A combination of bounds is the more promising the finer its steps between neighbouring divisors are (the product
    over all dimensions of the largest ratio of two neighbours), and among those as fine the fewer iterations it has.
    Combinations that the constraints' fixed factors do not divide, or that are too large a nest, are left out.
    """
    room = MAX_VARIANTS + 1  # the unpadded combination may be among the best
    best: list[tuple[Promise, tuple[int, ...]]] = [((Fraction(1), 1), ())]
    for dim, bound in enumerate(nest.bounds):
        options = [b for b in padded_bounds(bound, percent) if b == bound or _admitted(nest, constraints, dim, b)]
        steps = [(option, _coarseness(option)) for option in options]
        grown = [((p[0] * step, p[1] * option), (*chosen, option)) for p, chosen in best for option, step in steps]
        best = sorted(grown)[:room]
    others = [nest.with_bounds(chosen) for _, chosen in best if chosen != nest.bounds]
    return (nest, *[padded for padded in others if _is_modelled(padded)][: MAX_VARIANTS - 1])


def _coarseness(bound: int) -> Fraction:
    """The largest ratio of neighbouring divisors: 2 for 108, 7/2 for 14, 1 for 1, a prime itself for a prime."""
    return max((Fraction(larger, smaller) for smaller, larger in pairwise(divisors(bound))), default=Fraction(1))


def _admitted(nest: LoopNest, constraints: AnyConstraints, dim: int, bound: int) -> bool:
    """Whether the factors that constraints pin leave any factorisation of a dimension's bound."""
    if isinstance(constraints, LevelConstraints):
        return bound % math.prod(constraints.fixed.get(nest.dims[dim], {}).values()) == 0
    pinned = {pin.level: pin.factor for pin in pinned_factors(nest, constraints) if pin.dim == dim}
    product = math.prod(pinned.values())
    return product == bound if len(pinned) == len(LEVELS) else bound % product == 0


def _is_modelled(nest: LoopNest) -> bool:
    """Whether a nest is within the sizes that the exact model counts without rounding."""
    largest = max((tensor.footprint(nest.bounds) for tensor in nest.tensors), default=0)
    return max(nest.num_macs, largest) <= MAX_MACS


def padding_of(nest: LoopNest, padded: LoopNest) -> dict[str, tuple[int, int]]:
    """For every dimension that is padded its own bound and the padded one."""
    both: Sequence[tuple[str, int, int]] = list(zip(nest.dims, nest.bounds, padded.bounds, strict=True))
    return {name: (own, to) for name, own, to in both if to != own}
