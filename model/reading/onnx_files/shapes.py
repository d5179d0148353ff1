"""Finds the shape of every tensor of a model: by the library's inference, and by evaluating what that leaves open.

Exporters compute shapes in the graph itself (``Shape``, ``Gather``, ``Div``, ``Where`` ...). The library follows some
of these operators only; the others are evaluated here, where all that they depend on is known.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...faults import Fault, InputError, InputWarning, shortened
from .contributed.output_shapes import DOMAIN, OUTPUT_SHAPES, standard_form, type_position
from .graphs.beyond_standard import STANDARD_DOMAINS
from .graphs.branches import deciding_inputs, put_branches_in_place
from .graphs.element_bits import quantised_bits
from .graphs.node_values import NodeEvaluationError, evaluated
from .graphs.weights import MAX_VALUE_ELEMENTS
from .reading import (
    OnnxModel,
    invalid_model,
    library_errors,
    operator_name,
)
from .work import Shape, attributes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import GraphProto, ModelProto, NodeProto, TypeProto

LONGEST_WARNING = 300
_MOST_ROUNDS = 20

_RANDOM = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)


@dataclass(frozen=True)
class Shapes:
    """Shapes by tensor, and for a tensor without one the operator from which on shapes are not known.

    ``deciding`` names for the condition of an ``If``, where it is not known, the inputs that it depends on,
    ``bits`` the sizes of elements that are quantised, or were before they were turned into floats.
    """

    known: dict[str, Shape]
    lost_at: dict[str, str]
    deciding: dict[str, tuple[str, ...]]
    bits: dict[str, int]


def infer_shapes(model: OnnxModel, file: str) -> Shapes:
    """The shapes of all tensors of the main graph, as far as they do not depend on data.

    The branches of an ``If`` whose condition is known take its place in the model. What the library cannot evaluate is
    warned about, once for each operator.

    Raises:
        InputError: when types contradict each other, or branches are nested too deeply.
    """
    graph = model.proto.graph
    for _ in range(_MOST_ROUNDS):
        evaluation = _evaluated(model, file)
        try:
            if put_branches_in_place(graph, evaluation.conditions()):
                continue
        except ValueError as error:
            raise InputError([invalid_model(error, file)]) from error
        for operator, reason in evaluation.failures.items():
            message = f"operator {operator} could not be evaluated, nor what depends on its values ({reason})"
            warnings.warn(str(Fault(file, "", shortened(message, LONGEST_WARNING))), InputWarning, stacklevel=2)
        shapes = {name: shape_of_type(type_) for name, type_ in evaluation.types.items()}
        shapes |= {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
        known = {name: shape for name, shape in shapes.items() if shape is not None}
        undecided = [node.input[0] for node in graph.node if node.op_type == "If" and node.input]
        deciding = {name: deciding_inputs(graph, name, model.fed) for name in undecided}
        return Shapes(known, _lost_at(graph, known), deciding, quantised_bits(graph, evaluation.types))
    raise InputError.single(file, "", f"expected conditions (If) nested at most {_MOST_ROUNDS} deep")


def _evaluated(model: OnnxModel, file: str) -> _Evaluation:
    """The types and values in a model's main graph, as far as they can be known."""
    from onnx import shape_inference

    _declare_what_cannot_be_inferred(model)
    try:
        inferred = shape_inference.infer_shapes(model.proto).graph  # values are followed below, where they are bounded
    except library_errors() as error:
        raise InputError([invalid_model(error, file)]) from error
    evaluation = _Evaluation(model.proto, {v.name: v.type for v in (*inferred.input, *inferred.value_info)})
    evaluation.run()
    return evaluation


def shape_of_type(type_: TypeProto | None) -> Shape | None:
    """The shape of a tensor of a type; ``None`` where a size is not stated."""
    if type_ is None or not type_.HasField("tensor_type") or not type_.tensor_type.HasField("shape"):
        return None
    dims = type_.tensor_type.shape.dim
    is_known = all(dim.HasField("dim_value") and dim.dim_value >= 0 for dim in dims)
    return tuple(dim.dim_value for dim in dims) if is_known else None


def _declare_what_cannot_be_inferred(model: OnnxModel) -> None:
    """Let inference go on behind operators that the library does not know where the file states their shapes."""
    from onnx import helper

    graph = model.proto.graph
    for node in graph.node:
        for name in node.output if node.domain not in STANDARD_DOMAINS else ():
            if shape_of_type(model.declared.get(name)) is not None:
                graph.value_info.append(helper.make_value_info(name, model.declared[name]))


def _lost_at(graph: GraphProto, known: dict[str, Shape]) -> dict[str, str]:
    lost_at: dict[str, str] = {}
    for node in graph.node:
        cause = next((lost_at[name] for name in node.input if name in lost_at), operator_name(node))
        lost_at |= {name: cause for name in node.output if name and name not in known}
    return lost_at


class _Evaluation:
    """The second look at a graph, in the order of its nodes: values of small tensors, and shapes that need them."""

    def __init__(self, proto: ModelProto, types: dict[str, TypeProto]) -> None:
        from onnx import helper, numpy_helper

        self._graph = proto.graph
        self._opsets = {opset.domain: opset.version for opset in proto.opset_import}
        self._opset_imports = list(proto.opset_import)
        self._values: dict[str, NDArray[Any]] = {t.name: numpy_helper.to_array(t) for t in proto.graph.initializer}
        self.types = types
        self.failures: dict[str, str] = {}
        for tensor in proto.graph.initializer:
            self.types[tensor.name] = helper.make_tensor_type_proto(tensor.data_type, list(tensor.dims))

    def run(self) -> None:
        """Complete the types as far as possible, if they are not complete, or a condition is to be known."""
        branches = any(node.op_type == "If" for node in self._graph.node)
        if not branches and all(self._is_known(name) for node in self._graph.node for name in node.output):
            return
        for node in self._graph.node:
            if not all(self._is_known(name) for name in node.output):
                self._infer(node)
            if self._can_be_evaluated(node):
                self._evaluate(node)

    def conditions(self) -> dict[str, bool]:
        """What is known of the conditions of ``If`` nodes."""
        names = {node.input[0] for node in self._graph.node if node.op_type == "If" and node.input}
        return {name: bool(self._values[name].any()) for name in names if name in self._values}

    def _is_known(self, name: str) -> bool:
        return not name or shape_of_type(self.types.get(name)) is not None

    def _infer(self, node: NodeProto) -> None:
        """The types of a node's outputs, with the values of its inputs at hand."""
        from onnx import defs, numpy_helper, shape_inference

        inputs = [name for name in node.input if name]
        if node.domain == DOMAIN and node.op_type in OUTPUT_SHAPES:
            self._infer_contributed(node)
        node = standard_form(node)
        if node.domain not in STANDARD_DOMAINS or not all(name in self.types for name in inputs):
            return
        values = {name: numpy_helper.from_array(self._values[name], name) for name in inputs if name in self._values}
        try:
            schema = defs.get_schema(node.op_type, self._opsets.get("", 1), "")
            types = {name: self.types[name] for name in inputs}
            found = shape_inference.infer_node_outputs(schema, node, types, values, opset_imports=self._opset_imports)
        except library_errors():
            return  # what the library cannot infer stays unknown and is reported as such
        self.types |= found

    def _infer_contributed(self, node: NodeProto) -> None:
        """The types of the outputs of an operator that ONNX Runtime adds to the standard."""
        from onnx import helper

        shapes = [shape_of_type(self.types.get(name)) if name else () for name in node.input]
        known = [shape for shape in shapes if shape is not None]
        if len(known) < len(shapes):
            return
        try:
            outputs = OUTPUT_SHAPES[node.op_type](known, attributes_of(node))
        except (ValueError, IndexError):  # what its operands contradict is said where it is counted
            return
        kind = self.types[node.input[type_position(node)]].tensor_type.elem_type
        for name, shape in zip(node.output, outputs, strict=False):
            if name and not self._is_known(name) and shape:
                self.types[name] = helper.make_tensor_type_proto(kind, list(shape))

    def _can_be_evaluated(self, node: NodeProto) -> bool:
        """Whether a node's values are few, fixed, and computed from known ones."""
        is_plain = node.domain in STANDARD_DOMAINS and not any(attribute.HasField("g") for attribute in node.attribute)
        if not is_plain or node.op_type in _RANDOM:
            return False
        shapes = [shape_of_type(self.types.get(name)) for name in node.output if name]
        small = all(shape is not None and math.prod(shape) <= MAX_VALUE_ELEMENTS for shape in shapes)
        if node.op_type in ("Shape", "Size"):
            return small and self._is_known(node.input[0])
        return small and all(name in self._values for name in node.input if name)

    def _evaluate(self, node: NodeProto) -> None:
        import numpy as np

        values = {name: self._values[name] for name in node.input if name in self._values}
        if node.op_type in ("Shape", "Size"):
            values[node.input[0]] = np.broadcast_to(np.float32(0), shape_of_type(self.types[node.input[0]]) or ())
        try:
            results = evaluated(node, values, self._opsets)
        except NodeEvaluationError as error:
            self.failures.setdefault(operator_name(node), str(error))
            return
        self._values |= {
            name: value for name, value in zip(node.output, results, strict=False) if name and value is not None
        }
