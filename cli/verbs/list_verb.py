"""The verb ``list``: what can be named in a spec without a file. Names only: nothing that they name is loaded."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial

from ...model.reading.builtin_data import builtin_names
from ...solver.installed import available_backends
from ..answer import Action, Delivery, Exit
from ..arguments.caching import usual_folder
from ..arguments.grouping import with_groups
from ..output import check_destination, json_text


@with_groups
def list_verb(delivery: Delivery) -> Action:
    """Show built-in architectures, built-in networks and installed back ends."""
    return partial(run_list, delivery)


def run_list(delivery: Delivery) -> int:
    """Built-in architectures and networks, installed back ends."""
    check_destination(delivery.out)
    names = catalog()
    delivery.deliver(json_text(asdict(names)), lambda: catalog_text(names))
    return Exit.SOLVED


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """Names by kind; and where results are cached, if anywhere. The fields are those of the JSON document."""

    schema: str = "dmaze-solve/list/1"
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
