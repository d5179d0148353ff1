"""An infeasible layer is explained by a smallest set of constraints and capacities that cannot hold together."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from builders import Specs, gemm, gemm_nest, nest_of, only, problem_of, whole_space
from dmaze.cli.main import main
from dmaze.model.dmazerunner.architecture import Architecture
from dmaze.model.dmazerunner.constraints import Constraints
from dmaze.model.dmazerunner.cost import costs_of_tiling
from dmaze.model.dmazerunner.legality import broken_limits, broken_rules
from dmaze.solver import LayerProblem, solve
from dmaze.solver.deadline import Deadline
from dmaze.solver.enumeration.feasibility import Feasibility
from dmaze.solver.pipeline.infeasibility import find_conflicts
from reference import REFERENCE

SECONDS = 60.0

GEMM = gemm(64, 48, 32)
CONV = {
    "type": "conv2d", "name": "conv2_2", "batch": 4, "out_channels": 64, "in_channels": 64,
    "in_height": 56, "in_width": 56, "kernel_height": 3, "kernel_width": 3, "padding": 1,
}  # fmt: skip
PRUNED = {
    "min_utilization": {"pe": 0.8, "rf": 0.8, "spm": 0.5},
    "no_spatial_reduction": True,
    "no_feature_from_dram": True,
}


spec = Specs()


def fixed(level: str, **factors: int) -> dict[str, dict[str, int]]:
    return {dim: {level: factor} for dim, factor in factors.items()}


@dataclass(frozen=True)
class Case:
    """A layer, constraints that it cannot keep, and which of them (and which capacities) clash."""

    layer: dict[str, Any]
    constraints: dict[str, Any]
    conflicts: tuple[str, ...]


TABLE = {
    # 64 * 48 elements of C take 6 KiB; a register file has 512 bytes
    "factors that the RF cannot hold": Case(
        GEMM, {"fixed": fixed("rf", M=64, N=48)}, ("rf_bytes_per_pe", "fixed.M.rf", "fixed.N.rf")
    ),
    "factors that need more PEs than there are": Case(
        GEMM, {"fixed": fixed("spatial", M=64, N=48)}, ("pes", "fixed.M.spatial", "fixed.N.spatial")
    ),
    # three matrices of at most 64 * 48, 64 * 32 and 32 * 48 elements of two bytes fill 13 KiB of 64 KiB
    "a layer too small to fill the SPM": Case(GEMM, {"min_utilization": {"spm": 0.5}}, ("min_utilization.spm",)),
    "no dimension over which to use PEs": Case(
        GEMM, {"min_utilization": {"pe": 0.1}, "spatial_dims": []}, ("min_utilization.pe", "spatial_dims")
    ),
    "a reduction as the only use of PEs": Case(
        GEMM,
        {"min_utilization": {"pe": 0.1}, "spatial_dims": ["K"], "no_spatial_reduction": True},
        ("min_utilization.pe", "no_spatial_reduction", "spatial_dims"),
    ),
    # 64 * 8 MACs leave 2 to each of 256 PEs, with at most 2 + 2 + 1 elements: 10 of 512 bytes
    "all PEs, with too few iterations left for the RF": Case(
        {**GEMM, "n": 1, "k": 8},
        {"min_utilization": {"pe": 1.0, "rf": 0.2}},
        ("min_utilization.pe", "min_utilization.rf"),
    ),
    "less traffic than the matrices have bytes": Case(GEMM, {"max_dram_bytes": 2}, ("max_dram_bytes",)),
    "fewer transfers than matrices": Case(GEMM, {"max_dma_invocations": 2}, ("max_dma_invocations",)),
    "few enough transfers only in a larger SPM": Case(
        CONV, {"max_dma_invocations": 1000}, ("spm", "max_dma_invocations")
    ),
    "little enough traffic only in a larger SPM": Case(CONV, {"max_dram_bytes": 5_000_000}, ("spm", "max_dram_bytes")),
    "an RF that a channel more than fills": Case(
        CONV,
        {"min_utilization": {"rf": 1.0}, "fixed": fixed("rf", M=64)},
        ("rf_bytes_per_pe", "min_utilization.rf", "fixed.M.rf"),
    ),
    "an RF that nothing fills": Case(
        CONV,
        {"min_utilization": {"rf": 1.0}, "fixed": fixed("rf", N=1, M=1, C=1, Ox=1)},
        ("min_utilization.rf", "fixed.N.rf", "fixed.M.rf", "fixed.C.rf", "fixed.Ox.rf"),
    ),
    "a window that stays in DRAM": Case(
        CONV, {**PRUNED, "fixed": fixed("dram", Fx=3)}, ("no_feature_from_dram", "fixed.Fx.dram")
    ),
    "factors that exceed the bound": Case(
        CONV, {"fixed": {"M": {"rf": 16, "spm": 8}, "C": {"rf": 2}}}, ("fixed.M.spm", "fixed.M.rf")
    ),
    "a factor that does not divide the bound": Case(CONV, {"fixed": fixed("spm", Ox=5)}, ("fixed.Ox.spm",)),
}


def small_problems() -> Iterator[LayerProblem]:
    """Small layers on small machines, with random constraints of every kind; most of them infeasible."""
    source = random.Random(0)
    conv = {
        "type": "conv2d", "name": "c", "batch": 1, "out_channels": 2, "in_channels": 1, "in_height": 4, "in_width": 2,
        "kernel_height": 2, "kernel_width": 1, "stride": [2, 1],
    }  # fmt: skip
    nests = [gemm_nest(4, 2, 3), nest_of(conv)]
    while True:
        nest = source.choice(nests)
        spm = {"banks": source.choice((3, 4, 8)), "bytes_per_bank": source.choice((8, 16))}
        sizes = {"pes": source.choice((2, 4, 6)), "rf_bytes_per_pe": source.choice((8, 20, 32))}
        architecture = Architecture.model_validate({**REFERENCE.model_dump(), **sizes, "spm": spm})
        asked = {part: source.choice((0.0, 0.3, 0.6, 0.9, 1.0)) for part in ("pe", "rf", "spm")}
        constraints: dict[str, Any] = {"min_utilization": asked, "fixed": {}}
        for flag in ("no_spatial_reduction", "no_feature_from_dram"):
            constraints[flag] = source.random() < 0.3
        levels = ["dram", "spm", "rf", "spatial"]
        if source.random() < 0.3:
            constraints["spatial_dims"] = source.sample(nest.dims, 1)
            levels.remove("spatial")
        for _ in range(source.choice((0, 1, 3))):
            factors = constraints["fixed"].setdefault(source.choice(nest.dims), {})
            factors[source.choice(levels)] = source.choice((1, 2, 3))
        if source.random() < 0.3:
            constraints["max_dram_bytes"] = source.choice((100, 150, 250))
        if source.random() < 0.3:
            constraints["max_dma_invocations"] = source.choice((5, 20, 60))
        yield LayerProblem(nest, architecture, Constraints.model_validate(constraints), "edp")


def broken_by_each_mapping(asked: LayerProblem) -> set[frozenset[str]]:
    """The rules that every single mapping breaks, by the definitions for one mapping at a time."""
    nest, architecture, constraints = asked.nest, asked.architecture, asked.constraints
    found: set[frozenset[str]] = set()
    for tiling in whole_space(nest):
        broken = frozenset(broken_rules(nest, architecture, constraints, tiling))
        if constraints.max_dram_bytes is None and constraints.max_dma_invocations is None:
            found.add(broken)
            continue
        for _, _, cost in costs_of_tiling(nest, architecture, tiling):
            found.add(broken.union(broken_limits(architecture, constraints, cost)))
    return found


@cache
def problems_with_broken_rules() -> list[tuple[LayerProblem, set[frozenset[str]]]]:
    return [(asked, broken_by_each_mapping(asked)) for _, asked in zip(range(50), small_problems(), strict=False)]


@pytest.mark.parametrize("largest_table", [1 << 26, 0], ids=["by sets of tile sizes", "by streaming tilings"])
def test_conflicts_are_what_trying_all_mappings_finds(largest_table: int) -> None:
    infeasible = 0
    for asked, mappings in problems_with_broken_rules():
        conflicts = set(find_conflicts(asked, SECONDS, feasibility=Feasibility(asked.nest, largest_table)))
        if any(not broken for broken in mappings):
            assert conflicts == set()
            continue
        infeasible += 1
        assert all(broken & conflicts for broken in mappings), "something keeps all of them"
        for name in conflicts:
            assert any(not broken & (conflicts - {name}) for broken in mappings), f"they clash without {name}"
    assert infeasible > 20


@pytest.mark.parametrize("name", TABLE)
def test_conflicts_are_the_rules_that_clash_and_no_others(name: str) -> None:
    case = TABLE[name]
    started = time.monotonic()
    assert find_conflicts(problem_of(case.layer, **case.constraints), SECONDS) == case.conflicts
    assert time.monotonic() - started < 10


def test_least_utilisations_stay_shares_of_the_capacities_that_there_are() -> None:
    # dropping the RF's capacity does not make its threshold harder or easier: 0.7 of 512 bytes are 180 elements
    asked = problem_of(GEMM, min_utilization={"rf": 0.7}, fixed=fixed("rf", M=64, N=48))
    assert find_conflicts(asked, SECONDS) == ("rf_bytes_per_pe", "fixed.M.rf", "fixed.N.rf")


def test_rules_that_are_not_decided_in_time_are_named() -> None:
    asked = problem_of(CONV, max_dram_bytes=10, spatial_dims=["M"])
    assert find_conflicts(asked, 0.0) == ("pes", "rf_bytes_per_pe", "spm", "spatial_dims", "max_dram_bytes")
    assert Feasibility(asked.nest).decide(asked, Deadline.after(-1)) is None


def test_a_layer_with_one_iteration_has_one_tiling() -> None:
    single = gemm(1, 1, 1)
    assert find_conflicts(problem_of(single), SECONDS) == ()
    assert find_conflicts(problem_of(single, min_utilization={"pe": 0.5}), SECONDS) == ("min_utilization.pe",)


SOLVABLE = {
    "less traffic than the matrices have bytes": "cp-sat",
    "a layer too small to fill the SPM": "exhaustive",
    "no dimension over which to use PEs": "cp-sat",
}
"""Cases that a back end refutes at once, and which one."""


@pytest.mark.parametrize("name", SOLVABLE)
def test_results_name_the_conflicts(name: str) -> None:
    case = TABLE[name]
    layer = only(solve(spec(case.layer, constraints=case.constraints, backend=SOLVABLE[name])))
    assert (layer.status, layer.conflicts) == ("infeasible", case.conflicts)
    assert (layer.objective_value, layer.bound, layer.gap, layer.solutions) == (None, None, None, ())


@pytest.mark.usefixtures("plugins")
def test_a_back_end_that_calls_a_solvable_layer_infeasible_is_at_fault() -> None:
    layer = only(solve(spec(CONV, constraints=PRUNED, backend="fake-none")))
    assert (layer.status, layer.conflicts, layer.solutions) == ("unknown", (), ())
    assert layer.fault == "back end fake-none claims that no mapping exists, but one does"


def test_the_command_prints_the_conflicts_and_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = TABLE["no dimension over which to use PEs"]
    path = tmp_path / "spec.json"
    path.write_text(spec(case.layer, constraints=case.constraints).model_dump_json(exclude_unset=True))
    assert main(["--json", str(path)]) == 1
    (layer,) = json.loads(capsys.readouterr().out)["layers"]
    assert (layer["status"], layer["conflicts"]) == ("infeasible", list(case.conflicts))
    assert main([str(path)]) == 1
    out = capsys.readouterr().out
    assert re.search(r"g is infeasible.*\n  - min_utilization\.pe: the greatest .* is [\d.]+\n  - spatial_dims\n", out)
