"""Finds what a spec names (built-in data, files) and makes it one self-contained, consistent document.

Source: ``contract.md`` section 1. Every fault is an :class:`InputError`; those inside a file that a spec refers to
name that file.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Literal

from . import dmazerunner
from .architecture import Architecture
from .consistency import Nests, consistency_faults
from .faults import Fault, InputError, Place, place_text, shortened, shown, suggestion
from .json_files import JsonObject, parse_json, read_bytes, read_json, why_unreadable
from .layers import Layer
from .spec import LayerList, NetworkReference, Spec
from .validation import validated

Kind = Literal["architectures", "networks", "examples"]


def builtin_names(kind: Kind) -> tuple[str, ...]:
    """The names of the built-in data of a kind, in alphabetical order."""
    return tuple(sorted(path.stem for path in _folder(kind).glob("*.json")))


def builtin_path(kind: Kind, name: str) -> Path:
    """The file of built-in data, for one of :func:`builtin_names`."""
    return _folder(kind) / f"{name}.json"


def _folder(kind: Kind) -> Path:
    return Path(str(files("dmaze.specs"))) / kind


def load_spec(path: Path) -> Spec:
    """The spec in a file, with its architecture and its layers in place of their names and paths.

    Raises:
        InputError: with everything that is wrong with the file, or else with what it refers to.

    Example:
        >>> load_spec(builtin_path("examples", "conv5_2")).architecture.name
        'dmazerunner-256pe'
    """
    document = read_json(path)
    try:
        spec = validated(Spec, document, str(path))
    except InputError as error:
        raise InputError([*error.faults, *_reference_faults(document, path)]) from error
    return resolve_spec(spec, path.parent, str(path))


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


def resolve_spec(spec: Spec, base: Path, file: str | None = None) -> Spec:
    """The spec with its architecture and its layers in place of their names and paths; paths are relative to ``base``.

    ``file`` is where the spec stands, for its faults to name.

    Raises:
        InputError: for unknown names, faulty files, and parts that contradict each other, all of them together.
    """
    faults: list[Fault] = []
    architecture, workload = None, None
    try:
        architecture = resolve_architecture(spec.architecture, base, file)
    except InputError as error:
        faults += error.faults
    try:
        workload = resolve_workload(spec.workload, base, file)
    except InputError as error:
        faults += error.faults
    if architecture is None or workload is None:
        raise InputError(faults)
    nests = _loop_nests(workload, file)
    faults = consistency_faults(nests, spec.constraints, architecture, file)
    if faults:
        raise InputError(faults)
    return spec.model_copy(update={"architecture": architecture, "workload": workload})


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


def resolve_architecture(value: str | Architecture, base: Path, file: str | None = None) -> Architecture:
    """The architecture itself, given as such, by the name of a built-in one, or by a path relative to ``base``.

    Raises:
        InputError: when there is none of that name or at that path, or its file is faulty.
    """
    if isinstance(value, Architecture):
        return value
    document, source = _referenced(value, "architectures", base, file, ("architecture",))
    if dmazerunner.is_architecture(document):
        return dmazerunner.read_architecture(document, source)
    return validated(Architecture, document, source)


def resolve_workload(value: str | NetworkReference | LayerList, base: Path, file: str | None = None) -> LayerList:
    """The layers themselves, given as such, or by name or path (relative to ``base``) of a network.

    Raises:
        InputError: when there is no such network, its file is faulty, or the batch cannot be changed as asked.
    """
    if isinstance(value, LayerList):
        return value
    if isinstance(value, str):
        return _network(value, base, file, ("workload",))
    network = _network(value.network, base, file, ("workload", "network"))
    return network if value.batch is None else _with_batch(network, value.batch, file)


def _network(text: str, base: Path, file: str | None, place: Place) -> LayerList:
    if text.lower().endswith(".onnx"):
        raise InputError.single(file, place_text(place), f"ONNX files are not read by this version, got {shown(text)}")
    document, source = _referenced(text, "networks", base, file, place)
    if dmazerunner.is_network(document):
        return dmazerunner.read_network(document, source, Path(source).stem)
    return validated(LayerList, document, source)


def _referenced(text: str, kind: Kind, base: Path, file: str | None, place: Place) -> tuple[JsonObject, str]:
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
