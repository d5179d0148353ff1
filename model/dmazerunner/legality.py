"""What fits, and which rule a mapping breaks: the one definition for one mapping at a time.

Source: ``execution_model.md`` section 2. :mod:`.vectorised.batch_legality` is the same for arrays of tilings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..loop_nest import LoopNest
from .architecture import Architecture
from .constraints import Constraints
from .cost import ExactCost
from .mapping import LEVELS, Tiling


@dataclass(frozen=True)
class Occupancy:
    """What a tiling takes of the machine: PEs, bytes of one register file, bytes and banks of the SPM."""

    pes: int
    rf_bytes: int
    spm_bytes: int
    spm_banks: int


def occupancy(nest: LoopNest, architecture: Architecture, tiling: Tiling) -> Occupancy:
    """What a tiling takes of the machine (section 2)."""
    size, bank = architecture.bytes_per_element, architecture.spm.bytes_per_bank
    tiles = [tensor.footprint(tiling.spm_tile) * size for tensor in nest.tensors]
    return Occupancy(
        pes=tiling.pes_used,
        rf_bytes=sum(tensor.footprint(tiling.rf) for tensor in nest.tensors) * size,
        spm_bytes=sum(tiles),
        spm_banks=sum(-(-tile // bank) for tile in tiles),
    )


def capacity_faults(architecture: Architecture, used: Occupancy) -> tuple[str, ...]:
    """The capacities that a tiling exceeds, among ``pes``, ``rf_bytes_per_pe`` and ``spm``."""
    exceeded = {
        "pes": used.pes > architecture.pes,
        "rf_bytes_per_pe": used.rf_bytes > architecture.rf_bytes_per_pe,
        "spm": used.spm_banks > architecture.spm.banks,
    }
    return tuple(name for name, broken in exceeded.items() if broken)


def utilization(architecture: Architecture, used: Occupancy) -> dict[str, float]:
    """Shares of PEs, RF bytes and SPM bytes in use, as the published optimizer divides them."""
    return {
        "pe": used.pes / architecture.pes,
        "rf": used.rf_bytes / architecture.rf_bytes_per_pe,
        "spm": used.spm_bytes / architecture.spm_bytes,
    }


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
    broken = list(capacity_faults(architecture, used))
    reached = utilization(architecture, used)
    asked = constraints.min_utilization
    broken += [f"min_utilization.{part}" for part, share in reached.items() if share < getattr(asked, part)]
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
