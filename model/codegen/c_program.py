"""A mapping as one C99 file: arrays for all that is kept, copies between them, the tiled nest, and its check."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ..hierarchy.exact.geometry import Geometry
from ..hierarchy.level_mapping import LevelMapping
from ..hierarchy.resolved_machine import ResolvedMachine
from ..loop_nest import LoopNest
from .c_check import CheckedNest
from .c_copies import CCopy, element_of_parent
from .c_header import header, reference
from .c_names import Names, names_of
from .c_text import INDENT, box_text, comment, for_head, subscripted
from .tiled_nest import TiledLoop, TiledNest, lowest_index

_TYPES = """\
#include <stdint.h>
#include <stdio.h>

typedef int64_t elem; /* an element: wide enough for exact sums; comments give its size on the machine */
typedef int64_t idx;  /* a loop variable */
"""


def c_program(name: str, nest: LoopNest, machine: ResolvedMachine, mapping: LevelMapping) -> str:
    """The text of a C99 program that computes a layer of some name as mapped, and checks the result.

    It prints ``OK ...`` and ends with 0 where the output equals the plain loop nest's, or else the first difference
    and ends with 1. A mapping that does not fit is printed all the same, with a warning in its comment.
    """
    tiled = TiledNest(Geometry(nest, machine, mapping))
    program = CProgram(name, tiled, names_of(tiled))
    return "\n".join(program.lines()) + "\n"


@dataclass(frozen=True)
class CProgram:
    """The program of a tiled nest."""

    name: str
    tiled: TiledNest
    names: Names

    def lines(self) -> Iterator[str]:
        """All lines."""
        check = CheckedNest(self.tiled, self.names)
        yield from header(self.name, self.tiled)
        yield from _TYPES.splitlines()
        yield from self._arrays()
        for copy in self._copies:
            yield from copy.fill.lines
            yield from copy.drain.lines if copy.drain else ()
        yield from self._tiled_nest()
        yield from check.values()
        yield from check.plain_nest()
        yield from check.comparison()

    @cached_property
    def _copies(self) -> tuple[CCopy, ...]:
        return tuple(CCopy(self.tiled, self.names, copy) for copy in self.tiled.copies)

    def _arrays(self) -> Iterator[str]:
        """Static arrays: first the tensors themselves, then every level's tiles, with the instances' loops in front."""
        nest = self.tiled.nest
        for level in self.tiled.geometry.machine.levels:
            kept = sorted(t for node, t in self.names.arrays if node == level.node)
            instances = "".join(f"[{self.names.variable(loop)}]" for loop in self.tiled.instances(level.node))
            if kept:
                yield ""
                yield comment(f"{level.name}, instance {instances}" if instances else level.name)
            for t in kept:
                yield self._array(self.names.arrays[level.node, t], level.node, t)
        yield ""
        yield comment(f"{nest.tensors[nest.output].name} by the plain loop nest")
        yield self._array(self.names.expected, 0, nest.output)
        yield ""

    def _array(self, name: str, node: int, t: int) -> str:
        tensor, nest = self.tiled.nest.tensors[t], self.tiled.nest
        extents, machine = self.tiled.extents(t, node), self.tiled.geometry.machine
        sizes = [*(loop.trips for loop in self.tiled.instances(node)), *(extents or (1,))]
        says = box_text(extents, machine.bytes_per_element[t])
        lowest = [lowest_index(axis, nest) for axis in tensor.index]
        if node == 0:
            begins = f", from {subscripted(tensor.name, map(str, lowest))} on" if any(lowest) else ""
            says = f"{reference(nest, tensor)}: {says}{begins}"
        return f"static elem {subscripted(name, map(str, sizes))}; {comment(says)}"

    def _tiled_nest(self) -> Iterator[str]:
        """The loops of all nodes, with the copies where they stand."""
        loops = self.tiled.loops
        yield from ("static void tiled_nest(void)", "{")
        for depth in range(len(loops) + 1):
            indent = INDENT * (depth + 1)
            for copy in self._copies:
                if copy.depth == depth:
                    yield f"{indent}{copy.fill.call} {comment(copy.moves)}"
            if depth < len(loops):
                loop = loops[depth]
                yield f"{indent}{for_head(self.names.variable(loop), loop.trips)} {{ {comment(self._says(loop))}"
            else:
                yield from (indent + line for line in self._multiply_accumulate())
        for depth in range(len(loops), -1, -1):
            indent = INDENT * (depth + 1)
            for copy in reversed(self._copies):
                if copy.depth == depth and copy.drain is not None:
                    yield f"{indent}{copy.drain.call} {comment(copy.moves)}"
            yield f"{INDENT * depth}}}"
        yield ""

    def _says(self, loop: TiledLoop) -> str:
        """What a loop does."""
        dim, node = self.tiled.nest.dims[loop.dim], self.tiled.geometry.machine.nodes[loop.node]
        if loop.parallel:
            return f"{node}, in parallel: {dim} over {loop.trips} instances, {loop.stride} each"
        return f"{node}: {dim} in {loop.trips} steps of {loop.stride}"

    def _multiply_accumulate(self) -> list[str]:
        """The innermost statement, on the arrays of the innermost levels that keep each tensor."""
        elements = [
            element_of_parent(self.tiled, self.names, edges[-1], [None] * len(tensor.index))
            for edges, tensor in zip(self.tiled.edges, self.tiled.nest.tensors, strict=True)
        ]
        output, reads = elements.pop(self.tiled.nest.output), elements
        edge = self.tiled.edges[self.tiled.nest.output][-1]
        products = math.prod(loop.trips for loop in self.tiled.reducing(edge))
        adding = [comment(f"{products} products of each word are added on the way up")] if products > 1 else []
        first, *others = reads or ["1"]
        lines = [output, f"{INDENT}+= {first}", *(f"{INDENT} * {read}" for read in others)]
        return [*adding, *lines[:-1], f"{lines[-1]};"]
