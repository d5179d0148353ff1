"""Convolutions in one, two and three dimensions, grouped, depthwise, strided, dilated and padded as they may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import field_validator, model_validator

from ..base import NaturalInt, PositiveInt
from ..loop_nest import LoopNest
from .layer_base import Index, LayerBase, indexed_by, nest_from_expressions

if TYPE_CHECKING:
    from typing_extensions import Self

PositivePerAxis2 = PositiveInt | tuple[PositiveInt, PositiveInt]
PositivePerAxis3 = PositiveInt | tuple[PositiveInt, PositiveInt, PositiveInt]
Borders = NaturalInt | tuple[NaturalInt, ...]


def per_axis(value: int | Sequence[int], num_axes: int) -> tuple[int, ...]:
    """A field with one number for all axes, or one for each, as one for each."""
    return (value,) * num_axes if isinstance(value, int) else tuple(value)


def borders(padding: int | Sequence[int], num_axes: int) -> list[tuple[int, int]]:
    """Zeros before and after the input, for each axis: of one number, one for each axis, or all befores, all afters."""
    values = per_axis(padding, num_axes)
    return list(zip(values[:num_axes], values[-num_axes:], strict=True))


def checked_borders(padding: int | tuple[int, ...], axes: Sequence[str], ends: Sequence[str]) -> int | tuple[int, ...]:
    """A padding as it is; ``axes`` and ``ends`` name what its lists may hold.

    Raises:
        ValueError: when it is a list of any other length.
    """
    if not isinstance(padding, int) and len(padding) not in (len(axes), len(ends)):
        forms = " or ".join(f"[{', '.join(names)}]" for names in dict.fromkeys((tuple(axes), tuple(ends))))
        raise ValueError(f"expected an integer or {forms}, got {len(padding)} numbers")
    return padding


@dataclass(frozen=True)
class Axis:
    """One axis of a convolution's input: its name in the fields, the letter of its dimensions, its sizes."""

    name: str
    letter: str
    size: int
    kernel: int
    stride: int
    dilation: int
    border: tuple[int, int]

    @property
    def reach(self) -> int:
        """Input elements from the first to the last that one output element sees."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def padded(self) -> int:
        """Size of the input with its border."""
        return self.size + sum(self.border)

    @property
    def output(self) -> int:
        """Size of the output.

        Raises:
            ValueError: when the (dilated) kernel is larger than the padded input.
        """
        if self.reach > self.padded:
            field, limit = f"kernel_{self.name}", f"a kernel within the padded input of {self.padded}"
            raise ValueError(f"{field}: expected {limit}, but it spans {self.reach}")
        return (self.padded - self.reach) // self.stride + 1


class Channels(LayerBase):
    """Batch, channels and groups: what every convolution has, transposed ones included."""

    batch: PositiveInt = 1
    """Images."""
    out_channels: PositiveInt
    """Channels of the output, of all groups together."""
    in_channels: PositiveInt
    """Channels of the input, of all groups together."""
    groups: PositiveInt = 1
    """Parts into which both channels are divided, each convolved on its own; as many as channels is depthwise."""

    @model_validator(mode="after")
    def _groups_divide(self) -> Channels:
        if self.in_channels % self.groups or self.out_channels % self.groups:
            channels = f"in_channels {self.in_channels} and out_channels {self.out_channels}"
            raise ValueError(f"groups: expected a divisor of {channels}, got {self.groups}")
        return self

    def channel_bounds(self) -> dict[str, int]:
        """Bounds of N, then C (depthwise), or M and C, or G with M and C per group."""
        if 1 < self.groups == self.in_channels == self.out_channels:
            return {"N": self.batch, "C": self.groups}
        group = {"G": self.groups} if self.groups > 1 else {}
        return {"N": self.batch, **group, "M": self.out_channels // self.groups, "C": self.in_channels // self.groups}

    def channel_indices(self) -> tuple[list[Index], list[Index], list[Index]]:
        """The channel indices of input, weights and output, outermost first."""
        dims = self.channel_bounds()
        group = ["G"] if "G" in dims else []
        produced = "M" if "M" in dims else "C"
        weights = dict.fromkeys((produced, "C"))
        return indexed_by("N", *group, "C"), indexed_by(*group, *weights), indexed_by("N", *group, produced)

    def with_batch(self, batch: int, native: int) -> Self:  # noqa: ARG002 (other layer types need it)
        """The same layer at another batch size."""
        return self.model_copy(update={"batch": batch})


class Convolution(Channels):
    """A convolution along any number of axes."""

    def axes(self) -> tuple[Axis, ...]:
        """The axes of the input, outermost first."""
        raise NotImplementedError

    def output_size(self) -> tuple[int, ...]:
        """Sizes of the output along the axes.

        Raises:
            ValueError: when the (dilated) kernel is larger than the padded input.
        """
        return tuple(axis.output for axis in self.axes())

    def bounds(self) -> dict[str, int]:
        """Loop bounds by dimension, in the nest's order."""
        outputs = {f"O{axis.letter}": axis.output for axis in self.axes()}
        kernels = {f"F{axis.letter}": axis.kernel for axis in self.axes()}
        return {**self.channel_bounds(), **outputs, **kernels}

    def loop_nest(self) -> LoopNest:
        """Dimensions N [G] [M] C, then O and F of every axis; the last axis is innermost in memory."""
        bounds, axes = self.bounds(), self.axes()
        of_input, of_weights, of_output = self.channel_indices()
        windows = [{f"O{axis.letter}": axis.stride, f"F{axis.letter}": axis.dilation} for axis in axes]
        kernel_dims = [f"F{axis.letter}" for axis in axes]
        tensors = {
            "I": [*of_input, *windows],
            "W": [*of_weights, *indexed_by(*kernel_dims)],
            "O": [*of_output, *indexed_by(*(f"O{axis.letter}" for axis in axes))],
        }
        stored = [*(bounds[dim] for index in of_input for dim in index), *(axis.padded for axis in axes)]
        return nest_from_expressions(bounds, tensors, "O", shapes={"I": stored}, window_dims=kernel_dims)


class Conv1d(Convolution):
    """A 1-D convolution, along a sequence; ``groups`` = ``in_channels`` = ``out_channels`` makes it depthwise."""

    type: Literal["conv1d"]
    """Selects this type of layer: a 1-D convolution."""
    in_length: PositiveInt
    """Input elements along the sequence, without padding."""
    kernel_length: PositiveInt
    """Weights along the sequence."""
    stride: PositiveInt = 1
    """Input elements from one output element to the next."""
    padding: Borders = 0
    """Zeros around the input: for both ends, or [begin, end]."""
    dilation: PositiveInt = 1
    """Input elements from one weight to the next."""

    @field_validator("padding")
    @classmethod
    def _borders(cls, padding: int | tuple[int, ...]) -> int | tuple[int, ...]:
        return checked_borders(padding, ("begin", "end"), ("begin", "end"))

    def axes(self) -> tuple[Axis, ...]:
        """The sequence."""
        (border,) = borders(self.padding, 1)
        return (Axis("length", "x", self.in_length, self.kernel_length, self.stride, self.dilation, border),)


class Conv2d(Convolution):
    """A 2-D convolution; ``groups`` = ``in_channels`` = ``out_channels`` makes it depthwise."""

    type: Literal["conv2d"]
    """Selects this type of layer: a 2-D convolution."""
    in_height: PositiveInt
    """Rows of the input, without padding."""
    in_width: PositiveInt
    """Columns of the input, without padding."""
    kernel_height: PositiveInt
    """Rows of weights."""
    kernel_width: PositiveInt
    """Columns of weights."""
    stride: PositivePerAxis2 = 1
    """Input rows and columns from one output element to the next: for both, or [height, width]."""
    padding: Borders = 0
    """Zeros around the input: on every side, or [height, width], or [top, left, bottom, right]."""
    dilation: PositivePerAxis2 = 1
    """Input rows and columns from one weight to the next: for both, or [height, width]."""

    @field_validator("padding")
    @classmethod
    def _borders(cls, padding: int | tuple[int, ...]) -> int | tuple[int, ...]:
        return checked_borders(padding, ("height", "width"), ("top", "left", "bottom", "right"))

    def axes(self) -> tuple[Axis, ...]:
        """Rows (x) and columns (y)."""
        names = (("height", "x"), ("width", "y"))
        sizes = ((self.in_height, self.kernel_height), (self.in_width, self.kernel_width))
        steps = zip(per_axis(self.stride, 2), per_axis(self.dilation, 2), borders(self.padding, 2), strict=True)
        return tuple(Axis(*name, *size, *step) for name, size, step in zip(names, sizes, steps, strict=True))


class Conv3d(Convolution):
    """A 3-D convolution; ``groups`` = ``in_channels`` = ``out_channels`` makes it depthwise."""

    type: Literal["conv3d"]
    """Selects this type of layer: a 3-D convolution."""
    in_depth: PositiveInt
    """Slices (frames of a video) of the input, without padding."""
    in_height: PositiveInt
    """Rows of the input, without padding."""
    in_width: PositiveInt
    """Columns of the input, without padding."""
    kernel_depth: PositiveInt
    """Slices of weights."""
    kernel_height: PositiveInt
    """Rows of weights."""
    kernel_width: PositiveInt
    """Columns of weights."""
    stride: PositivePerAxis3 = 1
    """Input elements from one output element to the next: for all axes, or [depth, height, width]."""
    padding: Borders = 0
    """Zeros around the input: on every side, or [depth, height, width], or [front, top, left, back, bottom, right]."""
    dilation: PositivePerAxis3 = 1
    """Input elements from one weight to the next: for all axes, or [depth, height, width]."""

    @field_validator("padding")
    @classmethod
    def _borders(cls, padding: int | tuple[int, ...]) -> int | tuple[int, ...]:
        sides = ("front", "top", "left", "back", "bottom", "right")
        return checked_borders(padding, ("depth", "height", "width"), sides)

    def axes(self) -> tuple[Axis, ...]:
        """Slices (z), rows (x) and columns (y)."""
        names = (("depth", "z"), ("height", "x"), ("width", "y"))
        sizes = (
            (self.in_depth, self.kernel_depth),
            (self.in_height, self.kernel_height),
            (self.in_width, self.kernel_width),
        )
        steps = zip(per_axis(self.stride, 3), per_axis(self.dilation, 3), borders(self.padding, 3), strict=True)
        return tuple(Axis(*name, *size, *step) for name, size, step in zip(names, sizes, steps, strict=True))
