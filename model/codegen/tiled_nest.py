"""A mapping as the loop nest of a program: every loop that iterates in one row, and where tiles are copied.

Source: hierarchy model, section 4; visits as in section 5. Nothing here knows the language that is printed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ..hierarchy.exact.geometry import Edge, Geometry, extents
from ..loop_nest import AffineIndex, LoopNest, Tensor


@dataclass(frozen=True)
class TiledLoop:
    """A loop with more than one iteration, each of which moves the index of ``dim`` by ``stride``.

    ``parallel``: at a fanout, where the iterations are instances side by side.
    """

    node: int
    dim: int
    trips: int
    stride: int
    parallel: bool


@dataclass(frozen=True)
class Copy:
    """Where tiles of one edge are copied: inside the ``depth`` outermost loops, above the free ones (section 5)."""

    edge: Edge
    depth: int
    visits: int
    """How often each instance of the inner end gets a tile in the whole run."""


@dataclass(frozen=True)
class TiledNest:
    """A mapping, asked for its loops, its arrays and the copies between them."""

    geometry: Geometry

    @property
    def nest(self) -> LoopNest:
        """The loop nest that is tiled."""
        return self.geometry.nest

    @property
    def output(self) -> Tensor:
        """The tensor that is accumulated into."""
        return self.nest.tensors[self.nest.output]

    @cached_property
    def mac(self) -> int:
        """The node of the multiply-accumulate unit: one past the last."""
        return self.geometry.machine.num_nodes

    @cached_property
    def loops(self) -> tuple[TiledLoop, ...]:
        """All loops that iterate, the outermost first: those of every node in turn."""
        return tuple(loop for node in range(self.mac) for loop in self._loops_at(node))

    def _loops_at(self, node: int) -> Iterable[TiledLoop]:
        factors, strides = self.geometry.mapping.factors[node], self.geometry.strides[node]
        parallel = node in self.geometry.machine.network_at
        order = range(len(factors)) if parallel else self.geometry.mapping.orders[node]
        return (TiledLoop(node, dim, factors[dim], strides[dim], parallel) for dim in order if factors[dim] > 1)

    @cached_property
    def edges(self) -> tuple[tuple[Edge, ...], ...]:
        """For every tensor its edges, the outermost first; the last one ends at the MAC."""
        return tuple(self.geometry.edges(tensor) for tensor in range(len(self.nest.tensors)))

    @cached_property
    def copies(self) -> tuple[Copy, ...]:
        """The copies of all edges but those into the MAC: by the node that is filled, then by tensor."""
        inner = (edge for edges in self.edges for edge in edges if edge.child != self.mac)
        return tuple(self._copy(edge) for edge in sorted(inner, key=lambda edge: (edge.child, edge.tensor)))

    def _copy(self, edge: Edge) -> Copy:
        """A copy stands inside the innermost temporal loop outside the child that indexes the tensor."""
        dims = self.nest.tensors[edge.tensor].dims
        temporal = [at for at, loop in enumerate(self.loops) if loop.node < edge.child and not loop.parallel]
        depth = max((at + 1 for at in temporal if self.loops[at].dim in dims), default=0)
        return Copy(edge, depth, math.prod(self.loops[at].trips for at in temporal if at < depth))

    def instances(self, node: int) -> tuple[TiledLoop, ...]:
        """The loops over the instances of a node: those of the fanouts outside it."""
        return tuple(loop for loop in self.loops if loop.parallel and loop.node < node)

    def between(self, edge: Edge) -> tuple[TiledLoop, ...]:
        """The loops that move the tile of the inner end within that of the outer one."""
        return tuple(loop for loop in self.loops if edge.parent <= loop.node < edge.child)

    def first_visit(self, copy: Copy) -> tuple[TiledLoop, ...]:
        """The loops that all stand at 0 when a tile of the output is visited for the first time."""
        outside = self.loops[: copy.depth]
        return tuple(loop for loop in outside if not loop.parallel and loop.dim not in self.output.dims)

    def stationary(self, copy: Copy) -> tuple[TiledLoop, ...]:
        """The temporal loops outside the inner end over which its tile stays where it is."""
        return tuple(loop for loop in self.loops[copy.depth :] if loop.node < copy.edge.child and not loop.parallel)

    def reducing(self, edge: Edge) -> tuple[TiledLoop, ...]:
        """The loops over instances that hold partial sums of the same words of the output, within an edge."""
        return tuple(loop for loop in self.between(edge) if loop.parallel and loop.dim not in self.output.dims)

    def extents(self, tensor: int, node: int) -> tuple[int, ...]:
        """Elements along every axis of the box of a tensor that an instance of a storage level holds."""
        return extents(self.nest.tensors[tensor], self.geometry.tile(node))

    def shift(self, axis: AffineIndex, edge: Edge) -> int:
        """How far above the low end of the outer tile the inner one begins while all loops between stand at 0.

        Indices that fall as a dimension grows begin at the top of the outer tile.
        """
        outer, inner = self.geometry.tile(edge.parent), self.geometry.tile(edge.child)
        return sum(-a * (outer[dim] - inner[dim]) for dim, a in axis.terms if a < 0)


def lowest_index(axis: AffineIndex, nest: LoopNest) -> int:
    """The least value of an index, which the array's element 0 stands for."""
    return axis.constant + sum(a * (nest.bounds[dim] - 1) for dim, a in axis.terms if a < 0)
