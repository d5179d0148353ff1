"""From the steps of a label to the mapping that it stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....model.hierarchy.level_mapping import LevelMapping
from ..space.keeping import Given, Row
from ..space.map_space import MapSpace
from ..space.tile_vectors import Axis


@dataclass(frozen=True)
class Step:
    """A prime of a dimension at a node, or a power of it, of a loop or of what is unrolled; or what a level keeps."""

    node: int
    axis: Axis | None = None
    kept: Row = ()
    power: int = 1


def mapping_of(space: MapSpace, given: Given, steps: Sequence[Step]) -> LevelMapping:
    """The mapping of steps from the inside outwards.

    A dimension that has several runs of steps at one level becomes one loop where the innermost of them stands: that
    costs no more, since what stays over the inner run stays over the others.
    """
    dims, machine = range(len(space.nest.dims)), space.machine
    factors = [[1 for _ in dims] for _ in range(machine.num_nodes)]
    inside: list[list[int]] = [[] for _ in range(machine.num_nodes)]
    kept = [tuple(keeps is True for keeps in row) for row in given]
    for step in steps:
        if step.axis is None:
            kept[step.node] = step.kept
            continue
        factors[step.node][step.axis.dim] *= step.axis.prime**step.power
        if step.axis.dim not in inside[step.node]:
            inside[step.node].append(step.axis.dim)
    orders = tuple(
        (*(dim for dim in dims if dim not in inside[node]), *reversed(inside[node])) if node in machine.level_at else ()
        for node in range(machine.num_nodes)
    )
    return LevelMapping(tuple(tuple(row) for row in factors), orders, tuple(kept))
