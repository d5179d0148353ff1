"""Timeloop architectures of v0.4: a list of ``nodes`` with ``!Container``, ``!Component`` and ``!Parallel``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from ...faults import InputError, Place, place_text, shown
from ..json_files import JsonObject
from .component_levels import (
    ComponentLevel,
    Entry,
    Inherited,
    Mesh,
    as_object,
    component_level,
    number_of,
    plain_name,
    warn,
)

_BRANCHES = ("hierarchical", "pipelined", "parallel")
_BYPASS = "dataspace"


class NodeListReader:
    """Reads the nodes of one file, outermost first, as Timeloop's front end lays them out.

    A container or component with ``spatial`` gets a level in front of it that stores nothing and carries the spatial
    loops, named ``inter_NAME_spatial``.
    """

    def __init__(self, file: str, variables: JsonObject) -> None:
        self._file = file
        self._inherited = Inherited(variables)

    def levels(self, nodes: object, place: Place) -> tuple[ComponentLevel, ...]:
        """The levels of a list of nodes."""
        return tuple(self._listed(nodes, place))

    def _listed(self, nodes: object, place: Place) -> Iterator[ComponentLevel]:
        if not isinstance(nodes, list):
            raise InputError.single(self._file, place_text(place), f"expected a list of nodes, got {shown(nodes)}")
        for number, node in enumerate(cast("list[object]", nodes)):
            where = (*place, number)
            if isinstance(node, dict):
                yield from self._of_node(cast("JsonObject", node), where)
            elif node:
                raise InputError.single(self._file, place_text(where), f"expected a node, got {shown(node)}")

    def _of_node(self, node: JsonObject, place: Place) -> Iterator[ComponentLevel]:
        kind = str(node.get("type", "component" if "class" in node else "container")).lower()
        if node.get("enabled") is False or kind == "nothing":
            return
        if kind == "parallel":
            yield from self._parallel(node, place)
        elif kind in _BRANCHES:
            yield from self._listed(node.get("nodes"), (*place, "nodes"))
        elif kind in ("container", "component"):
            yield from self._leaf(node, kind == "container", place)
        else:
            expected = "expected !Container, !Component, !Parallel, !Hierarchical or !Nothing"
            raise InputError.single(self._file, place_text(place), f"{expected}, got !{kind}")

    def _leaf(self, node: JsonObject, is_container: bool, place: Place) -> Iterator[ComponentLevel]:
        name = plain_name(node.get("name"), self._file, place)
        entries = tuple(self._entries(node, name, place))
        if "sparse_optimizations" in node:
            warn(self._file, (*place, "sparse_optimizations"), "sparsity is not modelled; every element counts")
        if is_container:
            known = {**self._inherited.attributes, **as_object(node.get("attributes"))}
            self._inherited = replace(self._inherited, attributes=known)
            if node.get("networks"):
                warn(self._file, (*place, "networks"), "networks' energies are not modelled")
        spatial = self._mesh(node.get("spatial"), (*place, "spatial"))
        outside = self._inherited.mesh
        if spatial != (1, 1):
            across = tuple(entry for entry in entries if entry.fields.get("type") == "spatial")
            crossing = f"inter_{name}_spatial"
            yield ComponentLevel(crossing, "passing", outside, {}, self._file, place, across, name)
            self._inherited = replace(self._inherited, mesh=(outside[0] * spatial[0], outside[1] * spatial[1]))
            entries = tuple(entry for entry in entries if entry not in across)
        if not is_container:
            level = component_level(node, self._inherited, self._inherited.mesh, self._file, place, entries)
            if level is not None:
                yield level

    def _parallel(self, node: JsonObject, place: Place) -> Iterator[ComponentLevel]:
        """Branches side by side as levels in a row: each is bypassed by what another one keeps."""
        given: object = node.get("nodes")
        branches = cast("list[object]", given) if isinstance(given, list) else []
        kept = [_kept(branch) for branch in branches]
        for number, (branch, own) in enumerate(zip(branches, kept, strict=True)):
            where = (*place, "nodes", number)
            elsewhere = [tensor for tensors in kept for tensor in tensors if tensor not in own]
            for level in self._of_node(cast("JsonObject", branch), where) if isinstance(branch, dict) else ():
                if level.kind == "storage":
                    bypass = {"type": _BYPASS, "target": level.name, "bypass": elsewhere}
                    yield replace(level, entries=(*level.entries, Entry(self._file, where, bypass)))
                else:
                    message = "expected branches of !Parallel without multipliers and spatial instances"
                    raise InputError.single(self._file, place_text(where), message)

    def _entries(self, node: JsonObject, name: str, place: Place) -> Iterator[Entry]:
        """Constraints of a node, each with its target and type among its fields."""
        for kind, fields in as_object(node.get("constraints")).items():
            if fields:
                entry = {**as_object(fields), "type": kind, "target": name}
                yield Entry(self._file, (*place, "constraints", kind), entry)

    def _mesh(self, spatial: object, place: Place) -> Mesh:
        fields = as_object(spatial)
        sizes: list[int] = []
        for axis in ("meshX", "meshY"):
            size = number_of(fields.get(axis, 1), self._inherited.attributes)
            if size is None or size != int(size) or size < 1:
                message = f"expected a positive integer, got {shown(fields[axis])}"
                raise InputError.single(self._file, place_text((*place, axis)), message)
            sizes.append(int(size))
        return sizes[0], sizes[1]


def _kept(node: object) -> list[str]:
    """Data spaces that a branch says it keeps, wherever in it."""
    if isinstance(node, list):
        return [name for member in cast("list[object]", node) for name in _kept(member)]
    fields = as_object(node)
    if not fields:
        return []
    own = as_object(as_object(fields.get("constraints")).get(_BYPASS))
    names: object = own.get("keep", own.get("keep_only"))
    listed = [str(name) for name in cast("list[object]", names)] if isinstance(names, list) else []
    return [*listed, *_kept(fields.get("nodes"))]
