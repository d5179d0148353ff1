"""Entries of constraints and mappings at the levels that they name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from ...faults import InputError, nearest_name, place_text, shown, suggestion
from ..interop.timeloop_directives import Directive, read_directive, underscored
from ..json_files import JsonObject
from .component_levels import ComponentLevel, Entry, as_object, warn

ARCHITECTURE_CONSTRAINTS = "architecture_constraints"
"""Where what the hardware cannot do otherwise stands in a file."""

CONSTRAINT_KEYS = (ARCHITECTURE_CONSTRAINTS, "mapspace_constraints", "constraints", "mapspace")
"""Where constraints stand in a file."""

_NOT_READ = ("maximize_dims", "must_iterate_over_dataspaces", "no_temporal_reuse", "rmw_first_update", "remainders")
_LOOPS = ("factors", "permutation", "split", "factors_only", "no_iteration_over_dataspaces")
_LIMITS = ("default_max_factor", "default_min_factor", "min", "proportion", "maximize_dims_capacity")
_TENSORS = ("keep", "bypass", "keep_only", "bypass_only", "no_reuse", "no_multicast_no_reduction", "no_link_transfer")
_READ = ("target", "name", "type", "version", "attributes", "constraints", *_LOOPS, *_LIMITS, *_TENSORS)
"""Fields of an entry."""


@dataclass(frozen=True)
class Constraint:
    """A constraint, the file that it stands in, and the level that it is of."""

    file: str
    directive: Directive
    level: ComponentLevel


def listed_entries(document: JsonObject, file: str) -> Iterator[Entry]:
    """All constraints of a file outside its architecture."""
    for key in CONSTRAINT_KEYS:
        given: object = underscored(document.get(key))
        if isinstance(given, dict):
            fields = cast("JsonObject", given)
            given = fields.get("targets", fields.get("constraints"))
        for number, entry in enumerate(cast("list[object]", given) if isinstance(given, list) else ()):
            if not isinstance(entry, dict):
                raise InputError.single(file, place_text((key, number)), f"expected an object, got {shown(entry)}")
            outer = cast("JsonObject", entry)
            inner: object = outer.get("constraints")
            for each in cast("list[object]", inner) if isinstance(inner, list) else [None]:
                fields = {**outer, **as_object(each)}
                yield Entry(file, (key, number), {**fields, **as_object(fields.get("attributes"))})


def read_constraints(
    entries: Iterable[Entry], levels: Sequence[ComponentLevel], bounds: Mapping[str, int]
) -> Iterator[Constraint]:
    """Constraints at the levels that they name: by name, by the container inside, or by number from the innermost."""
    storages = [level for level in levels if level.kind != "compute"]
    for entry in entries:
        directive = read_directive(entry.fields, bounds, entry.file, entry.place)
        _warn_of_unread(entry)
        yield Constraint(entry.file, directive, _target(directive, storages, entry.file))


def _warn_of_unread(entry: Entry) -> None:
    """Say which fields of an entry nobody reads: one that is misspelt would allow what it should not."""
    for name, value in entry.fields.items():
        if name not in _READ and value:
            near = nearest_name(name, _READ)
            known = name in _NOT_READ or near is None
            warn(entry.file, (*entry.place, name), "not read" if known else f"not read; did you mean '{near}'?")


def _target(directive: Directive, levels: Sequence[ComponentLevel], file: str) -> ComponentLevel:
    name = directive.target
    if name.isdecimal() and int(name) < len(levels):
        return levels[::-1][int(name)]
    found = [level for level in levels if name == level.name]
    found += [level for level in levels if name == level.container and directive.kind == "spatial"]
    if not found:
        place = place_text((*directive.place, "target"))
        known = [level.name for level in levels]
        raise InputError.single(file, place, f"unknown level {shown(name)}; {suggestion(name, known)}")
    return found[0]
