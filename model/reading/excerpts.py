"""Cuts large documents down, so that what is wrong with them can be told without telling it a million times."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from pydantic import BaseModel

MANY_VALUES = 100_000
"""A document of more values is large: pydantic keeps a kilobyte for each error, of which a value can cause several."""

_LENGTHS = (1000, 100_000)
"""How many entries of a list, and of an object those that no field is called like, an excerpt keeps."""


def excerpts(data: object, model: type[BaseModel]) -> Iterator[object]:
    """Parts of a large document that hold the faults of its first entries, each larger than the one before.

    None of a document that is not large. Whatever is called like a field of the model is kept.
    """
    if _is_large(data):
        kept = frozenset(re.findall(r'"(\w+)"', json.dumps(model.model_json_schema())))
        for length in _LENGTHS:
            yield _excerpt(data, length, kept)


def _is_large(data: object) -> bool:
    pending, num_values = [data], 0
    while pending and num_values <= MANY_VALUES:
        value = pending.pop()
        num_values += 1
        if isinstance(value, dict):
            pending += cast("dict[str, Any]", value).values()
        elif isinstance(value, list):
            pending += cast("list[Any]", value)
    return num_values > MANY_VALUES


def _excerpt(value: object, length: int, kept: frozenset[str]) -> object:
    if isinstance(value, list):
        return [_excerpt(member, length, kept) for member in cast("list[Any]", value)[:length]]
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        others = [key for key in fields if key not in kept]
        left_out = frozenset(others[length:])
        return {key: _excerpt(member, length, kept) for key, member in fields.items() if key not in left_out}
    return value
