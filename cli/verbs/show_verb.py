"""The verb ``show``: a machine drawn in the terminal, with where its figures come from."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from ...model.cost_model import DEFAULT_COST_MODEL, HIERARCHY
from ...model.cost_models import model_and_machine
from ...model.design_fields.settings import Settings
from ...model.faults import InputError
from ...model.hierarchy.machine import Machine
from ...model.reading.loading import resolve_architecture
from ..answer import Action, Delivery, Exit
from ..arguments.grouping import with_groups
from ..arguments.operands import MachineName
from ..arguments.options import SetValues
from ..arguments.overrides import overrides_from_options
from ..drawing import rendered
from ..output import check_destination, json_text, warnings_reported
from ..reports.machine_report import print_machine


@with_groups
def show_verb(machine: MachineName, *, set_values: SetValues = None, delivery: Delivery) -> Action:
    """Draw a machine: memories, arrays, what is kept where, prices, and sources.

    With --json, the machine as a document with nodes, whichever kind it is given in.
    """
    overrides = overrides_from_options({}, {"settings": set_values or []})
    return partial(run_show, machine, Settings(overrides.settings), delivery)


def run_show(name: str, settings: Settings, delivery: Delivery) -> int:
    """Draw a machine that is built in, or in a file, perhaps with other values of its fields."""
    check_destination(delivery.out)
    with warnings_reported():
        machine, published = machine_named(name, settings)
    document = json_text(machine.model_dump(mode="json", exclude_unset=True))
    note = PUBLISHED if published else None
    delivery.deliver(document, lambda: rendered(lambda console: print_machine(console, machine, note)))
    return Exit.SOLVED


PUBLISHED = f"""\
Specs search mappings onto it with the cost model {DEFAULT_COST_MODEL}, which has counts of its own. This is the same
machine as a hierarchy: what evaluate takes with --cost-model {HIERARCHY}."""


def machine_named(name: str, settings: Settings) -> tuple[Machine, bool]:
    """The machine of a name or a file as a hierarchy, with other values, and whether it has the published form.

    Raises:
        InputError: when there is none, or its file is faulty.
    """
    try:
        architecture = resolve_architecture(name, Path())
    except InputError as error:
        raise InputError(f if f.file else replace(f, place="dmaze-solve show") for f in error.faults) from error
    architecture = settings.on(architecture) if settings.values else architecture
    _, machine = model_and_machine(architecture, HIERARCHY, None)
    assert isinstance(machine, Machine)
    return machine, machine is not architecture
