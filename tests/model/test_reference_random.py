"""1,080 random tilings, costed by the published implementation: every stored number, by both forms of the model.

Fixtures: ``tests/data/random_mappings.json`` (36 = 12 workloads x 3 architectures, 30 mappings each). All numbers are
compared as binary64, exactly; only the five parts of the energy breakdown get a tolerance (see ``FLOAT_NOISE``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
from builders import nest_of
from dmaze.model.dmazerunner.architecture import Architecture
from dmaze.model.dmazerunner.constraints import Constraints
from dmaze.model.dmazerunner.cost import (
    burst,
    cost_of_mapping,
    costs_of_tiling,
    dma_cycles,
    footprints,
    reduction_words,
    sum_parts,
)
from dmaze.model.dmazerunner.legality import broken_rules, capacity_faults, occupancy
from dmaze.model.dmazerunner.reuse import all_reuse_classes, reuse_factors
from dmaze.model.dmazerunner.vectorised.batch import TilingBatch, to_array
from dmaze.model.dmazerunner.vectorised.batch_cost import BatchModel
from dmaze.model.dmazerunner.vectorised.batch_legality import allowed
from dmaze.model.loop_nest import LoopNest
from dmaze.model.mapping import Factors, Mapping, Tiling, order_from_document, tiling_from_document
from reference import load, random_workload, reference_architecture

DATA = load("random_mappings.json")
NUM_WORKLOADS = 36

FLOAT_NOISE = 1e-12
"""The published implementation adds up one term per operand and pass in binary64; this model counts operations as
integers and multiplies each part's count by its price once, so that the last bits of a part differ. The rounded sum
does not, and is compared exactly."""


@dataclass(frozen=True)
class Case:
    """A mapping of the reference data with the workload and the architecture that it belongs to."""

    nest: LoopNest
    architecture: Architecture
    tiling: Tiling
    expected: dict[str, Any]

    def by_tensor(self, values: Any) -> dict[str, Any]:
        """Values of all tensors, in the nest's order, by the tensors' names."""
        return {tensor.name: value for tensor, value in zip(self.nest.tensors, values, strict=True)}


@cache
def cases(workload: int) -> tuple[Case, ...]:
    """The mappings of one workload on one architecture."""
    entry = DATA["workloads"][workload]
    nest = nest_of(random_workload(entry))
    architecture = reference_architecture(DATA["architectures"][entry["architecture"]])
    assert dict(zip(nest.dims, nest.bounds, strict=True)) == entry["loop_bounds"]
    return tuple(
        Case(nest, architecture, tiling_from_document(nest, {d: Factors(**f) for d, f in m["tiling"].items()}), m)
        for m in entry["mappings"]
    )


def detailed_cases(workload: int) -> list[Case]:
    """The mappings that are stored with footprints, DMA bursts and orders."""
    return [case for case in cases(workload) if "orderings" in case.expected]


def name_of(workload: int) -> str:
    entry = DATA["workloads"][workload]
    return f"{entry['name']}-{entry['architecture']}"


each_workload = pytest.mark.parametrize("workload", range(len(DATA["workloads"])), ids=name_of)


def test_the_fixture_is_complete() -> None:
    everything = [case for workload in range(NUM_WORKLOADS) for case in cases(workload)]
    assert len(DATA["workloads"]) == NUM_WORKLOADS
    assert len(everything) == NUM_WORKLOADS * 30 == 1080
    assert sum(len(detailed_cases(workload)) for workload in range(NUM_WORKLOADS)) == NUM_WORKLOADS * 2
    assert sum(len(case.expected.get("orderings", ())) for case in everything) == 545


@each_workload
def test_scalar_minima(workload: int) -> None:
    for case in cases(workload):
        costs = [cost for *_, cost in costs_of_tiling(case.nest, case.architecture, case.tiling)]
        assert min(cost.energy_pj for cost in costs) == case.expected["min_energy_pj"]
        assert min(cost.cycles for cost in costs) == case.expected["min_cycles"]
        assert min(cost.edp for cost in costs) == float(case.expected["min_edp"])


@each_workload
@pytest.mark.parametrize("classes", ["one class per tensor", "all classes"])
def test_vectorised_minima(workload: int, classes: str) -> None:
    nest, architecture = cases(workload)[0].nest, cases(workload)[0].architecture
    model = BatchModel(nest, architecture, all_reuse_classes(nest) if classes == "all classes" else None)
    minima = model.minima(to_array([case.tiling for case in cases(workload)]))
    for metric, found in (("energy_pj", minima.energy_pj), ("cycles", minima.cycles), ("edp", minima.edp)):
        assert found.tolist() == [float(case.expected[f"min_{metric}"]) for case in cases(workload)]


@each_workload
def test_what_fits(workload: int) -> None:
    capacity_of = {"spatial": "pes", "rf": "rf_bytes_per_pe", "spm": "spm"}
    nest, architecture = cases(workload)[0].nest, cases(workload)[0].architecture
    for case in cases(workload):
        exceeded = {capacity_of[part] for part, fits in case.expected["fits"].items() if not fits}
        assert set(capacity_faults(occupancy(nest, architecture, case.tiling))) == exceeded
        assert set(broken_rules(nest, architecture, Constraints(), case.tiling)) == exceeded
    mask = allowed(nest, architecture, Constraints(), to_array([case.tiling for case in cases(workload)]))
    assert mask.tolist() == [all(case.expected["fits"].values()) for case in cases(workload)]


@each_workload
def test_footprints(workload: int) -> None:
    for case in detailed_cases(workload):
        tiles = {"rf": case.tiling.rf, "pe_array": case.tiling.pe_array_tile, "spm": case.tiling.spm_tile}
        found = {level: case.by_tensor(footprints(case.nest, tile)) for level, tile in tiles.items()}
        assert found == case.expected["footprint_elements"]
        batch = TilingBatch(case.nest, to_array([case.tiling]))
        arrays = {"rf": batch.rf_footprints, "pe_array": batch.pe_array_footprints, "spm": batch.spm_footprints}
        vectorised = {level: case.by_tensor(np.concatenate(array).tolist()) for level, array in arrays.items()}
        assert vectorised == case.expected["footprint_elements"]


@each_workload
def test_dma_and_reduction(workload: int) -> None:
    for case in detailed_cases(workload):
        bursts = [burst(tensor, case.tiling.spm_tile) for tensor in case.nest.tensors]
        found = [{"invocations": moved.invocations, "burst_elements": moved.elements} for moved in bursts]
        assert case.by_tensor(found) == case.expected["dma"]
        cycles = [dma_cycles(case.architecture, moved) for moved in bursts]
        assert case.by_tensor(cycles) == case.expected["dma_cycles"]
        reduction = [reduction_words(case.nest, case.tiling) if t.is_output else 0 for t in case.nest.tensors]
        assert case.by_tensor(reduction) == case.expected["noc_reduction_cycles"]


@each_workload
def test_every_stored_order(workload: int) -> None:
    for case in detailed_cases(workload):
        for ordering in case.expected["orderings"]:
            check_order(case, ordering)


def check_order(case: Case, expected: dict[str, Any]) -> None:
    """Reuse factors, energy, cycles and their parts of one pair of loop orders."""
    dram_order = order_from_document(case.nest, expected["dram_order_outer_to_inner"], "dram_order")
    spm_order = order_from_document(case.nest, expected["spm_order_outer_to_inner"], "spm_order")
    assert case.by_tensor(reuse_factors(case.nest, case.tiling.dram, dram_order)) == expected["dram_reuse"]
    assert case.by_tensor(reuse_factors(case.nest, case.tiling.spm, spm_order)) == expected["spm_reuse"]
    cost = cost_of_mapping(case.nest, case.architecture, Mapping(case.tiling, dram_order, spm_order))
    assert cost.energy_pj == expected["energy_pj"]
    assert cost.cycles == expected["cycles"]
    assert cost.cycles_per_spm_pass == expected["cycles_per_spm_pass"]
    assert cost.energy_breakdown_pj == pytest.approx(expected["energy_breakdown_pj"], rel=FLOAT_NOISE, abs=0)
    assert math.isclose(sum_parts(cost.energy_breakdown_pj), expected["energy_pj"], rel_tol=0, abs_tol=0.5)


@each_workload
def test_the_stored_pairs_of_reuse_are_those_of_all_classes(workload: int) -> None:
    for case in detailed_cases(workload):
        classes = all_reuse_classes(case.nest)
        dram = {c.factors(case.tiling.dram) for c in classes if c.attained(case.tiling.dram)}
        spm = {c.factors(case.tiling.spm) for c in classes if c.attained(case.tiling.spm)}
        names = [tensor.name for tensor in case.nest.tensors]
        stored = [
            tuple(tuple(ordering[side][name] for name in names) for side in ("dram_reuse", "spm_reuse"))
            for ordering in case.expected["orderings"]
        ]
        assert set(stored) == set(product(dram, spm))
        assert len(set(stored)) == len(stored)
