"""The numbers that the published implementation's own tests assert, all of them, each by an explicit check.

Fixture: ``tests/data/verified_numbers.json``, 23 records of a layer with a tiling. Every key has one check below; a key
without a check is an error.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import pytest
from dmaze.model.dmazerunner.architecture import AccessEnergy, Architecture, Dma, Spm
from dmaze.model.dmazerunner.cost import (
    Burst,
    ExactCost,
    burst,
    cost_of_mapping,
    costs_of_tiling,
    dma_cycles,
    footprints,
    reduction_width,
    reduction_words,
)
from dmaze.model.dmazerunner.reuse import all_reuse_classes, reuse_factors
from dmaze.model.layers import Conv2d, Gemm
from dmaze.model.loop_nest import LoopNest
from dmaze.model.mapping import Mapping, Tiling, order_from_document
from reference import load

RECORDS = load("verified_numbers.json")
UNCHECKED = frozenset({"factor_additional_spm", "factor_additional_dram"})
"""Internals of the published implementation that no rule of the model names (README.md of the reference data)."""

LAYER_ENERGY_PJ = 1.0
SPM_PASS_ENERGY_PJ = 0.2
OPERATION_ENERGY_PJ = 1e-5
"""Tolerances of the published tests, from the README: a layer's energies, an SPM pass's, MAC's and RF's."""


@dataclass(frozen=True)
class Record:
    """A layer with a tiling, and the numbers asserted of it."""

    nest: LoopNest
    architecture: Architecture
    tiling: Tiling
    expected: dict[str, Any]
    orderings: tuple[dict[str, Any], ...]
    asserted_numbers: int
    dim_names: dict[str, str]

    def by_tensor(self, values: Any) -> dict[str, Any]:
        """Values of all tensors, in the nest's order, by the tensors' names."""
        return {tensor.name: value for tensor, value in zip(self.nest.tensors, values, strict=True)}

    @cached_property
    def bursts(self) -> tuple[Burst, ...]:
        return tuple(burst(tensor, self.tiling.spm_tile) for tensor in self.nest.tensors)

    @cached_property
    def compute_cycles(self) -> int:
        return math.prod(self.tiling.rf)

    @cached_property
    def delivery_cycles(self) -> tuple[int, ...]:
        return footprints(self.nest, self.tiling.pe_array_tile)

    @cached_property
    def reduction(self) -> tuple[int, ...]:
        return tuple(reduction_words(self.nest, self.tiling) if t.is_output else 0 for t in self.nest.tensors)

    @cached_property
    def costs(self) -> tuple[ExactCost, ...]:
        return tuple(cost for *_, cost in costs_of_tiling(self.nest, self.architecture, self.tiling))

    def order(self, names: list[str]) -> tuple[int, ...]:
        """A loop order of the fixture as positions, outermost first."""
        return order_from_document(self.nest, [self.dim_names.get(name, name) for name in names], "order")

    def distinct_reuse(self, trips: tuple[int, ...]) -> int:
        """How many reuse vectors the loop orders of one level have."""
        classes = all_reuse_classes(self.nest)
        return len({reuse_class.factors(trips) for reuse_class in classes if reuse_class.attained(trips)})


def architecture_of(fields: dict[str, Any]) -> Architecture:
    """The architecture of a record; capacities, which the numbers do not depend on, are the reference design's."""
    return Architecture(
        name="published tests",
        pes=256,
        rf_bytes_per_pe=512,
        spm=Spm(banks=32, bytes_per_bank=2048),
        bytes_per_element=fields["bytes_per_word"],
        clock_mhz=fields["accel_mhz"],
        dma=Dma(
            init_cycles=fields["dma_init_cycles"],
            cycles_per_byte=fields["dma_cycles_per_byte"],
            clock_mhz=fields["dma_mhz"],
        ),
        access_energy_pj=AccessEnergy(**fields["energy"]),
    )


def nest_of_record(layer: dict[str, Any]) -> LoopNest:
    """The loop nest of a record."""
    if layer["kind"] == "gemm":
        return Gemm(type="gemm", name="g", m=layer["M"], n=layer["N"], k=layer["K"]).loop_nest()
    conv = Conv2d(
        type="conv2d",
        name="c",
        batch=layer["batch"],
        out_channels=layer["out_channels"],
        in_channels=layer["in_channels"],
        in_height=layer["in_size"],
        in_width=layer["in_size"],
        kernel_height=layer["kernel"],
        kernel_width=layer["kernel"],
        stride=layer["stride"],
        padding=layer["pad"],
    )
    assert conv.output_size() == (layer["out_size"], layer["out_size"])
    return conv.loop_nest()


@cache
def record(position: int) -> Record:
    """A record of the fixture."""
    fields = RECORDS[position]
    nest = nest_of_record(fields["layer"])
    dim_names = {"X": "M", "Y": "N"} if fields["layer"]["kind"] == "gemm" else {}
    column = {dim_names.get(name, name): place for place, name in enumerate(fields["loops"])}
    rows = [fields["tiling"][level] for level in ("DRAM", "SPM", "RF", "SPATIAL")]
    tiling = Tiling.from_levels([row[column[dim]] for dim in nest.dims] for row in rows)
    return Record(
        nest,
        architecture_of(fields["arch"]),
        tiling,
        fields["expected"],
        tuple(fields["per_ordering"]),
        fields["asserted_numbers"],
        dim_names,
    )


# What is independent of the loop order: what the model says, to be equal to the fixture's value.


def reduction_energy(r: Record) -> dict[str, Any]:
    price = r.architecture.access_energy_pj
    return r.by_tensor(words * (3 * price.rf + price.noc + price.mac) for words in r.reduction)


def noc_energy(r: Record) -> dict[str, Any]:
    """Section 4: a read-only operand goes to all PEs in use, the output to one group of PEs that add up."""
    sharing = [r.tiling.pes_used // (reduction_width(r.nest, r.tiling) if t.is_output else 1) for t in r.nest.tensors]
    words = footprints(r.nest, r.tiling.rf)
    price = r.architecture.access_energy_pj.noc
    return r.by_tensor(word * n * price for word, n in zip(words, sharing, strict=True))


def tile_words_of_input(r: Record) -> int:
    sizes = {"N": 1, "M": 2, "C": 2, "Ox": 14, "Oy": 14, "Fx": 3, "Fy": 3}
    return r.nest.tensors[0].footprint([sizes[dim] for dim in r.nest.dims])


def input_extents(r: Record) -> dict[str, int]:
    index = r.nest.tensors[0].index
    return {str(place): axis.extent(r.tiling.spm_tile) for place, axis in enumerate(reversed(index))}


def first_reuse(r: Record, level: str) -> dict[str, int]:
    order = r.order(r.orderings[0][f"{level}_order"])
    return r.by_tensor(reuse_factors(r.nest, getattr(r.tiling, level), order))


def noc_distinct_periods(r: Record) -> int:
    """Different reuse factors among the operands that are delivered anew in every SPM pass, of the first ordering."""
    return len({spm for _, spm, _ in unskipped(r, r.orderings[0])})


EXACT: dict[str, Callable[[Record], Any]] = {
    "macs_total": lambda r: r.nest.num_macs,
    "pes_used": lambda r: r.tiling.pes_used,
    "spm_passes": lambda r: r.tiling.spm_passes,
    "compute_cycles_per_rf_pass": lambda r: r.compute_cycles,
    "rf_words": lambda r: r.by_tensor(footprints(r.nest, r.tiling.rf)),
    "pe_array_words": lambda r: r.by_tensor(footprints(r.nest, r.tiling.pe_array_tile)),
    "spm_words": lambda r: r.by_tensor(footprints(r.nest, r.tiling.spm_tile)),
    "I_words_of_tile_N1_M2_C2_Ox14_Oy14_Fx3_Fy3": tile_words_of_input,
    "dma_I_extent_by_dim_innermost_first": input_extents,
    "dma_bursts_per_spm_pass": lambda r: r.by_tensor(moved.invocations for moved in r.bursts),
    "dma_words_per_burst": lambda r: r.by_tensor(moved.elements for moved in r.bursts),
    "dma_cycles_per_spm_pass": lambda r: r.by_tensor(dma_cycles(r.architecture, moved) for moved in r.bursts),
    "dma_cycles_of_bytes": lambda r: {
        text: dma_cycles(r.architecture, Burst(1, int(text) // r.architecture.bytes_per_element))
        for text in ("16384", "6272")
    },
    "noc_cycles_per_rf_pass": lambda r: r.by_tensor(r.delivery_cycles),
    "reduction_cycles_per_rf_pass": lambda r: r.by_tensor(r.reduction),
    "reuse_spm": lambda r: first_reuse(r, "spm"),
    "reuse_dram": lambda r: first_reuse(r, "dram"),
    "noc_distinct_periods": noc_distinct_periods,
    "distinct_spm_reuse_vectors": lambda r: r.distinct_reuse(r.tiling.spm),
    "distinct_dram_reuse_vectors": lambda r: r.distinct_reuse(r.tiling.dram),
    "min_energy_over_orderings": lambda r: min(cost.energy_pj for cost in r.costs),
    "min_edp_over_orderings": lambda r: min(cost.edp for cost in r.costs),
}
WITHIN_OPERATION_ENERGY: dict[str, Callable[[Record], Any]] = {
    "reduction_energy_per_rf_pass": reduction_energy,
    "noc_energy_per_rf_pass": noc_energy,
    "spm_energy_per_rf_pass": lambda r: r.by_tensor(w * r.architecture.access_energy_pj.spm for w in r.delivery_cycles),
    "dma_energy_per_spm_pass": lambda r: r.by_tensor(
        words * r.architecture.access_energy_pj.dram for words in footprints(r.nest, r.tiling.spm_tile)
    ),
    "mac_energy_total": lambda r: r.nest.num_macs * r.architecture.access_energy_pj.mac,
    "rf_energy_total": lambda r: r.nest.num_macs * r.nest.rf_accesses_per_mac * r.architecture.access_energy_pj.rf,
}


# What depends on the loop order.


def cost_of(r: Record, ordering: dict[str, Any]) -> ExactCost:
    """The exact cost of the stored loop orders; their reuse must be the stored one."""
    mapping = Mapping(r.tiling, r.order(ordering["dram_order"]), r.order(ordering["spm_order"]))
    cost = cost_of_mapping(r.nest, r.architecture, mapping)
    assert r.by_tensor(cost.dram_reuse) == ordering["dram_reuse"]
    assert r.by_tensor(cost.spm_reuse) == ordering["spm_reuse"]
    return cost


def skipped(r: Record, cost: ExactCost) -> list[bool]:
    """Section 3: the operands that stay in the RFs across SPM passes."""
    return [spm == r.tiling.rf_passes and dram > 1 for spm, dram in zip(cost.spm_reuse, cost.dram_reuse, strict=True)]


def unskipped(r: Record, ordering: dict[str, Any]) -> list[tuple[bool, int, int]]:
    """Of every operand that is not skipped: whether it is the output, its SPM reuse, the cycles of one delivery."""
    cost = cost_of(r, ordering)
    rows = zip((t.is_output for t in r.nest.tensors), cost.spm_reuse, r.delivery_cycles, skipped(r, cost), strict=True)
    return [(is_output, reuse, cycles) for is_output, reuse, cycles, skip in rows if not skip]


def noc_cycles_every(r: Record, ordering: dict[str, Any]) -> dict[str, int]:
    """``comm[1]`` of section 5: the published tests assert it of every RF pass."""
    return {"1": max((cycles for _, reuse, cycles in unskipped(r, ordering) if reuse == 1), default=0)}


def stall_cycles_every(r: Record, ordering: dict[str, Any]) -> dict[str, int]:
    """``stall[1]`` of section 5."""
    stalls = any(is_output and reuse == 1 for is_output, reuse, _ in unskipped(r, ordering))
    return {"1": r.compute_cycles + sum(r.reduction) if stalls else 0}


def delivery_energy_pj(r: Record, cost: ExactCost, *, skips: bool) -> float:
    """NoC, SPM and reduction energy over the layer of the operands that are skipped, or of those that are not."""
    price = r.architecture.access_energy_pj
    return sum(
        t.noc * price.noc + t.spm * price.spm + t.reduction * (3 * price.rf + price.noc + price.mac)
        for t, skip in zip(cost.traffic, skipped(r, cost), strict=True)
        if skip == skips
    )


def energy_spm_pass(r: Record, ordering: dict[str, Any]) -> float:
    return delivery_energy_pj(r, cost_of(r, ordering), skips=False) / r.tiling.spm_passes


def energy_dram(r: Record, ordering: dict[str, Any]) -> float:
    cost = cost_of(r, ordering)
    return cost.energy_breakdown_pj["dram"] + delivery_energy_pj(r, cost, skips=True)


PER_ORDERING: dict[str, tuple[Callable[[Record, dict[str, Any]], Any], float]] = {
    "cycles_layer": (lambda r, ordering: cost_of(r, ordering).cycles, 0.0),
    "cycles_spm_pass": (lambda r, ordering: cost_of(r, ordering).cycles_per_spm_pass, 0.0),
    "energy_total": (lambda r, ordering: cost_of(r, ordering).energy_pj, 0.0),
    "energy_spm_pass": (energy_spm_pass, SPM_PASS_ENERGY_PJ),
    "energy_dram": (energy_dram, LAYER_ENERGY_PJ),
    "noc_cycles_every": (noc_cycles_every, 0.0),
    "stall_cycles_every": (stall_cycles_every, 0.0),
}
"""Check and tolerance by key."""

ORDERING_IS = frozenset({"dram_reuse", "spm_reuse", "dram_order", "spm_order", "computed_by_test"})
"""Which ordering it is (checked by :func:`cost_of`), and where its numbers come from: not asserted numbers."""


def num_leaves(value: Any) -> int:
    return sum(map(num_leaves, value.values())) if isinstance(value, dict) else 1


def num_stored(r: Record) -> int:
    """Numbers that the fixture has of a record, the unchecked ones included."""
    numbers = [r.expected, *({k: v for k, v in ordering.items() if k not in ORDERING_IS} for ordering in r.orderings)]
    return sum(map(num_leaves, numbers))


def check_expected(r: Record, key: str, expected: Any) -> int:
    """Check one entry of ``expected``; gives how many numbers were compared."""
    if key in UNCHECKED:
        return 0
    if key in EXACT:
        assert EXACT[key](r) == expected, key
    elif key in WITHIN_OPERATION_ENERGY:
        found = WITHIN_OPERATION_ENERGY[key](r)
        assert found == pytest.approx(expected, rel=0, abs=OPERATION_ENERGY_PJ), key
    else:
        raise KeyError(f"no check for expected.{key}")
    return num_leaves(expected)


def check_ordering(r: Record, ordering: dict[str, Any]) -> int:
    """Check one entry of ``per_ordering``; gives how many numbers were compared."""
    compared = 0
    cost_of(r, ordering)
    for key, expected in ordering.items():
        if key in ORDERING_IS:
            continue
        if key not in PER_ORDERING:
            raise KeyError(f"no check for per_ordering.{key}")
        check, tolerance = PER_ORDERING[key]
        assert check(r, ordering) == pytest.approx(expected, rel=0, abs=tolerance), key
        compared += num_leaves(expected)
    return compared


def check(r: Record) -> int:
    """Check everything asserted of a record; gives how many numbers were compared."""
    of_tiling = sum(check_expected(r, key, expected) for key, expected in r.expected.items())
    return of_tiling + sum(check_ordering(r, ordering) for ordering in r.orderings)


@pytest.mark.parametrize("position", range(len(RECORDS)), ids=lambda position: RECORDS[position]["id"])
def test_a_record(position: int) -> None:
    assert check(record(position)) > 0


def test_every_number_was_compared() -> None:
    records = [record(position) for position in range(len(RECORDS))]
    skipped_numbers = sum(num_leaves(r.expected[key]) for r in records for key in UNCHECKED & set(r.expected))
    repeated = [r.asserted_numbers - num_stored(r) for r in records]
    assert (len(records), sum(r.asserted_numbers for r in records)) == (23, 1531)
    assert sum(map(check, records)) == 1429
    # 1,531 counts assertions; the fixture stores a number once that several of them repeat: 70 in the record with two
    # test files of one tiling, 25 in the first record with its six test files, 1 in fx_fy_2.
    assert sorted(n for n in repeated if n) == [1, 25, 70]
    assert 1429 + skipped_numbers + sum(repeated) == 1429 + 6 + 96 == 1531


def test_a_number_without_a_check_is_an_error() -> None:
    with pytest.raises(KeyError, match=r"expected\.surprise"):
        check_expected(record(0), "surprise", 1)
    with pytest.raises(KeyError, match=r"per_ordering\.surprise"):
        check_ordering(record(0), {**record(0).orderings[0], "surprise": 1})
