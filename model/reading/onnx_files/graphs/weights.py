"""Takes the weights out of a graph: of what is larger than shapes can be computed from, only the shape matters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto

MAX_VALUE_ELEMENTS = 1024
"""Largest tensor whose values are kept, since shapes may be computed from them; anything larger is a weight."""

INT64_BYTES = 8


def take_weights_out(graph: GraphProto) -> tuple[str, ...]:
    """Turn initialisers that are weights into inputs of their shape; gives the names of the other inputs.

    Raises:
        ValueError: for a negative size, or integers of another number than their shape says.
    """
    from onnx import helper

    weights = {sparse.values.name: (sparse.values.data_type, tuple(sparse.dims)) for sparse in graph.sparse_initializer}
    kept: list[TensorProto] = []
    for tensor in graph.initializer:
        _check_values(tensor)
        if math.prod(tensor.dims) > MAX_VALUE_ELEMENTS or not _has_values(tensor):
            weights[tensor.name] = (tensor.data_type, tuple(tensor.dims))
        else:
            kept.append(tensor)
    weights |= _constants_without_values(graph)
    negative = [name for name, (_, dims) in weights.items() if any(size < 0 for size in dims)]
    if negative:
        raise ValueError(f"initializer {negative[0]} has a negative size")
    initialised = {*weights, *(tensor.name for tensor in kept)}
    fed = tuple(value.name for value in graph.input if value.name not in initialised)
    inputs = [value for value in graph.input if value.name not in weights]
    inputs += [helper.make_tensor_value_info(name, kind, dims) for name, (kind, dims) in weights.items()]
    del graph.initializer[:], graph.sparse_initializer[:], graph.input[:]
    graph.initializer.extend(kept)
    graph.input.extend(inputs)
    return fed


def _constants_without_values(graph: GraphProto) -> dict[str, tuple[int, tuple[int, ...]]]:
    """Take nodes that give a constant whose values are not in the file out of a graph; gives their types and shapes."""
    found: dict[str, tuple[int, tuple[int, ...]]] = {}
    nodes: list[NodeProto] = []
    for node in graph.node:
        tensors = [attribute.t for attribute in node.attribute if attribute.name == "value"]
        if node.op_type == "Constant" and tensors and node.output and not _has_values(tensors[0]):
            found[node.output[0]] = (tensors[0].data_type, tuple(tensors[0].dims))
        else:
            nodes.append(node)
    if found:
        del graph.node[:]
        graph.node.extend(nodes)
    return found


def _check_values(tensor: TensorProto) -> None:
    """Refuse integers, which may be sizes, of another number than their shape says.

    Raises:
        ValueError: naming the tensor.
    """
    from onnx import TensorProto

    if tensor.data_type != TensorProto.INT64 or not _has_values(tensor):
        return
    stored = len(tensor.raw_data) // INT64_BYTES or len(tensor.int64_data)
    if stored != math.prod(tensor.dims):
        raise ValueError(f"initializer {tensor.name} holds {stored} values, but its shape is {list(tensor.dims)}")


def _has_values(tensor: TensorProto) -> bool:
    """Whether a tensor's values are in the file, or it has none; many files are passed on without their weights."""
    from onnx import TensorProto

    if tensor.data_location == TensorProto.EXTERNAL:
        return False
    fields = (tensor.raw_data, tensor.float_data, tensor.int32_data, tensor.int64_data, tensor.string_data)
    stored = any(len(field) > 0 for field in (*fields, tensor.double_data, tensor.uint64_data))
    return stored or math.prod(tensor.dims) == 0
