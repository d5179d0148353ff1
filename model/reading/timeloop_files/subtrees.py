"""Timeloop architectures before v0.4: trees of ``subtree`` and ``local``, flattened ones, and the first format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from ...faults import InputError, Place, place_text, shown
from ..json_files import JsonObject
from .component_levels import ComponentLevel, Inherited, Mesh, as_object, component_level, instances_of, plain_name

_OWN_ATTRIBUTES = ("instances", "meshX", "meshY", "entries", "depth", "memory_depth", "sizeKB")
"""What a component does not take from the nodes around it."""


def subtree_levels(
    node: JsonObject, file: str, place: Place, inherited: Inherited | None = None, instances: int = 1
) -> tuple[ComponentLevel, ...]:
    """The levels of a node and of the subtree in it, outermost first.

    ``instances``: of the node itself, of which names such as ``PE[0..15]`` speak.
    """
    around = inherited or Inherited()
    attributes = {**around.attributes, **as_object(node.get("attributes"))}
    passed = Inherited({name: value for name, value in attributes.items() if name not in _OWN_ATTRIBUTES})
    levels = list(_local_levels(node.get("local"), passed, instances, file, (*place, "local")))
    subtrees = _members(node.get("subtree"), file, (*place, "subtree"))
    if len(subtrees) > 1:
        message = f"expected one subtree, as Timeloop has it, got {len(subtrees)}"
        raise InputError.single(file, place_text((*place, "subtree")), message)
    for subtree in subtrees:
        inside = instances * instances_of(str(subtree.get("name", "")))
        levels += subtree_levels(subtree, file, (*place, "subtree", 0), passed, inside)
    return tuple(levels)


def storage_levels(tree: JsonObject, file: str, place: Place) -> tuple[ComponentLevel, ...]:
    """The levels of an architecture in the first format, outermost first: ``storage`` lists the innermost first."""
    listed = list(enumerate(_members(tree.get("storage"), file, (*place, "storage"))))
    found: list[ComponentLevel] = []
    for number, fields in reversed(listed):
        where = (*place, "storage", number)
        name = plain_name(fields.get("name", f"level_{number}"), file, where)
        found.append(
            ComponentLevel(name, "storage", _mesh({"attributes": fields}, 1, file, where), fields, file, where)
        )
    for fields in _members(tree.get("arithmetic"), file, (*place, "arithmetic")):
        where = (*place, "arithmetic")
        name = plain_name(fields.get("name", "mac"), file, where)
        found.append(
            ComponentLevel(name, "compute", _mesh({"attributes": fields}, 1, file, where), fields, file, where)
        )
    return tuple(found)


def _local_levels(
    components: object, inherited: Inherited, instances: int, file: str, place: Place
) -> Iterator[ComponentLevel]:
    for number, component in enumerate(_members(components, file, place)):
        where = (*place, number)
        mesh = _mesh(component, instances * instances_of(str(component.get("name", ""))), file, where)
        level = component_level(component, inherited, mesh, file, where)
        if level is not None:
            yield level


def _members(value: object, file: str, place: Place) -> list[JsonObject]:
    members = cast("list[object]", value) if isinstance(value, list) else [] if value is None else [value]
    wrong = [member for member in members if not isinstance(member, dict)]
    if wrong:
        raise InputError.single(file, place_text(place), f"expected a list of objects, got {shown(wrong[0])}")
    return cast("list[JsonObject]", members)


def _mesh(component: JsonObject, counted: int, file: str, place: Place) -> Mesh:
    """Instances along X and Y from what is given of ``instances``, ``meshX`` and ``meshY``; all along X by default."""
    attributes = as_object(component.get("attributes"))
    given: dict[str, Any] = {name: attributes[name] for name in _OWN_ATTRIBUTES[:3] if name in attributes}
    for name, value in given.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            message = f"expected a positive integer, got {shown(value)}"
            raise InputError.single(file, place_text((*place, "attributes", name)), message)
    instances = int(given.get("instances", counted))
    x, y = given.get("meshX"), given.get("meshY")
    mesh = (x or instances // (y or 1), y or instances // (x or instances))
    if mesh[0] * mesh[1] != instances:
        message = f"expected meshX and meshY to multiply to its {instances} instances, got {mesh[0]} * {mesh[1]}"
        raise InputError.single(file, place_text(place), message)
    return mesh
