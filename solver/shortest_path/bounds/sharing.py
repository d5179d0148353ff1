"""What tensors whose words pass the same fanouts can save there together.

Each of them may be shared by all instances, but hardly all of them: a dimension that is unrolled spares the words of
the tensors that it does not index. With a few tensors of words ``w`` at prices ``c`` and savings ``f``, the sum of
``c w / f`` is at least their number times its geometric mean, and the product of the savings is bounded by instances.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ....model.hierarchy.resolved_machine import Network
from ..space.keeping import State
from ..space.map_space import MapSpace
from ..space.tile_vectors import Floats, Ints
from .stages import Stage
from .tails import Tail


@dataclass(frozen=True)
class Sharing:
    """A set of tensors; ``ratio``: how much less they save together than each can alone, at fanouts outside a stage.

    ``power``: the same at the fanout of the stage itself, as an exponent of the instances left. ``quantities``: those
    that all of the tensors add to at the outer ends of their edges.
    """

    tensors: tuple[int, ...]
    ratio: float
    power: int
    quantities: tuple[int, ...]

    @property
    def matters(self) -> bool:
        """Whether they save less together than each can alone."""
        return bool(self.quantities) and (self.ratio > 1 or self.power > 0)

    def least(self, costs: Mapping[int, Floats], left: Ints) -> Floats:
        """The least sums of the tensors' costs, of which each is given as if it alone saved the most that it can."""
        product: Floats = self.ratio * left.astype(np.float64)[:, np.newaxis] ** self.power
        for tensor in self.tensors:
            product = product * costs[tensor][:, self.quantities]
        mean: Floats = product ** (1 / len(self.tensors))
        return len(self.tensors) * mean


def sharing_of(
    space: MapSpace, stage: Stage, state: State, tensors: tuple[int, ...], tails: Mapping[int, Tail]
) -> Sharing:
    """What tensors on the edges of a state save together from a stage on."""
    ratio, power = 1.0, 0
    for network in space.machine.networks:
        if network.node > stage.node:
            continue
        passing = [tensor for tensor in tensors if state.edges[tensor].outer < network.node]
        alone = sum(space.shares(tensor, network) for tensor in passing)
        together = max((_spared(space, network, passing, dim) for dim in space.unrolled[network.node]), default=0)
        if network.node == stage.node:
            power = alone - together
        else:
            ratio *= math.pow(space.most_instances[network.node], alone - together)
    paid = np.all([tails[tensor].last > 0 for tensor in tensors], axis=0)
    return Sharing(tensors, ratio, power, tuple(np.flatnonzero(paid).tolist()))


def _spared(space: MapSpace, network: Network, tensors: list[int], dim: int) -> int:
    """How many tensors have fewer words at the root of a fanout if a dimension is unrolled."""
    return sum(space.shares(tensor, network) and _spares(space, tensor, dim) for tensor in tensors)


def _spares(space: MapSpace, tensor: int, dim: int) -> bool:
    """Whether instances that differ in an index of a dimension have words of a tensor in common."""
    if dim not in space.dims_of[tensor]:
        return True
    axes = [axis for of, axis in space.windows if of == tensor]
    return any(dim == term for axis in axes for term, _ in space.nest.tensors[tensor].index[axis].terms)
