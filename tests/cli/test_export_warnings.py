"""``--export FORMAT DIR`` says on standard error what a format cannot say of a hierarchy: a line each, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from builders import Specs, gemm
from dmaze.cli.export import exports_from_options
from dmaze.cli.main import main
from dmaze.model import Gemm, Machine
from dmaze.model.exports.levels.timeloop_levels import remarks_on_axes
from level_exports import MACHINE, mapped_levels

MACHINE_WITH_ALL: dict[str, Any] = {
    "name": "all",
    "clock_mhz": 500,
    "bytes_per_element": {"output": 4, "*": 2},
    "tile_overhead": {"level": "GLB", "start_cycles": 10},
    "nodes": [
        {"storage": "DRAM", "read_pj": 200, "write_pj": 200, "bandwidth": 1.3, "read_bandwidth": 1},
        {
            "storage": "GLB",
            "capacity_bytes": 4096,
            "bank_bytes": 256,
            "buffers": 2,
            "block_elements": 4,
            "read_pj": 6,
            "write_pj": 7,
            "dma": {"init_cycles": 10, "cycles_per_byte": 1, "clock_mhz": 500},
        },
        {"fanout": "X", "size": 2, "word_pj": 1, "bandwidth": 1},
        {"fanout": "Y", "size": 2, "add_pj": 1, "word_pj": 0.5},
        {"storage": "RF", "partitions": {"output": 64}, "halo": True, "bandwidth": 2},
    ],
}
NETWORKS = [
    "word_pj of X and Y cannot be said there (energy of a word on the network)",
    "add_pj of Y cannot be said there (energy of an addition on the network)",
    "bandwidth of X cannot be said there (words per cycle)",
    "tile_overhead of GLB cannot be said there (cycles of every tile besides its words)",
]
LEVELS = [
    "partitions of RF cannot be said there (limits of single tensors)",
    "bank_bytes of GLB cannot be said there (tiles take whole banks)",
    "halo of RF cannot be said there (only the words that a tile has not yet are fetched)",
    "dma of GLB cannot be said there (a DMA engine)",
]
UNSAID = {
    "timeloop": [
        *LEVELS,
        *NETWORKS,
        "the capacity of GLB is one of elements there, of the smallest that it may keep",
        "the capacity of RF is one of elements there, of the smallest that it may keep",
    ],
    "accelforge": [
        *LEVELS,
        "bandwidth of DRAM and RF cannot be said there (words per cycle)",
        *NETWORKS,
        "accesses of GLB are not rounded up to whole blocks there",
    ],
    "zigzag": [
        *LEVELS,
        *NETWORKS,
        "DRAM has one port there, of bandwidth, whatever read_bandwidth and write_bandwidth say",
        "DRAM has bandwidths of whole bits there, rounded down",
        "DRAM and RF have bandwidths of bits there, those of its widest elements",
        "GLB has ports as wide as the array inside takes there, instead of no limit",
        "GLB has accesses of whole blocks at every transfer there, not in all",
        "DRAM and GLB have one price of a bit in accelerator.yaml, the dearest",
    ],
}
Output = pytest.CaptureFixture[str]


@pytest.mark.parametrize("name", UNSAID)
def test_what_a_format_cannot_say_of_a_machine_is_said_once(name: str, tmp_path: Path, capsys: Output) -> None:
    sizes = {"bytes_per_element": 2} if name == "accelforge" else {}  # it refuses elements of different sizes
    layers = [Gemm.model_validate(gemm(2, 3, k, name=f"k{k}")) for k in (4, 2)]
    exports = exports_from_options([f"{name}={tmp_path}"])
    exports.check_layers(layers, Machine.model_validate({**MACHINE_WITH_ALL, **sizes}))
    assert capsys.readouterr().err.splitlines() == [f"warning: --export {name}: {line}" for line in UNSAID[name]]


def test_what_a_format_cannot_say_of_a_published_accelerator_is_said(tmp_path: Path, capsys: Output) -> None:
    spec = Specs(gemm(2, 3, 4)).writer(tmp_path)()
    lost = [
        "dma.init_cycles cannot be said there (cycles for a burst to start)",
        "spm.banks cannot be said there (tiles take whole banks)",
    ]
    unsaid = {
        "timeloop": [*lost, "access_energy_pj.noc cannot be said there (energy of a word on the network)"],
        "accelforge": [*lost, "access_energy_pj.noc is paid there once for a word that several PEs receive"],
        "zigzag": [*lost, "access_energy_pj.noc cannot be said there (energy of a word on the network)"],
        "dmazerunner": [],
    }
    assert main([spec, "--no-cache", *(f"--export={name}={tmp_path / name}" for name in unsaid)]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"warning: --export {name}: {line}" for name, of_name in unsaid.items() for line in of_name]


def test_a_plain_machine_loses_nothing(tmp_path: Path, capsys: Output) -> None:
    nodes = [{"storage": "DRAM", "read_pj": 200, "bandwidth": 1}, {"fanout": "PE", "size": 2}]
    spec = Specs(gemm(2, 3, 4)).writer(tmp_path)(architecture={"name": "plain", "nodes": nodes})
    assert main([spec, "--no-cache", *(f"--export={name}={tmp_path / name}" for name in ("timeloop", "zigzag"))]) == 0
    assert capsys.readouterr().err == ""


MAPPING: dict[str, Any] = {
    "tiling": {
        "N": {"DRAM": 4},
        "M": {"DRAM": 32, "X": 4, "Y": 4},
        "C": {"DRAM": 512},
        "Ox": {"DRAM": 7},
        "Oy": {"DRAM": 7},
        "Fx": {"DRAM": 3},
        "Fy": {"DRAM": 3},
    }
}


def test_fanouts_that_lie_along_one_axis_are_named_with_the_reason() -> None:
    (remark,) = remarks_on_axes(mapped_levels(mapping=MAPPING))
    assert remark == "X and Y lie along one axis there, for M over both of them cannot be said"
    assert list(remarks_on_axes(mapped_levels())) == []
    third = [*MACHINE["nodes"][:4], {"fanout": "Z", "size": 2}, *MACHINE["nodes"][4:]]
    (remark,) = remarks_on_axes(mapped_levels(machine={**MACHINE, "nodes": third}))
    assert remark == "X and Y and Z lie along one axis there, for there are no more than two"


def test_the_command_says_which_layer_has_fanouts_along_one_axis(tmp_path: Path, capsys: Output) -> None:
    nodes = [{"storage": "DRAM", "read_pj": 1}, {"fanout": "X", "size": 2}, {"fanout": "Y", "size": 2}]
    fixed = {"constraints": {"fixed": {"M": {"X": 2, "Y": 2}}}}
    spec = Specs(gemm(4, 1, 1)).writer(tmp_path)(architecture={"name": "mesh", "nodes": nodes}, **fixed)
    assert main([spec, "--no-cache", "--export", "timeloop", str(tmp_path / "out")]) == 0
    remark = "X and Y lie along one axis there, for M over both of them cannot be said"
    assert capsys.readouterr().err == f"warning: --export timeloop: layer 'g': {remark}\n"


def test_padded_bounds_are_named(tmp_path: Path, capsys: Output) -> None:
    machine = {"name": "pad", "nodes": [{"storage": "DRAM", "bandwidth": 8}, {"fanout": "PE", "size": 4}]}
    padded = {"objective": "latency", "solver": {"pad_bounds": True, "pad_percent": 20.0}}
    spec = Specs(gemm(7, 1, 1)).writer(tmp_path)(architecture=machine, **padded)
    assert main([spec, "--no-cache", "--export", "timeloop", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().err == "warning: --export: layer 'g' is written with padded bounds: M 8 for 7\n"
    assert "M: 8" in (tmp_path / "out" / "g" / "problem.yaml").read_text(encoding="utf-8")
