"""Four execution methods costed by hand, every term of ``docs/model.md`` sections 4 and 5 written out.

The prices make the parts of the energy readable: a MAC is 0.5 pJ, an access to the RF 1, a word over the NoC 10, from
the SPM 100, from DRAM 1000. The DMA takes 11 cycles to start and one more per element, of a clock twice as fast as the
accelerator's.
"""

from __future__ import annotations

import math

import pytest
from builders import gemm_nest
from dmaze.model.dmazerunner.architecture import AccessEnergy, Architecture, Dma, Spm
from dmaze.model.dmazerunner.cost import (
    Burst,
    ExactCost,
    Traffic,
    burst,
    cost_of_mapping,
    dma_cycles,
    footprints,
    reduction_words,
)
from dmaze.model.dmazerunner.cycle_terms import cycle_terms, deciding_term, ideal_cycles
from dmaze.model.dmazerunner.legality import occupancy
from dmaze.model.layers import Conv2d
from dmaze.model.loop_nest import LoopNest
from dmaze.model.mapping import LEVELS, Mapping, Tiling, order_from_document

MACHINE = Architecture(
    name="readable",
    pes=4,
    rf_bytes_per_pe=512,
    spm=Spm(banks=8, bytes_per_bank=16),
    bytes_per_element=2,
    clock_mhz=100.0,
    dma=Dma(init_cycles=11.0, cycles_per_byte=0.5, clock_mhz=200.0),
    access_energy_pj=AccessEnergy(rf=1.0, noc=10.0, spm=100.0, dram=1000.0, mac=0.5),
)
FREE_DMA = MACHINE.model_copy(update={"dma": Dma(init_cycles=0.0, cycles_per_byte=0.0, clock_mhz=200.0)})


def tiling_of(nest: LoopNest, **factors: dict[str, int]) -> Tiling:
    """The tiling with the given factors by level and dimension; those left out are 1."""
    return Tiling.from_levels([factors.get(level, {}).get(dim, 1) for dim in nest.dims] for level in LEVELS)


def cost(nest: LoopNest, tiling: Tiling, dram: str, spm: str, architecture: Architecture = MACHINE) -> ExactCost:
    """The exact cost with loop orders written outermost first."""
    orders = (order_from_document(nest, order.split(), "order") for order in (dram, spm))
    return cost_of_mapping(nest, architecture, Mapping(tiling, *orders))


def check_energy(found: ExactCost, **breakdown_pj: float) -> None:
    """The parts are as stated, and sum to the energy."""
    assert found.energy_breakdown_pj == breakdown_pj
    assert found.energy_pj == round(math.fsum(breakdown_pj.values()))
    assert found.edp == float(found.energy_pj) * found.cycles


class TestGemmWithReduction:
    """C[8][2] = A[8][12] B[12][2]: B stays in the SPM over M, C in the RFs over K, two PEs add up each element of C."""

    nest = gemm_nest(8, 2, 12)
    tiling = tiling_of(
        nest, dram={"M": 2, "K": 3}, spm={"N": 2, "K": 2}, rf={"M": 2}, spatial={"M": 2, "K": 2}
    )  # P = 2*3 = 6, R = 2*2 = 4, comp = 2, U = 2*2 = 4
    found = cost(nest, tiling, "K N M", "M N K")

    def test_reuse(self) -> None:
        assert self.found.dram_reuse == (1, 2, 1)  # M, innermost, indexes A and C
        assert self.found.spm_reuse == (1, 1, 2)  # K indexes A and B

    def test_footprints(self) -> None:
        assert footprints(self.nest, self.tiling.rf) == (2 * 1, 1 * 1, 2 * 1)  # M 2, N 1, K 1
        assert footprints(self.nest, self.tiling.pe_array_tile) == (4 * 2, 2 * 1, 4 * 1)  # M 4, N 1, K 2
        assert footprints(self.nest, self.tiling.spm_tile) == (4 * 4, 4 * 2, 4 * 2)  # M 4, N 2, K 4
        # 2 bytes per element: 32, 16 and 16 bytes in banks of 16.
        found = {part.capacity.rule: part for part in occupancy(self.nest, MACHINE, self.tiling)}
        assert {rule: (part.taken, part.capacity.unit) for rule, part in found.items()} == {
            "pes": (4, "PEs"),
            "rf_bytes_per_pe": (2 * (2 + 1 + 2), "bytes"),
            "spm": (2 + 1 + 1, "banks"),
        }
        assert [part.filled for part in found.values()] == [4, 2 * (2 + 1 + 2), 32 + 16 + 16]

    def test_bursts(self) -> None:
        a, b, c = (burst(tensor, self.tiling.spm_tile) for tensor in self.nest.tensors)
        assert a == Burst(invocations=4, elements=4)  # 4 of 12 columns, so row by row
        assert b == Burst(invocations=1, elements=2 * 4)  # both columns, so 4 of 12 rows at once
        assert c == Burst(invocations=1, elements=2 * 4)
        assert dma_cycles(MACHINE, a) == 4 * 8  # ceil((11 + 4) / 2) = 8
        assert dma_cycles(MACHINE, b) == dma_cycles(MACHINE, c) == 10  # ceil((11 + 8) / 2) = 10

    def test_traffic(self) -> None:
        a, b, c = self.found.traffic
        assert reduction_words(self.nest, self.tiling) == 2 * (2 - 1) * 2  # 2 elements a PE, 2 groups of 2 PEs
        # Deliveries: R / 1 * P = 24 of A and B, R / 2 * P = 12 of C. The NoC brings A and B to 4 PEs, C to 2 groups.
        assert a == Traffic(noc=2 * 4 * 24, spm=8 * 24, dram=16 * 6, reduction=0, dma_invocations=4 * 6)
        assert b == Traffic(noc=1 * 4 * 24, spm=2 * 24, dram=8 * 6 // 2, reduction=0, dma_invocations=6 // 2)
        # C goes both ways, and in DRAM 6 times there, 6 - 2 times back: its 2 tiles begin as zeros (u = 2).
        assert c == Traffic(
            noc=2 * 2 * 2 * 12, spm=2 * 4 * 12, dram=8 * (6 + 4), reduction=4 * 12, dma_invocations=6 + 4
        )

    def test_energy(self) -> None:
        ops = 8 * 2 * 12
        reduction = 4 * 12
        check_energy(
            self.found,
            mac=(ops + reduction) * 0.5,
            rf=4.0 * ops + 3 * reduction,
            noc=10.0 * (192 + 96 + 96 + reduction),
            spm=100.0 * (192 + 48 + 96),
            dram=1000.0 * (96 + 24 + 80),
        )
        assert self.found.energy_pj == 120 + 912 + 4_320 + 33_600 + 200_000

    def test_cycles(self) -> None:
        # comm[1] = max(8, 2), comm[2] = 4, stall[2] = comp + red = 2 + 4; the output is not delivered every time.
        compute = 2 * 4
        longer_delivery = (8 - 2) * 4
        stalls = (2 + 4) * (4 // 2)
        assert self.found.cycles_per_spm_pass == compute + longer_delivery + stalls == 44
        # dma[1] = A + C there and back = 32 + 2*10 = cum[1], dma[2] = B = 10; the DMA is slower than the pass.
        first = max(32 + 2 * 10, 44)
        with_b = (max(52 + 10, 44, first) - first) + (max(52, 44, first) - first)
        assert self.found.cycles == first * 6 + with_b * (6 // 2) == 342

    def test_terms(self) -> None:
        terms = cycle_terms(self.nest, MACHINE, self.tiling, self.found)
        assert terms == {
            "compute": 8 * 2 * 12 // 4,
            "noc.A": 8 * 24,
            "noc.B": 2 * 24,
            "noc.C": 4 * 12,
            "reduction": 4 * 12,
            "dma": 32 * 6 + 10 * (6 // 2) + 2 * 10 * 6,
        }
        assert terms["dma"] == self.found.cycles  # the transfers hide everything else
        assert deciding_term(terms) == "dma"
        assert ideal_cycles(self.nest, MACHINE.model_copy(update={"pes": 5})) == 39  # 192 / 5, rounded up


class TestConvWithSkippedWeights:
    """A 2x2 kernel with stride 3 along the rows: the weights stay in the RFs over Ox, within and across SPM passes."""

    layer = Conv2d(
        type="conv2d",
        name="conv",
        batch=1,
        out_channels=2,
        in_channels=2,
        in_height=12,
        in_width=3,
        kernel_height=2,
        kernel_width=2,
        stride=(3, 1),
    )
    nest = layer.loop_nest()
    tiling = tiling_of(
        nest, dram={"Ox": 2}, spm={"Ox": 2}, rf={"C": 2, "Oy": 2, "Fx": 2, "Fy": 2}, spatial={"M": 2}
    )  # P = 2, R = 2, comp = 2*2*2*2 = 16, U = 2
    found = cost(nest, tiling, "N M C Oy Fx Fy Ox", "N M C Oy Fx Fy Ox")

    def test_reuse(self) -> None:
        assert dict(zip(self.nest.dims, self.nest.bounds, strict=True)) == {
            "N": 1, "M": 2, "C": 2, "Ox": 4, "Oy": 2, "Fx": 2, "Fy": 2,
        }  # fmt: skip
        assert self.found.dram_reuse == self.found.spm_reuse == (1, 2, 1)  # W: r_spm = R = 2, r_dram > 1, so skipped

    def test_footprints(self) -> None:
        # Input rows (Ox-1)*3 + Fx, columns (Oy-1) + Fy: the row that no output uses is held as well (as published).
        assert footprints(self.nest, self.tiling.rf) == (2 * 2 * 3, 2 * 2 * 2, 2)
        assert footprints(self.nest, self.tiling.pe_array_tile) == (12, 2 * 8, 2 * 2)
        assert footprints(self.nest, self.tiling.spm_tile) == (2 * (1 * 3 + 2) * 3, 16, 2 * 2 * 2)

    def test_bursts(self) -> None:
        i, w, o = (burst(tensor, self.tiling.spm_tile) for tensor in self.nest.tensors)
        assert i == Burst(invocations=2, elements=5 * 3)  # all 3 columns, 5 of 12 rows; 2 channels
        assert w == Burst(invocations=1, elements=16)  # the whole tensor
        assert o == Burst(invocations=2, elements=2 * 2)  # both columns, 2 of 4 rows; 2 channels
        assert [dma_cycles(MACHINE, moved) for moved in (i, w, o)] == [2 * 13, 14, 2 * 8]  # ceil of 13, 13.5, 7.5

    def test_a_stored_row_that_no_output_reaches_keeps_the_input_from_being_full(self) -> None:
        whole = burst(self.nest.tensors[0], self.nest.bounds)
        assert whole == Burst(invocations=2, elements=11 * 3)  # (4-1)*3 + 2 = 11 of 12 rows

    def test_energy(self) -> None:
        ops = 2 * 2 * 4 * 2 * 2 * 2
        i, w, o = self.found.traffic
        assert (i.noc, i.spm, i.dram) == (12 * 2 * 4, 12 * 4, 30 * 2)  # R * P = 4 deliveries
        assert (w.noc, w.spm, w.dram) == (8 * 2 * 1, 16 * 1, 16 * 1)  # skipped: P / r_dram = 1 delivery
        assert (o.noc, o.spm, o.dram) == (2 * 2 * 2 * 4, 2 * 4 * 4, 8 * 2)  # both ways on chip; no partial sums in DRAM
        check_energy(
            self.found,
            mac=0.5 * ops,
            rf=4.0 * ops,
            noc=10.0 * (96 + 16 + 32),
            spm=100.0 * (48 + 16 + 32),
            dram=1000.0 * (60 + 16 + 16),
        )

    def test_cycles(self) -> None:
        # The output is delivered in every RF pass, so that computing is in the stall; W's delivery is not in the pass.
        assert self.found.cycles_per_spm_pass == max(12, 4) * 2 + 16 * 2 == 56
        first = max(26 + 2 * 16, 56)
        pe2 = 56 + (max(12, 16) - 12)  # the pass in which W is delivered after all
        with_w = (max(58 + 14, 56, first) - first) + (max(58, pe2, first) - first)
        assert (first, pe2, with_w) == (58, 60, 14 + 2)
        assert self.found.cycles == first * 2 + with_w * (2 // 2) == 132


class TestGemmWithSkippedOutput:
    """C[2][3] = A[2][8] B[8][3]: C stays in the RFs over all of K, and is counted once instead of twice."""

    nest = gemm_nest(2, 3, 8)
    tiling = tiling_of(
        nest, dram={"K": 2}, spm={"K": 2}, rf={"N": 3}, spatial={"M": 2, "K": 2}
    )  # P = 2, R = 2, comp = 3, U = 4, red = 3 * (2-1) * 2 = 6
    found = cost(nest, tiling, "M N K", "M N K")

    def test_energy(self) -> None:
        a, b, c = self.found.traffic
        assert a == Traffic(noc=1 * 4 * 4, spm=4 * 4, dram=8 * 2, reduction=0, dma_invocations=2 * 2)
        assert b == Traffic(noc=3 * 4 * 4, spm=6 * 4, dram=12 * 2, reduction=0, dma_invocations=1 * 2)
        assert c == Traffic(noc=3 * 2 * 1, spm=6 * 1, dram=6 * 1, reduction=6 * 1, dma_invocations=1)  # P / 2 = 1
        ops = 2 * 3 * 8
        check_energy(
            self.found,
            mac=0.5 * (ops + 6),
            rf=4.0 * ops + 3 * 6,
            noc=10.0 * (16 + 48 + 6 + 6),
            spm=100.0 * (16 + 24 + 6),
            dram=1000.0 * (16 + 24 + 6),
        )

    def test_cycles(self) -> None:
        assert self.found.cycles_per_spm_pass == 3 * 2 + (max(4, 6) - 3) * 2 == 12  # no stall: C does not move
        # DMA: A 2 rows of 4, each ceil(15/2); B 12 at once, ceil(23/2); C 6 at once, ceil(17/2).
        first = max(2 * 8 + 12, 12)
        assert self.found.cycles == first * 2 + 2 * (28 + 9 - first) * (2 // 2) == 74  # C comes and goes once

    def test_cycles_without_dma(self) -> None:
        # Then the pass in which C is delivered counts: its reduction and, once more, its computing (pe1).
        found = cost(self.nest, self.tiling, "M N K", "M N K", FREE_DMA)
        pe1, pe2 = 12 + 6 + 3, 12 + (max(6, 6) - 6)
        assert found.cycles == 12 * 2 + (pe1 - 12 + pe2 - 12) * (2 // 2) == 33

    def test_it_is_not_skipped_when_another_output_tile_follows(self) -> None:
        # K whole below DRAM and M in DRAM: r_spm(C) = R = 2, but r_dram(C) = 1. Both ways, in each of the 2 passes.
        tiling = tiling_of(self.nest, dram={"M": 2}, spm={"K": 2}, rf={"N": 3, "K": 2}, spatial={"K": 2})
        found = cost(self.nest, tiling, "K N M", "M N K")
        assert (found.dram_reuse, found.spm_reuse) == ((1, 2, 1), (1, 1, 2))
        assert found.traffic[2] == Traffic(
            noc=2 * 3 * 1 * 2, spm=2 * 3 * 2, dram=3 * 2, reduction=3 * 2, dma_invocations=2
        )
        # comp = 6, red = 3; comm[1] = max(A 4, B 12), comm[2] = 3; the stall of 9 comes once a pass.
        assert found.cycles_per_spm_pass == 6 * 2 + (12 - 6) * 2 + (6 + 3) * 1 == 33


class TestOneRfPass:
    """With a single RF pass per SPM pass, whatever DRAM reuses is skipped: C[6][1] = A[6][2] B[2][1], M in DRAM."""

    nest = gemm_nest(6, 1, 2)
    tiling = tiling_of(nest, dram={"M": 3}, rf={"M": 2, "K": 2})  # P = 3, R = 1, comp = 4
    found = cost(nest, tiling, "N K M", "N K M")

    def test_energy(self) -> None:
        assert (self.found.dram_reuse, self.found.spm_reuse) == ((1, 3, 1), (1, 1, 1))
        assert self.found.traffic == (
            Traffic(noc=4 * 3, spm=4 * 3, dram=4 * 3, reduction=0, dma_invocations=3),
            Traffic(noc=2 * 1, spm=2 * 1, dram=2 * 1, reduction=0, dma_invocations=1),
            Traffic(noc=2 * 2 * 3, spm=2 * 2 * 3, dram=2 * 3, reduction=0, dma_invocations=3),
        )

    def test_cycles(self) -> None:
        found = cost(self.nest, self.tiling, "N K M", "N K M", FREE_DMA)
        assert found.cycles_per_spm_pass == 4 + 4  # A's delivery, then computing in the stall
        assert found.cycles == 8 * 3  # B's delivery of 2 hides behind A's of 4 in the pass in which it comes


def test_a_skipped_output_never_stalls_even_with_one_rf_pass() -> None:
    # C[2][1] = A[2][3] B[3][1], K in DRAM: r_spm(C) = R = 1, yet computing is not in the stall, for C stays in the RF.
    nest = gemm_nest(2, 1, 3)
    found = cost(nest, tiling_of(nest, dram={"K": 3}, rf={"M": 2}), "M N K", "M N K", FREE_DMA)
    assert found.dram_reuse == (1, 1, 3)
    assert found.cycles_per_spm_pass == max(2, max(2, 1)) == 2  # comp = 2 hides A's delivery of 2 and B's of 1
    # One pass in three pays for C's delivery: computing once more before it (pe1); it hides behind A's (pe2).
    assert found.cycles == 2 * 3 + (2 + 2 - 2 + 0) * (3 // 3) == 8


@pytest.mark.parametrize(("macs", "energy_pj"), [(1, 0), (2, 1), (3, 2), (5, 2), (7, 4)])
def test_the_energy_is_rounded_to_the_nearest_integer_ties_to_even(macs: int, energy_pj: int) -> None:
    only_macs = AccessEnergy(rf=0.0, noc=0.0, spm=0.0, dram=0.0, mac=0.5)
    nest = gemm_nest(1, 1, macs)
    machine = MACHINE.model_copy(update={"access_energy_pj": only_macs})
    assert cost(nest, tiling_of(nest, rf={"K": macs}), "M N K", "M N K", machine).energy_pj == energy_pj


def test_the_ceiling_of_a_burst_is_taken_of_a_binary64_evaluated_left_to_right() -> None:
    # 0.1 * 3 * 1 = 0.30000000000000004 cycles per burst, times 10 is above 3; 0.1 * (3 * 10) would be exactly 3.
    machine = MACHINE.model_copy(
        update={
            "bytes_per_element": 1,
            "clock_mhz": 10.0,
            "dma": Dma(init_cycles=0.0, cycles_per_byte=0.1, clock_mhz=1.0),
        }
    )
    assert (0.1 * 3 * 1) * 10.0 / 1.0 > 3.0 == 0.1 * (3 * 10)
    assert dma_cycles(machine, Burst(invocations=1, elements=3)) == 4
