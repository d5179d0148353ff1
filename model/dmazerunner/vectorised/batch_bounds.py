"""Lower bounds on the exact model over arrays of tilings whose inner factors are still open.

Open factors stand in the RF level of a batch, with spatial factors of 1: the RF tile is then the PE-array tile, to be
split over RF and PEs. The bounds are the exact model's own formulas, in the same order of operations, on quantities
that no choice of the open factors takes lower. Every step is non-decreasing in those quantities, rounding in binary64
included, so that no margin for rounding is needed (``docs/certificates.md`` has the argument).
"""

from __future__ import annotations

import math

import numpy as np

from ...loop_nest import LoopNest, Tensor
from ..architecture import Architecture
from ..capacities import capacities
from ..constraints import Constraints
from ..factorisations import divisors
from ..legality import pinned_factors
from .batch import RF, Array, Mask, TilingBatch
from .level_terms import (
    DramTerms,
    RfPass,
    SharedTerms,
    Skips,
    SpmTerms,
    cost_of_terms,
    layer_cycles,
)
from .order_query import EXACT, Costing, Permit, Rules
from .register_tiles import register_tiles


class BoundModel:
    """Lower bounds on energy and cycles, for one loop nest on one architecture: how open factors are costed."""

    def __init__(self, nest: LoopNest, architecture: Architecture, constraints: Constraints) -> None:
        self._pes, self._asked = capacities(architecture).pes, constraints.min_utilization
        self._in_registers = register_tiles(nest, capacities(architecture).rf)
        pins = {pin.dim: pin.factor for pin in pinned_factors(nest, constraints) if pin.level == "spatial"}
        self._pinned_pes = math.prod(pins.values())
        self._free = [dim for dim in range(len(nest.dims)) if dim not in pins]
        self._numbers_of_pes = _products(nest, self._free, max(1, self._pes.limit // self._pinned_pes))

    def most_pes(self, batch: TilingBatch) -> Array:
        """The most PEs that the PE-array tile can be spread over: a divisor of its size."""
        sizes, position = np.unique(batch.product(RF, self._free), return_inverse=True)
        most = np.ones(len(sizes))
        for number in self._numbers_of_pes:
            most[sizes % number == 0] = number
        return most[position] * self._pinned_pes

    def enough_pes(self, batch: TilingBatch) -> Mask:
        """Where so many PEs are as many as the constraints ask for."""
        return self.most_pes(batch) / self._pes.whole >= self._pes.least(self._asked)

    def of_subspaces(self, batch: TilingBatch, permit: Permit | None = None) -> Costing:
        """How orders are bounded where only the DRAM factors are chosen (all SPM factors are 1)."""
        words = _least_noc_words(batch)
        run = RfPass(self._least_compute_cycles(batch), np.zeros(batch.size), words, words)
        return Costing(OF_SUBSPACES, permit, run)

    def of_array_tiles(self, batch: TilingBatch) -> Costing:
        """How orders are bounded where DRAM and SPM factors are chosen."""
        compute, words = self._least_compute_cycles(batch), self._least_words_to_pes(batch)
        return Costing(OF_ARRAY_TILES, run=RfPass(compute, np.zeros(batch.size), words, batch.pe_array_footprints))

    def _least_words_to_pes(self, batch: TilingBatch) -> list[Array]:
        """Words of one delivery on the NoC, at least: inputs go to every PE, which use each word so often at most."""
        least, tiles, macs = _least_noc_words(batch), self._in_registers, batch.product_except(RF, ())
        if tiles is None:
            return least
        output = batch.nest.output
        return [w if t == output else np.maximum(w, tiles.least_words(t, macs)) for t, w in enumerate(least)]

    def _least_compute_cycles(self, batch: TilingBatch) -> Array:
        """Fewest cycles of one RF pass."""
        return batch.product_except(RF, ()) / self.most_pes(batch)


def _products(nest: LoopNest, dims: list[int], limit: int) -> list[int]:
    """The products of divisors of the bounds, up to a limit, rising."""
    found = {1}
    for dim in dims:
        found = {own * factor for own in found for factor in divisors(nest.bounds[dim]) if own * factor <= limit}
    return sorted(found)


def _least_noc_words(batch: TilingBatch) -> list[Array]:
    """For every tensor a lower bound on the words of one delivery on the NoC, and of the PE-array tile's footprint.

    An RF tile spread over PEs leaves no holes where strides do, and a dimension that occurs in several indices of a
    tensor is spread once.
    """
    return [_least_words(tensor, batch.levels[RF]) for tensor in batch.nest.tensors]


def _least_words(tensor: Tensor, tile: Array) -> Array:
    words, seen = np.ones(tile.shape[1]), set[int]()
    for index in tensor.index:
        dims = [dim for dim, _ in index.terms if dim not in seen]
        words = words * (1 + sum((tile[dim] - 1 for dim in dims), start=np.zeros(tile.shape[1])))
        seen.update(dims)
    return words


def subspace_bounds(spm: SpmTerms, dram: DramTerms) -> tuple[Array, Array]:
    """Bounds on energy and cycles under DRAM orders where the SPM factors are open, but taken as 1."""
    skipped = {t: reuse > 1 for t, reuse in dram.reuse.items()}
    energy = np.rint(spm.energy_pj(skipped, dram.visits) + dram.dram_energy_pj)
    nothing = np.zeros(spm.shared.size)
    cycles = least_layer_cycles(spm.shared, dram, {}, spm.shared.compute_cycles, nothing)
    return np.where(dram.attained, energy, np.inf), np.where(dram.attained, cycles, np.inf)


def least_layer_cycles(
    shared: SharedTerms, dram: DramTerms, skipped: Skips, spm_pass: Array, every_pass: Array
) -> Array:
    """The layer's cycles, at least, with SPM passes of at least the given cycles.

    With one tensor reused at DRAM the total does not fall as a pass gets longer. With several it may, but is convex in
    ``first``: its least value from some ``first`` on is there, or at a larger one where some transfer is just hidden.
    """
    if len(dram.reused) <= 1:
        return layer_cycles(shared, dram, skipped, spm_pass, every_pass)
    least_first = np.maximum(dram.every_pass, spm_pass)
    nothing, least = np.zeros(shared.size), np.full(shared.size, np.inf)
    for bend in (least_first, *(cycles for t in dram.reused for cycles in bends(dram, t))):
        first = np.maximum(least_first, bend)
        least = np.minimum(least, layer_cycles(shared, dram, {}, first, nothing))
    return least


def bends(dram: DramTerms, t: int) -> tuple[Array, Array]:
    """The values of ``first`` from which on a tensor's two transfers (section 5) are hidden."""
    accumulated, own = dram.accumulated[t]
    return accumulated, accumulated - own


OF_ARRAY_TILES = Rules(lambda spm, dram: cost_of_terms(spm, dram, least_layer_cycles), EXACT.pass_cycles)
OF_SUBSPACES = Rules(subspace_bounds, lambda spm, _: spm.shared.compute_cycles, spm_is_open=True)
