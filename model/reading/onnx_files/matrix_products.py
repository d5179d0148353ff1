"""Products of matrices in the ONNX standard as layers: ``MatMul``, ``Gemm``, their quantised forms, ``Attention``.

Sources: the operators' definitions in the ONNX standard; ``MatMul`` broadcasts as numpy's ``matmul`` does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..json_files import JsonObject
from .work import Attributes, Shape, Work, integer, loop_nest, of_rank


def gemm(operands: Sequence[Shape], attributes: Attributes) -> Work:
    """``Gemm`` of two matrices, each transposed if its attribute says so.

    Raises:
        ValueError: when the shapes do not match.
    """
    left, right = (of_rank(shape, 2, "operand") for shape in operands)
    m, k = reversed(left) if integer(attributes, "transA", 0) else left
    rows, n = reversed(right) if integer(attributes, "transB", 0) else right
    if rows != k:
        raise ValueError(f"its operands do not match: {k} columns, {rows} rows")
    return Work(m * n * k, {"": gemm_layer(m, n, k)})


def gemm_layer(m: int, n: int, k: int, batch: int = 1) -> JsonObject:
    """A product of matrices of m x k and k x n, as JSON."""
    return {"type": "gemm", "m": m, "n": n, "k": k} | ({"batch": batch} if batch > 1 else {})


def matmul(operands: Sequence[Shape], attributes: Attributes) -> Work:  # noqa: ARG001 (it has none)
    """``MatMul`` as numpy defines it: vectors, matrices, and stacks of matrices that are broadcast.

    Where both operands are stacked alike it is a batched GEMM. Where the right one is not stacked, the left one's
    stack is further rows. Anything between is a loop nest in which an operand lacks the dimensions that it is
    broadcast along.

    Raises:
        ValueError: when the shapes do not match.
    """
    left, right = operands
    if not left or not right:
        raise ValueError("an operand is a single number")
    left = left if len(left) > 1 else (1, *left)
    right = right if len(right) > 1 else (*right, 1)
    m, k, n = left[-2], left[-1], right[-1]
    if right[-2] != k:
        raise ValueError(f"its operands do not match: {k} columns, {right[-2]} rows")
    stacks = _stacks(left[:-2], right[:-2])
    macs = math.prod(size for size, _ in stacks) * m * n * k
    owners = [owner for _, owner in stacks]
    if owners in ([], ["both"], ["left"], ["both", "left"]):
        batch = math.prod(size for size, owner in stacks if owner == "both")
        rows = math.prod(size for size, owner in stacks if owner == "left")
        return Work(macs, {"": gemm_layer(rows * m, n, k, batch)})
    bounds = {f"B{position}": size for position, (size, _) in enumerate(stacks)}
    of_left = [dim for dim, owner in zip(bounds, owners, strict=True) if owner != "right"]
    of_right = [dim for dim, owner in zip(bounds, owners, strict=True) if owner != "left"]
    tensors = {"A": [*of_left, "M", "K"], "B": [*of_right, "K", "N"], "C": [*bounds, "M", "N"]}
    return Work(macs, {"": loop_nest({**bounds, "M": m, "N": n, "K": k}, tensors, "C")})


def _stacks(left: Shape, right: Shape) -> list[tuple[int, str]]:
    """The stack's dimensions with the operands that have them; neighbours of the same operands are joined.

    Raises:
        ValueError: when the operands cannot be broadcast.
    """
    length = max(len(left), len(right))
    joined: list[tuple[int, str]] = []
    for a, b in zip((1,) * (length - len(left)) + left, (1,) * (length - len(right)) + right, strict=True):
        if a != b and 1 not in (a, b):
            raise ValueError(f"its operands cannot be broadcast: {a} and {b} matrices")
        if (a, b) == (1, 1):
            continue
        owner, size = ("both", a) if a == b else ("left", a) if b == 1 else ("right", b)
        if joined and joined[-1][1] == owner:
            joined[-1] = (joined[-1][0] * size, owner)
        else:
            joined.append((size, owner))
    return joined


def attention(operands: Sequence[Shape], attributes: Attributes) -> Work:
    """``Attention``: queries times keys, and the softmax of that times values; masked positions are counted, too.

    Operands are Q, K and V of [batch, heads, positions, size], or of [batch, positions, heads * size] with the
    numbers of heads as attributes, and past keys of [batch, heads, positions, size], or ``()`` without.

    Raises:
        ValueError: when the shapes do not match.
    """
    query, key, value, past = operands
    if len(query) == 3:
        query = _split_heads(query, integer(attributes, "q_num_heads", 0))
        key, value = (_split_heads(shape, integer(attributes, "kv_num_heads", 0)) for shape in (key, value))
    batch, heads, queries, size = of_rank(query, 4, "query")
    kv_batch, kv_heads, keys, key_size = of_rank(key, 4, "key")
    value_size = of_rank(value, 4, "value")[3]
    if (kv_batch, key_size) != (batch, size) or value[:3] != key[:3] or kv_heads < 1 or heads % kv_heads:
        raise ValueError("its queries, keys and values do not match")
    keys += of_rank(past, 4, "past key")[2] if past else 0
    shared = {"batch": batch, "heads": heads, "kv_heads": kv_heads, "queries": queries, "keys": keys}
    layers = {
        "/scores": {"type": "attention_scores", **shared, "head_dim": size},
        "/values": {"type": "attention_values", **shared, "head_dim": value_size},
    }
    return Work(batch * heads * queries * keys * (size + value_size), layers)


def _split_heads(shape: Shape, heads: int) -> Shape:
    """[batch, positions, heads * size] as [batch, heads, positions, size].

    Raises:
        ValueError: when the heads do not divide the last size.
    """
    batch, positions, sizes = of_rank(shape, 3, "operand")
    if heads < 1 or sizes % heads:
        raise ValueError(f"its {heads} heads do not divide {sizes}")
    return batch, heads, positions, sizes // heads
