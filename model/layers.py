"""Layer types of the public spec, each a few lines that build a loop nest: the only place that knows layer kinds.

Source: ``execution_model.md`` section 1, ``contract.md`` section 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from .base import Flag, Model, NaturalInt, PositiveInt, Text
from .loop_nest import MAX_MACS, AffineIndex, LoopNest, Tensor

PairOfPositive = PositiveInt | tuple[PositiveInt, PositiveInt]
PairOfNatural = NaturalInt | tuple[NaturalInt, NaturalInt]


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def nest_from_expressions(
    bounds: Mapping[str, int],
    tensors: Mapping[str, Sequence[Mapping[str, int]]],
    output: str,
    *,
    shapes: Mapping[str, Sequence[int]] | None = None,
    window_dims: Sequence[str] = (),
) -> LoopNest:
    """A loop nest from named dimensions and, per tensor, one {dimension: coefficient} per storage dimension.

    Dimensions in ``bounds`` that an index leaves out do not occur in it. A tensor's stored shape is what its index
    reaches at full bounds unless ``shapes`` gives it.

    Example:
        >>> nest_from_expressions({"M": 2, "N": 3, "K": 4},
        ...     {"A": [{"M": 1}, {"K": 1}], "B": [{"K": 1}, {"N": 1}], "C": [{"M": 1}, {"N": 1}]}, "C").num_macs
        24
    """
    dims, sizes = tuple(bounds), tuple(bounds.values())
    built: list[Tensor] = []
    for name, expressions in tensors.items():
        terms = [tuple(sorted((dims.index(d), a) for d, a in index.items() if a != 0)) for index in expressions]
        indices = tuple(AffineIndex(term) for term in terms)
        shape = (shapes or {}).get(name) or [index.extent(sizes) for index in indices]
        built.append(Tensor(name, indices, tuple(shape), is_output=name == output))
    return LoopNest(dims, sizes, tuple(built), frozenset(dims.index(name) for name in window_dims))


class _Layer(Model):
    name: Text
    count: PositiveInt = 1

    def bounds(self) -> dict[str, int]:
        """Loop bounds by dimension, in the nest's order."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _fits_the_model(self) -> _Layer:
        macs = math.prod(self.bounds().values())
        if macs > MAX_MACS:
            raise ValueError(f"expected at most 2**48 = {MAX_MACS} multiply-accumulates, got {macs}")
        return self


class Conv2d(_Layer):
    """A 2-D convolution; ``groups`` = ``in_channels`` = ``out_channels`` makes it depthwise."""

    type: Literal["conv2d"]
    batch: PositiveInt
    out_channels: PositiveInt
    in_channels: PositiveInt
    in_height: PositiveInt
    in_width: PositiveInt
    kernel_height: PositiveInt
    kernel_width: PositiveInt
    stride: PairOfPositive = 1
    padding: PairOfNatural = 0
    dilation: PairOfPositive = 1
    groups: PositiveInt = 1

    @model_validator(mode="after")
    def _groups_divide(self) -> Conv2d:
        if self.in_channels % self.groups or self.out_channels % self.groups:
            channels = f"in_channels {self.in_channels} and out_channels {self.out_channels}"
            raise ValueError(f"groups: expected a divisor of {channels}, got {self.groups}")
        return self

    def output_size(self) -> tuple[int, int]:
        """Output height and width.

        Raises:
            ValueError: when the (dilated) kernel is larger than the padded input.
        """
        sizes: list[int] = []
        axes = ((self.in_height, self.kernel_height, "height"), (self.in_width, self.kernel_width, "width"))
        pads, strides, dilations = _pair(self.padding), _pair(self.stride), _pair(self.dilation)
        for (size, kernel, axis), pad, stride, dilation in zip(axes, pads, strides, dilations, strict=True):
            padded, reach = size + 2 * pad, dilation * (kernel - 1) + 1
            if reach > padded:
                message = f"kernel_{axis}: expected a kernel within the padded input of {padded}, but it spans {reach}"
                raise ValueError(message)
            sizes.append((padded - reach) // stride + 1)
        return sizes[0], sizes[1]

    def bounds(self) -> dict[str, int]:
        """Loop bounds by dimension, in the nest's order."""
        height, width = self.output_size()
        depthwise = 1 < self.groups == self.in_channels == self.out_channels
        channels = (
            {"C": self.groups}
            if depthwise
            else {"M": self.out_channels // self.groups, "C": self.in_channels // self.groups}
        )
        group = {"G": self.groups} if self.groups > 1 and not depthwise else {}
        window = {"Ox": height, "Oy": width, "Fx": self.kernel_height, "Fy": self.kernel_width}
        return {"N": self.batch, **group, **channels, **window}

    def loop_nest(self) -> LoopNest:
        """Dimensions N [G] [M] C Ox Oy Fx Fy; rows first, columns innermost in memory."""
        bounds = self.bounds()
        rows, columns = (
            {out: stride, kernel: dilation}
            for out, kernel, stride, dilation in zip(
                ("Ox", "Oy"), ("Fx", "Fy"), _pair(self.stride), _pair(self.dilation), strict=True
            )
        )
        group = [{"G": 1}] if "G" in bounds else []
        produced = {"M": 1} if "M" in bounds else {"C": 1}
        weights = [{"M": 1}, {"C": 1}] if "M" in bounds else [{"C": 1}]
        padded = (self.in_height + 2 * _pair(self.padding)[0], self.in_width + 2 * _pair(self.padding)[1])
        tensors = {
            "I": [{"N": 1}, *group, {"C": 1}, rows, columns],
            "W": [*group, *weights, {"Fx": 1}, {"Fy": 1}],
            "O": [{"N": 1}, *group, produced, {"Ox": 1}, {"Oy": 1}],
        }
        stored = [bounds["N"], *([bounds["G"]] if group else []), bounds["C"], *padded]
        return nest_from_expressions(bounds, tensors, "O", shapes={"I": stored}, window_dims=("Fx", "Fy"))

    def with_batch(self, batch: int, native: int) -> Conv2d:  # noqa: ARG002 (other layer types need it)
        """The same layer at another batch size."""
        return self.model_copy(update={"batch": batch})


class Gemm(_Layer):
    """A matrix product C[M][N] = A[M][K] B[K][N]; ``batch`` > 1 repeats it with all three matrices batched."""

    type: Literal["gemm"]
    m: PositiveInt
    n: PositiveInt
    k: PositiveInt
    batch: PositiveInt = 1

    def bounds(self) -> dict[str, int]:
        """Loop bounds by dimension, in the nest's order."""
        batch = {"Batch": self.batch} if self.batch > 1 else {}
        return {**batch, "M": self.m, "N": self.n, "K": self.k}

    def loop_nest(self) -> LoopNest:
        """Dimensions [Batch] M N K."""
        bounds = self.bounds()
        batch = [{"Batch": 1}] if "Batch" in bounds else []
        tensors = {
            "A": [*batch, {"M": 1}, {"K": 1}],
            "B": [*batch, {"K": 1}, {"N": 1}],
            "C": [*batch, {"M": 1}, {"N": 1}],
        }
        return nest_from_expressions(bounds, tensors, "C")

    def with_batch(self, batch: int, native: int) -> Gemm:
        """The same layer at another batch size: more rows, or more matrices where they are batched.

        Raises:
            ValueError: when the rows of the native batch cannot be divided among its samples.
        """
        field = "batch" if self.batch > 1 else "m"
        rows: int = getattr(self, field)
        if rows % native:
            raise ValueError(
                f"{field}: expected a multiple of the network's own batch {native} to change it, got {rows}"
            )
        return self.model_copy(update={field: rows // native * batch})


class TensorSpec(Model):
    """A tensor of a general nest: ``index`` lists affine expressions, outermost storage dimension first."""

    name: Text
    index: tuple[Text, ...]
    output: Flag = False
    shape: tuple[PositiveInt, ...] | None = None

    @model_validator(mode="after")
    def _shape_per_index(self) -> TensorSpec:
        if self.shape is not None and len(self.shape) != len(self.index):
            raise ValueError(f"shape: expected {len(self.index)} sizes, one per index, got {len(self.shape)}")
        return self


class LoopNestLayer(_Layer):
    """Any affine loop nest around one multiply-accumulate."""

    type: Literal["loop_nest"]
    bounds_: dict[Text, PositiveInt] = Field(alias="bounds", min_length=1)
    tensors: tuple[TensorSpec, ...] = Field(min_length=1)

    @field_validator("bounds_")
    @classmethod
    def _names(cls, bounds: dict[str, int]) -> dict[str, int]:
        for name in bounds:
            if not re.fullmatch(r"[A-Za-z_]\w*", name):
                raise ValueError(f"expected dimension names of letters, digits and underscores, got {name!r}")
        return bounds

    @model_validator(mode="after")
    def _consistent(self) -> LoopNestLayer:
        names = [tensor.name for tensor in self.tensors]
        if len(set(names)) < len(names):
            raise ValueError("tensors: expected distinct names")
        outputs = sum(tensor.output for tensor in self.tensors)
        if outputs != 1:
            raise ValueError(f"tensors: expected exactly one with output: true, got {outputs}")
        self.loop_nest()
        return self

    def bounds(self) -> dict[str, int]:
        """Loop bounds by dimension, in the nest's order."""
        return self.bounds_

    def loop_nest(self) -> LoopNest:
        """The nest itself.

        Raises:
            ValueError: for an index that is not affine in the nest's dimensions, or a shape that it exceeds.
        """
        dims, sizes = tuple(self.bounds_), tuple(self.bounds_.values())
        tensors: list[Tensor] = []
        for position, tensor in enumerate(self.tensors):
            indices = tuple(_indices(position, tensor, dims))
            reached = tuple(index.extent(sizes) for index in indices)
            shape = tensor.shape or reached
            if any(size < reach for size, reach in zip(shape, reached, strict=True)):
                raise ValueError(
                    f"tensors.{position}.shape: expected at least {list(reached)}, which the index reaches"
                )
            tensors.append(Tensor(tensor.name, indices, shape, tensor.output))
        return LoopNest(dims, sizes, tuple(tensors))

    def with_batch(self, batch: int, native: int) -> LoopNestLayer:
        """A general nest has no batch of its own.

        Raises:
            ValueError: unless the batch stays as it is.
        """
        if batch != native:
            raise ValueError("a loop_nest has no batch; give its bounds instead")
        return self


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


def parse_affine(text: str, dims: Sequence[str]) -> AffineIndex:
    """An affine index from text such as ``2*ox + fx - 1``.

    Raises:
        ValueError: when it is not a sum of integer multiples of dimensions and integers.
    """
    if not re.fullmatch(r"\s*[+-]?[^+-]+(?:[+-][^+-]+)*", text):
        raise ValueError(f"expected a sum such as '2*ox + fx - 1', got {text!r}")
    totals: dict[int, int] = {}
    constant = 0
    for sign, body in re.findall(r"([+-]?)([^+-]+)", text):
        factor, name = -1 if sign == "-" else 1, None
        for part in (piece.strip() for piece in body.split("*")):
            if re.fullmatch(r"\d{1,10}", part):
                factor *= int(part)
            elif part in dims and name is None:
                name = part
            else:
                expected = f"an integer times one of {', '.join(dims)}"
                raise ValueError(f"expected {expected}, got {body.strip()!r}")
        if name is None:
            constant += factor
        else:
            position = dims.index(name)
            totals[position] = totals.get(position, 0) + factor
    return AffineIndex(tuple(sorted((dim, a) for dim, a in totals.items() if a)), constant)


Layer = Annotated[Conv2d | Gemm | LoopNestLayer, Field(discriminator="type")]
