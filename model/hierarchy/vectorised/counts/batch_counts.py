"""The counts of every edge of a batch of mappings, gathered node by node (section 5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...accountings import Accounting
from ..mapping_arrays import Ints
from .batch_ends import EdgesInto, edges_into
from .batch_shapes import BatchShapes


@dataclass(frozen=True)
class BatchCounts:
    """Words by storage level (its place among them) or network, tensor and mapping."""

    moved: Ints
    """``[kind, level, tensor]``: elements of instance 0; kinds `fill`, `serve`, `drain`, `update`."""
    filling: Ints
    """``[level, tensor]``: instances that are filled, where any is."""
    passages: Ints
    """``[level, tensor]``: how often a tile passes into or out of a level with a DMA engine."""
    networks: Ints
    """``[kind, network, tensor]``: words and additions of all instances; kinds `down`, `up`, `adds`."""
    roots: Ints
    """``[kind, network, tensor]``: words at the root of a network with a bandwidth; kinds `down`, `up`."""

    @classmethod
    def zeros(cls, shapes: BatchShapes) -> BatchCounts:
        """No words anywhere."""
        levels, networks, rest = shapes.mac, len(shapes.machine.networks), (len(shapes.nest.tensors), shapes.size)
        sizes = (4, levels, *rest), (levels, *rest), (levels, *rest), (3, networks, *rest), (2, networks, *rest)
        return cls(*(np.zeros(size, dtype=np.int64) for size in sizes))

    @property
    def fill(self) -> Ints:
        """``[level, tensor]``: elements that instance 0 gets from outside."""
        return self.moved[0]

    @property
    def serve(self) -> Ints:
        """``[level, tensor]``: elements that instance 0 sends inwards."""
        return self.moved[1]

    @property
    def drain(self) -> Ints:
        """``[level, tensor]``: elements that instance 0 sends outwards."""
        return self.moved[2]

    @property
    def update(self) -> Ints:
        """``[level, tensor]``: elements that instance 0 gets from inside."""
        return self.moved[3]

    def accesses(self, shapes: BatchShapes, block_elements: int = 1) -> Ints:
        """``[kind, level, tensor]``: elements of all instances, or blocks of so many of them, whole ones."""
        blocks = self.moved if block_elements == 1 else -(-self.moved // block_elements)
        total = np.empty_like(blocks)
        np.multiply(blocks[0], self.filling, out=total[0])
        np.multiply(blocks[1:], shapes.instances[shapes.nodes[:-1], np.newaxis], out=total[1:])
        return total

    def busiest(self) -> Ints:
        """``[kind, level]``: elements that instance 0 reads and writes."""
        fill, serve, drain, update = np.add.reduce(self.moved, axis=2)
        return np.stack([serve + drain, fill + update])


Rule = Callable[[EdgesInto, Accounting, BatchCounts], None]
"""Adds the counts of the edges of one tensor into one end."""


def batch_counts(shapes: BatchShapes, counted: Accounting, rule: Rule) -> BatchCounts:
    """The counts of a batch."""
    counts = BatchCounts.zeros(shapes)
    for tensor in range(len(shapes.nest.tensors)):
        for child in range(1, shapes.mac + 1):
            into = edges_into(shapes, tensor, child)
            if into is not None:
                rule(into, counted, counts)
    return counts
