"""Energy of a batch of mappings, in the order of the one-at-a-time model (sections 6 and 15)."""

from __future__ import annotations

import numpy as np

from ..resolved_machine import Level, Network
from .counts.batch_counts import BatchCounts
from .counts.batch_shapes import BatchShapes
from .mapping_arrays import Floats, Ints


def batch_energy(shapes: BatchShapes, counts: BatchCounts, accesses: Ints) -> Floats:
    """``[part]``: energy in pJ of the multiply-accumulates and of every node; ``accesses``: of single elements.

    What costs nothing adds 0.0, which changes no sum: it is left out.
    """
    machine = shapes.machine
    parts = np.zeros((1 + machine.num_nodes, shapes.size))
    parts[0] = shapes.nest.num_macs * machine.mac_pj
    for place, level in enumerate(machine.levels):
        blocks = accesses if level.block_elements == 1 else counts.accesses(shapes, level.block_elements)
        _add_level(parts[1 + level.node], level, blocks[:, place])
    for place, network in enumerate(machine.networks):
        _add_network(parts[1 + network.node], network, counts.networks[:, place])
    return parts


def _add_level(part: Floats, level: Level, blocks: Ints) -> None:
    for tensor, (read_pj, write_pj) in enumerate(zip(level.read_pj, level.write_pj, strict=True)):
        if level.keep[tensor] != "never":
            fill, serve, drain, update = blocks[:, tensor]
            if read_pj:
                part += (serve + drain) * read_pj
            if write_pj:
                part += (fill + update) * write_pj


def _add_network(part: Floats, network: Network, words: Ints) -> None:
    for tensor, word_pj in enumerate(network.word_pj):
        down, up, adds = words[:, tensor]
        if word_pj:
            part += (down + up) * word_pj
        if network.add_pj:
            part += adds * network.add_pj
