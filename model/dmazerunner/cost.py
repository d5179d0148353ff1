"""The exact model, one mapping at a time, written to be read beside ``docs/model.md``.

Counts are Python integers and therefore exact; energies are binary64 sums of ``count * price`` over the five parts in
the order mac, rf, noc, spm, dram. :mod:`.vectorised.batch_cost` computes the same for arrays of tilings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ..loop_nest import LoopNest, Tensor
from ..mapping import Mapping, Tiling
from .architecture import Architecture
from .reuse import ReuseClass, classes_of_tiling, reuse_factors

PARTS = ("mac", "rf", "noc", "spm", "dram")
"""The parts of the energy, in the order in which they are summed."""


@dataclass(frozen=True)
class Burst:
    """How the DMA moves one SPM tile of a tensor: so many invocations, each of so many elements."""

    invocations: int
    elements: int


@dataclass(frozen=True)
class Traffic:
    """Words of one tensor moved over the whole layer.

    ``reduction`` counts the words added between PEs (output only); each costs three RF accesses, one NoC word and one
    addition. ``dma_invocations`` counts DMA bursts in both directions.
    """

    noc: int
    spm: int
    dram: int
    reduction: int
    dma_invocations: int


@dataclass(frozen=True)
class ExactCost:
    """Exact cost of one mapping: cycles of the accelerator clock, energy in pJ, and where they come from."""

    cycles: int
    cycles_per_spm_pass: int
    energy_breakdown_pj: dict[str, float]
    traffic: tuple[Traffic, ...]
    spm_reuse: tuple[int, ...]
    dram_reuse: tuple[int, ...]

    @property
    def energy_pj(self) -> int:
        """The layer's energy, rounded to the nearest integer, ties to even (section 4)."""
        return round(sum_parts(self.energy_breakdown_pj))

    @property
    def edp(self) -> float:
        """Rounded energy times cycles, in binary64 (section 5)."""
        return float(self.energy_pj) * float(self.cycles)


def sum_parts(breakdown_pj: dict[str, float]) -> float:
    """The unrounded energy: the five parts summed in the order of :data:`PARTS`."""
    mac, rf, noc, spm, dram = (breakdown_pj[part] for part in PARTS)
    return mac + rf + noc + spm + dram


def footprints(nest: LoopNest, tile: Sequence[int]) -> tuple[int, ...]:
    """Elements of every tensor that a tile touches."""
    return tuple(tensor.footprint(tile) for tensor in nest.tensors)


def reduction_width(nest: LoopNest, tiling: Tiling) -> int:
    """PEs whose partial sums are added into one output element: the spatial factors that do not index the output."""
    return math.prod(tiling.spatial[dim] for dim in nest.missing_dims(nest.output))


def reduction_words(nest: LoopNest, tiling: Tiling) -> int:
    """``red`` of section 4: words added between PEs at one delivery of the output."""
    output = nest.tensors[nest.output]
    groups = math.prod(tiling.spatial[dim] for dim in output.dims)
    return output.footprint(tiling.rf) * (reduction_width(nest, tiling) - 1) * groups


def is_skipped(tiling: Tiling, spm_reuse: int, dram_reuse: int) -> bool:
    """skip(t): a tensor with these reuse factors stays in the RFs across SPM passes (section 3)."""
    return spm_reuse == tiling.rf_passes and dram_reuse > 1


def deliveries(tiling: Tiling, spm_reuse: int, dram_reuse: int) -> int:
    """How often a tensor with these reuse factors is delivered over the NoC in the whole layer (section 4)."""
    if is_skipped(tiling, spm_reuse, dram_reuse):
        return tiling.spm_passes // dram_reuse
    return tiling.rf_passes // spm_reuse * tiling.spm_passes


def burst(tensor: Tensor, tile: Sequence[int]) -> Burst:
    """Bursts of one SPM tile (section 5): storage dimensions join the burst while all inner ones are full."""
    elements, invocations, full = 1, 1, True
    for index, size in zip(reversed(tensor.index), reversed(tensor.shape), strict=True):
        extent = index.extent(tile)
        if full:
            elements *= extent
            full = extent == size
        else:
            invocations *= extent
    return Burst(invocations, elements)


def dma_cycles(architecture: Architecture, moved: Burst) -> int:
    """Accelerator cycles to move one SPM tile; the ceiling's argument is evaluated left to right in binary64."""
    dma = architecture.dma
    cycles = dma.init_cycles + dma.cycles_per_byte * moved.elements * architecture.bytes_per_element
    return moved.invocations * math.ceil(cycles * architecture.clock_mhz / dma.clock_mhz)


@dataclass(frozen=True)
class _Pass:
    """Everything about a tiling with its reuse that the formulas of sections 4 and 5 share."""

    nest: LoopNest
    architecture: Architecture
    tiling: Tiling
    spm_reuse: tuple[int, ...]
    dram_reuse: tuple[int, ...]

    @cached_property
    def skipped(self) -> tuple[bool, ...]:
        """skip(t) of every tensor."""
        return tuple(is_skipped(self.tiling, *reuse) for reuse in zip(self.spm_reuse, self.dram_reuse, strict=True))

    @cached_property
    def compute_cycles(self) -> int:
        """``comp``: cycles of one RF pass."""
        return math.prod(self.tiling.rf)

    @cached_property
    def reduction(self) -> int:
        return reduction_words(self.nest, self.tiling)

    @cached_property
    def delivery_cycles(self) -> tuple[int, ...]:
        """Cycles to deliver every tensor's RF tiles to all PEs."""
        return footprints(self.nest, self.tiling.pe_array_tile)

    @cached_property
    def delivery_period(self) -> dict[int, int]:
        """``comm[r]``: the longest delivery among the tensors (not skipped) that are delivered every r-th RF pass."""
        longest: dict[int, int] = {}
        for t, reuse in enumerate(self.spm_reuse):
            if not self.skipped[t]:
                longest[reuse] = max(longest.get(reuse, 0), self.delivery_cycles[t])
        return longest

    def spm_pass_cycles(self) -> int:
        """``spm_pass`` of section 5."""
        rf_passes, output = self.tiling.rf_passes, self.nest.output
        stalled_every = None if self.skipped[output] else self.spm_reuse[output]
        stall = self.compute_cycles + self.reduction
        current = 0 if stalled_every == 1 else self.compute_cycles
        cycles = current * rf_passes
        for reuse in sorted(self.delivery_period):
            communication = self.delivery_period[reuse]
            if communication > current:
                cycles += (communication - current) * (rf_passes // reuse)
                current = communication
            if stalled_every == reuse:
                cycles += stall * (rf_passes // reuse)
        return cycles

    def traffic(self, t: int, moved: Burst) -> Traffic:
        """Words moved for one tensor (section 4)."""
        nest, tiling = self.nest, self.tiling
        tensor, is_output = nest.tensors[t], t == nest.output
        sharing = math.prod(tiling.spatial[dim] for dim in tensor.dims) if is_output else tiling.pes_used
        visits = tiling.spm_passes // self.dram_reuse[t]
        times = deliveries(tiling, self.spm_reuse[t], self.dram_reuse[t])
        ways = 2 if is_output and not self.skipped[t] else 1  # a skipped output is counted once (as published)
        transfers = visits
        if is_output:
            first_visits = math.prod(tiling.dram[dim] for dim in tensor.dims)
            transfers = 2 * visits - first_visits
        return Traffic(
            noc=ways * tensor.footprint(tiling.rf) * sharing * times,
            spm=ways * self.delivery_cycles[t] * times,
            dram=tensor.footprint(tiling.spm_tile) * transfers,
            reduction=self.reduction * times if is_output else 0,
            dma_invocations=moved.invocations * transfers,
        )

    def layer_cycles(self, dma: tuple[int, ...], spm_pass: int) -> int:
        """``total`` of section 5, from the DMA cycles of every tensor's SPM tile."""
        output, passes = self.nest.output, self.tiling.spm_passes
        by_reuse: dict[int, int] = {}
        for t, reuse in enumerate(self.dram_reuse):
            twice = 2 if t == output and reuse == 1 else 1
            by_reuse[reuse] = by_reuse.get(reuse, 0) + twice * dma[t]
        first = max(by_reuse.get(1, 0), spm_pass)
        every_pass = self.delivery_period.get(1, 0)
        total = first * passes
        for t, reuse in enumerate(self.dram_reuse):
            if reuse == 1:
                continue
            dma1 = sum(cycles for other, cycles in by_reuse.items() if other <= reuse)
            dma2 = dma1 if t == output else dma1 - by_reuse[reuse]
            pe1 = pe2 = spm_pass
            if self.skipped[t]:
                pe2 += max(every_pass, self.delivery_cycles[t]) - every_pass
                pe1 += self.reduction + self.compute_cycles if t == output else 0
            total += (max(dma1, pe1, first) - first + max(dma2, pe2, first) - first) * (passes // reuse)
        return total


def cost_of_reuse(
    nest: LoopNest, architecture: Architecture, tiling: Tiling, spm_reuse: tuple[int, ...], dram_reuse: tuple[int, ...]
) -> ExactCost:
    """The exact cost of a tiling whose orders have the given reuse factors (sections 4 and 5).

    ``spm_reuse`` and ``dram_reuse`` hold one factor per tensor, as :func:`.reuse.reuse_factors` gives them.
    """
    run = _Pass(nest, architecture, tiling, spm_reuse, dram_reuse)
    bursts = [burst(tensor, tiling.spm_tile) for tensor in nest.tensors]
    traffic = tuple(run.traffic(t, moved) for t, moved in enumerate(bursts))
    spm_pass = run.spm_pass_cycles()
    cycles = run.layer_cycles(tuple(dma_cycles(architecture, moved) for moved in bursts), spm_pass)
    return ExactCost(cycles, spm_pass, _breakdown(nest, architecture, traffic), traffic, spm_reuse, dram_reuse)


def _breakdown(nest: LoopNest, architecture: Architecture, traffic: Sequence[Traffic]) -> dict[str, float]:
    """Energy in pJ of every part: the operations of section 4 counted per kind, times their price."""
    price = architecture.access_energy_pj
    reduction = sum(t.reduction for t in traffic)
    return {
        "mac": (nest.num_macs + reduction) * price.mac,
        "rf": (nest.rf_accesses_per_mac * nest.num_macs + 3 * reduction) * price.rf,
        "noc": (sum(t.noc for t in traffic) + reduction) * price.noc,
        "spm": sum(t.spm for t in traffic) * price.spm,
        "dram": sum(t.dram for t in traffic) * price.dram,
    }


def cost_of_mapping(nest: LoopNest, architecture: Architecture, mapping: Mapping) -> ExactCost:
    """The exact cost of a tiling with its loop orders.

    Whether the mapping fits is not asked here (see :mod:`.legality`); what does not fit is costed all the same.
    """
    tiling = mapping.tiling
    spm_reuse = reuse_factors(nest, tiling.spm, mapping.spm_order)
    dram_reuse = reuse_factors(nest, tiling.dram, mapping.dram_order)
    return cost_of_reuse(nest, architecture, tiling, spm_reuse, dram_reuse)


def costs_of_tiling(
    nest: LoopNest, architecture: Architecture, tiling: Tiling
) -> list[tuple[ReuseClass, ReuseClass, ExactCost]]:
    """Costs under every pair of reuse classes that may be a tiling's best: (SPM class, DRAM class, cost)."""
    spm_classes, dram_classes = classes_of_tiling(nest, tiling)
    return [
        (spm, dram, cost_of_reuse(nest, architecture, tiling, spm.factors(tiling.spm), dram.factors(tiling.dram)))
        for spm in spm_classes
        for dram in dram_classes
    ]
