"""The exact cost of one mapping of a nest onto a hierarchy: every count, its energy and its time."""

from __future__ import annotations

from ...loop_nest import LoopNest
from ..accountings import EXECUTED, Accounting
from ..hierarchy_cost import HierarchyCost
from ..level_mapping import LevelMapping
from ..resolved_machine import ResolvedMachine
from .energy import energy_parts
from .geometry import Geometry
from .holding import fits, held_words, utilization
from .node_counts import NodeCounts
from .roofline import dma_cycles, roofline
from .walked_passes import walk_cycles


def hierarchy_cost(
    nest: LoopNest, machine: ResolvedMachine, mapping: LevelMapping, counted: Accounting = EXECUTED
) -> HierarchyCost:
    """The exact cost of a legal mapping; what does not fit is costed all the same, and flagged."""
    geometry = Geometry(nest, machine, mapping)
    counts = NodeCounts(geometry, counted)
    none = (None,) * len(nest.tensors)
    nodes, levels, networks = range(machine.num_nodes), machine.level_at, machine.network_at
    terms = roofline(counts)
    return HierarchyCost(
        energy_parts_pj=energy_parts(counts),
        roofline=terms,
        walk_cycles=max(max(terms.values()), walk_cycles(counts)) if counted.has_walk else None,
        accesses=tuple(counts.accesses(node) if node in levels else none for node in nodes),
        networks=tuple(counts.traffic(node) if node in networks else none for node in nodes),
        busiest=tuple(counts.busiest(node) if node in levels else None for node in nodes),
        held=tuple(held_words(geometry, levels[node]) if node in levels else none for node in nodes),
        dma_cycles=dma_cycles(counts),
        fits=tuple(
            fits(geometry, levels[node]) if node in levels else geometry.spread(node) <= networks[node].size
            for node in nodes
        ),
        utilization=tuple(
            utilization(geometry, levels[node]) if node in levels else geometry.spread(node) / networks[node].size
            for node in nodes
        ),
    )
