"""Which loops run at which memory: what ZigZag's allocator makes of an order of all loops.

From the innermost memory outwards, every memory takes as many of the innermost loops that are left as it holds, for
each operand on its own; where operands share it, so many of each that the fewest bits come in from outside
(``opt/loma/memory_allocator.py`` of ZigZag-DSE 3.9.1, mapping type "uneven").
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...exports.zigzag import elements_as_zigzag_counts
from ...loop_nest import LoopNest

Loop = tuple[int, int]
"""A dimension, by position, and how often it iterates."""


class NoRoomError(Exception):
    """A memory does not hold what is unrolled inside it; the text says which."""


@dataclass(frozen=True)
class AllocatedMemory:
    """A memory as the allocator sees it, with the tensors that it holds.

    ``spread[dim]`` is the product of a dimension's factors over the fanouts inside. ``is_top``: it takes all that is
    left. ``doubled``: what is not there in whole takes twice its size.
    """

    name: str
    tensors: tuple[int, ...]
    bits: int
    spread: tuple[int, ...]
    is_top: bool
    doubled: bool


@dataclass(frozen=True)
class OrderedNest:
    """A nest with all its loops in time, the innermost first, and bits of an element of every tensor."""

    nest: LoopNest
    order: tuple[Loop, ...]
    element_bits: tuple[int, ...]

    def allocated(self, memories: Sequence[AllocatedMemory]) -> Iterator[dict[int, int]]:
        """How many loops run inside or at every memory, by tensor; memories from the innermost outwards.

        Raises:
            NoRoomError: for a memory that is too small.
        """
        taken = [0] * len(self.nest.tensors)
        for memory in memories:
            choices = [self._choices(memory, tensor, taken[tensor]) for tensor in memory.tensors]
            whole = (len(self.order),) * len(memory.tensors)
            best = whole if memory.is_top else self._least_traffic(memory, choices)
            for tensor, inside in zip(memory.tensors, best, strict=True):
                taken[tensor] = inside
            yield dict(zip(memory.tensors, best, strict=True))

    def _choices(self, memory: AllocatedMemory, tensor: int, taken: int) -> Mapping[int, int]:
        """Bits of a tensor's tile for every number of loops inside with which a memory holds it."""
        whole = self._size_bits(memory, tensor, len(self.order))
        found: dict[int, int] = {}
        for inside in range(taken, len(self.order) + 1):
            size = self._size_bits(memory, tensor, inside)
            if memory.doubled and inside < len(self.order) and size < whole:
                size *= 2
            if size > memory.bits:
                break
            found[inside] = size
        if not found:
            raise NoRoomError(f"{memory.name} has no room for what is unrolled of {self.nest.tensors[tensor].name}")
        return found

    def _size_bits(self, memory: AllocatedMemory, tensor: int, inside: int) -> int:
        tile = list(memory.spread)
        for dim, trips in self.order[:inside]:
            tile[dim] *= trips
        return elements_as_zigzag_counts(self.nest, self.nest.tensors[tensor], tile) * self.element_bits[tensor]

    def _least_traffic(self, memory: AllocatedMemory, choices: Sequence[Mapping[int, int]]) -> tuple[int, ...]:
        """The numbers of loops inside, by tensor, that fit and bring in the fewest bits; the last of equals."""
        outside = [math.prod(trips for _, trips in self.order[inside:]) for inside in range(len(self.order) + 1)]
        best: tuple[int, ...] | None = None
        least = math.inf
        for inside in itertools.product(*choices):
            sizes = [sizes_of[number] for sizes_of, number in zip(choices, inside, strict=True)]
            traffic = sum(size * outside[number] for size, number in zip(sizes, inside, strict=True))
            if sum(sizes) <= memory.bits and traffic <= least:
                best, least = inside, traffic
        if best is None:
            raise NoRoomError(f"{memory.name} has no room for what is unrolled inside it")
        return best
