"""The hierarchy model over arrays of mappings: the entry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...loop_nest import LoopNest
from ..accountings import EXECUTED, Accounting
from ..resolved_machine import ResolvedMachine
from .batch_energy import batch_energy
from .batch_holding import batch_fits, batch_held, batch_utilization
from .batch_roofline import batch_dma_cycles, batch_roofline
from .batch_walk import batch_walk_cycles
from .count_bounds import why_too_large
from .counts.batch_counts import batch_counts
from .counts.batch_edges import add_edges
from .counts.batch_shapes import BatchShapes
from .counts.batch_strides import add_strided
from .hierarchy_batch_cost import BatchCost
from .mapping_arrays import Floats, MappingArrays

DEFAULT_PIECE = 4096
"""Mappings costed at a time, unless told otherwise: as quick as any number, in 10 to 40 MB."""


KEPT_BYTES = 31 * 2**20
"""Size of a block that is allocated and freed, untouched, before a run.

Then glibc keeps up to twice as much freed memory, which it otherwise fetches anew, cleared, for every piece: half of
the time of a GEMM. Elsewhere it does nothing.
"""


def batch_cost(
    nest: LoopNest,
    machine: ResolvedMachine,
    arrays: MappingArrays,
    counted: Accounting = EXECUTED,
    *,
    walk: bool = False,
) -> BatchCost:
    """The exact costs of legal mappings; what does not fit is costed all the same, and flagged.

    Raises:
        ValueError: arrays of another shape than the nest and the machine ask for, or factors that do not multiply to
            the bounds; that mappings are well-formed and legal otherwise is not checked.
        OverflowError: counts may not fit 64 bits (:func:`.count_bounds.why_too_large`); the one-at-a-time model has
            no such limit.
    """
    if reason := why_too_large(nest, machine):
        raise OverflowError(f"the vectorised model cannot count this: {reason}")
    if faults := arrays.shape_faults(nest, machine):
        raise ValueError("\n".join(faults))
    shapes = BatchShapes(nest, machine, arrays)
    if (shapes.tiles[0] != np.array(nest.bounds)[:, np.newaxis]).any():
        raise ValueError("factors: expected products over the nodes that are the bounds of the nest")
    return _cost(shapes, counted, walk=walk)


def _cost(shapes: BatchShapes, counted: Accounting, *, walk: bool) -> BatchCost:
    levels = shapes.machine.levels
    counts = batch_counts(shapes, counted, add_strided if counted.strides else add_edges)
    accesses, busiest, held = counts.accesses(shapes), counts.busiest(), batch_held(shapes)
    parts = batch_energy(shapes, counts, accesses)
    terms = dict(batch_roofline(shapes, counts, counted, busiest))
    roofline = np.stack(list(terms.values()))
    cycles = roofline.max(axis=0)
    engines = [place for place, level in enumerate(levels) if level.dma is not None and counted.has_networks]
    return BatchCost(
        nest=shapes.nest,
        machine=shapes.machine,
        has_networks=counted.has_networks,
        energy_parts_pj=parts,
        energy_pj=_total(parts),
        terms=tuple(terms),
        roofline=roofline,
        cycles=cycles,
        bound_by=roofline.argmax(axis=0),
        walk_cycles=np.maximum(cycles, batch_walk_cycles(shapes, counted)) if walk and counted.has_walk else None,
        accesses=accesses,
        networks=counts.networks,
        busiest=busiest,
        kept=shapes.kept,
        held=held,
        dma_cycles={levels[place].node: batch_dma_cycles(shapes, counts, place) for place in engines},
        fits=batch_fits(shapes, held),
        utilization=batch_utilization(shapes, held),
    )


def _total(parts: Floats) -> Floats:
    """Energy in pJ: the parts, `mac` first, one after the other."""
    total = np.zeros(parts.shape[1])
    for part in parts:
        total += part
    return total


@dataclass(frozen=True)
class BatchedModel:
    """The vectorised model of a nest on a machine for any number of mappings, costed piece by piece.

    ``piece``: mappings costed at a time. A mapping of a GEMM or a convolution on 3 to 7 levels takes 2 to 7 KB while it
    is costed, with the walk up to 10 KB, and about 1 KB in a :class:`.hierarchy_batch_cost.BatchCost`
    (``benchmarks/README.md``).
    """

    nest: LoopNest
    machine: ResolvedMachine
    counted: Accounting = EXECUTED
    piece: int = DEFAULT_PIECE

    def costs(self, arrays: MappingArrays, *, walk: bool = False) -> Iterator[BatchCost]:
        """The costs of all mappings in their order, piece by piece; raises as :func:`batch_cost` does."""
        np.empty(KEPT_BYTES, dtype=np.uint8)
        for part in arrays.pieces(self.piece):
            yield batch_cost(self.nest, self.machine, part, self.counted, walk=walk)
