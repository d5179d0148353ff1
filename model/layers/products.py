"""Products of matrices: plain, batched, and the two of attention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from ..base import PositiveInt
from ..loop_nest import LoopNest
from .layer_base import LayerBase, indexed_by, nest_from_expressions, times_batch

if TYPE_CHECKING:
    from typing_extensions import Self


class Gemm(LayerBase):
    """A matrix product C[M][N] = A[M][K] B[K][N]; ``batch`` > 1 repeats it with all three matrices batched."""

    type: Literal["gemm"]
    """Selects this type of layer: a matrix product."""
    m: PositiveInt
    """Rows of A and C."""
    n: PositiveInt
    """Columns of B and C."""
    k: PositiveInt
    """Columns of A, rows of B: the length of the sums."""
    batch: PositiveInt = 1
    """Products, each of matrices of its own."""

    def bounds(self) -> dict[str, int]:
        """Loop bounds by dimension, in the nest's order."""
        batch = {"Batch": self.batch} if self.batch > 1 else {}
        return {**batch, "M": self.m, "N": self.n, "K": self.k}

    def loop_nest(self) -> LoopNest:
        """Dimensions [Batch] M N K."""
        bounds = self.bounds()
        batch = ["Batch"] if "Batch" in bounds else []
        tensors = {
            "A": indexed_by(*batch, "M", "K"),
            "B": indexed_by(*batch, "K", "N"),
            "C": indexed_by(*batch, "M", "N"),
        }
        return nest_from_expressions(bounds, tensors, "C")

    def with_batch(self, batch: int, native: int) -> Self:
        """The same layer at another batch size: more rows, or more matrices where they are batched.

        Raises:
            ValueError: when the rows of the native batch cannot be divided among its samples.
        """
        field = "batch" if self.batch > 1 else "m"
        return self.model_copy(update={field: times_batch(field, getattr(self, field), batch, native)})


class _Attention(LayerBase):
    """One product of multi-head attention; ``kv_heads`` < ``heads`` is grouped-query attention, 1 multi-query."""

    batch: PositiveInt = 1
    """Sequences."""
    heads: PositiveInt
    """Heads of the queries."""
    kv_heads: PositiveInt | None = None
    """Heads of keys and values, each shared by as many heads of the queries; as many as ``heads`` if left out."""
    queries: PositiveInt
    """Positions that attend: 1 when one token is decoded."""
    keys: PositiveInt
    """Positions that are attended to."""
    head_dim: PositiveInt
    """Elements of a query, key or value of one head."""

    @model_validator(mode="after")
    def _heads_are_shared_evenly(self) -> _Attention:
        if self.kv_heads is not None and self.heads % self.kv_heads:
            raise ValueError(f"kv_heads: expected a divisor of heads {self.heads}, got {self.kv_heads}")
        return self

    def bounds(self) -> dict[str, int]:
        """Loop bounds by dimension, in the nest's order."""
        shared = self.kv_heads if self.kv_heads is not None else self.heads
        outer = {"B": self.batch, "G": shared, "H": self.heads // shared}
        inner = {"Q": self.queries, "K": self.keys, "D": self.head_dim}
        return {**{dim: bound for dim, bound in outer.items() if bound > 1}, **inner}

    def _indices(self) -> tuple[list[str], list[str]]:
        """The outer dimensions of what every head has, and of what heads of a group share."""
        outer = [dim for dim in self.bounds() if dim in ("B", "G", "H")]
        return outer, [dim for dim in outer if dim != "H"]

    def with_batch(self, batch: int, native: int) -> Self:
        """The same layer at another batch size.

        Raises:
            ValueError: when the batch is no multiple of the network's own.
        """
        return self.model_copy(update={"batch": times_batch("batch", self.batch, batch, native)})


class AttentionScores(_Attention):
    """The scores of attention before softmax: Scores[B][G][H][Q][K] = Query[B][G][H][Q][D] Key[B][G][K][D].

    G are the groups of heads that share keys, H the heads of a group; B, G and H are left out where they are 1.
    Scaling and softmax are not part of the nest.
    """

    type: Literal["attention_scores"]
    """Selects this type of layer: queries times keys."""

    def loop_nest(self) -> LoopNest:
        """Dimensions [B] [G] [H] Q K D."""
        own, shared = self._indices()
        tensors = {
            "Query": indexed_by(*own, "Q", "D"),
            "Key": indexed_by(*shared, "K", "D"),
            "Scores": indexed_by(*own, "Q", "K"),
        }
        return nest_from_expressions(self.bounds(), tensors, "Scores")


class AttentionValues(_Attention):
    """The weighted values of attention, after softmax: Out[B][G][H][Q][D] = Weights[B][G][H][Q][K] Value[B][G][K][D].

    Dimensions as in :class:`AttentionScores`.
    """

    type: Literal["attention_values"]
    """Selects this type of layer: scores times values."""

    def loop_nest(self) -> LoopNest:
        """Dimensions [B] [G] [H] Q K D."""
        own, shared = self._indices()
        tensors = {
            "Weights": indexed_by(*own, "Q", "K"),
            "Value": indexed_by(*shared, "K", "D"),
            "Out": indexed_by(*own, "Q", "D"),
        }
        return nest_from_expressions(self.bounds(), tensors, "Out")
