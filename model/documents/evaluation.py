"""The request and the result of the verb ``evaluate`` (``contract.md`` section 3)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..base import Model, PositiveInt, Text
from ..dmazerunner.mapping import MappingDocument
from ..layers import Layer
from .result import EnergyBreakdown
from .spec import ArchitectureField


class EvaluateRequest(Model):
    """Mappings of one layer to be costed; ``architecture`` is a name, a path or the object, as in a spec.

    ``padded_bounds`` holds the bounds that the mappings' factors multiply to where they pad the layer's own.
    """

    architecture: ArchitectureField
    layer: Layer
    padded_bounds: dict[Text, PositiveInt] = Field(default_factory=dict[str, int])
    mappings: tuple[MappingDocument, ...]


class Fits(Model):
    """Which capacities a tiling respects: PEs, the register file of a PE, the banks of the SPM."""

    spatial: bool
    rf: bool
    spm: bool


class Footprints(Model):
    """Elements of every tensor in a register file, in all PEs together during one RF pass, and in the SPM."""

    rf: dict[str, int]
    pe_array: dict[str, int]
    spm: dict[str, int]


class DmaBursts(Model):
    """How the DMA moves one SPM tile of a tensor."""

    invocations: int
    burst_elements: int


class EvaluatedCost(Model):
    """Exact cost of one mapping. Energies in pJ, time in accelerator cycles, EDP in pJ * cycles.

    The minima run over all pairs of loop orders. Fields that depend on the orders are absent when none are given;
    those below ``energy_breakdown_pj`` are absent without ``detail``. ``dma_cycles`` and ``noc_reduction_cycles`` are
    per SPM tile and per delivery.
    """

    fits: Fits
    min_energy_pj: int
    min_cycles: int
    min_edp: float
    energy_pj: int | None = None
    cycles: int | None = None
    edp: float | None = None
    energy_breakdown_pj: EnergyBreakdown | None = None
    footprint_elements: Footprints | None = None
    dma: dict[str, DmaBursts] | None = None
    dma_cycles: dict[str, int] | None = None
    noc_reduction_cycles: dict[str, int] | None = None
    spm_reuse: dict[str, int] | None = None
    dram_reuse: dict[str, int] | None = None
    cycles_per_spm_pass: int | None = None


class EvaluateResult(Model):
    """Costs in the order of the request's mappings."""

    schema_: Literal["dmaze-solve/evaluate/1"] = Field(default="dmaze-solve/evaluate/1", alias="schema")
    costs: tuple[EvaluatedCost, ...]
