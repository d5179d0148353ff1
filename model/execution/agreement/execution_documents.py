"""Executions, and what they are held against, as public documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from ...documents.execution import (
    CountDifference,
    CyclesCompared,
    ExecutedCounts,
    ExecutedMapping,
    KnownDifferenceDocument,
    PublishedComparison,
    Resized,
    ShrunkLayer,
)
from ...hierarchy.hierarchy_cost import Access, Traffic
from ...hierarchy.hierarchy_documents import AccessCounts, NetworkCounts
from ...hierarchy.level_mapping import LevelMappingDocument
from ...hierarchy.resolved_machine import ResolvedMachine
from ...loop_nest import LoopNest
from ...mapping import MappingDocument
from ..executing import Execution
from .execution_differences import Difference
from .published_relation import PublishedRelation
from .shrinking import Shrunk

V = TypeVar("V")


def executed_mapping(
    nest: LoopNest,
    machine: ResolvedMachine,
    execution: Execution,
    differences: Sequence[Difference],
    published: PublishedComparison | None,
    shrunk: ShrunkLayer | None,
) -> ExecutedMapping:
    """The public form of an execution."""
    cost = execution.cost
    accesses = {key: _accesses(counts) for key, counts in cost.accesses.items()}
    networks = {key: _networks(counts) for key, counts in cost.networks.items()}
    return ExecutedMapping(
        output_equals=execution.output_equals,
        faults=execution.faults,
        counts=ExecutedCounts(accesses=_by_name(nest, machine, accesses), networks=_by_name(nest, machine, networks)),
        held=_by_name(nest, machine, cost.held),
        dma_cycles={machine.nodes[node]: cycles for node, cycles in cost.dma_cycles.items()},
        fits={machine.nodes[node]: fits for node, fits in cost.fits.items()},
        energy_pj=cost.energy_pj,
        energy_breakdown_pj=dict(cost.energy_parts_pj),
        cycles=cost.cycles,
        roofline=dict(cost.roofline),
        walk_cycles=cost.walk_cycles,
        agrees=execution.is_sound and not differences,
        differences=tuple(
            CountDifference(quantity=d.quantity, place=d.place, model=d.model, executed=d.executed) for d in differences
        ),
        published=published,
        shrunk=shrunk,
    )


def published_comparison(relation: PublishedRelation) -> PublishedComparison:
    """The public form of a published cost beside an execution."""
    return PublishedComparison(
        published_energy_pj=relation.published_energy_pj,
        executed_energy_pj=relation.executed_energy_pj,
        dram_bytes=relation.dram_bytes,
        known_differences=tuple(
            KnownDifferenceDocument(
                reason=known.reason,
                part=known.part,
                tensor=known.tensor,
                words=known.words,
                energy_pj=known.energy_pj,
            )
            for known in relation.known
        ),
        cycles=CyclesCompared(
            published=relation.published_cycles, roofline=relation.roofline_cycles, walk=relation.walk_cycles
        ),
    )


def shrunk_layer(nest: LoopNest, smaller: Shrunk, mapping: LevelMappingDocument | MappingDocument) -> ShrunkLayer:
    """The public form of how a layer was scaled down; ``nest`` is the whole layer's."""
    bounds = zip(nest.dims, nest.bounds, smaller.nest.bounds, strict=True)
    factors: dict[str, dict[str, Resized]] = {}
    for changed in smaller.changed:
        factors.setdefault(changed.dim, {})[changed.node] = Resized(was=changed.was, now=changed.now)
    return ShrunkLayer(
        macs=Resized(was=nest.num_macs, now=smaller.nest.num_macs),
        bounds={dim: Resized(was=was, now=now) for dim, was, now in bounds},
        factors=factors,
        kept=smaller.kept,
        lost=smaller.lost,
        mapping=mapping,
    )


def _accesses(counts: Access) -> AccessCounts:
    return AccessCounts(fill=counts.fill, serve=counts.serve, drain=counts.drain, update=counts.update)


def _networks(counts: Traffic) -> NetworkCounts:
    return NetworkCounts(down=counts.down, up=counts.up, adds=counts.adds)


def _by_name(nest: LoopNest, machine: ResolvedMachine, values: Mapping[tuple[int, int], V]) -> dict[str, dict[str, V]]:
    """Values by node and tensor, nodes from the outermost in and tensors as in the nest."""
    found: dict[str, dict[str, V]] = {}
    for node, tensor in sorted(values):
        found.setdefault(machine.nodes[node], {})[nest.tensors[tensor].name] = values[node, tensor]
    return found
