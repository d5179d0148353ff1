"""What a user may ask of a mapping besides fitting the machine (``docs/contract.md`` section 1)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..base import Factor, Flag, Model, Ratio, Text

SET_BY_PRESET = {"min_utilization", "no_spatial_reduction", "no_feature_from_dram"}
"""The constraints that a preset stands for."""

Limit = Annotated[int, Field(strict=True, ge=0, le=2**62)]


class MinUtilization(Model):
    """Least utilisation of PEs, register files and SPM, each in 0..1 (``docs/model.md`` section 2)."""

    pe: Ratio = 0.0
    """Least share of the PEs in use."""
    rf: Ratio = 0.0
    """Least share of the bytes of a register file in use."""
    spm: Ratio = 0.0
    """Least share of the bytes of the SPM in use, not rounded up to banks."""


class FixedFactors(Model):
    """Factors of one dimension that are given; a level left out is free."""

    dram: Factor | None = None
    """Factor of the loops over DRAM; free if null."""
    spm: Factor | None = None
    """Factor of the loops over the SPM; free if null."""
    rf: Factor | None = None
    """Factor inside a register file; free if null."""
    spatial: Factor | None = None
    """Factor unrolled over PEs; free if null."""

    def given(self) -> dict[str, int]:
        """The given factors by level."""
        return {level: factor for level, factor in self.model_dump().items() if factor is not None}


class Constraints(Model):
    """Everything that narrows the space of mappings of a layer; each constraint holds for every layer."""

    min_utilization: MinUtilization = MinUtilization()
    """Least shares of PEs, register files and SPM in use, each in 0..1."""
    no_spatial_reduction: Flag = False
    """Whether dimensions that do not index the output must not be unrolled over PEs."""
    no_feature_from_dram: Flag = False
    """Whether the window dimensions of a convolution must be whole below DRAM (factor 1 there)."""
    preset: Literal["dmazerunner-auto"] | None = None
    """`dmazerunner-auto` sets the three fields above in rounds that become less strict; null for none."""
    spatial_dims: tuple[Text, ...] | None = None
    """The only dimensions that may be unrolled over PEs; any if null."""
    fixed: dict[Text, FixedFactors] = Field(default_factory=dict[str, FixedFactors])
    """Given factors by dimension and level; what is left out is free."""
    max_dram_bytes: Limit | None = None
    """Most bytes of a layer that move between DRAM and SPM, both directions and partial sums; no limit if null."""
    max_dma_invocations: Limit | None = None
    """Most DMA invocations (bursts) of a layer for the same transfers; no limit if null."""

    @model_validator(mode="after")
    def _not_contradictory(self) -> Constraints:
        if self.preset is not None:
            both = SET_BY_PRESET & self.model_fields_set
            if both:
                raise ValueError(f"preset: expected without {', '.join(sorted(both))}, which it sets")
        return self
