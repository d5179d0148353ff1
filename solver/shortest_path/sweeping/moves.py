"""What the steps of a sweep do to labels: loops, unrolling, tiles that are brought, edges that end.

Every step is non-decreasing in each sum of a label, so that of two labels with the same tile vector, one that is
nowhere above the other suffices (``docs/shortest_path.md``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ....model.hierarchy.resolved_machine import Level, Network
from ..bounds.stages import members
from ..space.boundaries import Boundaries, Pending
from ..space.dma_times import tile_cycles
from ..space.edge_prices import Charge, EdgePrices
from ..space.quantities import DMA
from ..space.tile_vectors import Axis, Floats, Ints, Mask
from .interval_shapes import IntervalShapes
from .labels import Columns, Ids, Labels
from .sliding import SETTLED, Sliding


@dataclass(frozen=True)
class Moves:
    """The steps for one choice of what is kept where."""

    boundaries: Boundaries
    columns: Columns
    shapes: IntervalShapes
    sliding: dict[int, Sliding]

    @classmethod
    def of(cls, boundaries: Boundaries) -> Moves:
        """The steps with nothing met so far."""
        space, halos = boundaries.prices.space, list[int | None]()
        sliding: dict[int, Sliding] = {}
        for place, boundary in enumerate(boundaries.listed):
            halos.append(len(boundary.fanouts) if boundary.halo else None)
            if boundary.halo:
                axes = tuple(axis for tensor, axis in space.windows if tensor == boundary.tensor)
                sliding[place] = Sliding(space.nest.tensors[boundary.tensor], axes)
        columns = Columns(space.num_tensors, len(boundaries.prices.sums), tuple(halos))
        return cls(boundaries, columns, IntervalShapes(), sliding)

    @property
    def prices(self) -> EdgePrices:
        """What words cost."""
        return self.boundaries.prices

    def first_labels(self) -> Labels:
        """The label before any loop: every MAC's operands come from outside."""
        space, columns = self.prices.space, self.columns
        sums = np.zeros((1, columns.count))
        sums[0, : space.num_tensors] = space.nest.num_macs
        sums[0, columns.first] = -space.vectors.first_visits[0]
        sums[0, columns.compute] = space.nest.num_macs
        sums[0, columns.settled.start] = space.nest.num_macs * space.machine.mac_pj
        one, none = np.ones(1, dtype=np.int64), np.full(1, -1, dtype=np.int32)
        shapes = np.ones((1, len(space.windows) + len(self.boundaries.listed) + len(space.narrowed)), dtype=np.int64)
        shapes[:, len(space.windows) : len(space.windows) + len(self.boundaries.listed)] = SETTLED
        return Labels(np.zeros(1, dtype=np.int64), one, sums, shapes, none, np.zeros(1))

    def loop(self, labels: Labels, axis: Axis, node: int, pending: Pending) -> Labels:
        """One prime of a temporal loop: over it, pending tiles stay where they are, or slide. Changes the labels."""
        for bit in members(pending):
            place = self._place(bit, node)
            if place in self.sliding:
                self._slide(labels, axis, node, place, bit)
            else:
                if bit < self.columns.num_tensors:
                    labels.sums[:, bit] /= axis.prime
                labels.sums[:, self.columns.pending(bit)] /= axis.prime
        self._multiply_factor(labels, axis)
        return replace(labels, points=labels.points + axis.step)

    def replaced(self, labels: Labels, tiles: Pending, node: int) -> Labels:
        """Labels some of whose pending tiles are replaced, or settle: what was pending of them is so no more."""
        sums, shapes = labels.sums.copy(), labels.shapes.copy()
        for bit in members(tiles):
            sums[:, self.columns.settled] += sums[:, self.columns.pending(bit)]
            sums[:, self.columns.pending(bit)] = 0.0
            place = self._place(bit, node)
            if place in self.sliding:
                sums[:, self.columns.at_fanouts(place)] = 0.0
                sums[:, self.columns.whole(place)] = 0.0
                shapes[:, self._tile(place)] = SETTLED
        return replace(labels, sums=sums, shapes=shapes)

    def settled(self, labels: Labels, node: int, pending: Pending) -> tuple[Pending, Mask]:
        """The pending tiles with halo that slide no more, where any does, and the labels of which they do not."""
        for bit in members(pending):
            place = self._place(bit, node)
            if place in self.sliding:
                done = labels.shapes[:, self._tile(place)] == SETTLED
                if done.any():
                    return 1 << bit, done
        return 0, np.zeros(len(labels), dtype=np.bool_)

    def order_matters(self, pending: Pending, node: int) -> bool:
        """Whether tiles with halo are pending, so that loops in another order cost something else."""
        return any(self._place(bit, node) in self.sliding for bit in members(pending))

    def _place(self, bit: int, node: int) -> int:
        """The boundary of a bit at a level; -1 at the MAC."""
        tensors = self.columns.num_tensors
        place = self.boundaries.open_at(bit, node + 1) if bit < tensors else bit - tensors
        return -1 if place is None else place

    def _tile(self, place: int) -> int:
        """The column of the number of a tile at a boundary with halo."""
        return len(self.prices.space.windows) + place

    def _slide(self, labels: Labels, axis: Axis, node: int, place: int, bit: int) -> None:
        """A loop over a tile with halo: words that it has in common with the one before are not moved again."""
        columns, boundary = self.columns, self.boundaries.listed[place]
        sizes: Ints = self.prices.space.vectors.tiles[axis.dim][labels.points]
        tiles, shares = self.sliding[place].slid(
            labels.shapes[:, self._tile(place)], axis.dim, sizes, axis.prime, len(boundary.fanouts)
        )
        labels.shapes[:, self._tile(place)] = tiles
        words, whole = columns.at_fanouts(place), columns.whole(place)
        stay = labels.sums[:, whole] * shares.T * (1 - 1 / axis.prime)
        labels.sums[:, whole] /= axis.prime
        passed = [fanout for fanout in boundary.fanouts if fanout > node]
        for number in range(len(boundary.fanouts) + 1):
            labels.sums[:, words.start + number] += stay[:, number]
            price = self._price_at(place, number, node)
            labels.sums[:, columns.pending(bit)] += stay[:, number, None] * price
        if bit < columns.num_tensors:
            labels.sums[:, bit] = labels.sums[:, words.start + len(passed)]

    def _price_at(self, place: int, number: int, node: int) -> Floats:
        """What a word after the first ``number`` fanouts of a boundary's edge has cost, by a level outside them."""
        boundary, prices = self.boundaries.listed[place], self.prices
        tensor, price = boundary.tensor, np.zeros(len(prices.sums))
        if number == 0:
            price += prices.entering[tensor, boundary.node].price
        if number > 0 and boundary.fanouts[number - 1] > node:
            price += prices.at_root[tensor, boundary.fanouts[number - 1]].price
        if number < len(boundary.fanouts) and boundary.fanouts[number] > node:
            price += prices.at_instances[tensor, boundary.fanouts[number]]
        if number == len(boundary.fanouts) and node < prices.parent(tensor, boundary.node):
            price += prices.leaving[tensor, boundary.node].price
        return price

    # Fanouts

    def enter_fanout(self, labels: Labels, network: Network, pending: Pending) -> Labels:
        """Words pass between the instances and the fanout. Changes the labels given."""
        for tensor in range(self.columns.num_tensors):
            price = self.prices.at_instances[tensor, network.node]
            if tensor == self.prices.space.nest.output or price.any():
                self._charge(labels.sums, tensor, pending, Charge(price, np.zeros_like(price)))
        return replace(labels, used=np.ones(len(labels), dtype=np.int64))

    def unroll(self, labels: Labels, axis: Axis, network: Network, pending: Pending) -> Labels:
        """One prime of an unrolled dimension. Changes the labels given."""
        space = self.prices.space
        for tensor in range(self.columns.num_tensors):
            if tensor == space.nest.output:
                self._reduce(labels, axis, network, pending)
            elif network.multicast[tensor]:
                self._share(labels, axis, tensor, network)
        labels.sums[:, self.columns.compute] /= axis.prime
        labels.sums[:, self._divided] /= axis.prime
        self._multiply_factor(labels, axis)
        return replace(labels, points=labels.points + axis.step, used=labels.used * axis.prime)

    def leave_fanout(self, labels: Labels, network: Network, pending: Pending) -> Labels:
        """Words pass the root. Changes the labels given."""
        for tensor in range(self.columns.num_tensors):
            self._charge(labels.sums, tensor, pending, self.prices.at_root[tensor, network.node])
            self._pass_fanout(labels, tensor, network)
        self._forget_shapes(labels, network.node)
        self._complete(labels, pending, network.node)
        return replace(labels, used=np.ones(len(labels), dtype=np.int64))

    def _pass_fanout(self, labels: Labels, tensor: int, network: Network) -> None:
        """Words of a tile with halo at the root of a fanout are remembered, for they slide in their own way."""
        place = self.boundaries.open_at(tensor, network.node)
        if place is not None and place in self.sliding:
            number = self.boundaries.listed[place].fanouts.index(network.node) + 1
            labels.sums[:, self.columns.at_fanouts(place).start + number] = labels.sums[:, tensor]
            labels.sums[:, self.columns.whole(place).start + number] = -labels.sums[:, tensor]

    def _reduce(self, labels: Labels, axis: Axis, network: Network, pending: Pending) -> None:
        """Partial sums of instances that differ in an index that is not the output's are added."""
        space, columns = self.prices.space, self.columns
        output = space.nest.output
        if axis.dim in space.dims_of[output]:
            return
        added = labels.sums[:, output] * (1 - 1 / axis.prime)
        labels.sums[:, output] /= axis.prime
        pays = columns.pending(output) if pending >> output & 1 else columns.settled
        labels.sums[:, pays.start] += added * network.add_pj
        labels.sums[:, columns.credit] *= axis.prime

    def _share(self, labels: Labels, axis: Axis, tensor: int, network: Network) -> None:
        """Equal words of a tensor that is read are sent once."""
        space = self.prices.space
        if axis.dim not in space.dims_of[tensor]:
            labels.sums[:, tensor] /= axis.prime
        self._spread_tile(labels, axis, tensor, network)
        for window, (of, position) in enumerate(space.windows):
            coefficient = dict(space.nest.tensors[of].index[position].terms).get(axis.dim)
            if of == tensor and coefficient is not None:
                steps: Ints = abs(coefficient) * space.vectors.tiles[axis.dim][labels.points]
                grown, longer = self.shapes.grow(labels.shapes[:, window], steps, axis.prime)
                labels.shapes[:, window] = grown
                labels.sums[:, tensor] *= longer / axis.prime

    def _spread_tile(self, labels: Labels, axis: Axis, tensor: int, network: Network) -> None:
        """A tile with halo that instances have neighbouring parts of."""
        place = self.boundaries.open_at(tensor, network.node)
        if place is not None and place in self.sliding:
            number = self.boundaries.listed[place].fanouts.index(network.node) + 1
            sizes: Ints = self.prices.space.vectors.tiles[axis.dim][labels.points]
            column = self._tile(place)
            labels.shapes[:, column] = self.sliding[place].spread(
                labels.shapes[:, column], axis.dim, sizes, number, axis.prime
            )

    # Storage levels

    def store(self, labels: Labels, level: Level, pending: Pending) -> tuple[Pending, Labels]:
        """Edges end at a level that keeps their tensors, and new ones begin; at DRAM they end. Changes the labels."""
        kept = [tensor for tensor, keeps in enumerate(self.prices.kept[level.node]) if keeps]
        for tensor in kept:
            child = self.prices.child(tensor, level.node + 1)
            self._charge(labels.sums, tensor, pending, self.prices.leaving[tensor, child])
        if level.node == 0:
            return pending, labels
        held = self.boundaries.brought(level.node, pending)
        for tensor in kept:
            self._hold_apart(labels, level, tensor, pending)
            self._begin_edge(labels, level, tensor, held)
        self._forget_shapes(labels, level.node)
        self._complete(labels, held, level.node)
        return held, labels

    def _hold_apart(self, labels: Labels, level: Level, tensor: int, pending: Pending) -> None:
        place = self.boundaries.open_at(tensor, level.node + 1)
        if pending >> tensor & 1 and place is not None and self.boundaries.held_apart(place, level.node):
            apart, own = self.columns.pending(self.columns.num_tensors + place), self.columns.pending(tensor)
            labels.sums[:, apart] = labels.sums[:, own]
            labels.sums[:, own] = 0.0

    def _begin_edge(self, labels: Labels, level: Level, tensor: int, pending: Pending) -> None:
        space, columns, vectors = self.prices.space, self.columns, self.prices.space.vectors
        labels.sums[:, tensor] = vectors.words[tensor][labels.points]
        output = tensor == space.nest.output
        if output:
            labels.sums[:, columns.first] = -vectors.first_visits[labels.points]
            labels.sums[:, columns.base] = labels.sums[:, columns.credit.start]
        self._charge(labels.sums, tensor, pending, self.prices.entering[tensor, level.node])
        engine = self.prices.sums.position.get((level.node, DMA))
        if engine is not None:
            cycles = tile_cycles(space, level, tensor)[labels.points]
            visits = cycles * vectors.repeats[labels.points] * (2 if output else 1)
            labels.sums[:, columns.pending(tensor).start + engine] += visits
            if output and not space.overlaps:
                tiles = vectors.first_visits[labels.points] / vectors.boxes[tensor][labels.points]
                labels.sums[:, columns.credit.start + engine] -= cycles * tiles
        for window, (of, axis) in enumerate(space.windows):
            if of == tensor:
                labels.shapes[:, window] = vectors.extents[tensor][axis][labels.points]
        place = self.boundaries.position[tensor, level.node]
        if place in self.sliding:
            axes = [axis for of, axis in space.windows if of == tensor]
            extents = np.array([vectors.extents[tensor][axis][labels.points] for axis in axes], dtype=np.int64)
            labels.shapes[:, self._tile(place)] = self.sliding[place].brought(extents.reshape(len(axes), len(labels)))
            labels.sums[:, columns.at_fanouts(place).start] = labels.sums[:, tensor]
            labels.sums[:, columns.whole(place).start] = -labels.sums[:, tensor]

    def finished(self, labels: Labels) -> tuple[Floats, Floats]:
        """Energy in pJ and cycles of labels that are whole mappings."""
        columns = self.columns
        sums = labels.sums[:, columns.settled] + labels.sums[:, columns.credit]
        for bit in range(columns.num_tensors + len(columns.halos)):
            sums = sums + labels.sums[:, columns.pending(bit)]
        times = [position for position, wanted in enumerate(self.prices.sums.listed) if wanted.divides]
        cycles = np.max(np.column_stack([labels.sums[:, columns.compute], sums[:, times]]), axis=1)
        return sums[:, 0], np.ceil(cycles * (1 - ROUNDING))

    # Factors that must lie within limits

    def within(self, labels: Labels, node: int) -> Labels:
        """The labels whose factors at a node are not too large."""
        kept = np.ones(len(labels), dtype=np.bool_)
        for rule in self.prices.space.factor_rules(node):
            kept &= labels.shapes[:, self._factor(rule.dim)] <= rule.upper
        return labels if kept.all() else labels.take(kept)

    def completed(self, labels: Labels, node: int) -> Labels:
        """The labels whose factors at a node are not too small either; the next node's begin at 1."""
        kept = np.ones(len(labels), dtype=np.bool_)
        for rule in self.prices.space.factor_rules(node):
            kept &= labels.shapes[:, self._factor(rule.dim)] >= rule.lower
        labels = labels.take(kept)
        for dim in self.prices.space.narrowed:
            labels.shapes[:, self._factor(dim)] = 1
        return labels

    def _multiply_factor(self, labels: Labels, axis: Axis) -> None:
        if axis.dim in self.prices.space.narrowed:
            labels.shapes[:, self._factor(axis.dim)] *= axis.prime

    def _factor(self, dim: int) -> int:
        """The column of the factor of a dimension at the node that a sweep is at."""
        space = self.prices.space
        return len(space.windows) + len(self.boundaries.listed) + space.narrowed.index(dim)

    # Helpers

    @cached_property
    def _divided(self) -> Ids:
        """The columns of sums that unrolling outside divides."""
        columns = self.columns
        bits = range(columns.num_tensors + len(columns.halos))
        starts = [columns.settled, columns.credit, *map(columns.pending, bits)]
        divided = [position for position, wanted in enumerate(self.prices.sums.listed) if wanted.divides]
        return np.array([part.start + position for part in starts for position in divided], dtype=np.int32)

    def _charge(self, sums: Floats, tensor: int, pending: Pending, charge: Charge) -> None:
        """Adds the price of a tensor's words to what is pending or settled, and the credit of first visits."""
        columns = self.columns
        pays = columns.pending(tensor) if pending >> tensor & 1 else columns.settled
        sums[:, pays] += sums[:, tensor, None] * charge.price
        if charge.credit.any():
            sums[:, columns.credit] += sums[:, columns.first, None] * charge.credit

    def _forget_shapes(self, labels: Labels, node: int) -> None:
        """Unions matter up to the last fanout that shares a tensor's words before they reach their parent."""
        for window, (tensor, _) in enumerate(self.prices.space.windows):
            parent = self.prices.parent(tensor, self.prices.child(tensor, node))
            networks: Sequence[Network] = self.prices.space.machine.networks
            if not any(parent < network.node < node and network.multicast[tensor] for network in networks):
                labels.shapes[:, window] = 0

    def _complete(self, labels: Labels, pending: Pending, node: int) -> None:
        """Takes credits off where nothing outside reduces, and counts as cycles what no pending tensor can add to."""
        columns, space = self.columns, self.prices.space
        if space.most_reduction(node) > 1:
            return
        labels.sums[:, columns.settled] += labels.sums[:, columns.credit]
        labels.sums[:, columns.base] = 0.0
        labels.sums[:, columns.credit] = 0.0
        for quantity, wanted in enumerate(self.prices.sums.listed):
            open_sums = [columns.pending(bit).start + quantity for bit in members(pending)]
            if wanted.divides and wanted.node >= node and not labels.sums[:, open_sums].any():
                column = columns.settled.start + quantity
                labels.sums[:, columns.compute] = np.maximum(labels.sums[:, columns.compute], labels.sums[:, column])
                labels.sums[:, column] = 0.0


ROUNDING = 1e-9
"""Relative part of a number of cycles that sums in binary64 may be off by, before it is rounded up."""
