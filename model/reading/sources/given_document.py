"""A document as a caller in Python gives it: its fields, its text, or the path of its file."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeAlias, cast

from ...faults import InputError, shown
from ..interop.yaml_files import yaml_data
from ..json_files import JsonObject, parse_json, read_json

DocumentSource: TypeAlias = Mapping[str, Any] | Path | str
"""The fields of a document, its text as JSON or YAML, or the path of its file."""


@dataclass(frozen=True)
class GivenDocument:
    """The fields of a document as given, and the file where they stand, in whose folder its paths begin.

    What stands in no file is called by its kind, and its paths begin at the current folder.
    """

    fields: JsonObject
    path: Path


def given_document(source: object, kind: str) -> GivenDocument:
    """The fields of a document of a kind, given as a :data:`DocumentSource`; anything else is refused.

    Raises:
        InputError: for what is none of these, and for files and texts that hold no object.
    """
    without_file = given_without_file(source, kind)
    if without_file is not None:
        return without_file
    path = Path(checked_text(source, kind, f"expected a {kind}, a dict, a path or JSON text"))
    return GivenDocument(read_json(path), path)


def given_without_file(source: object, kind: str) -> GivenDocument | None:
    """The fields of a document that is given itself, or as text; ``None`` for what may be a path or a name.

    A text of several lines, or one that begins with a brace, is a document.

    Raises:
        InputError: for texts that hold no object.
    """
    if isinstance(source, Mapping):
        return GivenDocument(cast("JsonObject", plain_data(cast("object", source))), Path(kind))
    if isinstance(source, str) and (source.lstrip().startswith("{") or "\n" in source.strip()):
        return GivenDocument(_parsed(source, kind), Path(kind))
    return None


def checked_text(source: object, kind: str, expected: str) -> str:
    """A path or a name as text.

    Raises:
        InputError: for anything else, and for an empty text.
    """
    if isinstance(source, str | Path) and str(source).strip():
        return str(source)
    raise InputError.single(kind, "", f"{expected}, got {kind_of(source)}")


@contextmanager
def faults_named(file: str) -> Generator[None]:
    """Say of faults that name no file that they are those of this one."""
    try:
        yield
    except InputError as error:
        raise InputError(replace(fault, file=fault.file or file) for fault in error.faults) from error


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


def _parsed(text: str, kind: str) -> JsonObject:
    """The object that a text holds, as JSON where it begins as such, else as YAML."""
    if text.lstrip().startswith("{"):
        return parse_json(text.encode("utf-8", "surrogatepass"), kind)
    data = yaml_data(text, kind)
    if not isinstance(data, dict):
        raise InputError.single(kind, "", f"expected an object at the top level, got {shown(data)}")
    return cast("JsonObject", data)
