"""What a user of Timeloop has in files as one job of ours: machine, constraints, layer, perhaps a mapping.

Files are known by what stands in them: ``architecture``, ``problem``, ``mapping``, ``ERT``, constraints, ``mapper``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ...documents.evaluation import EvaluateRequest
from ...documents.spec import LayerList, Spec
from ...faults import InputError, place_text, shown
from ...hierarchy.accountings import AccountingName
from ...hierarchy.constraints.level_constraints import LevelConstraints
from ...hierarchy.level_mapping import LevelMappingDocument
from ...hierarchy.machine import Machine, StorageLevel
from ...layers import LoopNestLayer
from ...objectives import Objective
from ..interop.timeloop_directives import underscored
from ..interop.timeloop_mapping import mapping_of
from ..interop.timeloop_problem import problem_of, read_problem
from ..interop.yaml_files import read_yaml
from ..json_files import JsonObject
from .component_levels import ComponentLevel, Entry, warn
from .energy_tables import EnergyTables, read_energies
from .node_lists import NodeListReader
from .placed_levels import machine_of_levels, placed_levels
from .placed_mapping import placed_mapping
from .subtrees import subtree_levels
from .timeloop_constraints import (
    ARCHITECTURE_CONSTRAINTS,
    keep_rules,
    level_constraints,
    listed_entries,
    read_constraints,
)

ACCOUNTING: AccountingName = "timeloop"
"""How imported designs are counted unless told otherwise."""

_OBJECTIVES: Mapping[str, Objective] = {"edp": "edp", "energy": "energy", "delay": "latency", "cycles": "latency"}
_NOT_READ = {"sparse_optimizations": "sparsity is not modelled; every element counts"}


@dataclass(frozen=True)
class TimeloopDesign:
    """A layer on a machine, and what may be asked of its mappings; ``objective`` is that of a mapper file."""

    machine: Machine
    layer: LoopNestLayer
    constraints: LevelConstraints
    mapping: LevelMappingDocument | None
    objective: Objective | None

    @property
    def layers(self) -> LayerList:
        """The workload."""
        return LayerList(layers=(self.layer,))

    def spec(self, accounting: AccountingName | None = None) -> Spec:
        """The job of finding the best mappings, counted as Timeloop counts unless told otherwise.

        Where nothing has a price, time is minimised.
        """
        return Spec(
            name=self.layer.name,
            architecture=self.machine,
            workload=self.layers,
            accounting=accounting or ACCOUNTING,
            objective=self.objective or ("edp" if self.has_prices else "latency"),
            constraints=self.constraints,
        )

    def request(self, accounting: AccountingName | None = None) -> EvaluateRequest[LevelMappingDocument]:
        """The mapping, if there is one, to be costed as Timeloop counts unless told otherwise."""
        mappings = () if self.mapping is None else (self.mapping,)
        return EvaluateRequest[LevelMappingDocument](
            architecture=self.machine, accounting=accounting or ACCOUNTING, layer=self.layer, mappings=mappings
        )

    @property
    def has_prices(self) -> bool:
        """Whether anything costs energy."""
        levels = [node for node in self.machine.nodes if isinstance(node, StorageLevel)]
        return self.machine.mac_pj > 0 or any(level.read_pj or level.write_pj for level in levels)


@dataclass(frozen=True)
class _File:
    path: str
    document: JsonObject


def has_architecture(document: object) -> bool:
    """Whether a file's data holds a Timeloop architecture.

    Example:
        >>> has_architecture({"architecture": {"subtree": []}}), has_architecture({"architecture": "eyeriss-168"})
        (True, False)
    """
    given: object = cast("JsonObject", document).get("architecture") if isinstance(document, dict) else None
    return isinstance(given, dict) and any(key in given for key in ("nodes", "subtree", "local"))


def read_design(paths: Sequence[Path]) -> TimeloopDesign | None:
    """The design in some YAML files; ``None`` where none of them holds an architecture.

    Raises:
        InputError: for files that are not well formed, and unless there is exactly one architecture and one problem.
    """
    files = [_File(str(path), cast("JsonObject", d)) for path in paths if isinstance(d := read_yaml(path), dict)]
    if not any(has_architecture(file.document) for file in files):
        return None
    holding = _single(files, "architecture", has_architecture)
    levels, title = _levels(holding)
    problem = _single(files, "problem", lambda document: problem_of(document) is not None)
    layer = read_problem(problem_of(problem.document) or {}, problem.path, Path(problem.path).stem)
    nest = layer.loop_nest()
    bounds = layer.bounds()
    placed = placed_levels(levels)
    own, asked = _entries(files, levels)
    architectural = list(read_constraints(own, levels, bounds))
    mapspace = list(read_constraints(asked, levels, bounds))
    mapping = _mapping(files)
    given = [] if mapping is None else list(read_constraints(mapping[1], levels, bounds))
    tensors = [tensor.name for tensor in nest.tensors]
    rules = keep_rules([*architectural, *(each for each in given if each.directive.kind == "spatial")], tensors)
    machine = machine_of_levels(levels, placed, _energies(files), rules, title)
    for file in files:
        for key, why in _NOT_READ.items():
            if file.document.get(key):
                warn(file.path, (key,), why)
    return TimeloopDesign(
        machine=machine,
        layer=layer,
        constraints=level_constraints([*architectural, *mapspace], placed, nest, keep_rules(mapspace, tensors).keep),
        mapping=None if mapping is None else placed_mapping(given, placed, nest, mapping[0]),
        objective=_objective(files),
    )


def _single(files: Iterable[_File], what: str, holds: Callable[[JsonObject], bool]) -> _File:
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


def _levels(file: _File) -> tuple[tuple[ComponentLevel, ...], str]:
    """The levels of an architecture, and what it is called: after its file, or after the folder of an `arch.yaml`."""
    tree = cast("JsonObject", underscored(file.document["architecture"]))
    place = ("architecture",)
    if "nodes" in tree:
        given: object = file.document.get("variables")
        variables = cast("JsonObject", given) if isinstance(given, dict) else {}
        levels = NodeListReader(file.path, variables).levels(tree["nodes"], (*place, "nodes"))
    else:
        levels = subtree_levels(tree, file.path, place)
    if not any(level.kind == "storage" for level in levels):
        raise InputError.single(file.path, "architecture", "expected memories and multipliers, got no memory")
    path = Path(file.path)
    return levels, path.parent.name if "arch" in path.stem and path.parent.name else path.stem


def _entries(files: Iterable[_File], levels: Iterable[ComponentLevel]) -> tuple[list[Entry], list[Entry]]:
    """Constraints of the architecture, and those of a map space."""
    listed = [entry for file in files for entry in listed_entries(file.document, file.path)]
    own = [entry for entry in listed if entry.place[0] == ARCHITECTURE_CONSTRAINTS]
    return [*(entry for level in levels for entry in level.entries), *own], [e for e in listed if e not in own]


def _energies(files: Iterable[_File]) -> EnergyTables:
    tables: dict[str, Mapping[str, float]] = {}
    for file in files:
        if "ERT" in file.document:
            tables |= read_energies(file.document["ERT"], file.path)
    return tables


def _mapping(files: Sequence[_File]) -> tuple[str, list[Entry]] | None:
    """The file and the entries of the mapping, where there is one."""
    if not any(mapping_of(file.document) for file in files):
        return None
    holding = _single(files, "mapping", lambda document: bool(mapping_of(document)))
    entries: list[Entry] = []
    for number, entry in enumerate(mapping_of(holding.document) or ()):
        if not isinstance(entry, dict):
            place = place_text(("mapping", number))
            raise InputError.single(holding.path, place, f"expected an object, got {shown(entry)}")
        entries.append(Entry(holding.path, ("mapping", number), cast("JsonObject", underscored(entry))))
    return holding.path, entries


def _objective(files: Iterable[_File]) -> Objective | None:
    """The first metric of a mapper file that is one of our objectives."""
    for file in files:
        mapper: object = underscored(file.document.get("mapper"))
        fields = cast("JsonObject", mapper) if isinstance(mapper, dict) else {}
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
