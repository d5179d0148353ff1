"""The files that a Timeloop design is made of: which of them holds what, and what in them nobody reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ...faults import Fault, InputError, nearest_name, place_text, shown
from ...objectives import Objective
from ..interop.timeloop_directives import underscored
from ..interop.timeloop_mapping import mapping_of
from ..interop.yaml_files import read_yaml
from ..json_files import JsonObject
from ..other_formats import ACCELFORGE, is_accelforge_data
from .component_levels import Entry, as_object, warn
from .targeted_entries import CONSTRAINT_KEYS

_OBJECTIVES: Mapping[str, Objective] = {"edp": "edp", "energy": "energy", "delay": "latency", "cycles": "latency"}
_FORMS = {"architecture": ("nodes", "subtree", "local", "storage"), "arch": ("storage",)}
"""What an architecture has, by where it stands."""

_PARTS = ("architecture", "problem", "mapping", "ERT", "mapper", "variables", *CONSTRAINT_KEYS)
_SILENT = ("version", "ART", "globals", "components", "compound_components")
"""What holds nothing that a mapping's cost depends on: areas, and what an ERT is made from."""

_NOT_MODELLED = {"sparse_optimizations": "sparsity is not modelled; every element counts"}


@dataclass(frozen=True)
class DesignFile:
    """A file and the object in it."""

    path: str
    document: JsonObject


def has_architecture(document: object) -> bool:
    """Whether a file's data holds a Timeloop architecture.

    Example:
        >>> has_architecture({"architecture": {"subtree": []}}), has_architecture({"architecture": "eyeriss-168"})
        (True, False)
    """
    return architecture_of(document) is not None


def architecture_of(document: object) -> JsonObject | None:
    """The architecture in a file's data: under its name, or in the first format under ``arch``."""
    fields = as_object(document)
    for key, forms in _FORMS.items():
        given = as_object(fields.get(key))
        if any(form in given for form in forms):
            return given
    return None


def design_files(paths: Sequence[Path]) -> list[DesignFile] | None:
    """The files of a design; ``None`` where none of them holds an architecture.

    Raises:
        InputError: for files that are not well formed, or hold nothing of a design.
    """
    documents = [(str(path), read_yaml(path)) for path in paths]
    if not any(has_architecture(document) for _, document in documents):
        return None
    faults = [Fault(path, "", why) for path, document in documents if (why := _why_unused(document)) is not None]
    if faults:
        raise InputError(faults)
    files = [DesignFile(path, cast("JsonObject", document)) for path, document in documents]
    for file in files:
        for key, why in _unread(file.document):
            warn(file.path, (key,), why)
    return files


def _why_unused(document: object) -> str | None:
    """Why a file has nothing to say of a design; ``None`` where it has."""
    fields = as_object(document)
    if "shape" in fields or not fields.keys().isdisjoint({*_PARTS, *_SILENT, *_NOT_MODELLED, "arch"}):
        return None
    if is_accelforge_data(fields):
        return ACCELFORGE
    return f"expected parts of a Timeloop design ({', '.join(_PARTS)}), got none"


def _unread(document: JsonObject) -> Iterator[tuple[str, str]]:
    """What of a file nobody reads, and what to say of it."""
    if "shape" in document:  # a problem on its own
        return
    for key, value in document.items():
        if key in _NOT_MODELLED and value:
            yield key, _NOT_MODELLED[key]
        elif key not in (*_PARTS, *_SILENT, *_NOT_MODELLED, "arch"):
            near = nearest_name(key, _PARTS)
            yield key, "not read" if near is None else f"not read; did you mean '{near}'?"


def single(files: Iterable[DesignFile], what: str, holds: Callable[[JsonObject], bool]) -> DesignFile:
    """The one file that holds something.

    Raises:
        InputError: where there is none, or more than one.
    """
    every = list(files)
    found = [file for file in every if holds(file.document)]
    if len(found) != 1:
        names = ", ".join(file.path for file in every)
        which = f": {', '.join(file.path for file in found)}" if found else ""
        raise InputError.single(names, "", f"expected one file with a Timeloop {what}, got {len(found)}{which}")
    return found[0]


def entries_of_mapping(files: Sequence[DesignFile]) -> tuple[str, list[Entry]] | None:
    """The file and the entries of the mapping, where there is one."""
    if not any(mapping_of(file.document) for file in files):
        return None
    holding = single(files, "mapping", lambda document: bool(mapping_of(document)))
    entries: list[Entry] = []
    for number, entry in enumerate(mapping_of(holding.document) or ()):
        if not isinstance(entry, dict):
            place = place_text(("mapping", number))
            raise InputError.single(holding.path, place, f"expected an object, got {shown(entry)}")
        entries.append(Entry(holding.path, ("mapping", number), cast("JsonObject", underscored(entry))))
    return holding.path, entries


def objective_of_mapper(files: Iterable[DesignFile]) -> Objective | None:
    """The first metric of a mapper file that is one of our objectives."""
    for file in files:
        mapper: object = underscored(file.document.get("mapper"))
        fields = as_object(mapper)
        given: object = fields.get("optimization_metrics", fields.get("optimization_metric"))
        metrics = [
            str(metric)
            for metric in (cast("list[object]", given) if isinstance(given, list) else [given] if given else [])
        ]
        if metrics:
            known: list[Objective] = [_OBJECTIVES[metric] for metric in metrics if metric in _OBJECTIVES]
            if known[:1] != [_OBJECTIVES.get(metrics[0])] or len(metrics) > 1:
                message = f"of its metrics {', '.join(metrics)} only {known[0] if known else 'edp'} is minimised"
                warn(file.path, ("mapper",), message)
            return known[0] if known else "edp"
    return None
