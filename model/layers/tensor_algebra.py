"""Products of a tensor with several matrices at once: MTTKRP and tensor times matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from ..base import PositiveInt
from ..loop_nest import LoopNest
from .layer_base import LayerBase, indexed_by, nest_from_expressions, no_batch

if TYPE_CHECKING:
    from typing_extensions import Self

MODE_DIMS = "IJKLMN"
"""The dimensions of the tensor's modes, in order."""

COLUMN_DIMS = "PQSTUV"
"""The dimensions of the rows of the matrices that the modes are multiplied by."""


class Mttkrp(LayerBase):
    """A matricised tensor times Khatri-Rao product, the kernel of CP decomposition by alternating least squares.

    For a tensor of three modes, to the first: O[I][R] = X[I][J][K] A[J][R] B[K][R].
    """

    type: Literal["mttkrp"]
    """Selects this type of layer: a matricised tensor times a Khatri-Rao product."""
    shape: Annotated[tuple[PositiveInt, ...], Field(min_length=3, max_length=len(MODE_DIMS))]
    """Sizes of the dense tensor along its modes."""
    rank: PositiveInt
    """Columns of the factor matrices: components of the decomposition."""
    mode: Annotated[int, Field(strict=True, ge=0)] = 0
    """The mode, from 0, whose factor matrix is computed; the matrices of all others are multiplied."""

    @model_validator(mode="after")
    def _has_the_mode(self) -> Mttkrp:
        if self.mode >= len(self.shape):
            raise ValueError(f"mode: expected a mode of the tensor, 0 to {len(self.shape) - 1}, got {self.mode}")
        return self

    def bounds(self) -> dict[str, int]:
        """Loop bounds by dimension, in the nest's order."""
        return {**dict(zip(MODE_DIMS, self.shape, strict=False)), "R": self.rank}

    def loop_nest(self) -> LoopNest:
        """A dimension for every mode (I J K ...), and R; tensors X, A, B, ... and O."""
        modes = MODE_DIMS[: len(self.shape)]
        multiplied = [dim for position, dim in enumerate(modes) if position != self.mode]
        factors = {name: indexed_by(dim, "R") for name, dim in zip("ABCDE", multiplied, strict=False)}
        tensors = {"X": indexed_by(*modes), **factors, "O": indexed_by(modes[self.mode], "R")}
        return nest_from_expressions(self.bounds(), tensors, "O")

    def with_batch(self, batch: int, native: int) -> Self:
        """The same layer.

        Raises:
            ValueError: unless the batch stays as it is.
        """
        no_batch("mttkrp", batch, native)
        return self


class TtmChain(LayerBase):
    """A tensor times a matrix along one mode or several, all at once (Tucker decomposition's core).

    For three modes, the first two multiplied: O[P][Q][K] = X[I][J][K] A[P][I] B[Q][J].
    """

    type: Literal["ttm_chain"]
    """Selects this type of layer: a tensor times a matrix along each of its modes."""
    shape: Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=len(MODE_DIMS))]
    """Sizes of the dense tensor along its modes."""
    ranks: tuple[PositiveInt | None, ...]
    """For every mode the rows of the matrix that it is multiplied by; null for a mode that is not multiplied."""

    @model_validator(mode="after")
    def _a_rank_per_mode(self) -> TtmChain:
        if len(self.ranks) != len(self.shape):
            raise ValueError(f"ranks: expected {len(self.shape)}, one per mode of shape, got {len(self.ranks)}")
        if not any(self.ranks):
            raise ValueError("ranks: expected a matrix for at least one mode, got null for all")
        return self

    def _modes(self) -> list[tuple[str, str, int | None]]:
        """For every mode its dimension, that of the matrix's rows, and their number."""
        return list(zip(MODE_DIMS, COLUMN_DIMS, self.ranks, strict=False))

    def bounds(self) -> dict[str, int]:
        """Loop bounds by dimension, in the nest's order."""
        rows = {row: rank for _, row, rank in self._modes() if rank is not None}
        return {**dict(zip(MODE_DIMS, self.shape, strict=False)), **rows}

    def loop_nest(self) -> LoopNest:
        """A dimension for every mode (I J K ...) and for the rows of every matrix (P Q S ...); tensors X, A, ... O."""
        modes = self._modes()
        products = [(row, mode) for mode, row, rank in modes if rank is not None]
        matrices = {name: indexed_by(*pair) for name, pair in zip("ABCDEF", products, strict=False)}
        result = [mode if rank is None else row for mode, row, rank in modes]
        tensors = {"X": indexed_by(*(mode for mode, _, _ in modes)), **matrices, "O": indexed_by(*result)}
        return nest_from_expressions(self.bounds(), tensors, "O")

    def with_batch(self, batch: int, native: int) -> Self:
        """The same layer.

        Raises:
            ValueError: unless the batch stays as it is.
        """
        no_batch("ttm_chain", batch, native)
        return self
