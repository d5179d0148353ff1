"""Words that move along one edge: visits, what instances share, halo and demand (section 5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ...loop_nest import Tensor
from ..accountings import Accounting
from .geometry import Edge, Geometry, Loop, extents, trips_of
from .unions import union_length


@dataclass(frozen=True)
class EdgeWords:
    """One edge of a mapping, asked for the words that move along it under an accounting."""

    geometry: Geometry
    edge: Edge
    counted: Accounting

    @cached_property
    def tensor(self) -> Tensor:
        """The tensor that moves."""
        return self.geometry.nest.tensors[self.edge.tensor]

    @cached_property
    def into_mac(self) -> bool:
        """Whether the edge ends at the MAC."""
        return self.edge.child == self.geometry.machine.num_nodes

    @cached_property
    def loops(self) -> tuple[Loop, ...]:
        """The loops outside the child, the outermost first."""
        return self.geometry.loops_outside(self.edge.child)

    @cached_property
    def extents(self) -> tuple[int, ...]:
        """The child's tile along every axis."""
        return extents(self.tensor, self.geometry.tile(self.edge.child))

    @cached_property
    def tile_words(self) -> int:
        """Words of the child's tile."""
        return math.prod(self.extents)

    @cached_property
    def has_halo(self) -> bool:
        """Whether only words that were not in the previous tile move."""
        level = self.geometry.machine.level_at.get(self.edge.child)
        return level is not None and level.halo and not self.tensor.is_output

    @cached_property
    def innermost_moving(self) -> int:
        """Position of the innermost loop whose advance brings another tile; -1 if none does.

        Where tiles stay below fanouts only, every loop outside the innermost one in use brings one (section 9).
        """
        used = [
            network.node
            for network in self.geometry.machine.networks
            if network.node < self.edge.child and self.geometry.spread(network.node) > 1
        ]
        fanout = max(used, default=0) if self.counted.stays_below_fanout else 0
        moving = [
            position
            for position, loop in enumerate(self.loops)
            if self.into_mac or loop.dim in self.tensor.dims or loop.node < fanout
        ]
        return max(moving, default=-1)

    @cached_property
    def visits(self) -> int:
        """How often a tile is brought: V."""
        return trips_of(self.loops[: self.innermost_moving + 1])

    @cached_property
    def distinct_tiles(self) -> int:
        """How many different tiles there are: D."""
        return trips_of(loop for loop in self.loops if loop.dim in self.tensor.dims)

    @cached_property
    def read_backs(self) -> int:
        """How often a partial sum is read back before a visit: R."""
        if self.geometry.overlaps or (self.into_mac and self.counted.mac_first_read):
            return self.visits
        return self.visits - self.distinct_tiles

    @cached_property
    def shifts(self) -> tuple[tuple[int, ...], ...]:
        """For every loop outside, how far the tile moves along each axis when it advances and the inner ones wrap."""
        found: list[tuple[int, ...]] = []
        wrapped = (0,) * len(self.tensor.index)
        for loop in reversed(self.loops):
            moves = [dict(axis.terms).get(loop.dim, 0) * loop.stride for axis in self.tensor.index]
            found.append(tuple(move - back for move, back in zip(moves, wrapped, strict=True)))
            wrapped = tuple(back + move * (loop.trips - 1) for back, move in zip(wrapped, moves, strict=True))
        return tuple(reversed(found))

    def advances(self, position: int) -> int:
        """How often the loop at a position advances: count_i."""
        return (self.loops[position].trips - 1) * trips_of(self.loops[:position])

    def union(self, fanouts: Sequence[int], lengths: Sequence[int]) -> int:
        """Words that the instances of some fanouts have together, for boxes of given lengths."""
        if not self.counted.shares_equal_words:
            return math.prod(lengths) * math.prod(self.geometry.spread_of(node, self.tensor) for node in fanouts)
        return math.prod(
            union_length(self.geometry.steps(axis, fanouts), length)
            for axis, length in zip(self.tensor.index, lengths, strict=True)
        )

    def carried(self, fanouts: Sequence[int], position: int) -> int:
        """Words that one advance of a loop moves to the instances of some fanouts together, with halo."""
        shift = self.shifts[position]
        if self.counted.shares_equal_words:
            stays = math.prod(
                union_length(steps, extent) - union_length(steps, min(extent, abs(move)))
                for steps, extent, move in zip(
                    (self.geometry.steps(axis, fanouts) for axis in self.tensor.index), self.extents, shift, strict=True
                )
            )
            return self.union(fanouts, self.extents) - stays
        stays = math.prod(extent - min(extent, abs(move)) for extent, move in zip(self.extents, shift, strict=True))
        return (self.tile_words - stays) * math.prod(self.geometry.spread_of(node, self.tensor) for node in fanouts)

    def moved(self, fanouts: Sequence[int], position: int | None) -> int:
        """Words of one visit that an advance of the loop at a position begins (`None`: the first of the run)."""
        if position is None or not self.has_halo:
            return self.union(fanouts, self.extents)
        return self.carried(fanouts, position)

    def moved_in_all(self, fanouts: Sequence[int]) -> int:
        """Words of the whole run for the instances of some fanouts together: m(J)."""
        whole = self.union(fanouts, self.extents)
        if not self.has_halo:
            return self.visits * whole
        return whole + sum(self.advances(i) * self.carried(fanouts, i) for i in range(len(self.loops)))

    def demand(self, fanouts: Sequence[int]) -> int:
        """Words of the whole run that an instance outside some fanouts sends to all inside: dem(G)."""
        shared, copies = self._shared(fanouts)
        return copies * self.moved_in_all(shared)

    def demand_of_visit(self, fanouts: Sequence[int], position: int | None) -> int:
        """The same for one visit, begun as :meth:`moved` says."""
        shared, copies = self._shared(fanouts)
        return copies * self.moved(shared, position)

    def _shared(self, fanouts: Sequence[int]) -> tuple[list[int], int]:
        """The fanouts that send a word once to several instances, and the copies that the others need."""
        networks = self.geometry.machine.network_at
        shared = [node for node in fanouts if networks[node].multicast[self.edge.tensor]]
        copies = math.prod(self.geometry.spread(node) for node in fanouts if node not in shared)
        return shared, copies

    def outputs(self, fanouts: Sequence[int]) -> int:
        """Different output tiles that the instances of some fanouts hold: the product of their g."""
        return math.prod(self.geometry.spread_of(node, self.tensor) for node in fanouts)

    def inside(self, fanout: int) -> tuple[int, ...]:
        """The edge's fanouts inside one of them."""
        return tuple(node for node in self.edge.fanouts if node > fanout)
