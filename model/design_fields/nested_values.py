"""Values in JSON documents by their places: looked up, and replaced in a copy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from ..documents.result import Number
from ..documents.sweep_spec import Setting
from ..faults import Place

EVERY_TENSOR = "*"
"""The selector that stands for all tensors where a value of each is given (``hierarchy.per_tensor``)."""


def number_at(document: object, place: Place) -> Number | None:
    """The number at a place; ``None`` where there is none.

    Example:
        >>> number_at({"dma": {"init_cycles": 3}}, ("dma", "init_cycles"))
        3
    """
    value: Any = document
    for key in place:
        if not isinstance(value, list | dict):
            return None
        known = cast("Mapping[str | int, object]", value if isinstance(value, dict) else dict(enumerate(value)))
        value = known.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def with_value(document: object, place: Place, value: object) -> Any:
    """The document with another value at a place, which need not be there yet.

    A value in the way of a selector stays for all other tensors.

    Example:
        >>> with_value({"read_pj": 4, "keep": None}, ("read_pj", "W"), 2)
        {'read_pj': {'*': 4, 'W': 2}, 'keep': None}
    """
    if not place:
        return value
    head, rest = place[0], place[1:]
    if isinstance(document, list):
        items = cast("list[object]", document)
        return [with_value(item, rest, value) if number == head else item for number, item in enumerate(items)]
    if isinstance(document, dict):
        known = cast("dict[str | int, object]", document)
        return {**known, head: with_value(known.get(head), rest, value)}
    others = {} if document is None else {EVERY_TENSOR: document}
    return {**others, head: with_value(None, rest, value)}


def own_path(field: str) -> str:
    """A field's path within the architecture, which may be given from the spec on.

    Example:
        >>> own_path("architecture.nodes.GLB.capacity_bytes")
        'nodes.GLB.capacity_bytes'
    """
    return field.removeprefix("architecture.")


def are_nested(one: str, other: str) -> bool:
    """Whether one of two dotted paths is the other one, or leads to what holds it.

    Example:
        >>> are_nested("nodes.GLB.read_pj", "nodes.GLB.read_pj.W"), are_nested("spm.banks", "spm.bank")
        (True, False)
    """
    short, long = sorted((one, other), key=len)
    return long == short or long.startswith((f"{short}.", f"{short}["))


def label_of(values: Mapping[str, Setting | None]) -> str:
    """A design's varied values in words."""
    return ", ".join(f"{field} {setting_text(value)}" for field, value in values.items())


def setting_text(value: Setting | None) -> str:
    """A varied value as JSON has it, words without quotes.

    Example:
        >>> setting_text(True), setting_text("must"), setting_text(64), setting_text(None)
        ('true', 'must', '64', 'null')
    """
    return value if isinstance(value, str) else json.dumps(value)
