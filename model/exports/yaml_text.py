"""Writes YAML laid out for readers: one line for what fits one, comments on top. No library is needed for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import cast

WIDTH = 120
_LONGEST_KEY = 1024
"""Characters of a key without ``?`` before it (YAML 1.2, section 7.4.2)."""

_RESERVED = frozenset(("yes", "no", "on", "off", "true", "false", "null"))


@dataclass(frozen=True)
class Tagged:
    """A value with a YAML tag, such as ``!Storage``."""

    tag: str
    value: object


def yaml_text(document: Mapping[str, object] | Sequence[object], comments: Iterable[str]) -> str:
    """A document as YAML below comments, in the order of its keys.

    Values are text, numbers, lists, mappings with text keys, and :class:`Tagged`.

    Example:
        >>> print(yaml_text({"problem": {"instance": {"N": 4}}}, ["made here"]), end="")
        # made here
        problem:
          instance: {N: 4}
    """
    return "\n".join([*comment_lines(comments), *_block(document, 0)]) + "\n"


def comment_lines(comments: Iterable[str]) -> Iterator[str]:
    """Comments as lines of a YAML or text file, every one wrapped on its own."""
    for comment in comments:
        for line in wrap(comment_text(comment), WIDTH - 2) or [""]:
            yield f"# {line}".rstrip()


def comment_text(text: str) -> str:
    """Text that is safe in a comment: one line of ASCII, without braces, which template engines act on."""
    return text.encode("unicode_escape").decode("ascii").translate(str.maketrans("{}", "()"))


def _block(value: object, level: int) -> Iterator[str]:
    indent = "  " * level
    if isinstance(value, Mapping):
        for key, member in cast("Mapping[str, object]", value).items():
            lead = indent + _key(key, f"\n{indent}")
            line = f"{lead}: {_flow(member)}"
            if _fits(member, line, level):
                yield line
            else:
                yield f"{lead}:"
                yield from _block(member, level + (0 if isinstance(member, list | tuple) else 1))
    else:
        for member in cast("Sequence[object]", value):
            line = f"{indent}- {_flow(member)}"
            if _fits(member, line, level + 1):
                yield line
            else:
                first, *rest = _block(member, level + 1)
                yield f"{indent}- {first.lstrip()}"
                yield from rest


def _fits(value: object, line: str, level: int) -> bool:
    """Whether a value is written on its key's line: scalars and tagged ones always, others when short and simple."""
    if not isinstance(value, Mapping | list | tuple) or not value:
        return True
    members = cast("Iterable[object]", value.values() if isinstance(value, Mapping) else value)
    nested = any(isinstance(member, Mapping | Tagged) for member in members)
    return level > 0 and len(line) <= WIDTH and (isinstance(value, Mapping) or not nested)


def _flow(value: object) -> str:
    if isinstance(value, Tagged):
        return f"{value.tag} {_flow(value.value)}"
    if isinstance(value, Mapping):
        members = cast("Mapping[str, object]", value).items()
        return "{" + ", ".join(f"{_key(key, ' ')}: {_flow(member)}" for key, member in members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(member) for member in cast("Sequence[object]", value)) + "]"
    return _scalar(value)


def _key(key: str, after_long: str) -> str:
    """A key up to its colon."""
    text = _scalar(key)
    return text if len(text) <= _LONGEST_KEY else f"? {text}{after_long}"


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        text = repr(value)
        return text if "e" not in text or "." in text else text.replace("e", ".0e")
    if isinstance(value, int):
        return str(value)
    text = str(value)
    plain = re.fullmatch(r"[A-Za-z_][\w.]*", text, re.ASCII) and text.lower() not in _RESERVED
    return text if plain else f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    """A character as it stands between double quotes."""
    if character in '"\\':
        return f"\\{character}"
    return character if " " <= character <= "~" else f"\\U{ord(character):08x}"
