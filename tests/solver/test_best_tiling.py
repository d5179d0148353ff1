from __future__ import annotations

import runpy
from typing import Any

import pytest
from c_programs import needs_compiler, run_program
from dmaze.model import Gemm, InputError, LevelConstraints, LoopNest, LoopNestLayer, Machine, resolve_architecture
from dmaze.model.hierarchy.hierarchy_model import MODEL
from dmaze.model.hierarchy.level_mapping import LevelMappingDocument
from dmaze.solver import Tiling, tile
from paths import ROOT

EXAMPLE = ROOT / "examples" / "c-tiling" / "fill_template.py"


def scratchpad(capacity_bytes: int, **level: Any) -> Machine:
    """DRAM with one word a cycle at 100 pJ, and a scratchpad at 1 pJ."""
    outer: dict[str, Any] = {"storage": "DRAM", "read_pj": 100, "write_pj": 100, "bandwidth": 1}
    inner: dict[str, Any] = {"storage": "SP", "capacity_bytes": capacity_bytes, "read_pj": 1, "write_pj": 1, **level}
    return Machine.model_validate({"name": "scratchpad", "nodes": [outer, inner]})


def product(m: int, n: int, k: int) -> LoopNest:
    return Gemm(type="gemm", name="product", m=m, n=n, k=k).loop_nest()


def test_a_product_that_fits_is_read_and_written_once() -> None:
    found = tile(product(4, 4, 4), scratchpad(48), "energy")
    assert found is not None
    assert found.factors == {dim: {"DRAM": 1, "SP": 4} for dim in ("M", "N", "K")}
    assert found.orders["DRAM"] == ()
    assert found.keep == {"DRAM": ("A", "B", "C"), "SP": ("A", "B", "C")}
    dram = 100 * (16 + 16 + 16)
    moved = 16 + 16 + 16
    macs = 64 + 64 + (64 - 16) + 64
    assert found.value == found.energy_pj == dram + moved + macs
    assert found.proved
    assert 0 <= found.value - found.bound < 1e-6 * found.value


def test_factors_orders_and_bound_can_be_taken_out() -> None:
    found = tile(product(8, 4, 2), scratchpad(16), "edp")
    assert found is not None
    factors, orders, bound = found
    assert (factors, orders, bound) == (found.factors, found.orders, found.bound)


@pytest.mark.parametrize("objective", ["edp", "energy", "latency"])
def test_the_named_mapping_costs_what_is_said(objective: Any) -> None:
    nest, machine = product(12, 10, 6), scratchpad(40, keep="must")
    found = tile(nest, machine, objective)
    assert found is not None
    document = LevelMappingDocument(tiling=found.factors, orders=found.orders, keep=found.keep)
    cost = MODEL.cost(nest, machine, MODEL.mapping_of(nest, machine, document))
    assert (cost.energy_pj, cost.cycles) == (found.energy_pj, found.cycles)
    values = {"edp": cost.energy_pj * cost.cycles, "energy": cost.energy_pj, "latency": cost.cycles}
    assert found.value == values[objective]


def test_general_nests_are_taken() -> None:
    tensors = [
        {"name": "x", "index": ["2*o + f"]},
        {"name": "w", "index": ["f"]},
        {"name": "y", "index": ["o"], "output": True},
    ]
    layer = LoopNestLayer.model_validate(
        {"type": "loop_nest", "name": "stencil", "bounds": {"o": 6, "f": 3}, "tensors": tensors}
    )
    found = tile(layer.loop_nest(), scratchpad(22), "latency")
    assert found is not None
    assert found.cycles == 13 + 3 + 6


def test_nothing_fits() -> None:
    assert tile(product(2, 2, 2), scratchpad(2, keep="must"), "energy") is None


def test_constraints_are_kept() -> None:
    fixed = LevelConstraints.model_validate({"fixed": {"M": {"SP": 2}}})
    found = tile(product(8, 8, 8), scratchpad(1000), "energy", constraints=fixed)
    assert found is not None
    assert found.factors["M"] == {"DRAM": 4, "SP": 2}


def test_names_that_are_not_there_are_faults() -> None:
    wrong = LevelConstraints.model_validate({"fixed": {"M": {"L9": 2}}})
    with pytest.raises(InputError) as raised:
        tile(product(8, 8, 8), scratchpad(1000), "energy", constraints=wrong)
    assert [fault.place for fault in raised.value.faults] == ["constraints.fixed.M.L9"]


def test_what_is_no_objective_or_no_hierarchy_is_a_fault() -> None:
    cost: Any = "cost"
    with pytest.raises(InputError, match=r"^objective: unknown name 'cost'; expected one of edp, energy, latency$"):
        tile(product(2, 2, 2), scratchpad(48), cost)
    published: Any = resolve_architecture("dmazerunner-256pe")
    with pytest.raises(InputError, match=r"^machine: expected one with nodes, .*; got one of dmazerunner$"):
        tile(product(2, 2, 2), published)


def test_constraints_that_no_mapping_keeps_leave_none() -> None:
    fixed = LevelConstraints.model_validate({"fixed": {"M": {"SP": 3}}})
    assert tile(product(8, 8, 8), scratchpad(1000), "energy", constraints=fixed) is None


def test_too_many_tile_sizes_are_refused() -> None:
    bounds, divisors_of_2520 = dict.fromkeys("abcd", 2520), 48
    tensors: list[dict[str, Any]] = [{"name": "x", "index": [*bounds]}, {"name": "y", "index": [], "output": True}]
    document = {"type": "loop_nest", "name": "many", "bounds": bounds, "tensors": tensors}
    with pytest.raises(
        InputError, match=f"expected at most 2000000 combinations of tile sizes, got {divisors_of_2520**4}"
    ):
        tile(LoopNestLayer.model_validate(document).loop_nest(), scratchpad(1000))


def test_no_time_at_all_is_said() -> None:
    with pytest.raises(TimeoutError, match="no mapping was found in 0 s"):
        tile(product(64, 64, 64), scratchpad(1000), time_limit_s=0)


def test_a_wide_gap_is_proved_with_a_bound_below_the_value() -> None:
    nest, machine = product(24, 18, 10), scratchpad(64)
    wide, narrow = tile(nest, machine, relative_gap=0.5), tile(nest, machine)
    assert isinstance(wide, Tiling)
    assert isinstance(narrow, Tiling)
    assert wide.proved
    assert wide.value * 0.5 <= wide.bound <= narrow.value <= wide.value


@needs_compiler
@pytest.mark.parametrize("sizes", [(96, 128, 160), (7, 12, 1)])
def test_the_c_template_of_the_example_computes_the_product(sizes: tuple[int, int, int], tmp_path: Any) -> None:
    text = runpy.run_path(str(EXAMPLE))["program"](*sizes)
    ran = run_program(tmp_path, text)
    assert (ran.exit_code, ran.out) == (0, "0 differences\n")
