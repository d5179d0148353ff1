"""In what an execution and the hierarchy model differ: every count, limit and cost that both have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...hierarchy.hierarchy_cost import Access, HierarchyCost, Traffic
from ...hierarchy.resolved_machine import ResolvedMachine
from ...loop_nest import LoopNest
from ..executed_cost import ExecutedCost

Number = int | float | None
"""A value that a model or an execution has for a quantity; ``None`` where it has none."""


@dataclass(frozen=True)
class Difference:
    """A quantity on which a model and an execution disagree, and where: a level, a level's tensor, a term."""

    quantity: str
    place: str
    model: Number
    executed: Number


def execution_differences(
    nest: LoopNest, machine: ResolvedMachine, cost: HierarchyCost, executed: ExecutedCost
) -> list[Difference]:
    """All quantities that differ; energies are compared to the last bit."""
    compared = [
        *_counts(nest, machine, cost, executed),
        *_by_node(machine, cost, executed),
        *_held(nest, machine, cost, executed),
        *_costs(cost, executed),
    ]
    return [found for found in compared if found.model != found.executed]


def _counts(
    nest: LoopNest, machine: ResolvedMachine, cost: HierarchyCost, executed: ExecutedCost
) -> Iterator[Difference]:
    for node, name in enumerate(machine.nodes):
        for t, tensor in enumerate(nest.tensors):
            place = f"{name}.{tensor.name}"
            counted, walked = cost.accesses[node][t], executed.accesses.get((node, t))
            for kind in ("fill", "serve", "drain", "update"):
                yield Difference(kind, place, _number(counted, kind), _number(walked, kind))
            passed, moved = cost.networks[node][t], executed.networks.get((node, t))
            for kind in ("down", "up", "adds"):
                yield Difference(kind, place, _number(passed, kind), _number(moved, kind))


def _number(counts: Access | Traffic | None, kind: str) -> Number:
    return None if counts is None else getattr(counts, kind)


def _held(
    nest: LoopNest, machine: ResolvedMachine, cost: HierarchyCost, executed: ExecutedCost
) -> Iterator[Difference]:
    """Words of one instance; the outermost level's are not held against one another, for it holds everything."""
    for level in machine.levels[1:]:
        for t, tensor in enumerate(nest.tensors):
            found = executed.held.get((level.node, t))
            yield Difference("held", f"{level.name}.{tensor.name}", cost.held[level.node][t], found)


def _by_node(machine: ResolvedMachine, cost: HierarchyCost, executed: ExecutedCost) -> Iterator[Difference]:
    for node, name in enumerate(machine.nodes):
        counted, walked = cost.busiest[node] or (None, None), executed.busiest.get(node, (None, None))
        yield Difference("reads of instance 0", name, counted[0], walked[0])
        yield Difference("writes of instance 0", name, counted[1], walked[1])
        yield Difference("dma_cycles", name, cost.dma_cycles.get(node), executed.dma_cycles.get(node))
        yield Difference("fits", name, cost.fits[node], executed.fits.get(node, True))


def _costs(cost: HierarchyCost, executed: ExecutedCost) -> Iterator[Difference]:
    for part in {**cost.energy_parts_pj, **executed.energy_parts_pj}:
        parts = cost.energy_parts_pj.get(part), executed.energy_parts_pj.get(part)
        yield Difference("energy_pj", part, *parts)
    for term in {**cost.roofline, **executed.roofline}:
        yield Difference("cycles", term, cost.roofline.get(term), executed.roofline.get(term))
    yield Difference("walk_cycles", "", cost.walk_cycles, executed.walk_cycles)
