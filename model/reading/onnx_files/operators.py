"""Which operators multiply-accumulate, and what of them can be mapped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from . import convolutions, matrix_products
from .contributed import fused_attention, fused_products
from .einsum_nodes import einsum
from .recurrent import recurrent
from .work import Attributes, Shape, Work


@dataclass(frozen=True)
class Operator:
    """How an operator's work is found, from its inputs at these positions (all of them if none are named).

    Positions in ``optional`` follow, with the shape ``()`` where the node has no such input.
    """

    work: Callable[[Sequence[Shape], Attributes], Work]
    operands: tuple[int, ...] | None = (0, 1)
    optional: tuple[int, ...] = ()


OPERATORS: Mapping[str, Operator] = {
    "Conv": Operator(convolutions.convolution),
    "ConvInteger": Operator(convolutions.convolution),
    "QLinearConv": Operator(convolutions.convolution, (0, 3)),
    "ConvTranspose": Operator(convolutions.transposed_convolution),
    "DeformConv": Operator(convolutions.deformable_convolution),
    "Gemm": Operator(matrix_products.gemm),
    "MatMul": Operator(matrix_products.matmul),
    "MatMulInteger": Operator(matrix_products.matmul),
    "QLinearMatMul": Operator(matrix_products.matmul, (0, 3)),
    "Einsum": Operator(einsum, None),
    "Attention": Operator(matrix_products.attention, (0, 1, 2), optional=(4,)),
    "LSTM": Operator(recurrent(4), (0, 1, 2)),
    "GRU": Operator(recurrent(3), (0, 1, 2)),
    "RNN": Operator(recurrent(1), (0, 1, 2)),
    "com.microsoft.FusedConv": Operator(convolutions.convolution),
    "com.microsoft.FusedGemm": Operator(matrix_products.gemm),
    "com.microsoft.QGemm": Operator(matrix_products.gemm, (0, 3)),
    "com.microsoft.FusedMatMul": Operator(fused_products.fused_matmul),
    "com.microsoft.TransposeMatMul": Operator(fused_products.fused_matmul),
    "com.microsoft.DynamicQuantizeMatMul": Operator(matrix_products.matmul),
    "com.microsoft.MatMulIntegerToFloat": Operator(matrix_products.matmul),
    "com.microsoft.MatMulNBits": Operator(fused_products.block_quantised_matmul, (0,)),
    "com.microsoft.MatMulBnb4": Operator(fused_products.block_quantised_matmul, (0,)),
    "com.microsoft.Attention": Operator(fused_attention.projected, (0, 1), optional=(4,)),
    "com.microsoft.QAttention": Operator(fused_attention.projected, (0, 1), optional=(8,)),
    "com.microsoft.MultiHeadAttention": Operator(fused_attention.multi_head, (0,), optional=(1, 2, 6)),
    "com.microsoft.GroupQueryAttention": Operator(fused_attention.grouped_query, (0,), optional=(1, 3)),
}
"""Operators whose multiply-accumulates are counted; those of ``com.microsoft`` are ONNX Runtime's."""

NOT_COUNTED = frozenset({"CausalConvWithState", "DFT", "FlexAttention", "LinearAttention", "STFT"})
"""Operators of the standard that multiply-accumulate in ways that are not followed here.

All others of the standard have no multiply-accumulates: they move data, or work element by element, or reduce.
"""
