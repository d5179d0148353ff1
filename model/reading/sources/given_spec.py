"""A spec as a caller in Python gives it: a document, its text, a path, or the name of built-in data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeAlias, cast

from ...base import Model
from ...documents.spec import Spec
from ...faults import InputError, shown, suggestion
from ..builtin_data import Kind, builtin_names, builtin_path
from ..interop.yaml_files import yaml_data
from ..json_files import JsonObject, parse_json, read_json

SpecSource: TypeAlias = Spec | Mapping[str, Any] | Path | str
"""A spec, its fields, the path of its file, its text as JSON or YAML, or the name of built-in data."""

SPEC_KINDS: Sequence[Kind] = ("networks", "examples")
"""Built-in data that a spec may be named by; what comes first counts where names are equal."""

SWEEP_KINDS: Sequence[Kind] = ("sweeps",)
"""The same for the spec of a sweep."""

WITHOUT_FILE = Path("spec")
"""What faults name of a spec that stands in no file; its paths begin at the current folder."""


@dataclass(frozen=True)
class GivenSpec:
    """The fields of a spec as given, and the file where they stand, in whose folder its paths begin."""

    fields: JsonObject
    path: Path


def given_spec(source: object, kinds: Sequence[Kind], is_network: Callable[[Path], bool]) -> GivenSpec:
    """The fields of a spec however it is given: what a :data:`SpecSource` may be, and anything else is refused.

    A text of several lines, or one that begins with a brace, is a document. Any other text is a path where there is
    something at it, else the name of built-in data of one of ``kinds``. What ``is_network`` leads to layers alone.

    Raises:
        InputError: for what is none of these, and for files and texts that hold no object.
    """
    if isinstance(source, Spec):
        named = {type(source).model_fields[name].alias or name: name for name in source.model_fields_set}
        return GivenSpec({alias: getattr(source, name) for alias, name in named.items()}, WITHOUT_FILE)
    if isinstance(source, Mapping):
        return GivenSpec(cast("JsonObject", plain_data(cast("object", source))), WITHOUT_FILE)
    if isinstance(source, str) and _is_document(source):
        return GivenSpec(_parsed(source), WITHOUT_FILE)
    if not isinstance(source, str | Path) or not str(source).strip():
        message = f"expected a Spec, a dict, a path, a name or JSON text, got {kind_of(source)}"
        raise InputError.single(str(WITHOUT_FILE), "", message)
    path = Path(source)
    return _in_file(path, is_network) if _is_there(path) else _built_in(str(source), kinds, is_network)


def network_fields(path: Path) -> JsonObject:
    """The fields of a spec that is nothing but the layers at a path."""
    return {"name": path.stem or path.resolve().name, "workload": {"network": path.name or "."}}


def plain_data(value: object) -> object:
    """Data as JSON has it: mappings as objects, sequences as lists, paths as text, NumPy's numbers as Python's."""
    if isinstance(value, Mapping):
        return {key: plain_data(member) for key, member in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [plain_data(member) for member in cast("Sequence[object]", value)]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else value


def kind_of(value: object) -> str:
    """What a message says was given."""
    return shown(value) if value is None or isinstance(value, str | int | float) else type(value).__name__


def _is_document(text: str) -> bool:
    return text.lstrip().startswith("{") or "\n" in text.strip()


def _parsed(text: str) -> JsonObject:
    """The object that a text holds, as JSON where it begins as such, else as YAML.

    Raises:
        InputError: when it is neither, or no object.
    """
    file = str(WITHOUT_FILE)
    if text.lstrip().startswith("{"):
        return parse_json(text.encode("utf-8", "surrogatepass"), file)
    data = yaml_data(text, file)
    if not isinstance(data, dict):
        raise InputError.single(file, "", f"expected an object at the top level, got {shown(data)}")
    return cast("JsonObject", data)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # no path at all
        return False


def _in_file(path: Path, is_network: Callable[[Path], bool]) -> GivenSpec:
    return GivenSpec(network_fields(path) if is_network(path) else read_json(path), path)


def _built_in(text: str, kinds: Sequence[Kind], is_network: Callable[[Path], bool]) -> GivenSpec:
    """Built-in data by its name; what looks like a path is read as one, for its faults to be told."""
    for kind in kinds:
        if text in builtin_names(kind):
            if kind == "networks":
                return GivenSpec({"name": text, "workload": {"network": text}}, WITHOUT_FILE)
            return _in_file(builtin_path(kind, text), is_network)
    path = Path(text)
    if is_network(path) or path.suffix or path.name != text:
        return _in_file(path, is_network)
    known = [name for kind in kinds for name in builtin_names(kind)]
    raise InputError.single(text, "", f"expected a file, or a built-in name; {suggestion(text, known)}")


def set_fields(value: object) -> JsonObject:
    """The fields that a document or a mapping states, by name."""
    if isinstance(value, Model):
        return {name: getattr(value, name) for name in value.model_fields_set}
    return dict(cast("JsonObject", value)) if isinstance(value, Mapping) else {}
