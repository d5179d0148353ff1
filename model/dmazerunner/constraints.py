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
    rf: Ratio = 0.0
    spm: Ratio = 0.0


class FixedFactors(Model):
    """Factors of one dimension that are given; a level left out is free."""

    dram: Factor | None = None
    spm: Factor | None = None
    rf: Factor | None = None
    spatial: Factor | None = None

    def given(self) -> dict[str, int]:
        """The given factors by level."""
        return {level: factor for level, factor in self.model_dump().items() if factor is not None}


class Constraints(Model):
    """Everything that narrows the space of mappings of a layer.

    ``max_dram_bytes`` and ``max_dma_invocations`` limit, per layer, the bytes moved and the DMA invocations between
    DRAM and SPM in both directions, partial sums included: the counts behind the DRAM energy.
    """

    min_utilization: MinUtilization = MinUtilization()
    no_spatial_reduction: Flag = False
    no_feature_from_dram: Flag = False
    preset: Literal["dmazerunner-auto"] | None = None
    spatial_dims: tuple[Text, ...] | None = None
    fixed: dict[Text, FixedFactors] = Field(default_factory=dict[str, FixedFactors])
    max_dram_bytes: Limit | None = None
    max_dma_invocations: Limit | None = None

    @model_validator(mode="after")
    def _not_contradictory(self) -> Constraints:
        if self.preset is not None:
            both = SET_BY_PRESET & self.model_fields_set
            if both:
                raise ValueError(f"preset: expected without {', '.join(sorted(both))}, which it sets")
        return self
