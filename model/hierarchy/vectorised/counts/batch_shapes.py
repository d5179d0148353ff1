"""Where the loops of a batch of mappings stand: tiles, instances, loops outside and visits (sections 4 and 5).

The last axis of every array is the batch. ``end``: an end of an edge: a level by its place among the storage levels,
or the MAC after the last.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ....loop_nest import AffineIndex, LoopNest
from ...accountings import Accounting
from ...level_mapping import overlapping_axes
from ...resolved_machine import ResolvedMachine
from ..mapping_arrays import Ints, MappingArrays, Mask


class BatchShapes:
    """The shapes of a batch of mappings, most of them computed when first asked for."""

    def __init__(self, nest: LoopNest, machine: ResolvedMachine, arrays: MappingArrays) -> None:
        self.nest, self.machine, self.size = nest, machine, arrays.size
        self.nodes = [level.node for level in machine.levels] + [machine.num_nodes]
        """The nodes of the ends."""
        self.mac = len(machine.levels)
        """The end that is the MAC."""
        self.factors: Ints = np.ascontiguousarray(np.moveaxis(arrays.factors, 0, 2), dtype=np.int64)
        self.tiles = self._tiles()
        """``tiles[node, dim]``: the product of the factors of a node and all inside; the stride of the node before."""
        self.spread: Ints = np.multiply.reduce(self.factors, axis=1)
        """``spread[node]``: the product of a node's factors."""
        self._visits: dict[int, Ints] = {}
        self._orders = np.moveaxis(arrays.orders[:, : self.mac - 1], 0, 2)
        self.kept: Mask = np.ascontiguousarray(np.moveaxis(arrays.kept, 0, 2))
        """``kept[level, tensor]``."""

    def _tiles(self) -> Ints:
        nodes, dims, size = self.factors.shape
        tiles = np.ones((nodes + 1, dims, size), dtype=np.int64)
        for node in reversed(range(nodes)):
            np.multiply(self.factors[node], tiles[node + 1], out=tiles[node])
        return tiles

    @cached_property
    def unrolled(self) -> list[list[bool]]:
        """``unrolled[node][dim]``: whether any mapping has a factor there."""
        if not self.size:
            return [[False] * len(self.nest.dims)] * self.machine.num_nodes
        return (self.factors.max(axis=2) > 1).tolist()

    @cached_property
    def instances(self) -> Ints:
        """``instances[node]``: the product of the factors of all fanouts outside a node."""
        found = np.ones((self.machine.num_nodes + 1, self.size), dtype=np.int64)
        for node in range(self.machine.num_nodes):
            found[node + 1] = found[node] * self.spread[node] if node in self.machine.network_at else found[node]
        return found

    @cached_property
    def compute_cycles(self) -> Ints:
        """The product of all temporal factors."""
        return np.multiply.reduce(self.spread[self.nodes[:-1]], axis=0)

    @cached_property
    def spread_of(self) -> list[Ints]:
        """``spread_of[tensor][node]``: the product of a node's factors over the dimensions that index a tensor."""
        return [np.multiply.reduce(self.factors[:, sorted(t.dims)], axis=1) for t in self.nest.tensors]

    @cached_property
    def _end_tiles(self) -> Ints:
        """Tile sizes at every end."""
        return self.tiles[self.nodes]

    @cached_property
    def extents(self) -> list[list[Ints]]:
        """``extents[tensor][axis][end]``: elements along an axis of one instance's tile."""
        return [[self._extents(axis) for axis in tensor.index] for tensor in self.nest.tensors]

    def _extents(self, axis: AffineIndex) -> Ints:
        if len(axis.terms) == 1 and abs(axis.terms[0][1]) == 1:
            return self._end_tiles[:, axis.terms[0][0]]
        total = np.ones((self.mac + 1, self.size), dtype=np.int64)
        for dim, coefficient in axis.terms:
            total += abs(coefficient) * (self._end_tiles[:, dim] - 1)
        return total

    @cached_property
    def words(self) -> list[Ints]:
        """``words[tensor][end]``: elements of one instance's tile."""
        ones = np.ones((self.mac + 1, self.size), dtype=np.int64)
        return [product(extents, ones) for extents in self.extents]

    @cached_property
    def loop_dims(self) -> Ints:
        """``loop_dims[position]``: dimensions of the loops of all levels but the innermost, the outermost first."""
        levels, dims, size = self._orders.shape
        return np.ascontiguousarray(self._orders, dtype=np.int64).reshape(levels * dims, size)

    def of_loops(self, by_dim: Ints) -> Ints:
        """By loop position what is given by node (level but the innermost) and dimension."""
        dims = len(self.nest.dims)
        first = np.repeat(np.array(self.nodes[: self.mac - 1], dtype=np.int64) * dims, dims)[:, np.newaxis]
        places = (self.loop_dims + first) * self.size
        places += np.arange(self.size)
        return by_dim.reshape(-1)[places]

    @cached_property
    def trips(self) -> Ints:
        """``trips[position]`` of the loops of ``loop_dims``; a loop of one trip is none."""
        return self.of_loops(self.factors)

    @cached_property
    def through(self) -> Ints:
        """``through[position]``: the product of the trips of a loop and all loops outside it."""
        return np.multiply.accumulate(self.trips, axis=0)

    @cached_property
    def is_loop(self) -> Mask:
        """Whether there is a loop at a position."""
        return self.trips > 1

    def indexing(self, tensor: int) -> Mask:
        """By loop position whether the dimension indexes a tensor."""
        dims = self.nest.tensors[tensor].dims
        return np.array([dim in dims for dim in range(len(self.nest.dims))])[self.loop_dims]

    def loops_outside(self, end: int) -> int:
        """The number of loop positions outside an end that is a level."""
        return end * len(self.nest.dims)

    def outside(self, position: int) -> Ints:
        """The product of the trips of all loops outside a position."""
        return self.through[position - 1] if position else np.ones(self.size, dtype=np.int64)

    @cached_property
    def moves(self) -> list[list[Ints]]:
        """``moves[tensor][axis][position]``: how far an advance of a loop alone moves a tile along an axis."""
        strides = self.of_loops(self.tiles[1:])
        return [[self._coefficients(axis)[self.loop_dims] * strides for axis in t.index] for t in self.nest.tensors]

    def _coefficients(self, axis: AffineIndex) -> Ints:
        coefficients = np.zeros(len(self.nest.dims), dtype=np.int64)
        for dim, coefficient in axis.terms:
            coefficients[dim] = coefficient
        return coefficients

    def visits(self, tensor: int, counted: Accounting) -> Ints:
        """``[end]``: how often a tile is brought into an end: V."""
        if tensor not in self._visits:
            self._visits[tensor] = self._visits_of(tensor, counted)
        return self._visits[tensor]

    def _visits_of(self, tensor: int, counted: Accounting) -> Ints:
        found = np.where(self.is_loop & self.indexing(tensor), self.through, 1)
        by_level = found.reshape(self.mac - 1, -1, self.size) if self.mac > 1 else found
        visits = np.ones((self.mac + 1, self.size), dtype=np.int64)
        for end in range(1, self.mac):
            np.maximum(visits[end - 1], by_level[end - 1].max(axis=0), out=visits[end])
        if counted.stays_below_fanout:
            np.maximum(visits, self.trips_outside_fanout, out=visits)
        visits[self.mac] = self.compute_cycles
        return visits

    @cached_property
    def trips_outside_fanout(self) -> Ints:
        """``[end]``: the product of the trips of all loops outside the innermost fanout in use outside an end."""
        found = np.ones((self.mac + 1, self.size), dtype=np.int64)
        trips: Ints = np.ones(self.size, dtype=np.int64)
        outside: Ints = trips
        for node in range(self.machine.num_nodes):
            if node in self.machine.network_at:
                outside = np.where(self.spread[node] > 1, trips, outside)
            else:
                found[self.nodes.index(node)] = outside
                trips = trips * self.spread[node]
        found[self.mac] = outside
        return found

    def distinct(self, tensor: int) -> Ints:
        """``[end]``: the product of the trips of the loops outside an end that index a tensor: D."""
        found = np.ones((self.mac + 1, self.size), dtype=np.int64)
        for end in range(self.mac):
            np.multiply(found[end], self.spread_of[tensor][self.nodes[end]], out=found[end + 1])
        return found

    @cached_property
    def overlaps(self) -> bool:
        """Whether tiles of the output overlap (section 1)."""
        return bool(overlapping_axes(self.nest))


def product(factors: list[Ints], ones: Ints) -> Ints:
    """The product of some arrays; ``ones`` where there are none."""
    total = factors[0] if factors else ones
    for factor in factors[1:]:
        total = total * factor
    return total
