"""A machine as one nest meets it: per-tensor values looked up, positions in place of names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property

from ..loop_nest import LoopNest
from .machine import DmaEngine, Fanout, Keep, Machine, StorageLevel, TileOverhead
from .per_tensor import per_tensor


@dataclass(frozen=True)
class Level:
    """A storage level; tuples have one entry for each tensor of the nest, ``node`` is its position in the machine."""

    node: int
    name: str
    capacity_bytes: int | None
    partitions: tuple[int | None, ...]
    bank_bytes: int | None
    buffers: int
    keep: tuple[Keep, ...]
    halo: bool
    read_pj: tuple[float, ...]
    write_pj: tuple[float, ...]
    read_bandwidth: float | None
    write_bandwidth: float | None
    bandwidth: float | None
    dma: DmaEngine | None
    block_elements: int

    @property
    def has_ports(self) -> bool:
        """Whether the words that it reads or writes in a cycle are limited."""
        return (self.read_bandwidth, self.write_bandwidth, self.bandwidth) != (None, None, None)

    @property
    def banks(self) -> int | None:
        """Whole banks of an instance; ``None`` for a level without banks."""
        if self.bank_bytes is None or self.capacity_bytes is None:
            return None
        return self.capacity_bytes // self.bank_bytes


@dataclass(frozen=True)
class Network:
    """A fanout and its network; tuples have one entry for each tensor, ``dims`` holds positions of dimensions.

    ``multicast`` says nothing of the output.
    """

    node: int
    name: str
    size: int
    dims: frozenset[int]
    multicast: tuple[bool, ...]
    reduce: bool
    word_pj: tuple[float, ...]
    add_pj: float
    bandwidth: float | None


@dataclass(frozen=True)
class TiledLevel:
    """A level whose tiles cost time besides their words (section 8).

    ``stationary`` are the dimensions that index a tensor that is read and that the innermost level may keep; ``row`` is
    the innermost other dimension of the output, which is cut into blocks. Dimensions are positions.
    """

    node: int
    stationary: frozenset[int]
    row: int | None
    start_cycles: int
    cycles_per_word: float
    block_iterations: int
    block_cycles: int
    load_cycles: int


@dataclass(frozen=True)
class ResolvedMachine:
    """A machine for the tensors of one nest. Nodes are numbered from the outermost; the MAC is node ``num_nodes``."""

    name: str
    nodes: tuple[str, ...]
    levels: tuple[Level, ...]
    networks: tuple[Network, ...]
    bytes_per_element: tuple[int, ...]
    mac_pj: float
    clock_mhz: float | None
    tiled: TiledLevel | None = None

    @property
    def num_nodes(self) -> int:
        """Storage levels and fanouts."""
        return len(self.nodes)

    def ideal_cycles(self, nest: LoopNest) -> int:
        """Cycles if every instance of every fanout did a multiply-accumulate in each, rounded up."""
        return -(-nest.num_macs // math.prod(network.size for network in self.networks))

    @cached_property
    def level_at(self) -> dict[int, Level]:
        """Storage levels by node."""
        return {level.node: level for level in self.levels}

    @cached_property
    def network_at(self) -> dict[int, Network]:
        """Fanouts by node."""
        return {network.node: network for network in self.networks}


def resolved_machine(machine: Machine, nest: LoopNest) -> ResolvedMachine:
    """A machine for the tensors and dimensions of one nest."""
    levels: list[Level] = []
    networks: list[Network] = []
    for position, node in enumerate(machine.nodes):
        if isinstance(node, Fanout):
            networks.append(_network(node, position, nest))
        else:
            levels.append(_level(node, position, nest))
    return ResolvedMachine(
        name=machine.name,
        nodes=tuple(node.name for node in machine.nodes),
        levels=tuple(levels),
        networks=tuple(networks),
        bytes_per_element=per_tensor(nest, machine.bytes_per_element, 1),
        mac_pj=machine.mac_pj,
        clock_mhz=machine.clock_mhz,
        tiled=None if machine.tile_overhead is None else _tiled_level(machine.tile_overhead, levels, nest),
    )


def _tiled_level(overhead: TileOverhead, levels: Sequence[Level], nest: LoopNest) -> TiledLevel:
    still = frozenset[int]()
    for tensor, keep in zip(nest.tensors, levels[-1].keep, strict=True):
        if keep != "never" and not tensor.is_output:
            still |= tensor.dims
    moving = [[dim for dim, _ in axis.terms if dim not in still] for axis in nest.tensors[nest.output].index]
    return TiledLevel(
        node=next(level.node for level in levels if level.name == overhead.level),
        stationary=still,
        row=next((max(dims) for dims in reversed(moving) if dims), None),
        **overhead.model_dump(exclude={"level"}),
    )


def _level(level: StorageLevel, position: int, nest: LoopNest) -> Level:
    keep: Keep = "may"
    return Level(
        node=position,
        name=level.name,
        capacity_bytes=level.capacity_bytes,
        partitions=per_tensor(nest, level.partitions, None),
        bank_bytes=level.bank_bytes,
        buffers=level.buffers,
        keep=per_tensor(nest, "must" if position == 0 else level.keep, keep),
        halo=level.halo,
        read_pj=per_tensor(nest, level.read_pj, 0.0),
        write_pj=per_tensor(nest, level.write_pj, 0.0),
        read_bandwidth=level.read_bandwidth,
        write_bandwidth=level.write_bandwidth,
        bandwidth=level.bandwidth,
        dma=level.dma,
        block_elements=level.block_elements,
    )


def _network(fanout: Fanout, position: int, nest: LoopNest) -> Network:
    allowed = nest.dims if fanout.dims is None else fanout.dims
    return Network(
        node=position,
        name=fanout.name,
        size=fanout.size,
        dims=frozenset(dim for dim, name in enumerate(nest.dims) if name in allowed),
        multicast=per_tensor(nest, fanout.multicast, True),
        reduce=fanout.reduce,
        word_pj=per_tensor(nest, fanout.word_pj, 0.0),
        add_pj=fanout.add_pj,
        bandwidth=fanout.bandwidth,
    )


def without_names(machine: ResolvedMachine) -> dict[str, object]:
    """What determines costs on a machine, as JSON: neither its name nor those of its nodes."""
    return {
        "levels": [{**_unnamed(level), "dma": level.dma and level.dma.model_dump()} for level in machine.levels],
        "networks": [{**_unnamed(network), "dims": sorted(network.dims)} for network in machine.networks],
        "bytes_per_element": machine.bytes_per_element,
        "mac_pj": machine.mac_pj,
        "clock_mhz": machine.clock_mhz,
        **({} if machine.tiled is None else {"tiled": _by_position(machine.tiled)}),
    }


def _unnamed(node: Level | Network) -> dict[str, object]:
    return {field.name: getattr(node, field.name) for field in fields(node) if field.name != "name"}


def _by_position(tiled: TiledLevel) -> dict[str, object]:
    return {**asdict(tiled), "stationary": sorted(tiled.stationary)}
