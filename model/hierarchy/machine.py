"""Machines as data: storage levels and fanouts from the outermost to the innermost (``docs/hierarchies.md``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from ..base import Clock, Flag, Model, NaturalInt, PositiveInt, Price, Rate, Text
from ..cost_model import HIERARCHY
from .per_tensor import PerTensor

Keep = Literal["must", "may", "never"]
"""Whether a level must, may or must not keep a tensor."""

NodeName = Annotated[str, Field(strict=True, min_length=1, max_length=200)]


class DmaEngine(Model):
    """The DMA engine that fills and drains each instance of a level, burst by burst."""

    init_cycles: Price
    """Cycles of the engine's clock that a burst takes to start."""
    cycles_per_byte: Price
    """Cycles of the engine's clock for every byte of a burst."""
    clock_mhz: Clock
    """The engine's clock in MHz."""


class StorageLevel(Model):
    """A level of memory, one instance of it for every instance of the fanouts outside it."""

    storage: NodeName
    """The name of the level."""
    capacity_bytes: PositiveInt | None = None
    """Bytes of one instance, shared by all tensors kept there; unlimited if left out."""
    partitions: PerTensor[PositiveInt] | None = None
    """Bytes of one instance for each tensor on its own; a tensor without a value has no limit of its own."""
    bank_bytes: PositiveInt | None = None
    """Bytes of one bank of the capacity; every tensor takes whole banks."""
    buffers: Annotated[int, Field(strict=True, ge=1, le=2)] = 1
    """1, or 2 where the level is double-buffered: every tile takes that many times its size."""
    keep: PerTensor[Keep] = "may"
    """For each tensor: the level must, may or never keeps it."""
    halo: Flag = False
    """Whether a tile that moves is fetched without the words of it that are there already (tensors that are read)."""
    read_pj: PerTensor[Price] = 0.0
    """Energy in pJ of reading an element (of an access, where `block_elements` is more than 1)."""
    write_pj: PerTensor[Price] = 0.0
    """Energy in pJ of writing an element (of an access, where `block_elements` is more than 1)."""
    read_bandwidth: Rate | None = None
    """Elements read per cycle and instance, all tensors together; unlimited if left out."""
    write_bandwidth: Rate | None = None
    """Elements written per cycle and instance, all tensors together; unlimited if left out."""
    bandwidth: Rate | None = None
    """Elements read and written per cycle and instance through one port; unlimited if left out."""
    dma: DmaEngine | None = None
    """The DMA engine of each instance, if there is one."""
    block_elements: PositiveInt = 1
    """Elements of one access: energy is that of whole accesses, rounded up per instance, tensor and kind."""

    @property
    def name(self) -> str:
        """The name of the node."""
        return self.storage

    @model_validator(mode="after")
    def _consistent(self) -> StorageLevel:
        faults: list[str] = []
        if self.bank_bytes is not None and self.capacity_bytes is None:
            faults.append("bank_bytes: expected capacity_bytes beside it, of which the banks are parts")
        if self.dma is not None and self.halo:
            faults.append("dma: expected no DMA engine beside halo, for it moves whole tiles")
        if faults:
            raise ValueError("\n".join(faults))
        return self


class Fanout(Model):
    """Instances side by side of everything that follows, and the network that connects them."""

    fanout: NodeName
    """The name of the fanout."""
    size: PositiveInt
    """Instances; a mapping may use fewer, and unused ones cost nothing."""
    dims: tuple[Text, ...] | None = None
    """The only dimensions that may be unrolled here; any if left out."""
    multicast: PerTensor[Flag] = True
    """For each tensor that is read: whether a word sent once reaches all instances that need it."""
    reduce: Flag = True
    """Whether partial sums of the output may be added on the way up."""
    word_pj: PerTensor[Price] = 0.0
    """Energy in pJ of a word that passes between the fanout and one of its instances, either way."""
    add_pj: Price = 0.0
    """Energy in pJ of an addition of partial sums."""
    bandwidth: Rate | None = None
    """Words per cycle at the root of the network, per tensor and direction; unlimited if left out."""

    @property
    def name(self) -> str:
        """The name of the node."""
        return self.fanout


class TileOverhead(Model):
    """What every tile of a level costs in time besides its words (hierarchy model, section 8).

    A controller that starts every tile anew, brings all of it in again, and works through it in blocks of iterations.
    """

    level: NodeName
    """The storage level whose tiles are meant; not the outermost."""
    start_cycles: NaturalInt = 0
    """Cycles before anything of a tile comes in."""
    cycles_per_word: Price = 0.0
    """Cycles for every word of the tiles that the level keeps of tensors that are read, whether they change or not."""
    block_iterations: PositiveInt = 1
    """Iterations of the innermost dimension of the output that are worked on as one block."""
    block_cycles: NaturalInt = 0
    """Least cycles of a block, however few iterations it has."""
    load_cycles: NaturalInt = 0
    """Cycles for every tile of what the innermost level keeps of tensors that are read."""


def _kind_of_node(value: Any) -> str | None:
    if isinstance(value, StorageLevel | Fanout):
        return "storage" if isinstance(value, StorageLevel) else "fanout"
    kinds = [kind for kind in ("storage", "fanout") if isinstance(value, dict) and kind in value]
    return kinds[0] if len(kinds) == 1 else None


Node = Annotated[
    Annotated[StorageLevel, Tag("storage")] | Annotated[Fanout, Tag("fanout")],
    Discriminator(
        _kind_of_node,
        custom_error_type="node_kind",
        custom_error_message="expected an object with either 'storage' or 'fanout', the name of the node",
    ),
]
"""A storage level or a fanout."""


class Machine(Model):
    """An accelerator as a hierarchy: nodes from DRAM inwards; the multiply-accumulate unit follows the last.

    Source: hierarchy model, section 2.

    Example:
        >>> Machine(name="one", nodes=[{"storage": "DRAM", "read_pj": 200}, {"fanout": "PE", "size": 4}]).nodes[1].size
        4
    """

    cost_model: ClassVar[str] = HIERARCHY
    """The cost model that machines of this kind select."""

    name: Text
    """What the machine is called."""
    nodes: tuple[Node, ...] = Field(min_length=1)
    """Storage levels and fanouts, the outermost first; the first is a storage level without limits, such as DRAM."""
    bytes_per_element: PerTensor[PositiveInt] = 1
    """Bytes of an element of each tensor."""
    mac_pj: Price = 0.0
    """Energy in pJ of a multiply-accumulate."""
    clock_mhz: Clock | None = None
    """The accelerator's clock in MHz; needed where a level has a DMA engine."""
    tile_overhead: TileOverhead | None = None
    """What every tile of one level costs in time besides its words; nothing if left out."""
    sources: str | dict[str, str] | None = None
    """Where the figures come from, as free text or by subject; what is under `guesses` is shown as guessed."""

    @model_validator(mode="after")
    def _consistent(self) -> Machine:
        faults = [*self._outermost_faults(), *self._name_faults(), *self._clock_faults(), *self._overhead_faults()]
        if faults:
            raise ValueError("\n".join(faults))
        return self

    def _outermost_faults(self) -> Iterator[str]:
        """What the first node must be: a storage level that keeps everything and has no limit of its size."""
        first = self.nodes[0]
        if isinstance(first, Fanout):
            yield "nodes.0: expected a storage level first (such as DRAM), got a fanout"
            return
        for field in ("capacity_bytes", "partitions", "bank_bytes", "buffers", "keep", "halo", "dma"):
            if getattr(first, field) != StorageLevel.model_fields[field].default:
                yield f"nodes.0.{field}: expected none, for the outermost level keeps everything, without limits"

    def _name_faults(self) -> Iterator[str]:
        names = Counter(node.name for node in self.nodes)
        for position, node in enumerate(self.nodes):
            place = f"nodes.{position}.{'storage' if isinstance(node, StorageLevel) else 'fanout'}"
            if names[node.name] > 1:
                yield f"{place}: expected a name that no other node has, got {node.name!r}"
            if node.name == "mac" or "." in node.name:
                yield f"{place}: expected a name other than 'mac' and without a dot, got {node.name!r}"

    def _clock_faults(self) -> Iterator[str]:
        if self.clock_mhz is None and any(isinstance(node, StorageLevel) and node.dma for node in self.nodes):
            yield "clock_mhz: expected, for a level has a DMA engine, whose cycles are counted in the machine's clock"

    def _overhead_faults(self) -> Iterator[str]:
        inner = [node.name for node in self.nodes[1:] if isinstance(node, StorageLevel)]
        if self.tile_overhead is not None and self.tile_overhead.level not in inner:
            expected = f"a storage level inside the outermost one ({', '.join(inner) or 'there is none'})"
            yield f"tile_overhead.level: expected {expected}, got {self.tile_overhead.level!r}"
