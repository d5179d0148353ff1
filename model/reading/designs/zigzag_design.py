"""What a user of ZigZag has in files as one job of ours: hardware, workload, and a mapping."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from ...documents.spec import LayerList
from ...faults import Fault, InputError, InputWarning, place_text, shown
from ...hierarchy.constraints.level_constraints import LevelConstraints
from ...hierarchy.machine import Fanout, Machine
from ..interop.imported_design import ImportedDesign
from ..interop.yaml_files import read_yaml
from ..interop.zigzag_workload import is_workload, read_workload
from ..json_files import JsonObject
from ..validation import validated
from .zigzag_hardware import BITS_PER_BYTE, Operands, is_hardware, zigzag_machine
from .zigzag_mapping import OrderedMapping, ordered_mapping
from .zigzag_parts import NoMappingError

_LINKS = {"O": "O", "W": "I2", "I": "I1"}
"""Memory operands of the usual tensors."""

Unrolled = tuple[str, str, int | None]
"""A dimension of the array with a dimension of the layer and its factor, or none where any will do."""

_DEFAULT = "default"
_FINAL_OUTPUT = "O_final"
"""What ZigZag calls outputs to which nothing is added any more."""

_TEMPORAL = "not all loops are given with their trips, so that no order is asked for here and no mapping made of it"
_APART = "operands have different loops at a memory: the mapping is onto a level for each of them, all with its ports"


def read_zigzag_design(paths: Sequence[Path]) -> ImportedDesign | None:
    """The design in some YAML files; ``None`` where none of them holds ZigZag's hardware.

    Raises:
        InputError: for what is malformed, and unless there is one workload and at most one mapping beside.
    """
    documents = [(str(path), read_yaml(path)) for path in paths]
    hardware = [(path, document) for path, document in documents if is_hardware(document)]
    if not hardware:
        return None
    workloads = [(path, cast("list[Any]", document)) for path, document in documents if is_workload(document)]
    mappings = [(path, cast("list[Any]", document)) for path, document in documents if _is_mapping(document)]
    if (len(hardware), len(workloads)) != (1, 1) or len(mappings) > 1 or len(documents) > 2 + len(mappings):
        message = "expected ZigZag's hardware, one workload, and at most one mapping, and nothing else"
        raise InputError.single(", ".join(path for path, _ in documents), "", message)
    ((file, machine),), ((workload_file, entries),) = hardware, workloads
    layers = read_workload(entries, workload_file, Path(workload_file).stem, own_sizes=True)
    mapping = _chosen(mappings[0][1], mappings[0][0]) if mappings else {}
    operands = _operands(layers, entries, mapping, workload_file)
    place = mappings[0][0] if mappings else file
    target = zigzag_machine(cast("JsonObject", machine), operands, file)
    unrolled = _unrolled_there(mapping, target, place)
    ordered = _mapping(mapping, unrolled, layers, target, operands, place)
    return ImportedDesign(
        machine=target,
        layers=layers,
        constraints=_constraints(unrolled, layers, place),
        mapping=None if ordered is None else ordered.mapping,
        machine_of_mapping=None if ordered is None else ordered.machine,
    )


def _is_mapping(document: object) -> bool:
    entries = cast("list[object]", document) if isinstance(document, list) else []
    return any(isinstance(entry, dict) and "spatial_mapping" in entry for entry in entries)


def _chosen(entries: list[Any], file: str) -> JsonObject:
    """The entry of a mapping that holds for every layer: that of no layer of its own, or the only one."""
    found = [cast("JsonObject", entry) for entry in entries if isinstance(entry, dict)]
    default = [entry for entry in found if entry.get("name") == _DEFAULT] or found
    if len(found) > 1:
        names = ", ".join(str(entry.get("name")) for entry in found if entry is not default[0])
        message = f"what is said of {names} is left out; that of {default[0].get('name')} is asked of every layer"
        _warn(file, "", message)
    return default[0]


def _operands(layers: LayerList, entries: list[Any], mapping: JsonObject, file: str) -> Operands:
    """Memory operands and sizes of every tensor, by the mapping's links or the usual ones, else by their order."""
    given: object = mapping.get("memory_operand_links")
    links = {str(name): str(operand) for name, operand in cast("JsonObject", given or _LINKS).items()}
    known: dict[str, str] = {}
    for layer in layers.layers:
        nest = layer.loop_nest()
        reads = [tensor.name for tensor in nest.tensors if not tensor.is_output]
        by_order = {name: f"I{number}" for number, name in enumerate(reads, start=1)}
        for tensor in nest.tensors:
            if tensor.name not in links and tensor.name not in known:
                operand = "O" if tensor.is_output else by_order[tensor.name]
                _warn(file, "", f"{tensor.name} is taken for memory operand {operand}, for no link names it")
            known[tensor.name] = links.get(tensor.name, "O" if tensor.is_output else by_order.get(tensor.name, "I1"))
    sizes: dict[str, set[int]] = {}
    for entry in entries:
        precision: object = cast("JsonObject", entry).get("operand_precision") if isinstance(entry, dict) else None
        for name, bits in cast("JsonObject", precision or {}).items():
            if isinstance(bits, int) and bits > 0:
                sizes.setdefault(str(name), set()).add(bits)
    for name, several in sizes.items():
        if len(several) > 1 and name in known:
            _warn(file, "", f"{name} has {len(several)} precisions; the largest is taken for all layers")
    final, partial = (max(sizes.get(name, {0})) for name in (_FINAL_OUTPUT, "O"))
    if final and partial and final != partial:
        _warn(
            file, "", f"finished outputs of {final} bits ({_FINAL_OUTPUT}) are taken for {partial}, as partial sums are"
        )
    return Operands(known, {name: max(sizes.get(name, {BITS_PER_BYTE})) for name in known})


def _constraints(unrolled: Sequence[Unrolled], layers: LayerList, file: str) -> LevelConstraints:
    """What is unrolled over each dimension of the array, with its factor where every layer's bound is a multiple."""
    nests = [layer.loop_nest() for layer in layers.layers]
    dims: dict[str, list[str]] = {}
    fixed: dict[str, dict[str, int]] = {}
    for axis, dim, factor in unrolled:
        known = [nest.bounds[nest.dims.index(dim)] for nest in nests if dim in nest.dims]
        dims.setdefault(axis, [])
        if known:
            dims[axis] += [dim] if dim not in dims[axis] else []
            if factor is not None and all(bound % factor == 0 for bound in known):
                fixed.setdefault(dim, {})[axis] = factor
            elif factor is not None:
                message = f"{dim} is unrolled as far as it divides there, for {factor} divides not every layer's bound"
                _warn(file, f"spatial_mapping.{axis}", message)
    return validated(LevelConstraints, {"dims": dims, "fixed": fixed}, file)


def _mapping(
    mapping: JsonObject,
    unrolled: Sequence[Unrolled],
    layers: LayerList,
    machine: Machine,
    operands: Operands,
    file: str,
) -> OrderedMapping | None:
    """The mapping of the first layer, where the order of all its loops is given; else what is not asked for is said."""
    order = _order(mapping)
    if order is None:
        for field in ("temporal_ordering", "temporal_mapping"):
            if mapping.get(field):
                _warn(file, field, _TEMPORAL)
        return None
    factors: dict[str, dict[str, int]] = {}
    for axis, dim, factor in unrolled:
        of_axis = factors.setdefault(axis, {})
        of_axis[dim] = of_axis.get(dim, 1) * (factor or 1)
    try:
        found = ordered_mapping(layers.layers[0].loop_nest(), machine, factors, order, operands.bits)
    except NoMappingError as error:
        _warn(file, "temporal_ordering", f"no mapping is made of it: {error}")
        return None
    if found.is_apart:
        _warn(file, "temporal_ordering", _APART)
    return found


def _order(mapping: JsonObject) -> list[tuple[str, int]] | None:
    """All loops in time, the innermost first; ``None`` where they are not given with their trips."""
    given: object = mapping.get("temporal_ordering")
    pairs = cast("list[object]", given) if isinstance(given, list) else []
    loops = [tuple(cast("list[object]", pair)) if isinstance(pair, list) else () for pair in pairs]
    found = [(name, trips) for name, trips in (loop for loop in loops if len(loop) == 2) if _is_loop(name, trips)]
    complete = [(str(name), cast("int", trips)) for name, trips in found]
    return complete if complete and len(complete) == len(pairs) else None


def _is_loop(name: object, trips: object) -> bool:
    return isinstance(name, str) and isinstance(trips, int) and trips > 0


def _unrolled_there(mapping: JsonObject, machine: Machine, file: str) -> list[Unrolled]:
    """What is unrolled over dimensions that the array has; of others it is said that they are left out."""
    names = {node.name for node in machine.nodes if isinstance(node, Fanout)}
    unrolled = list(_unrolled(mapping, file))
    for axis in dict.fromkeys(axis for axis, _, _ in unrolled if axis not in names):
        _warn(file, "", f"what is unrolled over {axis} is left out, which the array has not")
    return [each for each in unrolled if each[0] in names]


def _unrolled(mapping: JsonObject, file: str) -> Iterator[Unrolled]:
    for field in ("spatial_mapping", "spatial_mapping_hint"):
        given: object = mapping.get(field)
        for axis, entries in (cast("JsonObject", given) if isinstance(given, dict) else {}).items():
            for entry in cast("list[object]", entries) if isinstance(entries, list) else [cast("object", entries)]:
                text = ",".join(map(str, cast("list[object]", entry))) if isinstance(entry, list) else str(entry)
                match = re.fullmatch(r"\s*(\w+)\s*(?:,\s*([1-9]\d{0,8})\s*)?", text)
                if match is None:
                    place = place_text((field, axis))
                    raise InputError.single(file, place, f"expected a dimension and a factor, got {shown(text)}")
                yield axis, match[1], None if match[2] is None else int(match[2])


def _warn(file: str, place: str, message: str) -> None:
    warnings.warn(str(Fault(file, place, message)), InputWarning, stacklevel=2)
