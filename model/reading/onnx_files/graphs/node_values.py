"""Evaluates single nodes whose inputs are known, at any version of the operators that exporters still write.

The library's reference evaluator lacks some of the older forms, in which an operator has as an attribute what it later
takes as an input (``axes`` of ``Unsqueeze`` before version 13). Such a node is evaluated in its newer form.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import NodeProto

Values = Mapping[str, "NDArray[Any]"]

_SUCCESSORS: Mapping[str, str] = {"Dropout": "Identity", "Scatter": "ScatterElements"}
"""Operators that are gone, or do nothing here, with those that compute the same."""

_INPUTS_ONCE_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("Unsqueeze", "Squeeze"), ("axes",)),
    **{f"Reduce{kind}": ("axes",) for kind in ("Sum", "Prod", "Max", "Min", "Mean", "SumSquare", "L1", "L2")},
    "Slice": ("starts", "ends", "axes"),
    "Split": ("split",),
    "Pad": ("pads", "value"),
    "Clip": ("min", "max"),
    "TopK": ("k",),
}
"""Attributes that became inputs behind the first one, in their order."""

_TYPED_LIKE_DATA = frozenset({"value", "min", "max"})
"""Those of them that are of the type of the first input; all others are integers."""

_AS_LIST = frozenset({"k"})


class NodeEvaluationError(Exception):
    """A node could not be evaluated; ``str`` says why."""


def evaluated(node: NodeProto, values: Values, opsets: Mapping[str, int]) -> list[NDArray[Any] | None]:
    """The outputs of a node of the standard domain, ``None`` where one is no array.

    Raises:
        NodeEvaluationError: when the library cannot evaluate it, in neither form.
    """
    import numpy as np
    from onnx import defs

    try:
        results = _run(node, values, opsets)
    except Exception as error:  # operators raise whatever they like
        try:
            modern, more = _modern(node, values)
            results = _run(modern, {**values, **more}, {**opsets, "": defs.onnx_opset_version()})
        except Exception:
            raise NodeEvaluationError(f"{type(error).__name__}: {error}") from error
    return [np.asarray(result) if hasattr(result, "dtype") else None for result in results]  # sequences have none


def _run(node: NodeProto, values: Values, opsets: Mapping[str, int]) -> list[Any]:
    import numpy as np
    from onnx.reference import ReferenceEvaluator

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return cast("Any", ReferenceEvaluator(node, opsets=dict(opsets))).run(None, dict(values))


def _modern(node: NodeProto, values: Values) -> tuple[NodeProto, dict[str, NDArray[Any]]]:
    """The node in its newest form, and the inputs that its attributes have become."""
    import numpy as np
    from onnx import NodeProto, helper

    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    modern = NodeProto()
    modern.CopyFrom(node)
    modern.op_type = _SUCCESSORS.get(node.op_type, node.op_type)
    del modern.attribute[:], modern.input[:]
    modern.input.append(node.input[0]) if node.op_type == "Dropout" else modern.input.extend(node.input)
    inputs: dict[str, NDArray[Any]] = {}
    for name in _INPUTS_ONCE_ATTRIBUTES.get(node.op_type, ()):
        given = attributes.pop(name, None)
        if given is not None:
            kind = values[node.input[0]].dtype if name in _TYPED_LIKE_DATA else np.int64
            inputs[f"{node.output[0]}.{name}"] = np.asarray([given] if name in _AS_LIST else given, dtype=kind)
        modern.input.append("" if given is None else f"{node.output[0]}.{name}")
    if node.op_type != "Dropout":
        modern.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
    while modern.input and not modern.input[-1]:
        del modern.input[-1]
    return modern, inputs
