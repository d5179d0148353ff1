"""The edges of one tensor into one end, for a batch of mappings that keep it at different levels (section 4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...resolved_machine import Network
from ..mapping_arrays import Ints, Mask
from .batch_shapes import BatchShapes


@dataclass(frozen=True)
class Edges:
    """The mappings whose edges of one tensor run from one parent to one child; ``rows``: 1 for them, `None`: all."""

    parent: int
    child: int
    rows: Ints | None

    def part(self, values: Ints) -> Ints:
        """The values of these mappings, 0 for others."""
        return values if self.rows is None else values * self.rows


@dataclass(frozen=True)
class EdgesInto:
    """All edges of one tensor into one end, and the fanouts between.

    ``edges``: by parent, the innermost first; ``networks``: the fanouts of the longest of them, the innermost first.
    """

    shapes: BatchShapes
    tensor: int
    child: int
    edges: Sequence[Edges]
    networks: Sequence[Network]

    @property
    def is_output(self) -> bool:
        """Whether the tensor is the output."""
        return self.tensor == self.shapes.nest.output

    @property
    def into_mac(self) -> bool:
        """Whether the edges end at the MAC."""
        return self.child == self.shapes.mac

    @property
    def kept(self) -> Ints | None:
        """1 for the mappings with an edge into this end, `None`: all."""
        return _any_of(self.edges)

    def reach(self, edges: Edges) -> int:
        """The number of fanouts between the ends of some of the edges."""
        return sum(network.node > self.shapes.nodes[edges.parent] for network in self.networks)

    def crossing(self, position: int) -> Ints | None:
        """1 for the mappings whose edge crosses the fanout at a position of ``networks``, `None`: all."""
        return _any_of(edges for edges in self.edges if self.reach(edges) > position)


def edges_into(shapes: BatchShapes, tensor: int, child: int) -> EdgesInto | None:
    """The edges of a tensor into an end; `None` where no mapping has one."""
    edges = list(_edges(shapes, tensor, child))
    if not edges:
        return None
    outer, inner = shapes.nodes[edges[-1].parent], shapes.nodes[child]
    networks = [network for network in reversed(shapes.machine.networks) if outer < network.node < inner]
    return EdgesInto(shapes, tensor, child, edges, networks)


def _edges(shapes: BatchShapes, tensor: int, child: int) -> Iterator[Edges]:
    """The edges into an end by parent, those left out that no mapping has."""
    left: Mask = np.ones(shapes.size, dtype=np.bool_) if child == shapes.mac else shapes.kept[child, tensor]
    for parent in reversed(range(child)):
        if not left.any():
            return
        here = left & shapes.kept[parent, tensor]
        if here.all():
            yield Edges(parent, child, None)
            return
        if here.any():
            yield Edges(parent, child, here.astype(np.int64))
        left = left & ~here


def _any_of(edges: Iterable[Edges]) -> Ints | None:
    """1 for the mappings of any of some edges, `None`: all."""
    total: Ints | None = None
    for some in edges:
        if some.rows is None:
            return None
        total = some.rows if total is None else total + some.rows
    return total


def only(values: Ints, rows: Ints | None) -> Ints:
    """The values of some mappings, 0 for others."""
    return values if rows is None else values * rows
