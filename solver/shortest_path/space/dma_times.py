"""Cycles of DMA engines by tile vector (hierarchy model, section 7)."""

from __future__ import annotations

import numpy as np

from ....model.hierarchy.resolved_machine import Level
from .map_space import MapSpace
from .tile_vectors import Floats


def tile_cycles(space: MapSpace, level: Level, tensor: int) -> Floats:
    """Cycles of the machine's clock in which a level's engine moves one tile of a tensor, for every tile vector.

    Extents join the burst, from the innermost axis outwards, while all before are as long as the stored tensor.
    """
    engine, clock_mhz = level.dma, space.machine.clock_mhz
    if engine is None or clock_mhz is None:
        return np.zeros(space.vectors.size)
    whole = np.ones(space.vectors.size, dtype=np.bool_)
    elements, bursts = np.ones(space.vectors.size), np.ones(space.vectors.size)
    shape = space.nest.tensors[tensor].shape
    for extent, stored in zip(reversed(space.vectors.extents[tensor]), reversed(shape), strict=True):
        elements = np.where(whole, elements * extent, elements)
        bursts = np.where(whole, bursts, bursts * extent)
        whole &= extent == stored
    cycles = engine.init_cycles + engine.cycles_per_byte * elements * space.machine.bytes_per_element[tensor]
    return bursts * np.ceil(cycles * clock_mhz / engine.clock_mhz)
