"""The published design-space exploration: its 49 memory designs, what its pruning finds there, and what there is."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

from dmaze.model.designs import load_sweep
from dmaze.model.documents.result import LayerResult
from dmaze.model.documents.spec import LayerList
from dmaze.model.documents.sweep_results import SweepResult
from dmaze.model.documents.sweep_spec import SweepSpec
from dmaze.model.reading.builtin_data import builtin_path
from dmaze.solver import sweep
from reference import load

PUBLISHED_PRUNING = {
    "min_utilization": {"pe": 0.8, "rf": 0.8, "spm": 0.5},
    "no_feature_from_dram": True,
    "no_spatial_reduction": True,
}


def study(layer: str, **fields: Any) -> SweepSpec:
    """The shipped sweep with one layer of its network, and with other fields of its JSON."""
    spec = load_sweep(builtin_path("sweeps", "memory-designs"))
    assert isinstance(spec.workload, LayerList)
    layers = [one.model_dump(mode="json") for one in spec.workload.layers if one.name == layer]
    own = spec.model_dump(mode="json", by_alias=True, exclude={"constraints"})
    return SweepSpec.model_validate({**own, "workload": {"layers": layers}, **fields})


def by_design(result: SweepResult) -> dict[tuple[float, float], LayerResult]:
    return {
        (design.values["spm_kib_double_buffered"], design.values["rf_bytes_per_pe"]): design.result.layers[0]
        for design in result.designs
        if design.result is not None
    }


def recomputed() -> dict[tuple[int, int], Any]:
    return {(row["spm_kib_double_buffered"], row["rf_bytes"]): row for row in load("dse_recomputed.json")}


def test_the_published_pruning_finds_on_the_shipped_designs_what_was_recomputed(executor: Executor) -> None:
    """All 49 designs, the one on which it finds nothing included."""
    spec = study("conv5_2", constraints=PUBLISHED_PRUNING, solver={"backend": "exhaustive"})
    found = by_design(sweep(spec, executor=executor))
    assert len(recomputed()) == len(found) == 49
    for key, row in recomputed().items():
        assert (found[key].evaluated or 0) == row["evaluated"], key
        assert found[key].objective_value == row["min_edp"], key


def test_the_proved_optimum_is_never_worse_and_exists_where_the_pruning_finds_nothing(executor: Executor) -> None:
    """Four of the 49 designs; benchmarks/sweep_study.py has all, with all six layers."""
    axes = [{"spm_kib_double_buffered": [16, 128]}, {"rf_bytes_per_pe": [512, 1024]}]
    spec = study("conv5_2", sweep={"axes": axes, "access_energy_pj": "dmazerunner-2019"})
    found = by_design(sweep(spec, executor=executor))
    for key, layer in found.items():
        assert layer.status == "optimal"
        assert layer.objective_value is not None
        published = recomputed()[int(key[0]), int(key[1])]["min_edp"]
        assert published is None or layer.objective_value <= published
    assert recomputed()[16, 1024]["min_edp"] is None
    assert found[16, 1024].objective_value is not None
    assert found[128, 512].objective_value == recomputed()[128, 512]["min_edp"]  # the reference machine: nothing lost
    smallest = found[16, 512].objective_value
    assert smallest is not None
    assert recomputed()[16, 512]["min_edp"] / smallest > 10
