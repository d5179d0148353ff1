"""The reference cases of the hierarchy model: mappings with the counts of an executor and of other tools' models."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from dmaze.model.hierarchy.level_mapping import LevelMapping, LevelMappingDocument, level_mapping
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.hierarchy.resolved_machine import ResolvedMachine, resolved_machine
from dmaze.model.layers import LoopNestLayer
from dmaze.model.loop_nest import LoopNest
from reference import load

Source = Literal["executed", "timeloop", "accelforge"]


@dataclass(frozen=True)
class HierarchyCase:
    """A mapping of a nest onto a machine; ``expect``: what its source counts, in the form of ``tests/README.md``."""

    id: int
    nest: LoopNest
    document: Machine
    machine: ResolvedMachine
    mapping_document: LevelMappingDocument
    mapping: LevelMapping
    expect: dict[str, Any]


def nest_of(fields: dict[str, Any]) -> LoopNest:
    """A nest from the bounds and tensors of a reference case."""
    return LoopNestLayer.model_validate({"type": "loop_nest", "name": "layer", **fields}).loop_nest()


@cache
def hierarchy_cases(source: Source) -> tuple[HierarchyCase, ...]:
    """All cases of a source."""
    data = load(f"hierarchy/{source}.json")
    listed = data if source == "executed" else data["cases"]
    return tuple(_case(case, {} if source == "executed" else data) for case in listed)


def _case(case: dict[str, Any], data: dict[str, Any]) -> HierarchyCase:
    fields, nest = case.get("machine", data.get("machine")), case["nest"]
    document = Machine.model_validate(data["machines"][fields] if isinstance(fields, str) else fields)
    built = nest_of(data["nests"][nest] if isinstance(nest, str) else nest)
    machine = resolved_machine(document, built)
    mapping_document = LevelMappingDocument.model_validate(case["mapping"])
    mapping = level_mapping(built, machine, mapping_document)
    return HierarchyCase(case["id"], built, document, machine, mapping_document, mapping, case["expect"])


@cache
def builtin_machines() -> tuple[Machine, ...]:
    """The six machines of ``machines.json``."""
    return tuple(Machine.model_validate(machine) for machine in load("hierarchy/machines.json"))
