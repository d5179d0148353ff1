"""Values that a caller in Python gives beside a spec, in place of the spec's own; checked by the same rules."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypedDict, cast

from ...documents.architectures import AnyArchitecture, architecture_type
from ...documents.kinds.any_constraints import AnyConstraints
from ...documents.spec import NetworkReference, SolverOptions
from ...faults import Fault, InputError, suggestion
from ...hierarchy.accountings import AccountingName
from ...objectives import Objective
from ..json_files import JsonObject
from ..references import resolve_architecture
from ..validation import validated
from .given_document import kind_of, plain_data
from .given_spec import set_fields


class SpecOptions(TypedDict, total=False):
    """Fields of a spec, of its network (``batch``, ``dims``, ``inputs``) and of its ``solver``, each by its own name.

    ``architecture`` is an object, its fields, the name of a built-in one, or a path (relative to the current folder).
    """

    name: str
    architecture: AnyArchitecture | Mapping[str, Any] | Path | str
    cost_model: str
    accounting: AccountingName
    objective: Objective
    constraints: AnyConstraints | Mapping[str, Any]
    batch: int
    dims: Mapping[str, int]
    inputs: Mapping[str, Any]
    backend: str
    time_limit_s: float
    total_time_limit_s: float
    workers: int
    top_k: int
    relative_gap: float
    until_gap: float
    seed: int
    pad_bounds: bool
    pad_percent: float


_OF_SIZES = ("batch", "dims", "inputs")
_OF_SPEC = ("name", "cost_model", "accounting", "objective", "constraints")


@dataclass(frozen=True)
class CheckedOptions:
    """Options of which every name is known and what can be checked alone is checked.

    ``architecture`` and ``sizes`` stand in place of the spec's own, the other ``given`` ones become fields of it.
    """

    architecture: AnyArchitecture | None
    sizes: NetworkReference
    given: Mapping[str, object]

    def applied(self, fields: JsonObject) -> JsonObject:
        """The fields of a spec with the options in place of its own."""
        own: JsonObject = {name: value for name, value in self.given.items() if name in _OF_SPEC}
        solver = {name: value for name, value in self.given.items() if name in SolverOptions.model_fields}
        if solver:
            own["solver"] = {**set_fields(fields.get("solver")), **solver}
        return {**fields, **own}

    @contextmanager
    def faults_placed(self, file: str) -> Generator[None]:
        """Say of faults where they come from: the option that gave the value, else the file of the spec."""
        try:
            yield
        except InputError as error:
            raise InputError(self._placed(fault, file) for fault in error.faults) from error

    def _placed(self, fault: Fault, file: str) -> Fault:
        if fault.file not in (None, file):
            return fault
        for option in self.given:
            place = f"solver.{option}" if option in SolverOptions.model_fields else option
            if re.match(rf"{place}\b", fault.place):
                return replace(fault, file=None, place=option + fault.place.removeprefix(place))
        return replace(fault, file=file)


def checked_options(options: Mapping[str, object]) -> CheckedOptions:
    """Options that a caller has given, none of them by another name than :class:`SpecOptions` has.

    Raises:
        InputError: for unknown names, an architecture that is not there or faulty, and faulty sizes.
    """
    unknown = [name for name in options if name not in SpecOptions.__annotations__]
    if unknown:
        known = [*SpecOptions.__annotations__]
        raise InputError(Fault(None, name, f"unknown option; {suggestion(name, known)}") for name in unknown)
    given = {name: plain_data(value) for name, value in options.items() if value is not None}
    sizes = {name: value for name, value in given.items() if name in _OF_SIZES}
    reference = validated(NetworkReference, {"network": "of the spec", **sizes}, None)
    return CheckedOptions(_architecture(given.get("architecture")), reference, given)


def _architecture(given: object) -> AnyArchitecture | None:
    """The architecture that an option gives; a path begins at the current folder."""
    if given is None or isinstance(given, AnyArchitecture):
        return given
    if isinstance(given, str):
        return resolve_architecture(given, Path())
    if isinstance(given, dict):
        fields = cast("JsonObject", given)
        return validated(architecture_type(fields), fields, None, ("architecture",))
    message = f"expected an Architecture, a Machine, a dict, a name or a path, got {kind_of(given)}"
    raise InputError.single(None, "architecture", message)
