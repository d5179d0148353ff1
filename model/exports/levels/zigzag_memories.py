"""A machine as memories of ZigZag's, which serve the dimensions of the array that lie inside them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ...hierarchy.resolved_machine import Level, ResolvedMachine
from ..names import allotted_names
from ..zigzag import LINKS, ZigZagNames, directions, elements_as_zigzag_counts, memory_port
from .mapped_levels import MappedLevels

BITS_PER_BYTE = 8
UNLIMITED_BITS = 10**15
"""The size of memories without a limit."""

NO_FANOUT = "D1"
"""The dimension of an array of one multiplier."""


@dataclass(frozen=True)
class Memory:
    """A memory of ZigZag's for some tensors at a level; its size in bits, and the least elements that a port takes."""

    name: str
    level: Level
    tensors: tuple[int, ...]
    bits: int
    buffers: int
    least_words: int = 1


@dataclass(frozen=True)
class ZigZagMachine:
    """The machine of a layer as ZigZag's memories and dimensions of the array; what they hold is up to the mapping."""

    layer: MappedLevels

    @cached_property
    def names(self) -> ZigZagNames:
        """Dimensions and operands."""
        return ZigZagNames.of(self.layer.nest)

    @cached_property
    def array(self) -> dict[int, str]:
        """The dimension of the array that every fanout is, by node."""
        return {network.node: f"D{number}" for number, network in enumerate(self.layer.machine.networks, start=1)}

    @property
    def bits(self) -> tuple[int, ...]:
        """Width of an element of every tensor."""
        return tuple(BITS_PER_BYTE * size for size in self.layer.machine.bytes_per_element)

    @property
    def levels(self) -> list[Level]:
        """The levels that keep something, outermost first; loops of others run at the level outside."""
        return [level for level in self.layer.machine.levels if self.layer.kept(level)]

    @cached_property
    def shared(self) -> tuple[Memory, ...]:
        """A memory for every level, outermost first."""
        names = self._allotted([level.name for level in self.levels])
        return tuple(
            Memory(name, level, self.layer.kept(level), self._size_bits(level), level.buffers)
            for name, level in zip(names, self.levels, strict=True)
        )

    @cached_property
    def split(self) -> tuple[Memory, ...]:
        """A memory for every tensor of a level, just as large as its tile, outermost first.

        The outermost level is one where it has one price for all of them.
        """
        parts = [(level, tensors) for level in self.levels for tensors in self._parts(level)]
        wanted = [self._part_name(level, tensors) for level, tensors in parts]
        return tuple(
            Memory(name, level, tensors, self._tile_bits(level, tensors[0]), 1, self._most_unrolled(level, tensors))
            for name, (level, tensors) in zip(self._allotted(wanted), parts, strict=True)
        )

    def _parts(self, level: Level) -> list[tuple[int, ...]]:
        """The tensors that share a memory."""
        kept = self.layer.kept(level)
        return [kept] if level.node == 0 and has_one_price(level, self.layer.machine) else [(t,) for t in kept]

    def _most_unrolled(self, level: Level, tensors: tuple[int, ...]) -> int:
        """The largest factor of a fanout that the multipliers of some tensors have right inside a level.

        ZigZag unrolls no more than a port takes there.
        """
        layer = self.layer
        innermost = [t for t in tensors if not self._is_kept_inside(level, t)]
        networks = [network.node for network in layer.machine.networks if network.node > level.node]
        dims = {dim for t in innermost for dim in layer.nest.tensors[t].dims}
        return max((layer.mapping.factors[node][dim] for node in networks for dim in dims), default=1)

    def _is_kept_inside(self, level: Level, tensor: int) -> bool:
        return any(tensor in self.layer.kept(other) for other in self.levels if other.node > level.node)

    def _part_name(self, level: Level, tensors: tuple[int, ...]) -> str:
        return f"{level.name}_{self.names.tensors[tensors[0]].lower()}" if len(tensors) == 1 else level.name

    def _tile_bits(self, level: Level, tensor: int) -> int:
        if level.node == 0:
            return UNLIMITED_BITS
        nest = self.layer.nest
        tile = [self.layer.stride(level.node - 1, dim) for dim in range(len(nest.dims))]
        return elements_as_zigzag_counts(nest, nest.tensors[tensor], tile) * self.bits[tensor]

    def _size_bits(self, level: Level) -> int:
        """Bits of a level; partitions add up."""
        if level.capacity_bytes is not None:
            return level.capacity_bytes * BITS_PER_BYTE
        shares = [level.partitions[t] for t in self.layer.kept(level)]
        whole = sum(share or 0 for share in shares) * BITS_PER_BYTE
        return UNLIMITED_BITS if any(share is None for share in shares) else whole

    def _allotted(self, wanted: list[str]) -> tuple[str, ...]:
        spare = (f"memory{number}" for number in range(2 * len(wanted) + 1))
        return allotted_names(wanted, _memory_name, spare) or ()

    def accelerator(self, memories: tuple[Memory, ...]) -> dict[str, object]:
        """Memories from the innermost outwards, and the array."""
        machine = self.layer.machine
        array: dict[str, object] = {"unit_energy": float(machine.mac_pj), "unit_area": 0}
        sizes = [network.size for network in machine.networks]
        array |= {"dimensions": list(self.array.values()) or [NO_FANOUT], "sizes": sizes or [1]}
        described = {memory.name: self._described(memory) for memory in reversed(memories)}
        return {"name": _plain(self.layer.architecture.name), "memories": described, "operational_array": array}

    def _described(self, memory: Memory) -> Mapping[str, object]:
        """A memory; costs are per access of a port's whole width."""
        level = memory.level
        served = [name for node, name in self.array.items() if node > level.node] if self.array else [NO_FANOUT]
        read, write = (self._port_bits(memory, rate) for rate in (level.read_bandwidth, level.write_bandwidth))
        return {
            "size": memory.bits,
            "r_cost": self._access_pj(memory, level.read_pj, read),
            "w_cost": self._access_pj(memory, level.write_pj, write),
            "area": 0,
            "latency": 1,
            "operands": [self._operand(t) for t in memory.tensors],
            "ports": self._ports(memory, read, write),
            "served_dimensions": served,
            **({"force_double_buffering": True} if memory.buffers > 1 else {}),
        }

    def _operand(self, tensor: int) -> str:
        return LINKS[self.names.tensors[tensor]]

    def _port_bits(self, memory: Memory, rate: float | None) -> int:
        """Width of a port; without a limit it is what all multipliers inside one instance take in a cycle."""
        level = memory.level
        inside = math.prod(network.size for network in self.layer.machine.networks if network.node > level.node)
        return max(1, int(max(level.bandwidth or rate or inside, memory.least_words) * max(self.bits)))

    def _access_pj(self, memory: Memory, prices_pj: tuple[float, ...], port_bits: int) -> float:
        """The price of an access of a whole port, where every bit has the price of the dearest."""
        blocks_of_one = memory.level.block_elements
        return max(prices_pj[t] / self.bits[t] for t in memory.tensors) * port_bits / blocks_of_one

    def _ports(self, memory: Memory, read_bits: int, write_bits: int) -> list[object]:
        """One port, or a port for reading and one for writing; one for every operand where there is no limit."""
        level = memory.level
        least = math.gcd(*(self.bits[t] for t in memory.tensors)) * level.block_elements
        moves = [f"{operand}, {way}" for operand in map(self._operand, memory.tensors) for way in directions(operand)]
        if level.bandwidth is not None:
            return [memory_port("rw_port_1", "read_write", _part_of(least, read_bits), read_bits, moves)]
        described: list[object] = []
        for kind, mark, bits, rate in (
            ("read", "t", read_bits, level.read_bandwidth),
            ("write", "f", write_bits, level.write_bandwidth),
        ):
            served = [move for move in moves if move.split(", ")[1].startswith(mark)]
            groups = [served] if rate else _by_operand(served)
            described += (
                memory_port(f"{kind[0]}_port_{number}", kind, _part_of(least, bits), bits, group)
                for number, group in enumerate(groups, start=1)
            )
        return described


def _part_of(least_bits: int, port_bits: int) -> int:
    """The least width of a port: that wanted, or a part of it where the port is narrower, so that nothing is lost."""
    return least_bits if least_bits <= port_bits else math.gcd(least_bits, port_bits)


def _by_operand(moves: list[str]) -> list[list[str]]:
    """Moves of every operand apart, in their order."""
    operands = dict.fromkeys(move.split(", ")[0] for move in moves)
    return [[move for move in moves if move.startswith(f"{operand},")] for operand in operands]


def has_one_price(level: Level, machine: ResolvedMachine) -> bool:
    """Whether every bit that a level may keep has the same price for reading, and for writing."""
    kept = [t for t, keep in enumerate(level.keep) if keep != "never"]
    prices = (level.read_pj, level.write_pj)
    return all(len({of_tensor[t] / machine.bytes_per_element[t] for t in kept}) < 2 for of_tensor in prices)


def _plain(name: str) -> str:
    return re.sub(r"\W", "_", name, flags=re.ASCII)


def _memory_name(name: str) -> str | None:
    return _plain(name) if re.match(r"[A-Za-z_]", name) else None
