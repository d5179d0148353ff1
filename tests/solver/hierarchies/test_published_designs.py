"""Designs published with Timeloop and its relatives, solved: never worse than what was published for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from dmaze.model.documents.result import LayerResult
from dmaze.model.exports.levels.mapped_levels import best_level_mappings
from dmaze.model.exports.levels.timeloop_levels import export_level_files
from dmaze.model.hierarchy.hierarchy_documents import EvaluatedLevels
from dmaze.model.hierarchy.hierarchy_model import MODEL
from dmaze.model.reading.interop.imported_design import ImportedDesign
from dmaze.model.reading.timeloop_files.timeloop_design import read_design
from dmaze.solver import solve
from paths import PUBLISHED, REFERENCE

DESIGNS = PUBLISHED / "timeloop_designs"
AGAINST = PUBLISHED / "lemon_vs_optimal"
MAPPER = REFERENCE / "hierarchy" / "timeloop_mapper"

pytestmark = [
    pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published files are not here"),
    pytest.mark.filterwarnings("ignore::dmaze.model.faults.InputWarning"),
]


def published_design(name: str) -> ImportedDesign:
    folder = DESIGNS / name
    return read(folder / "arch.yaml", DESIGNS / "default_problem.yaml", folder / "ERT.yaml", folder / "map.yaml")


def read(*paths: Path) -> ImportedDesign:
    design = read_design(paths)
    assert design is not None
    return design


def cost_of(design: ImportedDesign) -> EvaluatedLevels:
    """The published mapping under accounting ``timeloop``."""
    assert design.mapping is not None
    return MODEL.under("timeloop").evaluated(design.layer.loop_nest(), design.machine, design.mapping)


def solved(design: ImportedDesign, time_limit_s: float, folder: Path) -> LayerResult:
    """The layer's answer; its exported mapping, read back, costs the same to the last digit."""
    spec = design.spec()
    options = spec.solver.model_copy(update={"time_limit_s": time_limit_s, "workers": 1, "top_k": 1})
    result = solve(spec.model_copy(update={"solver": options}))
    for layer in best_level_mappings(result):
        files = export_level_files(layer)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        ours, again = layer.cost("timeloop"), cost_of(read(*(folder / name for name in files)))
        assert (again.energy_pj, again.cycles) == (ours.energy_pj, ours.cycles)
    return result.layers[0]


@pytest.mark.parametrize(
    ("name", "saved"), [("eyeriss_like", 0.29), ("simba_like", 0.61), ("simple_weight_stationary", 0.84)]
)
def test_designs_are_proved_better_than_what_was_published(name: str, saved: float, tmp_path: Path) -> None:
    design = published_design(name)
    layer = solved(design, 60, tmp_path)
    assert layer.status == "optimal"
    assert layer.objective_value is not None
    assert 1 - layer.objective_value / cost_of(design).edp > saved


def test_an_exhaustive_search_of_ten_hours_is_proved(tmp_path: Path) -> None:
    names = ("arch", "alexnet_conv1_m", "mapspace", "mapper", "timeloop-mapper.ERT", "timeloop-mapper.map")
    design = read(*(AGAINST / f"{name}.yaml" for name in names))
    layer = solved(design, 60, tmp_path)
    assert layer.status == "optimal"
    assert layer.objective_value == cost_of(design).edp
    assert (layer.solutions[0].cost.cycles, round(layer.solutions[0].cost.energy_pj)) == (1_098_075, 422_719_040)


@pytest.mark.parametrize(
    ("name", "times_better"), [("conv3_2_spm_rf", 2.25), ("gemm1024_simba", 8.5), ("gemm1024_spm_rf", 1.19)]
)
def test_what_timeloop_mapper_found_in_a_minute_costs_the_same_here_and_is_proved_not_to_be_best(
    name: str, times_better: float, tmp_path: Path
) -> None:
    folder = MAPPER / f"{name}__random_pruned__edp"
    design = read(*(folder / f"{part}.yaml" for part in ("a", "p", "c", "best_map")))
    (found,) = (each for each in json.loads((MAPPER / "found.json").read_text())["best"] if each["case"] == name)
    cost = cost_of(design)
    assert (cost.energy_pj, cost.cycles) == (pytest.approx(found["energy_pJ"], rel=1e-9), found["cycles"])
    layer = solved(design, 60, tmp_path)
    assert layer.status == "optimal"
    assert layer.objective_value is not None
    assert found["edp_pJ_cycles"] / layer.objective_value > times_better
