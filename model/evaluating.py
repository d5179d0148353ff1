"""The exact model on given mappings, as public documents (``docs/contract.md`` section 3, verb ``evaluate``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from .base import Model
from .cost_model import DEFAULT_COST_MODEL, HIERARCHY
from .cost_models import AnyCostModel, model_and_machine
from .documents.architectures import AnyArchitecture, architecture_type
from .documents.evaluation import EvaluateRequest, EvaluateResult, SolutionOfResult
from .documents.result import Result
from .faults import Fault, InputError
from .hierarchy.from_architecture import converted_mapping
from .loop_nest import LoopNest
from .mapping import MappingDocument
from .reading.json_files import JsonObject
from .reading.references import resolve_architecture, with_architecture
from .reading.results import RESULT_SCHEMA, load_result
from .reading.sources.documents_of_ours import refuse_answer
from .reading.sources.given_document import DocumentSource, GivenDocument, faults_named, given_document
from .reading.sources.result_requests import requests_of_result
from .reading.sources.substitutes import Changes
from .reading.validation import validated

AnyRequest = EvaluateRequest[Any]
"""A request with mappings of any cost model."""

REQUEST = "request"
"""What faults name of a request that stands in no file."""

_PUBLISHED_ORDERS = {"dram_order", "spm_order"}
"""Fields that only published mappings have."""


@dataclass(frozen=True)
class ResolvedRequest:
    """What a request asks for: mappings of a loop nest onto a machine, all of the kinds that the cost model takes."""

    cost_model: AnyCostModel
    machine: AnyArchitecture
    nest: LoopNest
    mappings: tuple[Model, ...]


def evaluate(request: AnyRequest | Result | DocumentSource, *, detail: bool = False) -> EvaluateResult:
    """The exact costs of the mappings of a request. What does not fit is costed all the same, and flagged.

    A request may also be given as a dict, as text, or by the path of its file; an architecture given by name or path
    is looked up against the folder of that file, otherwise against the current folder. ``detail`` adds the counts
    behind the costs: footprints, DMA bursts and the like; on hierarchies the accesses of every level.

    In place of a request a result may be given: the mappings of all its layers are costed, and ``costs_of`` says of
    which mapping each cost is.

    Raises:
        InputError: one fault per unknown dimension, product of factors that is not the bound, or impossible order.
    """
    if isinstance(request, Result):
        layers = requests_of_result(request, {}, None)
        return costs_of_layers([(name, evaluate(asked, detail=detail)) for name, asked in layers])
    if not isinstance(request, EvaluateRequest):
        read = given_document(request, REQUEST)
        if read.fields.get("schema") == RESULT_SCHEMA:
            return evaluate(load_result(request), detail=detail)
        with faults_named(str(read.path)):
            return evaluate(_request_of(read), detail=detail)
    known = resolved_request(request)
    model = known.cost_model
    costs: list[Any] = []
    faults: list[Fault] = []
    for position, document in enumerate(known.mappings):
        try:
            costs.append(model.evaluated(known.nest, known.machine, document, detail=detail))
        except ValueError as error:
            faults += faults_below(f"mappings[{position}]", error)
    if faults:
        raise InputError(faults)
    named = None if model.name == DEFAULT_COST_MODEL else model.name
    return EvaluateResult(cost_model=named, accounting=model.accounting, costs=tuple(costs))


def costs_of_layers(layers: Sequence[tuple[str, EvaluateResult]]) -> EvaluateResult:
    """The costs of the mappings of a result's layers, given by the names of these, as one document."""
    costs_of = tuple(
        SolutionOfResult(layer=name, rank=rank)
        for name, costed in layers
        for rank, _ in enumerate(costed.costs, start=1)
    )
    costs = tuple(cost for _, costed in layers for cost in costed.costs)
    first = layers[0][1] if layers else EvaluateResult(costs=())
    return first.model_copy(update={"costs": costs, "costs_of": costs_of})


def resolved_request(request: AnyRequest) -> ResolvedRequest:
    """The parts of a request; an architecture given by name or path is looked up against the current folder.

    Raises:
        InputError: for an architecture, a cost model or bounds that make no sense, and mappings of another cost model.
    """
    architecture = resolve_architecture(request.architecture, Path.cwd())
    model, machine = model_and_machine(architecture, request.cost_model, request.accounting)
    nest = request.layer.loop_nest()
    faults = [Fault(None, "layer", line) for line in model.nest_faults(nest)]
    try:
        nest = nest.padded(request.padded_bounds)
    except ValueError as error:
        faults += faults_below("padded_bounds", error)
    if faults:
        raise InputError(faults)
    given = cast("tuple[Model, ...]", request.mappings)
    mappings = _converted(nest, given) if _converts(architecture, model) else given
    return ResolvedRequest(model, machine, nest, tuple(_mappings(mappings, model)))


def load_request(
    source: DocumentSource, given: Mapping[str, object] | None = None, changes: Changes | None = None
) -> AnyRequest:
    """A request by the path of its file, as text, or as a dict, with its architecture in place of a name or a path.

    Paths in it are relative to its file. ``given`` holds values of fields in place of its own; ``changes`` makes others
    of what is then there.

    Raises:
        InputError: with everything that is wrong with the file, or else with the architecture that it refers to.
    """
    return _request_of(given_document(source, REQUEST), given, changes)


def _request_of(
    read: GivenDocument, given: Mapping[str, object] | None = None, changes: Changes | None = None
) -> AnyRequest:
    document, path = {**read.fields, **(given or {})}, read.path
    refuse_answer(document, "a request", str(path))
    if changes is not None:
        document = changes(with_architecture(document, path.parent), EvaluateRequest)
    mapping: Any = _mapping_type(document, path.parent)
    request = validated(EvaluateRequest[mapping], document, str(path))
    architecture = resolve_architecture(request.architecture, path.parent, str(path))
    model_and_machine(architecture, request.cost_model, request.accounting, str(path))
    return request.model_copy(update={"architecture": architecture})


def faults_below(place: str, error: ValueError) -> Iterator[Fault]:
    """The faults in an error of lines of the form ``field: what is wrong``, at a place."""
    for line in str(error).splitlines():
        field, _, message = line.partition(": ")
        yield Fault(None, f"{place}.{field}", message)


def _converts(architecture: AnyArchitecture, model: AnyCostModel) -> bool:
    """Whether a published mapping can become one of the cost model: onto its own machine as a hierarchy."""
    return model.name == HIERARCHY and architecture.cost_model == DEFAULT_COST_MODEL


def _converted(nest: LoopNest, mappings: Sequence[Model]) -> list[Model]:
    """The mappings, published ones as those onto their machine as a hierarchy.

    Raises:
        InputError: for everything that keeps one of them from being converted.
    """
    found: list[Model] = []
    faults: list[Fault] = []
    for position, mapping in enumerate(mappings):
        if not isinstance(mapping, MappingDocument) or _PUBLISHED_ORDERS.isdisjoint(mapping.model_fields_set):
            found.append(mapping)
            continue
        try:
            found.append(converted_mapping(nest, mapping))
        except ValueError as error:
            faults += faults_below(f"mappings[{position}]", error)
    if faults:
        raise InputError(faults)
    return found


def _mappings(mappings: Sequence[Model], model: AnyCostModel) -> Iterator[Model]:
    """The mappings of a request, read anew where its maker could not know whose they are.

    Raises:
        InputError: for mappings of another cost model.
    """
    wanted: type[Model] = model.mapping_type
    for position, mapping in enumerate(mappings):
        if isinstance(mapping, wanted):
            yield mapping
        else:
            fields = mapping.model_dump(mode="json", exclude_unset=True)
            yield validated(wanted, fields, None, ("mappings", position))


def _mapping_type(document: JsonObject, base: Path) -> type[Any]:
    """What the mappings of a request in a file are; anything, where it does not say on which machine."""
    given, name = document.get("architecture"), document.get("cost_model")
    try:
        if isinstance(given, Mapping):
            fields = cast("JsonObject", given)
            architecture = validated(architecture_type(fields), fields, None)
        else:
            architecture = resolve_architecture(str(given), base)
        model = model_and_machine(architecture, None if name is None else str(name), None)[0]
    except InputError:
        return object
    mappings = cast("object", document.get("mappings"))
    listed = cast("list[object]", mappings) if isinstance(mappings, list) else []
    have_orders = any(_PUBLISHED_ORDERS & {*cast("JsonObject", m)} for m in listed if isinstance(m, Mapping))
    return MappingDocument if have_orders and _converts(architecture, model) else model.mapping_type
