"""The counts of the preset `timeloop` a second time, with nothing but their text: every tuple, every offset.

Source: hierarchy model, section 9, "`timeloop` in full".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise, product

from dmaze.model.hierarchy.hierarchy_cost import Access
from dmaze.model.hierarchy.level_mapping import LevelMapping
from dmaze.model.hierarchy.resolved_machine import ResolvedMachine
from dmaze.model.loop_nest import LoopNest

Loops = list[tuple[tuple[int, ...], int]]
"""By how much the box moves along each axis when a loop advances (zeros where it does not index), and its trips."""


@dataclass(frozen=True)
class PlainStrides:
    """A mapping whose words are counted by the stride rule, tuple by tuple."""

    nest: LoopNest
    machine: ResolvedMachine
    mapping: LevelMapping

    def accesses(self, node: int) -> tuple[Access | None, ...]:
        """What every tensor moves at a storage level, all instances."""
        return tuple(
            _together(self._edges(t, node)) if kept else None for t, kept in enumerate(self.mapping.kept[node])
        )

    def cycles(self) -> int:
        """Cycles of the layer: the largest of its levels'."""
        steps = math.prod(trips for _, _, trips in self._loops(self.machine.num_nodes))
        found = [steps]
        for level in self.machine.levels:
            reads = writes = 0.0
            for access in self.accesses(level.node):
                if access is not None:
                    reads += access.serve / self._instances(level.node) / steps
                    writes += (access.fill + access.update) / self._instances(level.node) / steps
            slow = 1.0
            for bandwidth, rate in (
                (level.read_bandwidth, reads),
                (level.write_bandwidth, writes),
                (level.bandwidth, writes + reads),
            ):
                if bandwidth is not None and bandwidth < rate:
                    slow = min(slow, bandwidth / rate)
            found.append(math.ceil(steps / slow))
        return max(found)

    def _edges(self, t: int, node: int) -> Iterator[Access]:
        """The counts of a tensor at a level, of the edge into it and of the edge out of it."""
        kept = [level.node for level in self.machine.levels if self.mapping.kept[level.node][t]]
        ends = [*kept, self.machine.num_nodes]
        is_output = self.nest.tensors[t].is_output
        for parent, child in pairwise(ends):
            words = self._received(t, child)
            copies = self._copies(t, parent, child)
            if child == node:
                partials = self._partials(node) if is_output else 0
                yield Access(fill=self._instances(node) * (words - partials))
            if parent == node and is_output:
                served = copies * words - self._partials(node)
                yield Access(update=self._instances(node) * copies * words, serve=self._instances(node) * served)
            if parent == node and not is_output:
                yield Access(serve=self._instances(node) * copies * words)

    def _instances(self, node: int) -> int:
        return math.prod(math.prod(self.mapping.factors[n.node]) for n in self.machine.networks if n.node < node)

    def _loops(self, node: int) -> list[tuple[int, int, int]]:
        """Node, dimension and trips of the temporal loops outside a node, outermost first."""
        factors, orders = self.mapping.factors, self.mapping.orders
        nodes = [level.node for level in self.machine.levels if level.node < node]
        return [(n, d, factors[n][d]) for n in nodes for d in orders[n] if factors[n][d] > 1]

    def _stride(self, node: int, d: int) -> int:
        return math.prod(factors[d] for factors in self.mapping.factors[node + 1 :])

    def _extents(self, t: int, node: int) -> list[int]:
        tile = [math.prod(factors[d] for factors in self.mapping.factors[node:]) for d in range(len(self.nest.dims))]
        return [axis.extent(tile) for axis in self.nest.tensors[t].index]

    def _received(self, t: int, child: int) -> int:
        """Words that one instance receives in the whole run."""
        loops = self._loops(child)
        if child == self.machine.num_nodes:
            return math.prod(trips for _, _, trips in loops)
        dims, extents = self.nest.tensors[t].dims, self._extents(t, child)
        while loops and loops[-1][1] not in dims:
            loops.pop()
        merged: Loops = []
        for indexing, run in groupby(loops, key=lambda loop: loop[1] in dims):
            members = [(self._moves(t, node, d), trips) for node, d, trips in run]
            still = ((0,) * len(extents), math.prod(trips for _, trips in members))
            merged += members if indexing else [still]
        return _received(merged, extents)

    def _moves(self, t: int, node: int, d: int) -> tuple[int, ...]:
        return tuple(dict(axis.terms).get(d, 0) * self._stride(node, d) for axis in self.nest.tensors[t].index)

    def _copies(self, t: int, parent: int, child: int) -> int:
        """Words sent for each one received: runs of fanouts without a storage level between them, one after another."""
        networks = [network for network in self.machine.networks if parent < network.node < child]
        copies = 1
        for _, members in groupby(enumerate(networks), key=lambda pair: pair[1].node - pair[0]):
            run = [network for _, network in members]
            shared = [network.node for network in run if network.multicast[t]]
            copies *= math.prod(math.prod(self.mapping.factors[n.node]) for n in run if not n.multicast[t])
            copies *= len(set(self._offsets(t, shared)))
        return copies

    def _offsets(self, t: int, fanouts: Iterable[int]) -> Iterator[tuple[int, ...]]:
        unrolled = [(self._moves(t, f, d), factor) for f in fanouts for d, factor in enumerate(self.mapping.factors[f])]
        for at in product(*(range(factor) for _, factor in unrolled)):
            moves = [tuple(i * move for move in by) for i, (by, _) in zip(at, unrolled, strict=True)]
            yield tuple(map(sum, zip(*moves, strict=True)))

    def _partials(self, node: int) -> int:
        """Words of the output that one instance begins: DRAM's are all."""
        output = self.nest.tensors[self.nest.output]
        tiles = math.prod(trips for _, d, trips in self._loops(node) if d in output.dims)
        return math.prod(self._extents(self.nest.output, node)) * tiles


def _together(edges: Iterable[Access]) -> Access:
    counts = [(edge.fill, edge.serve, edge.drain, edge.update) for edge in edges]
    return Access(*map(sum, zip(*counts, strict=True)))


def _received(loops: Loops, extents: list[int]) -> int:
    """The weighted walk: every loop is cut to its first two trips, the second stands for all that follow."""
    whole = math.prod(extents)
    total, last, before = 0, None, None
    for at in product(*(range(min(trips, 2)) for _, trips in loops)):
        weight = math.prod(trips - 1 for i, (_, trips) in zip(at, loops, strict=True) if i)
        place = tuple(
            sum(i * moves[axis] for i, (moves, _) in zip(at, loops, strict=True)) for axis in range(len(extents))
        )
        if before is None:
            words = whole
        else:
            by = tuple(now - then for now, then in zip(place, before, strict=True))
            if not any(by):
                words = 0
            elif last is None or last == by:
                words = whole - math.prod(max(0, e - abs(b)) for e, b in zip(extents, by, strict=True))
                last = by
            else:
                words, last = whole, None
        total, before = total + weight * words, place
    return total
