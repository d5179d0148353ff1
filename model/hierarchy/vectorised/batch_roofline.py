"""Cycles of a batch of mappings as a roofline (sections 7 and 9)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..accountings import Accounting
from ..resolved_machine import Level, Network, TiledLevel
from .counts.batch_counts import BatchCounts
from .counts.batch_shapes import BatchShapes
from .exact_division import quotient
from .mapping_arrays import Floats, Ints, Mask

Term = tuple[str, Ints]


def batch_roofline(shapes: BatchShapes, counts: BatchCounts, counted: Accounting, busiest: Ints) -> Iterator[Term]:
    """Cycles by term; `compute` first, then node by node, as far as a node has bandwidths or a DMA engine."""
    machine = shapes.machine
    places = {level.node: place for place, level in enumerate(machine.levels)}
    yield "compute", shapes.compute_cycles
    for node in range(machine.num_nodes):
        if node in machine.network_at:
            yield from _network_terms(shapes, counts, machine.network_at[node], counted)
        elif counted.strides:
            yield from _slowed(shapes, counts, places[node])
        else:
            yield from _level_terms(shapes, counts, places[node], counted, busiest)


def _level_terms(
    shapes: BatchShapes, counts: BatchCounts, place: int, counted: Accounting, busiest: Ints
) -> Iterator[Term]:
    level = shapes.machine.levels[place]
    ports = level.read_bandwidth, level.write_bandwidth, level.bandwidth
    if ports != (None, None, None):
        reads, writes = busiest[:, place]
        words = (("reads", reads), ("writes", writes), ("both", reads + writes))
        for (kind, moved), bandwidth in zip(words, ports, strict=True):
            if bandwidth is not None:
                yield f"{level.name}.{kind}", cycles_of(moved, bandwidth)
    if level.dma is not None and counted.has_networks:
        yield f"{level.name}.dma", batch_dma_cycles(shapes, counts, place)
    times = batch_tile_times(shapes, place)
    if times is not None:
        yield f"{level.name}.tiles", _in_a_row(shapes, place, *times)


def batch_tile_times(shapes: BatchShapes, place: int) -> tuple[Ints, Ints] | None:
    """Least cycles in which a tile of a level comes in and is worked on; `None` for a level without an overhead."""
    tiled, level = shapes.machine.tiled, shapes.machine.levels[place]
    if tiled is None or tiled.node != level.node:
        return None
    words = np.zeros(shapes.size, dtype=np.int64)
    for tensor, known in enumerate(shapes.nest.tensors):
        if not known.is_output:
            words += shapes.words[tensor][place] * shapes.kept[place, tensor]
    load: Ints = tiled.start_cycles + np.ceil(tiled.cycles_per_word * words).astype(np.int64)
    trips = np.multiply.reduce(shapes.factors[shapes.nodes[place:-1]], axis=0)
    return load, _work(tiled, trips)


def _work(tiled: TiledLevel, trips: Ints) -> Ints:
    """Cycles to work through tiles; ``trips[dim]``: iterations of their dimensions in time."""
    ones = np.ones_like(trips[0])
    row = ones if tiled.row is None else trips[tiled.row]
    rest = row % tiled.block_iterations
    blocks = row // tiled.block_iterations * max(tiled.block_iterations, tiled.block_cycles)
    blocks += np.where(rest > 0, np.maximum(rest, tiled.block_cycles), 0)
    loads, rows = ones, ones
    for dim, size in enumerate(trips):
        if dim in tiled.stationary:
            loads = loads * size
        elif dim != tiled.row:
            rows = rows * size
    return loads * (rows * blocks + tiled.load_cycles)


def _in_a_row(shapes: BatchShapes, place: int, load: Ints, work: Ints) -> Ints:
    """Cycles of all tiles of a level, one after the other or, with two buffers, one beside the other."""
    tiles = np.multiply.reduce(shapes.spread[shapes.nodes[:place]], axis=0)
    if shapes.machine.levels[place].buffers == 1:
        return tiles * (load + work)
    return load + (tiles - 1) * np.maximum(work, load) + work


def _network_terms(shapes: BatchShapes, counts: BatchCounts, network: Network, counted: Accounting) -> Iterator[Term]:
    if network.bandwidth is None or not counted.has_networks:
        return
    place = shapes.machine.networks.index(network)
    for position, tensor in enumerate(shapes.nest.tensors):
        down, up = counts.roots[:, place, position]
        yield f"{network.name}.{tensor.name}.down", cycles_of(down, network.bandwidth)
        if tensor.is_output:
            yield f"{network.name}.{tensor.name}.up", cycles_of(up, network.bandwidth)


def cycles_of(words: Ints, bandwidth: float) -> Ints:
    """Cycles in which some words pass, rounded up."""
    cycles: Ints = np.ceil(words / bandwidth).astype(np.int64)
    return cycles


def batch_dma_cycles(shapes: BatchShapes, counts: BatchCounts, place: int) -> Ints:
    """Cycles of a level's DMA engine."""
    total = np.zeros(shapes.size, dtype=np.int64)
    for tensor in range(len(shapes.nest.tensors)):
        if shapes.machine.levels[place].keep[tensor] != "never":
            total += counts.passages[place, tensor] * tile_cycles(shapes, place, tensor)
    return total


def tile_cycles(shapes: BatchShapes, place: int, tensor: int) -> Ints:
    """Cycles in which the DMA engine of a level moves one tile of a tensor, burst by burst; 0 without an engine."""
    machine = shapes.machine
    engine = machine.levels[place].dma
    if engine is None or machine.clock_mhz is None:
        return np.zeros(shapes.size, dtype=np.int64)
    elements, bursts = _bursts(shapes, place, tensor)
    cycles = engine.init_cycles + engine.cycles_per_byte * elements * machine.bytes_per_element[tensor]
    of_burst: Ints = np.ceil(cycles * machine.clock_mhz / engine.clock_mhz).astype(np.int64)
    return bursts * of_burst


def _bursts(shapes: BatchShapes, place: int, tensor: int) -> tuple[Ints, Ints]:
    """Elements of one burst, and bursts of one tile: axes join a burst while all inner ones are full."""
    elements = bursts = np.ones(shapes.size, dtype=np.int64)
    full: Mask = np.ones(shapes.size, dtype=np.bool_)
    stored = zip(shapes.extents[tensor], shapes.nest.tensors[tensor].shape, strict=True)
    for extents, size in reversed(list(stored)):
        extent = extents[place]
        elements, bursts = elements * np.where(full, extent, 1), bursts * np.where(full, 1, extent)
        full = full & (extent == size)
    return elements, bursts


def _slowed(shapes: BatchShapes, counts: BatchCounts, place: int) -> Iterator[Term]:
    """The steps of a level, slowed down by its ports, as timeloop-model has it: words of one instance for each step."""
    level, steps = shapes.machine.levels[place], shapes.compute_cycles
    reads, writes = np.zeros(shapes.size), np.zeros(shapes.size)
    for tensor in range(len(shapes.nest.tensors)):
        reads += quotient(counts.serve[place, tensor], steps)
        writes += quotient(counts.fill[place, tensor] + counts.update[place, tensor], steps)
    slow = _slowdown(level, reads, writes)
    if slow is not None:
        yield f"{level.name}.ports", np.ceil(steps / slow).astype(np.int64)


def _slowdown(level: Level, reads: Floats, writes: Floats) -> Floats | None:
    """The share of its speed that a level's ports leave it, at most 1; `None` for a level without bandwidths."""
    slow: Floats | None = None
    ports = ((level.read_bandwidth, reads), (level.write_bandwidth, writes), (level.bandwidth, writes + reads))
    for bandwidth, rate in ports:
        if bandwidth is not None:
            share = bandwidth / np.maximum(rate, bandwidth)
            slow = share if slow is None else np.minimum(slow, share)
    return slow
