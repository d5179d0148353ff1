"""Exact costs as public JSON: prices put to the counted operations, per part and per tensor."""

from __future__ import annotations

from ..base import Model
from ..loop_nest import LoopNest
from ..mapping import Tiling
from .architecture import Architecture
from .cost import ExactCost, Traffic
from .legality import dma_invocations, dram_bytes, occupancy, utilization


class EnergyBreakdown(Model):
    """Energy in pJ per part; the five sum to the layer's energy before rounding."""

    mac: float
    rf: float
    noc: float
    spm: float
    dram: float


class TensorEnergy(Model):
    """Energy in pJ of one tensor's movements; ``reduction`` is the adding up between PEs, over all parts."""

    noc: float
    spm: float
    dram: float
    reduction: float


class Utilization(Model):
    """Shares in use: PEs, bytes of a register file, bytes of the SPM (not rounded up to banks)."""

    pe: float
    rf: float
    spm: float


class Cost(Model):
    """Exact cost of a mapping. Energies in pJ, time in accelerator cycles, EDP in pJ * cycles."""

    energy_pj: int
    cycles: int
    edp: float
    energy_breakdown_pj: EnergyBreakdown
    tensor_energy_pj: dict[str, TensorEnergy]
    dram_bytes: int
    dma_invocations: int
    utilization: Utilization


def cost_to_document(nest: LoopNest, architecture: Architecture, tiling: Tiling, cost: ExactCost) -> Cost:
    """The public form of a mapping's exact cost."""
    per_tensor = zip(nest.tensors, cost.traffic, strict=True)
    return Cost(
        energy_pj=cost.energy_pj,
        cycles=cost.cycles,
        edp=cost.edp,
        energy_breakdown_pj=breakdown_to_document(cost),
        tensor_energy_pj={tensor.name: _tensor_energy(architecture, traffic) for tensor, traffic in per_tensor},
        dram_bytes=dram_bytes(architecture, cost),
        dma_invocations=dma_invocations(cost),
        utilization=Utilization(**utilization(occupancy(nest, architecture, tiling))),
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
