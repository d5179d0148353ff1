"""A spec as a caller in Python gives it: as any document, or by the name of built-in data."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

from ...base import Model
from ...documents.spec import Spec
from ...faults import Fault, InputError, InputWarning, suggestion
from ..builtin_data import Kind, builtin_names, builtin_path
from ..json_files import JsonObject, read_json
from .given_document import GivenDocument, checked_text, given_without_file
from .named_networks import is_there

SpecSource: TypeAlias = Spec | Mapping[str, Any] | Path | str
"""A spec, its fields, the path of its file, its text as JSON or YAML, or the name of built-in data."""

SPEC_KINDS: Sequence[Kind] = ("networks", "examples")
"""Built-in data that a spec may be named by; what comes first counts where names are equal."""

SWEEP_KINDS: Sequence[Kind] = ("sweeps",)
"""The same for the spec of a sweep."""

SPEC = "spec"
"""What faults name of a spec that stands in no file."""


def given_spec(source: object, kinds: Sequence[Kind], is_network: Callable[[Path], bool]) -> GivenDocument:
    """The fields of a spec however it is given: what a :data:`SpecSource` may be, and anything else is refused.

    A text that is no document is a path where there is something at it, else the name of built-in data of one of
    ``kinds``. What ``is_network`` leads to layers alone.

    Raises:
        InputError: for what is none of these, and for files and texts that hold no object.
    """
    if isinstance(source, Spec):
        named = {type(source).model_fields[name].alias or name: name for name in source.model_fields_set}
        return GivenDocument({alias: getattr(source, name) for alias, name in named.items()}, Path(SPEC))
    without_file = given_without_file(source, SPEC)
    if without_file is not None:
        return without_file
    text = checked_text(source, SPEC, "expected a Spec, a dict, a path, a name or JSON text")
    if not is_there(Path(text)):
        return _built_in(text, kinds, is_network)
    if any(text in builtin_names(kind) for kind in kinds):
        message = "read as a file, not as what is built in by that name"
        warnings.warn(str(Fault(text, "", message)), InputWarning, stacklevel=2)
    return _in_file(Path(text), is_network)


def network_fields(path: Path) -> JsonObject:
    """The fields of a spec that is nothing but the layers at a path."""
    return {"name": path.stem or path.resolve().name, "workload": {"network": path.name or "."}}


def set_fields(value: object) -> JsonObject:
    """The fields that a document or a mapping states, by name."""
    if isinstance(value, Model):
        return {name: getattr(value, name) for name in value.model_fields_set}
    return dict(cast("JsonObject", value)) if isinstance(value, Mapping) else {}


def _in_file(path: Path, is_network: Callable[[Path], bool]) -> GivenDocument:
    return GivenDocument(network_fields(path) if is_network(path) else read_json(path), path)


def _built_in(text: str, kinds: Sequence[Kind], is_network: Callable[[Path], bool]) -> GivenDocument:
    """Built-in data by its name; what looks like a path is read as one, for its faults to be told."""
    for kind in kinds:
        if text in builtin_names(kind):
            if kind == "networks":
                return GivenDocument({"name": text, "workload": {"network": text}}, Path(SPEC))
            return _in_file(builtin_path(kind, text), is_network)
    path = Path(text)
    if is_network(path) or path.suffix or path.name != text:
        return _in_file(path, is_network)
    known = [name for kind in kinds for name in builtin_names(kind)]
    raise InputError.single(text, "", f"expected a file, or a built-in name; {suggestion(text, known)}")
