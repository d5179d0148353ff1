"""What one edge adds to the counts of the nodes that it touches (section 5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .moved_words import EdgeWords


@dataclass(frozen=True)
class Count:
    """Words of all instances together, and of instance 0, the busiest."""

    total: int = 0
    busiest: int = 0

    def blocks(self, elements: int) -> int:
        """Accesses of so many elements that all instances need; those that move words move as many as instance 0."""
        if self.busiest == 0:
            return 0
        return self.total // self.busiest * -(-self.busiest // elements)


NONE = Count()


@dataclass(frozen=True)
class FanoutCount:
    """Words down and up and additions of one tensor at one fanout; ``busiest`` of words is at the root of one."""

    down: Count = NONE
    up: Count = NONE
    adds: int = 0


@dataclass(frozen=True)
class EdgeCounts:
    """What moves along one edge: at its inner end ``fill`` and ``drain``, at its outer one ``serve`` and ``update``.

    ``fanouts``: by node. ``passages``: how often a tile passes between the ends, read-backs included.
    """

    fill: Count = NONE
    drain: Count = NONE
    serve: Count = NONE
    update: Count = NONE
    fanouts: dict[int, FanoutCount] = field(default_factory=dict[int, FanoutCount])
    passages: int = 0


def read_counts(words: EdgeWords) -> EdgeCounts:
    """The counts of an edge of a tensor that is read: the upper table of section 5."""
    edge, instances = words.edge, words.geometry.instances
    one, served = words.moved_in_all(()), words.demand(edge.fanouts)

    def fanout(node: int) -> FanoutCount:
        demand = words.demand(words.inside(node))
        down = instances(node) * words.geometry.spread(node) * demand
        return FanoutCount(down=Count(down, words.demand((node, *words.inside(node)))))

    return EdgeCounts(
        fill=NONE if words.into_mac else Count(instances(edge.child) * one, one),
        serve=Count(instances(edge.parent) * served, served),
        fanouts=_by_fanout(words, fanout),
        passages=words.visits,
    )


def output_counts(words: EdgeWords) -> EdgeCounts:
    """The counts of an edge of the output: the lower table of section 5."""
    edge, instances = words.edge, words.geometry.instances
    up, back = words.visits * words.tile_words, words.read_backs * words.tile_words
    copies = words.outputs(edge.fanouts)
    received = instances(edge.child) if words.counted.reads_back_to_all else instances(edge.parent) * copies

    def fanout(node: int) -> FanoutCount:
        here, inside = words.outputs((node,)), words.outputs(words.inside(node))
        spread = words.geometry.spread(node)
        return FanoutCount(
            down=Count(instances(edge.parent) * copies * back, here * inside * back),
            up=Count(instances(node) * spread * inside * up, here * inside * up),
            adds=instances(node) * here * (spread // here - 1) * inside * up,
        )

    drained = words.counted.drain_reads and not words.into_mac
    return EdgeCounts(
        fill=NONE if words.into_mac else Count(received * back, back),
        drain=Count(instances(edge.child) * up, up) if drained else NONE,
        serve=Count(instances(edge.parent) * copies * back, copies * back),
        update=Count(instances(edge.parent) * copies * up, copies * up),
        fanouts=_by_fanout(words, fanout),
        passages=words.visits + words.read_backs,
    )


def _by_fanout(words: EdgeWords, count: Callable[[int], FanoutCount]) -> dict[int, FanoutCount]:
    """The counts of the edge's fanouts by node; none under an accounting without networks."""
    return {node: count(node) for node in words.edge.fanouts} if words.counted.has_networks else {}
