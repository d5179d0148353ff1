"""Energy of a mapping, node by node (section 6)."""

from __future__ import annotations

from ..hierarchy_cost import summed
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


def tensor_energy(counts: NodeCounts) -> dict[str, tuple[float, ...]]:
    """Energy in pJ of every node that each tensor causes; a node's tensors sum to its part, but for rounding."""
    machine = counts.geometry.machine
    found: dict[str, tuple[float, ...]] = {}
    for node, name in enumerate(machine.nodes):
        level, tensors = machine.level_at.get(node), range(len(counts.geometry.nest.tensors))
        if level is None:
            found[name] = tuple(summed(_at_fanout(counts, machine.network_at[node], t)) for t in tensors)
        else:
            found[name] = tuple(summed(_at_level(counts, level, t)) for t in tensors)
    return found


def _of_level(counts: NodeCounts, level: Level) -> float:
    return summed(part for t in range(len(level.read_pj)) for part in _at_level(counts, level, t))


def _at_level(counts: NodeCounts, level: Level, tensor: int) -> tuple[float, ...]:
    """Energy of a tensor's reads and of its writes at a level."""
    moved, size = counts.at_level(level.node, tensor), level.block_elements
    if moved is None:
        return ()
    reads = (moved.serve.blocks(size) + moved.drain.blocks(size)) * level.read_pj[tensor]
    return reads, (moved.fill.blocks(size) + moved.update.blocks(size)) * level.write_pj[tensor]


def _of_network(counts: NodeCounts, network: Network) -> float:
    return summed(part for t in range(len(network.word_pj)) for part in _at_fanout(counts, network, t))


def _at_fanout(counts: NodeCounts, network: Network, tensor: int) -> tuple[float, ...]:
    """Energy of a tensor's words and of its additions at a fanout."""
    moved = counts.at_fanout(network.node, tensor)
    if moved is None:
        return ()
    return (moved.down.total + moved.up.total) * network.word_pj[tensor], moved.adds * network.add_pj
