"""The terms of the exact model over arrays of tilings: what all orders share, what DRAM and SPM orders add.

The same formulas as :mod:`..cost` (``docs/model.md`` sections 4 and 5), with the same order of floating-point
operations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..architecture import Architecture
from ..reuse import ReuseClass
from .batch import DRAM, RF, SPATIAL, SPM, Array, Indices, Mask, TilingBatch

Skips = dict[int, Mask]
"""Tensors that may stay in the register files across SPM passes, with the tilings of which they do."""


@dataclass(frozen=True)
class RfPass:
    """One RF pass of every tiling of a batch: all that the costs depend on below the SPM's factors.

    Cycles of computing, words added between PEs at a delivery of the output, and per tensor the words on the NoC and
    the cycles (words read from or written to the SPM) of one delivery.
    """

    compute_cycles: Array
    reduction: Array
    noc_words: Sequence[Array]
    delivery_cycles: Sequence[Array]


def exact_rf_pass(batch: TilingBatch) -> RfPass:
    """The RF pass that the batch's RF and spatial factors make."""
    nest = batch.nest
    pes = batch.product_except(SPATIAL, ())
    groups = batch.product(SPATIAL, nest.tensors[nest.output].dims)
    width = batch.product(SPATIAL, nest.missing_dims(nest.output))
    rf = batch.rf_footprints
    return RfPass(
        compute_cycles=batch.product_except(RF, ()),
        reduction=rf[nest.output] * (width - 1) * groups,
        noc_words=[words * (groups if t == nest.output else pes) for t, words in enumerate(rf)],
        delivery_cycles=batch.pe_array_footprints,
    )


class SharedTerms:
    """What all orders share: deliveries, reductions and DMA cycles of a batch."""

    def __init__(self, batch: TilingBatch, architecture: Architecture, rf_pass: RfPass | None = None) -> None:
        self.architecture, self.nest, self.size = architecture, batch.nest, batch.size
        self.output = batch.nest.output
        self.tensors = range(len(batch.nest.tensors))
        self.spm_passes = batch.product_except(DRAM, ())
        self.rf_passes = batch.product_except(SPM, ())
        self.first_visits = batch.product(DRAM, batch.nest.tensors[self.output].dims)
        run = rf_pass or exact_rf_pass(batch)
        self.compute_cycles, self.reduction = run.compute_cycles, run.reduction
        self.noc_words, self.delivery_cycles = list(run.noc_words), list(run.delivery_cycles)
        self.spm_words = batch.spm_footprints
        self.ways = [2.0 if t == self.output else 1.0 for t in self.tensors]
        moved = [_dma(batch, architecture, t) for t in self.tensors]
        self.invocations, self.dma_cycles = [list(both) for both in zip(*moved, strict=True)]

    def taken(self, columns: Indices) -> SharedTerms:
        """The same of some tilings of the batch, in the given order, each as often as it is given."""
        terms = copy(self)
        terms.size = len(columns)
        for name in ("spm_passes", "rf_passes", "first_visits", "compute_cycles", "reduction"):
            setattr(terms, name, getattr(self, name)[columns])
        for name in ("noc_words", "delivery_cycles", "spm_words", "invocations", "dma_cycles"):
            setattr(terms, name, [values[columns] for values in getattr(self, name)])
        return terms


def _dma(batch: TilingBatch, architecture: Architecture, t: int) -> tuple[Array, Array]:
    """Invocations of the DMA for one SPM tile of a tensor, and their cycles (section 5, DMA)."""
    size, dma, tensor = batch.size, architecture.dma, batch.nest.tensors[t]
    elements, invocations, full = np.ones(size), np.ones(size), np.ones(size, dtype=bool)
    for extent, whole in zip(reversed(batch.spm_extents[t]), reversed(tensor.shape), strict=True):
        elements = elements * np.where(full, extent, 1.0)
        invocations = invocations * np.where(full, 1.0, extent)
        full = full & (extent == whole)
    cycles = dma.init_cycles + dma.cycles_per_byte * elements * architecture.bytes_per_element
    return invocations, invocations * np.ceil(cycles * architecture.clock_mhz / dma.clock_mhz)


@dataclass(frozen=True)
class LevelReuse:
    """What orders of one level reuse, for every tiling of a batch.

    ``factors`` has every tensor's reuse factor, ``None`` where it is 1 for all; ``repeats`` the product of the trip
    counts over which the tensor is not reused. ``attained`` says which tilings have such orders.
    """

    factors: Sequence[Array | None]
    repeats: Sequence[Array]
    attained: Mask


def reuse_of_class(batch: TilingBatch, level: int, reuse_class: ReuseClass) -> LevelReuse:
    """What a class reuses at a level, and which tilings attain it (:meth:`..reuse.ReuseClass.attained`)."""
    iterations = batch.product_except(level, ())
    attained = np.ones(batch.size, dtype=bool)
    for guard in reuse_class.guards:
        attained &= (batch.product(level, guard.entered) > 1) | (batch.product(level, guard.before) == iterations)
    factors = [batch.product(level, dims) if dims else None for dims in reuse_class.reused]
    return LevelReuse(factors, [batch.product_except(level, dims) for dims in reuse_class.reused], attained)


def no_reuse(batch: TilingBatch) -> LevelReuse:
    """The reuse of a level without iterations."""
    tensors, ones = batch.nest.tensors, np.ones(batch.size)
    return LevelReuse([None] * len(tensors), [ones] * len(tensors), np.ones(batch.size, dtype=np.bool_))


class DramTerms:
    """What depends on the DRAM order alone: reuse, words moved, DMA cycles by reuse."""

    def __init__(self, shared: SharedTerms, reuse: LevelReuse) -> None:
        output = shared.output
        self.attained = reuse.attained
        self.reuse = {t: factor for t, factor in enumerate(reuse.factors) if factor is not None}
        self.reused = list(self.reuse)
        self.visits = reuse.repeats
        self.transfers = [2 * v - shared.first_visits if t == output else v for t, v in enumerate(self.visits)]
        self.words = sum(
            (w * n for w, n in zip(shared.spm_words, self.transfers, strict=True)), start=np.zeros(shared.size)
        )
        self.dram_energy_pj = self.words * shared.architecture.access_energy_pj.dram
        self.every_pass = self._every_pass(shared)
        self.accumulated = {t: self._accumulated(shared, t) for t in self.reused}

    def dma_invocations(self, shared: SharedTerms) -> Array:
        """DMA invocations of the layer in both directions."""
        return np.add.reduce([i * t for i, t in zip(shared.invocations, self.transfers, strict=True)])

    def _every_pass(self, shared: SharedTerms) -> Array:
        """``cum[1]``: DMA cycles of what moves in every SPM pass, the output both ways."""
        total = np.zeros(shared.size)
        for t in shared.tensors:
            cycles = shared.dma_cycles[t] * shared.ways[t]
            total = total + (np.where(self.reuse[t] == 1, cycles, 0.0) if t in self.reuse else cycles)
        return total

    def _accumulated(self, shared: SharedTerms, t: int) -> tuple[Array, Array]:
        """``cum[r]`` and ``dma[r]`` for the reuse ``r`` of a tensor, where it is above 1."""
        others = [s for s in self.reused if s != t]
        own = shared.dma_cycles[t]
        total = self.every_pass + own
        for other in others:
            later, cycles = self.reuse[other] > 1, shared.dma_cycles[other]
            total = total + np.where(later & (self.reuse[other] <= self.reuse[t]), cycles, 0.0)
            own = own + np.where(later & (self.reuse[other] == self.reuse[t]), cycles, 0.0)
        return total, own


class SpmTerms:
    """What depends on the SPM order, and on which tensors are skipped."""

    def __init__(self, shared: SharedTerms, reuse: LevelReuse) -> None:
        self.shared = shared
        self.attained, self.reuse, self.rounds = reuse.attained, reuse.factors, reuse.repeats
        self.whole = [shared.rf_passes == (1.0 if r is None else r) for r in self.reuse]

    @cached_property
    def unskipped(self) -> tuple[Array, Array, Array]:
        """Energy without DRAM, cycles of an SPM pass and ``comm[1]`` when no tensor is skipped."""
        nothing: Skips = {}
        return self.energy_pj(nothing, []), *self.spm_pass(nothing)

    def energy_pj(self, skipped: Skips, visits: Sequence[Array]) -> Array:
        """Energy but for its DRAM part, unrounded (section 4); ``visits`` are the deliveries of skipped tensors."""
        shared, price = self.shared, self.shared.architecture.access_energy_pj
        noc = spm = reduction = np.zeros(shared.size)
        for t in shared.tensors:
            deliveries = self.rounds[t] * shared.spm_passes
            if t in skipped:
                deliveries = np.where(skipped[t], visits[t], deliveries)
            ways = deliveries
            if t == shared.output:
                reduction = shared.reduction * deliveries
                ways = np.where(skipped[t], deliveries, 2 * deliveries) if t in skipped else 2 * deliveries
            noc = noc + shared.noc_words[t] * ways
            spm = spm + shared.delivery_cycles[t] * ways
        macs = shared.nest.num_macs
        return (
            (macs + reduction) * price.mac
            + (shared.nest.rf_accesses_per_mac * macs + 3 * reduction) * price.rf
            + (noc + reduction) * price.noc
            + spm * price.spm
        )

    def spm_pass(self, skipped: Skips) -> tuple[Array, Array]:
        """Cycles of an SPM pass and ``comm[1]`` (section 5), with the given tensors skipped where their mask holds."""
        shared, output = self.shared, self.shared.output
        stall = shared.compute_cycles + shared.reduction
        output_reuse = self.reuse[output]
        every = np.ones(shared.size, dtype=bool) if output_reuse is None else output_reuse == 1
        stalls = ~skipped[output] if output in skipped else np.ones(shared.size, dtype=bool)
        current = np.where(every & stalls, 0.0, shared.compute_cycles)
        cycles = current * shared.rf_passes + np.where(stalls, stall * self.rounds[output], 0.0)
        every_pass = np.zeros(shared.size)
        for lengths, rounds, always in self._deliveries(skipped):
            longer = np.maximum(lengths, current)
            cycles = cycles + (longer - current) * rounds
            current = longer
            every_pass = np.maximum(every_pass, lengths if always is None else np.where(always, lengths, 0.0))
        return cycles, every_pass

    def _deliveries(self, skipped: Skips) -> list[tuple[Array, Array, Mask | None]]:
        """Delivery cycles (0 where skipped), deliveries per SPM pass, and where reuse is 1; by rising reuse."""
        shared = self.shared
        lengths = [
            np.where(skipped[t], 0.0, cycles) if t in skipped else cycles
            for t, cycles in enumerate(shared.delivery_cycles)
        ]
        always = [lengths[t] for t in shared.tensors if self.reuse[t] is None]
        rows: list[tuple[Array, Array, Mask | None]] = []
        if always:
            rows.append((np.maximum.reduce(always), shared.rf_passes, None))
        varying = [(reuse, lengths[t], self.rounds[t]) for t, reuse in enumerate(self.reuse) if reuse is not None]
        if len(varying) == 1:
            reuse, length, rounds = varying[0]
            rows.append((length, rounds, reuse == 1))
        elif varying:
            reuses, long, many = (np.stack(column) for column in zip(*varying, strict=True))
            rank = np.argsort(reuses, axis=0, kind="stable")
            ordered = (np.take_along_axis(values, rank, axis=0) for values in (long, many, reuses == 1))
            rows += list(zip(*ordered, strict=True))
        return rows


def cost_of_terms(spm: SpmTerms, dram: DramTerms, total: TotalCycles) -> tuple[Array, Array]:
    """Energy and cycles under orders of both levels; infinite where a tiling has no such orders."""
    shared = spm.shared
    skipped = {t: spm.whole[t] & (dram.reuse[t] > 1) for t in dram.reused}
    skipped = {t: mask for t, mask in skipped.items() if mask.any()}
    if skipped:
        energy = spm.energy_pj(skipped, dram.visits)
        spm_pass, every_pass = spm.spm_pass(skipped)
    else:
        energy, spm_pass, every_pass = spm.unskipped
    energy = np.rint(energy + dram.dram_energy_pj)
    cycles = total(shared, dram, skipped, spm_pass, every_pass)
    missed = ~(spm.attained & dram.attained)
    energy[missed] = np.inf
    cycles[missed] = np.inf
    return energy, cycles


def layer_cycles(shared: SharedTerms, dram: DramTerms, skipped: Skips, spm_pass: Array, every_pass: Array) -> Array:
    """``total`` of section 5."""
    first = np.maximum(dram.every_pass, spm_pass)
    total = first * shared.spm_passes
    for t in dram.reused:
        dma1, own = dram.accumulated[t]
        dma2 = dma1 if t == shared.output else dma1 - own
        pe1 = pe2 = spm_pass
        if t in skipped:
            longer = np.maximum(every_pass, shared.delivery_cycles[t]) - every_pass
            pe2 = spm_pass + np.where(skipped[t], longer, 0.0)
            if t == shared.output:
                pe1 = spm_pass + np.where(skipped[t], shared.reduction + shared.compute_cycles, 0.0)
        extra = np.maximum(np.maximum(dma1, pe1), first) - first + np.maximum(np.maximum(dma2, pe2), first) - first
        total = total + np.where(dram.reuse[t] > 1, extra * dram.visits[t], 0.0)
    return total


TotalCycles = Callable[[SharedTerms, DramTerms, Skips, Array, Array], Array]
"""A layer's cycles from what its orders share, the DRAM terms, what is skipped, an SPM pass and ``comm[1]``."""
