"""Mappings of one nest onto one machine as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...loop_nest import LoopNest
from ..level_mapping import LevelMapping
from ..resolved_machine import ResolvedMachine

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class MappingArrays:
    """Well-formed, legal mappings, one a row: :class:`..level_mapping.LevelMapping` as arrays.

    ``factors[row, node, dim]``; ``orders[row, level, position]``: all dimensions, the outermost first;
    ``kept[row, level, tensor]``. Levels are those of the machine, the outermost first.
    """

    factors: Ints
    orders: Ints
    kept: Mask

    @property
    def size(self) -> int:
        """Number of mappings."""
        return len(self.factors)

    def rows(self, start: int, stop: int) -> MappingArrays:
        """The mappings of a range."""
        return MappingArrays(self.factors[start:stop], self.orders[start:stop], self.kept[start:stop])

    def pieces(self, size: int) -> Iterator[MappingArrays]:
        """All mappings in pieces of at most a size; one empty piece where there are none."""
        return (self.rows(start, start + size) for start in range(0, max(self.size, 1), size))

    def shape_faults(self, nest: LoopNest, machine: ResolvedMachine) -> list[str]:
        """What is wrong with the arrays' shapes, one line for each."""
        levels, dims = len(machine.levels), len(nest.dims)
        expected = {
            "factors": (self.factors.shape, (self.size, machine.num_nodes, dims)),
            "orders": (self.orders.shape, (self.size, levels, dims)),
            "kept": (self.kept.shape, (self.size, levels, len(nest.tensors))),
        }
        return [
            f"{name}: expected an array of shape {right}, got {shape}"
            for name, (shape, right) in expected.items()
            if shape != right
        ]


def mapping_arrays(nest: LoopNest, machine: ResolvedMachine, mappings: Sequence[LevelMapping]) -> MappingArrays:
    """The arrays of some mappings, in their order."""
    nodes, dims = [level.node for level in machine.levels], len(nest.dims)
    shape, number = (len(mappings), len(nodes)), len(mappings)
    factors = [mapping.factors for mapping in mappings]
    orders = [[mapping.orders[node] for node in nodes] for mapping in mappings]
    kept = [[mapping.kept[node] for node in nodes] for mapping in mappings]
    return MappingArrays(
        np.array(factors, dtype=np.int64).reshape(number, machine.num_nodes, dims),
        np.array(orders, dtype=np.int64).reshape(*shape, dims),
        np.array(kept, dtype=np.bool_).reshape(*shape, len(nest.tensors)),
    )


def level_mappings(nest: LoopNest, machine: ResolvedMachine, arrays: MappingArrays) -> list[LevelMapping]:
    """The mappings of some arrays, in their order."""
    nothing: tuple[bool, ...] = (False,) * len(nest.tensors)
    place = {level.node: position for position, level in enumerate(machine.levels)}
    found: list[LevelMapping] = []
    for factors, orders, kept in zip(
        arrays.factors.tolist(), arrays.orders.tolist(), arrays.kept.tolist(), strict=True
    ):
        found.append(
            LevelMapping(
                factors=tuple(tuple(row) for row in factors),
                orders=tuple(tuple(orders[place[n]]) if n in place else () for n in range(machine.num_nodes)),
                kept=tuple(tuple(kept[place[n]]) if n in place else nothing for n in range(machine.num_nodes)),
            )
        )
    return found
