"""Cycles of a mapping as a roofline: every node's busiest instance, each on its own (sections 7 and 9)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ...dmazerunner.cost import burst
from ..resolved_machine import Level, Network
from .geometry import trips_of
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
