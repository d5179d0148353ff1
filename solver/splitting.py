"""Growing arrays of partial tilings: one dimension's factor at one level after the other.

A partial tiling is a tiling: what is not chosen yet stands in some level, from which further factors are split off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..model.batch import Array
from ..model.constraints import Constraints
from ..model.legality import pinned_factors
from ..model.loop_nest import LoopNest
from ..model.mapping import LEVELS
from ..model.tilings import divisors


@dataclass(frozen=True)
class Step:
    """The choice of one dimension's factor at one level; ``only`` is the factor that a constraint pins."""

    level: int
    dim: int
    only: frozenset[int] | None


def steps_of_level(nest: LoopNest, constraints: Constraints, level: int) -> tuple[Step, ...]:
    """The choices of all dimensions' factors at a level, in the nest's order of dimensions."""
    pinned: dict[int, frozenset[int]] = {}
    for pin in pinned_factors(nest, constraints):
        if LEVELS.index(pin.level) == level:
            factor = frozenset({pin.factor})
            pinned[pin.dim] = pinned.get(pin.dim, factor) & factor
    return tuple(Step(level, dim, pinned.get(dim)) for dim in range(len(nest.dims)))


def split_off(partial: Array, source: int, step: Step) -> Array:
    """Every partial tiling with every factor that a step may choose; the rest stays in the level ``source``."""
    left = partial[source, step.dim]
    values, position = np.unique(left, return_inverse=True)
    pieces: list[Array] = []
    for number, value in enumerate(values):
        rows = partial[:, :, position == number]
        for factor in divisors(int(value)):
            if step.only is None or factor in step.only:
                grown = rows.copy()
                grown[step.level, step.dim] = factor
                grown[source, step.dim] = value / factor
                pieces.append(grown)
    return np.concatenate(pieces, axis=2) if pieces else partial[:, :, :0]
