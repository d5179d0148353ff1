"""Perfectly nested loops as data: dimensions with bounds, and tensors indexed by affine expressions.

Source: ``docs/model.md`` section 1. A convolution, a depthwise convolution and a matrix product are all values
of :class:`LoopNest`; nothing downstream asks which of them it is looking at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

MAX_MACS = 2**48
"""Largest number of multiply-accumulates of one layer.

With it, the operation counts of every mapping worth choosing stay below 2**53, so that the vectorised model (binary64)
counts exactly what the one-at-a-time model (Python integers) counts.
"""

_MOST_TERMS = 10
"""Terms of an index whose tiles are looked at together; the others count with their steps."""


@dataclass(frozen=True)
class AffineIndex:
    """One tensor dimension's index: ``sum(coefficient * loop variable) + constant``."""

    terms: tuple[tuple[int, int], ...]
    """Pairs of the position of a dimension in the nest, each once, and its coefficient, which is not 0."""
    constant: int = 0
    """What is added to the sum."""

    def extent(self, tile: Sequence[int]) -> int:
        """Distinct index values between the first and the last one touched, for tile sizes by dimension."""
        return sum(abs(coefficient) * (tile[dim] - 1) for dim, coefficient in self.terms) + 1


@dataclass(frozen=True)
class Tensor:
    """A tensor of the nest."""

    name: str
    """Name of the tensor."""
    index: tuple[AffineIndex, ...]
    """One affine expression for each storage dimension, the outermost first."""
    shape: tuple[int, ...]
    """Stored elements along each storage dimension."""
    is_output: bool = False
    """Whether it is the one that is accumulated into."""

    @cached_property
    def dims(self) -> frozenset[int]:
        """Positions of the dimensions that index this tensor."""
        return frozenset(dim for index in self.index for dim, _ in index.terms)

    def is_injective(self, bounds: Sequence[int]) -> bool:
        """Whether loops that index this tensor surely never meet in one element; false where they may.

        An index tells its loops apart when every step exceeds what the smaller ones reach together.

        Example:
            >>> up = Tensor("y", (AffineIndex(((0, 2), (1, 1))),), shape=(9,))  # y[2*i + f]
            >>> up.is_injective((4, 2)), up.is_injective((4, 3))
            (True, False)
        """
        known = {dim for dim in self.dims if bounds[dim] == 1}
        left = list(self.index)
        while apart := [index for index in left if _tells_apart(index, known, bounds)]:
            known |= {dim for index in apart for dim, _ in index.terms}
            left = [index for index in left if index not in apart]
        return known >= self.dims

    def footprint(self, tile: Sequence[int]) -> int:
        """Elements of this tensor that a tile touches (holes included, as published)."""
        return math.prod(index.extent(tile) for index in self.index)

    def most_words_per_element(self, bounds: Sequence[int]) -> int:
        """The most words of a tile, holes included, for each iteration that indexes it, rounded up; over all tiles.

        An index spans 1 + sum(|c| (t - 1)) values over a product of t iterations, which is monotone in every t: it is
        largest where each is 1 or its bound.

        Example:
            >>> Tensor("x", (AffineIndex(((0, 5), (1, 1))),), shape=(13,)).most_words_per_element((2, 3))
            3
        """
        return math.prod(math.ceil(_widest(index, bounds)) for index in self.index)


def _widest(index: AffineIndex, bounds: Sequence[int]) -> Fraction:
    """The largest share of extent and iterations of an index over all tiles."""
    if all(abs(coefficient) <= 1 for _, coefficient in index.terms):
        return Fraction(1)
    tiles = [{dim: 1 for dim, _ in index.terms}]
    for dim, _ in index.terms[:_MOST_TERMS]:
        tiles += [tile | {dim: bounds[dim]} for tile in tiles if bounds[dim] > 1]
    rest = sum(abs(coefficient) for _, coefficient in index.terms[_MOST_TERMS:])
    reach = (sum(abs(c) * (tile[dim] - 1) for dim, c in index.terms) + 1 for tile in tiles)
    return max(Fraction(span, math.prod(tile.values())) for span, tile in zip(reach, tiles, strict=True)) + rest


def _tells_apart(index: AffineIndex, known: set[int], bounds: Sequence[int]) -> bool:
    """Whether an index has one value for all loops but those known apart."""
    reach = 0
    for step, dim in sorted((abs(step), dim) for dim, step in index.terms if dim not in known):
        if step <= reach:
            return False
        reach += step * (bounds[dim] - 1)
    return True


@dataclass(frozen=True)
class LoopNest:
    """A perfectly nested loop around one multiply-accumulate.

    Mappings and tensors speak of a dimension by its position.
    """

    dims: tuple[str, ...]
    """Names of the dimensions."""
    bounds: tuple[int, ...]
    """Trip count of each dimension."""
    tensors: tuple[Tensor, ...]
    """The operands and the output."""
    window_dims: frozenset[int] = frozenset()
    """Positions of the dimensions of a kernel window (Fx and Fy of a convolution), which the rule *no feature from
    DRAM* keeps whole below DRAM; empty for a matrix product or a general nest."""

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

    def with_bounds(self, bounds: Sequence[int]) -> LoopNest:
        """This nest with other bounds; tensors are stored larger where an index reaches beyond their shape.

        Example:
            >>> row = Tensor("x", (AffineIndex(((0, 2),)),), shape=(6,), is_output=True)  # x[2*i], stored with a margin
            >>> [LoopNest(("i",), (3,), (row,)).with_bounds((n,)).tensors[0].shape for n in (3, 4)]
            [(6,), (7,)]
        """
        tensors = tuple(
            replace(t, shape=tuple(max(s, i.extent(bounds)) for s, i in zip(t.shape, t.index, strict=True)))
            for t in self.tensors
        )
        return replace(self, bounds=tuple(bounds), tensors=tensors)

    def padded(self, bounds: Mapping[str, int]) -> LoopNest:
        """This nest with the bounds of some dimensions raised, as :meth:`with_bounds` does.

        Raises:
            ValueError: one line per fault, at a dimension: an unknown one, a bound below its own, too large a nest.
        """
        own = dict(zip(self.dims, self.bounds, strict=True))
        faults = [f"{name}: unknown dimension; expected one of {', '.join(own)}" for name in bounds if name not in own]
        low = {name: to for name, to in bounds.items() if to < own.get(name, to)}
        faults += [f"{name}: expected at least the bound {own[name]}, got {to}" for name, to in low.items()]
        macs = math.prod({**own, **bounds}.values())
        if not faults and macs > MAX_MACS:
            limit = f"at most 2**48 = {MAX_MACS} multiply-accumulates"
            faults = [f"{name}: expected bounds with {limit}, got {macs}" for name in list(bounds)[:1]]
        if faults:
            raise ValueError("\n".join(faults))
        return self.with_bounds([bounds.get(name, bound) for name, bound in own.items()])

    @cached_property
    def key(self) -> tuple[object, ...]:
        """What determines the cost of every mapping of this nest: equal keys mean interchangeable layers."""
        tensors = tuple((t.is_output, t.name, t.index, t.shape) for t in self.tensors)
        return self.dims, self.bounds, tensors, tuple(sorted(self.window_dims))
