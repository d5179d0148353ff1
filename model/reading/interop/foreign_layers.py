"""What a YAML file of another tool holds, found out by its contents: layers, or a layer with a mapping."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ...documents.spec import LayerList
from ...faults import Fault, InputError, InputWarning, shown, suggestion
from ...layers import Layer
from ...mapping import MappingDocument
from ..json_files import JsonObject
from ..other_formats import ACCELFORGE, is_accelforge_data
from .timeloop_mapping import mapping_of, read_mapping
from .timeloop_problem import problem_of, read_problem
from .yaml_files import read_yaml
from .zigzag_workload import is_workload, read_workload

_ZIGZAG_MAPPING = frozenset({"spatial_mapping", "temporal_ordering", "memory_operand_links"})
_EXPECTED = "a Timeloop problem (problem: shape, instance) or a ZigZag workload (a list of layers with an equation)"


_ELSEWHERE = {
    "mapping": "the verbs import and gap --mapping take it, with the layer",
    "architecture": "the spec's own architecture is meant; dmaze-solve FILE takes the file as a Timeloop design",
}
"""Where parts of a Timeloop design belong that stand in the file of a workload."""


def read_layers(path: Path) -> LayerList:
    """The layers in a file: those of a ZigZag workload, or the one of a Timeloop problem.

    Raises:
        InputError: when it is neither, or malformed.
    """
    document = read_yaml(path)
    layers = _layers(document, path)
    if layers is None:
        raise InputError.single(str(path), "", _why_not_read(document))
    fields = cast("JsonObject", document) if isinstance(document, dict) else {}
    for part, where in _ELSEWHERE.items():
        if part in fields:
            message = f"not read as part of a workload; {where}"
            warnings.warn(str(Fault(str(path), part, message)), InputWarning, stacklevel=2)
    return layers


def _why_not_read(document: object) -> str:
    if is_accelforge_data(document):
        return ACCELFORGE
    fields = cast("JsonObject", document) if isinstance(document, dict) else {}
    return "this looks like a spec; specs are read in JSON" if "workload" in fields else f"expected {_EXPECTED}"


def _layers(document: object, path: Path) -> LayerList | None:
    problem = problem_of(document)
    if problem is not None:
        return LayerList(name=path.stem, layers=(read_problem(problem, str(path), path.stem),))
    if is_workload(document):
        return read_workload(cast("list[Any]", document), str(path), path.stem)
    return None


@dataclass(frozen=True)
class ImportedLayer:
    """A layer from other tools' files, and its mapping if the files hold one."""

    layer: Layer
    mapping: MappingDocument | None


def read_layer(paths: Sequence[Path], name: str | None = None, levels: Sequence[str] | None = None) -> ImportedLayer:
    """The layer, and its mapping, that the files hold together; ``name`` chooses among several layers.

    ``levels`` names the targets of the mapping that are DRAM, scratchpad and register files.

    Raises:
        InputError: unless there are exactly one layer and at most one mapping, both well formed.
    """
    documents = [(path, read_yaml(path)) for path in paths]
    found = [(path, layers) for path, document in documents if (layers := _layers(document, path)) is not None]
    if len(found) != 1:
        names = ", ".join(str(path) for path in paths)
        message = f"expected one file with {_EXPECTED}, got {len(found)}"
        raise InputError.single(names, "", message)
    ((source, layers),) = found
    layer = _chosen(layers, name, str(source))
    mappings = [(path, entries) for path, document in documents if (entries := mapping_of(document)) is not None]
    if len(mappings) > 1:
        raise InputError.single(str(mappings[1][0]), "mapping", f"expected none beside that of {mappings[0][0]}")
    unread = [(path, document) for path, document in documents if path not in (source, *(path for path, _ in mappings))]
    if unread:
        raise InputError(Fault(str(path), "", _why_unused(document)) for path, document in unread)
    read = [read_mapping(entries, layer.bounds(), str(path), levels) for path, entries in mappings]
    return ImportedLayer(layer, read[0] if read else None)


def _why_unused(document: object) -> str:
    """What to say of a file that is neither the layer nor its mapping: it would change nothing."""
    if is_accelforge_data(document):
        return ACCELFORGE
    entries = cast("list[Any]", document) if isinstance(document, list) else []
    if any(isinstance(entry, dict) and not _ZIGZAG_MAPPING.isdisjoint(cast("JsonObject", entry)) for entry in entries):
        return "this is a mapping of ZigZag, which is not read: give it as a mapping of our own (docs/interop.md)"
    return "neither a layer nor a Timeloop mapping; leave it out, for nothing in it would be read"


def _chosen(layers: LayerList, name: str | None, file: str) -> Layer:
    names = [layer.name for layer in layers.layers]
    if name is None and len(names) > 1:
        raise InputError.single(file, "--layer", f"expected, for there are {len(names)} layers: {', '.join(names)}")
    if name is not None and name not in names:
        raise InputError.single(file, "--layer", f"unknown layer {shown(name)}; {suggestion(name, names)}")
    return layers.layers[0 if name is None else names.index(name)]
