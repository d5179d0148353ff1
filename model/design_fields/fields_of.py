"""What a sweep may vary of an architecture, by its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from ..cost_model import DEFAULT_COST_MODEL, HIERARCHY
from ..documents.architectures import AnyArchitecture
from ..documents.result import Number
from ..documents.sweep_spec import AnyAreaWeights, EnergyRules, Setting, Sweep
from ..faults import Place
from .machine_fields import MachineFields
from .price_following import FollowingPrice
from .published_fields import PublishedFields


class DesignFields(Protocol):
    """The fields of one architecture that a sweep may vary, by their paths within it; documents are its JSON."""

    @property
    def kind(self) -> str:
        """What it is, in messages."""
        ...

    @property
    def document(self) -> dict[str, Any]:
        """The architecture as JSON."""
        ...

    @property
    def known(self) -> tuple[str, ...]:
        """All fields."""
        ...

    @property
    def capacities(self) -> tuple[str, ...]:
        """What a price may follow."""
        ...

    def is_known(self, field: str) -> bool:
        """Whether a sweep may vary a field."""
        ...

    def target(self, field: str) -> str:
        """The path that a field of an axis sets."""
        ...

    def place(self, field: str) -> Place:
        """Where a field stands in the document."""
        ...

    def value_fault(self, field: str, value: Setting | None) -> str | None:
        """What is wrong with a value before it is set; ``None`` if nothing is."""
        ...

    def changed(self, document: dict[str, Any], values: Mapping[str, Setting]) -> dict[str, Any]:
        """The document with other values of some fields.

        Raises:
            InputError: for a value that others rule out; the fault's place is the field.
        """
        ...

    def capacity(self, document: dict[str, Any], field: str) -> Number | None:
        """The value of a field that a price follows; ``None`` where there is none."""
        ...

    def made(self, document: dict[str, Any], file: str | None) -> AnyArchitecture:
        """The architecture of a document.

        Raises:
            InputError: when it is none.
        """
        ...

    def prices(self, sweep: Sweep, rules: EnergyRules) -> tuple[FollowingPrice, ...]:
        """The prices that follow capacities; ``rules`` are ``sweep.access_energy_pj`` without names of tables."""
        ...

    def prices_of_size(self, field: str) -> tuple[str, ...]:
        """What an access to the memory takes whose size a field is, by the paths of its prices; empty for others."""
        ...

    def sweep_faults(self, sweep: Sweep, rules: EnergyRules) -> Iterator[tuple[Place, str]]:
        """What a sweep of such an architecture cannot have: places in the sweep, and messages."""
        ...

    def weights(self, given: AnyAreaWeights) -> AnyAreaWeights:
        """What a byte of each memory counts in the area proxy, those left out included."""
        ...

    def unsized(self, given: AnyAreaWeights) -> list[str]:
        """Memories that count in the area proxy and have no stated size."""
        ...

    def area_proxy_bytes(self, given: AnyAreaWeights) -> float | None:
        """Weighted bytes of all memories on the chip; ``None`` where one that counts has no stated size."""
        ...


KINDS: Mapping[str, Callable[[Any], DesignFields]] = {DEFAULT_COST_MODEL: PublishedFields, HIERARCHY: MachineFields}
"""The fields of each kind of architecture, by the cost model that it selects."""


def fields_of(architecture: AnyArchitecture) -> DesignFields:
    """What a sweep may vary of an architecture."""
    return KINDS[architecture.cost_model](architecture)
