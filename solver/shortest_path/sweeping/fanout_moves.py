"""What unrolling over a fanout does to labels: words shared and partial sums added, on the way to its root."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ....model.hierarchy.resolved_machine import Network
from ..space.boundaries import Pending
from ..space.edge_prices import Charge
from ..space.tile_vectors import Axis, Ints
from .labels import Labels
from .ledger import Ledger


@dataclass(frozen=True)
class FanoutMoves:
    """The steps at fanouts."""

    ledger: Ledger

    def enter(self, labels: Labels, network: Network, pending: Pending) -> Labels:
        """Words pass between the instances and the fanout. Changes the labels given."""
        for tensor in range(self.ledger.columns.num_tensors):
            price = self.ledger.prices.at_instances[tensor, network.node]
            if tensor == self.ledger.space.nest.output or price.any():
                self.ledger.charge(labels.sums, tensor, pending, Charge(price, np.zeros_like(price)))
            if whole := self._whole(tensor, network):
                labels.sums[:, whole] = labels.sums[:, whole - 1]
        return replace(labels, used=np.ones(len(labels), dtype=np.int64))

    def unroll(self, labels: Labels, axis: Axis, network: Network, pending: Pending) -> Labels:
        """One prime of an unrolled dimension. Changes the labels given."""
        space = self.ledger.space
        for tensor in range(self.ledger.columns.num_tensors):
            if tensor == space.nest.output:
                self._reduce(labels, axis, network, pending)
            elif network.multicast[tensor]:
                self._share(labels, axis, tensor, network)
        labels.sums[:, self.ledger.columns.compute] /= axis.prime
        labels.sums[:, self.ledger.divided] /= axis.prime
        self.ledger.multiply_factor(labels, axis)
        self.ledger.mark_instances(labels, axis, network.node)
        return replace(labels, points=labels.points + axis.step, used=labels.used * axis.prime)

    def leave(self, labels: Labels, network: Network, pending: Pending) -> Labels:
        """Words pass the root. Changes the labels given."""
        for tensor in range(self.ledger.columns.num_tensors):
            self.ledger.charge(labels.sums, tensor, pending, self.ledger.prices.at_root[tensor, network.node])
            self._pass_fanout(labels, tensor, network)
        self.ledger.forget_shapes(labels, network.node)
        self.ledger.complete(labels, pending, network.node)
        return replace(labels, used=np.ones(len(labels), dtype=np.int64))

    def _pass_fanout(self, labels: Labels, tensor: int, network: Network) -> None:
        """Words of a tile with halo at the root of a fanout are remembered, for they slide in their own way."""
        place = self.ledger.boundaries.open_at(tensor, network.node)
        if place is not None and place in self.ledger.sliding:
            number = self.ledger.boundaries.listed[place].fanouts.index(network.node) + 1
            columns = self.ledger.columns
            labels.sums[:, columns.at_fanouts(place).start + number] = labels.sums[:, tensor]
            labels.sums[:, columns.whole_of_one(place).start + number] = labels.sums[:, self._whole(tensor, network)]

    def _whole(self, tensor: int, network: Network) -> int:
        """The column of the words at the root that would move if none stayed; 0 for a tile without halo."""
        place = self.ledger.boundaries.open_at(tensor, network.node)
        if place is None or place not in self.ledger.sliding:
            return 0
        number = self.ledger.boundaries.listed[place].fanouts.index(network.node) + 1
        return self.ledger.columns.whole(place).start + number

    def _reduce(self, labels: Labels, axis: Axis, network: Network, pending: Pending) -> None:
        """Partial sums of instances that differ in an index that is not the output's are added."""
        space, columns = self.ledger.space, self.ledger.columns
        output = space.nest.output
        if axis.dim in space.dims_of[output]:
            return
        if space.adds(network):
            added = labels.sums[:, output] * (1 - 1 / axis.prime)
            labels.sums[:, output] /= axis.prime
            pays = columns.pending(output) if pending >> output & 1 else columns.settled
            labels.sums[:, pays.start] += added * self.ledger.prices.addition_pj(network)
        labels.sums[:, columns.credit] *= axis.prime
        if space.counted.reads_back_to_all:
            labels.sums[:, columns.base] *= axis.prime

    def _share(self, labels: Labels, axis: Axis, tensor: int, network: Network) -> None:
        """Equal words of a tensor that is read are sent once."""
        space, whole = self.ledger.space, self._whole(tensor, network)
        shared = [tensor, whole] if whole else [tensor]
        if axis.dim not in space.dims_of[tensor]:
            labels.sums[:, shared] /= axis.prime
        if not space.counted.shares_equal_words:
            return
        self._spread_tile(labels, axis, tensor, network)
        for window, (of, position) in enumerate(space.windows):
            coefficient = dict(space.nest.tensors[of].index[position].terms).get(axis.dim)
            if of == tensor and coefficient is not None:
                steps: Ints = abs(coefficient) * space.vectors.tiles[axis.dim][labels.points]
                grown, longer = self.ledger.shapes.grow(labels.shapes[:, window], steps, axis.prime)
                labels.shapes[:, window] = grown
                labels.sums[:, shared] *= (longer / axis.prime)[:, np.newaxis]

    def _spread_tile(self, labels: Labels, axis: Axis, tensor: int, network: Network) -> None:
        """A tile with halo that instances have neighbouring parts of."""
        place = self.ledger.boundaries.open_at(tensor, network.node)
        if place is not None and place in self.ledger.sliding:
            number = self.ledger.boundaries.listed[place].fanouts.index(network.node) + 1
            sizes: Ints = self.ledger.space.vectors.tiles[axis.dim][labels.points]
            column = self.ledger.tile(place)
            labels.shapes[:, column] = self.ledger.sliding[place].spread(
                labels.shapes[:, column], axis.dim, sizes, number, axis.prime
            )
