"""Which partial tilings can still become allowed ones (``docs/model.md`` section 2).

Footprints and PEs only grow with the factors still to be chosen, so that what does not fit never will; utilisation
reaches at most what it is when all that is open goes where it counts. Once every dimension is chosen the answers are
those of :mod:`...model.dmazerunner.vectorised.batch_legality`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...model.dmazerunner.capacities import Capacity
from ...model.dmazerunner.constraints import MinUtilization
from ...model.dmazerunner.vectorised.batch import DRAM, RF, SPATIAL, SPM, Array, Mask, TilingBatch
from ...model.dmazerunner.vectorised.batch_legality import fills_enough, fits
from ..backend import PublishedProblem


def splits_may_pass(problem: PublishedProblem, partial: Array, open_dims: Sequence[int]) -> Mask:
    """Whether PEs and register files still fit and may be used enough.

    Spatial factors of the open dimensions are still in the RF level.
    """
    asked, (pes, rf, _) = problem.constraints.min_utilization, problem.cost_model.capacities(problem.architecture)
    in_rf = TilingBatch(problem.nest, partial)
    over_pes = TilingBatch(problem.nest, moved(partial, RF, SPATIAL, open_dims))
    return may_pass(pes, asked, in_rf, over_pes) & may_pass(rf, asked, over_pes, in_rf)


def spm_tiles_may_pass(problem: PublishedProblem, partial: Array, open_dims: Sequence[int]) -> Mask:
    """Whether the SPM still fits and may be used enough.

    SPM factors of the open dimensions are still in the DRAM level.
    """
    asked, spm = problem.constraints.min_utilization, problem.cost_model.capacities(problem.architecture).spm
    largest = moved(partial, DRAM, SPM, open_dims) if spm.least(asked) else partial
    return may_pass(spm, asked, TilingBatch(problem.nest, partial), TilingBatch(problem.nest, largest))


def may_pass(capacity: Capacity, asked: MinUtilization, smallest: TilingBatch, largest: TilingBatch) -> Mask:
    """Whether the smallest that open factors can come to fits a capacity, and the largest uses enough of it."""
    mask = fits(smallest, capacity)
    return mask & fills_enough(largest, capacity, asked) if capacity.least(asked) else mask


def moved(tilings: Array, source: int, target: int, dims: Sequence[int]) -> Array:
    """The tilings with the factors of some dimensions moved from one level to another."""
    result = tilings.copy()
    result[target, dims] *= tilings[source, dims]
    result[source, dims] = 1
    return result
