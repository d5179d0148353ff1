"""Other values of single fields of a spec or a request, by their paths: what-if questions of one line."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from ..base import Model
from ..documents.architectures import AnyArchitecture, architecture_type
from ..documents.sweep_spec import Setting
from ..faults import Fault, InputError, InputWarning, nearest_name, place_text, shortened, shown
from ..reading.json_files import JsonObject
from ..reading.validation import validated
from .fields_of import DesignFields, fields_of
from .nested_values import are_nested, label_of, own_path, with_value
from .price_following import kept_prices

ARCHITECTURE = "architecture"

NOT_SET = (ARCHITECTURE, "workload", "mappings")
"""Fields that are no single value and have files or options of their own."""

LONGEST_NAME = 1000
"""Characters of an architecture's name."""


@dataclass(frozen=True)
class Settings:
    """Values by the paths of the fields that they replace; ``option`` is what faults and warnings call them.

    A path begins at the document (``solver.top_k``, ``architecture.spm.banks``) or at its architecture, as those of a
    sweep do (``spm.banks``, ``nodes.GLB.capacity_bytes``).
    """

    values: Mapping[str, object]
    option: str = "--set"

    def applied(self, document: JsonObject, kind: type[Model]) -> JsonObject:
        """The fields of a document with these values in place; ``kind`` is its type, for the fields that it has.

        An architecture that the document only names, since there is none of that name, is left for the document's own
        check.

        Raises:
            InputError: for paths that lead nowhere, and for architectures that cannot be.
        """
        fields = [name for name in kind.model_fields if name not in NOT_SET]
        of_document = {path: value for path, value in self.values.items() if _first(path) in fields}
        faults = [fault for path in of_document if (fault := self._fault_of_options(path, kind)) is not None]
        if faults:
            raise InputError(faults)
        for path, value in of_document.items():
            document = with_value(document, tuple(path.split(".")), value)
        of_architecture = {path: value for path, value in self.values.items() if path not in of_document}
        given = _architecture_in(document)
        if given is None:
            return document
        changed = replace(self, values=of_architecture).on(given, fields) if of_architecture else given
        return {**document, ARCHITECTURE: changed.model_dump(mode="json")}

    def on(self, architecture: AnyArchitecture, others: Sequence[str] = ()) -> AnyArchitecture:
        """The architecture with these values of its fields, and a name that says so; ``others`` may be set, too.

        Raises:
            InputError: for fields that it does not have, and for values that they cannot have.
        """
        fields = fields_of(architecture)
        faults = list(self._faults(fields, others))
        if faults:
            raise InputError(faults)
        values = {own_path(path): cast("Setting", value) for path, value in self.values.items()}
        try:
            changed = fields.changed(fields.document, values)
            name = shortened(f"{architecture.name} ({label_of(values)})", LONGEST_NAME)
            made = fields.made({**changed, "name": name}, None)
        except InputError as error:
            raise InputError(self._placed(fault, fields) for fault in error.faults) from error
        self._warn_of_prices(fields, changed)
        return made

    def place(self, path: str) -> str:
        """What a fault of a value names."""
        return f"{self.option} {path}"

    def of_place(self, place: str) -> str | None:
        """What a fault at a place of the document names where one of the values is behind it; else ``None``."""
        behind = [path for path in self.values if are_nested(path, place)]
        return self.place(behind[0]) if behind else None

    def _faults(self, fields: DesignFields, others: Sequence[str]) -> Iterator[Fault]:
        targets: dict[str, str] = {}
        for path, value in self.values.items():
            own, place = own_path(path), self.place(path)
            if path == ARCHITECTURE or _first(path) in NOT_SET[1:]:
                yield Fault(None, place, f"expected a field of the architecture, or of {', '.join(others)}")
                continue
            if not fields.is_known(own):
                yield Fault(None, place, f"unknown field; {_hint(path, fields, others)}")
                continue
            first = targets.setdefault(fields.target(own), path)
            if first != path:
                yield Fault(None, place, f"expected without {self.place(first)}, which sets it, too")
            if value is not None and not isinstance(value, bool | int | float | str):
                yield Fault(None, place, f"expected a number, true, false or a word, got {shown(value)}")
            elif (message := fields.value_fault(own, value)) is not None:
                yield Fault(None, place, message)

    def _fault_of_options(self, path: str, kind: type[Model]) -> Fault | None:
        """What is wrong with a path into a field that is an object of fixed fields, such as ``solver``."""
        first, _, rest = path.partition(".")
        own = kind.model_fields[first].annotation
        if not (isinstance(own, type) and issubclass(own, Model)) or _first(rest) in own.model_fields:
            return None
        near = nearest_name(_first(rest), own.model_fields)
        meant = "" if near is None else f"; did you mean '{first}.{near}'?"
        return Fault(None, self.place(path), f"unknown field; {first} has {', '.join(own.model_fields)}{meant}")

    def _placed(self, fault: Fault, fields: DesignFields) -> Fault:
        """A fault of the architecture where it comes from: one of the values, else all of them."""
        for path in self.values:
            if are_nested(place_text(fields.place(own_path(path))), fault.place) or fault.place == own_path(path):
                return replace(fault, place=self.place(path))
        return replace(fault, place=self.option, message=f"{fault.place}: {fault.message}")

    def _warn_of_prices(self, fields: DesignFields, changed: dict[str, Any]) -> None:
        """Warn of memories whose size is changed while what an access takes stays as it was."""
        own = [own_path(path) for path in self.values]
        for path in self.values:
            field = own_path(path)
            same = fields.capacity(fields.document, field) == fields.capacity(changed, field)
            message = None if same else kept_prices(fields.prices_of_size(field), own)
            if message is not None:
                warnings.warn(str(Fault(None, self.place(path), message)), InputWarning, stacklevel=3)


def _architecture_in(document: JsonObject) -> AnyArchitecture | None:
    """The architecture that a document holds; ``None`` where it is faulty, or only named."""
    given: object = document.get(ARCHITECTURE)
    if not isinstance(given, dict):
        return None if isinstance(given, str) else cast("AnyArchitecture | None", given)
    fields = cast("JsonObject", given)
    try:
        return validated(architecture_type(fields), fields, None)
    except InputError:
        return None


def _hint(path: str, fields: DesignFields, others: Sequence[str]) -> str:
    """What there is where a path stops leading anywhere, and the path that it most likely means."""
    first, _, rest = path.partition(".")
    prefix = f"{ARCHITECTURE}." if first == ARCHITECTURE else ""
    known = [f"{prefix}{field}" for field in fields.known]
    there = _longest_known(path, known)
    below = dict.fromkeys(field[len(there) :].split(".")[0] for field in known if field.startswith(there))
    near = nearest_name(path, [*known, *(f"{other}.{rest}" if rest else other for other in others)])
    has = f"{there.rstrip('.') or fields.kind} has {', '.join(below)}"
    besides = f", the document {', '.join(others)}" if others and not there else ""
    return f"{has}{besides}" + (f"; did you mean '{near}'?" if near is not None else "")


def _longest_known(path: str, known: Sequence[str]) -> str:
    """The longest beginning of a path, with its last dot, that some known paths begin with."""
    parts = path.split(".")
    beginnings = (".".join(parts[:length]) + "." for length in range(len(parts) - 1, 0, -1))
    return next((begin for begin in beginnings if any(field.startswith(begin) for field in known)), "")


def _first(path: str) -> str:
    return path.partition(".")[0]
