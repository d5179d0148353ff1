"""What a storage level does to labels: edges end where their tensors are kept, and new ones begin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....model.hierarchy.resolved_machine import Level
from ..space.boundaries import Pending
from ..space.dma_times import tile_cycles
from ..space.quantities import DMA
from .labels import Labels
from .ledger import Ledger


@dataclass(frozen=True)
class StoreMoves:
    """The steps at storage levels."""

    ledger: Ledger

    def store(self, labels: Labels, level: Level, pending: Pending) -> tuple[Pending, Labels]:
        """Edges end at a level that keeps their tensors, and new ones begin; at DRAM they end. Changes the labels."""
        kept = [tensor for tensor, keeps in enumerate(self.ledger.prices.kept[level.node]) if keeps]
        for tensor in kept:
            child = self.ledger.prices.child(tensor, level.node + 1)
            self.ledger.charge(labels.sums, tensor, pending, self.ledger.prices.leaving[tensor, child])
        if level.node == 0:
            return pending, labels
        held = self.ledger.boundaries.brought(level.node, pending, self.ledger.prices.kept[level.node])
        for tensor in kept:
            self._hold_apart(labels, level, tensor, pending)
            self._begin_edge(labels, level, tensor, held)
        self.ledger.forget_shapes(labels, level.node)
        self.ledger.complete(labels, held, level.node)
        return held, labels

    def _hold_apart(self, labels: Labels, level: Level, tensor: int, pending: Pending) -> None:
        place = self.ledger.boundaries.open_at(tensor, level.node + 1)
        if pending >> tensor & 1 and place is not None and self.ledger.boundaries.held_apart(place, level.node):
            apart, own = (
                self.ledger.columns.pending(self.ledger.columns.num_tensors + place),
                self.ledger.columns.pending(tensor),
            )
            labels.sums[:, apart] = labels.sums[:, own]
            labels.sums[:, own] = 0.0

    def _begin_edge(self, labels: Labels, level: Level, tensor: int, pending: Pending) -> None:
        space, columns, vectors = self.ledger.space, self.ledger.columns, self.ledger.space.vectors
        labels.sums[:, tensor] = vectors.words[tensor][labels.points]
        output = tensor == space.nest.output
        if output:
            labels.sums[:, columns.first] = -vectors.first_visits[labels.points]
            labels.sums[:, columns.base] = labels.sums[:, columns.credit.start]
        self.ledger.charge(labels.sums, tensor, pending, self.ledger.prices.entering[tensor, level.node])
        engine = self.ledger.prices.sums.position.get((level.node, DMA))
        if engine is not None:
            cycles = tile_cycles(space, level, tensor)[labels.points]
            visits = cycles * vectors.repeats[labels.points] * (2 if output else 1)
            labels.sums[:, columns.pending(tensor).start + engine] += visits
            if output and not space.overlaps:
                tiles = vectors.first_visits[labels.points] / vectors.boxes[tensor][labels.points]
                labels.sums[:, columns.credit.start + engine] -= cycles * tiles
        self._begin_windows(labels, level, tensor)

    def _begin_windows(self, labels: Labels, level: Level, tensor: int) -> None:
        """The lengths of the tiles that are brought, along the axes of windows. Changes the labels."""
        ledger, columns, vectors = self.ledger, self.ledger.columns, self.ledger.space.vectors
        axes = [(window, axis) for window, (of, axis) in enumerate(ledger.space.windows) if of == tensor]
        for window, axis in axes:
            extents = vectors.extents[tensor][axis][labels.points]
            labels.shapes[:, window] = 1 if ledger.space.counted.strides else extents
        place = ledger.boundaries.position.get((tensor, level.node))
        if place in ledger.sliding:
            extents = np.array([vectors.extents[tensor][axis][labels.points] for _, axis in axes], dtype=np.int64)
            labels.shapes[:, ledger.tile(place)] = ledger.sliding[place].brought(extents)
            labels.sums[:, columns.at_fanouts(place).start] = labels.sums[:, tensor]
            labels.sums[:, columns.whole(place).start] = -labels.sums[:, tensor]
            labels.sums[:, columns.whole_of_one(place).start] = -labels.sums[:, tensor]
