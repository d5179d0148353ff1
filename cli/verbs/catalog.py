"""What can be named in a spec without a file: built-in data and installed back ends."""

from __future__ import annotations

from pydantic import Field

from ...model.base import Model
from ...model.reading.loading import builtin_names
from ...solver import available_backends
from ..caching import usual_folder


class Catalog(Model):
    """Names by kind; and where results are cached, if anywhere."""

    schema_: str = Field(default="dmaze-solve/list/1", alias="schema")
    architectures: tuple[str, ...]
    networks: tuple[str, ...]
    examples: tuple[str, ...]
    sweeps: tuple[str, ...]
    energy_tables: tuple[str, ...]
    backends: tuple[str, ...]
    cache: str | None


def catalog() -> Catalog:
    """Everything that is there."""
    folder = usual_folder()
    return Catalog(
        architectures=builtin_names("architectures"),
        networks=builtin_names("networks"),
        examples=builtin_names("examples"),
        sweeps=builtin_names("sweeps"),
        energy_tables=builtin_names("energy_tables"),
        backends=tuple(available_backends()),
        cache=None if folder is None else str(folder),
    )


def catalog_text(names: Catalog) -> str:
    """The catalog for reading."""
    sections = {
        "architectures": names.architectures,
        "networks": names.networks,
        "example specs": names.examples,
        "example sweeps": names.sweeps,
        "energy tables": names.energy_tables,
        "back ends": names.backends,
        "cache": () if names.cache is None else (names.cache,),
    }
    return "".join(f"{heading}:\n" + "".join(f"  {name}\n" for name in found) for heading, found in sections.items())
