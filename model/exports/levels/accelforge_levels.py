"""Exports of mappings onto hierarchies for AccelForge (LoopTree mappings); ``docs/interop.md`` has the rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from ...hierarchy.machine import StorageLevel
from ...hierarchy.resolved_machine import Level, ResolvedMachine
from ...loop_nest import LoopNest
from ..accelforge import (
    COMPUTE,
    AccelForgeNames,
    compute_node,
    memory_node,
    spatial_loop,
    storage_node,
    temporal_loop,
    workload_document,
)
from ..accelforge import why_not as why_not_nest
from ..names import allotted_names, renaming_comments, workload_comments
from ..yaml_text import Tagged, yaml_text
from .mapped_levels import MappedLevels, differing_prices, level_prices, missing_multicast, overlapping_output

_BITS_PER_BYTE = 8
_ALL = "inf"


def why_not_levels(nest: LoopNest, machine: ResolvedMachine) -> str | None:
    """Why AccelForge cannot express a nest on a machine, or ``None`` where it can."""
    objection = why_not_nest(nest) or overlapping_output(nest) or differing_prices(machine)
    if objection is None and len(set(machine.bytes_per_element)) > 1:
        objection = "its tensors' elements differ in size"
    return objection or missing_multicast(nest, machine)


def unsaid_by_accelforge(machine: ResolvedMachine) -> Iterator[str]:
    """What the files say otherwise than the machine, beside the fields that they leave out."""
    for level in machine.levels:
        if level.block_elements > 1:
            yield f"accesses of {level.name} are not rounded up to whole blocks there"


def export_level_files(layer: MappedLevels) -> dict[str, str]:
    """The workload, architecture and mapping files of a layer that :func:`why_not_levels` has no objection to."""
    written = _Written(layer)
    names = written.names
    header = (f"Layer {layer.name} on {layer.architecture.name}, written by dmaze-solve for AccelForge 1.0.", "")
    return {
        "workload.yaml": yaml_text(
            workload_document(layer.nest, names, written.bits),
            (*header, *workload_comments(layer.nest, names.variables, names.tensors, layer.count)),
        ),
        "architecture.yaml": yaml_text(written.architecture(), (*header, *written.architecture_comments())),
        "mapping.yaml": yaml_text(written.mapping(), (*header, *written.mapping_comments())),
    }


@dataclass(frozen=True)
class _Loop:
    """A loop of the mapping, at a node, over a dimension."""

    node: int
    dim: int
    is_spatial: bool


@dataclass(frozen=True)
class _Written:
    """A layer as it is written: nodes, variables and tensors under AccelForge's names."""

    layer: MappedLevels

    @cached_property
    def names(self) -> AccelForgeNames:
        """Rank variables and tensors."""
        return AccelForgeNames.of(self.layer.nest)

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """Names of the machine's nodes, outermost first."""
        spare = (f"Node{number}" for number in range(2 * self.layer.machine.num_nodes + 1))
        return allotted_names(self.layer.machine.nodes, _node_name, spare) or ()

    @property
    def bits(self) -> int:
        """Width of an element."""
        return _BITS_PER_BYTE * self.layer.machine.bytes_per_element[0]

    @property
    def levels(self) -> list[Level]:
        """The levels that keep something, outermost first; loops of others need no memory."""
        return [level for level in self.layer.machine.levels if self.layer.kept(level)]

    def architecture(self) -> dict[str, object]:
        """Memories, fanouts and the multiply-accumulate unit."""
        machine = self.layer.machine
        kept = {level.node: level for level in self.levels}
        nodes: list[Tagged] = []
        for node, name in enumerate(self.nodes):
            if node in machine.network_at:
                spatial = [{"name": name, "fanout": machine.network_at[node].size}]
                nodes.append(Tagged("!Container", {"name": f"{name}_instance", "spatial": spatial}))
            elif node in kept:
                nodes.append(self._memory(name, kept[node]))
        return {"arch": {"nodes": [*nodes, compute_node(machine.mac_pj)]}}

    def _memory(self, name: str, level: Level) -> Tagged:
        rates = [
            rate / level.block_elements if rate else _ALL for rate in (level.read_bandwidth, level.write_bandwidth)
        ]
        size = self._size_bits(level)
        bits = self.bits * level.block_elements
        return memory_node(name, _ALL if size is None else size, level_prices(level), (rates[0], rates[1]), bits)

    def _size_bits(self, level: Level) -> int | None:
        """Bits that one buffer of a level may use; partitions add up."""
        kept = [t for t, keep in enumerate(level.keep) if keep != "never"]
        size = level.capacity_bytes
        if size is None:
            shares = [level.partitions[t] for t in kept]
            if any(share is None for share in shares):
                return None
            size = sum(share or 0 for share in shares)
        return size // level.buffers * _BITS_PER_BYTE

    def mapping(self) -> dict[str, object]:
        """LoopTree nodes, outermost first: every loop in the order of the machine's nodes, storage where it is fetched.

        Reuse is by position: a tensor's Storage stands above the innermost loops in time that do not index it, and
        never above a loop over instances.
        """
        loops = list(self._loops())
        stored: dict[tuple[int, int], list[int]] = {}
        for level in self.levels:
            for tensor in self.layer.kept(level):
                stored.setdefault((self._depth(loops, level, tensor), level.node), []).append(tensor)
        nodes: list[Tagged] = []
        for depth in range(len(loops) + 1):
            here = sorted((node, tensors) for (at, node), tensors in stored.items() if at == depth)
            nodes += [storage_node(self.names, tensors, self.nodes[node]) for node, tensors in here]
            if depth < len(loops):
                nodes.append(self._loop_node(loops[depth]))
        nodes.append(Tagged("!Compute", {"einsum": self.names.tensors[self.layer.nest.output], "component": COMPUTE}))
        return {"mapping": {"nodes": nodes}}

    def _loops(self) -> Iterator[_Loop]:
        machine = self.layer.machine
        for node in range(machine.num_nodes):
            if node in machine.level_at:
                yield from (_Loop(node, dim, is_spatial=False) for dim in self.layer.loops(machine.level_at[node]))
            else:
                yield from (_Loop(node, dim, is_spatial=True) for dim in self.layer.spread(machine.network_at[node]))

    def _depth(self, loops: list[_Loop], level: Level, tensor: int) -> int:
        """How many loops stand above where a level takes in a tensor."""
        depth = sum(loop.node < level.node for loop in loops)
        indexing = self.layer.nest.tensors[tensor].dims
        while depth and not loops[depth - 1].is_spatial and loops[depth - 1].dim not in indexing:
            depth -= 1
        return depth

    def _loop_node(self, loop: _Loop) -> Tagged:
        left = self.layer.stride(loop.node, loop.dim)
        name = self.nodes[loop.node]
        if loop.is_spatial:
            return spatial_loop(self.names, loop.dim, left, name, f"{name}_instance")
        return temporal_loop(self.names, loop.dim, left)

    def architecture_comments(self) -> Iterator[str]:
        """What is said and what is not."""
        yield from renaming_comments(self.layer.machine.nodes, self.nodes, "Nodes")
        yield (
            "Throughputs are actions per cycle, so that a latency of 1 is one cycle; sizes are what one of several "
            "buffers may use. Levels that keep nothing under this mapping are left out."
        )
        yield (
            "Not said here: what one port reads and writes together; accesses rounded up to whole blocks; limits of "
            "single tensors; banks; halos; DMA engines; energy, bandwidth and additions of networks."
        )

    def mapping_comments(self) -> Iterator[str]:
        """Names, and what the tool should say of the mapping."""
        nest = self.layer.nest
        yield from renaming_comments(nest.dims, self.names.variables, "Dimensions")
        yield from renaming_comments([tensor.name for tensor in nest.tensors], self.names.tensors, "Tensors")
        energy_pj = as_exported(self.layer).cost("accelforge").energy_pj
        yield (
            f"By its own way of counting AccelForge comes to {energy_pj:.2f} pJ (dmaze-solve: accounting accelforge, "
            "without halos and blocks)."
        )


def as_exported(layer: MappedLevels) -> MappedLevels:
    """The layer on its machine without what the files do not say and its cost depends on."""

    def plain(node: StorageLevel) -> StorageLevel:
        read, write = (_per_element(price, node.block_elements) for price in (node.read_pj, node.write_pj))
        return node.model_copy(update={"halo": False, "block_elements": 1, "read_pj": read, "write_pj": write})

    nodes = (plain(node) if isinstance(node, StorageLevel) else node for node in layer.architecture.nodes)
    return replace(layer, architecture=layer.architecture.model_copy(update={"nodes": tuple(nodes)}))


def _per_element(price_pj: float | dict[str, float], block: int) -> float | dict[str, float]:
    """The price of an element, where that of an access of a block is given."""
    if isinstance(price_pj, dict):
        return {selector: value / block for selector, value in price_pj.items()}
    return price_pj / block


def _node_name(name: str) -> str | None:
    plain = re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) and name.upper() != COMPUTE
    return name if plain else None
