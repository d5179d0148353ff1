"""Convolutions of the ONNX standard as layers: ``Conv``, ``ConvTranspose`` and their quantised forms.

Sources: the operators' definitions in the ONNX standard (attributes, ``auto_pad``, output sizes).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..json_files import JsonObject
from .work import Attributes, Shape, Work, integer, integers, loop_nest, text

_AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


@dataclass(frozen=True)
class _Geometry:
    """Sizes and steps along the axes, outermost first."""

    sizes: Shape
    kernel: Shape
    strides: Shape
    dilations: Shape
    groups: int
    auto_pad: str
    pads: Shape

    @property
    def reaches(self) -> list[int]:
        """Input elements from the first to the last under the kernel."""
        return [dilation * (size - 1) + 1 for size, dilation in zip(self.kernel, self.dilations, strict=True)]


def _geometry(data: Shape, weights: Shape, attributes: Attributes) -> _Geometry:
    """The geometry of a convolution, transposed or not.

    Raises:
        ValueError: when shapes and attributes contradict each other.
    """
    num_axes = len(data) - 2
    if num_axes < 1 or len(weights) != len(data):
        raise ValueError(f"its operands have {len(data)} and {len(weights)} dimensions")
    geometry = _Geometry(
        sizes=data[2:],
        kernel=weights[2:],
        strides=integers(attributes, "strides", (1,) * num_axes),
        dilations=integers(attributes, "dilations", (1,) * num_axes),
        groups=integer(attributes, "group", 1),
        auto_pad=text(attributes, "auto_pad", "NOTSET"),
        pads=integers(attributes, "pads", (0,) * 2 * num_axes),
    )
    if integers(attributes, "kernel_shape", geometry.kernel) != geometry.kernel:
        raise ValueError("its kernel_shape differs from the shape of its weights")
    if min(*geometry.strides, *geometry.dilations, geometry.groups, *geometry.kernel) < 1 or min(geometry.pads) < 0:
        raise ValueError("its strides, dilations, groups or pads are out of range")
    return geometry


def convolution(operands: Sequence[Shape], attributes: Attributes) -> Work:
    """``Conv`` of [N, C, sizes] with [M, C/groups, kernel], along any number of axes.

    Raises:
        ValueError: when shapes and attributes contradict each other.
    """
    data, weights = operands
    geometry = _geometry(data, weights, attributes)
    if weights[1] * geometry.groups != data[1]:
        raise ValueError(f"its weights are for {weights[1] * geometry.groups} channels, its input has {data[1]}")
    pads = _pads(geometry)
    before, after = pads[: len(geometry.sizes)], pads[len(geometry.sizes) :]
    steps = zip(geometry.sizes, before, after, geometry.reaches, geometry.strides, strict=True)
    outputs = [(size + first + last - reach) // stride + 1 for size, first, last, reach, stride in steps]
    if min(outputs) < 1:
        raise ValueError("its kernel is larger than its padded input")
    macs = data[0] * math.prod(weights) * math.prod(outputs)
    layer = _fields(f"conv{len(outputs)}d", data, weights[0], geometry, pads)
    return Work(macs, {"": layer}) if layer else Work(macs, reason=f"convolution along {len(outputs)} axes")


def _pads(geometry: _Geometry) -> Shape:
    """Zeros before the input on all axes, then behind it."""
    if geometry.auto_pad in ("NOTSET", ""):
        return geometry.pads
    if geometry.auto_pad == "VALID":
        return (0,) * len(geometry.pads)
    steps = zip(geometry.sizes, geometry.reaches, geometry.strides, strict=True)
    totals = [max((-(-size // stride) - 1) * stride + reach - size, 0) for size, reach, stride in steps]
    return _halves(totals, geometry.auto_pad)


def _halves(totals: Sequence[int], auto_pad: str) -> Shape:
    """Totals divided into what comes before and what behind; the odd one goes where ``auto_pad`` says.

    Raises:
        ValueError: when it says nothing of the kind.
    """
    smaller, larger = [total // 2 for total in totals], [total - total // 2 for total in totals]
    if auto_pad == "SAME_UPPER":
        return (*smaller, *larger)
    if auto_pad == "SAME_LOWER":
        return (*larger, *smaller)
    raise ValueError(f"its auto_pad is {auto_pad}")


def _fields(kind: str, data: Shape, out_channels: int, geometry: _Geometry, pads: Shape) -> JsonObject:
    """The fields that all types of convolution share; ``None`` where there is no type for so many axes."""
    axes = _AXES.get(len(geometry.sizes))
    if axes is None:
        return {}
    fields = {
        "type": kind,
        "batch": data[0],
        "out_channels": out_channels,
        "in_channels": data[1],
        **{f"in_{axis}": size for axis, size in zip(axes, geometry.sizes, strict=True)},
        **{f"kernel_{axis}": size for axis, size in zip(axes, geometry.kernel, strict=True)},
    }
    stepped = {"stride": geometry.strides, "padding": pads, "dilation": geometry.dilations}
    return (
        fields
        | {"groups": geometry.groups}
        | {name: values[0] if len(set(values)) == 1 else list(values) for name, values in stepped.items()}
    )


def transposed_convolution(operands: Sequence[Shape], attributes: Attributes) -> Work:
    """``ConvTranspose`` of [N, C, sizes] with [C, M/groups, kernel]; a multiply-accumulate for each pair that meets.

    Raises:
        ValueError: when shapes and attributes contradict each other.
    """
    data, weights = operands
    geometry = _geometry(data, weights, attributes)
    if weights[0] != data[1] or data[1] % geometry.groups:
        raise ValueError(f"its weights are for {weights[0]} channels, its input has {data[1]}")
    macs = data[0] * math.prod(weights) * math.prod(geometry.sizes)
    out_channels = weights[1] * geometry.groups
    if len(geometry.sizes) > 2:
        return Work(macs, {"": _scattering(data, out_channels, geometry)})
    cropped, added = _cropped(geometry, attributes)
    if len(geometry.sizes) == 1:
        geometry, cropped, added = _with_one_row(geometry), (0, cropped[0], 0, cropped[1]), (0, *added)
    layer = _fields("conv_transpose2d", data, out_channels, geometry, cropped)
    return Work(macs, {"": layer | ({"output_padding": list(added)} if any(added) else {})})


def _cropped(geometry: _Geometry, attributes: Attributes) -> tuple[Shape, Shape]:
    """What is cut off the output, before on all axes and then behind, and what is added behind."""
    added = integers(attributes, "output_padding", (0,) * len(geometry.sizes))
    steps = zip(geometry.sizes, geometry.reaches, geometry.strides, added, strict=True)
    whole = [(size - 1) * stride + reach + more for size, reach, stride, more in steps]
    if "output_shape" in attributes:
        wanted = integers(attributes, "output_shape", geometry.sizes)
    elif geometry.auto_pad.startswith("SAME"):
        wanted = tuple(size * stride for size, stride in zip(geometry.sizes, geometry.strides, strict=True))
    else:
        return geometry.pads if geometry.auto_pad != "VALID" else (0,) * len(geometry.pads), added
    surplus = [size - target for size, target in zip(whole, wanted, strict=True)]
    upper = geometry.auto_pad == "SAME_UPPER"
    cropped = _halves([max(size, 0) for size in surplus], "SAME_UPPER" if upper else "SAME_LOWER")
    return cropped, tuple(more + max(-size, 0) for more, size in zip(added, surplus, strict=True))


def _with_one_row(geometry: _Geometry) -> _Geometry:
    """A sequence as an image of one row."""
    return replace(
        geometry,
        sizes=(1, *geometry.sizes),
        kernel=(1, *geometry.kernel),
        strides=(1, *geometry.strides),
        dilations=(1, *geometry.dilations),
    )


def _scattering(data: Shape, out_channels: int, geometry: _Geometry) -> JsonObject:
    """Every input element times every weight, added where the product belongs; the output is stored uncropped."""
    axes = range(len(geometry.sizes))
    groups = {"G": geometry.groups} if geometry.groups > 1 else {}
    channels = {"M": out_channels // geometry.groups, "C": data[1] // geometry.groups}
    sizes = {f"I{axis}": geometry.sizes[axis] for axis in axes} | {f"F{axis}": geometry.kernel[axis] for axis in axes}
    hit = [f"{geometry.strides[axis]}*I{axis} + {geometry.dilations[axis]}*F{axis}" for axis in axes]
    tensors = {
        "I": ["N", *groups, "C", *(f"I{axis}" for axis in axes)],
        "W": [*groups, "C", "M", *(f"F{axis}" for axis in axes)],
        "O": ["N", *groups, "M", *hit],
    }
    return loop_nest({"N": data[0], **groups, **channels, **sizes}, tensors, "O")


def deformable_convolution(operands: Sequence[Shape], attributes: Attributes) -> Work:
    """``DeformConv``: as many multiply-accumulates as the convolution that it deforms.

    Raises:
        ValueError: when shapes and attributes contradict each other.
    """
    macs = convolution(operands, attributes).macs
    return Work(macs, reason="its input is read at places that depend on data, which is not affine")
