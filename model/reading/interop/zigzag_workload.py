"""Reads ZigZag workloads (a list of layers by equation) as loop nests under their own names of dimensions."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...base import Text
from ...documents.spec import LayerList
from ...faults import Fault, InputError, InputWarning, place_text
from ..dmazerunner_files import distinct_names
from ..json_files import JsonObject
from ..validation import validated

_NO_PRODUCTS = frozenset(
    {
        *("add", "sum", "max", "min", "simd", "pool", "pooling", "meanpool", "lppool", "globallppool"),
        *("maxpool", "maxpooling", "averagepool", "averagepooling", "avgpool", "avgpooling"),
        *("globalmaxpool", "globalaveragepool", "globalavgpool"),
    }
)
"""Operators, in lower case letters, whose equations in a workload are written as products though they have none."""

_REFERENCE = re.compile(r"(\w+)((?:\[\w*\])+)")
_RELATION = re.compile(r"(\w+)\s*=\s*(.+)")


class _Layer(BaseModel):
    """A layer of a ZigZag workload; fields that are not listed are skipped."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: int | None = None
    name: str | None = None
    operator_type: Text = "Layer"
    equation: Text
    dimension_relations: tuple[Text, ...] = ()
    loop_dims: tuple[Text, ...] = Field(min_length=1)
    loop_sizes: tuple[int, ...]
    operand_precision: dict[str, int] = Field(default_factory=dict[str, int])

    @model_validator(mode="after")
    def _a_size_for_each(self) -> _Layer:
        if len(self.loop_sizes) != len(self.loop_dims):
            raise ValueError(f"loop_sizes: expected {len(self.loop_dims)} sizes, got {len(self.loop_sizes)}")
        return self


class _Workload(BaseModel):
    layers: tuple[_Layer, ...] = Field(min_length=1)


def is_workload(document: object) -> bool:
    """Whether a file's data is a ZigZag workload: a list of layers, at least one of which has an equation."""
    if not isinstance(document, list):
        return False
    entries = cast("list[Any]", document)
    return any(isinstance(entry, dict) and "equation" in entry for entry in entries)


def read_workload(document: Sequence[Any], file: str, name: str, *, own_sizes: bool = False) -> LayerList:
    """The layers that multiply and accumulate; others (pooling, additions) are left out with a warning.

    Layers without a name are called after their operator and id. Element sizes are the
    architecture's, unless somebody reads ``own_sizes``.

    Raises:
        InputError: for malformed layers, or none that multiplies.
    """
    try:
        layers = validated(_Workload, {"layers": document}, file).layers
    except InputError as error:
        raise InputError(_in_their_words(fault, range(len(document))) for fault in error.faults) from error
    kept = [(number, layer) for number, layer in enumerate(layers) if _multiplies(layer)]
    left_out = Counter(layer.operator_type for layer in layers if not _multiplies(layer))
    for operator, count in left_out.items():
        _warn(file, f"{count} of operator {operator} left out: not a sum of products")
    if not kept:
        raise InputError.single(file, "", "expected a layer that multiplies and accumulates, but there is none")
    sizes = sorted({bits for _, layer in kept for bits in layer.operand_precision.values()})
    if len(sizes) > 1 and not own_sizes:
        _warn(file, f"operands of {', '.join(map(str, sizes))} bits; every element has the architecture's size instead")
    names = distinct_names(_name(layer, number) for number, layer in kept)
    described = [_described(layer, unique, file, number) for (number, layer), unique in zip(kept, names, strict=True)]
    try:
        bits = sizes if len(sizes) == 1 and not own_sizes else []  # of several the file's own warning says it
        return validated(LayerList, {"name": name, "layers": described, "element_bits": bits}, file)
    except InputError as error:
        numbers = [number for number, _ in kept]
        raise InputError(_in_their_words(fault, numbers) for fault in error.faults) from error


def _name(layer: _Layer, number: int) -> str:
    return layer.name or f"{layer.operator_type}_{number if layer.id is None else layer.id}"


def _multiplies(layer: _Layer) -> bool:
    """Whether a layer sums up products: its equation has some, and its operator is none that only looks as if."""
    operator = re.sub(r"[^a-z]", "", layer.operator_type.lower())
    return "*" in layer.equation.partition("=")[2] and operator not in _NO_PRODUCTS


def _described(layer: _Layer, name: str, file: str, number: int) -> JsonObject:
    """A layer as our JSON."""
    dims = {dim.lower(): dim for dim in layer.loop_dims}
    expressions = dict(dims)
    for relation in layer.dimension_relations:
        match = _RELATION.fullmatch(relation.strip())
        if match is None:
            place = place_text((number, "dimension_relations"))
            raise InputError.single(file, place, f"expected a relation such as ix=1*ox+1*fx, got '{relation}'")
        without_blanks = re.sub(r"\s+", "", match[2])
        sum_of_dims = re.sub(r"[A-Za-z_]\w*", lambda name: dims.get(name[0].lower(), name[0]), without_blanks)
        expressions[match[1].lower()] = re.sub(r"\b1\*", "", sum_of_dims).replace("+", " + ")
    references = _REFERENCE.findall(layer.equation)
    tensors = [
        {"name": operand, "index": _indices(subscripts, expressions, file, number), "output": position == 0}
        for position, (operand, subscripts) in enumerate(references)
    ]
    bounds = dict(zip(layer.loop_dims, layer.loop_sizes, strict=True))
    return {"type": "loop_nest", "name": name, "bounds": bounds, "tensors": tensors}


def _indices(subscripts: str, expressions: Mapping[str, str], file: str, number: int) -> list[str]:
    names = re.findall(r"\[(\w+)\]", subscripts)
    unknown = [name for name in names if name.lower() not in expressions]
    if unknown:
        message = f"unknown index '{unknown[0]}'; expected one of {', '.join(expressions)}"
        raise InputError.single(file, place_text((number, "equation")), message)
    return [expressions[name.lower()] for name in names]


def _in_their_words(fault: Fault, numbers: Sequence[int]) -> Fault:
    """A fault of one of our layers, at the place in their list that it comes from."""
    place = re.sub(r"^layers\[(\d+)\]", lambda match: f"[{numbers[int(match[1])]}]", fault.place)
    place = re.sub(r"\.tensors\b.*", ".equation", place.replace(".bounds", ".loop_sizes"))
    return replace(fault, place=place)


def _warn(file: str, message: str) -> None:
    warnings.warn(str(Fault(file, "", message)), InputWarning, stacklevel=2)
