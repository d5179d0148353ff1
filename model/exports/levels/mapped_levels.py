"""A layer with the mapping onto a hierarchy that was chosen for it: what exports of hierarchies start from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ...documents.result import Result
from ...hierarchy.accountings import AccountingName
from ...hierarchy.hierarchy_cost import HierarchyCost
from ...hierarchy.hierarchy_model import MODEL
from ...hierarchy.level_mapping import LevelMapping, LevelMappingDocument, level_mapping, overlapping_axes
from ...hierarchy.machine import Machine
from ...hierarchy.resolved_machine import Level, Network, ResolvedMachine, resolved_machine
from ...loop_nest import LoopNest
from ..mapped_layer import best_documents


@dataclass(frozen=True)
class MappedLevels:
    """A layer, the machine, and one mapping of the layer onto it; ``count``: how often the layer occurs."""

    name: str
    count: int
    nest: LoopNest
    architecture: Machine
    mapping: LevelMapping

    @classmethod
    def from_document(
        cls, name: str, count: int, nest: LoopNest, architecture: Machine, document: LevelMappingDocument
    ) -> MappedLevels:
        """The layer with a public mapping.

        Raises:
            ValueError: when the mapping is not one of this nest and machine.
        """
        mapping = level_mapping(nest, resolved_machine(architecture, nest), document)
        return cls(name, count, nest, architecture, mapping)

    @cached_property
    def machine(self) -> ResolvedMachine:
        """The machine as the nest meets it."""
        return resolved_machine(self.architecture, self.nest)

    def cost(self, accounting: AccountingName) -> HierarchyCost:
        """The exact cost of the mapping as a tool counts it."""
        return MODEL.under(accounting).cost(self.nest, self.architecture, self.mapping)

    def loops(self, level: Level) -> tuple[int, ...]:
        """Dimensions that iterate at a level, outermost first."""
        factors = self.mapping.factors[level.node]
        return tuple(dim for dim in self.mapping.orders[level.node] if factors[dim] > 1)

    def spread(self, network: Network) -> tuple[int, ...]:
        """Dimensions that are unrolled over a fanout, in the nest's order."""
        return tuple(dim for dim, factor in enumerate(self.mapping.factors[network.node]) if factor > 1)

    def kept(self, level: Level) -> tuple[int, ...]:
        """Tensors that a level keeps."""
        return tuple(t for t, held in enumerate(self.mapping.kept[level.node]) if held)

    def stride(self, node: int, dim: int) -> int:
        """What a loop over a dimension at a node leaves of it: the product of its factors further inside."""
        return math.prod(factors[dim] for factors in self.mapping.factors[node + 1 :])


def fanouts_inside(machine: ResolvedMachine) -> Iterator[tuple[Level, tuple[Network, ...]]]:
    """Every storage level with the fanouts between it and the next one, outermost first."""
    ends = [*(level.node for level in machine.levels[1:]), machine.num_nodes]
    for level, end in zip(machine.levels, ends, strict=True):
        yield level, tuple(network for network in machine.networks if level.node < network.node < end)


def best_level_mappings(result: Result) -> list[MappedLevels]:
    """Every distinct layer with its best mapping onto a hierarchy; none for a result on another architecture."""
    machine = result.architecture
    return [
        MappedLevels.from_document(name, count, nest, machine, document)
        for name, count, nest, document in best_documents(result)
        if isinstance(machine, Machine) and isinstance(document, LevelMappingDocument)
    ]


def overlapping_output(nest: LoopNest) -> str | None:
    """Why tools are not known to count a nest's output as we do; ``None`` where they are."""
    if overlapping_axes(nest):
        return f"tiles of {nest.tensors[nest.output].name} overlap, which tools count in ways of their own"
    return None


def missing_multicast(nest: LoopNest, machine: ResolvedMachine) -> str | None:
    """Which fanout sends a copy of some tensor to every instance, where a format knows multicast only."""
    for network in machine.networks:
        for tensor, shared in zip(nest.tensors, network.multicast, strict=True):
            if not (tensor.is_output or shared):
                return f"{network.name} does not multicast {tensor.name}"
    return None


def differing_prices(machine: ResolvedMachine) -> str | None:
    """Why a machine's levels cannot be said to have one price for all tensors; ``None`` where they can."""
    for level in machine.levels:
        for what, prices in (("reading", level.read_pj), ("writing", level.write_pj)):
            if len({price for price, keep in zip(prices, level.keep, strict=True) if keep != "never"}) > 1:
                return f"{what} {level.name} has not the same price for every tensor"
    return None


def level_prices(level: Level) -> tuple[float, float]:
    """Energy in pJ of reading and of writing where it is that of all tensors that may be kept."""
    kept = [t for t, keep in enumerate(level.keep) if keep != "never"]
    return (level.read_pj[kept[0]], level.write_pj[kept[0]]) if kept else (0.0, 0.0)
