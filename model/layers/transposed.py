"""Transposed convolutions, as the nest that computes every output element in one place (``docs/layers.md``).

Along one axis with stride S, dilation D, g = gcd(S, D), input element i and weight f meet in output element
``S*i + D*f``. With ``f = S/g * q + p`` this is ``S*o + D*p`` for ``o = i + D/g * q``: the output falls into *phases* p,
in each of which it is an ordinary convolution of ``q`` taps. The nest has o, p and q for dimensions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pydantic import field_validator

from ..base import NaturalInt, PositiveInt
from ..loop_nest import LoopNest
from .convolution import Borders, Channels, PositivePerAxis2, borders, checked_borders, per_axis
from .layer_base import Index, nest_from_expressions


@dataclass(frozen=True)
class TransposedAxis:
    """One axis: its name in the fields, the letter of its dimensions, sizes, and what is cut off the output."""

    name: str
    letter: str
    size: int
    kernel: int
    stride: int
    dilation: int
    cropped: tuple[int, int]
    output_padding: int

    @cached_property
    def output(self) -> int:
        """Size of the output.

        Raises:
            ValueError: when the padding leaves nothing of it.
        """
        whole = (self.size - 1) * self.stride + self.dilation * (self.kernel - 1) + 1 + self.output_padding
        if sum(self.cropped) >= whole:
            given = f"before and after along the {self.name}, got {' and '.join(map(str, self.cropped))}"
            raise ValueError(f"padding: expected less than the whole output of {whole}, {given}")
        return whole - sum(self.cropped)

    @property
    def _weight_step(self) -> int:
        """S/g: weights from one tap of a phase to the next."""
        return self.stride // math.gcd(self.stride, self.dilation)

    @property
    def _input_step(self) -> int:
        """D/g: input elements from one tap of a phase to the next."""
        return self.dilation // math.gcd(self.stride, self.dilation)

    @property
    def phases(self) -> int:
        """Number of phases that have weights."""
        return min(self._weight_step, self.kernel)

    @property
    def taps(self) -> int:
        """Taps of the phase that has most; the others get taps of zeros."""
        return -(-self.kernel // self._weight_step)

    @cached_property
    def _ranges(self) -> list[range]:
        """For every phase the o whose output elements are wanted and see the input."""
        ranges: list[range] = []
        for phase in range(self.phases):
            taps = -(-(self.kernel - phase) // self._weight_step)
            shift = self.cropped[0] - self.dilation * phase
            last = (shift + self.output - 1) // self.stride
            first = max(0, -(-shift // self.stride))
            ranges.append(range(first, min(self.size - 1 + self._input_step * (taps - 1), last) + 1))
        return ranges

    @cached_property
    def _starts(self) -> list[int]:
        """For every phase the first o: its own where there are two, which an affine index can tell apart."""
        seen = [found for found in self._ranges if found]
        if not seen:
            raise ValueError(f"padding: expected less along the {self.name}, for no output element sees the input")
        if self.phases == len(seen) == 2:
            return [found.start for found in seen]
        return [min(found.start for found in seen)] * self.phases

    @property
    def _skew(self) -> int:
        """By how much the second of two phases starts earlier."""
        return self._starts[0] - self._starts[-1]

    @cached_property
    def positions(self) -> int:
        """Trip count of o.

        Raises:
            ValueError: when the padding leaves only output elements that no weight reaches.
        """
        return max(found.stop - start for found, start in zip(self._ranges, self._starts, strict=True))

    def indices(self) -> tuple[Index, Index, Index]:
        """The indices of input, weights and output along this axis, constants aside."""
        position, phase, tap = (f"{kind}{self.letter}" for kind in "OPF")
        of_input = {position: 1, phase: -self._skew, tap: -self._input_step}
        of_output = {position: self.stride, phase: self.dilation - self.stride * self._skew}
        return of_input, {tap: self._weight_step, phase: 1}, of_output

    @property
    def stored_input(self) -> int:
        """Size of the input with the border of zeros that the nest reads."""
        first = min(self._starts) - self._input_step * (self.taps - 1)
        last = max(self._starts) + self.positions - 1
        return max(last, self.size - 1) - min(first, 0) + 1

    @property
    def stored_output(self) -> int:
        """Size of the output with what the nest computes beyond it."""
        phase_step = abs(self.dilation - self.stride * self._skew)
        return max(self.output, self.stride * (self.positions - 1) + phase_step * (self.phases - 1) + 1)


class ConvTranspose2d(Channels):
    """A 2-D transposed convolution (deconvolution, fractionally strided convolution)."""

    type: Literal["conv_transpose2d"]
    """Selects this type of layer: a 2-D transposed convolution."""
    in_height: PositiveInt
    """Rows of the input."""
    in_width: PositiveInt
    """Columns of the input."""
    kernel_height: PositiveInt
    """Rows of weights."""
    kernel_width: PositiveInt
    """Columns of weights."""
    stride: PositivePerAxis2 = 1
    """Output rows and columns from one input element to the next: for both, or [height, width]."""
    padding: Borders = 0
    """Output elements cut off: on every side, or [height, width], or [top, left, bottom, right]."""
    output_padding: NaturalInt | tuple[NaturalInt, NaturalInt] = 0
    """Output elements added at the bottom and on the right: for both, or [height, width]."""
    dilation: PositivePerAxis2 = 1
    """Output rows and columns from one weight to the next: for both, or [height, width]."""

    @field_validator("padding")
    @classmethod
    def _borders(cls, padding: int | tuple[int, ...]) -> int | tuple[int, ...]:
        return checked_borders(padding, ("height", "width"), ("top", "left", "bottom", "right"))

    def axes(self) -> tuple[TransposedAxis, ...]:
        """Rows (x) and columns (y)."""
        names = (("height", "x"), ("width", "y"))
        sizes = ((self.in_height, self.kernel_height), (self.in_width, self.kernel_width))
        pairs = (per_axis(self.stride, 2), per_axis(self.dilation, 2))
        steps = zip(*pairs, borders(self.padding, 2), per_axis(self.output_padding, 2), strict=True)
        return tuple(TransposedAxis(*name, *size, *step) for name, size, step in zip(names, sizes, steps, strict=True))

    def output_size(self) -> tuple[int, ...]:
        """Output height and width.

        Raises:
            ValueError: when the padding leaves nothing of the output.
        """
        return tuple(axis.output for axis in self.axes())

    def bounds(self) -> dict[str, int]:
        """Loop bounds by dimension, in the nest's order."""
        axes = self.axes()
        positions = {f"O{axis.letter}": axis.positions for axis in axes}
        phases = {f"P{axis.letter}": axis.phases for axis in axes if axis.phases > 1}
        return {**self.channel_bounds(), **positions, **phases, **{f"F{axis.letter}": axis.taps for axis in axes}}

    def loop_nest(self) -> LoopNest:
        """Dimensions N [G] [M] C Ox Oy [Px] [Py] Fx Fy: positions and phases of the output, taps of a phase."""
        bounds, axes = self.bounds(), self.axes()
        of_input, of_weights, of_output = self.channel_indices()
        inputs, weights, outputs = (
            [{dim: step for dim, step in index.items() if dim in bounds} for index in indices]
            for indices in zip(*(axis.indices() for axis in axes), strict=True)
        )
        shapes = {
            "I": [*(bounds[dim] for index in of_input for dim in index), *(axis.stored_input for axis in axes)],
            "O": [*(bounds[dim] for index in of_output for dim in index), *(axis.stored_output for axis in axes)],
        }
        tensors = {"I": [*of_input, *inputs], "W": [*of_weights, *weights], "O": [*of_output, *outputs]}
        window_dims = [dim for dim in bounds if dim[0] in "PF"]
        return nest_from_expressions(bounds, tensors, "O", shapes=shapes, window_dims=window_dims)
