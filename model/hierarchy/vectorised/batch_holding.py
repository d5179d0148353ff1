"""What the tiles of a batch of mappings take of every node, and whether they fit (sections 3 and 4)."""

from __future__ import annotations

import numpy as np

from ..resolved_machine import Level
from .counts.batch_shapes import BatchShapes
from .exact_division import quotient
from .mapping_arrays import Floats, Ints, Mask


def batch_held(shapes: BatchShapes) -> Ints:
    """``[level, tensor]``: elements of one instance's tile, 0 where it is not kept."""
    held = np.empty((shapes.mac, len(shapes.nest.tensors), shapes.size), dtype=np.int64)
    for tensor, words in enumerate(shapes.words):
        for level in range(shapes.mac):
            np.multiply(words[level], shapes.kept[level, tensor], out=held[level, tensor])
    return held


def batch_fits(shapes: BatchShapes, held: Ints) -> Mask:
    """``[node]``: whether what is held or unrolled there fits."""
    fits = np.ones((shapes.machine.num_nodes, shapes.size), dtype=np.bool_)
    for network in shapes.machine.networks:
        np.less_equal(shapes.spread[network.node], network.size, out=fits[network.node])
    for place, level in enumerate(shapes.machine.levels):
        if level.capacity_bytes is not None:
            fits[level.node] &= _bytes_taken(shapes, held, place) <= level.capacity_bytes
        for tensor, limit in enumerate(level.partitions):
            if limit is not None:
                fits[level.node] &= _bytes_of(shapes, held, place, tensor) <= limit
        if level.bank_bytes is not None and level.banks is not None:
            fits[level.node] &= _banks_taken(shapes, held, place, level.bank_bytes) <= level.banks
    return fits


def batch_utilization(shapes: BatchShapes, held: Ints) -> tuple[Floats | None, ...]:
    """By node: bytes held over the capacity, or over the partitions of what has one; of a fanout instances in use."""
    found: list[Floats | None] = [None] * shapes.machine.num_nodes
    for network in shapes.machine.networks:
        found[network.node] = quotient(shapes.spread[network.node], network.size)
    for place, level in enumerate(shapes.machine.levels):
        limit, tensors = _limit(level)
        if limit:
            taken = [_bytes_of(shapes, held, place, tensor) for tensor in tensors]
            found[level.node] = quotient(np.add.reduce(taken), limit)
    return tuple(found)


def _limit(level: Level) -> tuple[int, list[int]]:
    """The bytes that limit a level, 0 for none, and the tensors that they limit."""
    if level.capacity_bytes is not None:
        return level.capacity_bytes, list(range(len(level.partitions)))
    limits = {tensor: limit for tensor, limit in enumerate(level.partitions) if limit is not None}
    return sum(limits.values()), list(limits)


def _bytes_of(shapes: BatchShapes, held: Ints, place: int, tensor: int) -> Ints:
    """Bytes that a tensor takes in one instance, all buffers of it."""
    machine = shapes.machine
    return held[place, tensor] * (machine.bytes_per_element[tensor] * machine.levels[place].buffers)


def _bytes_taken(shapes: BatchShapes, held: Ints, place: int) -> Ints:
    taken: Ints = np.add.reduce([_bytes_of(shapes, held, place, t) for t in range(len(shapes.nest.tensors))])
    return taken


def _banks_taken(shapes: BatchShapes, held: Ints, place: int, bank_bytes: int) -> Ints:
    """Whole banks that all tensors take, all buffers of them."""
    total = np.zeros(shapes.size, dtype=np.int64)
    for tensor, size in enumerate(shapes.machine.bytes_per_element):
        total += -(-held[place, tensor] * size // bank_bytes)
    return total * shapes.machine.levels[place].buffers
