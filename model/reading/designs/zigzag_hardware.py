"""ZigZag's hardware as a machine: memories that serve whole dimensions of the array, one inside the other."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...base import MAX_BOUND, PositiveInt, Price, Rate, Text
from ...faults import Fault, InputError, InputWarning
from ...hierarchy.machine import Machine
from ..json_files import JsonObject
from ..validation import validated

BITS_PER_BYTE = 8


class _Foreign(BaseModel):
    """A part of a ZigZag file; fields that are not listed are skipped."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Port(_Foreign):
    type: Text
    bandwidth_max: Rate


class _Memory(_Foreign):
    size: int = Field(gt=0)
    r_cost: Price
    w_cost: Price
    operands: tuple[Text, ...]
    ports: tuple[_Port, ...] = ()
    served_dimensions: tuple[Text, ...] = ()

    def bits_per_cycle(self, *kinds: str) -> tuple[float, ...]:
        """Bandwidths of the ports of some kinds."""
        return tuple(port.bandwidth_max for port in self.ports if port.type in kinds)


class _Array(_Foreign):
    unit_energy: Price = 0.0
    dimensions: tuple[Text, ...]
    sizes: tuple[PositiveInt, ...]

    @model_validator(mode="after")
    def _a_size_for_each(self) -> _Array:
        if len(self.sizes) != len(self.dimensions):
            raise ValueError(f"sizes: expected {len(self.dimensions)} sizes, got {len(self.sizes)}")
        return self


class _Hardware(_Foreign):
    name: Text = "accelerator"
    memories: dict[str, _Memory] = Field(min_length=1)
    operational_array: _Array


@dataclass(frozen=True)
class Operands:
    """The tensors of the layers: ZigZag's memory operand of each by name, and bits of an element."""

    links: Mapping[str, str]
    bits: Mapping[str, int]


def is_hardware(document: object) -> bool:
    """Whether a file's data is ZigZag's hardware."""
    return isinstance(document, dict) and "memories" in document and "operational_array" in document


def zigzag_machine(document: JsonObject, operands: Operands, file: str) -> Machine:
    """The machine that the hardware is to layers of these tensors.

    Raises:
        InputError: for what is malformed, and for memories that serve dimensions of which neither has all of the other.
    """
    hardware = validated(_Hardware, document, file)
    array = dict(zip(hardware.operational_array.dimensions, hardware.operational_array.sizes, strict=True))
    outermost_first = list(reversed(hardware.memories.items()))
    outermost_first.sort(key=lambda pair: -len(pair[1].served_dimensions))
    nodes: list[JsonObject] = []
    served = set(array)
    for name, memory in outermost_first:
        inside = set(memory.served_dimensions)
        if not inside <= served:
            place = f"memories.{name}.served_dimensions"
            expected = f"expected some of {', '.join(sorted(served))}, which the memory outside serves"
            message = f"{expected}; memories that serve dimensions side by side are no hierarchy"
            raise InputError.single(file, place, f"{message}; got {', '.join(sorted(inside))}")
        nodes += _fanouts(served - inside, array)
        nodes.append(_level(name, memory, operands, is_outermost=not nodes))
        served = inside
    nodes += _fanouts(served, array)
    bits = {name: -(-size // BITS_PER_BYTE) for name, size in operands.bits.items()}
    if any(size % BITS_PER_BYTE for size in operands.bits.values()):
        _warn(file, "", "elements take whole bytes here")
    machine: JsonObject = {
        "name": hardware.name,
        "nodes": nodes,
        "bytes_per_element": bits or 1,
        "mac_pj": hardware.operational_array.unit_energy,
        "sources": {"nodes": "ZigZag hardware", "prices": "costs of an access of the whole port, by bits"},
    }
    return validated(Machine, machine, file)


def _fanouts(dims: set[str], sizes: Mapping[str, int]) -> Iterator[JsonObject]:
    """Fanouts over dimensions of the array, in its order."""
    yield from ({"fanout": dim, "size": size} for dim, size in sizes.items() if dim in dims)


def _level(name: str, memory: _Memory, operands: Operands, *, is_outermost: bool) -> JsonObject:
    kept = {tensor for tensor, operand in operands.links.items() if operand in memory.operands}
    both = memory.bits_per_cycle("read_write")
    widest = max(operands.bits.values(), default=BITS_PER_BYTE)
    level: JsonObject = {
        "storage": name,
        "read_pj": _prices(memory.r_cost, (*memory.bits_per_cycle("read"), *both), operands),
        "write_pj": _prices(memory.w_cost, (*memory.bits_per_cycle("write"), *both), operands),
    }
    rates = {
        "read_bandwidth": memory.bits_per_cycle("read"),
        "write_bandwidth": memory.bits_per_cycle("write"),
        "bandwidth": both,
    }
    level |= {field: sum(bits) / widest for field, bits in rates.items() if bits}
    if not is_outermost:
        level["capacity_bytes"] = min(max(1, memory.size // BITS_PER_BYTE), MAX_BOUND)
        level["keep"] = {tensor: "must" if tensor in kept else "never" for tensor in operands.links}
    return level


def _prices(cost_pj: float, bits_per_cycle: Sequence[float], operands: Operands) -> dict[str, float] | float:
    """The price of an element of each tensor: its share of an access of the widest port."""
    widest = max(bits_per_cycle, default=0.0)
    if not widest or not operands.bits:
        return cost_pj
    return {tensor: cost_pj * bits / widest for tensor, bits in operands.bits.items()}


def _warn(file: str, place: str, message: str) -> None:
    warnings.warn(str(Fault(file, place, message)), InputWarning, stacklevel=2)
