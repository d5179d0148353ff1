"""What the tiles of a mapping take of every node, and whether they fit (sections 3 and 4)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ..resolved_machine import Level
from .geometry import Geometry, extents


def held_words(geometry: Geometry, level: Level) -> tuple[int | None, ...]:
    """Elements of every tensor's tile in one instance of a level; `None` for those that it does not keep."""
    tile = geometry.tile(level.node)
    return tuple(
        math.prod(extents(tensor, tile)) if kept else None
        for tensor, kept in zip(geometry.nest.tensors, geometry.mapping.kept[level.node], strict=True)
    )


def fits(geometry: Geometry, level: Level) -> bool:
    """Whether the tiles fit the capacity, the banks and the partitions of one instance of a level."""
    return next(exceeded(geometry, level), None) is None


def exceeded(geometry: Geometry, level: Level) -> Iterator[str]:
    """The limits of one instance of a level that the tiles exceed, by the names of the fields that set them."""
    taken = _bytes_taken(geometry, level)
    if level.capacity_bytes is not None and sum(taken) > level.capacity_bytes:
        yield "capacity_bytes"
    if any(limit is not None and size > limit for size, limit in zip(taken, level.partitions, strict=True)):
        yield "partitions"
    if level.bank_bytes is not None and level.banks is not None:
        single = (size // level.buffers for size in taken)
        if sum(-(-size // level.bank_bytes) * level.buffers for size in single) > level.banks:
            yield "bank_bytes"


def utilization(geometry: Geometry, level: Level) -> float | None:
    """Bytes held over the capacity, or else over the partitions of what is limited; `None` where nothing is."""
    taken = _bytes_taken(geometry, level)
    if level.capacity_bytes is not None:
        return sum(taken) / level.capacity_bytes
    limited = [(size, limit) for size, limit in zip(taken, level.partitions, strict=True) if limit is not None]
    if not limited:
        return None
    return sum(size for size, _ in limited) / sum(limit for _, limit in limited)


def _bytes_taken(geometry: Geometry, level: Level) -> Sequence[int]:
    """Bytes that every tensor takes in one instance, all buffers of it; 0 for those not kept."""
    sizes = zip(held_words(geometry, level), geometry.machine.bytes_per_element, strict=True)
    return [(words or 0) * size * level.buffers for words, size in sizes]
