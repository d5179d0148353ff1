"""The fields of hierarchies that a sweep may vary, and what their levels spend on memory (``docs/sweeps.md``)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..documents.result import Number
from ..documents.sweep_spec import AnyAreaWeights, AreaWeights, EnergyRules, Setting, Sweep
from ..faults import Place, suggestion
from ..hierarchy.machine import DmaEngine, Fanout, Machine, StorageLevel
from ..reading.sweep_loading import PRICES
from ..reading.validation import validated
from .nested_values import number_at, own_path, with_value
from .price_following import FollowingPrice

NODES = "nodes"
"""The field of a machine whose entries are found by their names."""

NOT_VARIED = frozenset({"storage", "fanout", "dims", "dma"})
"""Fields of nodes that have no single value: names, lists, and the DMA engine, whose own fields are varied."""

PER_TENSOR = frozenset({"partitions", "keep", "read_pj", "write_pj", "multicast", "word_pj", "bytes_per_element"})
"""Fields with a value for each tensor: a selector may follow them."""

SIZES = frozenset({"capacity_bytes", "partitions", "bank_bytes"})
"""Fields of levels that are sizes."""

OF_MACHINE = ("bytes_per_element", "mac_pj", "clock_mhz")
"""Fields of a machine as a whole."""

PRICE = "_pj"
"""The end of the names of prices."""


@dataclass(frozen=True)
class MachineFields:
    """What a sweep may vary of a hierarchy: ``nodes.NAME.FIELD``, for one tensor ``nodes.NAME.FIELD.SELECTOR``."""

    base: Machine
    kind = "a machine"

    @property
    def document(self) -> dict[str, Any]:
        """The base as JSON."""
        return self.base.model_dump(mode="json")

    @property
    def known(self) -> tuple[str, ...]:
        """All fields, without selectors of tensors."""
        return (
            *(f"{NODES}.{node.name}.{field}" for node in self.base.nodes for field in _fields_of(node)),
            *OF_MACHINE,
        )

    @property
    def capacities(self) -> tuple[str, ...]:
        """What a price may follow."""
        return tuple(field for field in self.known if not _is_price(field))

    @cached_property
    def _node_at(self) -> dict[str, int]:
        return {node.name: position for position, node in enumerate(self.base.nodes)}

    def is_known(self, field: str) -> bool:
        """Whether a sweep may vary a field."""
        whole, _, selector = field.rpartition(".")
        return field in self.known or (bool(selector) and whole in self.known and _last(whole) in PER_TENSOR)

    def target(self, field: str) -> str:
        """The path that a field of an axis sets: itself."""
        return field

    def place(self, field: str) -> Place:
        """Where a field stands in the document: nodes by their positions."""
        parts = field.split(".")
        return (NODES, self._node_at[parts[1]], *parts[2:]) if parts[0] == NODES else tuple(parts)

    def value_fault(self, field: str, value: Setting | None) -> str | None:  # noqa: ARG002
        """Nothing: the machine's own type says what a value must be."""
        return None

    def changed(self, document: dict[str, Any], values: Mapping[str, Setting]) -> dict[str, Any]:
        """The document with other values of some fields; where one tensor's is set, the others keep theirs."""
        for field in sorted(values, key=lambda field: (field.count("."), field)):  # the whole before its parts
            document = with_value(document, self.place(field), values[field])
        return document

    def capacity(self, document: dict[str, Any], field: str) -> Number | None:
        """The value of a field that prices may follow; ``None`` where it has none."""
        return number_at(document, self.place(field))

    def made(self, document: dict[str, Any], file: str | None) -> Machine:
        """The machine of a document; raises InputError for one that is none."""
        return validated(Machine, document, file)

    def prices(self, sweep: Sweep, rules: EnergyRules) -> tuple[FollowingPrice, ...]:  # noqa: ARG002
        """The prices that follow capacities."""
        known = ((field, own_path(field), rule) for field, rule in sweep.prices.items())
        return tuple(
            FollowingPrice(("prices", field), own, rule) for field, own, rule in known if not self._price_fault(own)
        )

    def prices_of_size(self, field: str) -> tuple[str, ...]:
        """What reading and writing takes at the level whose size a field is."""
        parts = field.split(".")
        own = len(parts) > 2 and parts[2] in SIZES
        return (f"{NODES}.{parts[1]}.read_pj", f"{NODES}.{parts[1]}.write_pj") if own else ()

    def sweep_faults(self, sweep: Sweep, rules: EnergyRules) -> Iterator[tuple[Place, str]]:
        """What a sweep of hierarchies cannot have."""
        if any(True for _ in rules.given()):
            yield (PRICES,), "expected none on a hierarchy, whose prices follow by sweep.prices"
        for field in sweep.prices:
            fault = self._price_fault(own_path(field))
            if fault is not None:
                yield ("prices", field), fault
        names = [node.name for node in self._sized_levels]
        for name in _given_weights(sweep.area_weights):
            if name not in names:
                yield ("area_weights", name), f"unknown storage level; {suggestion(name, names)}"

    def _price_fault(self, field: str) -> str | None:
        prices = [known for known in self.known if _is_price(known)]
        if self.is_known(field) and _is_price(field):
            return None
        return f"unknown price; {suggestion(field, prices)}"

    @property
    def _sized_levels(self) -> tuple[StorageLevel, ...]:
        """The levels inside the outermost one."""
        return tuple(node for node in self.base.nodes[1:] if isinstance(node, StorageLevel))

    def weights(self, given: AnyAreaWeights) -> dict[str, float]:
        """What a byte of each level inside the outermost one counts in the area proxy."""
        stated = _given_weights(given)
        return {level.name: stated.get(level.name, 1.0) for level in self._sized_levels}

    def area_proxy_bytes(self, given: AnyAreaWeights) -> float | None:
        """Weighted bytes of all instances of all levels; ``None`` where a level that counts has no stated size."""
        if self.unsized(given):
            return None
        weights, total, instances = self.weights(given), 0.0, 1
        for node in self.base.nodes:
            if isinstance(node, Fanout):
                instances *= node.size
            else:
                total += weights.get(node.name, 0.0) * instances * (_size_bytes(node) or 0)
        return total

    def unsized(self, given: AnyAreaWeights) -> list[str]:
        """Levels that count in the area proxy and have no stated size."""
        weights = self.weights(given)
        return [level.name for level in self._sized_levels if weights[level.name] and _size_bytes(level) is None]


def _fields_of(node: StorageLevel | Fanout) -> Iterator[str]:
    yield from (field for field in type(node).model_fields if field not in NOT_VARIED)
    if isinstance(node, StorageLevel):
        yield from (f"dma.{field}" for field in DmaEngine.model_fields)


def _last(field: str) -> str:
    return field.rpartition(".")[2]


def _is_price(field: str) -> bool:
    """Whether a field, or the one that a selector follows, is a price."""
    return any(part.endswith(PRICE) for part in field.split(".")[-2:])


def _given_weights(given: AnyAreaWeights) -> dict[str, float]:
    """The weights that a sweep states, by the names of levels."""
    return given.model_dump(include=given.model_fields_set) if isinstance(given, AreaWeights) else given


def _size_bytes(level: StorageLevel) -> float | None:
    """Bytes of one instance: its capacity, or its partitions if each is stated for one tensor."""
    if level.capacity_bytes is not None:
        return level.capacity_bytes
    if not isinstance(level.partitions, dict):
        return None
    shares = level.partitions
    return None if {"*", "read"} & shares.keys() else math.fsum(shares.values())
