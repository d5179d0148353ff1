"""The edges that a tensor's words travel: between consecutive levels that keep it, the last one to the MAC.

Words are known by their *address*: their position in the tensor as DRAM holds it. An edge knows, for every instance
and word of a tile, the address and where the word lies in the parent's tile; both move by a scalar as time goes on,
since all instances walk in lockstep.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from ..hierarchy.level_mapping import LevelMapping, overlapping_axes
from ..hierarchy.resolved_machine import ResolvedMachine
from ..loop_nest import AffineIndex, LoopNest
from .walked_loops import IntArray, Walk


@dataclass(frozen=True)
class Box:
    """One instance's tile of a tensor: a box of words, the origin of its loops at 0.

    ``coefficients[axis][dim]`` are those of the index; ``lowest`` is the smallest index of every axis.
    """

    coefficients: IntArray
    extents: tuple[int, ...]
    lowest: IntArray

    @property
    def words(self) -> int:
        """Words of the tile, holes between strides included."""
        return math.prod(self.extents)

    @property
    def pitches(self) -> IntArray:
        """By how much a step along each axis moves a word's position in the box (row by row)."""
        return row_pitches(self.extents)

    @property
    def grid(self) -> IntArray:
        """Coordinates of every word within the box: by word, axis."""
        return np.indices(self.extents, dtype=np.int64).reshape(len(self.extents), -1).T


@dataclass(frozen=True)
class Stage:
    """A fanout that an edge crosses: its node, instances in use per root, how many of them index the tensor.

    ``siblings`` are the positions of its instances as a table: a row for each place along the dimensions that do not
    index the tensor, a column for each along those that do.
    """

    node: int
    size: int
    siblings: IntArray
    multicast: bool
    reduces: bool


@dataclass(frozen=True)
class Edge:
    """An edge of a tensor; arrays are by instance of the child and word of its tile unless said otherwise.

    A word's address is ``addresses + origin @ address_step`` and its position in the parent's store
    ``positions + (origin - parent's origin) @ position_step``, for the origin of the child's tile. ``halo``: words
    that the child holds already are not fetched again.
    """

    tensor: int
    parent: int
    child: int
    stages: tuple[Stage, ...]
    box: Box
    parent_words: int
    num_parents: int
    addresses: IntArray
    address_step: IntArray
    positions: IntArray
    position_step: IntArray
    steps_per_pass: int
    halo: bool
    tensor_name: str
    parent_name: str
    child_name: str

    @property
    def num_children(self) -> int:
        """Instances in use of the child."""
        return len(self.addresses)

    def num_roots(self, position: int) -> int:
        """Instances in use of a stage: its roots, each with instances of its own below."""
        return self.num_parents * math.prod(stage.size for stage in self.stages[:position])


@dataclass(frozen=True)
class TensorPath:
    """A tensor's edges from DRAM to the MAC, and the dimensions that tell its tiles apart.

    ``apart``: dimensions whose loops surely lead to other words; for an overlapping output fewer than ``dims``.
    """

    tensor: int
    dims: frozenset[int]
    apart: frozenset[int]
    overlaps: bool
    edges: tuple[Edge, ...]
    num_words: int


def row_pitches(extents: tuple[int, ...]) -> IntArray:
    """By how much a step along each axis of an array moves the position, the last axis innermost."""
    return np.array([math.prod(extents[axis + 1 :]) for axis in range(len(extents))], dtype=np.int64)


def axes_of(nest: LoopNest, tensor: int) -> tuple[AffineIndex, ...]:
    """The axes of a tensor; a scalar has one of a single word."""
    return nest.tensors[tensor].index or (AffineIndex(()),)


def box_of(walk: Walk, node: int, tensor: int) -> Box:
    """The tile of a tensor at one instance of a storage level or of the MAC."""
    axes, tile = axes_of(walk.nest, tensor), walk.tile(node)
    coefficients = np.zeros((len(axes), len(walk.nest.dims)), dtype=np.int64)
    for axis, index in enumerate(axes):
        for dim, coefficient in index.terms:
            coefficients[axis, dim] = coefficient
    reach = coefficients * (np.array(tile, dtype=np.int64) - 1)
    extents = tuple(int(extent) for extent in np.abs(reach).sum(axis=1) + 1)
    return Box(coefficients, extents, np.minimum(reach, 0).sum(axis=1))


def path_of(walk: Walk, machine: ResolvedMachine, mapping: LevelMapping, tensor: int) -> TensorPath:
    """The edges of a tensor under a mapping."""
    kept = [level.node for level in machine.levels if mapping.kept[level.node][tensor]]
    ends = [*kept, walk.mac]
    edges = tuple(_edge(walk, machine, tensor, *pair) for pair in itertools.pairwise(ends))
    dims = walk.nest.tensors[tensor].dims
    overlapping = overlapping_axes(walk.nest) if tensor == walk.nest.output else []
    apart = dims.difference(*overlapping)
    return TensorPath(tensor, dims, apart, bool(overlapping), edges, box_of(walk, 0, tensor).words)


def _edge(walk: Walk, machine: ResolvedMachine, tensor: int, parent: int, child: int) -> Edge:
    box, outer, whole = (box_of(walk, node, tensor) for node in (child, parent, 0))
    offsets, parents = walk.offsets(child), walk.offsets(parent)
    parent_of = np.arange(len(offsets)) // (len(offsets) // len(parents))
    first = (offsets @ box.coefficients.T)[:, None, :] + box.grid + box.lowest
    first_of_parent = (parents @ box.coefficients.T)[parent_of][:, None, :] + outer.lowest
    return Edge(
        tensor=tensor,
        parent=parent,
        child=child,
        stages=tuple(_stage(walk, machine, tensor, node) for node in range(parent, child) if node in walk.fanouts),
        box=box,
        parent_words=outer.words,
        num_parents=len(parents),
        addresses=(first - whole.lowest) @ whole.pitches,
        address_step=box.coefficients.T @ whole.pitches,
        positions=(first - first_of_parent) @ outer.pitches + (parent_of * outer.words)[:, None],
        position_step=box.coefficients.T @ outer.pitches,
        steps_per_pass=walk.steps_per_pass(child),
        halo=child < walk.mac and machine.level_at[child].halo and tensor != walk.nest.output,
        tensor_name=walk.nest.tensors[tensor].name,
        parent_name=machine.nodes[parent],
        child_name=machine.nodes[child] if child < walk.mac else "MAC",
    )


def _stage(walk: Walk, machine: ResolvedMachine, tensor: int, node: int) -> Stage:
    network, factors = machine.network_at[node], walk.factors[node]
    dims = walk.nest.tensors[tensor].dims
    sharing = [dim for dim in range(len(factors)) if dim not in dims]
    indexing = [dim for dim in range(len(factors)) if dim in dims]
    table = np.arange(math.prod(factors), dtype=np.int64).reshape(factors).transpose(*sharing, *indexing)
    return Stage(
        node=node,
        size=math.prod(factors),
        siblings=table.reshape(math.prod(factors[dim] for dim in sharing), -1),
        multicast=network.multicast[tensor] and tensor != walk.nest.output,
        reduces=network.reduce,
    )
