"""Where tiles are brought: the inner ends of all edges, and which loops replace the tile that lies there.

A tensor's tile is pending while no loop has replaced it. When a level outside brings the tensor again meanwhile, the
inner tile can stay, or slide, longer than the outer one where one of the two levels has a halo: the inner boundary is
then held apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from .edge_prices import EdgePrices
from .least_words import slides_one_way

Pending = int
"""A set of boundaries, bit by bit: first that of each tensor's open edge, by position, then those held apart."""


def members(pending: Pending) -> list[int]:
    """The bits of a set.

    Example:
        >>> members(0b101)
        [0, 2]
    """
    return [bit for bit in range(pending.bit_length()) if pending >> bit & 1]


@dataclass(frozen=True)
class Boundary:
    """The inner end of an edge at a storage level.

    With ``halo``, loops over dimensions that meet in an axis with others slide the tile instead of replacing it.
    ``fanouts``: those of the edge, inner to outer. ``stays``: whether loops outside fanouts in use can leave the tile
    where it is.
    """

    tensor: int
    node: int
    halo: bool
    fanouts: tuple[int, ...]
    stays: bool = True


@dataclass(frozen=True)
class Boundaries:
    """The boundaries of the tensors that are tracked; of others it is enough to know whether they are pending."""

    prices: EdgePrices

    @cached_property
    def listed(self) -> tuple[Boundary, ...]:
        """All of them."""
        prices, machine, counted = self.prices, self.prices.space.machine, self.prices.space.counted
        sliding = {tensor for tensor, _ in prices.space.windows if prices.space.window_dims[tensor]}
        output = prices.space.nest.output
        return tuple(
            Boundary(
                tensor,
                node,
                (machine.level_at[node].halo or counted.strides) and tensor in sliding,
                tuple(
                    network.node
                    for network in reversed(machine.networks)
                    if prices.parent(tensor, node) < network.node < node
                ),
                not counted.stays_below_fanout or (machine.level_at[node].halo and tensor != output),
            )
            for tensor in sorted(prices.space.tracked)
            for node in prices.keepers[tensor][1:-1]
        )

    @property
    def num_tensors(self) -> int:
        """Tensors of the nest."""
        return self.prices.space.num_tensors

    @cached_property
    def position(self) -> dict[tuple[int, int], int]:
        """Where a boundary stands in the list, by tensor and node."""
        return {(boundary.tensor, boundary.node): place for place, boundary in enumerate(self.listed)}

    def apart(self, place: int) -> Pending:
        """The bit of a boundary that is held apart."""
        return 1 << (self.num_tensors + place)

    def tensors(self, pending: Pending) -> Pending:
        """The bits of open edges alone."""
        return pending & ((1 << self.num_tensors) - 1)

    def open_at(self, tensor: int, node: int) -> int | None:
        """The boundary at the inner end of the edge that is open just outside a node; `None` at the MAC."""
        return self.position.get((tensor, self.prices.child(tensor, node))) if self.listed else None

    def replaced(self, node: int, dim: int) -> Pending:
        """What a loop over a dimension at a storage level replaces."""
        return self._replaced[node, dim]

    def closed(self, node: int, dim: int) -> Pending:
        """The open edges that a loop replaces, or begins to slide where only that is followed in bounds."""
        space, sliding = self.prices.space, 0
        for place in self.pending_places(node, (1 << self.num_tensors) - 1) if space.counted.strides else ():
            tensor = self.listed[place].tensor
            sliding |= (self.slides(place, dim) and slides_one_way(space.nest, tensor)) << tensor
        return self.tensors(self.replaced(node, dim)) | sliding

    @cached_property
    def _replaced(self) -> dict[tuple[int, int], Pending]:
        levels, dims = self.prices.space.machine.levels, range(len(self.prices.space.nest.dims))
        return {(level.node, dim): self._replaced_by(level.node, dim) for level in levels for dim in dims}

    def _replaced_by(self, node: int, dim: int) -> Pending:
        bits = 0
        for tensor in range(self.num_tensors):
            place = self.open_at(tensor, node + 1)
            halo = place is not None and self.listed[place].halo
            bits |= self._replaces(tensor, dim, halo=halo) << tensor
        for place, boundary in enumerate(self.listed):
            bits |= self._replaces(boundary.tensor, dim, halo=boundary.halo) * self.apart(place)
        return bits

    def slides(self, place: int, dim: int) -> bool:
        """Whether a loop over a dimension moves the tile at a boundary with halo by less than its whole length."""
        boundary = self.listed[place]
        return boundary.halo and dim in self.prices.space.window_dims[boundary.tensor]

    def brought(self, node: int, pending: Pending, kept: tuple[bool, ...]) -> Pending:
        """What is pending after a level has brought the tensors that it keeps."""
        for tensor, keeps in enumerate(kept):
            if keeps:
                place = self.open_at(tensor, node + 1)
                if pending >> tensor & 1 and place is not None and self.held_apart(place, node):
                    pending |= self.apart(place)
                pending |= 1 << tensor
        return pending

    def held_apart(self, place: int, node: int) -> bool:
        """Whether a boundary that is still pending is held apart when a level outside brings its tensor."""
        boundary = self.listed[place]
        outer = self.position.get((boundary.tensor, node))
        if outer is None:
            return boundary.halo
        return boundary.halo or self.listed[outer].halo or boundary.stays != self.listed[outer].stays

    def lost_at_fanout(self, node: int, pending: Pending) -> Pending:
        """What is pending no more outside a fanout in use, for loops outside it leave no tile where it is."""
        lost = 0
        for tensor in range(self.num_tensors):
            place = self.open_at(tensor, node + 1)
            lost |= (place is not None and not self.listed[place].stays) << tensor
        for place, boundary in enumerate(self.listed):
            lost |= (not boundary.stays) * self.apart(place)
        return lost & pending

    def jumps(self, node: int, dim: int, pending: Pending) -> bool:
        """Whether a loop over a dimension has to be made at once, for the stride rule counts its first move alone."""
        if not self.prices.space.counted.strides:
            return False
        return any(self.slides(place, dim) for place in self.pending_places(node, pending))

    def pending_places(self, node: int, pending: Pending) -> list[int]:
        """The boundaries that are pending at a level."""
        opened = [self.open_at(tensor, node + 1) for tensor in range(self.num_tensors) if pending >> tensor & 1]
        apart = [place for place in range(len(self.listed)) if pending & self.apart(place)]
        return [place for place in opened if place is not None] + apart

    def _replaces(self, tensor: int, dim: int, *, halo: bool) -> int:
        space = self.prices.space
        return int(dim in space.dims_of[tensor] and not (halo and dim in space.window_dims[tensor]))
