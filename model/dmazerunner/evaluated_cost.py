"""Mappings as ``evaluate`` costs them on the published model (``docs/contract.md`` section 3, verb ``evaluate``)."""

from __future__ import annotations

from ..base import Model
from ..loop_nest import LoopNest
from ..mapping import Mapping, MappingDocument, Tiling, order_from_document, tiling_from_document
from .architecture import Architecture
from .cost import ExactCost, burst, cost_of_mapping, costs_of_tiling, dma_cycles, footprints, reduction_words
from .cost_document import EnergyBreakdown, breakdown_to_document
from .cycle_terms import cycle_terms, deciding_term, ideal_cycles
from .legality import capacity_faults, occupancy


class Fits(Model):
    """Which capacities a tiling respects: PEs, the register file of a PE, the banks of the SPM."""

    spatial: bool
    """Whether the factors unrolled over PEs need no more PEs than there are."""
    rf: bool
    """Whether what a PE holds fits its register file."""
    spm: bool
    """Whether the SPM tiles fit the banks of one buffer."""


class Footprints(Model):
    """Elements of every tensor in a register file, in all PEs together during one RF pass, and in the SPM."""

    rf: dict[str, int]
    """Elements of a tensor in one register file, by tensor."""
    pe_array: dict[str, int]
    """Elements of a tensor that all PEs together use in one RF pass, by tensor."""
    spm: dict[str, int]
    """Elements of a tensor in the SPM during one SPM pass, by tensor."""


class DmaBursts(Model):
    """How the DMA moves one SPM tile of a tensor."""

    invocations: int
    """DMA invocations (bursts) for one SPM tile."""
    burst_elements: int
    """Elements of one burst."""


class EvaluatedCost(Model):
    """Exact cost of one mapping. Energies in pJ, time in accelerator cycles, EDP in pJ * cycles.

    The minima run over all pairs of loop orders. Fields that depend on the orders are absent when none are given;
    details are absent unless asked for (``--detail``).
    """

    fits: Fits
    """Which capacities the tiling respects; what does not fit is costed all the same."""
    min_energy_pj: int
    """Least energy in pJ over all pairs of loop orders."""
    min_cycles: int
    """Least cycles over all pairs of loop orders."""
    min_edp: float
    """Least EDP in pJ * cycles over all pairs of loop orders."""
    energy_pj: int | None = None
    """Energy in pJ with the given orders; absent without orders."""
    cycles: int | None = None
    """Time in cycles with the given orders; absent without orders."""
    edp: float | None = None
    """Energy times cycles in pJ * cycles with the given orders; absent without orders."""
    energy_breakdown_pj: EnergyBreakdown | None = None
    """Energy in pJ per part of the machine; absent without orders."""
    ideal_cycles: int | None = None
    """Cycles if every PE did a multiply-accumulate in each: multiply-accumulates / PEs, rounded up."""
    roofline: dict[str, int] | None = None
    """Cycles that each part would take by itself: `compute`, `noc.TENSOR`, `reduction`, `dma`."""
    bound_by: str | None = None
    """The largest term of the roofline; of equal ones the first."""
    footprint_elements: Footprints | None = None
    """Elements held by level and tensor; a detail."""
    dma: dict[str, DmaBursts] | None = None
    """How the DMA engine moves one SPM tile, by tensor; a detail."""
    dma_cycles: dict[str, int] | None = None
    """Cycles that the DMA engine takes for one SPM tile, by tensor; a detail."""
    noc_reduction_cycles: dict[str, int] | None = None
    """Cycles that adding up partial sums between PEs takes per delivery, by tensor; a detail."""
    spm_reuse: dict[str, int] | None = None
    """Reuse factor of the loops over the SPM, by tensor; a detail, absent without orders."""
    dram_reuse: dict[str, int] | None = None
    """Reuse factor of the loops over DRAM, by tensor; a detail, absent without orders."""
    cycles_per_spm_pass: int | None = None
    """Cycles of one SPM pass, its DMA apart; a detail, absent without orders."""


Orders = tuple[tuple[int, ...], tuple[int, ...]]
"""DRAM order and SPM order, as positions of dimensions."""


def orders_from_document(nest: LoopNest, document: MappingDocument) -> Orders | None:
    """DRAM order and SPM order of a public mapping; ``None`` when it has no orders.

    Raises:
        ValueError: when only one is given, or one is not a permutation of the nest's dimensions.
    """
    if document.dram_order is None and document.spm_order is None:
        return None
    if document.dram_order is None or document.spm_order is None:
        missing = "dram_order" if document.dram_order is None else "spm_order"
        raise ValueError(f"{missing}: expected both orders or none")
    dram = order_from_document(nest, document.dram_order, "dram_order")
    return dram, order_from_document(nest, document.spm_order, "spm_order")


def evaluated(
    nest: LoopNest, architecture: Architecture, document: MappingDocument, *, detail: bool = False
) -> EvaluatedCost:
    """The exact cost of a public mapping; what does not fit is flagged.

    Raises:
        ValueError: one line per unknown dimension, product of factors that is not the bound, or impossible order.
    """
    tiling, orders = tiling_from_document(nest, document.tiling), orders_from_document(nest, document)
    costs = [cost for _, _, cost in costs_of_tiling(nest, architecture, tiling)]
    fields: dict[str, object] = {
        "fits": _fits(nest, architecture, tiling),
        "min_energy_pj": min(cost.energy_pj for cost in costs),
        "min_cycles": min(cost.cycles for cost in costs),
        "min_edp": min(cost.edp for cost in costs),
    }
    if detail:
        fields |= _details_of_tiling(nest, architecture, tiling)
    if orders is not None:
        cost = cost_of_mapping(nest, architecture, Mapping(tiling, *orders))
        fields |= {"energy_pj": cost.energy_pj, "cycles": cost.cycles, "edp": cost.edp}
        fields["energy_breakdown_pj"] = breakdown_to_document(cost)
        terms = cycle_terms(nest, architecture, tiling, cost)
        fields |= {"ideal_cycles": ideal_cycles(nest, architecture), "roofline": terms}
        fields["bound_by"] = deciding_term(terms)
        if detail:
            fields |= _details_of_orders(nest, cost)
    return EvaluatedCost.model_validate(fields)


def _fits(nest: LoopNest, architecture: Architecture, tiling: Tiling) -> Fits:
    exceeded = capacity_faults(occupancy(nest, architecture, tiling))
    return Fits(spatial="pes" not in exceeded, rf="rf_bytes_per_pe" not in exceeded, spm="spm" not in exceeded)


def _details_of_tiling(nest: LoopNest, architecture: Architecture, tiling: Tiling) -> dict[str, object]:
    names = [tensor.name for tensor in nest.tensors]
    tiles = {"rf": tiling.rf, "pe_array": tiling.pe_array_tile, "spm": tiling.spm_tile}
    bursts = {tensor.name: burst(tensor, tiling.spm_tile) for tensor in nest.tensors}
    reduction = reduction_words(nest, tiling)
    return {
        "footprint_elements": {
            level: dict(zip(names, footprints(nest, tile), strict=True)) for level, tile in tiles.items()
        },
        "dma": {n: DmaBursts(invocations=b.invocations, burst_elements=b.elements) for n, b in bursts.items()},
        "dma_cycles": {name: dma_cycles(architecture, moved) for name, moved in bursts.items()},
        "noc_reduction_cycles": {tensor.name: reduction if tensor.is_output else 0 for tensor in nest.tensors},
    }


def _details_of_orders(nest: LoopNest, cost: ExactCost) -> dict[str, object]:
    names = [tensor.name for tensor in nest.tensors]
    return {
        "spm_reuse": dict(zip(names, cost.spm_reuse, strict=True)),
        "dram_reuse": dict(zip(names, cost.dram_reuse, strict=True)),
        "cycles_per_spm_pass": cost.cycles_per_spm_pass,
    }
