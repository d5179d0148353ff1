"""Perfectly nested loops as data: dimensions with bounds, and tensors indexed by affine expressions.

Source: ``execution_model.md`` section 1. A convolution, a depthwise convolution and a matrix product are all values
of :class:`LoopNest`; nothing downstream asks which of them it is looking at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

MAX_MACS = 2**48
"""Largest number of multiply-accumulates of one layer.

With it, the operation counts of every mapping worth choosing stay below 2**53, so that the vectorised model (binary64)
counts exactly what the one-at-a-time model (Python integers) counts.
"""


@dataclass(frozen=True)
class AffineIndex:
    """One tensor dimension's index: ``sum(coefficient * loop variable) + constant``.

    ``terms`` holds (position of the dimension in the nest, coefficient) pairs with distinct positions and non-zero
    coefficients.
    """

    terms: tuple[tuple[int, int], ...]
    constant: int = 0

    def extent(self, tile: Sequence[int]) -> int:
        """Distinct index values between the first and the last one touched, for tile sizes by dimension."""
        return sum(abs(coefficient) * (tile[dim] - 1) for dim, coefficient in self.terms) + 1


@dataclass(frozen=True)
class Tensor:
    """A tensor of the nest; ``index`` and ``shape`` (stored elements) run from the outermost storage dimension in."""

    name: str
    index: tuple[AffineIndex, ...]
    shape: tuple[int, ...]
    is_output: bool = False

    @cached_property
    def dims(self) -> frozenset[int]:
        """Positions of the dimensions that index this tensor."""
        return frozenset(dim for index in self.index for dim, _ in index.terms)

    def footprint(self, tile: Sequence[int]) -> int:
        """Elements of this tensor that a tile touches (holes included, as published)."""
        return math.prod(index.extent(tile) for index in self.index)


@dataclass(frozen=True)
class LoopNest:
    """A perfectly nested loop around one multiply-accumulate.

    ``window_dims`` are the positions of the kernel-window dimensions (Fx and Fy of a convolution), which the rule
    *no feature from DRAM* keeps whole below DRAM; empty for a matrix product or a general nest.
    """

    dims: tuple[str, ...]
    bounds: tuple[int, ...]
    tensors: tuple[Tensor, ...]
    window_dims: frozenset[int] = frozenset()

    @cached_property
    def output(self) -> int:
        """Position of the output among the tensors."""
        return next(position for position, tensor in enumerate(self.tensors) if tensor.is_output)

    @cached_property
    def num_macs(self) -> int:
        """Multiply-accumulates of the whole nest."""
        return math.prod(self.bounds)

    @cached_property
    def rf_accesses_per_mac(self) -> int:
        """Register-file accesses of one multiply-accumulate: every operand is read, the output is written."""
        return len(self.tensors) + 1

    def missing_dims(self, tensor: int) -> frozenset[int]:
        """Positions of the dimensions that do not index a tensor: the loops over which it can be reused."""
        return frozenset(range(len(self.dims))) - self.tensors[tensor].dims

    @cached_property
    def key(self) -> tuple[object, ...]:
        """What determines the cost of every mapping of this nest: equal keys mean interchangeable layers."""
        tensors = tuple((t.is_output, t.name, t.index, t.shape) for t in self.tensors)
        return self.dims, self.bounds, tensors, tuple(sorted(self.window_dims))
