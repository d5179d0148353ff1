"""What is kept where, left open for as long as it makes no difference, so that mappings share what they have in common.

Where a tile lies matters while it is pending; where its words go, from when it is replaced. Everything else about what
is kept, further in or further out, may be different for mappings that a sweep treats as one.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from .boundaries import Boundaries, Pending, members
from .edge_prices import EdgePrices
from .map_space import Kept, MapSpace
from .quantities import Quantities

Row = tuple[bool, ...]
"""Which tensors a level keeps."""
Given = tuple[tuple["bool | None", ...], ...]
"""``given[node][tensor]``: whether a level keeps a tensor; `None` where it may."""
OPEN = -1


class Edge(NamedTuple):
    """The edge of a tensor that a sweep is on: its inner end, and its outer end, ``OPEN`` while a tile is pending.

    ``inside``: the inner ends of edges further in whose tiles have not been replaced either, the outermost first.
    """

    inner: int
    outer: int
    inside: tuple[int, ...] = ()


class State(NamedTuple):
    """The edges of all tensors, and which boundaries are pending."""

    edges: tuple[Edge, ...]
    pending: Pending


@dataclass(frozen=True)
class Keeping:
    """The choices of what is kept where of one search, where ``given`` leaves any."""

    space: MapSpace
    sums: Quantities
    given: Given
    _prices: dict[Kept, EdgePrices] = field(default_factory=dict, repr=False, compare=False)
    _settled: dict[tuple[State, Pending, int], list[State]] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def boundaries(self) -> Boundaries:
        """The boundaries of tiles that can slide: what is kept of their tensors is given."""
        return Boundaries(self.prices(self.first[0].edges))

    @cached_property
    def marked(self) -> Keeping:
        """The same with marks among the quantities."""
        return Keeping(self.space, self.sums.marked, self.given)

    @cached_property
    def lost_in_blocks_pj(self) -> float:
        """The most energy that partial blocks cost besides their words: less than one block of every count."""
        lost_pj = 0.0
        for tensor in range(self.space.num_tensors):
            both = tensor == self.space.nest.output
            for level in (level for level in self.space.machine.levels if self.given[level.node][tensor] is not False):
                inside = level.read_pj[tensor] + (level.write_pj[tensor] if both else 0.0)
                outside = level.write_pj[tensor] + (level.read_pj[tensor] if both else 0.0)
                price_pj = inside + (outside if level.node > 0 else 0.0)
                lost_pj += price_pj * (1 - 1 / level.block_elements) * self.space.instances_outside(level.node)
        return lost_pj

    @cached_property
    def first(self) -> tuple[State, ...]:
        """The states before any loop, all operands settled: a multiply-accumulate holds nothing."""
        mac = self.space.machine.num_nodes
        tensors = range(self.space.num_tensors)
        ends = itertools.product(*(self._outer_ends(tensor, mac - 1) for tensor in tensors))
        return tuple(State(tuple(Edge(mac, outer) for outer in outers), 0) for outers in ends)

    def settled(self, state: State, tiles: Pending, node: int) -> list[State]:
        """The states after loops of a level have replaced tiles, or these slide no more: one for each outer end."""
        key = state, tiles, node
        if key not in self._settled:
            self._settled[key] = self._settle(state, tiles, node)
        return self._settled[key]

    def _settle(self, state: State, tiles: Pending, node: int) -> list[State]:
        tensors = [tensor for tensor in members(tiles) if tensor < self.space.num_tensors]
        found: list[State] = []
        for outers in itertools.product(*(self._outer_ends(tensor, node) for tensor in tensors)):
            edges = list(state.edges)
            for tensor, outer in zip(tensors, outers, strict=True):
                edges[tensor] = self._ending(tensor, Edge(edges[tensor].inner, outer))
            found.append(State(tuple(edges), state.pending & ~tiles))
        return found

    def stored(self, state: State, node: int) -> list[tuple[Row, State]]:
        """What a level can keep in a state, and the states afterwards."""
        return [
            (row, State(self._with(state.edges, node, row), self.boundaries.brought(node, state.pending, row)))
            for row in itertools.product(*(self._choices(edge, node, t) for t, edge in enumerate(state.edges)))
        ]

    def prices(self, edges: tuple[Edge, ...]) -> EdgePrices:
        """What words cost on the edges of a state; an open edge is taken to end where the tensor must be kept."""
        rows = zip(*(self._column(tensor, edge) for tensor, edge in enumerate(edges)), strict=True)
        return self._priced(tuple(rows))

    def prices_at(self, edges: tuple[Edge, ...], node: int, row: Row) -> EdgePrices:
        """What words cost where a level brings tensors: on the edges that end there, and on those that begin."""
        kept = [list(rows) for rows in self.prices(edges).kept]
        kept[node] = list(row)
        return self._priced(tuple(map(tuple, kept)))

    def prices_of(self, tensor: int, edge: Edge) -> EdgePrices:
        """What the words of one tensor cost on an edge."""
        edges = list(self.first[0].edges)
        edges[tensor] = edge
        return self.prices(tuple(edges))

    def _priced(self, kept: Kept) -> EdgePrices:
        if kept not in self._prices:
            self._prices[kept] = EdgePrices(self.space, self.sums, kept)
        return self._prices[kept]

    def _outer_ends(self, tensor: int, node: int) -> list[int]:
        """The levels that can be the next to keep a tensor, from a node outwards."""
        return self._ends[tensor][node]

    @cached_property
    def _ends(self) -> list[list[list[int]]]:
        return [
            [self._ends_from(tensor, node) for node in range(self.space.machine.num_nodes)]
            for tensor in range(self.space.num_tensors)
        ]

    def _ends_from(self, tensor: int, node: int) -> list[int]:
        found: list[int] = []
        for place in range(node, -1, -1):
            if self.given[place][tensor] is not False:
                found.append(place)
            if self.given[place][tensor]:
                break
        return found

    def _ending(self, tensor: int, edge: Edge) -> Edge:
        """An edge whose end is decided: where it began matters for read-backs, and for tiles that can slide."""
        if tensor == self.space.nest.output or tensor in self.space.tracked:
            return edge
        return Edge(self.space.machine.num_nodes, edge.outer)

    def _choices(self, edge: Edge, node: int, tensor: int) -> tuple[bool, ...]:
        if edge.outer != OPEN:
            return (edge.outer == node,)
        keeps = self.given[node][tensor]
        return (True, False) if keeps is None else (keeps,)

    def _with(self, edges: tuple[Edge, ...], node: int, row: Row) -> tuple[Edge, ...]:
        return tuple(
            self._begun(tensor, edge, node) if keeps else edge
            for tensor, (edge, keeps) in enumerate(zip(edges, row, strict=True))
        )

    def _begun(self, tensor: int, edge: Edge, node: int) -> Edge:
        """The edge that begins where a level brings a tensor."""
        still = edge.outer == OPEN and tensor not in self.space.tracked
        return Edge(node, OPEN, (edge.inner, *edge.inside) if still else ())

    def _column(self, tensor: int, edge: Edge) -> list[bool]:
        column = [row[tensor] for row in self.given]
        if None not in column:
            return [keeps is True for keeps in column]
        end = edge.inner if edge.outer == OPEN else edge.outer
        return [
            node in (edge.inner, edge.outer, *edge.inside) or (keeps is True and node < end)
            for node, keeps in enumerate(column)
        ]
