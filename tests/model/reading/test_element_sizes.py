"""Quantised elements of another size than the architecture's are warned about, whatever the file says them in."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from dmaze.model.faults import InputWarning
from dmaze.model.reading.interop.foreign_layers import read_layers
from dmaze.model.reading.loading import load_spec
from onnx import TensorProto, helper
from onnx_models import model_of, write


def told(folder: Path, workload: str, architecture: Any = "dmazerunner-256pe") -> list[str]:
    """What is warned of while a spec is read."""
    spec = folder / "spec.json"
    spec.write_text(json.dumps({"architecture": architecture, "workload": workload}))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load_spec(spec)
    return [str(warning.message).partition("workload: ")[2] for warning in caught]


def sizes(found: str, own: str) -> list[str]:
    return [f"elements of {found} bits in the file; capacities, traffic and energies are those of {own} bits"]


def model(*nodes: onnx.NodeProto, kind: int = TensorProto.FLOAT, **weights: np.ndarray) -> onnx.ModelProto:
    made = model_of(nodes, {"x": [4, 8]}, weights, opset_imports=[helper.make_opsetid("", 21), MICROSOFT])
    made.graph.input[0].type.tensor_type.elem_type = kind
    return made


MICROSOFT = helper.make_opsetid("com.microsoft", 1)
SCALE, FLOATS = np.array(0.5, np.float32), np.zeros((8, 4), np.float32)
INTEGERS = np.zeros((8, 4), np.int8)
MODELS = {
    "floats": (model(helper.make_node("MatMul", ["x", "w"], ["y"]), w=FLOATS), ""),
    "integers": (
        model(helper.make_node("MatMulInteger", ["x", "w"], ["y"]), kind=TensorProto.UINT8, w=INTEGERS),
        "8",
    ),
    "quantised and back": (
        model(
            helper.make_node("DequantizeLinear", ["w", "s"], ["f"]),
            helper.make_node("MatMul", ["x", "f"], ["y"]),
            w=INTEGERS,
            s=SCALE,
        ),
        "8",
    ),
    "quantised on the way": (
        model(
            helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
            helper.make_node("MatMulInteger", ["q", "w", "z"], ["y"]),
            w=INTEGERS,
        ),
        "8",
    ),
    "blocks of few bits": (
        model(
            helper.make_node("MatMulNBits", ["x", "w", "s"], ["y"], domain="com.microsoft", K=8, N=4, bits=4),
            w=np.zeros((4, 1, 4), np.uint8),
            s=np.zeros(4, np.float32),
        ),
        "4",
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_models_quantised_operands_are_held_against_the_architecture(name: str, tmp_path: Path) -> None:
    made, bits = MODELS[name]
    write(made, tmp_path)
    assert told(tmp_path, "model.onnx") == (sizes(bits, "16") if bits else [])
    assert told(tmp_path, "model.onnx", "gemmini-16x16") == (sizes(bits, "8 and 32") if bits == "4" else [])


def test_floats_of_eight_and_integers_of_four_bits_are_told_together(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("DequantizeLinear", ["a", "s"], ["f"]),
        helper.make_node("DequantizeLinear", ["b", "s"], ["g"]),
        helper.make_node("MatMul", ["f", "g"], ["y"]),
    ]
    made = model(*nodes, s=SCALE)
    for name, kind, shape in (("a", TensorProto.FLOAT8E4M3FN, (4, 8)), ("b", TensorProto.INT4, (8, 4))):
        made.graph.initializer.append(onnx.TensorProto(name=name, data_type=kind, dims=shape))
    write(made, tmp_path)
    assert told(tmp_path, "model.onnx") == sizes("4 and 8", "16")


def workload(**precision: int) -> str:
    layer = {
        "id": 0,
        "operator_type": "Gemm",
        "equation": "O[a][b]+=I[a][c]*W[c][b]",
        "loop_dims": ["A", "B", "C"],
        "loop_sizes": [4, 4, 4],
        "operand_precision": precision,
    }
    return json.dumps([layer])


def test_a_zigzag_workload_of_one_size_is_held_against_the_architecture(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(workload(O=8, I=8, W=8))
    assert told(tmp_path, "w.yaml") == sizes("8", "16")
    assert told(tmp_path, "w.yaml", "gemmini-16x16") == []
    (tmp_path / "w.yaml").write_text(workload(O=16, I=16, W=16))
    assert told(tmp_path, "w.yaml") == []
    assert told(tmp_path, ".") == []


def test_layers_of_many_files_are_held_against_it_together(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(workload(O=8, I=8, W=8))
    write(MODELS["blocks of few bits"][0], tmp_path)
    spec = ["a.yaml", "model.onnx"]
    assert told(tmp_path, spec) == sizes("4 and 8", "16")  # type: ignore[arg-type]


OPERATORS = {
    "MatMulAdd": True,
    "Conv_Add": True,
    "GemmPool": True,
    "Maxout": True,
    "Addressing": True,
    "PoolingProjection": True,
    "Add": False,
    "add": False,
    "MaxPool": False,
    "Max_Pool": False,
    "Pooling": False,
    "GlobalAveragePool": False,
}


@pytest.mark.parametrize("operator", OPERATORS)
def test_operators_are_told_apart_by_their_names_not_by_parts_of_them(operator: str, tmp_path: Path) -> None:
    layers = [json.loads(workload())[0] | {"id": number} for number in range(2)]
    layers[1]["operator_type"] = operator
    (tmp_path / "w.yaml").write_text(json.dumps(layers))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", InputWarning)
        found = read_layers(tmp_path / "w.yaml").layers
    assert len(found) == 1 + OPERATORS[operator]
    assert len(caught) == (not OPERATORS[operator])
