"""Puts values that a user gives in place of a model's inputs: which branch runs may follow, and shapes may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ....documents.imported_network import InputValue
from ....faults import Fault, InputError, shown, suggestion
from .weights import MAX_VALUE_ELEMENTS

if TYPE_CHECKING:
    from onnx import GraphProto, TensorProto, TypeProto


def give_inputs(graph: GraphProto, fed: Sequence[str], values: Mapping[str, InputValue], file: str) -> tuple[str, ...]:
    """Turn inputs of a graph into initialisers of given values; gives the names of the inputs that are left.

    Raises:
        InputError: one fault for each name that no input has, and each value that does not fit its type or shape.
    """
    if not values:
        return tuple(fed)
    names = frozenset(fed)
    types = {value.name: value.type for value in graph.input if value.name in names}
    faults: list[Fault] = []
    tensors: list[TensorProto] = []
    for name, value in values.items():
        if name not in types:
            faults.append(Fault(file, f"inputs.{name}", f"no input has this name; {suggestion(name, types)}"))
            continue
        try:
            tensors.append(_tensor(name, types[name], value))
        except (ValueError, TypeError, OverflowError, KeyError) as error:
            reason = " ".join(str(error).split())
            faults.append(Fault(file, f"inputs.{name}", f"expected a value of the input's type and shape ({reason})"))
    if faults:
        raise InputError(faults)
    left = [value for value in graph.input if value.name not in values]
    del graph.input[:]
    graph.input.extend(left)
    graph.initializer.extend(tensors)
    return tuple(name for name in fed if name not in values)


def _tensor(name: str, type_: TypeProto, value: InputValue) -> TensorProto:
    """A value as a tensor of an input's type; a single number fills an input of any fixed shape.

    Raises:
        ValueError: when it does not fit.
    """
    import numpy as np
    from onnx import helper, numpy_helper

    kind = helper.tensor_dtype_to_np_dtype(type_.tensor_type.elem_type)
    given = np.asarray(value)
    array = given.astype(kind)
    if not np.array_equal(array.astype(given.dtype), given):
        raise ValueError(f"{shown(value)} is no {kind}")
    sizes = [dim.dim_value for dim in type_.tensor_type.shape.dim]
    if array.ndim == 0:
        array = np.full([size or 1 for size in sizes], array, dtype=kind)
    if array.ndim != len(sizes) or any(size not in (0, own) for size, own in zip(sizes, array.shape, strict=True)):
        raise ValueError(f"its shape is {sizes}; {list(array.shape)} is given")
    if array.size > MAX_VALUE_ELEMENTS:
        raise ValueError(f"at most {MAX_VALUE_ELEMENTS} numbers")
    return numpy_helper.from_array(array, name)
