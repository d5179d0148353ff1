"""Lower bounds on the exact model over arrays of tilings whose inner factors are still open.

Open factors stand in the RF level of a batch, with spatial factors of 1: the RF tile is then the PE-array tile, to be
split over RF and PEs. The bounds are the exact model's own formulas, in the same order of operations, on quantities
that no choice of the open factors takes lower. Every step is non-decreasing in those quantities, rounding in binary64
included, so that no margin for rounding is needed (``docs/certificates.md`` has the argument).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .architecture import Architecture
from .batch import DRAM, RF, SPM, Array, TilingBatch
from .batch_cost import BatchModel, DramSide, PairCosts, RfPass, SharedTerms, SpmSide, layer_cycles
from .constraints import Constraints
from .legality import pinned_factors
from .loop_nest import LoopNest, Tensor
from .tilings import divisors


@dataclass(frozen=True)
class SliceFloor:
    """Lower bounds for given DRAM factors under one DRAM class; infinite where it is not attained."""

    dram_class: int
    energy_pj: Array
    cycles: Array


class FloorModel:
    """Lower bounds on energy and cycles, for one loop nest on one architecture."""

    def __init__(self, nest: LoopNest, architecture: Architecture, constraints: Constraints) -> None:
        self.model = BatchModel(nest, architecture)
        self._architecture = architecture
        pins = {pin.dim: pin.factor for pin in pinned_factors(nest, constraints) if pin.level == "spatial"}
        self._pinned_pes = math.prod(pins.values())
        self._free = [dim for dim in range(len(nest.dims)) if dim not in pins]
        self._numbers_of_pes = _products(nest, self._free, max(1, architecture.pes // self._pinned_pes))

    def most_pes(self, batch: TilingBatch) -> Array:
        """The most PEs that the PE-array tile can be spread over: a divisor of its size."""
        sizes, position = np.unique(batch.product(RF, self._free), return_inverse=True)
        most = np.ones(len(sizes))
        for number in self._numbers_of_pes:
            most[sizes % number == 0] = number
        return most[position] * self._pinned_pes

    def slices(self, batch: TilingBatch) -> Iterator[SliceFloor]:
        """Bounds for every DRAM class where only the DRAM factors are chosen (all SPM factors are 1)."""
        nothing_reused = next(iter(self.model.classes))  # with one RF pass, whatever the class
        words, no_reduction = _least_noc_words(batch), _zeros(batch)
        whole = RfPass(self._least_compute_cycles(batch), no_reduction, words, words)
        shared = SharedTerms(batch, self._architecture, whole)
        spm = SpmSide(shared, nothing_reused)
        for number, dram_class in enumerate(self.model.classes):
            dram = DramSide(shared, dram_class)
            skipped = {t: reuse > 1 for t, reuse in dram.reuse.items()}
            energy = np.rint(spm.energy_pj(skipped, dram.visits) + dram.dram_energy_pj)
            cycles = _least_cycles(shared, dram, shared.compute_cycles)
            missed = ~dram.attained
            yield SliceFloor(number, np.where(missed, np.inf, energy), np.where(missed, np.inf, cycles))

    def array_tiles(self, batch: TilingBatch) -> Iterator[PairCosts]:
        """Bounds for every pair of classes where DRAM and SPM factors are chosen."""
        compute = self._least_compute_cycles(batch)
        run = RfPass(compute, _zeros(batch), _least_noc_words(batch), batch.pe_array_footprints)
        computing = compute * batch.product_except(SPM, ()) * batch.product_except(DRAM, ())
        for pair in self.model.pair_costs(batch, run):
            if sum(bool(dims) for dims in self.model.classes[pair.dram_class].reused) > 1:
                cycles = np.where(np.isinf(pair.cycles), np.inf, computing)
                yield PairCosts(pair.spm_class, pair.dram_class, pair.energy_pj, cycles)
            else:
                yield pair

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


def _least_cycles(shared: SharedTerms, dram: DramSide, spm_pass: Array) -> Array:
    """The layer's cycles, at least, with SPM passes of at least the given cycles.

    With two tensors reused, a shorter SPM pass can make a longer layer; then only what every pass takes is counted.
    """
    if len(dram.reused) > 1:
        return np.maximum(dram.every_pass, spm_pass) * shared.spm_passes
    return layer_cycles(shared, dram, {}, spm_pass, _zeros(shared.batch))


def _zeros(batch: TilingBatch) -> Array:
    return np.zeros_like(batch.levels[RF, 0])
