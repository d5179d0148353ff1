"""The counts of a whole mapping, gathered node by node from its edges (section 5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from ..accountings import Accounting
from ..hierarchy_cost import Access, Traffic
from .edge_counts import NONE, Count, EdgeCounts, FanoutCount, output_counts, read_counts
from .geometry import Geometry
from .moved_words import EdgeWords
from .stride_rule import stride_counts


@dataclass(frozen=True)
class LevelCounts:
    """What one tensor moves at one level: the counts of the two edges that it is an end of."""

    fill: Count = NONE
    serve: Count = NONE
    drain: Count = NONE
    update: Count = NONE

    @property
    def access(self) -> Access:
        """Elements of all instances."""
        return Access(self.fill.total, self.serve.total, self.drain.total, self.update.total)

    @property
    def busiest(self) -> Access:
        """Elements of instance 0."""
        return Access(self.fill.busiest, self.serve.busiest, self.drain.busiest, self.update.busiest)


@dataclass(frozen=True)
class NodeCounts:
    """All edges of a mapping with their counts under an accounting."""

    geometry: Geometry
    counted: Accounting

    @cached_property
    def words(self) -> tuple[tuple[EdgeWords, ...], ...]:
        """The edges of every tensor, the outermost first."""
        return tuple(
            tuple(EdgeWords(self.geometry, edge, self.counted) for edge in self.geometry.edges(tensor))
            for tensor in range(len(self.geometry.nest.tensors))
        )

    @cached_property
    def edges(self) -> tuple[tuple[EdgeCounts, ...], ...]:
        """The counts of those edges."""
        return tuple(tuple(self._rule(words)(words) for words in edges) for edges in self.words)

    def _rule(self, words: EdgeWords) -> Callable[[EdgeWords], EdgeCounts]:
        if self.counted.strides:
            return stride_counts
        return output_counts if words.tensor.is_output else read_counts

    def entering(self, node: int, tensor: int) -> EdgeWords | None:
        """The edge into a level that keeps a tensor, or `None`: DRAM has none."""
        return next((words for words in self.words[tensor] if words.edge.child == node), None)

    def at_level(self, node: int, tensor: int) -> LevelCounts | None:
        """What a tensor moves at a level; `None` where it is not kept."""
        if not self.geometry.mapping.kept[node][tensor]:
            return None
        outer, inner = EdgeCounts(), EdgeCounts()
        for words, counts in zip(self.words[tensor], self.edges[tensor], strict=True):
            outer = counts if words.edge.child == node else outer
            inner = counts if words.edge.parent == node else inner
        return LevelCounts(fill=outer.fill, drain=outer.drain, serve=inner.serve, update=inner.update)

    def at_fanout(self, node: int, tensor: int) -> FanoutCount | None:
        """What a tensor moves at a fanout, at most one edge of it; `None` under an accounting without networks."""
        return next((counts.fanouts[node] for counts in self.edges[tensor] if node in counts.fanouts), None)

    def accesses(self, node: int) -> tuple[Access | None, ...]:
        """Elements that every tensor moves at a level, all instances; `None` where it is not kept."""
        found = (self.at_level(node, tensor) for tensor in range(len(self.words)))
        return tuple(None if counts is None else counts.access for counts in found)

    def traffic(self, node: int) -> tuple[Traffic | None, ...]:
        """Words of every tensor at a fanout, all instances; `None` under an accounting without networks."""
        found = (self.at_fanout(node, tensor) for tensor in range(len(self.words)))
        return tuple(None if c is None else Traffic(c.down.total, c.up.total, c.adds) for c in found)

    def busiest(self, node: int) -> tuple[int, int]:
        """Elements that instance 0 of a level reads and writes."""
        found = [self.at_level(node, tensor) for tensor in range(len(self.words))]
        moved = [counts.busiest for counts in found if counts is not None]
        return sum(access.reads for access in moved), sum(access.writes for access in moved)
