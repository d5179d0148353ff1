"""What can be named in a spec without a file: built-in data and installed back ends."""

from __future__ import annotations

from pydantic import Field

from ..model.base import Model
from ..model.loading import builtin_names
from ..solver import available_backends


class Catalog(Model):
    """Names by kind."""

    schema_: str = Field(default="dmaze-solve/list/1", alias="schema")
    architectures: tuple[str, ...]
    networks: tuple[str, ...]
    examples: tuple[str, ...]
    backends: tuple[str, ...]


def catalog() -> Catalog:
    """Everything that is there."""
    return Catalog(
        architectures=builtin_names("architectures"),
        networks=builtin_names("networks"),
        examples=builtin_names("examples"),
        backends=tuple(available_backends()),
    )


def catalog_text(names: Catalog) -> str:
    """The catalog for reading."""
    sections = {
        "architectures": names.architectures,
        "networks": names.networks,
        "example specs": names.examples,
        "back ends": names.backends,
    }
    return "".join(f"{heading}:\n" + "".join(f"  {name}\n" for name in found) for heading, found in sections.items())
