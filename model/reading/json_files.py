"""Reads JSON files as objects; whatever else a path may lead to becomes a fault that says what was expected."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from ..faults import Fault, InputError, Place, listed, place_text, shown
from .other_formats import hint
from .regular_files import read_bytes, why_unreadable

MAX_VALUES = 2**21
"""Most values in a file: results of a thousand mappings for each of many layers have about a million."""

MAX_DEPTH = 50
"""Deepest nesting of lists and objects; the formats read here need fewer than ten levels."""

_FLOAT_DIGITS = 309
"""Digits of the largest binary64 number; a longer integer is beyond all of them."""

JsonObject = dict[str, Any]

_Repeating = tuple[JsonObject, list[str]]
"""An object that was given a key more than once, with its keys as given."""


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


def parse_json(content: bytes, file: str) -> JsonObject:
    """The object that a JSON text holds. Numbers beyond binary64 are read as infinite, for the models to refuse.

    Raises:
        InputError: when it is not UTF-8, not JSON, not an object, nested absurdly, too much, or repeats a key.
    """
    repeating: list[_Repeating] = []

    def to_object(pairs: list[tuple[str, Any]]) -> JsonObject:
        built = dict(pairs)
        if len(built) < len(pairs):
            repeating.append((built, [key for key, _ in pairs]))
        return built

    text = _text(content, file)
    try:
        document: object = json.loads(text, object_pairs_hook=to_object, parse_int=_to_integer)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise InputError.single(file, place, f"expected JSON ({error.msg}){_hint(content, file)}") from error
    except RecursionError as error:
        raise InputError([_too_deep(file)]) from error
    if not isinstance(document, dict):
        raise InputError.single(file, "", f"expected an object at the top level, got {shown(document)}")
    if repeating or "\\u" in text or _is_deep(cast("JsonObject", document)):  # places are dear, and rarely needed
        faults = listed(_structure_faults(cast("JsonObject", document), repeating, file))
        if faults:
            raise InputError(faults)
    return cast("JsonObject", document)


def _text(content: bytes, file: str) -> str:
    if sum(map(content.count, (b",", b"[", b"{"))) > MAX_VALUES:  # before each value but the first stands one of them
        raise InputError.single(file, "", f"expected at most {MAX_VALUES} values")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"expected JSON in UTF-8, but byte {error.start} is not UTF-8{_hint(content, file)}"
        raise InputError.single(file, "", message) from error
    if not text.strip():
        raise InputError.single(file, "", "expected a JSON object, but the file is empty")
    return text


def _hint(content: bytes, file: str) -> str:
    known = hint(content, file)
    return f"; {known}" if known else ""


def _to_integer(text: str) -> int | float:
    return int(text) if len(text) <= _FLOAT_DIGITS else float(text)


def _too_deep(file: str) -> Fault:
    return Fault(file, "", f"expected lists and objects nested at most {MAX_DEPTH} deep")


def _is_deep(document: JsonObject) -> bool:
    """Whether something is nested deeper than :data:`MAX_DEPTH`."""
    level: list[object] = [document]
    for _ in range(MAX_DEPTH + 1):
        level = [member for container in level for member in _members(container)]
        if not level:
            return False
    return True


def _members(value: object) -> Iterable[object]:
    """What an object or a list holds."""
    if isinstance(value, dict):
        return cast("JsonObject", value).values()
    return cast("list[object]", value) if isinstance(value, list) else ()


def _structure_faults(document: JsonObject, repeating: Sequence[_Repeating], file: str) -> Iterator[Fault]:
    """Keys given more than once, keys and text that are not Unicode, and nesting that is too deep."""
    repeated = {id(owner): keys for owner, keys in repeating}
    for place, value in _values(document):
        if len(place) > MAX_DEPTH:
            yield _too_deep(file)
            return
        for key, times in Counter(repeated.get(id(value), ())).items():
            if times > 1:
                yield Fault(file, place_text((*place, key)), "expected once, but given more than once")
        if not all(is_unicode(text) for text in (*place[-1:], value) if isinstance(text, str)):
            yield Fault(file, place_text(place), "expected valid Unicode, got a lone surrogate")


def _values(document: JsonObject) -> Iterator[tuple[Place, object]]:
    """Every value in a document with its place, in the order of the file."""
    pending: list[tuple[Place, object]] = [((), document)]
    while pending:
        place, value = pending.pop()
        yield place, value
        if isinstance(value, dict):
            pending += [((*place, key), member) for key, member in reversed(cast("JsonObject", value).items())]
        elif isinstance(value, list):
            members = cast("list[object]", value)
            pending += [((*place, position), members[position]) for position in reversed(range(len(members)))]


def is_unicode(text: str) -> bool:
    """Whether text holds no lone surrogates, which JSON can escape and nothing can store."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
