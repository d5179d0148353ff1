"""Sizes of quantised elements: of integers, of floats of few bits, and of what was one of these until just before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TypeProto

_BITS = {
    **{f"{sign}INT{bits}": bits for sign in ("", "U") for bits in (2, 4, 8, 16)},
    **dict.fromkeys(("FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "FLOAT8E8M0"), 8),
    "FLOAT4E2M1": 4,
}
"""Types of elements that networks are quantised to. Wider ones are sums, sizes and indices."""

_DEFAULT_WEIGHT_BITS = 4
"""Of weights that are stored in blocks, where the operator does not say."""

_OWN_WEIGHTS = ("MatMulNBits", "MatMulBnb4")


def quantised_bits(graph: GraphProto, types: Mapping[str, TypeProto]) -> dict[str, int]:
    """The sizes of quantised tensors by name; one that ``DequantizeLinear`` gives has the size of its input."""
    from onnx import TensorProto

    by_type = {getattr(TensorProto, name): bits for name, bits in _BITS.items() if hasattr(TensorProto, name)}
    kinds = {name: type_.tensor_type.elem_type for name, type_ in types.items() if type_.HasField("tensor_type")}
    found = {name: by_type[kind] for name, kind in kinds.items() if kind in by_type}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]
    return found


def weight_bits(node: NodeProto) -> int | None:
    """The size of the weights of a node that packs them; ``None`` for other nodes."""
    if node.op_type not in _OWN_WEIGHTS:
        return None
    return next((attribute.i for attribute in node.attribute if attribute.name == "bits"), _DEFAULT_WEIGHT_BITS)
