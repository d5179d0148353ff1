"""Cycles of a mapping as a roofline: every node's busiest instance, each on its own (sections 7 and 9)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ...dmazerunner.cost import burst
from ..resolved_machine import Level, Network, TiledLevel
from .geometry import Geometry, trips_of
from .holding import held_words
from .node_counts import NodeCounts

Term = tuple[str, int]


def roofline(counts: NodeCounts) -> dict[str, int]:
    """Cycles by term; `compute` first, then node by node, as far as a node has bandwidths or a DMA engine."""
    machine = counts.geometry.machine
    terms = {"compute": trips_of(counts.geometry.loops)}
    for node in range(machine.num_nodes):
        level = machine.level_at.get(node)
        if level is None:
            terms.update(_network_terms(counts, machine.network_at[node]))
        elif counts.counted.strides:
            terms.update(_slowed(counts, level, terms["compute"]))
        else:
            terms.update(_level_terms(counts, level))
    return terms


@dataclass(frozen=True)
class TileTimes:
    """Cycles that a tile of the level with an overhead takes at least: to come in, and to be worked on (section 8)."""

    node: int
    tiles: int
    load: int
    work: int

    def in_a_row(self, buffers: int) -> int:
        """Cycles of all tiles; with two buffers one is worked on while the next one comes in."""
        if buffers == 1:
            return self.tiles * (self.load + self.work)
        return self.load + (self.tiles - 1) * max(self.work, self.load) + self.work


def tile_times(geometry: Geometry) -> TileTimes | None:
    """What the overhead makes of a mapping's tiles; `None` on a machine without one."""
    tiled, nest = geometry.machine.tiled, geometry.nest
    if tiled is None:
        return None
    inside = [level.node for level in geometry.machine.levels if level.node >= tiled.node]
    trips = [math.prod(geometry.mapping.factors[node][dim] for node in inside) for dim in range(len(nest.dims))]
    held = held_words(geometry, geometry.machine.level_at[tiled.node])
    words = sum(w for tensor, w in zip(nest.tensors, held, strict=True) if w is not None and not tensor.is_output)
    return TileTimes(
        node=tiled.node,
        tiles=trips_of(geometry.loops_outside(tiled.node)),
        load=tiled.start_cycles + math.ceil(tiled.cycles_per_word * words),
        work=_work(tiled, trips),
    )


def _work(tiled: TiledLevel, trips: list[int]) -> int:
    """Cycles to work through a tile whose dimensions have so many iterations in time."""
    row = 1 if tiled.row is None else trips[tiled.row]
    whole, rest = divmod(row, tiled.block_iterations)
    blocks = whole * max(tiled.block_iterations, tiled.block_cycles)
    blocks += max(rest, tiled.block_cycles) if rest else 0
    loads = math.prod(trips[dim] for dim in tiled.stationary)
    rows = math.prod(t for dim, t in enumerate(trips) if dim not in tiled.stationary and dim != tiled.row)
    return loads * (rows * blocks + tiled.load_cycles)


def dma_cycles(counts: NodeCounts) -> dict[int, int]:
    """Cycles of each level's DMA engine, by node; none under an accounting without networks."""
    machine, found = counts.geometry.machine, dict[int, int]()
    for level in machine.levels:
        if level.dma is not None and counts.counted.has_networks:
            found[level.node] = sum(
                edge.passages * tile_cycles(counts, level, tensor)
                for tensor, edges in enumerate(counts.edges)
                for words, edge in zip(counts.words[tensor], edges, strict=True)
                if words.edge.child == level.node
            )
    return found


def tile_cycles(counts: NodeCounts, level: Level, tensor: int) -> int:
    """Cycles in which the DMA engine of a level moves one tile of a tensor, burst by burst; 0 without an engine."""
    machine, engine = counts.geometry.machine, level.dma
    if engine is None or machine.clock_mhz is None:
        return 0
    moved = burst(counts.geometry.nest.tensors[tensor], counts.geometry.tile(level.node))
    cycles = engine.init_cycles + engine.cycles_per_byte * moved.elements * machine.bytes_per_element[tensor]
    return moved.invocations * math.ceil(cycles * machine.clock_mhz / engine.clock_mhz)


def _level_terms(counts: NodeCounts, level: Level) -> Iterator[Term]:
    reads, writes = counts.busiest(level.node)
    for kind, words, bandwidth in (
        ("reads", reads, level.read_bandwidth),
        ("writes", writes, level.write_bandwidth),
        ("both", reads + writes, level.bandwidth),
    ):
        if bandwidth is not None:
            yield f"{level.name}.{kind}", math.ceil(words / bandwidth)
    if level.node in (engines := dma_cycles(counts)):
        yield f"{level.name}.dma", engines[level.node]
    times = tile_times(counts.geometry)
    if times is not None and times.node == level.node:
        yield f"{level.name}.tiles", times.in_a_row(level.buffers)


def _network_terms(counts: NodeCounts, network: Network) -> Iterator[Term]:
    if network.bandwidth is None:
        return
    for position, tensor in enumerate(counts.geometry.nest.tensors):
        moved = counts.at_fanout(network.node, position)
        if moved is not None:
            yield f"{network.name}.{tensor.name}.down", math.ceil(moved.down.busiest / network.bandwidth)
            if tensor.is_output:
                yield f"{network.name}.{tensor.name}.up", math.ceil(moved.up.busiest / network.bandwidth)


def _slowed(counts: NodeCounts, level: Level, steps: int) -> Iterator[Term]:
    """The steps of a level, slowed down by its ports, as timeloop-model has it: words of one instance for each step."""
    reads = writes = 0.0
    for tensor in range(len(counts.words)):
        moved = counts.at_level(level.node, tensor)
        if moved is not None:
            reads += moved.serve.busiest / steps
            writes += (moved.fill.busiest + moved.update.busiest) / steps
    ports = ((level.read_bandwidth, reads), (level.write_bandwidth, writes), (level.bandwidth, writes + reads))
    shares = [bandwidth / rate for bandwidth, rate in ports if bandwidth is not None and bandwidth < rate]
    if any(bandwidth is not None for bandwidth, _ in ports):
        yield f"{level.name}.ports", math.ceil(steps / min([1.0, *shares]))
