"""What a node computes: layers of ours, and how many multiply-accumulates they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..json_files import JsonObject

if TYPE_CHECKING:
    from onnx import NodeProto

Shape = tuple[int, ...]

Attributes = Mapping[str, "int | str | tuple[int, ...]"]
"""A node's attributes that are integers, text, or lists of integers."""


@dataclass(frozen=True)
class Work:
    """A node's multiply-accumulates (``None`` if they cannot be counted), and the layers that they are, by name suffix.

    A layer is JSON of the public spec without its name. Without layers, ``reason`` says why there are none.
    """

    macs: int | None
    layers: Mapping[str, JsonObject] = field(default_factory=dict[str, JsonObject])
    reason: str | None = None


def attributes_of(node: NodeProto) -> Attributes:
    """The attributes of a node that operators here ask for: integers, text and lists of integers."""
    from onnx import AttributeProto

    attributes: dict[str, int | str | tuple[int, ...]] = {}
    for attribute in node.attribute:
        if attribute.type == AttributeProto.INT:
            attributes[attribute.name] = attribute.i
        elif attribute.type == AttributeProto.STRING:
            attributes[attribute.name] = attribute.s.decode(errors="replace")
        elif attribute.type == AttributeProto.INTS:
            attributes[attribute.name] = tuple(attribute.ints)
    return attributes


def integer(attributes: Attributes, name: str, default: int) -> int:
    """An integer attribute.

    Raises:
        ValueError: when it is something else.
    """
    value = attributes.get(name, default)
    if not isinstance(value, int):
        raise ValueError(f"its attribute {name} is no integer")
    return value


def integers(attributes: Attributes, name: str, default: Sequence[int]) -> tuple[int, ...]:
    """An attribute that is a list of as many integers as its default.

    Raises:
        ValueError: when it is something else.
    """
    value = attributes.get(name, tuple(default))
    if not isinstance(value, tuple) or len(value) != len(default):
        raise ValueError(f"its attribute {name} is no list of {len(default)} integers")
    return value


def text(attributes: Attributes, name: str, default: str) -> str:
    """An attribute that is text.

    Raises:
        ValueError: when it is something else.
    """
    value = attributes.get(name, default)
    if not isinstance(value, str):
        raise ValueError(f"its attribute {name} is no text")
    return value


def of_rank(shape: Shape, rank: int, what: str) -> Shape:
    """A shape that has as many dimensions as it should.

    Raises:
        ValueError: when it has not.
    """
    if len(shape) != rank:
        raise ValueError(f"its {what} has {len(shape)} dimensions, not {rank}")
    return shape


def loop_nest(bounds: Mapping[str, int], tensors: Mapping[str, Sequence[str]], output: str) -> JsonObject:
    """A layer of the general type, from bounds and the index expressions of its tensors."""
    documents = [
        {"name": name, "index": list(index) or ["0"]} | ({"output": True} if name == output else {})
        for name, index in tensors.items()
    ]
    return {"type": "loop_nest", "bounds": dict(bounds), "tensors": documents}
