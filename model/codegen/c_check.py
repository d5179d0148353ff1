"""The part of a program that checks it: values for the tensors, the plain loop nest, and the comparison."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from ..loop_nest import LoopNest, Tensor
from .c_names import Names
from .c_text import INDENT, for_head, in_format, linear, nested, plural, subscripted
from .tiled_nest import TiledNest, lowest_index

_LARGEST_VALUE = 8
"""Values lie between -8 and 8 where sums of products of them fit 63 bits."""


@dataclass(frozen=True)
class CheckedNest:
    """A nest, asked for the C text that checks a tiled version of it; tensors are the arrays of the outermost node."""

    tiled: TiledNest
    names: Names

    @property
    def nest(self) -> LoopNest:
        """The nest."""
        return self.tiled.nest

    @cached_property
    def largest_value(self) -> int:
        """The largest absolute value of an element, such that no sum can overflow."""
        reads = len(self.nest.tensors) - 1
        fits = (v for v in range(_LARGEST_VALUE, 1, -1) if v**reads * self.nest.num_macs < 2**63)
        return next(fits, 1)

    @property
    def _has_reads(self) -> bool:
        return len(self.nest.tensors) > 1

    def values(self) -> list[str]:
        """The functions that fill the tensors that are read, if there are any."""
        if not self._has_reads:
            return []
        largest = self.largest_value
        lines = [
            f"/* Pseudo-random integers from -{largest} to {largest} without 0, so that every product counts. */",
            "static elem next_value(void)",
            "{",
            f"{INDENT}static uint32_t state = 1;",
            f"{INDENT}state = state * 1664525u + 1013904223u;",
            f"{INDENT}const elem value = (elem)((state >> 16) % {2 * largest}u) - {largest};",
            f"{INDENT}return value < 0 ? value : value + 1;",
            "}",
            "",
            "static void fill_tensors(void)",
            "{",
        ]
        for t, tensor in enumerate(self.nest.tensors):
            if not tensor.is_output:
                element = self._element(self.names.arrays[0, t], tensor)
                lines += nested(self._heads(t), [f"{element} = next_value();"])
        return [*lines, "}", ""]

    def plain_nest(self) -> list[str]:
        """The nest as it is, without a mapping."""
        heads = [for_head(name, bound) for name, bound in zip(self.names.dims, self.nest.bounds, strict=True)]
        output = self._plain_element(self.nest.output)
        reads = [self._plain_element(t) for t, tensor in enumerate(self.nest.tensors) if not tensor.is_output]
        body = nested(heads, [f"{output} += {' * '.join(reads) or '1'};"])
        return ["/* The same without a mapping */", "static void plain_nest(void)", "{", *body, "}", ""]

    def comparison(self) -> list[str]:
        """The functions that compare the two outputs and say what came of it."""
        output = self.nest.tensors[self.nest.output]
        got = self._element(self.names.arrays[0, self.nest.output], output)
        expected = self._element(self.names.expected, output)
        places = [
            f"(long long)({linear([(1, name)], lowest_index(axis, self.nest))}),"
            for axis, name in zip(output.index, self.names.axes, strict=False)
        ]
        arguments = [*([" ".join(places)] if places else []), f"(long long){got},", f"(long long){expected});"]
        name, shown = in_format(output.name), "[%lld]" * len(places)
        elements = math.prod(self.tiled.extents(self.nest.output, 0))
        work = f"{plural(self.nest.num_macs, 'multiply-accumulate')}, {plural(elements, 'element')}"
        done = f"{name} equals the plain loop nest's ({work})"
        compare = [
            f"if ({got} != {expected}) {{",
            f'{INDENT}printf("first difference: {name}{shown} is %lld; the plain loop nest has %lld\\n",',
            *(f"{INDENT}       {line}" for line in arguments),
            f"{INDENT}return 1;",
            "}",
        ]
        return [
            "static int first_difference(void)",
            "{",
            *nested(self._heads(self.nest.output), compare),
            f"{INDENT}return 0;",
            "}",
            "",
            "int main(void)",
            "{",
            *([f"{INDENT}fill_tensors();"] if self._has_reads else []),
            f"{INDENT}tiled_nest();",
            f"{INDENT}plain_nest();",
            f"{INDENT}if (first_difference())",
            f"{INDENT * 2}return 1;",
            f'{INDENT}printf("OK: {done}\\n");',
            f"{INDENT}return 0;",
            "}",
        ]

    def _heads(self, tensor: int) -> list[str]:
        extents = self.tiled.extents(tensor, 0)
        return [for_head(name, extent) for name, extent in zip(self.names.axes, extents, strict=False)]

    def _element(self, array: str, tensor: Tensor) -> str:
        return subscripted(array, self.names.axes[: len(tensor.index)] or ("0",))

    def _plain_element(self, t: int) -> str:
        """An element by the dimensions, in the array that begins at the lowest index."""
        tensor = self.nest.tensors[t]
        array = self.names.expected if tensor.is_output else self.names.arrays[0, t]
        subscripts = [
            linear([(a, self.names.dims[dim]) for dim, a in axis.terms], axis.constant - lowest_index(axis, self.nest))
            for axis in tensor.index
        ]
        return subscripted(array, subscripts or ["0"])
