"""What explaining a mapping asks of its cost model: a further seam beside those of :mod:`..cost_model`.

A cost model that offers this as well can be explained (``dmaze-solve explain``); one that does not is refused there and
works everywhere else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

from ..dmazerunner.factorisations import divisors
from ..loop_nest import LoopNest

MachineT = TypeVar("MachineT")
ConstraintsT = TypeVar("ConstraintsT")
MappingT = TypeVar("MappingT")

Number = int | float


@dataclass(frozen=True)
class ArrayInUse:
    """How a mapping uses an array of a machine: the PEs, or the instances of a fanout.

    ``factors`` are the spatial factors by dimension, ``bounds`` what the other arrays' factors leave of each
    dimension's bound, ``choices`` the divisors of that which the constraints allow, rising. ``limit`` is the rule that
    more instances than ``size`` break, ``threshold`` the constraint that asks for more use.
    """

    name: str
    size: int
    factors: tuple[int, ...]
    bounds: tuple[int, ...]
    choices: tuple[tuple[int, ...], ...]
    limit: str
    threshold: str

    @property
    def used(self) -> int:
        """Instances in use: the product of the factors."""
        return math.prod(self.factors)

    @property
    def counts(self) -> list[int]:
        """Every number of instances that allowed factors multiply to and that the array has, rising."""
        found = {1}
        for factors in self.choices:
            found = {count * factor for count in found for factor in factors if count * factor <= self.size}
        return sorted(found)


@dataclass(frozen=True)
class FieldChange:
    """A field of a machine or of constraints with its old and new value."""

    field: str
    old: Number
    new: Number


@dataclass(frozen=True)
class Enlarged(Generic[MachineT]):
    """A machine with more of one thing, at the same prices for each access."""

    what: str
    changes: tuple[FieldChange, ...]
    machine: MachineT


@runtime_checkable
class ExplainableModel(Protocol[MachineT, ConstraintsT, MappingT]):
    """A cost model whose mappings can be explained."""

    def arrays(
        self, nest: LoopNest, machine: MachineT, constraints: ConstraintsT, mapping: MappingT
    ) -> tuple[ArrayInUse, ...]:
        """The arrays of the machine, the outermost first, and how the mapping uses them."""
        ...

    def spread_anew(
        self, nest: LoopNest, machine: MachineT, mapping: MappingT, array: str, dim: int, factor: int
    ) -> Iterator[MappingT]:
        """The mapping with another factor of a dimension on an array, made up for by its factors at the memories.

        The ways to do that, legal or not; everything else stays as it is.
        """
        ...

    def with_least_use(self, constraints: ConstraintsT, array: str, share: float) -> ConstraintsT:
        """The constraints with a least utilisation of an array, 0..1."""
        ...

    def enlarged(self, machine: MachineT, bound_by: str | None) -> tuple[Enlarged[MachineT], ...]:
        """Machines with more of one thing each: of the arrays, the memories, and of what the term ``bound_by`` uses."""
        ...


def splits(number: int, parts: int) -> Iterator[tuple[int, ...]]:
    """All ordered ways to write a number as a product of so many factors.

    Example:
        >>> list(splits(2, 2))
        [(1, 2), (2, 1)]
    """
    if parts == 1:
        yield (number,)
        return
    for first in divisors(number):
        for rest in splits(number // first, parts - 1):
            yield (first, *rest)


def with_factor(factors: Sequence[int], dim: int, factor: int) -> tuple[int, ...]:
    """Factors of all dimensions with another one for one of them."""
    return (*factors[:dim], factor, *factors[dim + 1 :])


def row_of(size: int) -> int:
    """Instances of the shorter side of the squarest array of a size: 16 of 256, 12 of 168.

    Example:
        >>> row_of(168)
        12
    """
    return max(divisor for divisor in divisors(size) if divisor * divisor <= size)
