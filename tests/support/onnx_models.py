"""ONNX models for tests: those that the onnx package ships, small ones of one node, and how a nest is computed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from dmaze.model.layers import Layer
from dmaze.model.loop_nest import LoopNest
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnx.backend.test.case import node as node_cases
from paths import DATA

Array = NDArray[Any]

SHIPPED = Path(onnx.__file__).parent / "backend" / "test" / "data"
EXPORTED = DATA / "onnx"


@dataclass(frozen=True)
class Case:
    """A model with one node that matters, what goes into that node, and what comes out of it."""

    name: str
    model: onnx.ModelProto
    operands: tuple[Array, ...]
    expected: Array

    @property
    def node(self) -> onnx.NodeProto:
        return self.model.graph.node[-1]

    def attribute(self, name: str, default: Any) -> Any:
        found = [helper.get_attribute_value(a) for a in self.node.attribute if a.name == name]
        return found[0] if found else default


def backend_cases(*modules: str) -> list[Case]:
    """The onnx package's own test cases of single operators, with data, from some of its modules."""
    for module in modules:
        importlib.import_module(f"onnx.backend.test.case.node.{module}")
    found: list[Case] = []
    for test in node_cases._NodeTestCases:  # its public reader takes five seconds to make all cases of all operators
        nodes, (inputs, outputs) = test.model.graph.node, test.data_sets[0]
        if len(nodes) == 1 and nodes[0].op_type.lower() in modules:
            values = iter(inputs)
            operands = [next(values) if name else np.empty(0) for name in nodes[0].input]
            found.append(Case(test.name, test.model, tuple(operands), np.asarray(outputs[0])))
    return found


def pytorch_cases(operator: str) -> list[Case]:
    """Models of one operator that PyTorch exported for the onnx package, with what PyTorch computed."""
    found: list[Case] = []
    for path in sorted(SHIPPED.glob("pytorch-*/*/model.onnx")):
        model = onnx.load(path)
        if [node.op_type for node in model.graph.node] == [operator]:
            fed = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
            names = [value.name for value in model.graph.input if value.name not in fed]
            data = path.parent / "test_data_set_0"
            fed |= {name: _stored(data / f"input_{position}.pb") for position, name in enumerate(names)}
            operands = tuple(fed[name] for name in model.graph.node[0].input)
            found.append(Case(path.parent.name, model, operands, _stored(data / "output_0.pb")))
    return found


def _stored(path: Path) -> Array:
    return numpy_helper.to_array(onnx.load_tensor(path))


def computed(nest: LoopNest, operands: Mapping[str, Array]) -> Array:
    """What a nest computes, iteration by iteration, from operands in the order in which it stores them."""
    iterations = np.indices(nest.bounds).reshape(len(nest.bounds), -1)
    product: Array = np.ones(iterations.shape[1])
    place: tuple[Array, ...] = ()
    for tensor in nest.tensors:
        shape = iterations[:1].shape[1:]
        terms = [[a * iterations[d] for d, a in index.terms] for index in tensor.index]
        indices = tuple(sum(parts, np.zeros(shape, dtype=np.int64)) for parts in terms)
        if tensor.is_output:
            place = indices
        else:
            product = product * operands[tensor.name].reshape(tensor.shape)[indices]
    result = np.zeros(nest.tensors[nest.output].shape)
    np.add.at(result, place, product)
    return result


def one_layer(layers: Sequence[Layer]) -> Layer:
    (layer,) = layers
    return layer


def write(model: onnx.ModelProto, folder: Path) -> Path:
    """Save a model as ``model.onnx``."""
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def model_of(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Sequence[int | str | None]],
    weights: Mapping[str, Array] | None = None,
    **fields: Any,
) -> onnx.ModelProto:
    """A model of float tensors; every output of the last node is an output."""
    values = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, list(dims)) for name, dims in inputs.items()]
    outputs = [helper.make_value_info(name, onnx.TypeProto()) for name in nodes[-1].output]
    constants = [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()]
    graph = helper.make_graph(list(nodes), "test", values, outputs, constants)
    return helper.make_model(graph, **{"opset_imports": [helper.make_opsetid("", 20)], **fields})
