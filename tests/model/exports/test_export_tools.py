"""AccelForge, ZigZag and Timeloop count on exported files what we count, after the corrections in docs/interop.md.

Each part runs only where its tool is installed (``pip install accelforge``, ``pip install zigzag-dse six``, both on
Python 3.12; ``timeloop-model`` in PATH). The tools' own warnings are not ours to mend.
"""

from __future__ import annotations

import importlib.util
import logging
import re
import shutil
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import pytest
from builders import gemm
from dmaze.model import Spec
from dmaze.model.exports import accelforge, timeloop, zigzag
from dmaze.model.exports.mapped_layer import MappedLayer
from dmaze.model.reading.loading import resolve_spec
from dmaze.solver import solve
from interop_cases import C7, C7D, accelforge_counts, mapped, random_mapping, zigzag_counts
from random_problems import Size, random_nest

pytestmark = pytest.mark.filterwarnings("default")

LAYERS: list[dict[str, Any]] = [
    gemm(1000, 1000, 1000, name="gemm"),
    gemm(96, 128, 64, name="batched", batch=12),
    *(
        {"type": "conv2d", "batch": 4, "in_height": 28, "in_width": 28, "kernel_height": 3, "kernel_width": 3, **fields}
        for fields in (
            {"name": "depthwise", "out_channels": 96, "in_channels": 96, "groups": 96, "padding": 1},
            {"name": "depthwise by 2", "out_channels": 96, "in_channels": 96, "groups": 96, "padding": 1, "stride": 2},
            {"name": "dilated", "out_channels": 32, "in_channels": 32, "padding": 2, "dilation": 2},
            {"name": "grouped", "out_channels": 64, "in_channels": 32, "groups": 4, "padding": 1},
            {
                "name": "downsampling",
                "out_channels": 128,
                "in_channels": 64,
                "kernel_height": 1,
                "kernel_width": 1,
                "stride": 2,
            },
        )
    ),
]
RANDOM_SEEDS = range(60)


@pytest.fixture(scope="module")
def optimal() -> list[MappedLayer]:
    """The best mappings of the six study layers, and of layers that differ from them in kind."""
    found: list[MappedLayer] = []
    for workload in ("resnet-study", {"layers": LAYERS}):
        document = {"architecture": "dmazerunner-256pe", "workload": workload, "solver": {"top_k": 2, "workers": 2}}
        result = solve(resolve_spec(Spec.model_validate(document), Path()))
        for layer in result.layers:
            assert layer.solutions
            for solution in layer.solutions:
                nest, machine = layer.loop_nest(), result.architecture
                found.append(MappedLayer.from_document(layer.name, 1, nest, machine, solution.mapping))
    assert len(found) > len(LAYERS) + 6
    return found


def random_layers(why_not: Any) -> list[MappedLayer]:
    """Mappings at random, of nests at random that a format can hold."""
    chosen: list[MappedLayer] = []
    for seed in RANDOM_SEEDS:
        random = Random(seed)
        nest = random_nest(random, Size(macs=1 << 22, tilings=10**7, class_pairs=200))
        if why_not(nest) is None:
            chosen.append(random_mapping(random, nest))
    assert len(chosen) > len(RANDOM_SEEDS) / 4
    return chosen


def written(files: dict[str, str], folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


# AccelForge


def counted_by_accelforge(layer: MappedLayer, folder: Path) -> dict[tuple[str, str, str], float]:
    from accelforge import Metrics, Spec

    made = written(accelforge.export_files(layer), folder)
    spec = Spec.from_yaml(*(str(made / f"{name}.yaml") for name in ("architecture", "workload", "mapping")))
    spec.model.metrics = Metrics.all_metrics()
    actions = spec.evaluate_mapping().actions(per_component=True, per_tensor=True)
    return {(str(part), str(tensor), str(action)): count for (part, tensor, action), count in actions.items()}


def assert_accelforge_agrees(layer: MappedLayer, folder: Path) -> None:
    counted = counted_by_accelforge(layer, folder)
    for t, name in enumerate(accelforge.AccelForgeNames.of(layer.nest).tensors):
        for (part, action), count in accelforge_counts(layer, t).items():
            assert counted[part, name, action] == count, (layer.name, part, name, action)


needs_accelforge = pytest.mark.skipif(not importlib.util.find_spec("accelforge"), reason="accelforge is not installed")


@needs_accelforge
def test_accelforge_counts_the_golden_mappings_as_documented(tmp_path: Path) -> None:
    for mapping in (C7D, C7):
        assert_accelforge_agrees(mapped(mapping), tmp_path / "files")
    counted = counted_by_accelforge(mapped(C7D), tmp_path / "files")
    assert [counted["SPM", "O", action] for action in ("write", "read")] == [3211264, 3211264]
    assert counted_by_accelforge(mapped(C7), tmp_path / "files")["SPM", "I", "read"] == 28901376


@needs_accelforge
def test_accelforge_counts_optimal_mappings_as_we_do(tmp_path: Path, optimal: list[MappedLayer]) -> None:
    for layer in optimal:
        assert_accelforge_agrees(layer, tmp_path / "files")


@needs_accelforge
def test_accelforge_counts_mappings_of_general_nests_as_we_do(tmp_path: Path) -> None:
    """But for outputs whose index adds dimensions up: it reads back the partial sums that neighbouring tiles share."""
    for layer in random_layers(accelforge.why_not):
        if all(len(index.terms) < 2 for index in layer.nest.tensors[layer.nest.output].index):
            assert_accelforge_agrees(layer, tmp_path / "files")


# ZigZag


def counted_by_zigzag(layer: MappedLayer, folder: Path, accelerator: str) -> dict[tuple[str, str, str], int]:
    from zigzag.api import get_hardware_performance_zigzag
    from zigzag.hardware.architecture.memory_port import DataDirection
    from zigzag.mapping.data_movement import DataMoveAttr

    made = written(zigzag.export_files(layer), folder)
    logging.disable(logging.CRITICAL)
    try:
        evaluations = get_hardware_performance_zigzag(
            workload=str(made / "workload.yaml"),
            accelerator=str(made / accelerator),
            mapping=str(made / "mapping.yaml"),
            opt="energy",
            dump_folder=str(made / "out"),
            loma_show_progress_bar=False,
        )[2]
    finally:
        logging.disable(logging.NOTSET)
    counted: dict[tuple[str, str, str], int] = {}
    for operand, levels in evaluations[0][1][0][0].mapping.unit_mem_data_movement.items():
        for level, movement in zip(("RF", "SPM", "DRAM"), levels, strict=True):
            words = movement.get_attribute(DataMoveAttr.DATA_ELEM_MOVE_COUNT)
            reads = (DataDirection.RD_OUT_TO_LOW, DataDirection.RD_OUT_TO_HIGH)
            writes = (DataDirection.WR_IN_BY_LOW, DataDirection.WR_IN_BY_HIGH)
            for action, ways in (("read", reads), ("write", writes)):
                counted[level, str(operand), action] = sum(words.get(way) for way in ways)
    return counted


def assert_zigzag_agrees(layer: MappedLayer, folder: Path, accelerator: str = "accelerator_of_mapping.yaml") -> None:
    counted = counted_by_zigzag(layer, folder, accelerator)
    for operand, t in zip("IWO", zigzag.ZigZagNames.of(layer.nest).operands, strict=True):
        for (part, action), count in zigzag_counts(layer, t).items():
            assert counted[part, operand, action] == count, (layer.name, part, operand, action)


needs_zigzag = pytest.mark.skipif(not importlib.util.find_spec("zigzag"), reason="zigzag-dse is not installed")


@needs_zigzag
def test_zigzag_counts_the_golden_mapping_as_documented(tmp_path: Path) -> None:
    for accelerator in ("accelerator.yaml", "accelerator_of_mapping.yaml"):
        assert_zigzag_agrees(mapped(C7D), tmp_path / "files", accelerator)


@needs_zigzag
def test_zigzag_counts_optimal_mappings_as_we_do(tmp_path: Path, optimal: list[MappedLayer]) -> None:
    for layer in optimal:
        assert_zigzag_agrees(layer, tmp_path / "files")


@needs_zigzag
def test_zigzag_counts_mappings_of_general_nests_as_we_do(tmp_path: Path) -> None:
    """But for what it cannot evaluate or miscounts: no loop in time at all, strides and dilations not in proportion."""
    layers = [layer for layer in random_layers(zigzag.why_not) if _within_reach_of_zigzag(layer)]
    assert layers
    for layer in layers:
        assert_zigzag_agrees(layer, tmp_path / "files")


def _within_reach_of_zigzag(layer: MappedLayer) -> bool:
    pairs = [
        sorted(a for _, a in index.terms) for t in layer.nest.tensors for index in t.index if len(index.terms) == 2
    ]
    in_time = layer.dram_loops or layer.spm_loops or layer.rf_loops
    return bool(in_time) and all(large % small == 0 for small, large in pairs)


# Timeloop


def reads_counted_by_timeloop(layer: MappedLayer, folder: Path) -> dict[tuple[str, str], int]:
    """Words read from a level, by level and data space, from the statistics that Timeloop writes."""
    made = written(timeloop.export_files(layer), folder)
    names = [str(made / f"{name}.yaml") for name in ("architecture", "problem", "mapping")]
    subprocess.run(["timeloop-model", *names, "-o", str(made)], check=True, capture_output=True)
    stats = (made / "timeloop-model.stats.txt").read_text(encoding="utf-8")
    reads: dict[tuple[str, str], int] = {}
    for level in ("SPM", "DRAM"):
        section = stats.split(f"=== {level} ===")[1]
        for name in timeloop.TimeloopNames.of(layer.nest).data_spaces:
            found = re.search(r"Scalar reads \(per-instance\)\s*:\s*(\d+)", section.split(f"{name}:")[1])
            assert found is not None
            reads[level, name] = int(found[1])
    return reads


@pytest.mark.skipif(shutil.which("timeloop-model") is None, reason="timeloop-model is not in PATH")
def test_timeloop_counts_the_golden_mapping_as_documented(tmp_path: Path) -> None:
    assert reads_counted_by_timeloop(mapped(C7D), tmp_path / "files") == {
        ("SPM", "Weights"): 2359296,
        ("SPM", "Inputs"): 5308416,
        ("SPM", "Outputs"): 3110912,
        ("DRAM", "Weights"): 2359296,
        ("DRAM", "Inputs"): 5308416,
        ("DRAM", "Outputs"): 0,
    }
