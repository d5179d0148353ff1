"""Reads JSON files as objects; whatever else a path may lead to becomes a fault that says what was expected."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from ..faults import Fault, InputError, Place, place_text, shown

MAX_FILE_BYTES = 2**26
"""Largest file that is read: far above any spec, far below what would exhaust memory."""

MAX_DEPTH = 50
"""Deepest nesting of lists and objects; the formats read here need fewer than ten levels."""

_FLOAT_DIGITS = 309
"""Digits of the largest binary64 number; a longer integer is beyond all of them."""

JsonObject = dict[str, Any]


def read_json(path: Path) -> JsonObject:
    """The object in a JSON file.

    Raises:
        InputError: when there is no such file, or it does not hold one JSON object.
    """
    try:
        content = read_bytes(path)
    except (OSError, ValueError) as error:
        raise InputError.single(str(path), "", why_unreadable(error)) from error
    return parse_json(content, str(path))


def read_bytes(path: Path) -> bytes:
    """The content of a file, up to one byte more than is accepted.

    Raises:
        OSError: when the file is missing, a directory or not readable.
        ValueError: when the path cannot be one.
    """
    with path.open("rb") as stream:
        return stream.read(MAX_FILE_BYTES + 1)


def why_unreadable(error: OSError | ValueError) -> str:
    """What to say of a file that :func:`read_bytes` could not read."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "expected a file, but there is none"
    if isinstance(error, IsADirectoryError):
        return "expected a file, but it is a directory"
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return f"expected a readable file ({reason})"


def parse_json(content: bytes, file: str) -> JsonObject:
    """The object that a JSON text holds. Numbers beyond binary64 are read as infinite, for the models to refuse.

    Raises:
        InputError: when it is not UTF-8, not JSON, not an object, nested absurdly, or repeats a key.
    """
    twice: list[tuple[JsonObject, str]] = []

    def to_object(pairs: list[tuple[str, Any]]) -> JsonObject:
        built = dict(pairs)
        if len(built) < len(pairs):
            twice.extend((built, key) for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        return built

    text = _text(content, file)
    try:
        document: object = json.loads(text, object_pairs_hook=to_object, parse_int=_to_integer)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise InputError.single(file, place, f"expected JSON ({error.msg})") from error
    except RecursionError as error:
        raise InputError([_too_deep(file)]) from error
    if not isinstance(document, dict):
        raise InputError.single(file, "", f"expected an object at the top level, got {shown(document)}")
    faults = _structure_faults(cast("JsonObject", document), twice, file)
    if faults:
        raise InputError(faults)
    return cast("JsonObject", document)


def _text(content: bytes, file: str) -> str:
    if len(content) > MAX_FILE_BYTES:
        raise InputError.single(file, "", f"expected a file of at most {MAX_FILE_BYTES} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"expected JSON in UTF-8, but byte {error.start} is not UTF-8"
        raise InputError.single(file, "", message) from error
    if not text.strip():
        raise InputError.single(file, "", "expected a JSON object, but the file is empty")
    return text


def _to_integer(text: str) -> int | float:
    return int(text) if len(text) <= _FLOAT_DIGITS else float(text)


def _too_deep(file: str) -> Fault:
    return Fault(file, "", f"expected lists and objects nested at most {MAX_DEPTH} deep")


def _structure_faults(document: JsonObject, twice: list[tuple[JsonObject, str]], file: str) -> list[Fault]:
    """Keys given more than once, keys and text that are not Unicode, and nesting that is too deep."""
    faults: list[Fault] = []
    for place, value in _values(document):
        if len(place) > MAX_DEPTH:
            return [_too_deep(file)]
        repeated = [(*place, key) for owner, key in twice if owner is value]
        faults += [Fault(file, place_text(at), "expected once, but given more than once") for at in repeated]
        if not all(_is_unicode(text) for text in (*place[-1:], value) if isinstance(text, str)):
            faults.append(Fault(file, place_text(place), "expected valid Unicode, got a lone surrogate"))
    return faults


def _values(document: JsonObject) -> Iterator[tuple[Place, object]]:
    """Every value in a document with its place."""
    pending: list[tuple[Place, object]] = [((), document)]
    while pending:
        place, value = pending.pop()
        yield place, value
        if isinstance(value, dict):
            pending += [((*place, key), member) for key, member in cast("JsonObject", value).items()]
        elif isinstance(value, list):
            pending += [((*place, position), member) for position, member in enumerate(cast("list[object]", value))]


def _is_unicode(text: str) -> bool:
    """Whether text holds no lone surrogates, which JSON can escape and nothing can store."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
