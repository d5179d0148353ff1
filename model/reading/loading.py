"""Finds what a spec names (built-in data, files) and makes it one self-contained, consistent document.

Source: ``docs/contract.md`` section 1. Every fault is an :class:`InputError`; those inside a file that a spec refers to
name that file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar, cast

from ..cost_models import AnyCostModel, AnyPublishedModel, model_and_machine, model_for, searchable
from ..dmazerunner.architecture import Architecture
from ..documents.architectures import AnyArchitecture, architecture_type
from ..documents.spec import LayerList, NetworkReference, Spec
from ..faults import Fault, InputError, Place, place_text, shortened, shown, suggestion
from ..layers import Layer
from . import dmazerunner_files, onnx_files
from .builtin_data import Kind, builtin_names, builtin_path
from .consistency import Nests, consistency_faults, warn_of_overlaps
from .interop.foreign_layers import read_layers
from .interop.yaml_files import is_yaml
from .json_files import JsonObject, parse_json, read_bytes, read_json, why_unreadable
from .validation import validated

AnySpec = TypeVar("AnySpec", bound=Spec)
SpecT = TypeVar("SpecT", bound=Spec, covariant=True)


@dataclass(frozen=True)
class Substitutes:
    """What stands in place of a spec's own: an architecture, its cost model, its network's sizes."""

    architecture: AnyArchitecture | None = None
    cost_model: str | None = None
    batch: int | None = None
    dims: Mapping[str, int] = dataclasses.field(default_factory=dict[str, int])


def load_spec(path: Path, substitutes: Substitutes | None = None) -> Spec:
    """The spec in a file, with its architecture and its layers in place of their names and paths.

    An ONNX model is a spec of nothing but a workload: its architecture is to be substituted.

    Raises:
        InputError: with everything that is wrong with the file, or else with what it refers to.

    Example:
        >>> load_spec(builtin_path("examples", "conv5_2")).architecture.name
        'dmazerunner-256pe'
    """
    return load_resolved(Spec, path, substitutes).document


def load_resolved(kind: type[AnySpec], path: Path, substitutes: Substitutes | None = None) -> ResolvedSpec[AnySpec]:
    """The parts of a spec of some kind, as :func:`load_spec` finds them: what is to be searched need not look again."""
    given = substitutes or Substitutes()
    network: JsonObject = {"name": path.stem, "workload": {"network": path.name}}
    document = network if onnx_files.is_onnx(path.name) else read_json(path)
    if given.architecture is not None:
        document["architecture"] = given.architecture
    if given.cost_model is not None:
        document["cost_model"] = given.cost_model
    try:
        spec = validated(kind, document, str(path))
    except InputError as error:
        raise InputError([*error.faults, *_reference_faults(document, path)]) from error
    workload = _substituted(spec.workload, given, str(path))
    return resolved(spec.model_copy(update={"workload": workload}), path.parent, str(path))


def _substituted(
    workload: str | NetworkReference | LayerList, given: Substitutes, file: str
) -> str | NetworkReference | LayerList:
    """A workload with other sizes than its own."""
    if isinstance(workload, LayerList):
        if given.dims:
            raise InputError.single(file, "workload.dims", "expected none, for layers have no symbolic dimensions")
        return workload if given.batch is None else _with_batch(workload, given.batch, file)
    if given.batch is None and not given.dims:
        return workload
    network = NetworkReference(network=workload) if isinstance(workload, str) else workload
    return network.model_copy(update={"batch": given.batch or network.batch, "dims": {**network.dims, **given.dims}})


def _reference_faults(document: JsonObject, path: Path) -> list[Fault]:
    """What is wrong with the names and paths of a spec that has other faults already."""
    faults: list[Fault] = []
    resolvers: dict[str, Callable[[str, Path, str | None], object]] = {
        "architecture": resolve_architecture,
        "workload": resolve_workload,
    }
    for field, resolve in resolvers.items():
        value: object = document.get(field)
        if isinstance(value, str) and value:
            try:
                resolve(value, path.parent, str(path))
            except InputError as error:
                faults += error.faults
    return faults


@dataclass(frozen=True)
class ResolvedSpec(Generic[SpecT]):
    """A spec whose parts are there and make sense together; ``document`` has them in place of their names and paths."""

    document: SpecT
    cost_model: AnyPublishedModel
    architecture: Architecture
    workload: LayerList

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers of the workload."""
        return self.workload.layers

    def with_values(self, **changes: object) -> ResolvedSpec[SpecT]:
        """The same with other values of fields that name nothing."""
        return self.variant(self.layers, **changes)

    def variant(self, layers: tuple[Layer, ...], **changes: object) -> ResolvedSpec[SpecT]:
        """The same with some of its layers and other values of fields that name nothing."""
        workload = self.workload.model_copy(update={"layers": layers})
        document = self.document.model_copy(update={**changes, "workload": workload})
        return ResolvedSpec(document, self.cost_model, self.architecture, workload)


def resolve_spec(spec: AnySpec, base: Path, file: str | None = None) -> AnySpec:
    """The spec with its architecture and its layers in place of their names and paths; as :func:`resolved`."""
    return resolved(spec, base, file).document


def resolved(spec: AnySpec, base: Path, file: str | None = None) -> ResolvedSpec[AnySpec]:
    """The parts of a spec, looked up where it names them; paths are relative to ``base``.

    ``file`` is where the spec stands, for its faults to name.

    Raises:
        InputError: for unknown names, faulty files, and parts that contradict each other, all of them together.
    """
    faults: list[Fault] = []
    chosen, workload = None, None
    try:
        chosen = _chosen(spec, base, file)
    except InputError as error:
        faults += error.faults
    try:
        workload = resolve_workload(spec.workload, base, file)
    except InputError as error:
        faults += error.faults
    if chosen is None or workload is None:
        raise InputError(faults)
    nests = _loop_nests(workload, file)
    cost_model, architecture = _searchable(spec, chosen, file)
    faults = consistency_faults(nests, spec.constraints, architecture, file)
    if faults:
        raise InputError(faults)
    warn_of_overlaps(nests, file)
    document = spec.model_copy(update={"architecture": architecture, "workload": workload})
    return ResolvedSpec(document, cost_model, architecture, workload)


_Chosen = tuple[AnyCostModel, AnyArchitecture]


def _chosen(spec: Spec, base: Path, file: str | None) -> _Chosen:
    """The cost model of a spec and the machine that it makes of the architecture.

    Raises:
        InputError: for either of them that is not there, both together; and where they do not go together.
    """
    try:
        architecture = resolve_architecture(spec.architecture, base, file)
    except InputError as error:
        faults = list(error.faults)
        try:
            model_for(spec.cost_model, file)
        except InputError as unknown:
            faults = [*unknown.faults, *faults]
        raise InputError(faults) from error
    return model_and_machine(architecture, spec.cost_model, spec.accounting, file)


def _searchable(spec: Spec, chosen: _Chosen, file: str | None) -> tuple[AnyPublishedModel, Architecture]:
    """The same, where mappings can be searched for.

    Raises:
        InputError: for a cost model without a search, at the field that chose it.
    """
    model, machine = chosen
    found = cast(
        "AnyPublishedModel", searchable(model, "architecture" if spec.cost_model is None else "cost_model", file)
    )
    return found, cast("Architecture", machine)


def _loop_nests(workload: LayerList, file: str | None) -> Nests:
    """The loop nests of all layers by name."""
    nests: Nests = {}
    faults: list[Fault] = []
    for position, layer in enumerate(workload.layers):
        try:
            nests[layer.name] = layer.loop_nest()
        except ValueError as error:
            faults.append(Fault(file, place_text(("workload", "layers", position)), str(error)))
    if faults:
        raise InputError(faults)
    return nests


def resolve_architecture(value: str | AnyArchitecture, base: Path, file: str | None = None) -> AnyArchitecture:
    """The architecture itself, given as such, by the name of a built-in one, or by a path relative to ``base``.

    Raises:
        InputError: when there is none of that name or at that path, or its file is faulty.
    """
    if not isinstance(value, str):
        return value
    document, source = referenced(value, "architectures", base, file, ("architecture",))
    if dmazerunner_files.is_architecture(document):
        return dmazerunner_files.read_architecture(document, source)
    return validated(architecture_type(document), document, source)


def resolve_workload(value: str | NetworkReference | LayerList, base: Path, file: str | None = None) -> LayerList:
    """The layers themselves, given as such, or by name or path (relative to ``base``) of a network.

    Raises:
        InputError: when there is no such network, its file is faulty, or the batch cannot be changed as asked.
    """
    if isinstance(value, LayerList):
        return value
    if isinstance(value, str):
        return _network(value, base, file, ("workload",))
    if onnx_files.is_onnx(value.network):
        path = _path_of_model(value.network, base, file, ("workload", "network"))
        return onnx_files.read_network(path, value.batch, value.dims)
    if value.dims:
        message = f"expected none, for only an ONNX model has symbolic dimensions, not {shown(value.network)}"
        raise InputError.single(file, "workload.dims", message)
    network = _network(value.network, base, file, ("workload", "network"))
    return network if value.batch is None else _with_batch(network, value.batch, file)


def _network(text: str, base: Path, file: str | None, place: Place) -> LayerList:
    if onnx_files.is_onnx(text):
        return onnx_files.read_network(_path_of_model(text, base, file, place))
    if is_yaml(text):
        return read_layers(base / text)
    document, source = referenced(text, "networks", base, file, place)
    if dmazerunner_files.is_network(document):
        return dmazerunner_files.read_network(document, source, Path(source).stem)
    return validated(LayerList, document, source)


def _path_of_model(text: str, base: Path, file: str | None, place: Place) -> Path:
    """The path of an ONNX file; one that a spec names must be there."""
    path = base / text
    if file != str(path) and not path.is_file():
        message = f"expected an ONNX file, but there is none at {shortened(str(path), 200)}"
        raise InputError.single(file, place_text(place), message)
    return path


def referenced(text: str, kind: Kind, base: Path, file: str | None, place: Place) -> tuple[JsonObject, str]:
    """The document that a name or a path refers to, and its file."""
    names = builtin_names(kind)
    path = builtin_path(kind, text) if text in names else base / text
    try:
        content = read_bytes(path)
    except (OSError, ValueError) as error:
        looks_like_path = "/" in text or "\\" in text or text.lower().endswith(".json")
        if isinstance(error, FileNotFoundError) and not looks_like_path:
            message = f"unknown name {shown(text)}; {suggestion(text, names)}"
        else:
            message = f"{why_unreadable(error)} at {shortened(str(path), 200)}"
        raise InputError.single(file, place_text(place), message) from error
    return parse_json(content, str(path)), str(path)


def _with_batch(network: LayerList, batch: int, file: str | None) -> LayerList:
    """The network at another batch size than its own."""
    layers: list[Layer] = []
    refusals: list[str] = []
    for layer in network.layers:
        try:
            changed = layer.with_batch(batch, network.batch).model_dump(by_alias=True)
            layers.append(validated(type(layer), changed, file))
        except ValueError as error:
            refusals.append(f"layer {shown(layer.name)}: {error}")
        except InputError as error:
            refusals.append(f"layer {shown(layer.name)}: {error.faults[0].message}")
    if refusals:
        others = f" (and {len(refusals) - 1} more layers)" if len(refusals) > 1 else ""
        raise InputError.single(file, "workload.batch", refusals[0] + others)
    return network.model_copy(update={"layers": tuple(layers), "batch": batch})
