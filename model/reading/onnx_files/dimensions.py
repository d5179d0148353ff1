"""Gives the symbolic dimensions of a model's inputs their sizes: the batch, and whatever else a user names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...faults import Fault, InputError, listed, suggestion
from .rebatching import rebatch

if TYPE_CHECKING:
    from onnx import TensorShapeProto

    from .reading import OnnxModel

BATCH_IF_LEADING = r"[NnBb]|bs|[su]\d+|unk__\d+|\w*dynamic_axes_\d+|\?|None|-1"
"""Short names for a batch, and names that exporters give to dimensions that nobody named."""


@dataclass(frozen=True)
class Sizes:
    """The batch size of a network, and the sizes that its symbolic dimensions have, by name."""

    batch: int
    dims: dict[str, int]


@dataclass(frozen=True)
class _Axis:
    """A dimension of an input; ``symbol`` is ``None`` where its size is fixed.

    ``name`` is what its size goes by: the symbol, or that of its own where a user gives it one.
    """

    input: str
    position: int
    symbol: str | None
    name: str | None
    size: int


def set_sizes(model: OnnxModel, batch: int | None, dims: Mapping[str, int], file: str) -> Sizes:
    """Put sizes in place of the symbolic dimensions of a model's inputs, in the model itself.

    The batch is every symbolic dimension whose name says so, and every leading one that has no telling name; it is 1
    unless given. A dimension goes by its name, or by that of its input and its position, such as ``image.0``, where it
    has none or is to be told apart from others of that name. A fixed batch is changed where that leaves the graph
    consistent.

    Raises:
        InputError: one fault for each dimension that needs a size, and each name that no dimension has.
    """
    axes = _axes(model, dims)
    of_batch = _names_of_batch(axes)
    by_name: dict[str, list[_Axis]] = {}
    for axis in axes:
        if axis.name is not None:
            by_name.setdefault(axis.name, []).append(axis)
    named = list(by_name)
    sizes = dict.fromkeys(of_batch, batch or 1) | {name: dims[name] for name in named if name in dims}
    faults = [Fault(file, f"dims.{name}", _why_unknown(name, axes, named)) for name in dims if name not in by_name]
    if batch is not None:
        faults += [Fault(file, f"dims.{name}", "expected once; this is the batch") for name in of_batch if name in dims]
    faults += listed(_missing(by_name[name], file) for name in named if _size(name, sizes) is None)
    if faults:
        raise InputError(faults)
    known = {name: size for name in named if (size := _size(name, sizes)) is not None}
    _write(model, axes, known)
    if of_batch:
        return Sizes(known[of_batch[0]], known)
    leading = next((axis for axis in axes if axis.position == 0), None)
    native = leading.size if leading is not None and leading.symbol is None else None
    if batch is not None and native is None:
        raise InputError.single(file, "batch", f"no input has a batch dimension; {suggestion('batch', named)}")
    if batch is not None and native is not None and batch != native:
        rebatch(model, native, batch, file)
    return Sizes(batch or native or 1, known)


def _axes(model: OnnxModel, dims: Mapping[str, int]) -> list[_Axis]:
    """The dimensions of all inputs that the network is fed with, in their order."""
    axes: list[_Axis] = []
    for owner, shape in _shapes(model):
        for position, dim in enumerate(shape.dim):
            own = f"{owner}.{position}"
            symbol = None if dim.dim_value > 0 else dim.dim_param or own
            axes.append(_Axis(owner, position, symbol, own if own in dims and symbol else symbol, dim.dim_value))
    return axes


def _shapes(model: OnnxModel) -> list[tuple[str, TensorShapeProto]]:
    names = frozenset(model.fed)
    fed = [value for value in model.proto.graph.input if value.name in names]
    return [(value.name, value.type.tensor_type.shape) for value in fed if value.type.HasField("tensor_type")]


def _why_unknown(name: str, axes: Sequence[_Axis], named: Sequence[str]) -> str:
    """What to say of a size for which there is no dimension."""
    fixed = next((axis for axis in axes if axis.symbol is None and name == f"{axis.input}.{axis.position}"), None)
    if fixed is not None:
        return f"expected none, for the model fixes this dimension at {fixed.size}"
    if any(axis.symbol == name for axis in axes):
        return "expected none, for all dimensions of this name have sizes of their own"
    return f"no input has a dimension of this name; {suggestion(name, named)}"


def _names_of_batch(axes: Sequence[_Axis]) -> list[str]:
    """The symbolic dimensions that are the batch, the first input's first."""
    found = (axis.name for axis in axes if axis.symbol is not None and _is_batch(axis, axis.symbol))
    return list(dict.fromkeys(name for name in found if name is not None))


def _is_batch(axis: _Axis, name: str) -> bool:
    """Whether a dimension's name says batch, or may mean it and the dimension is the leading one of its input."""
    if re.fullmatch(r"\w*batch\w*", name, re.IGNORECASE):
        return True
    return axis.position == 0 and (name == f"{axis.input}.0" or re.fullmatch(BATCH_IF_LEADING, name) is not None)


def _size(name: str, sizes: Mapping[str, int]) -> int | None:
    """The size of a dimension; exporters write sums such as ``past + 1`` as names."""
    if name in sizes:
        return sizes[name]
    terms = [term.strip() for term in name.split("+")]
    values = [sizes[term] if term in sizes else int(term) if term.isdecimal() else None for term in terms]
    known = [value for value in values if value is not None]
    return sum(known) if len(terms) > 1 and len(known) == len(terms) else None


def _missing(axes: Sequence[_Axis], file: str) -> Fault:
    """The fault of a name without a size; where one input has it twice, how to tell its dimensions apart."""
    axis = axes[0]
    given = f'give it with --dim \'{axis.name}=N\', or in a spec with "dims": {{"{axis.name}": N}} beside the network'
    if len(axes) > len({each.input for each in axes}):
        given += f"; --dim '{axis.input}.{axis.position}=N' gives this one its own"
    return Fault(file, f"input {axis.input}", f"dimension {axis.position}, {axis.name}, has no size; {given}")


def _write(model: OnnxModel, axes: Sequence[_Axis], sizes: Mapping[str, int]) -> None:
    shapes = dict(_shapes(model))
    for axis in axes:
        if axis.name is not None:
            shapes[axis.input].dim[axis.position].dim_value = sizes[axis.name]
    told_apart = {axis.symbol for axis in axes if axis.name != axis.symbol}
    for type_ in model.declared.values():
        for dim in type_.tensor_type.shape.dim:
            if dim.dim_param in sizes and dim.dim_param not in told_apart:
                dim.dim_value = sizes[dim.dim_param]
