"""Somebody else's mappings: read from any file that holds some, costed exactly, held against the proved optima."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ...model.base import Model
from ...model.documents.kinds.any_mappings import AnyMappingDocument
from ...model.documents.result import Number
from ...model.documents.spec import Spec
from ...model.documents.study_results import GivenMapping, LayerGap, LevelMappingList, MappingList
from ...model.evaluating import AnyRequest, load_request
from ...model.faults import Fault, InputError, Place, place_text, shown, suggestion
from ...model.hierarchy.machine import Machine
from ...model.layers import Layer
from ...model.loop_nest import LoopNest
from ...model.reading.json_files import JsonObject, read_json
from ...model.reading.loading import ResolvedSpec, resolved
from ...model.reading.results import load_result
from ...model.reading.validation import validated
from ..backend import AnyProblem
from ..pipeline.ranking import CostedMapping, broken, cost_candidate, objective_value, rank_key
from .agreement import contradicted, loss, whole_searches
from .searches import StudyRun

FORMS = "a result ('schema'), an evaluate request ('architecture', 'layer', 'mappings') or a list ('mappings')"


@dataclass(frozen=True)
class LayerMapping:
    """A mapping of the spec's layer of that name."""

    layer: str
    mapping: AnyMappingDocument


@dataclass(frozen=True)
class _Entry:
    """A mapping in a file: where it stands, the name of its layer, and the layer's nest where the file has it."""

    place: Place
    name: str
    nest: LoopNest | None
    mapping: AnyMappingDocument


def load_mappings(path: Path, spec: Spec) -> tuple[LayerMapping, ...]:
    """The mappings in a file, for layers of a spec.

    The file is a result (the best mapping of every layer), a request of ``evaluate`` (its layer is found by name, or
    else by being the same loop nest), or ``{"mappings": [{"layer": NAME, "tiling": ...}]}``.

    Raises:
        InputError: with everything that is wrong with the file, or that does not belong to the spec.
    """
    return load_mappings_resolved(path, resolved(spec, Path.cwd()))


def load_mappings_resolved(path: Path, known: ResolvedSpec[Spec]) -> tuple[LayerMapping, ...]:
    """What :func:`load_mappings` gives, for a spec that is resolved already."""
    faults: list[Fault] = []
    found: list[LayerMapping] = []
    for entry in _entries(path, read_json(path), known):
        try:
            layer = _layer_of(entry, known.layers)
            known.cost_model.mapping_of(layer.loop_nest(), known.architecture, entry.mapping)
        except ValueError as error:
            faults += [_fault(str(path), entry.place, line) for line in str(error).splitlines()]
        else:
            found.append(LayerMapping(layer.name, entry.mapping))
    if faults:
        raise InputError(faults)
    return tuple(found)


def _entries(path: Path, document: JsonObject, known: ResolvedSpec[Spec]) -> list[_Entry]:
    if "schema" in document:
        return _entries_of_result(path)
    if "architecture" in document or "layer" in document:
        return _entries_of_request(load_request(path), path, known)
    if "mappings" not in document:
        raise InputError.single(str(path), "", f"expected {FORMS}")
    kind = LevelMappingList if isinstance(known.architecture, Machine) else MappingList
    named = validated(kind, document, str(path)).mappings
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


def _entries_of_request(request: AnyRequest, path: Path, known: ResolvedSpec[Spec]) -> list[_Entry]:
    if request.architecture not in (known.architecture, known.document.architecture):
        message = "expected the spec's architecture: a mapping is held against the optimum on the same one"
        raise InputError.single(str(path), "architecture", message)
    nest, mappings = request.layer.loop_nest(), cast("tuple[Model, ...]", request.mappings)
    kind: type[AnyMappingDocument] = known.cost_model.mapping_type
    if not all(isinstance(mapping, kind) for mapping in mappings):
        raise InputError.single(str(path), "cost_model", "expected the spec's cost model")
    return [
        _Entry(("mappings", position), request.layer.name, nest, mapping)
        for position, mapping in enumerate(mappings)
        if isinstance(mapping, kind)
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
    problem = run.problem(layer)
    nest, machine, model = problem.nest, problem.architecture, problem.cost_model
    given = cost_candidate(problem, model.mapping_of(nest, machine, entry.mapping))
    orders_given = model.has_orders(entry.mapping)
    found = given if orders_given else _with_best_orders(problem, given)
    value = objective_value(problem.objective, found.cost)
    return GivenMapping(
        layer=entry.layer,
        mapping=model.mapping_document(nest, machine, found.mapping),
        orders_given=orders_given,
        broken_rules=broken(problem, found),
        cost=model.cost_document(nest, machine, found.mapping, found.cost),
        objective_value=value,
        loss=None if optimum is None else loss(value, optimum),
    )


def _with_best_orders(problem: AnyProblem, given: CostedMapping) -> CostedMapping:
    """The tiling of a mapping with the best of its orders that keep the traffic limits, or of all where none does."""
    model, architecture = problem.cost_model, problem.architecture

    def merit(option: CostedMapping) -> tuple[bool, int | float, int | float]:
        too_much = bool(model.broken_limits(architecture, problem.constraints, option.cost))
        return too_much, *rank_key(problem.objective, option.cost)

    return min(model.reordered(problem.nest, architecture, given.mapping), key=merit)


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
