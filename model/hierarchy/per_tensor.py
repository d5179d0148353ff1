"""Values that may differ from tensor to tensor: a scalar, or one for each selector (``docs/hierarchies.md``)."""

from __future__ import annotations

import re
from typing import Annotated, TypeVar, cast

from pydantic import Field

from ..base import Text
from ..loop_nest import LoopNest

V = TypeVar("V")
Default = TypeVar("Default")

PerTensor = V | Annotated[dict[Text, V], Field(min_length=1)]
"""A value of all tensors, or an object of values by selector.

Selectors, the most specific first: the name of a tensor; ``output`` or ``readK`` (the K-th tensor that is read, from 1,
in the nest's order); ``read`` (any of those); ``*``. A selector that fits no tensor of a nest is ignored.
"""

RESERVED_NAMES = re.compile(r"output|read[0-9]*|\*")
"""Selectors by role, which a tensor cannot be named like."""


def per_tensor(nest: LoopNest, given: PerTensor[V] | None, default: Default) -> tuple[V | Default, ...]:
    """The values of a nest's tensors, in its order; ``default`` where no selector fits.

    Example:
        >>> from ..layers import nest_from_expressions
        >>> nest = nest_from_expressions({"M": 2}, {"A": [{"M": 1}], "B": [{"M": 1}], "C": [{"M": 1}]}, "C")
        >>> per_tensor(nest, {"read2": 1, "*": 2}, 0), per_tensor(nest, {"output": 3}, 0), per_tensor(nest, 7, 0)
        ((2, 1, 2), (0, 0, 3), (7, 7, 7))
    """
    if given is None:
        return (default,) * len(nest.tensors)
    if not isinstance(given, dict):
        return (given,) * len(nest.tensors)
    values = cast("dict[str, V]", given)
    fitting = ([values[name] for name in selectors if name in values] for selectors in _selectors(nest))
    return tuple(found[0] if found else default for found in fitting)


def _selectors(nest: LoopNest) -> list[tuple[str, ...]]:
    """For every tensor the selectors that fit it, the most specific first."""
    reads = [tensor.name for tensor in nest.tensors if not tensor.is_output]
    return [
        (tensor.name, "output", "*")
        if tensor.is_output
        else (tensor.name, f"read{reads.index(tensor.name) + 1}", "read", "*")
        for tensor in nest.tensors
    ]


def name_faults(nest: LoopNest) -> list[str]:
    """Tensors that are named like a selector, one line for each."""
    return [
        f"tensor {tensor.name!r}: expected another name than 'output', 'read', 'read1', ... or '*', which are selectors"
        for tensor in nest.tensors
        if RESERVED_NAMES.fullmatch(tensor.name)
    ]
