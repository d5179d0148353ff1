"""The published sweeps and full spaces: every count to the unit, every recomputed minimum exactly."""

from __future__ import annotations

from typing import Any

import pytest
from builders import nest_of
from dmaze.model.dmazerunner.architecture import Architecture, Spm
from dmaze.model.dmazerunner.constraints import Constraints
from dmaze.model.layers import Conv2d
from dmaze.model.loop_nest import LoopNest
from dmaze.model.objectives import Objective
from dmaze.solver.backend import LayerProblem, SearchLimits, SearchOutcome
from dmaze.solver.enumeration import BACKEND
from dmaze.solver.enumeration.counting import num_allowed_tilings
from dmaze.solver.enumeration.stream import TilingStream
from reference import REFERENCE, load, studied_layer

RF_PJ = {16: 0.03, 32: 0.06, 64: 0.12, 128: 0.24, 256: 0.48, 512: 0.96, 1024: 1.92}
SPM_PJ = {16: 4.0, 32: 6.0, 64: 9.0, 128: 13.5, 256: 20.25, 512: 30.375, 1024: 45.5625}
"""Energy per access by bytes of the register file, and by KiB of both SPM buffers (``dmazerunner-2019``, specs/)."""

PRUNED = Constraints.model_validate(
    {"min_utilization": {"pe": 0.8, "rf": 0.8, "spm": 0.5}, "no_spatial_reduction": True, "no_feature_from_dram": True}
)
STUDY = {"conv3_2": (128, 28), "conv5_2": (512, 7)}
"""Channels in and out, and width, of the layers of the sweep; batch 4, kernel 3, stride 1, padding 1."""

PUBLISHED: list[dict[str, Any]] = load("dse_published.json")
RECOMPUTED: list[dict[str, Any]] = load("dse_recomputed.json")
SPACES: dict[str, dict[str, Any]] = load("optima.json")["layers"]
MINIMA: dict[Objective, str] = {"edp": "min_edp", "energy": "min_energy_pj", "latency": "min_cycles"}


def design(row: dict[str, Any]) -> str:
    return f"{row['layer']}-SPM{row['spm_kib_double_buffered']}-RF{row['rf_bytes']}"


def architecture(row: dict[str, Any]) -> Architecture:
    """The reference machine with a row's memories: half of the SPM holds one buffer, in banks of 2,048 bytes."""
    spm_kib, rf_bytes = row["spm_kib_double_buffered"], row["rf_bytes"]
    prices = REFERENCE.access_energy_pj.model_copy(update={"rf": RF_PJ[rf_bytes], "spm": SPM_PJ[spm_kib]})
    memories = {"rf_bytes_per_pe": rf_bytes, "spm": Spm(banks=spm_kib * 1024 // 2 // 2048, bytes_per_bank=2048)}
    return REFERENCE.model_copy(update={"pes": row["pes"], **memories, "access_energy_pj": prices})


def study_nest(name: str) -> LoopNest:
    channels, width = STUDY[name]
    sizes = {"out_channels": channels, "in_channels": channels, "in_height": width, "in_width": width}
    return Conv2d(type="conv2d", name=name, batch=4, kernel_height=3, kernel_width=3, padding=1, **sizes).loop_nest()


def problem(row: dict[str, Any], objective: Objective = "edp") -> LayerProblem:
    return LayerProblem(study_nest(row["layer"]), architecture(row), PRUNED, objective)


def searched(asked: LayerProblem) -> SearchOutcome:
    return BACKEND.search(asked, SearchLimits(top_k=1), None)


def test_the_sweep_has_98_designs_of_two_layers_and_49_were_recomputed() -> None:
    assert len({design(row) for row in PUBLISHED}) == 98
    assert [design(row) for row in RECOMPUTED] == [design(row) for row in PUBLISHED if row["layer"] == "conv5_2"]
    assert any(row["evaluated"] == 0 for row in RECOMPUTED)


@pytest.mark.parametrize("row", PUBLISHED, ids=design)
def test_as_many_tilings_pass_as_published(row: dict[str, Any]) -> None:
    asked = problem(row)
    assert num_allowed_tilings(asked) == row["evaluated"]
    stream = TilingStream(asked)
    assert sum(levels.shape[2] for levels in stream) == row["evaluated"]


@pytest.mark.parametrize("row", RECOMPUTED, ids=design)
def test_the_minima_are_those_of_the_published_implementation(row: dict[str, Any]) -> None:
    for objective, key in MINIMA.items():
        outcome = searched(problem(row, objective))
        assert outcome.exhausted
        assert (outcome.statistics["evaluated"], outcome.bound) == (row["evaluated"], row[key])
        assert bool(outcome.candidates) == (row["evaluated"] > 0)


def space(name: str, objective: Objective = "edp") -> LayerProblem:
    return LayerProblem(nest_of(studied_layer(SPACES[name])), REFERENCE, Constraints(), objective)


@pytest.mark.parametrize("name", SPACES)
def test_the_whole_spaces_have_as_many_tilings_as_brute_force_found(name: str) -> None:
    assert SPACES[name]["brute_force"]
    assert num_allowed_tilings(space(name)) == SPACES[name]["tilings_that_fit"]


@pytest.mark.parametrize(("objective", "key"), MINIMA.items())
def test_a_whole_space_costed_has_the_minima_of_brute_force(objective: Objective, key: str) -> None:
    outcome = searched(space("effnet_dw_14_k5", objective))
    entry = SPACES["effnet_dw_14_k5"]
    assert outcome.exhausted
    assert (outcome.statistics["evaluated"], outcome.bound) == (entry["tilings_that_fit"], entry[key])
