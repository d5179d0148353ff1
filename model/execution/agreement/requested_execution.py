"""The mappings of a request executed and held against their cost model (``docs/execution.md``)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...dmazerunner.architecture import Architecture
from ...dmazerunner.cost import cost_of_mapping
from ...documents.execution import ExecutedMapping, ExecuteResult
from ...evaluating import AnyRequest, ResolvedRequest, faults_below, resolved_request
from ...faults import Fault, InputError
from ...hierarchy.accountings import EXECUTED
from ...hierarchy.from_architecture import NODE_OF_LEVEL, NODES, level_mapping_of, machine_of
from ...hierarchy.level_mapping import LevelMapping, LevelMappingDocument, level_mapping, level_mapping_document
from ...hierarchy.machine import Machine
from ...hierarchy.resolved_machine import ResolvedMachine, resolved_machine
from ...loop_nest import LoopNest
from ...mapping import LEVELS, Mapping, MappingDocument, Tiling, mapping_to_document
from ..executing import execute, why_too_large
from .execution_differences import execution_differences
from .execution_documents import executed_mapping, published_comparison, shrunk_layer
from .published_relation import published_relation
from .shrinking import shrunk


@dataclass(frozen=True)
class _Case:
    """A mapping ready to be executed; ``published``: what it is to the published model, on its architecture."""

    nest: LoopNest
    machine: ResolvedMachine
    mapping: LevelMapping
    published: tuple[Architecture, Mapping] | None


def executed_request(request: AnyRequest, *, shrink_to: int | None = None) -> ExecuteResult:
    """Execute all mappings of a request; a published one as the hierarchy that its architecture is.

    With ``shrink_to``, every layer is first scaled down to so many multiply-accumulates. An architecture given by name
    or path is looked up against the current folder.

    Raises:
        InputError: for a request that makes no sense, one fault for everything that keeps a mapping from being run.
    """
    known = resolved_request(request)
    counted = known.cost_model.accounting
    if counted not in (None, EXECUTED.name):
        message = f"expected {EXECUTED.name!r}, for that is what an execution counts, got {counted!r}"
        raise InputError.single(None, "accounting", message)
    if isinstance(known.machine, Machine) and known.machine.tile_overhead is not None:
        message = "expected none, for an execution moves words and knows of no overhead"
        raise InputError.single(None, "architecture.tile_overhead", message)
    cases = _cases(known)
    executions = [_executed(known, case, shrink_to) for case in cases]
    return ExecuteResult(cost_model=known.cost_model.name, executions=tuple(executions))


def _cases(known: ResolvedRequest) -> list[_Case]:
    found: list[_Case] = []
    faults: list[Fault] = []
    for position in range(len(known.mappings)):
        try:
            found.append(_case(known, position))
        except ValueError as error:
            faults += faults_below(f"mappings[{position}]", error)
    if faults:
        raise InputError(faults)
    return found


def _case(known: ResolvedRequest, position: int) -> _Case:
    """A mapping of a request; raises ValueError with one line per fault."""
    nest, architecture = known.nest, known.machine
    mapping: Mapping | LevelMapping = known.cost_model.mapping_of(
        nest, architecture, known.mappings[position], with_orders=True
    )
    if isinstance(architecture, Architecture) and isinstance(mapping, Mapping):
        machine = resolved_machine(machine_of(architecture), nest)
        converted: LevelMappingDocument = level_mapping_of(nest, mapping)
        return _Case(nest, machine, level_mapping(nest, machine, converted), (architecture, mapping))
    if isinstance(architecture, Architecture) or isinstance(mapping, Mapping):
        raise ValueError(f"cost_model: expected one whose mappings can be executed, not {known.cost_model.name!r}")
    return _Case(nest, resolved_machine(architecture, nest), mapping, None)


def _executed(known: ResolvedRequest, case: _Case, shrink_to: int | None) -> ExecutedMapping:
    layer = None
    if shrink_to is not None:
        smaller = shrunk(case.nest, case.machine, case.mapping, shrink_to)
        case = _shrunk_case(case, smaller.nest, smaller.mapping)
        layer = shrunk_layer(known.nest, smaller, _document(case))
    if fault := why_too_large(case.nest, case.machine, case.mapping):
        raise InputError.single(None, "layer", fault)
    execution = execute(case.nest, case.machine, case.mapping)
    if case.published is None:
        cost = known.cost_model.cost(case.nest, known.machine, case.mapping)
        differences, comparison = execution_differences(case.nest, case.machine, cost, execution.cost), None
    else:
        architecture, mapping = case.published
        cost = cost_of_mapping(case.nest, architecture, mapping)
        relation = published_relation(case.nest, architecture, mapping, cost, execution.cost)
        differences, comparison = list(relation.differences), published_comparison(relation)
    return executed_mapping(case.nest, case.machine, execution, differences, comparison, layer)


def _document(case: _Case) -> LevelMappingDocument | MappingDocument:
    """The public form of a case's mapping."""
    if case.published is None:
        return level_mapping_document(case.nest, case.machine, case.mapping)
    return mapping_to_document(case.nest, case.published[1])


def _shrunk_case(case: _Case, nest: LoopNest, mapping: LevelMapping) -> _Case:
    if case.published is None:
        return replace(case, nest=nest, mapping=mapping)
    architecture, published = case.published
    tiling = Tiling.from_levels(mapping.factors[NODES.index(NODE_OF_LEVEL[level])] for level in LEVELS)
    return replace(case, nest=nest, mapping=mapping, published=(architecture, replace(published, tiling=tiling)))
