"""What all public documents share: the pydantic base, number types with their ranges."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, cast

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


@cache
def _docstrings_of_fields(kind: type[BaseModel]) -> Mapping[str, str]:
    """The fields that a class itself declares, each with the text that stands below it."""
    try:
        source = inspect.getsource(kind)
    except OSError:  # a generic document with its parameters filled in, or an installation without sources
        return {}
    texts: dict[str, str] = {}
    (definition,) = ast.parse(source).body
    for field, below in pairwise(cast("ast.ClassDef", definition).body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                texts[name] = inspect.cleandoc(text)
            case _:
                pass
    return texts


def _describe_properties(schema: dict[str, Any], document: type[BaseModel]) -> None:
    """Gives every property of a JSON Schema the text below its field as description.

    It is read only as a schema is made: pydantic's ``use_attribute_docstrings`` would read the sources of every
    document at every start.
    """
    kinds = [kind for kind in reversed(document.__mro__) if issubclass(kind, Model)]
    texts = {name: text for kind in kinds for name, text in _docstrings_of_fields(kind).items()}
    for name, field in document.model_fields.items():
        described = schema["properties"].get(field.alias or name)
        if described is not None and name in texts:
            described.setdefault("description", texts[name])


class Model(BaseModel):
    """A frozen document: unknown fields and non-finite numbers are errors.

    The docstring below a field becomes its description in the JSON Schema.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        serialize_by_alias=True,
        json_schema_serialization_defaults_required=True,
        defer_build=True,
        json_schema_extra=_describe_properties,
    )
