"""Takes a model whose batch size is fixed to another one, where the graph allows it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...faults import InputError, shortened
from .graphs.model_limits import MAX_SIZES
from .reading import library_errors
from .shapes import shape_of_type

if TYPE_CHECKING:
    from onnx import GraphProto, TensorProto

    from .reading import OnnxModel

LONGEST_REASON = 300


def rebatch(model: OnnxModel, native: int, batch: int, file: str) -> None:
    """Change the batch size in a model that fixes it: in its inputs, and in the constant targets of its reshapes.

    Exporters write the batch as the leading size of a reshape's target. Whether that was it is checked: every shape
    in the graph must agree with the others, and no reshape may lose or gain elements.

    Raises:
        InputError: when the graph holds the batch in other places, too.
    """
    from onnx import shape_inference

    graph = model.proto.graph
    model.declared.clear()
    fed = frozenset(model.fed)
    for value in graph.input:
        dims = value.type.tensor_type.shape.dim
        if value.name in fed and len(dims) > 0 and dims[0].dim_value == native:
            dims[0].dim_value = batch
    try:
        _rewrite_targets(graph, model.fed, native, batch)
        inferred = shape_inference.infer_shapes(model.proto, strict_mode=True).graph
        if not _has_long_lists(inferred):  # of which the library would keep every value as a size
            inferred = shape_inference.infer_shapes(model.proto, strict_mode=True, data_prop=True).graph
    except library_errors() as error:
        raise _refusal(" ".join(str(error).split()), native, file) from error
    types = {value.name: value.type for value in (*inferred.input, *inferred.value_info)}
    for node in graph.node:
        if node.op_type == "Reshape" and len(node.input) > 0:
            before, after = (shape_of_type(types.get(name)) for name in (node.input[0], node.output[0]))
            if before is not None and after is not None and math.prod(before) != math.prod(after):
                reason = f"Reshape {node.name or node.output[0]} turns {list(before)} into {list(after)}"
                raise _refusal(reason, native, file)


def _has_long_lists(graph: GraphProto) -> bool:
    """Whether a tensor of one dimension is longer than any list of sizes."""
    shapes = (shape_of_type(value.type) for value in (*graph.input, *graph.value_info))
    return any(shape is not None and len(shape) == 1 and shape[0] > MAX_SIZES for shape in shapes)


def _rewrite_targets(graph: GraphProto, fed: tuple[str, ...], native: int, batch: int) -> None:
    """Put a batch size in place of the native one that leads the constant targets of what depends on the inputs."""
    from onnx import numpy_helper

    constants: dict[str, TensorProto] = {tensor.name: tensor for tensor in graph.initializer}
    dependent = set(fed)
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            constants[node.output[0]] = node.attribute[0].t
        if not dependent.isdisjoint(node.input):
            dependent.update(node.output)
            target = constants.get(node.input[1]) if node.op_type == "Reshape" and len(node.input) > 1 else None
            sizes = [] if target is None else [int(size) for size in numpy_helper.to_array(target).reshape(-1)]
            if target is not None and sizes[:1] == [native]:
                array = numpy_helper.to_array(target).copy()
                array.reshape(-1)[0] = batch
                target.CopyFrom(numpy_helper.from_array(array, target.name))


def _refusal(reason: str, native: int, file: str) -> InputError:
    """The fault of a batch that cannot be changed."""
    message = f"expected {native}, which this model's graph holds on to: {shortened(reason, LONGEST_REASON)}"
    return InputError.single(file, "batch", message)
