"""The built-in machines: their nodes, their size, and where their figures come from."""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap
from typing import TypedDict, cast

from ...model.cost_model import HIERARCHY
from ...model.cost_models import model_and_machine
from ...model.hierarchy.machine import Fanout, Machine
from ...model.reading.builtin_data import builtin_names
from ...model.reading.loading import resolve_architecture
from .machine_report import GUESSES, WIDTH, num_units

PUBLISHED = (
    "the reference accelerator of dMazeRunner (Dave et al., ACM TECS 18(5s), 2019, doi 10.1145/3358198); "
    "the SPM is the half that one of its two buffers may use"
)
"""The source of a built-in machine of the published kind, which has no field for one."""


class ListedMachine(TypedDict):
    """A machine in the list: ``nodes`` as text, ``sources`` by subject."""

    name: str
    cost_model: str
    nodes: str
    multiply_accumulate_units: int
    sources: dict[str, str]


class MachineList(TypedDict):
    """The document that ``dmaze-solve list machines --json`` prints."""

    schema: str
    machines: list[ListedMachine]


def machine_list() -> MachineList:
    """All built-in machines by name."""
    return {
        "schema": "dmaze-solve/machines/1",
        "machines": [_listed(name) for name in builtin_names("architectures")],
    }


def print_machines(found: MachineList) -> str:
    """The list for reading: a line for the nodes of each machine, lines for its sources."""
    return "\n".join(line for machine in found["machines"] for line in _lines(machine)) + "\n"


def _listed(name: str) -> ListedMachine:
    architecture = resolve_architecture(name, Path())
    machine = cast("Machine", model_and_machine(architecture, HIERARCHY, None)[1])
    given = machine.sources or PUBLISHED
    return {
        "name": name,
        "cost_model": architecture.cost_model,
        "nodes": " > ".join(f"{n.name} x {n.size}" if isinstance(n, Fanout) else n.name for n in machine.nodes),
        "multiply_accumulate_units": num_units(machine),
        "sources": {"all": given} if isinstance(given, str) else dict(given),
    }


def _lines(machine: ListedMachine) -> list[str]:
    units = machine["multiply_accumulate_units"]
    lines = [f"{machine['name']}: {units:,} multiply-accumulate units, cost model {machine['cost_model']}"]
    lines += wrap(machine["nodes"], WIDTH, initial_indent="  ", subsequent_indent="  ")
    for subject, words in machine["sources"].items():
        label = "GUESSED" if subject == GUESSES else subject
        lines += wrap(f"{label}: {words}", WIDTH, initial_indent="  ", subsequent_indent="    ")
    return lines
