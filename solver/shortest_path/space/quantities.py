"""What a search adds up: the energy, and the time of every port and network that has a bandwidth.

All of them are sums of words times prices, so that one programme serves them alike (hierarchy model, sections 6 and 7).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from ....model.hierarchy.accountings import EXECUTED, Accounting
from ....model.hierarchy.constraints.resolved_constraints import ResolvedConstraints
from ....model.hierarchy.resolved_machine import Level, Network
from ....model.loop_nest import LoopNest
from . import marks


@dataclass(frozen=True)
class Quantity:
    """One sum.

    ``price``: what a word adds; for energy it depends on the node and is 0 here. Energy is at no node: -1. With
    ``divides`` it is in cycles of one instance, so that unrolling outside its node divides it. ``limit``: the most that
    it may be.
    """

    kind: str
    node: int
    price: float
    divides: bool = True
    limit: float = math.inf


ENERGY = Quantity("energy", -1, 0.0, divides=False)
READS, WRITES, BOTH, DMA = "reads", "writes", "both", "dma"
"""Kinds of ports."""
WORDS = "words"
"""All words that a level reads and writes."""
MARK = "mark"
"""What tells partial mappings apart (:mod:`.marks`): no part of any cost."""


def down(tensor: int) -> str:
    """The kind of the network that sends a tensor from a root of a fanout."""
    return f"down {tensor}"


def up(tensor: int) -> str:
    """The kind of the network that brings the output to a root of a fanout."""
    return f"up {tensor}"


@dataclass(frozen=True)
class Quantities:
    """The quantities of a search; the energy comes first."""

    listed: tuple[Quantity, ...]

    def __len__(self) -> int:
        return len(self.listed)

    @cached_property
    def marked(self) -> Quantities:
        """The same with marks after them."""
        return Quantities((*self.listed, *(Quantity(MARK, -1, 0.0, divides=False) for _ in range(marks.COUNT))))

    @cached_property
    def marks(self) -> tuple[int, ...]:
        """Where the marks stand."""
        return tuple(position for position, quantity in enumerate(self.listed) if quantity.kind == MARK)

    @cached_property
    def position(self) -> dict[tuple[int, str], int]:
        """Where a quantity stands, by node and kind."""
        return {(quantity.node, quantity.kind): position for position, quantity in enumerate(self.listed)}


def quantities(constraints: ResolvedConstraints, *, with_times: bool, counted: Accounting = EXECUTED) -> Quantities:
    """The energy, words that are limited, and ``with_times`` every port and network that can limit the time."""
    nest, machine, listed = constraints.nest, constraints.machine, [ENERGY]
    for node, most in enumerate(constraints.max_words):
        if most is not None:
            listed.append(Quantity(WORDS, node, 1.0, divides=False, limit=float(most)))
    for node in range(machine.num_nodes) if with_times else ():
        level = machine.level_at.get(node)
        if level is not None:
            listed += _of_level(level, counted)
        elif counted.has_networks:
            listed += _of_network(nest, machine.network_at[node])
    return Quantities(tuple(listed))


def _of_level(level: Level, counted: Accounting) -> list[Quantity]:
    ports = ((READS, level.read_bandwidth), (WRITES, level.write_bandwidth), (BOTH, level.bandwidth))
    found = [Quantity(kind, level.node, 1 / bandwidth) for kind, bandwidth in ports if bandwidth is not None]
    return [*found, Quantity(DMA, level.node, 1.0)] if level.dma is not None and counted.has_networks else found


def _of_network(nest: LoopNest, network: Network) -> list[Quantity]:
    if network.bandwidth is None:
        return []
    kinds = [*(down(tensor) for tensor in range(len(nest.tensors))), up(nest.output)]
    return [Quantity(kind, network.node, 1 / network.bandwidth) for kind in kinds]
