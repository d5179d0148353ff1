"""Reads an ONNX file as a checked model without its weights: of those only the shapes matter here."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ...faults import Fault, InputError, InputWarning, shortened
from ..regular_files import mapped_file, read_bytes, why_unreadable
from .graphs.beyond_standard import STANDARD_DOMAINS, UNREGISTERED, take_unknown_out
from .graphs.model_limits import check_joined_sizes, check_nodes
from .graphs.weightless import DAMAGED, LARGE_BYTES, without_weights
from .graphs.weights import take_weights_out

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TypeProto

MAX_MODEL_BYTES = 2**31 - 1
"""Largest message of protobuf, and so the largest file that holds an ONNX model; larger ones keep weights outside."""

LONGEST_REASON = 300


@dataclass(frozen=True)
class OnnxModel:
    """A checked model whose functions are inlined and whose large initialisers have become inputs.

    ``fed`` names the inputs that the network is fed with, ``declared`` the types that the file states for other
    tensors.
    """

    proto: ModelProto
    fed: tuple[str, ...]
    declared: dict[str, TypeProto]


def operator_name(node: NodeProto) -> str:
    """The operator of a node; with its domain where that is not the standard one."""
    return node.op_type if node.domain in (*STANDARD_DOMAINS, UNREGISTERED) else f"{node.domain}.{node.op_type}"


def read_model(path: Path) -> OnnxModel:
    """The model in a file. External data is not read and need not be there.

    Raises:
        InputError: when the library ``onnx`` is not installed, or there is no valid ONNX model at the path.
    """
    file = str(path)
    if find_spec("onnx") is None:
        message = "expected the library onnx to be installed (pip install 'dmaze-solve[onnx]')"
        raise InputError.single(file, "", message)
    try:
        if path.stat().st_size < LARGE_BYTES:
            return parse_model(read_bytes(path, MAX_MODEL_BYTES), file)
        with mapped_file(path, MAX_MODEL_BYTES) as content:
            small = _without_weights(content, file)
    except (OSError, ValueError) as error:
        raise InputError.single(file, "", why_unreadable(error)) from error
    return parse_model(small, file)


def _without_weights(content: memoryview, file: str) -> bytes:
    try:
        return without_weights(content)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else DAMAGED
        raise InputError.single(file, "", reason) from error


def parse_model(content: bytes, file: str) -> OnnxModel:
    """The model in the content of a file.

    Raises:
        InputError: when it is not a valid ONNX model.
    """
    from google.protobuf.message import DecodeError
    from onnx import checker, inliner, load_model_from_string, numpy_helper

    try:
        model = load_model_from_string(content)
    except DecodeError as error:
        raise InputError.single(file, "", DAMAGED) from error
    graph = model.graph
    if not graph.node:
        raise InputError.single(file, "", "expected an ONNX model with a graph, but it has no nodes")
    try:
        check_nodes(model)
    except ValueError as error:
        raise InputError.single(file, "", str(error)) from error
    try:
        declared = {value.name: value.type for value in (*graph.value_info, *graph.output)}
        graph.name = graph.name or "graph"
        del graph.value_info[:], graph.output[:]
        fed = take_weights_out(graph)
        for message in take_unknown_out(model):
            _warn(file, message)
        cast("Any", checker).check_model(model)
        for tensor in graph.initializer:
            numpy_helper.to_array(tensor)
        if model.functions:
            model = inliner.inline_local_functions(model)
        _check_texts(model.graph)
    except library_errors() as error:
        raise InputError([invalid_model(error, file)]) from error
    try:
        check_joined_sizes(model.graph)
    except ValueError as error:
        raise InputError.single(file, "", str(error)) from error
    return OnnxModel(model, fed, declared)


def _warn(file: str, message: str) -> None:
    warnings.warn(str(Fault(file, "", shortened(message, LONGEST_REASON))), InputWarning, stacklevel=2)


def library_errors() -> tuple[type[Exception], ...]:
    """What the library raises on models that make no sense; out of memory is it where sizes are absurd."""
    from onnx import checker, defs, shape_inference

    own = (checker.ValidationError, defs.SchemaError, shape_inference.InferenceError)
    return *own, ValueError, TypeError, LookupError, RuntimeError, MemoryError


def invalid_model(error: Exception, file: str) -> Fault:
    """The fault of a file that can be decoded and is still no valid model, as the library says."""
    reason = shortened(" ".join(str(error).split()), LONGEST_REASON)
    return Fault(file, "", f"expected a valid ONNX model, but onnx {version('onnx')} says: {reason}")


def _check_texts(graph: GraphProto) -> None:
    """Refuse text that is not UTF-8, which the library hands out as bytes.

    Raises:
        ValueError: naming the first such text.
    """
    values = (*graph.input, *graph.initializer)
    dims = (dim for value in graph.input for dim in value.type.tensor_type.shape.dim)
    parts = [(value.name, "") for value in values] + [(dim.dim_param, "") for dim in dims]
    parts += [(node.name, node.op_type, node.domain, *node.input, *node.output) for node in graph.node]
    texts: list[object] = [text for part in parts for text in part]
    wrong = [text for text in texts if isinstance(text, bytes)]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is not UTF-8")
