"""What fits, and which rule a mapping breaks: the one definition for one mapping at a time.

Source: ``docs/model.md`` section 2. :mod:`.vectorised.batch_legality` is the same for arrays of tilings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..loop_nest import LoopNest
from ..mapping import LEVELS, Tiling
from .architecture import Architecture
from .capacities import Capacity, capacities
from .constraints import Constraints
from .cost import ExactCost


@dataclass(frozen=True)
class Occupancy:
    """What a tiling takes of one capacity: units, and how much of the whole it fills."""

    capacity: Capacity
    taken: int
    filled: int

    @property
    def share(self) -> float:
        """The share of the capacity in use, as the published optimizer divides it."""
        return self.filled / self.capacity.whole


def occupancy(nest: LoopNest, architecture: Architecture, tiling: Tiling) -> tuple[Occupancy, ...]:
    """What a tiling takes of every capacity of the machine (section 2)."""
    return tuple(
        Occupancy(capacity, capacity.taken(nest, tile), capacity.filled(nest, tile))
        for capacity in capacities(architecture)
        for tile in (capacity.tile(tiling),)
    )


def capacity_faults(used: Sequence[Occupancy]) -> tuple[str, ...]:
    """The capacities that a tiling exceeds, among ``pes``, ``rf_bytes_per_pe`` and ``spm``."""
    return tuple(part.capacity.rule for part in used if part.taken > part.capacity.limit)


def utilization(used: Sequence[Occupancy]) -> dict[str, float]:
    """Shares of PEs, RF bytes and SPM bytes in use."""
    return {part.capacity.threshold: part.share for part in used}


@dataclass(frozen=True)
class Pin:
    """A factor that a constraint determines, and the constraint's name."""

    level: str
    dim: int
    factor: int
    rule: str


def pinned_factors(nest: LoopNest, constraints: Constraints) -> tuple[Pin, ...]:
    """Every factor that the constraints determine; several constraints may pin the same one.

    Dimensions that the nest does not have are ignored: constraints apply to all layers of a workload.
    """
    pins: list[Pin] = []
    if constraints.no_feature_from_dram:
        pins += [Pin("dram", dim, 1, "no_feature_from_dram") for dim in sorted(nest.window_dims)]
    if constraints.no_spatial_reduction:
        pins += [Pin("spatial", dim, 1, "no_spatial_reduction") for dim in sorted(nest.missing_dims(nest.output))]
    if constraints.spatial_dims is not None:
        others = [dim for dim, name in enumerate(nest.dims) if name not in constraints.spatial_dims]
        pins += [Pin("spatial", dim, 1, "spatial_dims") for dim in others]
    for name, factors in constraints.fixed.items():
        if name in nest.dims:
            dim = nest.dims.index(name)
            pins += [Pin(level, dim, factor, f"fixed.{name}.{level}") for level, factor in factors.given().items()]
    return tuple(pins)


def broken_rules(
    nest: LoopNest, architecture: Architecture, constraints: Constraints, tiling: Tiling
) -> tuple[str, ...]:
    """Every capacity and constraint that a tiling breaks, by name; empty when it is allowed."""
    used = occupancy(nest, architecture, tiling)
    broken, asked = list(capacity_faults(used)), constraints.min_utilization
    broken += [part.capacity.threshold_rule for part in used if part.share < part.capacity.least(asked)]
    pins = pinned_factors(nest, constraints)
    broken += [p.rule for p in pins if tiling.levels[LEVELS.index(p.level)][p.dim] != p.factor]
    if any(math.prod(row) != bound for row, bound in zip(zip(*tiling.levels, strict=True), nest.bounds, strict=True)):
        broken.append("factors multiply to the bounds")
    return tuple(dict.fromkeys(broken))


TRAFFIC_LIMITS = ("max_dram_bytes", "max_dma_invocations")
"""Constraints on what moves between DRAM and SPM. They depend on loop orders, and take no tiling out by themselves."""


def traffic_limits(constraints: Constraints) -> dict[str, int]:
    """The traffic limits that are given, by name."""
    limits: dict[str, int | None] = {name: getattr(constraints, name) for name in TRAFFIC_LIMITS}
    return {name: limit for name, limit in limits.items() if limit is not None}


def dram_bytes(architecture: Architecture, cost: ExactCost) -> int:
    """Bytes moved between DRAM and SPM in both directions, partial sums included."""
    return sum(traffic.dram for traffic in cost.traffic) * architecture.bytes_per_element


def dma_invocations(cost: ExactCost) -> int:
    """DMA invocations of the layer in both directions, partial sums included."""
    return sum(traffic.dma_invocations for traffic in cost.traffic)


def broken_limits(architecture: Architecture, constraints: Constraints, cost: ExactCost) -> tuple[str, ...]:
    """The traffic limits that a mapping (a tiling with its orders) exceeds, by name."""
    moved = {"max_dram_bytes": dram_bytes(architecture, cost), "max_dma_invocations": dma_invocations(cost)}
    return tuple(name for name, limit in traffic_limits(constraints).items() if moved[name] > limit)
