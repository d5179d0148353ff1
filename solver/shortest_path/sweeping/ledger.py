"""What all steps of a sweep share: where the sums of labels stand, and how words are charged to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ....model.hierarchy.resolved_machine import Network
from ..space import marks
from ..space.boundaries import Boundaries, Pending, members
from ..space.edge_prices import Charge, EdgePrices
from ..space.map_space import MapSpace
from ..space.tile_vectors import Axis, Floats, Ints
from .halo_tiles import OverlappingTile, StridingTile
from .interval_shapes import IntervalShapes
from .labels import Apart, Columns, Ids, Labels
from .sliding import Sliding


@dataclass(frozen=True)
class Ledger:
    """The sums of labels, what words cost where labels are, and the unions and sliding tiles that were met."""

    boundaries: Boundaries
    prices: EdgePrices
    columns: Columns
    shapes: IntervalShapes
    sliding: dict[int, Sliding]

    @classmethod
    def of(cls, boundaries: Boundaries) -> Ledger:
        """A ledger with nothing met so far."""
        space, halos = boundaries.prices.space, list[int | None]()
        sliding: dict[int, Sliding] = {}
        for place, boundary in enumerate(boundaries.listed):
            halos.append(len(boundary.fanouts) if boundary.halo else None)
            if boundary.halo:
                axes = tuple(axis for tensor, axis in space.windows if tensor == boundary.tensor)
                first = StridingTile.of if space.counted.strides else OverlappingTile.of
                sliding[place] = Sliding(space.nest.tensors[boundary.tensor], axes, first)
        columns = Columns(space.num_tensors, len(boundaries.prices.sums), tuple(halos))
        return cls(boundaries, boundaries.prices, columns, IntervalShapes(), sliding)

    @property
    def space(self) -> MapSpace:
        """The map space."""
        return self.prices.space

    def place(self, bit: int, node: int) -> int:
        """The boundary of a bit at a level; -1 at the MAC."""
        tensors = self.columns.num_tensors
        place = self.boundaries.open_at(bit, node + 1) if bit < tensors else bit - tensors
        return -1 if place is None else place

    def tile(self, place: int) -> int:
        """The column of the number of a tile at a boundary with halo."""
        return len(self.space.windows) + place

    def factor(self, dim: int) -> int:
        """The column of the factor of a dimension at the node that a sweep is at."""
        space = self.space
        return len(space.windows) + len(self.boundaries.listed) + space.narrowed.index(dim)

    @property
    def loops(self) -> int:
        """The column of the dimensions that a level has looped over; the last one, the mark, follows."""
        return len(self.space.windows) + len(self.boundaries.listed) + len(self.space.narrowed)

    @cached_property
    def divided(self) -> Ids:
        """The columns of sums that unrolling outside divides."""
        columns = self.columns
        bits = range(columns.num_tensors + len(columns.halos))
        starts = [columns.settled, columns.credit, *map(columns.pending, bits)]
        divided = [position for position, wanted in enumerate(self.prices.sums.listed) if wanted.divides]
        found = [part.start + position for part in starts for position in divided]
        for place in self.sliding:
            whole = columns.whole_of_one(place)
            found += range(whole.start, whole.stop)
        return np.array(found, dtype=np.int32)

    def apart(self, by_pj: float) -> Apart:
        """What tells labels apart by all their words, where one that is better by so much is enough."""
        columns, sums = self.columns, self.prices.sums
        bits = range(columns.num_tensors + len(columns.halos))
        starts = [part.start for part in (columns.settled, columns.credit, *map(columns.pending, bits))]
        marked = {start + mark for start in starts for mark in sums.marks}
        costs = {start + quantity for start in starts for quantity in range(len(sums))} - marked
        told = set(range(columns.count)) - costs - {columns.compute, columns.base}
        return Apart(columns.settled.start, by_pj, frozenset(marked), tuple(sorted(told)))

    def mark_instances(self, labels: Labels, axis: Axis, node: int) -> None:
        """Marks a prime more of a fanout's instances, where marks matter. Changes the labels."""
        if self.prices.sums.marks:
            labels.shapes[:, -1] += marks.of_instances(node, axis.prime)

    def multiply_factor(self, labels: Labels, axis: Axis, by: int | Ints | None = None) -> None:
        """Remembers the factor of a dimension at this node, if any is limited: a prime more. Changes the labels."""
        if axis.dim in self.space.narrowed:
            labels.shapes[:, self.factor(axis.dim)] *= axis.prime if by is None else by

    def charge(self, sums: Floats, tensor: int, pending: Pending, charge: Charge) -> None:
        """Adds the price of a tensor's words to what is pending or settled, and the credit of first visits."""
        columns = self.columns
        pays = columns.pending(tensor) if pending >> tensor & 1 else columns.settled
        sums[:, pays] += sums[:, tensor, None] * charge.price
        if charge.credit.any():
            sums[:, columns.credit] += sums[:, columns.first, None] * charge.credit

    def forget_shapes(self, labels: Labels, node: int) -> None:
        """Unions matter up to the last fanout that shares a tensor's words before they reach their parent.

        By the stride rule, up to the next level: shapes are then offsets of adjacent fanouts, however long tiles are.
        """
        counted, machine = self.space.counted, self.space.machine
        for window, (tensor, _) in enumerate(self.space.windows):
            parent = self.prices.parent(tensor, self.prices.child(tensor, node))
            networks: Sequence[Network] = machine.networks
            shared = any(parent < network.node < node and network.multicast[tensor] for network in networks)
            if not (shared and counted.shares_equal_words):
                labels.shapes[:, window] = 0
            elif counted.strides and node in machine.level_at:
                labels.shapes[:, window] = 1

    def complete(self, labels: Labels, pending: Pending, node: int) -> None:
        """Takes credits off where nothing outside reduces, and counts as cycles what no pending tensor can add to.

        Where an open edge has a credit of its own in the energy, that stays while the output is pending: tables of what
        is to come have it, too.
        """
        columns, space = self.columns, self.space
        if space.most_reduction(node) > 1:
            return
        held = int(space.counted.reads_back_to_all and pending >> space.nest.output & 1)
        settled, credit = (slice(part.start + held, part.stop) for part in (columns.settled, columns.credit))
        labels.sums[:, settled] += labels.sums[:, credit]
        labels.sums[:, credit] = 0.0
        if not held:
            labels.sums[:, columns.base] = 0.0
        for quantity, wanted in enumerate(self.prices.sums.listed):
            open_sums = [columns.pending(bit).start + quantity for bit in members(pending)]
            if wanted.divides and wanted.node >= node and not labels.sums[:, open_sums].any():
                column = columns.settled.start + quantity
                labels.sums[:, columns.compute] = np.maximum(labels.sums[:, columns.compute], labels.sums[:, column])
                labels.sums[:, column] = 0.0
