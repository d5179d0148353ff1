"""Somebody else's mappings: read from any file that holds some, costed exactly, held against the proved optima."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...model.dmazerunner.cost import cost_of_mapping, costs_of_tiling
from ...model.dmazerunner.legality import broken_limits, broken_rules
from ...model.dmazerunner.mapping import Mapping, MappingDocument, Tiling, mapping_to_document, tiling_from_document
from ...model.documents.cost_document import cost_to_document
from ...model.documents.evaluation import EvaluateRequest
from ...model.documents.result import Number
from ...model.documents.spec import LayerList, Spec
from ...model.documents.study_results import GivenMapping, LayerGap, MappingList
from ...model.documents.verification import load_result
from ...model.evaluating import load_request, orders_from_document
from ...model.faults import Fault, InputError, Place, place_text, shown, suggestion
from ...model.layers import Layer
from ...model.loop_nest import LoopNest
from ...model.reading.json_files import JsonObject, read_json
from ...model.reading.validation import validated
from ..pipeline.ranking import CostedMapping, objective_value, rank_key
from .agreement import contradicted, loss, whole_searches
from .searches import StudyRun

FORMS = "a result ('schema'), an evaluate request ('architecture', 'layer', 'mappings') or a list ('mappings')"


@dataclass(frozen=True)
class LayerMapping:
    """A mapping of the spec's layer of that name."""

    layer: str
    mapping: MappingDocument


@dataclass(frozen=True)
class _Entry:
    """A mapping in a file: where it stands, the name of its layer, and the layer's nest where the file has it."""

    place: Place
    name: str
    nest: LoopNest | None
    mapping: MappingDocument


def load_mappings(path: Path, spec: Spec) -> tuple[LayerMapping, ...]:
    """The mappings in a file, for layers of a spec (with its layers in place).

    The file is a result (the best mapping of every layer), a request of ``evaluate`` (its layer is found by name, or
    else by being the same loop nest), or ``{"mappings": [{"layer": NAME, "tiling": ...}]}``.

    Raises:
        InputError: with everything that is wrong with the file, or that does not belong to the spec.
    """
    if not isinstance(spec.workload, LayerList):
        raise TypeError("the spec must hold its layers; see resolve_spec")
    layers, faults, found = spec.workload.layers, list[Fault](), list[LayerMapping]()
    for entry in _entries(path, read_json(path), spec):
        try:
            layer = _layer_of(entry, layers)
            _parsed(layer.loop_nest(), entry.mapping)
        except ValueError as error:
            faults += [_fault(str(path), entry.place, line) for line in str(error).splitlines()]
        else:
            found.append(LayerMapping(layer.name, entry.mapping))
    if faults:
        raise InputError(faults)
    return tuple(found)


def _entries(path: Path, document: JsonObject, spec: Spec) -> list[_Entry]:
    if "schema" in document:
        return _entries_of_result(path)
    if "architecture" in document or "layer" in document:
        return _entries_of_request(load_request(path), path, spec)
    if "mappings" not in document:
        raise InputError.single(str(path), "", f"expected {FORMS}")
    named = validated(MappingList, document, str(path)).mappings
    return [
        _Entry(("mappings", position), entry.layer, None, entry.without_name()) for position, entry in enumerate(named)
    ]


def _entries_of_result(path: Path) -> list[_Entry]:
    """The best mapping of every layer that has one; copies have those of the first of their kind."""
    return [
        _Entry(
            ("layers", position, "solutions", 0, "mapping"),
            layer.name,
            layer.loop_nest(),
            layer.solutions[0].mapping,
        )
        for position, layer in enumerate(load_result(path).layers)
        if layer.solutions and layer.same_as is None
    ]


def _entries_of_request(request: EvaluateRequest, path: Path, spec: Spec) -> list[_Entry]:
    if request.architecture != spec.architecture:
        message = "expected the spec's architecture: a mapping is held against the optimum on the same one"
        raise InputError.single(str(path), "architecture", message)
    nest = request.layer.loop_nest()
    return [
        _Entry(("mappings", position), request.layer.name, nest, mapping)
        for position, mapping in enumerate(request.mappings)
    ]


def _layer_of(entry: _Entry, layers: Sequence[Layer]) -> Layer:
    """The layer that a mapping belongs to.

    Raises:
        ValueError: when there is none.
    """
    named = next((layer for layer in layers if layer.name == entry.name), None)
    if entry.nest is None:
        if named is None:
            raise ValueError(f"layer: unknown layer {shown(entry.name)}; {suggestion(entry.name, _names(layers))}")
        return named
    same = [layer for layer in layers if layer.loop_nest().key == entry.nest.key]
    if not same:
        raise ValueError(f"layer: expected a layer of the spec, but none is the loop nest that {shown(entry.name)} is")
    return named if named in same else same[0]


def _names(layers: Sequence[Layer]) -> list[str]:
    return [layer.name for layer in layers]


def _fault(file: str, place: Place, line: str) -> Fault:
    """A fault of the form ``field: what is wrong`` below a place."""
    field, _, message = line.partition(": ")
    return Fault(file, f"{place_text(place)}.{field}", message)


Orders = tuple[tuple[int, ...], tuple[int, ...]]


def _parsed(nest: LoopNest, mapping: MappingDocument) -> tuple[Tiling, Orders | None]:
    """The compact form of a mapping.

    Raises:
        ValueError: one line per fault, each beginning with its place in the mapping.
    """
    return tiling_from_document(nest, mapping.tiling), orders_from_document(nest, mapping)


def hold_against(
    run: StudyRun, layers: tuple[LayerGap, ...], mappings: Sequence[LayerMapping]
) -> tuple[tuple[GivenMapping, ...], tuple[LayerGap, ...]]:
    """The mappings with their exact costs and losses; and the layers, whose bounds an allowed mapping may disprove."""
    gaps = {layer.name: layer for layer in layers}
    given: list[GivenMapping] = []
    for entry in mappings:
        mapping = _costed(run, entry, gaps[entry.layer].optimum)
        given.append(mapping)
        gaps[entry.layer] = _checked(gaps[entry.layer], mapping)
    return tuple(given), tuple(gaps.values())


def _costed(run: StudyRun, entry: LayerMapping, optimum: Number | None) -> GivenMapping:
    layer = next(layer for layer in run.layers if layer.name == entry.layer)
    nest, architecture, constraints = layer.loop_nest(), run.architecture, run.spec.constraints
    tiling, orders = _parsed(nest, entry.mapping)
    if orders is None:
        found = _with_best_orders(run, nest, tiling)
    else:
        mapping = Mapping(tiling, *orders)
        found = CostedMapping(mapping, cost_of_mapping(nest, architecture, mapping))
    broken = broken_rules(nest, architecture, constraints, tiling)
    value = objective_value(run.spec.objective, found.cost)
    return GivenMapping(
        layer=entry.layer,
        mapping=mapping_to_document(nest, found.mapping),
        orders_given=orders is not None,
        broken_rules=broken + broken_limits(architecture, constraints, found.cost),
        cost=cost_to_document(nest, architecture, tiling, found.cost),
        objective_value=value,
        loss=None if optimum is None else loss(value, optimum),
    )


def _with_best_orders(run: StudyRun, nest: LoopNest, tiling: Tiling) -> CostedMapping:
    """A tiling with the best of its orders that keep the traffic limits, or of all where none does."""

    def merit(option: CostedMapping) -> tuple[bool, int | float, int]:
        too_much = bool(broken_limits(run.architecture, run.spec.constraints, option.cost))
        return too_much, *rank_key(run.spec.objective, option.cost)

    options = (
        CostedMapping(Mapping(tiling, dram.order(tiling.dram), spm.order(tiling.spm)), cost)
        for spm, dram, cost in costs_of_tiling(nest, run.architecture, tiling)
    )
    return min(options, key=merit)


def _checked(layer: LayerGap, mapping: GivenMapping) -> LayerGap:
    """The layer, with a disagreement for every proof that an allowed mapping contradicts."""
    if mapping.broken_rules:
        return layer
    value = mapping.objective_value
    lines = [
        f"a mapping that was given has {value}, but {search.backend} claims {claim}"
        for search in whole_searches(layer)
        for claim in contradicted(search, value)
    ]
    if not lines:
        return layer
    return layer.model_copy(update={"agree": False, "disagreements": (*layer.disagreements, *lines)})
