"""Attention as ONNX Runtime fuses it (its list of contributed operators): the products of queries, keys and values.

Shapes: B sequences, S queries, L keys, P past keys; absent operands have the shape ``()``. Masked positions are
computed like all others, as are those outside a local window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..matrix_products import gemm_layer
from ..work import Attributes, Shape, Work, integer, of_rank


@dataclass(frozen=True)
class Heads:
    """Sizes of an attention: ``keys`` includes past ones."""

    batch: int
    heads: int
    kv_heads: int
    queries: int
    keys: int
    head_dim: int
    value_dim: int

    def __post_init__(self) -> None:
        """Check that no size is missing.

        Raises:
            ValueError: when one is, or the heads that share keys do not divide the others.
        """
        if min(vars(self).values()) < 1 or self.heads % self.kv_heads:
            raise ValueError("its queries, keys and values do not match")

    def work(self) -> Work:
        """Scores, and the values that they weigh."""
        shared = {name: getattr(self, name) for name in ("batch", "heads", "kv_heads", "queries", "keys")}
        layers = {
            "/scores": {"type": "attention_scores", **shared, "head_dim": self.head_dim},
            "/values": {"type": "attention_values", **shared, "head_dim": self.value_dim},
        }
        return Work(self.batch * self.heads * self.queries * self.keys * (self.head_dim + self.value_dim), layers)


def multi_head(operands: Sequence[Shape], attributes: Attributes) -> Work:
    """``MultiHeadAttention``.

    Raises:
        ValueError: when the shapes do not match.
    """
    return multi_head_sizes(operands, attributes).work()


def multi_head_sizes(operands: Sequence[Shape], attributes: Attributes) -> Heads:
    """Of a query of [B, S, hidden], or all three packed as [B, S, heads, 3, size]; past keys are [B, heads, P, size].

    Keys are [B, L, hidden], or [B, L, heads, 2, size] with the values, or [B, heads, L, size] of another sequence.

    Raises:
        ValueError: when the shapes do not match.
    """
    query, key, value, past = operands
    heads = integer(attributes, "num_heads", 0)
    num_past = of_rank(past, 4, "past key")[2] if past else 0
    if len(query) == 5:
        batch, queries, own_heads, _, size = query
        return Heads(batch, _same(heads, own_heads), heads, queries, num_past + queries, size, size)
    batch, queries, hidden = of_rank(query, 3, "query")
    size = _split(hidden, heads)
    if len(key) == 5:
        return Heads(batch, heads, _same(heads, key[2]), queries, num_past + key[1], _same(size, key[4]), size)
    if len(key) == 4:
        value_size = of_rank(value, 4, "value")[3]
        return Heads(batch, _same(heads, key[1]), heads, queries, key[2], _same(size, key[3]), value_size)
    _, keys, key_hidden = of_rank(key, 3, "key")
    value_size = _split(of_rank(value, 3, "value")[2], heads)
    return Heads(batch, heads, heads, queries, num_past + keys, _same(size, _split(key_hidden, heads)), value_size)


def grouped_query(operands: Sequence[Shape], attributes: Attributes) -> Work:
    """``GroupQueryAttention``.

    Raises:
        ValueError: when the shapes do not match.
    """
    return grouped_query_sizes(operands, attributes).work()


def grouped_query_sizes(operands: Sequence[Shape], attributes: Attributes) -> Heads:
    """Of a query of [B, S, heads * size] and a key of [B, S, kv_heads * size], or all three packed in the query.

    Past keys are [B, kv_heads, P, size].

    Raises:
        ValueError: when the shapes do not match.
    """
    query, key, past = operands
    heads, kv_heads = integer(attributes, "num_heads", 0), integer(attributes, "kv_num_heads", 0)
    batch, queries, hidden = of_rank(query, 3, "query")
    size = _split(hidden, heads) if key else _split(hidden, heads + 2 * kv_heads)
    new = of_rank(key, 3, "key")[1] if key else queries
    if key:
        _same(size, _split(key[2], kv_heads))
    num_past = of_rank(past, 4, "past key")[2] if past else 0
    return Heads(batch, heads, kv_heads, queries, num_past + new, size, size)


def projected(operands: Sequence[Shape], attributes: Attributes) -> Work:
    """``Attention`` and ``QAttention``: the input times the weights of queries, keys and values first.

    Raises:
        ValueError: when the shapes do not match.
    """
    data, weights, _ = operands
    sizes = projected_sizes(operands, attributes)
    rows, columns, inner = math.prod(data[:2]), weights[1], weights[0]
    own = sizes.work()
    macs = rows * columns * inner
    return Work(macs + (own.macs or 0), {"/projection": gemm_layer(rows, columns, inner), **own.layers})


def projected_sizes(operands: Sequence[Shape], attributes: Attributes) -> Heads:
    """Of an input of [B, S, inputs], weights of [inputs, queries + keys + values], and past [2, B, heads, P, size].

    Raises:
        ValueError: when the shapes do not match.
    """
    data, weights, past = operands
    batch, queries, inputs = of_rank(data, 3, "input")
    rows, columns = of_rank(weights, 2, "weights")
    heads = integer(attributes, "num_heads", 0)
    given = attributes.get("qkv_hidden_sizes", (columns // 3,) * 3)
    if not isinstance(given, tuple) or len(given) != 3 or sum(given) != columns or given[0] != given[1]:
        raise ValueError("its weights are not those of queries, keys and values")
    _same(inputs, rows)
    num_past = of_rank(past, 5, "past")[3] if past else 0
    return Heads(batch, heads, heads, queries, num_past + queries, _split(given[0], heads), _split(given[2], heads))


def _split(size: int, heads: int) -> int:
    """The size of one head.

    Raises:
        ValueError: when the heads do not divide the whole.
    """
    if heads < 1 or size % heads:
        raise ValueError(f"its {heads} heads do not divide {size}")
    return size // heads


def _same(size: int, other: int) -> int:
    if size != other:
        raise ValueError(f"its operands do not match: {size} and {other}")
    return size
