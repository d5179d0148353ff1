"""The temporal loops of a mapping as a walk through time: which tile every level is at, step by step.

A *step* is one turn of all temporal loops together: every multiply-accumulate unit in use does one operation. A *pass*
of a node is what happens while the loops outside it stand still.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..hierarchy.level_mapping import LevelMapping
from ..hierarchy.resolved_machine import ResolvedMachine
from ..loop_nest import LoopNest

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class TemporalLoop:
    """A loop of a storage level with more than one iteration; ``stride`` is by how much it moves its dimension."""

    node: int
    dim: int
    trip: int
    stride: int
    steps_per_iteration: int


@dataclass(frozen=True)
class Span:
    """Consecutive steps, ``stop`` excluded."""

    start: int
    stop: int

    @property
    def steps(self) -> IntArray:
        """Every step."""
        return np.arange(self.start, self.stop, dtype=np.int64)

    def passes(self, steps_per_pass: int) -> IntArray:
        """The passes that the steps belong to, for a node whose passes take so many steps."""
        return np.arange(self.start // steps_per_pass, (self.stop - 1) // steps_per_pass + 1, dtype=np.int64)


@dataclass(frozen=True)
class Walk:
    """The loops of a mapping in time and the instances that they are spread over in space.

    ``strides[node][dim]``: by how much a loop at that node moves the index, the product of all factors inside it.
    """

    nest: LoopNest
    factors: tuple[tuple[int, ...], ...]
    strides: tuple[tuple[int, ...], ...]
    loops: tuple[TemporalLoop, ...]
    fanouts: frozenset[int]

    @property
    def mac(self) -> int:
        """The node of the multiply-accumulate units."""
        return len(self.factors)

    @cached_property
    def num_steps(self) -> int:
        """Steps of the whole walk."""
        return math.prod(loop.trip for loop in self.loops)

    def tile(self, node: int) -> tuple[int, ...]:
        """Sizes of the tile of one instance of a storage level, or of the MAC, by dimension."""
        if node == self.mac:
            return (1,) * len(self.nest.dims)
        return tuple(f * s for f, s in zip(self.factors[node], self.strides[node], strict=True))

    def steps_per_pass(self, node: int) -> int:
        """Steps of a pass of a node."""
        return math.prod(loop.trip for loop in self.loops if loop.node >= node)

    def _indices(self, node: int, passes: IntArray) -> list[tuple[TemporalLoop, IntArray]]:
        """The loops outside a node, with the iteration that each is in during passes of the node."""
        per_pass = self.steps_per_pass(node)
        outside = [loop for loop in self.loops if loop.node < node]
        return [(loop, passes // (loop.steps_per_iteration // per_pass) % loop.trip) for loop in outside]

    def origins(self, node: int, passes: IntArray) -> IntArray:
        """Where the tiles of instance 0 of a node begin: by pass and dimension."""
        found = np.zeros((len(passes), len(self.nest.dims)), dtype=np.int64)
        for loop, index in self._indices(node, passes):
            found[:, loop.dim] += index * loop.stride
        return found

    def identities(self, node: int, dims: Collection[int], passes: IntArray) -> IntArray:
        """Numbers that tell tiles apart by the loops over some dimensions: equal ones mean the same tile."""
        found = np.zeros(len(passes), dtype=np.int64)
        for loop, index in self._indices(node, passes):
            if loop.dim in dims:
                found = found * loop.trip + index
        return found

    def num_identities(self, node: int, dims: Collection[int]) -> int:
        """How many different tiles there are: identities are below it."""
        return math.prod(loop.trip for loop in self.loops if loop.node < node and loop.dim in dims)

    def num_instances(self, node: int) -> int:
        """Instances in use of a node."""
        return math.prod(self.unrolled(fanout) for fanout in self.fanouts if fanout < node)

    def unrolled(self, fanout: int) -> int:
        """Instances in use at each root of a fanout."""
        return math.prod(self.factors[fanout])

    def offsets(self, node: int) -> IntArray:
        """By how much the tile of every instance of a node lies behind that of instance 0: by instance, dimension."""
        found = np.zeros((1, len(self.nest.dims)), dtype=np.int64)
        for fanout in sorted(fanout for fanout in self.fanouts if fanout < node):
            index = np.indices(self.factors[fanout], dtype=np.int64).reshape(len(self.nest.dims), -1).T
            local = index * np.array(self.strides[fanout], dtype=np.int64)
            found = (found[:, None, :] + local[None]).reshape(-1, len(self.nest.dims))
        return found


def walk_of(nest: LoopNest, machine: ResolvedMachine, mapping: LevelMapping) -> Walk:
    """The walk of a mapping."""
    strides = _strides(mapping.factors)
    order = [(level.node, dim) for level in machine.levels for dim in mapping.orders[level.node]]
    iterating = [(node, dim) for node, dim in order if mapping.factors[node][dim] > 1]
    loops: list[TemporalLoop] = []
    inside = 1
    for node, dim in reversed(iterating):
        trip = mapping.factors[node][dim]
        loops.append(TemporalLoop(node, dim, trip, strides[node][dim], inside))
        inside *= trip
    fanouts = frozenset(network.node for network in machine.networks)
    return Walk(nest, mapping.factors, strides, tuple(reversed(loops)), fanouts)


def _strides(factors: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    """For every node and dimension the product of the factors of all nodes inside."""
    found = [(1,) * len(factors[0])]
    for inner in reversed(factors[1:]):
        found.append(tuple(s * f for s, f in zip(found[-1], inner, strict=True)))
    return tuple(reversed(found))
