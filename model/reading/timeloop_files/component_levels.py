"""Timeloop's memories and multipliers in a row, whatever form of architecture they stand in."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from ...faults import Fault, InputError, InputWarning, Place, place_text, shown
from ..json_files import JsonObject

Kind = Literal["storage", "passing", "compute"]
"""A memory; a level that stores nothing and only carries spatial loops; the multipliers."""

Mesh = tuple[int, int]
"""Instances along X and along Y."""

_STORAGE_CLASSES = ("DRAM", "SRAM", "regfile", "smartbuffer", "storage")
_COMPUTE_CLASSES = ("mac", "intmac", "fpmac", "compute")
_PASSING_CLASSES = ("dummy_storage", "dummy_buffer")
_NETWORK_CLASSES = ("XY_NoC", "Legacy", "ReductionTree", "SimpleMulticast")

_OPERATORS: Mapping[type, Callable[[float, float], float]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
}
_LONGEST_EXPRESSION = 200


@dataclass(frozen=True)
class Entry:
    """A constraint as it stands in a file: its target and type are among its fields."""

    file: str
    place: Place
    fields: JsonObject


@dataclass(frozen=True)
class ComponentLevel:
    """A level of a Timeloop architecture; ``mesh`` has its instances in the whole machine.

    ``container``: the node whose instances lie inside the level, for a level that stands for that only.
    """

    name: str
    kind: Kind
    mesh: Mesh
    attributes: JsonObject
    file: str
    place: Place
    entries: tuple[Entry, ...] = ()
    container: str | None = None

    def number(self, *names: str) -> float | None:
        """The first attribute of these names that is given.

        Raises:
            InputError: where it is not a number, nor an expression of numbers and other attributes.
        """
        for name in names:
            given: object = self.attributes.get(name)
            if given is not None:
                value = number_of(given, self.attributes)
                if value is None:
                    place = place_text((*self.place, "attributes", name))
                    raise InputError.single(self.file, place, f"expected a number, got {shown(given)}")
                return value
        return None

    def integer(self, *names: str) -> int | None:
        """The same of a positive integer."""
        value = self.number(*names)
        if value is not None and (value != int(value) or value < 1):
            name = next(name for name in names if self.attributes.get(name) is not None)
            place = place_text((*self.place, "attributes", name))
            raise InputError.single(self.file, place, f"expected a positive integer, got {shown(value)}")
        return None if value is None else int(value)


@dataclass(frozen=True)
class Inherited:
    """What a component takes from the nodes around it."""

    attributes: JsonObject = field(default_factory=dict[str, Any])
    mesh: Mesh = (1, 1)


def kind_of_class(name: str) -> Kind | None:
    """What components of a class are, as Timeloop decides it: by words in the name; ``None`` for any other.

    Example:
        >>> kind_of_class("smartbuffer_RF"), kind_of_class("intmac"), kind_of_class("dummy_storage")
        ('storage', 'compute', 'passing')
    """
    if any(word in name for word in _PASSING_CLASSES):
        return "passing"
    if any(word in name for word in _STORAGE_CLASSES):
        return "storage"
    return "compute" if any(word in name for word in _COMPUTE_CLASSES) else None


def component_level(
    fields: JsonObject, inherited: Inherited, mesh: Mesh, file: str, place: Place, entries: tuple[Entry, ...] = ()
) -> ComponentLevel | None:
    """The level that a component is; ``None``, and a warning, where it is no memory and no multiplier."""
    name, what = plain_name(fields.get("name"), file, place), str(fields.get("class", ""))
    kind = kind_of_class(what)
    if kind is None:
        is_network = any(word in what for word in _NETWORK_CLASSES)
        left_out = "networks' energies are not modelled" if is_network else "it is neither a memory nor a multiplier"
        warn(file, place, f"component {name} (class {what or 'not given'}) is left out: {left_out}")
        return None
    attributes = {**inherited.attributes, **as_object(fields.get("attributes"))}
    spread = re.fullmatch(r"inter_(.+)_spatial", name) if kind == "passing" else None
    return ComponentLevel(name, kind, mesh, attributes, file, place, entries, spread[1] if spread else None)


def as_object(value: object) -> JsonObject:
    """An object as it is, anything else as an empty one."""
    return cast("JsonObject", value) if isinstance(value, dict) else {}


def plain_name(value: object, file: str, place: Place) -> str:
    """The name of a node without the range of its instances."""
    if not isinstance(value, str) or not value:
        raise InputError.single(file, place_text((*place, "name")), f"expected a name, got {shown(value)}")
    return re.sub(r"\[.*?\]", "", value).strip().rpartition(".")[2]


def instances_of(name: str) -> int:
    """How many there are of a node by its name.

    Example:
        >>> instances_of("PE[0..167]"), instances_of("mac[1..4]"), instances_of("GLB")
        (168, 4, 1)
    """
    match = re.search(r"\[\s*(\d{1,9})\s*\.\.\s*(\d{1,9})\s*\]", name)
    return int(match[2]) - int(match[1]) + 1 if match else 1


def number_of(value: object, names: Mapping[str, object], depth: int = 0) -> float | None:
    """A number, or what a text of numbers, names, signs and parentheses comes to; ``None`` where it is neither.

    Example:
        >>> number_of("entries * 2", {"entries": 512}), number_of("LPDDR4", {})
        (1024, None)
    """
    if isinstance(value, bool) or depth > len(names):
        return None
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str) or len(value) > _LONGEST_EXPRESSION:
        return None
    try:
        return _computed(ast.parse(value.strip(), mode="eval").body, names, depth)
    except (SyntaxError, ValueError, ArithmeticError, RecursionError):
        return None


def _computed(node: ast.AST, names: Mapping[str, object], depth: int) -> float | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.Name) and node.id in names:
        return number_of(names[node.id], names, depth + 1)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _computed(node.left, names, depth), _computed(node.right, names, depth)
        return None if left is None or right is None else _OPERATORS[type(node.op)](left, right)
    return None


def warn(file: str, place: Place, message: str) -> None:
    """Say in one line what the files ask for and nobody models."""
    warnings.warn(str(Fault(file, place_text(place), message)), InputWarning, stacklevel=2)
