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
    force_double_buffering: bool = False

    def bits_per_cycle(self, *kinds: str) -> tuple[float, ...]:
        """Bandwidths of the ports of some kinds."""
        return tuple(port.bandwidth_max for port in self.ports if port.type in kinds)


class _Array(_Foreign):
    unit_energy: Price = 0.0
    dimensions: tuple[Text, ...]
    sizes: tuple[PositiveInt, ...]
    is_imc: bool = False
    systolic_dimensions: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _a_size_for_each(self) -> _Array:
        if len(self.sizes) != len(self.dimensions):
            raise ValueError(f"sizes: expected {len(self.dimensions)} sizes, got {len(self.sizes)}")
        if self.is_imc:
            raise ValueError("is_imc: expected false, for computing inside of memories is not modelled")
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
    if hardware.operational_array.systolic_dimensions:
        _warn(file, "operational_array.systolic_dimensions", "how the last results leave the array is not modelled")
    array = dict(zip(hardware.operational_array.dimensions, hardware.operational_array.sizes, strict=True))
    outermost_first = list(reversed(hardware.memories.items()))
    outermost_first.sort(key=lambda pair: -len(pair[1].served_dimensions))
    num_outermost = _num_outermost(outermost_first, operands, file)
    nodes = [_outermost(outermost_first[:num_outermost], operands)]
    served = set(outermost_first[0][1].served_dimensions)
    nodes[:0] = _fanouts(set(array) - served, array)
    for name, memory in outermost_first[num_outermost:]:
        inside = set(memory.served_dimensions)
        if not inside <= served:
            place = f"memories.{name}.served_dimensions"
            expected = f"expected some of {', '.join(sorted(served))}, which the memory outside serves"
            message = f"{expected}; memories that serve dimensions side by side are no hierarchy"
            raise InputError.single(file, place, f"{message}; got {', '.join(sorted(inside))}")
        nodes += _fanouts(served - inside, array)
        nodes.append(_level(name, memory, operands))
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


def _num_outermost(memories: Sequence[tuple[str, _Memory]], operands: Operands, file: str) -> int:
    """How many of the outermost memories are the one level that holds everything: those of operands of their own."""
    held = set(memories[0][1].operands)
    wanted = set(operands.links.values())
    number = 1
    for _, memory in memories[1:]:
        is_beside = memory.served_dimensions == memories[0][1].served_dimensions
        if held >= wanted or not is_beside or held & set(memory.operands):
            break
        held |= set(memory.operands)
        number += 1
    names = ", ".join(name for name, _ in memories[:number])
    if number > 1:
        _warn(file, "memories", f"{names} are taken for one outermost level, with a bandwidth that adds theirs up")
    if not held >= wanted:
        missing = ", ".join(sorted(wanted - held))
        _warn(file, f"memories.{names}", f"taken to hold {missing} too, for the outermost level holds everything")
    return number


def _outermost(memories: Sequence[tuple[str, _Memory]], operands: Operands) -> JsonObject:
    """The level that memories beside each other are; every tensor has the prices of the memory that holds it."""
    described = [_ports_and_prices(memory, operands) for _, memory in memories]
    holder = {
        tensor: next((number for number, (_, memory) in enumerate(memories) if operand in memory.operands), 0)
        for tensor, operand in operands.links.items()
    }
    level: JsonObject = {"storage": memories[0][0]}
    for price in ("read_pj", "write_pj"):
        level[price] = {tensor: described[number][price][tensor] for tensor, number in holder.items()}
    for field in _RATES:
        rates = [each[field] for each in described if field in each]
        level |= {field: sum(rates)} if rates else {}
    return level


def _level(name: str, memory: _Memory, operands: Operands) -> JsonObject:
    kept = {tensor for tensor, operand in operands.links.items() if operand in memory.operands}
    return {
        "storage": name,
        **_ports_and_prices(memory, operands),
        "capacity_bytes": min(max(1, memory.size // BITS_PER_BYTE), MAX_BOUND),
        **({"buffers": 2} if memory.force_double_buffering else {}),
        "keep": {tensor: "must" if tensor in kept else "never" for tensor in operands.links},
    }


_RATES = ("read_bandwidth", "write_bandwidth", "bandwidth")
"""Limits of a level, of ports that read, that write, and that do either."""


def _ports_and_prices(memory: _Memory, operands: Operands) -> JsonObject:
    both = memory.bits_per_cycle("read_write")
    widest = max(operands.bits.values(), default=BITS_PER_BYTE)
    rates = (memory.bits_per_cycle("read"), memory.bits_per_cycle("write"), both)
    return {
        "read_pj": _prices(memory.r_cost, (*rates[0], *both), operands),
        "write_pj": _prices(memory.w_cost, (*rates[1], *both), operands),
        **{field: sum(bits) / widest for field, bits in zip(_RATES, rates, strict=True) if bits},
    }


def _prices(cost_pj: float, bits_per_cycle: Sequence[float], operands: Operands) -> dict[str, float]:
    """The price of an element of each tensor: its share of an access of the widest port."""
    widest = max(bits_per_cycle, default=0.0)
    return {tensor: cost_pj * bits / widest if widest else cost_pj for tensor, bits in operands.bits.items()}


def _warn(file: str, place: str, message: str) -> None:
    warnings.warn(str(Fault(file, place, message)), InputWarning, stacklevel=2)
