"""What all public documents share: the pydantic base, number types with their ranges."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MAX_BOUND = 2**31 - 1
"""Largest loop bound, tensor extent or capacity in one direction."""

LEAST_RATE = 1e-9
"""Smallest bandwidth: cycles, which are divided by it, stay finite."""

LEAST_CLOCK_MHZ, LARGEST_CLOCK_MHZ = 1e-3, 1e6
"""From a kilohertz to a terahertz: beyond, a clock is a slip, and cycles of one clock are no number in another."""


def _not_vanishing(rate: float) -> float:
    if rate < LEAST_RATE:
        raise ValueError(f"expected a number of at least {LEAST_RATE:g}, got {rate}")
    return rate


def _possible_clock(clock_mhz: float) -> float:
    if not LEAST_CLOCK_MHZ <= clock_mhz <= LARGEST_CLOCK_MHZ:
        limits = f"from {LEAST_CLOCK_MHZ:g} to {LARGEST_CLOCK_MHZ:,.0f} MHz"
        raise ValueError(f"expected a clock {limits}, got {clock_mhz}")
    return clock_mhz


PositiveInt = Annotated[int, Field(strict=True, ge=1, le=MAX_BOUND)]
NaturalInt = Annotated[int, Field(strict=True, ge=0, le=MAX_BOUND)]
Factor = Annotated[int, Field(strict=True, ge=1, le=MAX_BOUND)]
Ratio = Annotated[float, Field(strict=True, ge=0, le=1)]
Price = Annotated[float, Field(strict=True, ge=0, le=1e9)]
Rate = Annotated[float, Field(strict=True, gt=0, le=1e9), AfterValidator(_not_vanishing)]
Clock = Annotated[
    float,
    Field(strict=True, json_schema_extra={"minimum": LEAST_CLOCK_MHZ, "maximum": LARGEST_CLOCK_MHZ}),
    AfterValidator(_possible_clock),
]
"""MHz."""
Flag = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(strict=True, min_length=1, max_length=1000)]


class Model(BaseModel):
    """A frozen document: unknown fields and non-finite numbers are errors."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        serialize_by_alias=True,
        json_schema_serialization_defaults_required=True,
        defer_build=True,
    )
