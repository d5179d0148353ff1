"""Which partial tilings can still become allowed ones (``docs/model.md`` section 2).

Footprints and PEs only grow with the factors still to be chosen, so that what does not fit never will; utilisation
reaches at most what it is when all that is open goes where it counts. Once every dimension is chosen the answers are
those of :mod:`...model.dmazerunner.vectorised.batch_legality`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...model.dmazerunner.vectorised.batch import DRAM, RF, SPATIAL, SPM, Array, Mask, TilingBatch
from ...model.dmazerunner.vectorised.batch_legality import rf_bytes, spm_banks, spm_bytes
from ..backend import LayerProblem


def splits_may_pass(problem: LayerProblem, partial: Array, open_dims: Sequence[int]) -> Mask:
    """Whether PEs and register files still fit and may be used enough.

    Spatial factors of the open dimensions are still in the RF level.
    """
    architecture, asked = problem.architecture, problem.constraints.min_utilization
    batch = TilingBatch(problem.nest, partial)
    pes = batch.product_except(SPATIAL, ())
    smallest = partial.copy()
    smallest[RF, open_dims] = 1
    mask = pes <= architecture.pes
    mask &= rf_bytes(TilingBatch(problem.nest, smallest), architecture) <= architecture.rf_bytes_per_pe
    if asked.pe:
        mask &= pes * np.prod(partial[RF, open_dims], axis=0) / architecture.pes >= asked.pe
    if asked.rf:
        mask &= rf_bytes(batch, architecture) / architecture.rf_bytes_per_pe >= asked.rf
    return mask


def spm_tiles_may_pass(problem: LayerProblem, partial: Array, open_dims: Sequence[int]) -> Mask:
    """Whether the SPM still fits and may be used enough.

    SPM factors of the open dimensions are still in the DRAM level.
    """
    architecture, asked = problem.architecture, problem.constraints.min_utilization
    mask = spm_banks(TilingBatch(problem.nest, partial), architecture) <= architecture.spm.banks
    if asked.spm:
        largest = partial.copy()
        largest[SPM, open_dims] *= partial[DRAM, open_dims]
        mask &= spm_bytes(TilingBatch(problem.nest, largest), architecture) / architecture.spm_bytes >= asked.spm
    return mask
