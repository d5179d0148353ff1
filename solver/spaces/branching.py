"""Growing arrays of partial tilings: one dimension's factor at one level after the other, in bounded memory.

A partial tiling is a tiling: what is not chosen yet stands in some level, from which further factors are split off.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...model.dmazerunner.constraints import Constraints
from ...model.dmazerunner.factorisations import divisors
from ...model.dmazerunner.legality import pinned_factors
from ...model.dmazerunner.vectorised.batch import Array, Mask
from ...model.loop_nest import LoopNest
from ...model.mapping import LEVELS

Indices = NDArray[np.int64]

MOST_ROWS = 1 << 15
"""Partial tilings per array: large enough for numpy, small enough to stay in the cache."""

MOST_BYTES = 1 << 26
"""Bytes of all arrays that are held while one grows, one for each dimension and level still to be chosen."""

Keep = Callable[[Array, Sequence[int]], Mask]
"""Which partial tilings are worth growing; it gets the dimensions that are still to be chosen."""

Dropped = Callable[[Array, Sequence[int]], None]
"""Called with the partial tilings that are not, and the dimensions that were still to be chosen."""


@dataclass(frozen=True)
class Step:
    """The choice of one dimension's factor at one level.

    ``left`` lists what may be left of the bound (its divisors, rising). For the i-th of them the choices are
    ``factors[first[i] : first[i] + count[i]]``, rising.
    """

    level: int
    dim: int
    left: Array
    first: Indices
    count: Indices
    factors: Array


def steps(
    nest: LoopNest, constraints: Constraints, level: int, *, chosen: Sequence[int], left: Sequence[int]
) -> tuple[Step, ...]:
    """The choices of all dimensions' factors at a level, those with the fewest first.

    A factor is the product of those of the levels ``chosen``; what it leaves is that of the levels ``left``. Factors
    that the constraints pin are no choice, and no choice leaves anything that pinned factors do not divide.
    """
    found = (
        _step(level, dim, bound, _products(bound, pins, chosen), _products(bound, pins, left))
        for dim, (bound, pins) in enumerate(zip(nest.bounds, _pins(nest, constraints), strict=True))
    )
    return tuple(sorted(found, key=lambda step: len(step.factors)))


def _pins(nest: LoopNest, constraints: Constraints) -> list[dict[int, set[int]]]:
    """For every dimension the pinned factors by level; several different ones leave no choice."""
    pins: list[dict[int, set[int]]] = [{} for _ in nest.dims]
    for pin in pinned_factors(nest, constraints):
        pins[pin.dim].setdefault(LEVELS.index(pin.level), set()).add(pin.factor)
    return pins


def _products(bound: int, pins: dict[int, set[int]], levels: Sequence[int]) -> frozenset[int]:
    """Products of one dimension's factors over some levels, as far as they divide the bound."""
    pinned = [pins[level] for level in levels if level in pins]
    product = math.prod(min(factors) for factors in pinned)
    if any(len(factors) > 1 for factors in pinned) or bound % product:
        return frozenset()
    if len(pinned) == len(levels):
        return frozenset({product})
    return frozenset(product * factor for factor in divisors(bound // product))


def _step(level: int, dim: int, bound: int, chosen: frozenset[int], rest: frozenset[int]) -> Step:
    left = divisors(bound)
    choices = [[factor for factor in divisors(n) if factor in chosen and n // factor in rest] for n in left]
    count = np.array([len(factors) for factors in choices], dtype=np.int64)
    flat = np.array([factor for factors in choices for factor in factors], dtype=np.float64)
    return Step(level, dim, np.array(left, dtype=np.float64), np.cumsum(count) - count, count, flat)


def most_rows(nest: LoopNest) -> int:
    """Partial tilings per array: fewer for nests of many dimensions, of which more arrays are held at a time."""
    cells = len(LEVELS) * len(nest.dims)
    return min(MOST_ROWS, max(1, MOST_BYTES // (8 * cells * cells)))


def grow(
    partial: Array,
    source: int,
    steps_left: Sequence[Step],
    most: int,
    go_on: Callable[[], None],
    keep: Keep | None = None,
    dropped: Dropped | None = None,
) -> Iterator[Array]:
    """Take steps one after the other; arrays of at most ``most`` tilings, in the order of ``partial``.

    ``go_on`` is called often; what it raises ends the growth.
    """
    go_on()
    if partial.shape[2] == 0:
        return
    if not steps_left:
        yield partial
        return
    step, rest = steps_left[0], steps_left[1:]
    open_dims = [later.dim for later in rest]
    for grown in split_off(partial, source, step, most):
        if keep is not None:
            mask = keep(grown, open_dims)
            if dropped is not None:
                dropped(chosen_of(grown, ~mask), open_dims)
            grown = chosen_of(grown, mask)
        yield from grow(grown, source, rest, most, go_on, keep, dropped)


def split_off(partial: Array, source: int, step: Step, most: int) -> Iterator[Array]:
    """Every partial tiling with every factor that a step may choose; the rest stays in the level ``source``."""
    sizes: Array = partial[source, step.dim]
    position = np.searchsorted(step.left, sizes)
    for row, number in spread(step.count[position], most):
        factors = step.factors[step.first[position[row]] + number]
        yield _with_factors(np.take(partial, row, axis=2), source, step, factors)


def _with_factors(tilings: Array, source: int, step: Step, factors: Array) -> Array:
    """The tilings, in place, with factors moved from the level ``source`` to the step's."""
    tilings[step.level, step.dim] = factors
    tilings[source, step.dim] /= factors
    return tilings


def spread(counts: Indices, most: int) -> Iterator[tuple[Indices, Indices]]:
    """Every row as often as its count says, with the number of its repetition; at most ``most`` at a time.

    Example:
        >>> [(rows.tolist(), numbers.tolist()) for rows, numbers in spread(np.array([2, 0, 3]), 4)]
        [([0, 0, 2, 2], [0, 1, 0, 1]), ([2], [2])]
    """
    ends = np.cumsum(counts)
    starts = ends - counts
    total = int(ends[-1]) if len(ends) else 0
    for low in range(0, total, most):
        high = min(low + most, total)
        first, last = (int(np.searchsorted(ends, place, side="right")) for place in (low, high - 1))
        inside = np.minimum(ends[first : last + 1], high) - np.maximum(starts[first : last + 1], low)
        rows = np.repeat(np.arange(first, last + 1), inside)
        yield rows, np.arange(low, high) - starts[rows]


def chosen_of(tilings: Array, mask: Mask) -> Array:
    """The tilings where a mask holds; the array itself where it holds everywhere."""
    return tilings if mask.all() else np.take(tilings, np.flatnonzero(mask), axis=2)
