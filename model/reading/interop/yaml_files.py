"""Reads other tools' YAML files as plain data, with what they include and merge in place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any, cast

from ...faults import InputError, Place, place_text, shown
from ..json_files import MAX_DEPTH, JsonObject, is_unicode
from ..other_formats import ACCELFORGE, hint, is_accelforge
from ..regular_files import read_bytes, why_unreadable
from .yaml_loader import MAX_VALUES, parsed_yaml, too_many_values

SUFFIXES = (".yaml", ".yml")

MAX_YAML_BYTES = 2**22
"""Largest text that is read, what it includes counted wherever it stands: published ones have some kilobytes."""

_MAX_INCLUDES = 1000
"""Most files that are included, counted alike."""

_MAX_INCLUDE_DEPTH = 20
_INCLUDE = re.compile(r"\{\{\s*include_text\(\s*['\"](.+?)['\"]\s*\)\s*\}\}")
_MERGE_KEY = "<<<"
"""Timeloop's front end merges what stands under it into its neighbours, level by level."""


def is_yaml(text: str) -> bool:
    """Whether a path is that of a YAML file."""
    return text.lower().endswith(SUFFIXES)


def read_yaml(path: Path) -> object:
    """The data in a YAML file: lists, mappings with text keys, and scalars.

    A tagged mapping gets the tag as its ``type`` unless it has one. ``{{include_text('FILE')}}`` and ``<<<``, which
    Timeloop's front end knows, are carried out; other templates are not.

    Raises:
        InputError: when there is no such file, it is not YAML, gives a key twice, holds too much, or PyYAML is not
            installed.
    """
    includes = _Includes(str(path))
    text = includes.text_of(path, ())
    file = str(path) if includes.number == 1 else f"{path} (with what it includes in place)"
    if "{{" in text or "{%" in text:
        raise InputError.single(str(path), _line_of_template(text), _why_no_template(text))
    return yaml_data(text, file)


def yaml_data(text: str, file: str) -> object:
    """The data in a YAML text, merge keys carried out.

    Raises:
        InputError: when it is not YAML, gives a key twice, holds too much, or PyYAML is not installed.
    """
    return _merged(parsed_yaml(text, file), file, (), count(1))


def _line_of_template(text: str) -> str:
    before = re.split(r"\{\{|\{%", text, maxsplit=1)[0]
    return f"line {before.count(chr(10)) + 1}"


def _why_no_template(text: str) -> str:
    if is_accelforge(text):
        return ACCELFORGE
    return "expected plain YAML; of Jinja templates only {{include_text('FILE')}} is carried out"


class _Includes:
    """Puts the files that a file includes in place, as long as they are not too many or too much."""

    def __init__(self, file: str) -> None:
        self._file = file
        self.number = 0
        self._num_bytes = 0

    def text_of(self, path: Path, including: tuple[Path, ...]) -> str:
        """The text of a file, with the files that it includes (relative to it) in place.

        Raises:
            InputError: for a file that is missing, no text, or included by itself; and for too many of them.
        """
        text = self._text(path, including)
        if path.resolve() in including:
            message = "expected files that do not include each other in a circle"
            raise InputError.single(str(path), "include_text", message)
        if len(including) > _MAX_INCLUDE_DEPTH or self.number > _MAX_INCLUDES:
            message = f"expected at most {_MAX_INCLUDES} files, nested at most {_MAX_INCLUDE_DEPTH} deep"
            raise InputError.single(self._file, "include_text", message)
        self.number += 1
        inner = (*including, path.resolve())
        return _INCLUDE.sub(lambda match: self.text_of(path.parent / match[1], inner), text)

    def _text(self, path: Path, including: tuple[Path, ...]) -> str:
        try:
            content = read_bytes(path, MAX_YAML_BYTES)
        except (OSError, ValueError) as error:
            source = str(including[-1]) if including else str(path)
            message = f"{why_unreadable(error)} at {path}" if including else why_unreadable(error)
            raise InputError.single(source, "include_text" if including else "", message) from error
        self._num_bytes += len(content)
        if self._num_bytes > MAX_YAML_BYTES:
            message = f"expected at most {MAX_YAML_BYTES} bytes with all that is included in place"
            raise InputError.single(self._file, "include_text", message)
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            known = hint(content, str(path))
            message = f"expected YAML in UTF-8, but byte {error.start} is not UTF-8{f'; {known}' if known else ''}"
            raise InputError.single(str(path), "", message) from error


def _merged(value: object, file: str, place: Place, numbers: Iterator[int]) -> object:
    """The data with what stands under merge keys merged in; what a mapping says itself takes precedence.

    ``numbers`` counts the values, for aliases can make few lines many.
    """
    if len(place) > MAX_DEPTH or next(numbers) > MAX_VALUES:
        raise too_many_values(file)
    if isinstance(value, list):
        members = enumerate(cast("list[object]", value))
        return [_merged(member, file, (*place, position), numbers) for position, member in members]
    if not isinstance(value, dict):
        if not (value is None or isinstance(value, str | int | float)):
            message = f"expected text or a number, got a {type(value).__name__}"
            raise InputError.single(file, place_text(place), message)
        if isinstance(value, str) and not is_unicode(value):
            raise InputError.single(file, place_text(place), "expected valid Unicode, got a lone surrogate")
        return value
    own: JsonObject = {}
    for key, member in cast("dict[object, object]", value).items():
        if not isinstance(key, str) or not is_unicode(key):
            raise InputError.single(file, place_text(place), f"expected text for every key, got {shown(key)}")
        own[key] = _merged(member, file, (*place, key), numbers)
    below = own.pop(_MERGE_KEY, None)
    for base in cast("list[object]", below) if isinstance(below, list) else [below]:
        own = _laid_over(own, cast("JsonObject", base)) if isinstance(base, dict) else own
    return own


def _laid_over(own: JsonObject, base: Mapping[str, Any]) -> JsonObject:
    laid = dict(base)
    for key, member in own.items():
        nested = isinstance(member, dict) and isinstance(laid.get(key), dict)
        laid[key] = _laid_over(cast("JsonObject", member), laid[key]) if nested else member
    return laid
