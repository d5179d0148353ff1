"""Copies between the arrays of two levels, each as a C function: fills, read-backs and drains of one edge."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ..hierarchy.exact.geometry import Edge
from ..loop_nest import Tensor
from .c_names import Names
from .c_text import INDENT, comment_lines, for_head, linear, nested, plural, subscripted
from .tiled_nest import Copy, TiledLoop, TiledNest


@dataclass(frozen=True)
class CFunction:
    """A function without a result; the loop variables that it needs are its parameters."""

    name: str
    parameters: tuple[str, ...]
    comment: str
    body: tuple[str, ...]

    @property
    def call(self) -> str:
        """The statement that calls it where variables of the same names are in sight."""
        return f"{self.name}({', '.join(self.parameters)});"

    @property
    def lines(self) -> list[str]:
        """Its definition."""
        parameters = ", ".join(f"idx {parameter}" for parameter in self.parameters)
        head = f"static void {self.name}({parameters or 'void'})"
        return [*comment_lines(self.comment), head, "{", *self.body, "}", ""]


@dataclass(frozen=True)
class CCopy:
    """One copy of a tiled nest, asked for its functions."""

    tiled: TiledNest
    names: Names
    copy: Copy

    @property
    def edge(self) -> Edge:
        """The levels that it is between."""
        return self.copy.edge

    @property
    def depth(self) -> int:
        """The number of loops around it."""
        return self.copy.depth

    @cached_property
    def fill(self) -> CFunction:
        """Brings a tile in: of the output zeros, or the partial sums of earlier visits."""
        target, source = self._inner, self._outer
        first, zeros = self._first, [f"{self.names.variable(loop)} > 0" for loop in self._reducing]
        test: list[str] = []
        if self._is_output and not self.tiled.geometry.overlaps:
            if not first:
                source, zeros = "0", []
            else:
                test = [f"{INDENT}const int first = {' && '.join(f'{v} == 0' for v in first)};"]
                zeros = ["first", *zeros]
        value = f"{' || '.join(zeros)} ? 0 : {source}" if zeros else source
        body = [*test, *nested(self._heads, [f"{target} = {value};"])]
        return self._function(self.names.fills, self._fill_comment(), body)

    @cached_property
    def drain(self) -> CFunction | None:
        """Brings a tile of the output back; fanouts add partial sums on the way. None for what is only read."""
        if not self._is_output:
            return None
        statements = [f"{self._outer} = {self._inner};"]
        if self._reducing:
            test = " && ".join(f"{self.names.variable(loop)} == 0" for loop in self._reducing)
            adding = f"{INDENT}{self._outer} += {self._inner};"
            statements = [f"if ({test})", INDENT + statements[0], "else", adding]
        return self._function(self.names.drains, self._drain_comment(), nested(self._heads, statements))

    @property
    def moves(self) -> str:
        """How often it moves how much, in few words."""
        times = f"{self.copy.visits} x " if self.copy.visits > 1 else ""
        stays = ", ".join(self.names.variable(loop) for loop in self.tiled.stationary(self.copy))
        return f"{times}{plural(math.prod(self._box), 'element')}{f'; stationary over {stays}' if stays else ''}"

    @property
    def _tensor(self) -> Tensor:
        return self.tiled.nest.tensors[self.edge.tensor]

    @property
    def _is_output(self) -> bool:
        return self._tensor.is_output

    @cached_property
    def _box(self) -> tuple[int, ...]:
        """The tile of the inner end."""
        return self.tiled.extents(self.edge.tensor, self.edge.child)

    @cached_property
    def _reducing(self) -> tuple[TiledLoop, ...]:
        return self.tiled.reducing(self.edge) if self._is_output else ()

    @cached_property
    def _first(self) -> list[str]:
        """The variables that all are 0 at a tile's first visit."""
        return [self.names.variable(loop) for loop in self.tiled.first_visit(self.copy)]

    @cached_property
    def _own(self) -> list[TiledLoop]:
        """The loops over instances that the copy brings along, for no loop around it stands for them."""
        outside = self.tiled.loops[: self.depth]
        return [loop for loop in self.tiled.instances(self.edge.child) if loop not in outside]

    @cached_property
    def _heads(self) -> list[str]:
        instances = [for_head(self.names.variable(loop), loop.trips) for loop in self._own]
        axes = [for_head(name, extent) for name, extent in zip(self.names.axes, self._box, strict=False) if extent > 1]
        return instances + axes

    @cached_property
    def _within(self) -> list[str | None]:
        """For every axis the variable that runs through the tile, if it is longer than 1."""
        return [name if extent > 1 else None for name, extent in zip(self.names.axes, self._box, strict=False)]

    @cached_property
    def _inner(self) -> str:
        """An element of the array of the inner end."""
        instances = [self.names.variable(loop) for loop in self.tiled.instances(self.edge.child)]
        subscripts = [name or "0" for name in self._within] or ["0"]
        return subscripted(self.names.arrays[self.edge.child, self.edge.tensor], [*instances, *subscripts])

    @cached_property
    def _outer(self) -> str:
        """The same element in the array of the outer end."""
        return element_of_parent(self.tiled, self.names, self.edge, self._within)

    def _function(self, names: dict[tuple[int, int], str], text: str, body: Sequence[str]) -> CFunction:
        """A function with the loops around the copy that its body names as parameters."""
        words = set(re.findall(r"\w+", " ".join(body)))
        around = [self.names.variable(loop) for loop in self.tiled.loops[: self.depth]]
        name = names[self.edge.child, self.edge.tensor]
        return CFunction(name, tuple(v for v in around if v in words), text, tuple(body))

    def _fill_comment(self) -> str:
        parent, child = (self.tiled.geometry.machine.nodes[node] for node in (self.edge.parent, self.edge.child))
        text = f"{self._tensor.name}, {parent} -> {child}: {self._size()}"
        if self._is_output:
            return f"{text} {self._origin_of_sums(parent)}"
        text += "".join(self._casts(node) for node in self.edge.fanouts)
        if self.tiled.geometry.machine.level_at[self.edge.child].halo:
            text += f" {child} fetches only the words that it did not hold (halo); here the whole tile is copied."
        return text

    def _casts(self, node: int) -> str:
        """What a fanout does with words that several of its instances need, if there are any."""
        geometry, axes = self.tiled.geometry, zip(self._tensor.index, self._box, strict=True)
        touching = any(step < extent for axis, extent in axes for step, _ in geometry.steps(axis, [node]))
        if not touching and geometry.spread_of(node, self._tensor) == geometry.spread(node):
            return ""
        network = geometry.machine.network_at[node]
        if network.multicast[self.edge.tensor]:
            return f" {network.name} sends what several instances need once (multicast)."
        return f" {network.name} sends what several instances need to each on its own (no multicast)."

    def _origin_of_sums(self, parent: str) -> str:
        """Where the sums of a tile start from."""
        if self.tiled.geometry.overlaps:
            return f"Tiles overlap, so that every visit reads back what {parent} holds."
        if not self._first:
            return "Every tile is visited once and starts from zero."
        others = " by one of the instances that share it" if self._reducing else ""
        return f"The first visit starts from zero, later ones read the partial sums back{others}."

    def _drain_comment(self) -> str:
        parent, child = (self.tiled.geometry.machine.nodes[node] for node in (self.edge.parent, self.edge.child))
        text = f"{self._tensor.name}, {child} -> {parent}: {self._size()}"
        for node in self.edge.fanouts:
            partial = math.prod(loop.trips for loop in self._reducing if loop.node == node)
            if partial > 1:
                text += f" {self.tiled.geometry.machine.nodes[node]} adds up {partial} partial sums of each word."
        return text

    def _size(self) -> str:
        """What moves: visits and the tile."""
        words = math.prod(self._box)
        instances = math.prod(loop.trips for loop in self.tiled.instances(self.edge.child))
        each = f" for each of {instances} instances" if instances > 1 else ""
        times = f"{self.copy.visits} times" if self.copy.visits > 1 else "once"
        size = words * self.tiled.geometry.machine.bytes_per_element[self.edge.tensor]
        return f"{times} a tile of {plural(words, 'element')} ({plural(size, 'byte')}){each}."


def element_of_parent(tiled: TiledNest, names: Names, edge: Edge, within: Sequence[str | None]) -> str:
    """An element of the array of an edge's outer end, ``within`` the inner end's tile (axis by axis)."""
    loops, subscripts = tiled.between(edge), [names.variable(loop) for loop in tiled.instances(edge.parent)]
    for axis, name in zip(tiled.nest.tensors[edge.tensor].index, within, strict=True):
        coefficients = dict(axis.terms)
        terms = [
            (coefficients[loop.dim] * loop.stride, names.variable(loop)) for loop in loops if loop.dim in coefficients
        ]
        subscripts.append(linear([*terms, *([(1, name)] if name else [])], tiled.shift(axis, edge)))
    scalar = [] if within else ["0"]
    return subscripted(names.arrays[edge.parent, edge.tensor], [*subscripts, *scalar])
