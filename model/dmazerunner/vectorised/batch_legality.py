"""What fits, over arrays of tilings: the same rules as :mod:`..legality` (``execution_model.md`` section 2)."""

from __future__ import annotations

import numpy as np

from ...loop_nest import LoopNest
from ..architecture import Architecture
from ..constraints import Constraints, MinUtilization
from ..legality import pinned_factors, traffic_limits
from ..mapping import LEVELS
from .batch import SPATIAL, Array, Mask, TilingBatch
from .level_terms import DramTerms, SharedTerms
from .order_query import Permit


def rf_bytes(batch: TilingBatch, architecture: Architecture) -> Array:
    """Bytes of one register file that every tiling takes."""
    return sum(batch.rf_footprints, start=np.zeros(batch.size)) * architecture.bytes_per_element


def spm_banks(batch: TilingBatch, architecture: Architecture) -> Array:
    """Banks of the SPM that every tiling takes, each tensor rounded up to whole banks."""
    size, bank = architecture.bytes_per_element, architecture.spm.bytes_per_bank
    return sum((np.ceil(words * size / bank) for words in batch.spm_footprints), start=np.zeros(batch.size))


def spm_bytes(batch: TilingBatch, architecture: Architecture) -> Array:
    """Bytes of the SPM that every tiling takes, not rounded up."""
    return sum(batch.spm_footprints, start=np.zeros(batch.size)) * architecture.bytes_per_element


def pes_allowed(batch: TilingBatch, architecture: Architecture, asked: MinUtilization) -> Mask:
    """Which tilings have the PEs that they use, and use enough of them."""
    pes = batch.product_except(SPATIAL, ())
    mask = pes <= architecture.pes
    return mask & (pes / architecture.pes >= asked.pe) if asked.pe else mask


def rf_allowed(batch: TilingBatch, architecture: Architecture, asked: MinUtilization) -> Mask:
    """Which tilings fit the register files, and fill them enough."""
    used = rf_bytes(batch, architecture)
    mask = used <= architecture.rf_bytes_per_pe
    return mask & (used / architecture.rf_bytes_per_pe >= asked.rf) if asked.rf else mask


def spm_allowed(batch: TilingBatch, architecture: Architecture, asked: MinUtilization) -> Mask:
    """Which tilings fit the SPM's banks, and fill its bytes enough."""
    mask = spm_banks(batch, architecture) <= architecture.spm.banks
    return mask & (spm_bytes(batch, architecture) / architecture.spm_bytes >= asked.spm) if asked.spm else mask


def permit_of(constraints: Constraints, architecture: Architecture) -> Permit | None:
    """What says which DRAM orders keep the traffic limits; none without limits."""
    limits = traffic_limits(constraints)

    def permit(shared: SharedTerms, terms: DramTerms) -> Mask:
        moved = {
            "max_dram_bytes": terms.words * architecture.bytes_per_element,
            "max_dma_invocations": terms.dma_invocations(shared),
        }
        mask: Mask = np.logical_and.reduce([moved[name] <= limit for name, limit in limits.items()])
        return mask

    return permit if limits else None


def allowed(nest: LoopNest, architecture: Architecture, constraints: Constraints, levels: Array) -> Mask:
    """Which tilings of an array of shape (4, dimensions, n) fit and pass every rule that does not depend on orders."""
    batch, asked = TilingBatch(nest, levels), constraints.min_utilization
    mask = pes_allowed(batch, architecture, asked)
    mask &= rf_allowed(batch, architecture, asked)
    mask &= spm_allowed(batch, architecture, asked)
    for pin in pinned_factors(nest, constraints):
        mask &= levels[LEVELS.index(pin.level), pin.dim] == pin.factor
    return mask
