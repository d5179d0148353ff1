"""What a spec names: architectures and networks, built in or in files of their own (``docs/contract.md`` section 1).

Every fault is an :class:`InputError`; those inside a file that is referred to name that file.
"""

from __future__ import annotations

from pathlib import Path

from ..documents.architectures import AnyArchitecture, architecture_type
from ..documents.spec import LayerList, NetworkReference
from ..faults import InputError, Place, place_text, shortened, shown, suggestion
from ..layers import Layer
from . import dmazerunner_files, onnx_files
from .builtin_data import Kind, builtin_names, builtin_path
from .interop import layer_files
from .interop.yaml_files import is_yaml
from .json_files import JsonObject, parse_json
from .regular_files import read_bytes, why_unreadable
from .tables import interstellar_files, table_files
from .validation import validated

AnyWorkload = str | tuple[str, ...] | NetworkReference | LayerList
"""A workload as a spec may give it."""


def resolve_architecture(value: str | AnyArchitecture, base: Path = Path(), file: str | None = None) -> AnyArchitecture:
    """The architecture itself, given as such, by the name of a built-in one, or by a path relative to ``base``.

    ``file`` is what faults are said to lie in.

    Raises:
        InputError: when there is none of that name or at that path, or its file is faulty.

    Example:
        >>> [node.name for node in resolve_architecture("tpu-v1").nodes][:2]
        ['DRAM', 'UB']
    """
    if not isinstance(value, str):
        return value
    if is_yaml(value):
        from .timeloop_files.timeloop_design import read_timeloop_machine  # loaded for such files only

        return read_timeloop_machine(base / value)
    document, source = referenced(value, "architectures", base, file, ("architecture",))
    if dmazerunner_files.is_architecture(document):
        return dmazerunner_files.read_architecture(document, source)
    if interstellar_files.is_interstellar_machine(document):
        return interstellar_files.read_interstellar_machine(document, source)
    return validated(architecture_type(document), document, source)


def with_architecture(document: JsonObject, base: Path) -> JsonObject:
    """A document with its architecture in place of a name: what else it may say depends on the kind.

    A name or a path (relative to ``base``) that leads to none stays, for the document's own check to say so.
    """
    name: object = document.get("architecture")
    if not isinstance(name, str):
        return document
    try:
        return {**document, "architecture": resolve_architecture(name, base)}
    except InputError:
        return document


def resolve_workload(value: AnyWorkload, base: Path, file: str | None = None) -> LayerList:
    """The layers themselves, given as such, or by name or path (relative to ``base``) of a network, or of its files.

    Raises:
        InputError: when there is no such network, its file is faulty, or the batch cannot be changed as asked.
    """
    if isinstance(value, LayerList):
        return value
    if isinstance(value, str):
        return _network(value, base, file, ("workload",))
    if isinstance(value, tuple):
        places = {name: ("workload", position) for position, name in enumerate(value)}
        return layer_files.read_layer_files(value, lambda name: _network(name, base, file, places[name]), file)
    if onnx_files.is_onnx(value.network):
        path = _path_of_model(value.network, base, file, ("workload", "network"))
        return onnx_files.read_network(path, value.batch, value.dims, value.inputs)
    for field, given, what in (("dims", value.dims, "symbolic dimensions"), ("inputs", value.inputs, "inputs")):
        if given:
            message = f"expected none, for only an ONNX model has {what}, not {shown(value.network)}"
            raise InputError.single(file, f"workload.{field}", message)
    network = _network(value.network, base, file, ("workload", "network"))
    return network if value.batch is None else with_batch(network, value.batch, file)


def _network(text: str, base: Path, file: str | None, place: Place) -> LayerList:
    if text not in builtin_names("networks") and layer_files.is_many(text, base):
        names = layer_files.files_of(text, base, file, place)
        return layer_files.read_layer_files(names, lambda name: _network(name, Path(), None, place), file, text)
    if onnx_files.is_onnx(text):
        return onnx_files.read_network(_path_of_model(text, base, file, place))
    if is_yaml(text):
        from .interop.foreign_layers import read_layers  # loaded for such files only

        return read_layers(base / text)
    if table_files.is_table(text):
        return table_files.read_table(base / text)
    document, source = referenced(text, "networks", base, file, place)
    if interstellar_files.is_interstellar_layer(document):
        return interstellar_files.read_interstellar_layer(document, source)
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


def with_batch(network: LayerList, batch: int, file: str | None) -> LayerList:
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
