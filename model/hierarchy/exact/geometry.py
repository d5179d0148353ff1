"""Where the loops of a mapping stand: strides, tiles and the edges along which tensors move (section 4)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from ...loop_nest import AffineIndex, LoopNest, Tensor
from ..level_mapping import LevelMapping, overlapping_axes
from ..resolved_machine import ResolvedMachine


@dataclass(frozen=True)
class Loop:
    """A temporal loop with more than one iteration; each moves the index of ``dim`` by ``stride``."""

    node: int
    dim: int
    trips: int
    stride: int


@dataclass(frozen=True)
class Edge:
    """Two consecutive levels that keep a tensor, by node; ``child`` is the MAC (one past the last) on the innermost.

    ``fanouts``: the fanouts between them, outer to inner.
    """

    tensor: int
    parent: int
    child: int
    fanouts: tuple[int, ...]


@dataclass(frozen=True)
class Geometry:
    """A mapping of a nest onto a machine, asked for its shapes."""

    nest: LoopNest
    machine: ResolvedMachine
    mapping: LevelMapping

    @cached_property
    def strides(self) -> tuple[tuple[int, ...], ...]:
        """``strides[node][dim]``: the product of the factors of all nodes inside; the last row is the MAC's, of 1."""
        rows = [(1,) * len(self.nest.dims)]
        for factors in reversed(self.mapping.factors):
            rows.append(tuple(stride * factor for stride, factor in zip(rows[-1], factors, strict=True)))
        return (*reversed(rows[:-1]), rows[0])

    def tile(self, node: int) -> tuple[int, ...]:
        """Tile sizes by dimension at one instance of a storage level, or of the MAC (1 everywhere)."""
        if node == self.machine.num_nodes:
            return self.strides[node]
        return tuple(s * f for s, f in zip(self.strides[node], self.mapping.factors[node], strict=True))

    @cached_property
    def loops(self) -> tuple[Loop, ...]:
        """The temporal loops of all storage levels, the outermost first."""
        return tuple(
            Loop(level.node, dim, self.mapping.factors[level.node][dim], self.strides[level.node][dim])
            for level in self.machine.levels
            for dim in self.mapping.orders[level.node]
            if self.mapping.factors[level.node][dim] > 1
        )

    def loops_outside(self, node: int) -> tuple[Loop, ...]:
        """The temporal loops of the storage levels outside a node, the outermost first: L(c)."""
        return tuple(loop for loop in self.loops if loop.node < node)

    def instances(self, node: int) -> int:
        """Instances of a node in use: the product of the factors of the fanouts outside it."""
        return math.prod(self.spread(network.node) for network in self.machine.networks if network.node < node)

    def spread(self, fanout: int) -> int:
        """Instances of a fanout in use, for each of its roots."""
        return math.prod(self.mapping.factors[fanout])

    def spread_of(self, fanout: int, tensor: Tensor) -> int:
        """Instances of a fanout that differ in dimensions that index a tensor."""
        return math.prod(self.mapping.factors[fanout][dim] for dim in tensor.dims)

    def steps(self, axis: AffineIndex, fanouts: Iterable[int]) -> list[tuple[int, int]]:
        """How far an axis moves from instance to instance, and how many there are, for each unrolled dimension."""
        return [
            (abs(coefficient) * self.strides[fanout][dim], self.mapping.factors[fanout][dim])
            for fanout in fanouts
            for dim, coefficient in axis.terms
            if self.mapping.factors[fanout][dim] > 1
        ]

    def edges(self, tensor: int) -> tuple[Edge, ...]:
        """The edges of a tensor, the outermost first."""
        keeping = [level.node for level in self.machine.levels if self.mapping.kept[level.node][tensor]]
        ends = [*keeping, self.machine.num_nodes]
        fanouts = [network.node for network in self.machine.networks]
        return tuple(
            Edge(tensor, parent, child, tuple(node for node in fanouts if parent < node < child))
            for parent, child in pairwise(ends)
        )

    @cached_property
    def overlaps(self) -> bool:
        """Whether tiles of the output overlap (section 1)."""
        return bool(overlapping_axes(self.nest))


def extents(tensor: Tensor, tile: Sequence[int]) -> tuple[int, ...]:
    """Elements along every axis of the box that a tile touches, holes included."""
    return tuple(axis.extent(tile) for axis in tensor.index)


def trips_of(loops: Iterable[Loop]) -> int:
    """The product of the loops' trip counts."""
    return math.prod(loop.trips for loop in loops)
