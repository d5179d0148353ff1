"""What a user of Timeloop has in files as one job of ours: machine, constraints, layer, perhaps a mapping.

Files are known by what stands in them: ``architecture``, ``problem``, ``mapping``, ``ERT``, constraints, ``mapper``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast

from ...documents.spec import LayerList
from ...faults import InputError
from ...hierarchy.machine import Machine
from ..interop.imported_design import ImportedDesign
from ..interop.timeloop_directives import BYPASS_KINDS, underscored
from ..interop.timeloop_problem import problem_of, read_problem
from ..interop.yaml_files import read_yaml
from ..json_files import JsonObject
from ..other_formats import ACCELFORGE, is_accelforge_data
from .component_levels import ComponentLevel, Entry, warn
from .design_files import (
    DesignFile,
    architecture_of,
    design_files,
    entries_of_mapping,
    has_architecture,
    objective_of_mapper,
    single,
)
from .energy_tables import EnergyTables, read_energies
from .node_lists import NodeListReader
from .placed_levels import machine_of_levels, placed_levels
from .placed_mapping import placed_mapping
from .subtrees import storage_levels, subtree_levels
from .targeted_entries import ARCHITECTURE_CONSTRAINTS, listed_entries, read_constraints
from .timeloop_constraints import keep_rules, level_constraints, warn_of_free_axes


def read_design(paths: Sequence[Path]) -> ImportedDesign | None:
    """The design in some YAML files; ``None`` where none of them holds an architecture.

    Raises:
        InputError: for files that are not well formed, and unless there is exactly one architecture and one problem.
    """
    files = design_files(paths)
    if files is None:
        return None
    levels, title = _levels(single(files, "architecture", has_architecture), _variables(files))
    problem = single(files, "problem", lambda document: problem_of(document) is not None)
    layer = read_problem(problem_of(problem.document) or {}, problem.path, Path(problem.path).stem)
    nest = layer.loop_nest()
    bounds = layer.bounds()
    placed = placed_levels(levels)
    own, asked = _entries(files, levels)
    architectural = list(read_constraints(own, levels, bounds))
    mapspace = list(read_constraints(asked, levels, bounds))
    mapping = entries_of_mapping(files)
    given = [] if mapping is None else list(read_constraints(mapping[1], levels, bounds))
    tensors = [tensor.name for tensor in nest.tensors]
    rules = keep_rules([*architectural, *(each for each in given if each.directive.kind == "spatial")], tensors)
    machine = machine_of_levels(levels, placed, _energies(files), rules, title)
    constraints = level_constraints([*architectural, *mapspace], placed, nest, keep_rules(mapspace, tensors).keep)
    if mapping is None:
        warn_of_free_axes(placed, constraints)
    return ImportedDesign(
        machine=machine,
        layers=LayerList(layers=(layer,)),
        constraints=constraints,
        mapping=None if mapping is None else placed_mapping(given, placed, nest, mapping[0]),
        objective=objective_of_mapper(files),
        accounting="timeloop",
    )


def read_timeloop_machine(path: Path) -> Machine:
    """The machine in a file on its own: what its levels keep, and prices of an ERT if it has one, but no loops.

    Raises:
        InputError: when there is no such file, or it is no architecture of Timeloop's.
    """
    files = design_files([path])
    if files is None:
        expected = "expected an architecture of Timeloop's in YAML, or one of ours in JSON"
        why = ACCELFORGE if is_accelforge_data(read_yaml(path)) else "nothing of the kind is in it"
        raise InputError.single(str(path), "", f"{expected}; {why}")
    levels, title = _levels(files[0], _variables(files))
    entries = _entries(files, levels)[0]
    constraints = list(read_constraints((e for e in entries if e.fields.get("type") in BYPASS_KINDS), levels, {}))
    named = [name for each in constraints for name in (*each.directive.kept, *each.directive.bypassed)]
    rules = keep_rules(constraints, list(dict.fromkeys(named)))
    if len(entries) > len(constraints):
        warn(str(path), ("architecture",), "constraints on loops are read together with a problem only")
    return machine_of_levels(levels, placed_levels(levels), _energies(files), rules, title)


def _levels(file: DesignFile, variables: JsonObject) -> tuple[tuple[ComponentLevel, ...], str]:
    """The levels of an architecture, and what it is called: after its file, or after the folder of an `arch.yaml`."""
    tree = cast("JsonObject", underscored(architecture_of(file.document)))
    place = ("architecture",)
    if "nodes" in tree:
        levels = NodeListReader(file.path, variables).levels(tree["nodes"], (*place, "nodes"))
    elif "storage" in tree:
        levels = storage_levels(tree, file.path, place)
    else:
        levels = subtree_levels(tree, file.path, place)
    if not any(level.kind == "storage" for level in levels):
        raise InputError.single(file.path, "architecture", "expected memories and multipliers, got no memory")
    path = Path(file.path)
    return levels, path.parent.name if "arch" in path.stem and path.parent.name else path.stem


def _variables(files: Iterable[DesignFile]) -> JsonObject:
    """What expressions of an architecture may name."""
    given: list[object] = [file.document.get("variables") for file in files]
    return {name: value for each in given if isinstance(each, dict) for name, value in cast("JsonObject", each).items()}


def _entries(files: Iterable[DesignFile], levels: Iterable[ComponentLevel]) -> tuple[list[Entry], list[Entry]]:
    """Constraints of the architecture, and those of a map space."""
    listed = [entry for file in files for entry in listed_entries(file.document, file.path)]
    own = [entry for entry in listed if entry.place[0] == ARCHITECTURE_CONSTRAINTS]
    return [*(entry for level in levels for entry in level.entries), *own], [e for e in listed if e not in own]


def _energies(files: Iterable[DesignFile]) -> EnergyTables:
    tables: dict[str, Mapping[str, float]] = {}
    for file in files:
        if "ERT" in file.document:
            tables |= read_energies(file.document["ERT"], file.path)
    return tables
