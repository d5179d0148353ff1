"""Operands with random words, and what the output must be: by a plain loop nest over the whole iteration space.

Nothing here knows of mappings; the executor shares none of it but the operands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..loop_nest import AffineIndex, LoopNest
from .walked_loops import BoolArray, IntArray

_POINTS_AT_ONCE = 1 << 18
_SAFE_BITS = 62


@dataclass(frozen=True)
class Operands:
    """Words of every tensor that is read (by its position in the nest), one value for each index that it reaches."""

    values: dict[int, IntArray]


@dataclass(frozen=True)
class ExpectedOutput:
    """What the output must hold; ``touched``: where anything is accumulated at all (holes of a stride are not)."""

    values: IntArray
    touched: BoolArray


def random_operands(nest: LoopNest, seed: int = 0) -> Operands:
    """Operands of random words, positive and negative, so small that no sum of products leaves 64 bits."""
    random = np.random.default_rng(seed)
    reads = [t for t, tensor in enumerate(nest.tensors) if not tensor.is_output]
    bits = (_SAFE_BITS - nest.num_macs.bit_length()) // max(1, len(reads))
    limit = 1 << min(20, bits)
    return Operands({t: random.integers(-limit, limit + 1, size=_size(nest, t), dtype=np.int64) for t in reads})


def expected_output(nest: LoopNest, operands: Operands) -> ExpectedOutput:
    """The output by numpy: all points of the iteration space, gathered, multiplied and added up."""
    size = _size(nest, nest.output)
    values, touched = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.bool_)
    for start in range(0, nest.num_macs, _POINTS_AT_ONCE):
        points = np.arange(start, min(start + _POINTS_AT_ONCE, nest.num_macs))
        index = np.unravel_index(points, nest.bounds)
        product = np.ones(len(points), dtype=np.int64)
        for t, words in operands.values.items():
            product *= words[_words(nest, t, index)]
        at = _words(nest, nest.output, index)
        np.add.at(values, at, product)
        touched[at] = True
    return ExpectedOutput(values, touched)


def _range(index: AffineIndex, bounds: tuple[int, ...]) -> tuple[int, int]:
    """The smallest value of an index without its constant, and how many values there are up to the largest."""
    ends = [coefficient * (bounds[dim] - 1) for dim, coefficient in index.terms]
    lowest, highest = sum(min(0, end) for end in ends), sum(max(0, end) for end in ends)
    return lowest, highest - lowest + 1


def _size(nest: LoopNest, tensor: int) -> int:
    return math.prod(_range(index, nest.bounds)[1] for index in nest.tensors[tensor].index)


def _words(nest: LoopNest, tensor: int, points: tuple[IntArray, ...]) -> IntArray:
    """Positions of the words of a tensor that some points of the iteration space touch."""
    found = np.zeros(len(points[0]), dtype=np.int64)
    for index in nest.tensors[tensor].index:
        lowest, number = _range(index, nest.bounds)
        found = found * number - lowest
        for dim, coefficient in index.terms:
            found += coefficient * points[dim]
    return found
