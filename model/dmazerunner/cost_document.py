"""Exact costs as public JSON: prices put to the counted operations, per part and per tensor."""

from __future__ import annotations

from pydantic import Field

from ..base import Model
from ..loop_nest import LoopNest
from ..mapping import Tiling
from .architecture import Architecture
from .cost import ExactCost, Traffic
from .cycle_terms import cycle_terms, deciding_term, ideal_cycles
from .legality import dma_invocations, dram_bytes, occupancy, utilization


class EnergyBreakdown(Model):
    """Energy in pJ per part; the five sum to the layer's energy before rounding."""

    mac: float
    """Energy in pJ of multiply-accumulates."""
    rf: float
    """Energy in pJ of accesses to register files."""
    noc: float
    """Energy in pJ of elements that cross the NoC."""
    spm: float
    """Energy in pJ of accesses to the SPM."""
    dram: float
    """Energy in pJ of accesses to DRAM."""


class TensorEnergy(Model):
    """Energy in pJ of one tensor's movements; ``reduction`` is the adding up between PEs, over all parts."""

    noc: float
    """Energy in pJ of the tensor's elements that cross the NoC."""
    spm: float
    """Energy in pJ of the tensor's accesses to the SPM."""
    dram: float
    """Energy in pJ of the tensor's accesses to DRAM."""
    reduction: float
    """Energy in pJ of adding up the tensor's partial sums between PEs, over all parts."""


class Utilization(Model):
    """Shares in use: PEs, bytes of a register file, bytes of the SPM (not rounded up to banks)."""

    pe: float
    """Share of the PEs in use, in 0..1."""
    rf: float
    """Bytes held over the bytes of a register file."""
    spm: float
    """Bytes held over the bytes of the SPM (not rounded up to banks)."""


class Cost(Model):
    """Exact cost of a mapping. Energies in pJ, time in accelerator cycles, EDP in pJ * cycles."""

    energy_pj: int
    """Energy of the layer in pJ, rounded to an integer."""
    cycles: int
    """Time of the layer in cycles of the accelerator's clock."""
    edp: float
    """Energy times cycles in pJ * cycles, in binary64."""
    energy_breakdown_pj: EnergyBreakdown
    """Energy in pJ per part of the machine."""
    tensor_energy_pj: dict[str, TensorEnergy]
    """Energy in pJ of every tensor's movements, by tensor."""
    dram_bytes: int
    """Bytes moved between DRAM and SPM, both directions, partial sums included."""
    dma_invocations: int
    """DMA invocations (bursts) of these transfers."""
    utilization: Utilization
    """Shares of PEs, register files and SPM in use."""
    ideal_cycles: int | None = None
    """Cycles if every PE did a multiply-accumulate in each: multiply-accumulates / PEs, rounded up; null if unknown."""
    roofline: dict[str, int] = Field(default_factory=dict[str, int])
    """Cycles that each part would take by itself: `compute` on the PEs in use, deliveries over the NoC as `noc.TENSOR`,
    `reduction` between PEs, `dma`. None exceeds `cycles`, which may exceed all of them. Empty if unknown."""
    bound_by: str | None = None
    """The largest term of the roofline; of equal ones the first; null if unknown."""


def cost_to_document(nest: LoopNest, architecture: Architecture, tiling: Tiling, cost: ExactCost) -> Cost:
    """The public form of a mapping's exact cost."""
    per_tensor = zip(nest.tensors, cost.traffic, strict=True)
    terms = cycle_terms(nest, architecture, tiling, cost)
    return Cost(
        energy_pj=cost.energy_pj,
        cycles=cost.cycles,
        edp=cost.edp,
        energy_breakdown_pj=breakdown_to_document(cost),
        tensor_energy_pj={tensor.name: _tensor_energy(architecture, traffic) for tensor, traffic in per_tensor},
        dram_bytes=dram_bytes(architecture, cost),
        dma_invocations=dma_invocations(cost),
        utilization=Utilization(**utilization(occupancy(nest, architecture, tiling))),
        ideal_cycles=ideal_cycles(nest, architecture),
        roofline=terms,
        bound_by=deciding_term(terms),
    )


def breakdown_to_document(cost: ExactCost) -> EnergyBreakdown:
    """Energy in pJ of every part."""
    return EnergyBreakdown(**cost.energy_breakdown_pj)


def _tensor_energy(architecture: Architecture, traffic: Traffic) -> TensorEnergy:
    """Energy in pJ of one tensor's movements; adding two partial sums costs 3 RF accesses, a NoC word, an addition."""
    price = architecture.access_energy_pj
    return TensorEnergy(
        noc=traffic.noc * price.noc,
        spm=traffic.spm * price.spm,
        dram=traffic.dram * price.dram,
        reduction=traffic.reduction * (3 * price.rf + price.noc + price.mac),
    )
