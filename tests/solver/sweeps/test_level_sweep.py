"""Sweeps over hierarchies: every design proved, resumable, with what was counted said."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from builders import gemm
from dmaze.model.documents.sweep_results import SweepResult
from dmaze.model.documents.sweep_spec import SweepSpec
from dmaze.model.faults import InputError
from dmaze.model.hierarchy.machine import Machine
from dmaze.solver import pareto_fronts, solve, sweep
from dmaze.solver.sweeps.executors import TaskExecutor

MACHINE: dict[str, Any] = {
    "name": "m",
    "mac_pj": 0.5,
    "nodes": [
        {"storage": "DRAM", "read_pj": 100, "write_pj": 100, "bandwidth": 2},
        {"storage": "GLB", "capacity_bytes": 24, "keep": "must", "read_pj": 4, "write_pj": 4},
        {"fanout": "PE", "size": 2, "word_pj": 20},
        {"storage": "RF", "capacity_bytes": 6, "keep": "must", "read_pj": 1, "write_pj": 1},
    ],
}
AXES = ({"nodes.GLB.capacity_bytes": [12, 24]}, {"nodes.PE.size": [2, 4], "nodes.PE.reduce": [True, False]})
LAYERS = (gemm(4, 6, 4, name="a"), gemm(4, 6, 4, name="again"), gemm(6, 2, 2, name="b", count=3))


@pytest.fixture
def pool() -> Iterator[TaskExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


def spec(*, pareto: bool = False, axes: tuple[dict[str, Any], ...] = AXES, **fields: Any) -> SweepSpec:
    own = {"architecture": MACHINE, "workload": {"layers": list(LAYERS)}, "name": "s"}
    return SweepSpec.model_validate({**own, "sweep": {"axes": list(axes), "pareto": pareto}, **fields})


def design_spec(machine: Machine) -> dict[str, Any]:
    return {"architecture": machine, "workload": {"layers": list(LAYERS)}}


def run(pool: TaskExecutor, swept: SweepSpec, results: Path | None = None) -> SweepResult:
    return sweep(swept, executor=pool, num_tasks=lambda: 2, results=results)


def test_every_design_has_what_a_solve_of_its_machine_finds(pool: TaskExecutor) -> None:
    result = run(pool, spec())
    assert (result.cost_model, result.accounting) == ("hierarchy", "executed")
    assert [design.values["nodes.GLB.capacity_bytes"] for design in result.designs] == [12, 12, 24, 24]
    for design in result.designs:
        assert design.result is not None
        assert isinstance(design.result.architecture, Machine)
        assert design.result.accounting == "executed"
        alone = solve(design_spec(design.result.architecture))
        assert [layer.objective_value for layer in design.result.layers] == [
            layer.objective_value for layer in alone.layers
        ]
        assert design.status == "optimal"
    assert result.best is not None
    assert result.best.proved


def test_designs_of_equal_value_leave_the_best_one_proved(pool: TaskExecutor) -> None:
    result = run(pool, spec(axes=({"nodes.GLB.bandwidth": [1000, 2000, 4000]},)))
    assert len({design.objective_value for design in result.designs}) == 1
    assert result.best is not None
    assert result.best.proved


def test_a_results_file_is_taken_up_and_that_of_another_accounting_refused(pool: TaskExecutor, tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    first, second = (run(pool, spec(), file) for _ in range(2))
    assert (first.counts.searched, second.counts.searched, second.counts.resumed) == (8, 0, 8)
    assert [d.objective_value for d in second.designs] == [d.objective_value for d in first.designs]
    with pytest.raises(InputError, match="it holds those of one with other accounting"):
        run(pool, spec(accounting="timeloop"), file)


def test_a_front_of_designs_is_made_of_the_fronts_of_the_layers(pool: TaskExecutor, tmp_path: Path) -> None:
    result = run(pool, spec(pareto=True), tmp_path / "r.jsonl")
    assert result.front is not None
    assert result.front.complete
    assert [design.area_proxy_bytes for design in result.designs] == [12 + 2 * 6, 12 + 4 * 6, 24 + 2 * 6, 24 + 4 * 6]
    for design in result.designs:
        assert design.fronts is not None
        assert isinstance(design.fronts.architecture, Machine)
        alone = pareto_fronts(design_spec(design.fronts.architecture))
        assert [[(p.cost.energy_pj, p.cost.cycles) for p in layer.points] for layer in design.fronts.layers] == [
            [(p.cost.energy_pj, p.cost.cycles) for p in layer.points] for layer in alone.layers
        ]


def test_weights_of_levels_are_all_stated(pool: TaskExecutor) -> None:
    swept = spec(axes=AXES[:1])
    weighted = swept.model_copy(update={"sweep": swept.sweep.model_copy(update={"area_weights": {"GLB": 0.5}})})
    result = run(pool, weighted)
    assert result.sweep.area_weights == {"GLB": 0.5, "RF": 1.0}
    assert [design.area_proxy_bytes for design in result.designs] == [6 + 2 * 6, 12 + 2 * 6]
