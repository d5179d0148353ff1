"""What mappings onto hierarchies cost, as public JSON (``docs/contract.md`` section 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import SerializerFunctionWrapHandler, model_serializer

from ..base import Model
from ..loop_nest import LoopNest
from .hierarchy_cost import HierarchyCost
from .resolved_machine import ResolvedMachine

V = TypeVar("V")


class AccessCounts(Model):
    """Elements of one tensor that one storage level moves, all instances together (hierarchy model, section 5)."""

    fill: int
    """Written: from the next level outside that keeps the tensor."""
    serve: int
    """Read: for the next level inside that keeps the tensor."""
    drain: int
    """Read: results on their way out."""
    update: int
    """Written: results that come from inside."""


class NetworkCounts(Model):
    """Words of one tensor that pass one fanout, all instances together (hierarchy model, section 5)."""

    down: int
    """Words on the way in, counted at the instances."""
    up: int
    """Words on the way out, counted at the instances."""
    adds: int
    """Additions of partial sums on the way out."""


class LevelsCost(Model):
    """Exact cost of a mapping onto a hierarchy. Energies in pJ, time in accelerator cycles, EDP in pJ * cycles."""

    energy_pj: float
    """Energy in pJ."""
    cycles: int
    """Time in cycles: the largest term of the roofline."""
    edp: float
    """Energy times cycles, in binary64."""
    walk_cycles: int | None
    """Time in cycles with fill, drain and stalls; null where the accounting does not define it."""
    energy_breakdown_pj: dict[str, float]
    """Energy in pJ of `mac` and of every node; they sum to the whole in this order."""
    roofline: dict[str, int]
    """Cycles by term: `compute`, `LEVEL.reads`, `FANOUT.TENSOR.down` and so on."""
    bound_by: str
    """The term that decides; of equal ones the first."""
    utilization: dict[str, float | None]
    """By node: instances in use, or bytes held, over what there are; null for a level without a limit."""
    ideal_cycles: int | None = None
    """Cycles if every instance of every fanout did a multiply-accumulate in each: multiply-accumulates / instances,
    rounded up. Null in older documents."""


class EvaluatedLevels(LevelsCost):
    """What ``evaluate`` says of a mapping onto a hierarchy; what follows ``fits`` is absent without ``detail``."""

    fits: dict[str, bool]
    """By node: whether what is unrolled or held there fits."""
    tensor_energy_pj: dict[str, dict[str, float]] | None = None
    """By node and tensor: energy in pJ; a node's tensors sum to its part of the breakdown, but for rounding."""
    accesses: dict[str, dict[str, AccessCounts]] | None = None
    """By storage level and tensor kept there."""
    networks: dict[str, dict[str, NetworkCounts]] | None = None
    """By fanout and tensor."""
    held: dict[str, dict[str, int]] | None = None
    """By storage level and tensor kept there: elements of one instance's tile."""
    dma_cycles: dict[str, int] | None = None
    """By storage level with a DMA engine: cycles that the engine takes."""

    @model_serializer(mode="wrap")
    def _without_absent(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """All but details that are not there; a null of ``walk_cycles`` is an answer."""
        document: dict[str, Any] = serialize(self)
        named = {name: document.get(name) for name in type(self).model_fields}
        return {name: value for name, value in named.items() if value is not None or name == "walk_cycles"}


def levels_cost(nest: LoopNest, machine: ResolvedMachine, cost: HierarchyCost) -> LevelsCost:
    """The public form of a mapping's cost."""
    return LevelsCost.model_validate(_totals(nest, machine, cost))


def evaluated_levels(
    nest: LoopNest,
    machine: ResolvedMachine,
    cost: HierarchyCost,
    tensor_energy_pj: Mapping[str, Sequence[float]] | None = None,
) -> EvaluatedLevels:
    """The public form of a mapping's cost with what fits; given the energy by node and tensor, with all details."""
    fields = {**_totals(nest, machine, cost), "fits": dict(zip(machine.nodes, cost.fits, strict=True))}
    if tensor_energy_pj is not None:
        names = [tensor.name for tensor in nest.tensors]
        energies = {node: dict(zip(names, row, strict=True)) for node, row in tensor_energy_pj.items()}
        fields |= {"tensor_energy_pj": energies, **_counts(nest, machine, cost)}
    return EvaluatedLevels.model_validate(fields)


def _totals(nest: LoopNest, machine: ResolvedMachine, cost: HierarchyCost) -> dict[str, object]:
    return {
        "energy_pj": cost.energy_pj,
        "cycles": cost.cycles,
        "edp": cost.edp,
        "walk_cycles": cost.walk_cycles,
        "energy_breakdown_pj": cost.energy_parts_pj,
        "roofline": cost.roofline,
        "bound_by": cost.bound_by,
        "utilization": dict(zip(machine.nodes, cost.utilization, strict=True)),
        "ideal_cycles": machine.ideal_cycles(nest),
    }


def _counts(nest: LoopNest, machine: ResolvedMachine, cost: HierarchyCost) -> dict[str, object]:
    accesses = _by_name(nest, machine, cost.accesses)
    networks = _by_name(nest, machine, cost.networks)
    return {
        "accesses": {
            level: {
                name: AccessCounts(fill=found.fill, serve=found.serve, drain=found.drain, update=found.update)
                for name, found in row.items()
            }
            for level, row in accesses.items()
        },
        "networks": {
            fanout: {name: NetworkCounts(down=found.down, up=found.up, adds=found.adds) for name, found in row.items()}
            for fanout, row in networks.items()
        },
        "held": _by_name(nest, machine, cost.held),
        "dma_cycles": {machine.nodes[node]: cycles for node, cycles in cost.dma_cycles.items()},
    }


def _by_name(
    nest: LoopNest, machine: ResolvedMachine, values: Sequence[Sequence[V | None]]
) -> Mapping[str, dict[str, V]]:
    """Values by node and tensor, without tensors that have none and nodes that have none at all."""
    named = {
        node: {tensor.name: value for tensor, value in zip(nest.tensors, row, strict=True) if value is not None}
        for node, row in zip(machine.nodes, values, strict=True)
    }
    return {node: row for node, row in named.items() if row}
