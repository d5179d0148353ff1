"""What fits, over arrays of tilings: the same rules as :mod:`.legality` (``execution_model.md`` section 2)."""

from __future__ import annotations

import numpy as np

from .architecture import Architecture
from .batch import SPATIAL, Array, Mask, TilingBatch
from .constraints import Constraints
from .legality import pinned_factors
from .loop_nest import LoopNest
from .mapping import LEVELS


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


def allowed(nest: LoopNest, architecture: Architecture, constraints: Constraints, levels: Array) -> Mask:
    """Which tilings of an array of shape (4, dimensions, n) fit and pass every rule that does not depend on orders."""
    batch, asked = TilingBatch(nest, levels), constraints.min_utilization
    pes = batch.product_except(SPATIAL, ())
    in_rf = rf_bytes(batch, architecture)
    mask = (pes <= architecture.pes) & (in_rf <= architecture.rf_bytes_per_pe)
    mask &= spm_banks(batch, architecture) <= architecture.spm.banks
    if asked.pe:
        mask &= pes / architecture.pes >= asked.pe
    if asked.rf:
        mask &= in_rf / architecture.rf_bytes_per_pe >= asked.rf
    if asked.spm:
        mask &= spm_bytes(batch, architecture) / architecture.spm_bytes >= asked.spm
    for pin in pinned_factors(nest, constraints):
        mask &= levels[LEVELS.index(pin.level), pin.dim] == pin.factor
    return mask
