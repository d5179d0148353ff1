"""Reads Timeloop problems (v0.2 to v0.4) as loop nests under their own names of dimensions and data spaces."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from pydantic import BaseModel, ConfigDict

from ...base import Flag, Text
from ...faults import Fault, InputError, InputWarning, Place, place_text, shown, suggestion
from ...layers import LoopNestLayer
from ..json_files import JsonObject
from ..validation import validated
from .timeloop_directives import underscored
from .unread_sizes import unread_sizes

_CNN_LAYER: JsonObject = {
    "dimensions": ["R", "S", "P", "Q", "C", "K", "N"],
    "coefficients": [{"name": f"{axis}{kind}", "default": 1} for kind in ("stride", "dilation") for axis in "WH"],
    "data_spaces": [
        {"name": "Weights", "projection": ["C", "K", "R", "S"]},
        {
            "name": "Inputs",
            "projection": [
                [["N"]],
                [["C"]],
                [["R", "Wdilation"], ["P", "Wstride"]],
                [["S", "Hdilation"], ["Q", "Hstride"]],
            ],
        },
        {"name": "Outputs", "projection": ["N", "K", "Q", "P"], "read_write": True},
    ],
}
_BUILT_IN_SHAPES = {"cnn-layer": _CNN_LAYER, "cnn_layer": _CNN_LAYER}
"""Shapes that a problem may name instead of describing them, from Timeloop's ``problem-shapes``."""

_DEFAULT_SHAPE = "cnn_layer"

_NOT_MODELLED = {"densities": "sparsity is not modelled; every element counts"}
"""Entries of an instance that matter to Timeloop and are not modelled."""


class _Foreign(BaseModel):
    """A part of a Timeloop file; fields that are not listed are skipped."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Coefficient(_Foreign):
    name: Text
    default: int = 1


class _DataSpace(_Foreign):
    name: Text
    projection: list[Any]
    read_write: Flag = False


class _Shape(_Foreign):
    dimensions: tuple[Text, ...]
    coefficients: tuple[_Coefficient, ...] = ()
    data_spaces: tuple[_DataSpace, ...]


def problem_of(document: object) -> JsonObject | None:
    """The problem in a file's data, or ``None``: under ``problem``, or a shape on its own."""
    if not isinstance(document, dict):
        return None
    fields = cast("JsonObject", document)
    inner = fields.get("problem")
    if isinstance(inner, dict):
        return cast("JsonObject", inner)
    return fields if "shape" in fields else None


def read_problem(problem: JsonObject, file: str, name: str) -> LoopNestLayer:
    """The layer that a problem describes; ``name`` is used where it has none of its own.

    Raises:
        InputError: for what is malformed, or is not an affine loop nest.
    """
    fields = underscored(problem)
    shape = _shape(fields, file)
    instance = _instance(fields, file)
    for field, why in _NOT_MODELLED.items():
        if instance.get(field):
            _warn(file, ("problem", "instance", field), why)
    coefficients = {each.name: _integer(instance, each.name, each.default, file) for each in shape.coefficients}
    bounds = {dim: _integer(instance, dim, None, file) for dim in shape.dimensions}
    for place, message in unread_sizes(fields, instance, {**coefficients, **bounds}):
        _warn(file, ("problem", *place), message)
    places = [("problem", "shape", "data_spaces", number) for number in range(len(shape.data_spaces))]
    tensors = [
        {
            "name": space.name,
            "index": list(_indices(space.projection, bounds, coefficients, file, place)),
            "output": space.read_write,
        }
        for space, place in zip(shape.data_spaces, places, strict=True)
    ]
    own_name = fields.get("name")
    document = {
        "type": "loop_nest",
        "name": own_name if isinstance(own_name, str) and own_name else name,
        "bounds": bounds,
        "tensors": tensors,
    }
    try:
        return validated(LoopNestLayer, document, file, ("problem",))
    except InputError as error:
        raise InputError(_in_their_words(fault) for fault in error.faults) from error


def _in_their_words(fault: Fault) -> Fault:
    """A fault of the layer at the place in the problem that it comes from."""
    place = fault.place.replace("problem.tensors", "problem.shape.data_spaces").replace(".index[", ".projection[")
    return replace(fault, place=place.replace("problem.bounds", "problem.instance"))


def _shape(fields: JsonObject, file: str) -> _Shape:
    shape: Any = fields.get("shape")
    if shape is None:
        _warn(file, ("problem", "shape"), f"not given; {_DEFAULT_SHAPE} is taken, as Timeloop does")
        shape = _DEFAULT_SHAPE
    if isinstance(shape, str):
        if shape not in _BUILT_IN_SHAPES:
            message = f"unknown shape {shown(shape)}; {suggestion(shape, _BUILT_IN_SHAPES)}, or the shape itself"
            raise InputError.single(file, "problem.shape", message)
        return validated(_Shape, _BUILT_IN_SHAPES[shape], file)
    if isinstance(shape, dict) and "flatten" in shape:
        raise InputError.single(file, "problem.shape.flatten", "expected none; flattened dimensions are not affine")
    return validated(_Shape, cast("object", shape), file, ("problem", "shape"))


def _instance(fields: JsonObject, file: str) -> JsonObject:
    """Bounds and coefficients by name; older files give them beside the shape."""
    instance = fields.get("instance", fields)
    if not isinstance(instance, dict):
        raise InputError.single(file, "problem.instance", f"expected an object, got {shown(instance)}")
    return cast("JsonObject", instance)


def _integer(instance: Mapping[str, Any], name: str, default: int | None, file: str) -> int:
    value = instance.get(name, default)
    place = place_text(("problem", "instance", name))
    if value is None:
        raise InputError.single(file, place, "expected, but missing")
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError.single(file, place, f"expected an integer, got {shown(value)}")
    return value


def _indices(
    projection: Sequence[Any],
    bounds: Mapping[str, int],
    coefficients: Mapping[str, int],
    file: str,
    place: Place,
) -> Iterator[str]:
    """A data space's indices as our expressions: its axes are dimensions, or sums of [dimension, coefficient]."""
    for axis, expression in enumerate(projection):
        where = (*place, "projection", axis)
        terms = [[expression]] if isinstance(expression, str) else expression
        if not isinstance(terms, list) or not terms:
            raise InputError.single(file, place_text(where), f"expected a sum of products, got {shown(expression)}")
        products = [_product(term, bounds, coefficients, file, where) for term in cast("list[Any]", terms)]
        yield " ".join(products).removeprefix("+ ")


def _product(term: Any, bounds: Mapping[str, int], coefficients: Mapping[str, int], file: str, place: Place) -> str:
    """A dimension times its coefficient, with its sign in front."""
    parts = cast("list[Any]", term) if isinstance(term, list) else []
    if len(parts) not in (1, 2) or not isinstance(parts[0], str) or parts[0] not in bounds:
        expected = f"expected [dimension] or [dimension, coefficient] with one of {', '.join(bounds)}"
        raise InputError.single(file, place_text(place), f"{expected}, got {_text(term)}")
    if len(parts) == 1:
        return f"+ {parts[0]}"
    factor = parts[1] if isinstance(parts[1], int) else coefficients.get(str(parts[1]))
    if factor is None:
        message = f"unknown coefficient {shown(parts[1])}; {suggestion(str(parts[1]), coefficients)}"
        raise InputError.single(file, place_text(place), message)
    sign = "-" if factor < 0 else "+"
    return f"{sign} {parts[0]}" if abs(factor) == 1 else f"{sign} {abs(factor)}*{parts[0]}"


def _text(value: Any) -> str:
    return f"[{', '.join(map(str, cast('list[Any]', value)))}]" if isinstance(value, list) else shown(value)


def _warn(file: str, place: Place, message: str) -> None:
    warnings.warn(str(Fault(file, place_text(place), message)), InputWarning, stacklevel=2)
