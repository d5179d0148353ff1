"""Shapes that exporters compute in the graph are followed at every operator set from 7 to 22, in the form of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from dmaze.cli.reports.import_report import import_lines
from dmaze.model import Result
from dmaze.model.faults import InputWarning
from dmaze.model.reading.onnx_files import read_network
from onnx import TensorProto, helper, numpy_helper
from onnx_models import write

OPSETS = range(7, 23)
CHANNELS, HEIGHT, WIDTH, HIDDEN = 8, 6, 4, 20
MACS = CHANNELS * HEIGHT * WIDTH * HIDDEN


@dataclass
class Graph:
    """Nodes in the form that an operator set has, with constants as nodes."""

    opset: int
    nodes: list[onnx.NodeProto] = field(default_factory=list)

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        names = [f"{operator.lower()}{len(self.nodes)}_{number}" for number in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, **attributes))
        return names[-1]

    def constant(self, values: Any, kind: Any = np.int64) -> str:
        return self.add("Constant", value=numpy_helper.from_array(np.asarray(values, dtype=kind)))

    def with_integers(self, operator: str, *inputs: str, since: int, more: Any = None, **lists: Sequence[int]) -> str:
        """An operator whose lists of integers are attributes before a version and inputs from it on."""
        if self.opset < since:
            return self.add(operator, *inputs, **lists, **(more or {}))
        return self.add(operator, *inputs, *(self.constant(each) for each in lists.values()), **(more or {}))

    def unsqueeze(self, value: str) -> str:
        return self.with_integers("Unsqueeze", value, since=13, axes=[0])

    def squeeze(self, value: str) -> str:
        return self.with_integers("Squeeze", value, since=13, axes=[0])

    def slice(self, value: str, start: int, end: int) -> str:
        return self.with_integers("Slice", value, since=10, starts=[start], ends=[end], axes=[0])

    def size(self, axis: int) -> str:
        """One size of the input, a scalar."""
        return self.add("Gather", self.add("Shape", "x"), self.constant(axis), axis=0)

    def sizes(self, *parts: str) -> str:
        return self.add("Concat", *(self.unsqueeze(part) for part in parts), axis=0)


def by_gather(g: Graph) -> str:
    return g.add("Concat", g.unsqueeze(g.size(0)), g.constant([-1]), axis=0)


def by_slice(g: Graph) -> str:
    return g.add("Concat", g.slice(g.add("Shape", "x"), 0, 1), g.constant([-1]), axis=0)


def by_squeeze(g: Graph) -> str:
    batch = g.squeeze(g.slice(g.add("Shape", "x"), 0, 1))
    return g.sizes(batch, g.constant(-1))


def by_product(g: Graph) -> str:
    rest = g.add("Mul", g.add("Mul", g.size(1), g.size(2)), g.size(3))
    return g.sizes(g.size(0), rest)


def by_reduced_product(g: Graph) -> str:
    rest = g.slice(g.add("Shape", "x"), 1, 4)
    if g.opset < 18:
        product = g.add("ReduceProd", rest, axes=[0], keepdims=0)
    else:
        product = g.add("ReduceProd", rest, g.constant([0]), keepdims=0)
    return g.sizes(g.size(0), product)


def by_reduced_sum(g: Graph) -> str:
    zero = g.with_integers("ReduceSum", g.constant([1, -1]), since=13, axes=[0], more={"keepdims": 0})
    return g.sizes(g.add("Add", g.size(0), zero), g.constant(-1))


def by_division(g: Graph) -> str:
    whole = g.add("Div", g.add("Mul", g.size(1), g.constant(HEIGHT * WIDTH * 2)), g.constant(2))
    return g.sizes(g.size(0), g.add("Sub", whole, g.constant(0)))


def by_floats(g: Graph) -> str:
    scaled = g.add("Mul", g.add("Cast", g.size(1), to=TensorProto.FLOAT), g.constant(HEIGHT * WIDTH + 0.01, np.float32))
    return g.sizes(g.size(0), g.add("Cast", g.add("Floor", scaled), to=TensorProto.INT64))


def by_split(g: Graph) -> str:
    shape = g.add("Shape", "x")
    halves = {"outputs": 2, "axis": 0}
    if g.opset < 13:
        g.add("Split", shape, split=[1, 3], **halves)
    else:
        g.add("Split", shape, g.constant([1, 3]), **halves)
    batch = g.nodes[-1].output[0]
    return g.add("Concat", batch, g.constant([-1]), axis=0)


def by_size(g: Graph) -> str:
    return g.sizes(g.constant(-1), g.add("Div", g.add("Size", "x"), g.size(0)))


def by_transpose_and_reshape(g: Graph) -> str:
    pair = g.sizes(g.size(0), g.constant(-1))
    matrix = g.add("Transpose", g.add("Reshape", pair, g.constant([1, 2])), perm=[1, 0])
    return g.add("Reshape", g.add("Identity", matrix), g.constant([2]))


def by_expand(g: Graph) -> str:
    ones = g.add("ConstantOfShape", g.constant([2]), value=numpy_helper.from_array(np.array([1], dtype=np.int64)))
    return g.add("Mul", g.add("Expand", ones, g.constant([2])), by_gather(g))


def by_where(g: Graph) -> str:
    given = g.constant([1, -1])
    return g.add("Where", g.add("Equal", given, g.constant([-1, -1])), given, by_gather(g))


def by_range(g: Graph) -> str:
    steps = g.add("Range", g.constant(0), g.constant(2), g.constant(1))
    return g.add("Gather", by_gather(g), steps, axis=0)


def by_clip(g: Graph) -> str:
    value = g.add("Cast", by_gather(g), to=TensorProto.FLOAT)
    if g.opset < 11:
        clipped = g.add("Clip", value, min=-1.0, max=100.0)
    else:
        clipped = g.add("Clip", value, g.constant(-1, np.float32), g.constant(100, np.float32))
    return g.add("Cast", clipped, to=TensorProto.INT64)


def by_pad(g: Graph) -> str:
    value = g.add("Cast", g.unsqueeze(g.size(0)), to=TensorProto.FLOAT)
    if g.opset < 11:
        padded = g.add("Pad", value, pads=[0, 1], value=-1.0, mode="constant")
    else:
        padded = g.add("Pad", value, g.constant([0, 1]), g.constant(-1, np.float32), mode="constant")
    return g.add("Cast", padded, to=TensorProto.INT64)


def by_top_k(g: Graph) -> str:
    value = g.add("Cast", g.add("Shape", "x"), to=TensorProto.FLOAT)
    if g.opset < 10:
        g.add("TopK", value, k=1, axis=0, outputs=2)
    else:
        g.add("TopK", value, g.constant([1]), axis=0, outputs=2)
    channels = g.add("Cast", g.nodes[-1].output[0], to=TensorProto.INT64)  # the largest size
    rest = g.add("Mul", channels, g.constant([HEIGHT * WIDTH]))
    return g.add("Concat", g.constant([1]), rest, axis=0)


def by_dropout(g: Graph) -> str:
    value = g.add("Cast", by_gather(g), to=TensorProto.FLOAT)
    dropped = g.add("Dropout", value, **({"ratio": 0.5} if g.opset < 12 else {}))
    return g.add("Cast", dropped, to=TensorProto.INT64)


def by_scatter(g: Graph) -> str:
    operator = "Scatter" if g.opset < 11 else "ScatterElements"
    return g.add(operator, by_gather(g), g.constant([1]), g.constant([-1]), axis=0)


SINCE: dict[Callable[[Graph], str], int] = {by_expand: 9, by_where: 9, by_range: 11, by_scatter: 9, by_floats: 9}
WAYS = [
    *(
        by_gather,
        by_slice,
        by_squeeze,
        by_product,
        by_reduced_product,
        by_reduced_sum,
        by_division,
        by_floats,
        by_split,
    ),
    *(by_size, by_transpose_and_reshape, by_expand, by_where, by_range, by_clip, by_pad, by_top_k, by_dropout),
    by_scatter,
]


def classifier(opset: int, target: Callable[[Graph], str]) -> onnx.ModelProto:
    """A convolution whose output is flattened to what a graph computes, and a product behind it."""
    g = Graph(opset)
    shape = target(g)
    g.add("Relu", "x")
    flat = g.add("Reshape", g.nodes[-1].output[0], shape)
    g.nodes.append(helper.make_node("Gemm", [flat, "w", "b"], ["y"]))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, CHANNELS, HEIGHT, WIDTH])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    weights = {"w": np.zeros((CHANNELS * HEIGHT * WIDTH, HIDDEN), np.float32), "b": np.zeros(HIDDEN, np.float32)}
    constants = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(g.nodes, "classifier", [x], [y], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_product_behind_a_computed_shape_is_counted(way: Callable[[Graph], str], tmp_path: Path) -> None:
    for opset in range(SINCE.get(way, OPSETS.start), OPSETS.stop):
        network = read_network(write(classifier(opset, way), tmp_path))
        assert network.imported is not None
        assert (opset, network.imported.mapped_macs, network.imported.total_macs) == (opset, MACS, MACS)
        assert all(skipped.macs == 0 for skipped in network.imported.skipped)


def by_one_hot(g: Graph) -> str:
    """The depth as a list of one, which the standard allows and the library's evaluator does not take."""
    g.add("OneHot", g.constant([0]), g.constant([2]), g.constant([0, 1]), axis=0)
    return g.add("Add", g.add("Reshape", g.nodes[-1].output[0], g.constant([2])), g.constant([0, -1]))


def test_an_operator_that_cannot_be_evaluated_is_warned_about_and_no_share_is_called_whole(tmp_path: Path) -> None:
    model = classifier(11, by_one_hot)
    kernel = numpy_helper.from_array(np.zeros((CHANNELS, 1, 1, 1), np.float32), "k")
    model.graph.initializer.append(kernel)
    model.graph.node.insert(0, helper.make_node("Conv", ["x", "k"], ["unused"], group=CHANNELS))
    with pytest.warns(InputWarning) as caught:
        network = read_network(write(model, tmp_path))
    (warning,) = caught
    assert "model.onnx: operator OneHot could not be evaluated, nor what depends on its values (" in str(
        warning.message
    )
    assert network.imported is not None
    macs = CHANNELS * HEIGHT * WIDTH
    assert (network.imported.mapped_macs, network.imported.skipped[0].macs) == (macs, None)
    result = Result.model_construct(imported=network.imported, layers=())
    first, *_, left_out, _ = import_lines(result)
    assert first.endswith(
        f"{macs} multiply-accumulates are mapped; no others are counted, and how many there are in all is not known"
    )
    assert left_out == "left out: 1 Gemm, multiply-accumulates not counted: shape not known from Reshape on"
    assert not any(re.search(r"\d%", line) for line in import_lines(result))
