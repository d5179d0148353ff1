"""Layers and machines in SCALE-Sim's, GAMMA's, MAESTRO's and Interstellar's files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dmaze.cli.main import main
from dmaze.model.documents.spec import LayerList
from dmaze.model.faults import InputError, InputWarning
from dmaze.model.reading.references import resolve_architecture, resolve_workload

Output = pytest.CaptureFixture[str]

TOPOLOGY = """Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,
Conv1, 8, 10, 3, 3, 2, 4, 1,
Conv2, 10, 10, 3, 3, 2, 4, 2,
DP1, 6, 6, 3, 3, 8, 1, 1,
"""

NETWORK = """
Constant A 3;
Network Small { // two layers that multiply
  Layer First { Type: CONV Stride { X: 2, Y: 1 } Dimensions { K: 4, C: 3, R: 3, S: 5, Y: 9, X: 9 }
    Dataflow { SpatialMap(1,1) K; } }
  Layer Wise { Type: DSCONV Dimensions { K: 1, C: 4, R: 3, S: 3, Y: 5, X: 5 } }
  Layer Product { Type: GEMM Dimensions { M: 2, N: 3, K: 4 } }
  Layer Other { Type: POOL Dimensions { C: 3 } }
}
"""

CONFIGURATION = """
[general]
run_name = small
[architecture_presets]
ArrayHeight: 4
ArrayWidth: 2
IfmapSramSzkB: 1
FilterSramSzkB: 2
OfmapSramSzkB: 3
Bandwidth : 10
Dataflow : ws
"""


def layers_of(folder: Path, name: str, text: str) -> LayerList:
    (folder / name).write_text(text, encoding="utf-8")
    return resolve_workload(name, folder)


def sizes(layers: LayerList) -> list[dict[str, int]]:
    nests = [layer.loop_nest() for layer in layers.layers]
    return [dict(zip(nest.dims, nest.bounds, strict=True)) for nest in nests]


def test_a_topology_of_scale_sim_is_a_network(tmp_path: Path) -> None:
    with pytest.warns(InputWarning, match="Conv2: its input is read as 11 x 11, for SCALE-Sim rounds outputs up"):
        layers = layers_of(tmp_path, "net.csv", TOPOLOGY)
    assert [layer.name for layer in layers.layers] == ["Conv1", "Conv2", "DP1"]
    assert sizes(layers) == [
        {"N": 1, "M": 4, "C": 2, "Ox": 6, "Oy": 8, "Fx": 3, "Fy": 3},
        {"N": 1, "M": 4, "C": 2, "Ox": 5, "Oy": 5, "Fx": 3, "Fy": 3},
        {"N": 1, "C": 8, "Ox": 4, "Oy": 4, "Fx": 3, "Fy": 3},
    ]


def test_a_topology_of_products_is_a_network(tmp_path: Path) -> None:
    layers = layers_of(tmp_path, "net.csv", "Layer,M,N,K,\nQKT,2,3,4,\nQKT,5,6,7,\n")
    assert sizes(layers) == [{"M": 2, "N": 3, "K": 4}, {"M": 5, "N": 6, "K": 7}]
    assert layers.layers[0].name == "QKT" != layers.layers[1].name


def test_a_model_of_gamma_is_a_network_with_its_guesses_named(tmp_path: Path) -> None:
    with pytest.warns(InputWarning, match="Y and X are taken for the padded input's height and width"):
        layers = layers_of(tmp_path, "net.csv", "K,C,Y,X,R,S,T\n4,3,8,9,3,3,1\n1,6,5,5,3,3,2\n")
    assert sizes(layers) == [
        {"N": 1, "M": 4, "C": 3, "Ox": 6, "Oy": 7, "Fx": 3, "Fy": 3},
        {"N": 1, "C": 6, "Ox": 3, "Oy": 3, "Fx": 3, "Fy": 3},
    ]


def test_a_network_of_maestro_is_a_network(tmp_path: Path) -> None:
    with pytest.warns(InputWarning) as caught:
        layers = layers_of(tmp_path, "net.m", NETWORK)
    assert [str(each.message).partition(": ")[2] for each in caught] == [
        "dataflows are left out; ask for one with constraints",
        "layer Other is left out: its dimensions are neither K, C, R, S, Y, X nor M, N, K",
    ]
    assert (layers.name, [layer.name for layer in layers.layers]) == ("Small", ["First", "Wise", "Product"])
    assert sizes(layers) == [
        {"N": 1, "M": 4, "C": 3, "Ox": 7, "Oy": 3, "Fx": 3, "Fy": 5},
        {"N": 1, "C": 4, "Ox": 3, "Oy": 3, "Fx": 3, "Fy": 3},
        {"M": 2, "N": 3, "K": 4},
    ]


def test_interstellar_gives_layers_by_their_outputs_and_machines_inside_out(tmp_path: Path) -> None:
    layer = {"fmap_width": 5, "fmap_height": 4, "input_fmap_channel": 3, "output_fmap_channel": 8, "batch_size": 2}
    layer |= {"window_width": 3, "window_height": 3, "stride_width": 2, "stride_height": 2}
    assert sizes(layers_of(tmp_path, "conv.json", json.dumps(layer))) == [
        {"N": 2, "M": 8, "C": 3, "Ox": 4, "Oy": 5, "Fx": 3, "Fy": 3}
    ]
    machine = {"mem_levels": 2, "capacity": [512, 1024], "access_cost": [1, 200], "parallel_count": [16, 1]}
    (tmp_path / "machine.json").write_text(json.dumps({**machine, "precision": 16}))
    with pytest.warns(InputWarning, match="access costs are taken for pJ an element"):
        read: Any = resolve_architecture("machine.json", tmp_path)
    assert read.bytes_per_element == 2
    assert [node.model_dump(exclude_defaults=True) for node in read.nodes] == [
        {"storage": "L1", "read_pj": 200.0, "write_pj": 200.0},
        {"fanout": "X0", "size": 16},
        {"storage": "L0", "capacity_bytes": 512, "read_pj": 1.0, "write_pj": 1.0},
    ]


@pytest.mark.filterwarnings("ignore::dmaze.model.faults.InputWarning")
def test_a_configuration_of_scale_sim_is_solved_with_a_topology(tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "small.cfg").write_text(CONFIGURATION)
    (tmp_path / "net.csv").write_text("Layer,M,N,K,\nproduct,8,4,4,\n")
    assert main(["import", str(tmp_path / "small.cfg"), str(tmp_path / "net.csv")]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["architecture"]["nodes"] == [
        {"storage": "DRAM", "bandwidth": 10.0},
        {"storage": "SRAM", "partitions": {"read1": 1024, "read2": 2048, "output": 3072}, "buffers": 2},
        {"fanout": "ROW", "size": 4},
        {"fanout": "COL", "size": 2},
        {"storage": "REG", "partitions": 1},
    ]
    assert document["constraints"] == {"dims": {"ROW": ["K"], "COL": ["N"]}}
    assert document["objective"] == "latency"
    assert main([str(tmp_path / "small.cfg"), str(tmp_path / "net.csv"), "--no-cache", "--json"]) == 0
    (layer,) = json.loads(capsys.readouterr().out)["layers"]
    assert (layer["status"], layer["solutions"][0]["cost"]["cycles"]) == ("optimal", 8 * 4 * 4 // 8)


FAULTS = {
    "another table": (
        "net.csv",
        "a,b\n1,2\n",
        "expected a table of SCALE-Sim (Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, "
        "Num Filter, Strides; or Layer, M, N, K) or GAMMA (K, C, Y, X, R, S, T), got a, b",
    ),
    "no number": ("net.csv", "Layer,M,N,K,\nQKT,2,x,4,\n", "row 1 n: expected a positive integer, got 'x'"),
    "no rows": ("net.csv", "Layer,M,N,K,\n", "expected at least one layer, got none"),
    "no network": ("net.m", "x = 1;", "expected a network of MAESTRO (Network NAME { Layer NAME { ... } })"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_line_with_file_and_place(name: str, tmp_path: Path) -> None:
    file, text, message = FAULTS[name]
    with pytest.raises(InputError) as caught:
        layers_of(tmp_path, file, text)
    assert str(caught.value) == f"{tmp_path / file}: {message}"
