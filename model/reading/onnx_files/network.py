"""From an ONNX file to the layers of a spec, with an account of what is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ...documents.imported_network import InputValue
from ...documents.spec import LayerList
from ...faults import InputError, shortened
from ...layers import Layer
from ..dmazerunner_files import distinct_names
from ..validation import validated
from .dimensions import Sizes, set_sizes
from .graphs.given_inputs import give_inputs
from .reading import read_model
from .shapes import infer_shapes
from .survey import Survey, survey

LONGEST_PATH = 1000
LONGEST_REASON = 300


def read_network(
    path: Path,
    batch: int | None = None,
    dims: Mapping[str, int] | None = None,
    inputs: Mapping[str, InputValue] | None = None,
) -> LayerList:
    """The layers of the network in an ONNX file; ``imported`` says what of the network they are.

    ``batch`` is 1 unless the file fixes it; ``dims`` holds the sizes of other symbolic dimensions by name,
    ``inputs`` the values of inputs that decide what runs. Nodes that are the same loop nest are one layer, named after
    the first of them, with their number as ``count``.

    Raises:
        InputError: when the library ``onnx`` is missing, the file is no valid model, a symbolic dimension has no
            size, or nothing in the model can be mapped.

    Example:
        >>> [layer.name for layer in read_network(Path("model.onnx"), batch=4).layers]  # doctest: +SKIP
        ['/conv1/Conv', '/fc/Gemm']
    """
    file = str(path)
    model = read_model(path)
    values = dict(inputs or {})
    fed = give_inputs(model.proto.graph, model.fed, values, file)
    model = replace(model, fed=fed)
    sizes = set_sizes(model, batch, dims or {}, file)
    shapes = infer_shapes(model, file)
    found = survey(model.proto.graph, shapes)
    if not found.layers:
        raise InputError.single(file, "", f"expected a layer that can be mapped; {_why_none(found)}")
    return _network(found, sizes, values, path)


def _network(found: Survey, sizes: Sizes, inputs: Mapping[str, InputValue], path: Path) -> LayerList:
    """Equal layers as one."""
    equal: dict[tuple[object, ...], list[Layer]] = {}
    for layer in found.layers:
        equal.setdefault(layer.loop_nest().key, []).append(layer)
    names = distinct_names(group[0].name for group in equal.values())
    groups = dict(zip(names, equal.values(), strict=True))
    layers = [group[0].model_copy(update={"name": name, "count": len(group)}) for name, group in groups.items()]
    imported = {
        "file": shortened(str(path), LONGEST_PATH),
        "dims": sizes.dims,
        "inputs": inputs,
        "mapped_macs": found.mapped_macs,
        "total_macs": found.mapped_macs + sum(nodes.macs or 0 for nodes in found.skipped),
        "skipped": found.skipped,
        "nodes": {name: tuple(layer.name for layer in group) for name, group in groups.items() if len(group) > 1},
    }
    described = {"name": path.stem, "batch": sizes.batch, "imported": imported, "element_bits": found.element_bits}
    document = {**described, "layers": layers}
    return validated(LayerList, document, str(path))


def _why_none(found: Survey) -> str:
    """What the model has instead of layers."""
    reasons = [f"{nodes.operator}: {nodes.reason}" for nodes in found.skipped if nodes.reason is not None]
    others = [f"{nodes.count} {nodes.operator}" for nodes in found.skipped if nodes.reason is None]
    return shortened("; ".join(reasons) or f"this model has {', '.join(others)} only", LONGEST_REASON)
