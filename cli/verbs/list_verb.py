"""The verb ``list``: what can be named in a spec without a file. Names only, unless machines are asked for."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import partial

from ...model.faults import InputError, suggestion
from ...model.reading.builtin_data import builtin_names, builtin_path
from ...solver.installed import available_backends
from ..answer import Action, Delivery, Exit
from ..arguments.caching import usual_folder
from ..arguments.grouping import with_groups
from ..arguments.operands import ListedKind
from ..output import check_destination, json_text

MACHINES = "machines"


@with_groups
def list_verb(kind: ListedKind = None, *, delivery: Delivery) -> Action:
    """Show built-in architectures, built-in networks and installed back ends.

    With machines: every built-in machine, its nodes and where its figures come from.
    """
    if kind is not None and kind != MACHINES:
        message = f"unknown kind '{kind}'; {suggestion(kind, [MACHINES])}"
        raise InputError.single(None, "dmaze-solve list", message)
    return partial(run_list_machines if kind else run_list, delivery)


def run_list(delivery: Delivery) -> int:
    """Built-in architectures and networks, installed back ends."""
    check_destination(delivery.out)
    names = catalog()
    delivery.deliver(json_text(asdict(names)), lambda: catalog_text(names))
    return Exit.SOLVED


def run_list_machines(delivery: Delivery) -> int:
    """Built-in machines and where their figures come from."""
    from ..reports.machine_list import machine_list, print_machines  # they load every machine

    check_destination(delivery.out)
    machines = machine_list()
    delivery.deliver(json_text(machines), lambda: print_machines(machines))
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


def kind_of(architecture: str) -> str:
    """The kind of a built-in architecture; its file is looked into, no more."""
    document = json.loads(builtin_path("architectures", architecture).read_text(encoding="utf-8"))
    return "hierarchy" if "nodes" in document else "published kind"


def catalog_text(names: Catalog) -> str:
    """The catalog for reading."""
    sections = {
        "architectures": tuple(f"{name} ({kind_of(name)})" for name in names.architectures),
        "networks": names.networks,
        "example specs": names.examples,
        "example sweeps": names.sweeps,
        "energy tables": names.energy_tables,
        "back ends": names.backends,
        "cache": () if names.cache is None else (names.cache,),
    }
    return "".join(f"{heading}:\n" + "".join(f"  {name}\n" for name in found) for heading, found in sections.items())
