"""The walk of a mapping a second time, with nothing but its text: every tuple of every loop, words as sets.

Source: hierarchy model, section 8 with its clarifications in section 15; the accounting is `executed`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from dmaze.model.hierarchy.level_mapping import LevelMapping, overlapping_axes
from dmaze.model.hierarchy.resolved_machine import Level, ResolvedMachine
from dmaze.model.loop_nest import LoopNest

Index = tuple[int, ...]
"""Values of the outermost temporal loops, of as many as there are."""
Point = tuple[int, ...]
"""An index of the nest, by dimension."""
Box = frozenset[tuple[int, ...]]
"""Words of a tensor."""


@dataclass(frozen=True)
class Move:
    """Words that one tensor moves at an instance of a level, at its parent's, and at the roots of fanouts between."""

    tensor: int
    parent: int
    at_level: int
    at_parent: int
    at_roots: dict[int, int]


@dataclass(frozen=True)
class PlainWalk:
    """A mapping whose loops are walked one by one."""

    nest: LoopNest
    machine: ResolvedMachine
    mapping: LevelMapping

    def cycles(self) -> int:
        """Cycles of the run, without regard to the roofline."""
        return self._pass(0, ())

    @cached_property
    def _loops(self) -> list[tuple[int, int, int]]:
        """Node, dimension and trips of every temporal loop that iterates."""
        factors, orders = self.mapping.factors, self.mapping.orders
        nodes = [level.node for level in self.machine.levels]
        return [(node, d, factors[node][d]) for node in nodes for d in orders[node] if factors[node][d] > 1]

    def _outside(self, node: int) -> int:
        """How many loops stand outside a node."""
        return sum(level < node for level, _, _ in self._loops)

    def _stride(self, node: int, d: int) -> int:
        return math.prod(factors[d] for factors in self.mapping.factors[node + 1 :])

    def _pass(self, place: int, index: Index) -> int:
        return max(self._longest(place, index), self._tile_work(self.machine.levels[place]))

    def _tile_work(self, level: Level) -> int:
        """Least cycles of a pass: block after block of the innermost dimension that moves."""
        tiled, trips = self.machine.tiled, self._trips(level)
        if tiled is None or tiled.node != level.node:
            return 0
        row = 1 if tiled.row is None else trips[tiled.row]
        blocks = [min(tiled.block_iterations, row - start) for start in range(0, row, tiled.block_iterations)]
        loads = math.prod(trip for d, trip in enumerate(trips) if d in tiled.stationary)
        rows = math.prod(trips) // loads // row
        return loads * (rows * sum(max(size, tiled.block_cycles) for size in blocks) + tiled.load_cycles)

    def _tile_load(self, level: Level) -> int:
        """Least cycles in which a tile comes in: all that is read comes in."""
        tiled = self.machine.tiled
        if tiled is None or tiled.node != level.node:
            return 0
        reads = [t for t, tensor in enumerate(self.nest.tensors) if not tensor.is_output]
        words = sum(self._whole(t, level.node).at_level for t in reads if self.mapping.kept[level.node][t])
        return tiled.start_cycles + math.ceil(tiled.cycles_per_word * words)

    def _trips(self, level: Level) -> list[int]:
        """Iterations of every dimension at a level and all inside it."""
        nodes = [inner.node for inner in self.machine.levels if inner.node >= level.node]
        return [math.prod(self.mapping.factors[node][d] for node in nodes) for d in range(len(self.nest.dims))]

    def _longest(self, place: int, index: Index) -> int:
        levels = self.machine.levels
        own = [trips for node, _, trips in self._loops if node == levels[place].node]
        if place == len(levels) - 1:
            return self._innermost(math.prod(own))
        inner = levels[place + 1]
        tuples = [(*index, *values) for values in product(*map(range, own))]
        loads = [max(self._time(inner, list(self._in(inner, at))), self._tile_load(inner)) for at in tuples]
        bodies = [self._pass(place + 1, at) for at in tuples]
        stores = [self._time(inner, list(self._out(inner, at)), out=True) for at in tuples]
        if inner.buffers == 1:
            return sum(loads) + sum(bodies) + sum(stores)
        steps = zip(bodies, [*loads[1:], 0], [0, *stores[:-1]], strict=True)
        return loads[0] + sum(max(body, load + store) for body, load, store in steps) + stores[-1]

    def _innermost(self, trips: int) -> int:
        node = self.machine.num_nodes
        moves = [self._whole(t, node) for t in range(len(self.nest.tensors))]
        written = [self._whole(self.nest.output, node)]
        times = [trips]
        for level in self.machine.levels:
            reads = sum(move.at_parent for move in moves if move.parent == level.node) * trips
            writes = sum(move.at_parent for move in written if move.parent == level.node) * trips
            times += _port_times(level, reads, writes)
        return max([*times, *self._root_times(moves, trips)])

    def _in(self, level: Level, index: Index) -> Iterator[Move]:
        """What is moved into a level as a tuple of all loops outside it is entered."""
        before = self._neighbour(index, -1)
        for t, tensor in enumerate(self.nest.tensors):
            if not self.mapping.kept[level.node][t] or not self._changes(t, before, index):
                continue
            if tensor.is_output:
                if self._overlaps or not self._fresh(index):
                    yield self._whole(t, level.node)
            elif level.halo and before is not None:
                yield self._shifted(t, level.node, before, index)
            else:
                yield self._whole(t, level.node)

    def _out(self, level: Level, index: Index) -> Iterator[Move]:
        """What is moved out of a level as a tuple of all loops outside it is left."""
        t = self.nest.output
        if self.mapping.kept[level.node][t] and self._changes(t, index, self._neighbour(index, 1)):
            yield self._whole(t, level.node)

    def _neighbour(self, index: Index, step: int) -> Index | None:
        """The tuple before or after one; `None` at the run's start and end."""
        trips = [trips for _, _, trips in self._loops[: len(index)]]
        number = 0
        for value, trip in zip(index, trips, strict=True):
            number = number * trip + value
        number += step
        if not 0 <= number < math.prod(trips):
            return None
        values: list[int] = []
        for trip in reversed(trips):
            values.append(number % trip)
            number //= trip
        return tuple(reversed(values))

    def _changes(self, t: int, one: Index | None, other: Index | None) -> bool:
        """Whether a tensor's tile changes between two tuples of all loops outside a level."""
        if one is None or other is None:
            return True
        dims = self.nest.tensors[t].dims
        last = max((i for i in range(len(one)) if self._loops[i][1] in dims), default=-1)
        return one[: last + 1] != other[: last + 1]

    @property
    def _overlaps(self) -> bool:
        return bool(overlapping_axes(self.nest))

    def _fresh(self, index: Index) -> bool:
        """Whether all loops outside that do not index the output stand at 0."""
        dims = self.nest.tensors[self.nest.output].dims
        return all(value == 0 for value, (_, d, _) in zip(index, self._loops, strict=False) if d not in dims)

    def _whole(self, t: int, node: int) -> Move:
        return self._move(t, node, lambda instance: self._box(t, node, instance))

    def _shifted(self, t: int, node: int, before: Index, index: Index) -> Move:
        """The words of a tile that were not in the one before."""
        old, new = self._origin(before), self._origin(index)

        def words(instance: Point) -> Box:
            here, there = (
                self._box(t, node, tuple(a + b for a, b in zip(origin, instance, strict=True))) for origin in (new, old)
            )
            return here - there

        return self._move(t, node, words)

    def _move(self, t: int, node: int, words: Callable[[Point], Box]) -> Move:
        parent = max(p.node for p in self.machine.levels if p.node < node and self.mapping.kept[p.node][t])
        fanouts = [network.node for network in self.machine.networks if parent < network.node < node]
        zero = (0,) * len(self.nest.dims)
        is_output = self.nest.tensors[t].is_output
        sent = self._outputs if is_output else self._sent
        return Move(
            tensor=t,
            parent=parent,
            at_level=len(words(zero)),
            at_parent=sent(t, fanouts, words),
            at_roots={f: sent(t, [inner for inner in fanouts if inner >= f], words) for f in fanouts},
        )

    def _sent(self, t: int, fanouts: Iterable[int], words: Callable[[Point], Box]) -> int:
        """Words sent to all instances of some fanouts: one for all that share a multicast, one for each other copy."""
        shared, apart = [(0,) * len(self.nest.dims)], 1
        for fanout in fanouts:
            if self.machine.network_at[fanout].multicast[t]:
                shared = self._instances(shared, fanout)
            else:
                apart *= math.prod(self.mapping.factors[fanout])
        return apart * len(frozenset[tuple[int, ...]]().union(*map(words, shared)))

    def _outputs(self, t: int, fanouts: Iterable[int], words: Callable[[Point], Box]) -> int:
        """Words of all different tiles of the output at the instances of some fanouts."""
        instances = [(0,) * len(self.nest.dims)]
        for fanout in fanouts:
            instances = self._instances(instances, fanout)
        own = {tuple(i if d in self.nest.tensors[t].dims else 0 for d, i in enumerate(at)) for at in instances}
        return sum(len(words(at)) for at in own)

    def _instances(self, origins: Iterable[Point], fanout: int) -> list[Point]:
        factors = self.mapping.factors[fanout]
        offsets = list(product(*map(range, factors)))
        return [
            tuple(o + i * self._stride(fanout, d) for d, (o, i) in enumerate(zip(origin, offset, strict=True)))
            for origin in origins
            for offset in offsets
        ]

    def _origin(self, index: Index) -> Point:
        """Where the tile begins at instance 0."""
        origin = [0] * len(self.nest.dims)
        for value, (node, d, _) in zip(index, self._loops, strict=False):
            origin[d] += value * self._stride(node, d)
        return tuple(origin)

    def _box(self, t: int, node: int, origin: Point) -> Box:
        """The words of a tile that begins at a point: an interval for every axis, holes included."""
        tile = self._tile(node)
        axes: list[range] = []
        for axis in self.nest.tensors[t].index:
            low = sum(a * origin[d] + min(0, a * (tile[d] - 1)) for d, a in axis.terms)
            axes.append(range(low, low + axis.extent(tile)))
        return frozenset(product(*axes))

    def _tile(self, node: int) -> list[int]:
        return [math.prod(factors[d] for factors in self.mapping.factors[node:]) for d in range(len(self.nest.dims))]

    def _time(self, level: Level, moves: list[Move], *, out: bool = False) -> int:
        """Cycles of a set of moves into a level, or out of it."""
        times = [0]
        for parent in self.machine.levels:
            words = sum(move.at_parent for move in moves if move.parent == parent.node)
            times += _port_times(parent, 0, words) if out else _port_times(parent, words, 0)
        words = sum(move.at_level for move in moves)
        times += _port_times(level, words, 0) if out else _port_times(level, 0, words)
        times.append(sum(self._dma_cycles(level, move.tensor) for move in moves))
        return max([*times, *self._root_times(moves, 1)])

    def _dma_cycles(self, level: Level, t: int) -> int:
        """Cycles in which a level's engine moves a tile: bursts as long as rows are whole."""
        engine, clock, tensor = level.dma, self.machine.clock_mhz, self.nest.tensors[t]
        if engine is None or clock is None:
            return 0
        elements = bursts = 1
        whole = True
        for axis, stored in reversed(list(zip(tensor.index, tensor.shape, strict=True))):
            extent = axis.extent(self._tile(level.node))
            elements, bursts = (elements * extent, bursts) if whole else (elements, bursts * extent)
            whole = whole and extent == stored
        cycles = engine.init_cycles + engine.cycles_per_byte * elements * self.machine.bytes_per_element[t]
        return bursts * math.ceil(cycles * clock / engine.clock_mhz)

    def _root_times(self, moves: Iterable[Move], trips: int) -> Iterator[int]:
        for move in moves:
            for fanout, words in move.at_roots.items():
                bandwidth = self.machine.network_at[fanout].bandwidth
                if bandwidth is not None:
                    yield math.ceil(words * trips / bandwidth)


def _port_times(level: Level, reads: int, writes: int) -> Iterator[int]:
    for words, bandwidth in (
        (reads, level.read_bandwidth),
        (writes, level.write_bandwidth),
        (reads + writes, level.bandwidth),
    ):
        if bandwidth is not None:
            yield math.ceil(words / bandwidth)
