"""Shapes of what ONNX Runtime's own operators give: the library infers those of the standard only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..work import Attributes, Shape, integer
from . import fused_attention
from .fused_products import transposed

if TYPE_CHECKING:
    from onnx import NodeProto

DOMAIN = "com.microsoft"

Outputs = Callable[[Sequence[Shape], Attributes], Sequence[Shape]]
"""The shapes of the first outputs, from those of all inputs; ``()`` stands for an absent input or output."""

_LIKE_FIRST = (
    *("BiasAdd", "BiasGelu", "BiasSoftmax", "FastGelu", "Gelu", "QuickGelu", "RotaryEmbedding"),
    *("GroupNorm", "SkipGroupNorm", "DequantizeLinear", "QuantizeLinear", "Inverse", "Trilu"),
    *("QLinearLeakyRelu", "QLinearSigmoid", "QLinearSoftmax"),
)
_NORMALISATIONS = (
    *("LayerNormalization", "SimplifiedLayerNormalization"),
    *("SkipLayerNormalization", "SkipSimplifiedLayerNormalization"),
)
NO_PRODUCTS = frozenset({*_LIKE_FIRST, *_NORMALISATIONS, "EmbedLayerNormalization", "QLinearAdd", "QLinearMul"})
"""Operators of the domain that have no sums of products: they work element by element, normalise, or look up."""

_STANDARD_FORMS: Mapping[str, tuple[str, int]] = {"FusedConv": ("Conv", 3), "FusedGemm": ("Gemm", 3)}
"""Operators that are one of the standard, of so many inputs, with something element by element behind it."""

_TYPE_POSITIONS: Mapping[str, int] = {
    "DequantizeLinear": 1,
    "QuantizeLinear": 2,
    "MatMulIntegerToFloat": 2,
    "EmbedLayerNormalization": 2,
    "QGemm": 1,
}
"""Which input the results have the type of, where that is not the first."""


def standard_form(node: NodeProto) -> NodeProto:
    """A node as one of the standard where it is one with something behind it; any other node as it is."""
    if node.domain != DOMAIN or node.op_type not in _STANDARD_FORMS:
        return node
    from onnx import NodeProto

    form = NodeProto()
    form.CopyFrom(node)
    form.domain, (form.op_type, most) = "", _STANDARD_FORMS[node.op_type]
    del form.input[most:], form.attribute[:]
    form.attribute.extend(each for each in node.attribute if not each.name.startswith("activation"))
    return form


def type_position(node: NodeProto) -> int:
    """Which input the results of a node have the type of."""
    position = _TYPE_POSITIONS.get(node.op_type, 0)
    return position if position < len(node.input) and node.input[position] else 0


def _like_first(shapes: Sequence[Shape], _: Attributes) -> Sequence[Shape]:
    return (shapes[0],)


def _normalised(shapes: Sequence[Shape], _: Attributes) -> Sequence[Shape]:
    """The result; mean and deviation, which nothing of interest uses; the sum that was normalised."""
    return (shapes[0], (), (), shapes[0])


def _broadcast(shapes: Sequence[Shape], _: Attributes) -> Sequence[Shape]:
    """Of the first operand and the fourth, which follows the scale and the zero point of the first."""
    left, right = shapes[0], shapes[3]
    length = max(len(left), len(right))
    padded = ((1,) * (length - len(shape)) + shape for shape in (left, right))
    return (tuple(max(sizes) if 0 not in sizes else 0 for sizes in zip(*padded, strict=True)),)


def _embedded(shapes: Sequence[Shape], _: Attributes) -> Sequence[Shape]:
    """Identifiers of [B, S], two kinds of them, and a table of [words, hidden]."""
    return ((*shapes[0], shapes[2][1]),)


def _block_quantised(shapes: Sequence[Shape], attributes: Attributes) -> Sequence[Shape]:
    return ((*shapes[0][:-1], integer(attributes, "N", 0)),)


def _product(shapes: Sequence[Shape], attributes: Attributes) -> Sequence[Shape]:
    left, right = transposed(shapes[:2], attributes)
    if len(left) < 2 or len(right) < 2:
        raise ValueError("a vector as an operand")
    stacks = _broadcast((left[:-2], (), (), right[:-2]), {})[0]
    return ((*stacks, left[-2], right[-1]),)


def _gemm(shapes: Sequence[Shape], attributes: Attributes) -> Sequence[Shape]:
    """``QGemm``: the second operand follows the scale and the zero point of the first."""
    left, right = shapes[0], shapes[3]
    rows = left[1 if integer(attributes, "transA", 0) else 0]
    return ((rows, right[0 if integer(attributes, "transB", 0) else 1]),)


def _multi_head(shapes: Sequence[Shape], attributes: Attributes) -> Sequence[Shape]:
    sizes = fused_attention.multi_head_sizes([_at(shapes, position) for position in (0, 1, 2, 6)], attributes)
    return _attended(sizes)


def _grouped_query(shapes: Sequence[Shape], attributes: Attributes) -> Sequence[Shape]:
    sizes = fused_attention.grouped_query_sizes([_at(shapes, position) for position in (0, 1, 3)], attributes)
    return _attended(sizes)


def _attended(sizes: fused_attention.Heads) -> Sequence[Shape]:
    """What the values come to, and all keys and values so far."""
    stored = (sizes.batch, sizes.kv_heads, sizes.keys)
    result = (sizes.batch, sizes.queries, sizes.heads * sizes.value_dim)
    return (result, (*stored, sizes.head_dim), (*stored, sizes.value_dim))


def _projected(past: int) -> Outputs:
    def outputs(shapes: Sequence[Shape], attributes: Attributes) -> Sequence[Shape]:
        sizes = fused_attention.projected_sizes([_at(shapes, position) for position in (0, 1, past)], attributes)
        stored = (2, sizes.batch, sizes.heads, sizes.keys, sizes.head_dim)
        return (_attended(sizes)[0], stored)

    return outputs


def _at(shapes: Sequence[Shape], position: int) -> Shape:
    return shapes[position] if position < len(shapes) else ()


OUTPUT_SHAPES: Mapping[str, Outputs] = {
    **dict.fromkeys(_LIKE_FIRST, _like_first),
    **dict.fromkeys(_NORMALISATIONS, _normalised),
    **dict.fromkeys(("QLinearAdd", "QLinearMul"), _broadcast),
    **dict.fromkeys(("MatMulNBits", "MatMulBnb4"), _block_quantised),
    **dict.fromkeys(("FusedMatMul", "TransposeMatMul", "DynamicQuantizeMatMul", "MatMulIntegerToFloat"), _product),
    "EmbedLayerNormalization": _embedded,
    "QGemm": _gemm,
    "MultiHeadAttention": _multi_head,
    "GroupQueryAttention": _grouped_query,
    "Attention": _projected(4),
    "QAttention": _projected(8),
}
"""How the shapes of outputs follow from those of inputs, by operator."""
