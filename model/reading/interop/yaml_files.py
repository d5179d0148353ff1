"""Reads other tools' YAML files as plain data. PyYAML (extra ``interop``) is imported only here, when it is needed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any, cast

from ...faults import InputError, Place, place_text, shown
from ..json_files import MAX_DEPTH, JsonObject
from ..regular_files import MAX_FILE_BYTES, read_bytes, why_unreadable

SUFFIXES = (".yaml", ".yml")
MAX_VALUES = 10**6
"""Most values in a file, aliases counted wherever they stand; a large network has a few thousand."""

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
        InputError: when there is no such file, it is not YAML, or PyYAML is not installed.
    """
    text = _with_includes(path, ())
    if "{{" in text or "{%" in text:
        message = "expected plain YAML; of Jinja templates only {{include_text('FILE')}} is carried out"
        raise InputError.single(str(path), _line_of_template(text), message)
    return _merged(_parsed(text, str(path)), str(path), (), count(1))


def _line_of_template(text: str) -> str:
    before = re.split(r"\{\{|\{%", text, maxsplit=1)[0]
    return f"line {before.count(chr(10)) + 1}"


def _with_includes(path: Path, including: tuple[Path, ...]) -> str:
    """The text of a file, with the files that it includes (relative to it) in place."""
    try:
        content = read_bytes(path)
    except (OSError, ValueError) as error:
        source = str(including[-1]) if including else str(path)
        message = f"{why_unreadable(error)} at {path}" if including else why_unreadable(error)
        raise InputError.single(source, "include_text" if including else "", message) from error
    if len(content) > MAX_FILE_BYTES:
        raise InputError.single(str(path), "", f"expected a file of at most {MAX_FILE_BYTES} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"expected YAML in UTF-8, but byte {error.start} is not UTF-8"
        raise InputError.single(str(path), "", message) from error
    if path.resolve() in including:
        raise InputError.single(str(path), "include_text", "expected files that do not include each other in a circle")
    inner = (*including, path.resolve())
    return _INCLUDE.sub(lambda match: _with_includes(path.parent / match[1], inner), text)


def _parsed(text: str, file: str) -> object:
    try:
        import yaml
    except ImportError as error:
        message = "reading YAML needs PyYAML: pip install 'dmaze-solve[interop]'"
        raise InputError.single(file, "", message) from error

    class Loader(yaml.SafeLoader):
        """Safe, and tolerant of tags that it does not know."""

    def tagged(loader: Any, suffix: str, node: Any) -> object:
        if isinstance(node, yaml.MappingNode):
            loaded = cast("dict[object, object]", loader.construct_mapping(node, deep=True))
            return {"type": suffix.lower(), **loaded}
        if isinstance(node, yaml.SequenceNode):
            return cast("list[object]", loader.construct_sequence(node, deep=True))
        return cast("object", loader.construct_scalar(node))

    cast("Any", Loader).add_multi_constructor("!", tagged)
    try:
        return cast("object", yaml.load(text, Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1} column {mark.column + 1}" if mark is not None else ""
        raise InputError.single(file, place, f"expected YAML ({error.problem})") from error
    except (yaml.YAMLError, ValueError) as error:
        raise InputError.single(file, "", f"expected YAML ({' '.join(str(error).split())})") from error
    except RecursionError as error:
        raise InputError.single(file, "", "expected lists and mappings that are not nested as deeply") from error


def _merged(value: object, file: str, place: Place, numbers: Iterator[int]) -> object:
    """The data with what stands under merge keys merged in; what a mapping says itself takes precedence.

    ``numbers`` counts the values, for aliases can make few lines many.
    """
    if len(place) > MAX_DEPTH or next(numbers) > MAX_VALUES:
        message = f"expected at most {MAX_VALUES} values nested at most {MAX_DEPTH} deep, aliases counted in full"
        raise InputError.single(file, "", message)
    if isinstance(value, list):
        members = enumerate(cast("list[object]", value))
        return [_merged(member, file, (*place, position), numbers) for position, member in members]
    if not isinstance(value, dict):
        return value
    own: JsonObject = {}
    for key, member in cast("dict[object, object]", value).items():
        if not isinstance(key, str):
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
