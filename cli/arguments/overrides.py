"""Options of the command line that replace values of the spec, checked by the same rules."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from ...model.base import NaturalInt, PositiveInt, Text
from ...model.design_fields.settings import Settings
from ...model.documents.imported_network import InputValue
from ...model.documents.spec import SolverOptions, Spec
from ...model.faults import Fault, InputError, shown
from ...model.hierarchy.accountings import AccountingName
from ...model.objectives import Objective
from ...model.reading.loading import (
    AnySpec,
    ResolvedSpec,
    Substitutes,
    is_network,
    load_layer_files,
    load_resolved,
    load_spec_of_result,
    resolve_architecture,
)
from ...model.reading.sources.named_networks import is_named_network
from ...model.reading.sources.substitutes import Changes
from ...model.reading.validation import validated

if TYPE_CHECKING:
    from ...model.evaluating import AnyRequest

FLAGS: Mapping[str, str] = {
    "architecture": "--architecture",
    "cost_model": "--cost-model",
    "accounting": "--accounting",
    "batch": "--batch",
    "dims": "--dim",
    "inputs": "--input",
    "settings": "--set",
    "objective": "--objective",
    "backend": "--backend",
    "time_limit_s": "--time-limit",
    "total_time_limit_s": "--total-time-limit",
    "workers": "--workers",
    "top_k": "--top-k",
    "relative_gap": "--gap",
    "until_gap": "--until-gap",
    "seed": "--seed",
    "pad_bounds": "--pad-bounds",
    "pad_percent": "--pad-percent",
}
"""What the fields of a spec are called on the command line."""


OUTSIDE_SOLVER = frozenset({"architecture", "cost_model", "accounting", "batch", "dims", "inputs", "settings"})
"""Overrides that a spec is loaded with; the others replace its objective and fields of its ``solver`` afterwards."""


class Overrides(SolverOptions):
    """The options of a spec's ``solver``, its objective, machine, cost model and sizes; only those set count.

    ``settings`` are values of single fields by their paths.
    """

    objective: Objective | None = None
    architecture: Text | None = None
    cost_model: Text | None = None
    accounting: AccountingName | None = None
    batch: PositiveInt | None = None
    dims: dict[Text, NaturalInt] = Field(default_factory=dict[str, int])
    inputs: dict[Text, InputValue] = Field(default_factory=dict[str, InputValue])
    settings: dict[Text, Any] = Field(default_factory=dict[str, Any])


def overrides_from_options(
    given: Mapping[str, str | None], named: Mapping[str, Sequence[str]] | None = None
) -> Overrides:
    """The checked values of the options that were given; ``named`` holds those of the form ``NAME=VALUE`` by field.

    Raises:
        InputError: one fault per bad value, at the option's name; and for a field that two options set.
    """
    texts = {"objective", "backend", "architecture", "cost_model", "accounting"}
    data = {
        field: text if field in texts else number_from_text(text) for field, text in given.items() if text is not None
    }
    for field, texts_of_pairs in (named or {}).items():
        if texts_of_pairs:
            data[field] = _by_name(field, texts_of_pairs)
    try:
        overrides = validated(Overrides, data, None)
    except InputError as error:
        fields = [fault.place.partition(".")[0].partition("[")[0] for fault in error.faults]
        places = [FLAGS.get(field, fault.place) for field, fault in zip(fields, error.faults, strict=True)]
        faults = zip(error.faults, places, strict=True)
        raise InputError(replace(fault, place=place) for fault, place in faults) from error
    twice = {path: path.removeprefix("solver.") for path in overrides.settings}
    faulty = [(path, field) for path, field in twice.items() if field in overrides.model_fields_set]
    if faulty:
        settings = Settings(overrides.settings)
        message = "expected without {}, which sets it, too"
        raise InputError(Fault(None, settings.place(path), message.format(FLAGS[field])) for path, field in faulty)
    return overrides


def _by_name(field: str, texts: Sequence[str]) -> dict[str, object]:
    """Values by name from ``NAME=VALUE``, where a name may hold further equals signs."""
    is_path = field == "settings"  # a path holds no equal sign, its value may
    pairs = [(text, *(text.partition("=") if is_path else text.rpartition("="))) for text in texts]
    faulty = [text for text, name, sign, _ in pairs if not name or not sign]
    names = [name for _, name, _, _ in pairs]
    repeated = [name for name in dict.fromkeys(names) if name and names.count(name) > 1]
    form = {"dims": "NAME=N", "settings": "PATH=VALUE"}.get(field, "NAME=VALUE")
    faults = [Fault(None, FLAGS[field], f"expected {form}, got {shown(text)}") for text in faulty]
    faults += [Fault(None, FLAGS[field], f"expected {shown(name)} once, but given more than once") for name in repeated]
    if faults:
        raise InputError(faults)
    return {name: number_from_text(value) for _, name, _, value in pairs}


def load_with_overrides(path: Path, overrides: Overrides) -> ResolvedSpec[Spec]:
    """The spec in a file, or of the network in a file or a folder, with the options in place of its own values.

    Raises:
        InputError: for a faulty file or option; a network needs an architecture.
    """
    with options_placed(overrides):
        return with_overrides(load_resolved(Spec, path, substitutes_of(path, overrides)), overrides)


def load_result_with_overrides(path: Path, overrides: Overrides) -> ResolvedSpec[Spec]:
    """The spec that the result in a file answers, with the options in place of its own values."""
    with options_placed(overrides):
        return with_overrides(load_spec_of_result(path, substitutes_of(path, overrides)), overrides)


def load_files_with_overrides(paths: Sequence[Path], overrides: Overrides) -> ResolvedSpec[Spec]:
    """The same for several files of layers, which are one network together."""
    with options_placed(overrides):
        return with_overrides(load_layer_files(Spec, paths, substitutes_of(paths[0], overrides)), overrides)


def load_request_with_values(path: Path, overrides: Overrides) -> AnyRequest:
    """The request in a file, with options in place of its own values.

    Raises:
        InputError: for a faulty file or option.
    """
    from ...model.evaluating import load_request  # loaded for requests only

    with options_placed(overrides):
        return load_request(path, ways_to_cost(overrides), changes_of(overrides))


def ways_to_cost(overrides: Overrides) -> dict[str, str]:
    """The cost model and the accounting, where options choose them."""
    return {field: getattr(overrides, field) for field in ("cost_model", "accounting") if _is_set(overrides, field)}


def changes_of(overrides: Overrides) -> Changes | None:
    """What ``--set`` makes of a document; ``None`` without it."""
    return Settings(overrides.settings).applied if overrides.settings else None


@contextmanager
def options_placed(overrides: Overrides) -> Generator[None]:
    """Say of faults of the ways to cost, and of fields that ``--set`` sets, that the option is behind them."""
    try:
        yield
    except InputError as error:
        raise InputError(_with_option(fault, overrides) for fault in error.faults) from error


def _with_option(fault: Fault, overrides: Overrides) -> Fault:
    if fault.place in ("cost_model", "accounting") and _is_set(overrides, fault.place):
        return Fault(None, FLAGS[fault.place], fault.message)
    place = Settings(overrides.settings).of_place(fault.place)
    return fault if place is None else Fault(None, place, fault.message)


def _is_set(overrides: Overrides, field: str) -> bool:
    return field in overrides.model_fields_set


def substitutes_of(path: Path, overrides: Overrides) -> Substitutes:
    """What the options put in place of what the spec in a file names.

    Raises:
        InputError: for an architecture that is not there or faulty, or without one for a network.
    """
    architecture = None
    if overrides.architecture is not None:
        try:
            architecture = resolve_architecture(overrides.architecture, Path())
        except InputError as error:
            places = [FLAGS["architecture"] if fault.file is None else fault.place for fault in error.faults]
            faults = zip(error.faults, places, strict=True)
            raise InputError(replace(fault, place=place) for fault, place in faults) from error
    elif is_layers(path):
        message = f"expected the name or the file of an architecture to map {path.name} onto (dmaze-solve list)"
        raise InputError.single(None, FLAGS["architecture"], message)
    return Substitutes(
        architecture,
        overrides.cost_model,
        overrides.accounting,
        overrides.batch,
        overrides.dims,
        overrides.inputs,
        changes_of(overrides),
    )


def is_layers(path: Path) -> bool:
    """Whether a path leads to layers and nothing else, or is the name of a built-in network."""
    return is_network(path) or is_named_network(path)


def with_overrides(spec: ResolvedSpec[AnySpec], overrides: Overrides) -> ResolvedSpec[AnySpec]:
    """The spec with the options of its solver and its objective in place of its own."""
    given = {field: getattr(overrides, field) for field in overrides.model_fields_set - OUTSIDE_SOLVER}
    objective = given.pop("objective", spec.document.objective)
    return spec.with_values(objective=objective, solver=spec.document.solver.model_copy(update=given))


def placed(fault: Fault, path: Path, overrides: Overrides) -> Fault:
    """A fault that only the run could find, with the file or the option that it came from."""
    option = fault.place.removeprefix("solver.")
    if option in overrides.model_fields_set:
        return replace(fault, place=FLAGS[option])
    own = Settings(overrides.settings).of_place(fault.place)
    if own is not None:
        return replace(fault, file=None, place=own)
    return fault if fault.file or fault.place.startswith("--") else replace(fault, file=str(path))


def number_from_text(text: str) -> object:
    """The number that a text holds; any other text as it is, for the check to refuse."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # no JSON, or nested beyond all sense
        return text
