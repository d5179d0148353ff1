"""The program of a request's mapping, of either cost model (``docs/codegen.md``)."""

from __future__ import annotations

from ..evaluating import AnyRequest, ResolvedRequest, faults_below, resolved_request
from ..faults import InputError
from ..hierarchy.from_architecture import level_mapping_of
from ..hierarchy.hierarchy_model import MODEL
from ..hierarchy.level_mapping import LevelMapping, LevelMappingDocument, level_mapping
from ..hierarchy.resolved_machine import ResolvedMachine, resolved_machine
from ..mapping import Mapping
from .c_program import c_program
from .generated_program import GeneratedProgram


def requested_program(request: AnyRequest, position: int = 0) -> GeneratedProgram:
    """The program of the mapping at a position of a request.

    A published mapping is printed for its machine as a hierarchy (hierarchy model, section 11), in the orders that it
    gives; it needs both. An architecture given by name or path is looked up against the current folder.

    Raises:
        InputError: for a request that makes no sense, a mapping that is not there, and one fault for everything that
            keeps the mapping from being run.
    """
    known = resolved_request(request)
    if not 0 <= position < len(known.mappings):
        expected = f"expected a mapping at position {position}, counted from 0; the request has {len(known.mappings)}"
        raise InputError.single(None, "mappings", expected)
    machine = resolved_machine(MODEL.machine_of(known.machine), known.nest)
    try:
        mapping = _level_mapping(known, machine, position)
    except ValueError as error:
        raise InputError(faults_below(f"mappings[{position}]", error)) from error
    return GeneratedProgram(code=c_program(request.layer.name, known.nest, machine, mapping))


def _level_mapping(known: ResolvedRequest, machine: ResolvedMachine, position: int) -> LevelMapping:
    """A mapping of a request as one onto a hierarchy; raises ValueError with one line per fault."""
    document = known.mappings[position]
    mapping: Mapping | LevelMapping = known.cost_model.mapping_of(known.nest, known.machine, document, with_orders=True)
    if isinstance(mapping, LevelMapping):
        return mapping
    converted: LevelMappingDocument = level_mapping_of(known.nest, mapping)
    return level_mapping(known.nest, machine, converted)
