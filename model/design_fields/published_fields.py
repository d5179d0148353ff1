"""The fields of published architectures that a sweep may vary, and what they spend on memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

from ..dmazerunner.architecture import Architecture
from ..documents.result import Number
from ..documents.sweep_spec import AnyAreaWeights, AreaWeights, EnergyRules, Setting, Sweep
from ..faults import InputError, Place, shown, suggestion
from ..reading.sweep_loading import PRICES
from ..reading.validation import validated
from .nested_values import number_at, with_value
from .price_following import FollowingPrice

SPM_KIB = "spm_kib_double_buffered"
"""A field of no architecture: KiB of both buffers of the SPM, which stand for a number of banks."""

BANKS, BANK_BYTES = "spm.banks", "spm.bytes_per_bank"

PARTS = ("rf", "spm")
"""The memories of the area proxy."""

SIZES: Mapping[str, str] = {BANKS: "spm", BANK_BYTES: "spm", SPM_KIB: "spm", "rf_bytes_per_pe": "rf"}
"""The memory whose size a field is."""


@dataclass(frozen=True)
class PublishedFields:
    """What a sweep may vary of a published architecture."""

    base: Architecture
    kind = "an architecture"

    @property
    def document(self) -> dict[str, Any]:
        """The base as JSON."""
        return self.base.model_dump()

    @property
    def known(self) -> tuple[str, ...]:
        """All fields, those of an architecture and the size of the SPM in KiB."""
        return (*_paths(self.base.model_dump(exclude={"name"})), SPM_KIB)

    @property
    def capacities(self) -> tuple[str, ...]:
        """What a price may follow."""
        return tuple(field for field in self.known if not field.startswith(f"{PRICES}."))

    def is_known(self, field: str) -> bool:
        """Whether a sweep may vary a field."""
        return field in self.known

    def target(self, field: str) -> str:
        """The path that a field of an axis sets."""
        return BANKS if field == SPM_KIB else field

    def place(self, field: str) -> Place:
        """Where a field stands in the document."""
        return tuple(field.split("."))

    def value_fault(self, field: str, value: Setting | None) -> str | None:
        """What is wrong with a value whatever the others are; ``None`` leaves that to the architecture's type."""
        if value is None or isinstance(value, bool | str):
            return f"expected an integer or a number, got {shown(value)}"
        return f"expected a number above 0, got {value}" if field == SPM_KIB and not 0 < value < math.inf else None

    def changed(self, document: dict[str, Any], values: Mapping[str, Setting]) -> dict[str, Any]:
        """The document with other values of some fields.

        Raises:
            InputError: for KiB that are no whole banks.
        """
        for field, value in values.items():
            if field != SPM_KIB:
                document = with_value(document, self.place(field), value)
        if SPM_KIB not in values:
            return document
        kib, bank_bytes = values[SPM_KIB], number_at(document, self.place(BANK_BYTES)) or 1
        banks = Fraction(repr(kib)) * 512 / Fraction(bank_bytes)
        if banks.denominator > 1:
            message = f"expected two buffers of whole banks of {bank_bytes} bytes, got {kib} KiB"
            raise InputError.single(None, SPM_KIB, message)
        return with_value(document, self.place(BANKS), banks.numerator)

    def capacity(self, document: dict[str, Any], field: str) -> Number | None:
        """The value of a field that prices may follow."""
        if field != SPM_KIB:
            return number_at(document, self.place(field))
        banks, bank_bytes = (number_at(document, self.place(part)) or 0 for part in (BANKS, BANK_BYTES))
        kib = Fraction(2 * banks * bank_bytes) / 1024
        return kib.numerator if kib.denominator == 1 else float(kib)

    def made(self, document: dict[str, Any], file: str | None) -> Architecture:
        """The architecture of a document; raises InputError for one that is none."""
        return validated(Architecture, document, file)

    def prices(self, sweep: Sweep, rules: EnergyRules) -> tuple[FollowingPrice, ...]:  # noqa: ARG002
        """The prices that follow capacities."""
        return tuple(
            FollowingPrice((PRICES, part), f"{PRICES}.{part}", rule)
            for part, rule in rules.given()
            if not isinstance(rule, str)
        )

    def prices_of_size(self, field: str) -> tuple[str, ...]:
        """What an access to the memory takes whose size a field is."""
        return (f"{PRICES}.{SIZES[field]}",) if field in SIZES else ()

    def sweep_faults(self, sweep: Sweep, rules: EnergyRules) -> Iterator[tuple[Place, str]]:  # noqa: ARG002
        """What a sweep of published architectures cannot have."""
        if sweep.prices:
            yield ("prices",), f"expected none, for prices of such an architecture follow by sweep.{PRICES}"
        for part in () if isinstance(sweep.area_weights, AreaWeights) else sweep.area_weights:
            if part not in PARTS:
                yield ("area_weights", part), f"unknown memory; {suggestion(part, PARTS)}"

    def weights(self, given: AnyAreaWeights) -> AreaWeights:
        """What a byte of each memory counts in the area proxy."""
        return given if isinstance(given, AreaWeights) else AreaWeights.model_validate(given)

    def unsized(self, given: AnyAreaWeights) -> list[str]:  # noqa: ARG002
        """None: all memories have sizes."""
        return []

    def area_proxy_bytes(self, given: AnyAreaWeights) -> float:
        """Weighted bytes of all register files and of both buffers of the SPM."""
        weights = self.weights(given)
        register_files = self.base.pes * self.base.rf_bytes_per_pe
        return weights.rf * register_files + weights.spm * 2 * self.base.spm_bytes


def _paths(document: Mapping[str, object]) -> Iterator[str]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from (f"{name}.{key}" for key in cast("dict[str, object]", value))
        else:
            yield name
