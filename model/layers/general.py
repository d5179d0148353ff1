"""Any affine loop nest, by its index expressions or as an einsum."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator, model_validator

from ..base import Flag, Model, PositiveInt, Text
from ..loop_nest import AffineIndex, LoopNest, Tensor
from .affine import parse_affine
from .einsum import OUTPUT_NAME, check_bounds, parse_einsum
from .layer_base import LayerBase, indexed_by, nest_from_expressions, no_batch

if TYPE_CHECKING:
    from typing_extensions import Self


MAX_DIMS = 64
"""Most dimensions of a nest, storage dimensions of a tensor, and tensors: more would take memory, and mean nothing."""


class TensorSpec(Model):
    """A tensor of a general nest: ``index`` lists affine expressions, outermost storage dimension first."""

    name: Text
    """What the tensor is called; no other one of the nest has the name."""
    index: tuple[Text, ...] = Field(max_length=MAX_DIMS)
    """For every storage dimension a sum of integer multiples of dimensions and a constant; [] for a scalar."""
    output: Flag = False
    """Whether the tensor is the one that is accumulated into; exactly one is."""
    shape: tuple[PositiveInt, ...] | None = None
    """Stored elements along every storage dimension; what the index reaches if left out."""

    @model_validator(mode="after")
    def _shape_per_index(self) -> TensorSpec:
        if self.shape is not None and len(self.shape) != len(self.index):
            raise ValueError(f"shape: expected {len(self.index)} sizes, one per index, got {len(self.shape)}")
        return self


class LoopNestLayer(LayerBase):
    """Any affine loop nest around one multiply-accumulate, by the indices of its tensors or as an einsum."""

    type: Literal["loop_nest"]
    """Selects this type of layer: any affine loop nest."""
    bounds_: dict[Text, PositiveInt] = Field(alias="bounds", min_length=1, max_length=MAX_DIMS)
    """Dimensions with their trip counts; those of an einsum are its letters."""
    tensors: tuple[TensorSpec, ...] | None = Field(default=None, min_length=1, max_length=MAX_DIMS)
    """The operands and the output, unless ``einsum`` says what they are."""
    einsum: Text | None = None
    """Letters that index the operands, and after ``->`` the output; the tensors are called A, B, ... and O."""

    @field_validator("bounds_")
    @classmethod
    def _names(cls, bounds: dict[str, int]) -> dict[str, int]:
        for name in bounds:
            if not re.fullmatch(r"[A-Za-z_]\w*", name):
                raise ValueError(f"expected dimension names of letters, digits and underscores, got {name!r}")
        return bounds

    @field_validator("einsum")
    @classmethod
    def _is_one_nest(cls, einsum: str | None) -> str | None:
        if einsum is not None:
            parse_einsum(einsum)
        return einsum

    @model_validator(mode="after")
    def _consistent(self) -> LoopNestLayer:
        if self.tensors is None and self.einsum is None:
            raise ValueError("tensors: expected tensors or an einsum, but both are missing")
        if self.tensors is not None and self.einsum is not None:
            raise ValueError("einsum: expected either tensors or an einsum, got both")
        if self.einsum is not None:
            check_bounds(parse_einsum(self.einsum), self.bounds_)
        names = [tensor.name for tensor in self.tensors or ()]
        if len(set(names)) < len(names):
            raise ValueError("tensors: expected distinct names")
        outputs = sum(tensor.output for tensor in self.tensors or ())
        if self.tensors is not None and outputs != 1:
            raise ValueError(f"tensors: expected exactly one with output: true, got {outputs}")
        self.loop_nest()
        return self

    def bounds(self) -> dict[str, int]:
        """Loop bounds by dimension, in the nest's order."""
        return self.bounds_

    def loop_nest(self) -> LoopNest:
        """The nest itself; stored dimensions of an einsum's tensors are in the order of their letters.

        Raises:
            ValueError: for an index that is not affine in the nest's dimensions, or a shape that it exceeds.
        """
        if self.einsum is not None:
            tensors = {name: indexed_by(*dims) for name, dims in parse_einsum(self.einsum).tensors.items()}
            return nest_from_expressions(self.bounds_, tensors, OUTPUT_NAME)
        dims, sizes = tuple(self.bounds_), tuple(self.bounds_.values())
        return LoopNest(dims, sizes, tuple(_tensors(self.tensors or (), dims, sizes)))

    def with_batch(self, batch: int, native: int) -> Self:
        """A general nest has no batch of its own.

        Raises:
            ValueError: unless the batch stays as it is.
        """
        no_batch("loop_nest", batch, native)
        return self


def _tensors(specs: Sequence[TensorSpec], dims: Sequence[str], sizes: Sequence[int]) -> Iterator[Tensor]:
    """The tensors of a nest with the given dimensions and bounds.

    Raises:
        ValueError: naming the place of a shape that the index exceeds, or of an index that is not affine.
    """
    for position, tensor in enumerate(specs):
        indices = tuple(_indices(position, tensor, dims))
        reached = tuple(index.extent(sizes) for index in indices)
        shape = tensor.shape or reached
        if any(size < reach for size, reach in zip(shape, reached, strict=True)):
            raise ValueError(f"tensors.{position}.shape: expected at least {list(reached)}, which the index reaches")
        yield Tensor(tensor.name, indices, shape, tensor.output)


def _indices(position: int, tensor: TensorSpec, dims: Sequence[str]) -> Iterator[AffineIndex]:
    """The parsed indices of the tensor at a position of a layer.

    Raises:
        ValueError: naming the place of an index that is not affine.
    """
    for axis, text in enumerate(tensor.index):
        try:
            yield parse_affine(text, dims)
        except ValueError as error:
            raise ValueError(f"tensors.{position}.index.{axis}: {error}") from None
