"""A branch of an ``If`` is counted where it is known which one runs: by a constant, by sizes, or by a given input."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from dmaze.cli.main import main
from dmaze.model.documents.spec import LayerList
from dmaze.model.faults import InputError
from dmaze.model.reading.loading import load_spec
from dmaze.model.reading.onnx_files import read_network
from onnx import TensorProto, helper, numpy_helper
from onnx_models import model_of, write

Output = pytest.CaptureFixture[str]
THEN, ELSE = 3 * 4 * 5, 3 * 4 * 6
REFERENCE = ["--architecture", "dmazerunner-256pe", "--no-cache"]


def branch(nodes: Sequence[onnx.NodeProto], output: str, **weights: np.ndarray) -> onnx.GraphProto:
    constants = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    return helper.make_graph(list(nodes), "branch", [], [helper.make_value_info(output, onnx.TypeProto())], constants)


def product(width: int, output: str = "z") -> onnx.GraphProto:
    """``x`` by a weight that both branches call the same."""
    return branch([helper.make_node("MatMul", ["x", "w"], [output])], output, w=np.zeros((4, width), np.float32))


def choice(condition: str, then: onnx.GraphProto, otherwise: onnx.GraphProto, output: str = "y") -> onnx.NodeProto:
    return helper.make_node("If", [condition], [output], then_branch=then, else_branch=otherwise)


def by_input(kind: int = TensorProto.INT64, dims: Sequence[int] | None = ()) -> onnx.ModelProto:
    """A net that runs one of two products, as the input ``sr`` decides."""
    nodes = [helper.make_node("Equal", ["sr", "rate"], ["same"]), choice("same", product(5), product(6))]
    rate = np.asarray(16000, dtype=helper.tensor_dtype_to_np_dtype(kind))
    model = model_of(nodes, {"x": [3, 4]}, {"rate": rate})
    model.graph.input.append(helper.make_tensor_value_info("sr", kind, dims))
    return model


def macs_of(network: LayerList) -> tuple[int, int]:
    assert network.imported is not None
    assert all(skipped.macs == 0 for skipped in network.imported.skipped)
    return network.imported.mapped_macs, network.imported.total_macs


@pytest.mark.parametrize(
    ("kind", "dims", "given"),
    [
        (TensorProto.INT64, (), 16000),
        (TensorProto.INT64, (1,), 16000),
        (TensorProto.INT64, (1,), (16000,)),
        (TensorProto.INT64, ("n",), (16000,)),
        (TensorProto.INT32, (), 16000),
        (TensorProto.FLOAT, (), 16000),
        (TensorProto.FLOAT, (), 16000.0),
    ],
)
def test_an_input_that_is_given_decides_what_runs(kind: int, dims: Any, given: Any, tmp_path: Path) -> None:
    path = write(by_input(kind, dims), tmp_path)
    network = read_network(path, inputs={"sr": given})
    assert macs_of(network) == (THEN, THEN)
    assert network.imported is not None
    assert network.imported.inputs == {"sr": given}
    other = (8000,) if isinstance(given, tuple) else 8000
    assert macs_of(read_network(path, inputs={"sr": other})) == (ELSE, ELSE)


@pytest.mark.parametrize("value", [True, False])
def test_an_input_that_is_the_condition_itself_is_true_or_false(value: bool, tmp_path: Path) -> None:
    model = model_of([choice("flag", product(5), product(6))], {"x": [3, 4]})
    model.graph.input.append(helper.make_tensor_value_info("flag", TensorProto.BOOL, []))
    macs = THEN if value else ELSE
    assert macs_of(read_network(write(model, tmp_path), inputs={"flag": value})) == (macs, macs)


@pytest.mark.parametrize("value", [True, False])
def test_a_constant_condition_decides_what_runs(value: bool, tmp_path: Path) -> None:
    constant = helper.make_node("Constant", [], ["flag"], value=numpy_helper.from_array(np.array(value)))
    behind = helper.make_node("MatMul", ["y", "v"], ["out"])
    width = 5 if value else 6
    nodes = [constant, choice("flag", product(5), product(6)), behind]
    model = model_of(nodes, {"x": [3, 4]}, {"v": np.zeros((width, 7), np.float32)})
    macs = 3 * 4 * width + 3 * width * 7
    assert macs_of(read_network(write(model, tmp_path))) == (macs, macs)


def test_a_condition_on_sizes_decides_what_runs(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "first"], ["rows"]),
        helper.make_node("Equal", ["rows", "three"], ["same"]),
        choice("same", product(5), product(6)),
    ]
    weights = {"first": np.array(0, dtype=np.int64), "three": np.array(3, dtype=np.int64)}
    path = write(model_of(nodes, {"x": ["rows", 4]}, weights), tmp_path)
    assert macs_of(read_network(path, dims={"rows": 3})) == (THEN, THEN)
    assert macs_of(read_network(path, dims={"rows": 2})) == (2 * 4 * 6, 2 * 4 * 6)


def test_branches_within_branches_and_names_that_occur_twice_are_kept_apart(tmp_path: Path) -> None:
    """The weights of all three products are called ``w``, and their results ``z``."""
    inner = branch([choice("same", product(5), product(6), "u")], "u")
    nodes = [
        helper.make_node("Equal", ["sr", "rate"], ["same"]),
        choice("same", inner, product(6)),
        choice("same", product(7), product(8), "other"),
    ]
    model = model_of(nodes, {"x": [3, 4]}, {"rate": np.array(16000)})
    model.graph.input.append(helper.make_tensor_value_info("sr", TensorProto.INT64, []))
    network = read_network(write(model, tmp_path), inputs={"sr": 16000})
    assert macs_of(network) == (THEN + 3 * 4 * 7, THEN + 3 * 4 * 7)
    assert [layer.bounds()["N"] for layer in network.layers] == [5, 7]


def test_a_branch_that_passes_on_what_is_outside_is_the_identity(tmp_path: Path) -> None:
    passed = branch([helper.make_node("Identity", ["t"], ["same"])], "same")
    nodes = [
        helper.make_node("MatMul", ["x", "v"], ["t"]),
        choice("flag", passed, product(5)),
        helper.make_node("MatMul", ["y", "v"], ["out"]),
    ]
    model = model_of(nodes, {"x": [3, 4]}, {"v": np.zeros((4, 4), np.float32), "flag": np.array(True)})
    assert macs_of(read_network(write(model, tmp_path))) == (2 * 3 * 4 * 4, 2 * 3 * 4 * 4)


def test_without_a_value_the_input_that_decides_is_named(tmp_path: Path, capsys: Output) -> None:
    path = write(by_input(), tmp_path)
    assert main([str(path), *REFERENCE]) == 2
    assert capsys.readouterr().err == (
        f"{path}: expected a layer that can be mapped; MatMul: inside If: how often it runs is not known; "
        "say what runs with --input sr=VALUE\n"
    )


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("sr", "--input: expected NAME=VALUE, got 'sr'"),
        ("sr=x", "--input: expected true or false or an integer or a number or a list, got 'x'"),
        ("srr=1", "FILE: inputs.srr: no input has this name; did you mean 'sr'?"),
        ("rate=1", "FILE: inputs.rate: no input has this name; "),
        ("sr=1.5", "FILE: inputs.sr: expected a value of the input's type and shape (1.5 is no int64)"),
        (
            "sr=[1, 2]",
            "FILE: inputs.sr: expected a value of the input's type and shape (its shape is []; [2] is given)",
        ),
        ("x=1", None),
    ],
)
def test_a_faulty_value_of_an_input_is_one_line(given: str, fault: str | None, tmp_path: Path, capsys: Output) -> None:
    path = write(by_input(dims=[]), tmp_path)
    status = main([str(path), *REFERENCE, "--input", given, *(["--input", "sr=16000"] if fault is None else [])])
    err = capsys.readouterr().err
    if fault is None:
        assert (status, err) == (0, "")
    else:
        assert status == 2
        assert err.startswith(fault.replace("FILE", str(path)))
        assert len(err.splitlines()) == 1


def test_a_spec_gives_inputs_beside_the_network(tmp_path: Path) -> None:
    write(by_input(), tmp_path)
    workload = '{"network": "model.onnx", "inputs": {"sr": 8000}}'
    (tmp_path / "spec.json").write_text(f'{{"architecture": "dmazerunner-256pe", "workload": {workload}}}')
    (layer,) = load_spec(tmp_path / "spec.json").workload.layers  # type: ignore[union-attr]
    assert layer.loop_nest().num_macs == ELSE
    (tmp_path / "spec.json").write_text(
        '{"architecture": "dmazerunner-256pe", "workload": {"network": "resnet18", "inputs": {"sr": 8000}}}'
    )
    with pytest.raises(InputError, match=r"workload\.inputs: expected none, for only an ONNX model has inputs"):
        load_spec(tmp_path / "spec.json")


# Sizes of dimensions that go by one name


def open_model(*dims: int | str) -> onnx.ModelProto:
    return model_of(
        [helper.make_node("Conv", ["x", "k"], ["y"])], {"x": dims}, {"k": np.zeros((8, 3, 3, 3), np.float32)}
    )


def test_two_open_sizes_of_one_name_are_told_apart(tmp_path: Path) -> None:
    path = write(open_model(1, 3, "?", "?"), tmp_path)
    network = read_network(path, dims={"x.2": 32, "x.3": 64})
    assert macs_of(network)[0] == 30 * 62 * 8 * 3 * 9
    assert network.imported is not None
    assert network.imported.dims == {"x.2": 32, "x.3": 64}
    assert macs_of(read_network(path, dims={"?": 32}))[0] == 30 * 30 * 8 * 3 * 9
    assert macs_of(read_network(path, dims={"?": 32, "x.3": 64}))[0] == 30 * 62 * 8 * 3 * 9


def test_a_named_size_can_be_given_by_its_place(tmp_path: Path) -> None:
    path = write(open_model("N", 3, "height", "width"), tmp_path)
    network = read_network(path, batch=2, dims={"x.2": 32, "width": 64})
    assert macs_of(network)[0] == 2 * 30 * 62 * 8 * 3 * 9
    assert macs_of(read_network(path, dims={"x.0": 2, "x.2": 32, "x.3": 64}))[0] == 2 * 30 * 62 * 8 * 3 * 9


@pytest.mark.parametrize(
    ("dims", "fault"),
    [
        ({}, "--dim 'x.2=N' gives this one its own"),
        ({"x.2": 32}, r"input x: dimension 3, \?, has no size; give it with --dim '\?=N'"),
        (
            {"x.2": 32, "x.3": 64, "?": 3},
            r"dims\.\?: expected none, for all dimensions of this name have sizes of their",
        ),
        ({"?": 32, "x.1": 3}, r"dims\.x\.1: expected none, for the model fixes this dimension at 3"),
        ({"?": 32, "x.7": 3}, r"dims\.x\.7: no input has a dimension of this name"),
    ],
)
def test_a_faulty_size_says_how_to_give_it(dims: dict[str, int], fault: str, tmp_path: Path) -> None:
    path = write(open_model(1, 3, "?", "?"), tmp_path)
    with pytest.raises(InputError, match=fault):
        read_network(path, dims=dims)
