"""What all layer types share, and the one way in which they build a loop nest."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import model_validator

from ..base import Model, PositiveInt, Text
from ..loop_nest import MAX_MACS, AffineIndex, LoopNest, Tensor

if TYPE_CHECKING:
    from typing_extensions import Self

Index = Mapping[str, int]
"""One storage dimension's index: {dimension: coefficient}."""


def nest_from_expressions(
    bounds: Mapping[str, int],
    tensors: Mapping[str, Sequence[Index]],
    output: str,
    *,
    shapes: Mapping[str, Sequence[int]] | None = None,
    window_dims: Sequence[str] = (),
) -> LoopNest:
    """A loop nest from named dimensions and, per tensor, one {dimension: coefficient} per storage dimension.

    Dimensions in ``bounds`` that an index leaves out do not occur in it. A tensor's stored shape is what its index
    reaches at full bounds unless ``shapes`` gives it.

    Example:
        >>> nest_from_expressions({"M": 2, "N": 3, "K": 4},
        ...     {"A": [{"M": 1}, {"K": 1}], "B": [{"K": 1}, {"N": 1}], "C": [{"M": 1}, {"N": 1}]}, "C").num_macs
        24
    """
    dims, sizes = tuple(bounds), tuple(bounds.values())
    built: list[Tensor] = []
    for name, expressions in tensors.items():
        terms = [tuple(sorted((dims.index(d), a) for d, a in index.items() if a != 0)) for index in expressions]
        indices = tuple(AffineIndex(term) for term in terms)
        shape = (shapes or {}).get(name) or [index.extent(sizes) for index in indices]
        built.append(Tensor(name, indices, tuple(shape), is_output=name == output))
    return LoopNest(dims, sizes, tuple(built), frozenset(dims.index(name) for name in window_dims))


def indexed_by(*dims: str) -> list[Index]:
    """The indices of a tensor that is indexed by one dimension for each storage dimension, outermost first."""
    return [{dim: 1} for dim in dims]


class LayerBase(Model):
    """A layer: its name, how often it occurs, and how it becomes a loop nest."""

    name: Text
    """What the layer is called; no other layer of the workload has the name."""
    count: PositiveInt = 1
    """How often the layer occurs in the network; totals count it as often."""

    def bounds(self) -> dict[str, int]:
        """Loop bounds by dimension, in the nest's order."""
        raise NotImplementedError

    def loop_nest(self) -> LoopNest:
        """The loop nest that the layer is."""
        raise NotImplementedError

    def with_batch(self, batch: int, native: int) -> Self:
        """The layer at another batch size; types that have none stay as they are or refuse.

        ``native`` is the batch size of the network that the layer is from.

        Raises:
            ValueError: when the layer cannot be at another batch size.
        """
        raise NotImplementedError

    @model_validator(mode="after")
    def _fits_the_model(self) -> LayerBase:
        macs = math.prod(self.bounds().values())
        if macs > MAX_MACS:
            raise ValueError(f"expected at most 2**48 = {MAX_MACS} multiply-accumulates, got {macs}")
        return self


def times_batch(field: str, value: int, batch: int, native: int) -> int:
    """A size that holds a network's own batch, at another batch size.

    Raises:
        ValueError: naming the field, when the size cannot be divided among the native batch's samples.
    """
    if value % native:
        raise ValueError(f"{field}: expected a multiple of the network's own batch {native} to change it, got {value}")
    return value // native * batch


def no_batch(kind: str, batch: int, native: int) -> None:
    """Refuses to change the batch size of a layer type that has none.

    Raises:
        ValueError: unless the batch stays as it is.
    """
    if batch != native:
        raise ValueError(f"a {kind} has no batch; give its bounds instead")
