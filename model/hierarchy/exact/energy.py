"""Energy of a mapping, node by node (section 6)."""

from __future__ import annotations

from ..resolved_machine import Level, Network
from .node_counts import NodeCounts


def energy_parts(counts: NodeCounts) -> dict[str, float]:
    """Energy in pJ of the multiply-accumulates and of every node, `mac` first.

    Integers times prices, summed in binary64 in a fixed order: node by node, tensor by tensor, reads before writes.
    """
    machine = counts.geometry.machine
    parts = {"mac": counts.geometry.nest.num_macs * machine.mac_pj}
    for node, name in enumerate(machine.nodes):
        level = machine.level_at.get(node)
        parts[name] = _of_network(counts, machine.network_at[node]) if level is None else _of_level(counts, level)
    return parts


def _of_level(counts: NodeCounts, level: Level) -> float:
    total = 0.0
    for tensor, (read_pj, write_pj) in enumerate(zip(level.read_pj, level.write_pj, strict=True)):
        moved = counts.at_level(level.node, tensor)
        if moved is not None:
            size = level.block_elements
            total += (moved.serve.blocks(size) + moved.drain.blocks(size)) * read_pj
            total += (moved.fill.blocks(size) + moved.update.blocks(size)) * write_pj
    return total


def _of_network(counts: NodeCounts, network: Network) -> float:
    total = 0.0
    for tensor, word_pj in enumerate(network.word_pj):
        moved = counts.at_fanout(network.node, tensor)
        if moved is not None:
            total += (moved.down.total + moved.up.total) * word_pj
            total += moved.adds * network.add_pj
    return total
