"""Products of matrices that ONNX Runtime fuses or quantises (its list of contributed operators)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..matrix_products import gemm_layer, matmul
from ..work import Attributes, Shape, Work, integer


def block_quantised_matmul(operands: Sequence[Shape], attributes: Attributes) -> Work:
    """``MatMulNBits`` and ``MatMulBnb4``: [..., K] by a matrix of K x N that is stored in blocks of few bits.

    Raises:
        ValueError: when the shapes do not match.
    """
    (data,) = operands
    k, n = integer(attributes, "K", 0), integer(attributes, "N", 0)
    if not data or data[-1] != k or k < 1 or n < 1:
        raise ValueError(f"its operands do not match: {data[-1] if data else 'no'} columns, {k} x {n} weights")
    rows = math.prod(data[:-1])
    return Work(rows * n * k, {"": gemm_layer(rows, n, k)})


def fused_matmul(operands: Sequence[Shape], attributes: Attributes) -> Work:
    """``FusedMatMul``: as ``MatMul``, of operands that are transposed first as the attributes say.

    Raises:
        ValueError: when the shapes do not match.
    """
    return matmul(transposed(operands, attributes), {})


def transposed(operands: Sequence[Shape], attributes: Attributes) -> tuple[Shape, Shape]:
    """The shapes of ``FusedMatMul``'s operands once they are transposed.

    ``transBatchA`` moves the first dimension behind the others but the last, ``transA`` then swaps the last two.
    """
    left, right = operands
    return _transposed(left, attributes, "A"), _transposed(right, attributes, "B")


def _transposed(shape: Shape, attributes: Attributes, which: str) -> Shape:
    if len(shape) > 2 and integer(attributes, f"transBatch{which}", 0):
        shape = (*shape[1:-1], shape[0], shape[-1])
    if len(shape) > 1 and integer(attributes, f"trans{which}", 0):
        shape = (*shape[:-2], shape[-1], shape[-2])
    return shape
