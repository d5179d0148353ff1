"""What fits, over arrays of tilings: the same rules as :mod:`..legality` (``docs/model.md`` section 2)."""

from __future__ import annotations

import numpy as np

from ...loop_nest import LoopNest
from ...mapping import LEVELS
from ..architecture import Architecture
from ..capacities import Capacity, capacities
from ..constraints import Constraints, MinUtilization
from ..legality import pinned_factors, traffic_limits
from .batch import SPATIAL, Array, Mask, TilingBatch
from .level_terms import DramTerms, SharedTerms
from .order_query import Permit


def filled(batch: TilingBatch, capacity: Capacity) -> Array:
    """How much of a capacity's whole every tiling fills (:meth:`..capacities.Capacity.filled`)."""
    if capacity.bytes_per_element is None:
        return batch.product_except(SPATIAL, ())
    return sum(_footprints(batch, capacity), start=np.zeros(batch.size)) * capacity.bytes_per_element


def taken(batch: TilingBatch, capacity: Capacity) -> Array:
    """How many units of a capacity every tiling takes (:meth:`..capacities.Capacity.taken`)."""
    size, unit = capacity.bytes_per_element, capacity.bytes_per_unit
    if size is None or unit is None:
        return filled(batch, capacity)
    units = (np.ceil(words * size / unit) for words in _footprints(batch, capacity))
    return sum(units, start=np.zeros(batch.size))


def _footprints(batch: TilingBatch, capacity: Capacity) -> list[Array]:
    return batch.rf_footprints if capacity.level == "rf" else batch.spm_footprints


def fits(batch: TilingBatch, capacity: Capacity) -> Mask:
    """Which tilings a capacity is enough for."""
    return taken(batch, capacity) <= capacity.limit


def fills_enough(batch: TilingBatch, capacity: Capacity, asked: MinUtilization) -> Mask:
    """Which tilings use at least the share of a capacity that is asked for."""
    return filled(batch, capacity) / capacity.whole >= capacity.least(asked)


def keeps(batch: TilingBatch, capacity: Capacity, asked: MinUtilization) -> Mask:
    """Which tilings fit a capacity, and use enough of it."""
    mask = fits(batch, capacity)
    return mask & fills_enough(batch, capacity, asked) if capacity.least(asked) else mask


def permit_of(constraints: Constraints, architecture: Architecture) -> Permit | None:
    """What says which DRAM orders keep the traffic limits; ``None`` without limits."""
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
    mask: Mask = np.logical_and.reduce([keeps(batch, capacity, asked) for capacity in capacities(architecture)])
    for pin in pinned_factors(nest, constraints):
        mask &= levels[LEVELS.index(pin.level), pin.dim] == pin.factor
    return mask
