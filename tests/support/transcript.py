"""``docs/model.md`` sections 3 to 5 transcribed formula by formula, in exact rationals: an oracle for the model.

It shares no code with ``dmaze.model.dmazerunner.cost`` but the data types, keeps the document's letters and its order,
and is slow. Prices are the exact values of their binary64 numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from dmaze.model.dmazerunner.architecture import Architecture
from dmaze.model.loop_nest import LoopNest
from dmaze.model.mapping import Tiling

Vector = tuple[int, ...]


@dataclass(frozen=True)
class Transcript:
    """One execution method with the reuse factors ``r_spm`` and ``r_dram`` of its loop orders."""

    nest: LoopNest
    architecture: Architecture
    tiling: Tiling
    r_spm: Vector
    r_dram: Vector

    # Section 1: tiles and footprints.

    @property
    def operands(self) -> range:
        return range(len(self.nest.tensors))

    def is_output(self, t: int) -> bool:
        return self.nest.tensors[t].is_output

    def footprint(self, t: int, tile: str) -> int:
        factors = {"rf": ("rf",), "pe": ("rf", "spatial"), "spm": ("rf", "spatial", "spm")}[tile]
        sizes = [math.prod(getattr(self.tiling, f)[d] for f in factors) for d in range(len(self.nest.dims))]
        return math.prod(
            sum(abs(a) * (sizes[d] - 1) for d, a in index.terms) + 1 for index in self.nest.tensors[t].index
        )

    def product(self, level: str, *, indexing: int | None = None, missing: int | None = None) -> int:
        """Product of one level's factors, over the dimensions that index a tensor, or that do not, or over all."""
        factors = getattr(self.tiling, level)
        indexed = {
            d for t in (indexing, missing) if t is not None for i in self.nest.tensors[t].index for d, _ in i.terms
        }
        return math.prod(
            factor
            for d, factor in enumerate(factors)
            if (indexing is None or d in indexed) and (missing is None or d not in indexed)
        )

    @property
    def P(self) -> int:  # noqa: N802 - the document's letters
        return self.product("dram")

    @property
    def R(self) -> int:  # noqa: N802
        return self.product("spm")

    @property
    def output(self) -> int:
        return next(t for t in self.operands if self.is_output(t))

    # Section 3.

    def skip(self, t: int) -> bool:
        return self.r_spm[t] == self.R and self.r_dram[t] > 1

    # Section 4.

    def red(self) -> int:
        o = self.output
        return self.footprint(o, "rf") * (self.product("spatial", missing=o) - 1) * self.product("spatial", indexing=o)

    def energy_pj(self) -> Fraction:
        """The layer's energy, not rounded."""
        e = self.architecture.access_energy_pj
        e_rf, e_noc, e_spm, e_dram, e_mac = map(Fraction, (e.rf, e.noc, e.spm, e.dram, e.mac))
        ops = math.prod(self.nest.bounds)
        reads, writes = len(self.nest.tensors), 1
        total = ops * e_mac + (reads + writes) * ops * e_rf
        for t in self.operands:
            n = self.product("spatial", indexing=t) if self.is_output(t) else self.product("spatial")
            noc = self.footprint(t, "rf") * n * e_noc
            spm = self.footprint(t, "pe") * e_spm
            reduction = self.red() * (3 * e_rf + e_noc + e_mac) if self.is_output(t) else 0
            op = 2 * (noc + spm) + reduction if self.is_output(t) else noc + spm
            if self.skip(t):
                total += (noc + spm + reduction) * Fraction(self.P, self.r_dram[t])
            else:
                total += op * Fraction(self.R, self.r_spm[t]) * self.P
            total += self.footprint(t, "spm") * e_dram * Fraction(self.P, self.r_dram[t])
            if self.is_output(t):
                u = self.product("dram", indexing=t)
                total += self.footprint(t, "spm") * e_dram * (Fraction(self.P, u * self.r_dram[t]) - 1) * u
        return total

    # Section 5.

    def comm(self) -> dict[int, int]:
        periods: dict[int, int] = {}
        for t in self.operands:
            if not self.skip(t):
                r = self.r_spm[t]
                periods[r] = max(periods.get(r, 0), self.footprint(t, "pe"))
        return periods

    def comp(self) -> int:
        return self.product("rf")

    def spm_pass(self) -> int:
        comm, stall = self.comm(), dict.fromkeys(self.comm(), 0)
        if not self.skip(self.output):
            stall[self.r_spm[self.output]] += self.comp() + self.red()
        c, cycles = self.comp(), self.comp() * self.R
        if stall.get(1, 0) > 0:
            c = cycles = 0
        for r in sorted(comm):
            if comm[r] > c:
                cycles += math.floor(Fraction((comm[r] - c) * self.R, r))
                c = comm[r]
            cycles += math.floor(Fraction(stall[r] * self.R, r))
        return cycles

    def dma(self, t: int) -> int:
        tensor, arch = self.nest.tensors[t], self.architecture
        sizes = [math.prod(f) for f in zip(self.tiling.rf, self.tiling.spatial, self.tiling.spm, strict=True)]
        burst, invocations, every_earlier_is_full = 1, 1, True
        for place in reversed(range(len(tensor.index))):
            extent = sum(abs(a) * (sizes[d] - 1) for d, a in tensor.index[place].terms) + 1
            if every_earlier_is_full:
                burst *= extent
            else:
                invocations *= extent
            every_earlier_is_full = every_earlier_is_full and extent == tensor.shape[place]
        transfer = arch.dma.init_cycles + arch.dma.cycles_per_byte * burst * arch.bytes_per_element
        return invocations * math.ceil(transfer * arch.clock_mhz / arch.dma.clock_mhz)

    def total_cycles(self) -> int:
        dma: dict[int, int] = {}
        for t in self.operands:
            r = self.r_dram[t]
            dma[r] = dma.get(r, 0) + self.dma(t) * (2 if self.is_output(t) and r == 1 else 1)
        cum = {r: sum(cycles for other, cycles in dma.items() if other <= r) for r in {*dma, 1}}
        spm_pass, comm1 = self.spm_pass(), self.comm().get(1, 0)
        first = max(cum[1], spm_pass)
        total = Fraction(first * self.P)
        for t in self.operands:
            r = self.r_dram[t]
            if r > 1:
                pe1 = pe2 = spm_pass
                dma1, dma2 = cum[r], cum[r] if self.is_output(t) else cum[r] - dma[r]
                if self.skip(t):
                    pe2 += max(comm1, self.footprint(t, "pe")) - comm1
                    pe1 += self.red() + self.comp() if self.is_output(t) else 0
                total += (max(dma1, pe1, first) - first + max(dma2, pe2, first) - first) * Fraction(self.P, r)
        assert total.denominator == 1
        return int(total)
