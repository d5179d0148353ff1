"""Models that expand without end, or are large, are answered or refused within seconds and little memory."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import pytest
from dmaze.model.faults import MOST_LINES, InputError
from dmaze.model.reading.onnx_files import read_network, reading
from dmaze.model.reading.onnx_files.graphs.weightless import without_weights
from onnx import TensorProto, helper
from onnx_models import EXPORTED, model_of, write

LONGEST_S = 10.0


def refusal(model: onnx.ModelProto, folder: Path) -> str:
    path = write(model, folder)
    started = time.process_time()
    with pytest.raises(InputError) as caught:
        read_network(path)
    assert time.process_time() - started < LONGEST_S
    lines = str(caught.value).splitlines()
    assert len(lines) <= MOST_LINES + 1
    return str(caught.value).replace(f"{path}: ", "")


PRODUCT = helper.make_node("MatMul", ["x", "x"], ["z"])


def functions(depth: int, calls: int, last: str = "MatMul") -> onnx.ModelProto:
    """Functions that each call the next one some times."""
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("own", 1)]
    own = []
    for level in range(depth):
        operator, domain = (f"f{level + 1}", "own") if level + 1 < depth else (last, "" if last == "MatMul" else "own")
        inputs = ["a", "a"] if operator == "MatMul" else ["a"]
        nodes = [helper.make_node(operator, inputs, [f"b{number}"], domain=domain) for number in range(calls)]
        own.append(helper.make_function("own", f"f{level}", ["a"], [f"b{calls - 1}"], nodes, opsets))
    call = helper.make_node("f0", ["x"], ["z"], domain="own")
    return model_of([call], {"x": [2, 2]}, opset_imports=opsets, functions=own)


def test_functions_that_double_are_refused_before_they_are_expanded(tmp_path: Path) -> None:
    assert refusal(functions(26, 2), tmp_path) == f"expected at most 50000 nodes with functions in place, got {2**26}"


@pytest.mark.parametrize("model", [functions(60, 1), functions(1, 1, last="f0"), functions(3, 2, last="f1")])
def test_functions_that_are_deep_or_call_themselves_are_refused(model: onnx.ModelProto, tmp_path: Path) -> None:
    assert refusal(model, tmp_path) == "expected functions that call each other at most 50 deep, and in no circle"


def test_functions_within_the_limits_are_counted(tmp_path: Path) -> None:
    network = read_network(write(functions(4, 2), tmp_path))
    assert network.imported is not None
    assert network.imported.mapped_macs == 2**4 * 2**3


def test_too_many_nodes_are_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Relu", ["x"], [f"r{number}"]) for number in range(50_000)]
    assert "expected at most 50000 nodes" in refusal(model_of([*nodes, PRODUCT], {"x": [2, 2]}), tmp_path)


def doubling(times: int) -> onnx.ModelProto:
    """A list of sizes joined to itself, and a tensor with as many dimensions."""
    nodes = [helper.make_node("Shape", ["x"], ["s0"])]
    nodes += [helper.make_node("Concat", [f"s{n}", f"s{n}"], [f"s{n + 1}"], axis=0) for n in range(times)]
    return model_of([*nodes, helper.make_node("ConstantOfShape", [f"s{times}"], ["q"]), PRODUCT], {"x": [1, 1]})


def test_sizes_that_double_are_refused_before_shapes_are_inferred(tmp_path: Path) -> None:
    assert refusal(doubling(25), tmp_path).startswith("expected at most 100000 sizes to be joined by Concat, got ")
    assert len(read_network(write(doubling(3), tmp_path)).layers) == 1


@pytest.mark.parametrize("batch", [None, 2])
def test_long_lists_that_look_like_sizes_are_not_made_either(batch: int | None, tmp_path: Path) -> None:
    """The library's propagation of sizes takes every list for one, here of 10^9 elements."""
    nodes = [
        helper.make_node("Reshape", ["w", "n"], ["long"]),
        helper.make_node("Add", ["long", "long"], ["sum"]),
        PRODUCT,
    ]
    weights = {"n": np.array([10**9], dtype=np.int64), "w": np.zeros(4, np.float32)}
    path = write(model_of(nodes, {"x": [3, 3]}, weights), tmp_path)
    started = time.process_time()
    if batch is None:
        assert len(read_network(path).layers) == 1
    else:
        with pytest.raises(InputError):
            read_network(path, batch)
    assert time.process_time() - started < 1


def test_tensors_that_only_say_that_they_are_large_are_not_made(tmp_path: Path) -> None:
    sizes = {"n": np.array([10**12], dtype=np.int64)}
    nodes = [helper.make_node("ConstantOfShape", ["n"], ["s"]), helper.make_node("Expand", ["x", "s"], ["y"]), PRODUCT]
    model = model_of(nodes, {"x": [2, 2]}, sizes)
    model.graph.initializer.append(TensorProto(name="w", data_type=TensorProto.INT64, dims=[10**12]))
    started = time.process_time()
    assert len(read_network(write(model, tmp_path)).layers) == 1
    assert time.process_time() - started < LONGEST_S


def test_open_sizes_are_counted_where_they_are_many(tmp_path: Path) -> None:
    many = {f"i{number}": [f"d{number}", f"e{number}"] for number in range(20_000)}
    text = refusal(model_of([PRODUCT], {"x": [2, 2], **many}), tmp_path)
    assert text.endswith("and at least 981 more faults")


# Large files, which are read without their weights


def large(num_bytes: int) -> onnx.ModelProto:
    model = model_of([helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": [3, 64]})
    columns = num_bytes // 4 // 64
    model.graph.initializer.add(
        name="w", data_type=TensorProto.FLOAT, dims=[64, columns], raw_data=bytes(256 * columns)
    )
    return model


def test_the_weights_of_a_large_file_are_not_read(tmp_path: Path) -> None:
    path = write(large(2**26 + 2**20), tmp_path)
    assert path.stat().st_size > 2**26
    started = time.process_time()
    assert read_network(path).layers[0].bounds() == {"M": 3, "N": 266_240, "K": 64}
    assert time.process_time() - started < 1
    small = without_weights(memoryview(path.read_bytes()))
    assert len(small) < 1000


@pytest.mark.parametrize("name", ["vision_transformer", "grouped_query", "tagger", "encoder_layer", "separable_cnn"])
def test_a_model_without_long_data_is_passed_on_as_it_is(name: str) -> None:
    content = (EXPORTED / f"{name}.onnx").read_bytes()
    assert without_weights(memoryview(content)) == content


@pytest.mark.filterwarnings("ignore::dmaze.model.faults.InputWarning")
def test_damaged_large_files_give_a_network_or_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGE_BYTES", 1)
    chance, content, path = random.Random(2), (EXPORTED / "tagger.onnx").read_bytes(), tmp_path / "x.onnx"
    for _ in range(200):
        changed = bytearray(content)
        for _ in range(chance.randrange(1, 4)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        path.write_bytes(changed[: chance.choice((len(changed), chance.randrange(1, len(changed))))])
        with suppress(InputError):
            read_network(path, dims={"time": 3})


@pytest.mark.parametrize(
    "content", [b"\x3a" * 100, b"\xff" * 100, b"{" * 100, b"\x3a\x05\x0a\xff\xff\xff\xff", b"\x09\x01"]
)
def test_what_is_no_model_is_refused_while_it_is_walked_through(content: bytes) -> None:
    with pytest.raises(ValueError, match="expected an ONNX model, but this is none, or it is damaged"):
        without_weights(memoryview(content))
