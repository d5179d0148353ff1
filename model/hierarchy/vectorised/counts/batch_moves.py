"""Words that move along the edges into one end: unions, halo and demand, for a batch of mappings (section 5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...accountings import Accounting
from ...resolved_machine import Network
from ..count_bounds import offset_bits
from ..mapping_arrays import Ints, Mask
from .batch_ends import EdgesInto
from .batch_shapes import BatchShapes, product
from .covered_words import UnrolledAxis


@dataclass(frozen=True)
class Together:
    """What the instances of some fanouts ask for together.

    ``scale``: a factor of all words (`None`: 1): copies for instances that share nothing, and along the axes that are
    `None` in ``axes``, where no intervals ever meet.
    """

    scale: Ints | None
    axes: tuple[UnrolledAxis | None, ...]

    def along(self, lengths: Sequence[Ints]) -> list[Ints]:
        """Words along each axis for boxes of given lengths, without the scale."""
        return [n if axis is None else axis.covered(n) for axis, n in zip(self.axes, lengths, strict=True)]

    def scaled(self, words: Ints) -> Ints:
        """Words with the scale."""
        return words if self.scale is None else words * self.scale

    def with_scale(self, factors: Sequence[Ints]) -> Together:
        """The same with more factors of all words."""
        scales = [*factors] if self.scale is None else [self.scale, *factors]
        return Together(product(scales, scales[0]), self.axes)


def together_over(shapes: BatchShapes, counted: Accounting, tensor: int, networks: Sequence[Network]) -> list[Together]:
    """What the instances of the first 0, 1, ... of some fanouts ask for together; the innermost is the first."""
    axes = shapes.nest.tensors[tensor].index
    meets = [counted.shares_equal_words and len(axis.terms) > 1 for axis in axes]
    shift = offset_bits(shapes.nest)
    found = [Together(None, tuple(UnrolledAxis(shift) if meet else None for meet in meets))]
    for network in networks:
        node, inner = network.node, found[-1]
        if not any(shapes.unrolled[node]):
            found.append(inner)
        elif not network.multicast[tensor]:
            found.append(inner.with_scale([shapes.spread[node]]))
        elif not counted.shares_equal_words:
            found.append(inner.with_scale([shapes.spread_of[tensor][node]]))
        else:
            found.append(_unrolled(shapes, inner, tensor, node))
    return found


def _unrolled(shapes: BatchShapes, inner: Together, tensor: int, node: int) -> Together:
    """What instances ask for together over one more fanout that shares words."""
    scale: list[Ints] = []
    axes: list[UnrolledAxis | None] = []
    for unrolled, index in zip(inner.axes, shapes.nest.tensors[tensor].index, strict=True):
        axis = unrolled
        for dim, coefficient in index.terms:
            if not shapes.unrolled[node][dim]:
                continue
            if axis is None:
                scale.append(shapes.factors[node, dim])
            else:
                axis = axis.unrolled(abs(coefficient) * shapes.tiles[node + 1, dim], shapes.factors[node, dim])
        axes.append(axis)
    changed = Together(inner.scale, tuple(axes))
    return changed.with_scale(scale) if scale else changed


class EndMoves:
    """What moves into one end for one tensor, for the instances of the innermost 0, 1, ... of the fanouts outside it.

    Lists are by the number of these fanouts: the longest of the edges has them all.
    """

    def __init__(self, into: EdgesInto, counted: Accounting) -> None:
        shapes, tensor, end = into.shapes, into.tensor, into.child
        self.shapes, self.counted, self.tensor, self.end, self.networks = shapes, counted, tensor, end, into.networks
        self.visits = shapes.visits(tensor, counted)[end]
        self.extents = [extents[end] for extents in shapes.extents[tensor]]
        self._ones: Ints = np.ones(shapes.size, dtype=np.int64)

    @property
    def has_halo(self) -> bool:
        """Whether only words that were not in the previous tile move."""
        shapes = self.shapes
        return self.end != shapes.mac and shapes.machine.levels[self.end].halo and self.tensor != shapes.nest.output

    @cached_property
    def together(self) -> list[Together]:
        """What the instances of the innermost 0, 1, ... fanouts ask for together."""
        return together_over(self.shapes, self.counted, self.tensor, self.networks)

    @cached_property
    def _whole(self) -> list[list[Ints]]:
        """Words along each axis of whole tiles."""
        return [together.along(self.extents) for together in self.together]

    @cached_property
    def of_visit(self) -> list[Ints]:
        """Words of one visit that brings whole tiles."""
        return [t.scaled(product(whole, self._ones)) for t, whole in zip(self.together, self._whole, strict=True)]

    @cached_property
    def in_all(self) -> list[Ints]:
        """Words of the whole run: dem."""
        if not self.has_halo:
            return [self.visits * words for words in self.of_visit]
        total = [words.copy() for words in self.of_visit]
        for position, carried in self.carried():
            advances = self.shapes.through[position] - self.shapes.outside(position)
            for words, more in zip(total, carried, strict=True):
                words += advances * more
        return total

    def carried(self) -> Iterator[tuple[int, list[Ints]]]:
        """By loop position, the innermost first: words of one visit that the loop's advance begins, with halo.

        0 where there is no loop or the advance does not move the tile.
        """
        wrapped = [np.zeros(self.shapes.size, dtype=np.int64) for _ in self.extents]
        for position in reversed(range(self.shapes.loops_outside(self.end))):
            trips = self.shapes.trips[position]
            own = [moves[position] for moves in self.shapes.moves[self.tensor]]
            shifts = [np.abs(move - back) for move, back in zip(own, wrapped, strict=True)]
            moved: Mask = self.shapes.is_loop[position] & np.logical_or.reduce([shift > 0 for shift in shifts])
            if moved.any():
                yield position, [words * moved for words in self._after(shifts)]
            wrapped = [back + move * (trips - 1) for move, back in zip(own, wrapped, strict=True)]

    def _after(self, shifts: Sequence[Ints]) -> list[Ints]:
        """Words of one visit after the tile moved by some distance along each axis."""
        left = [np.minimum(extent, shift) for extent, shift in zip(self.extents, shifts, strict=True)]
        found: list[Ints] = []
        for together, whole in zip(self.together, self._whole, strict=True):
            staying = [all_ - new for all_, new in zip(whole, together.along(left), strict=True)]
            found.append(together.scaled(product(whole, self._ones) - product(staying, self._ones)))
        return found
