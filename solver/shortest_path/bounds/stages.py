"""The stages of a sweep through a hierarchy, from the MAC outwards, and what can be pending at each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from ..space.boundaries import Boundaries, Pending


class Kind(Enum):
    """What happens at a stage."""

    LOOPS = "temporal loops of a storage level"
    STORE = "tiles of a storage level are brought"
    FANOUT = "loops unrolled over a fanout"


@dataclass(frozen=True)
class Stage:
    """A stage at a node; ``pending`` lists the sets that labels can have there, larger ones first."""

    kind: Kind
    node: int
    pending: tuple[Pending, ...]


def members(pending: Pending) -> list[int]:
    """The bits of a set.

    Example:
        >>> members(0b101)
        [0, 2]
    """
    return [bit for bit in range(pending.bit_length()) if pending >> bit & 1]


def stages(boundaries: Boundaries) -> tuple[Stage, ...]:
    """The stages of a machine with the sets of what is pending that can occur."""
    space, found = boundaries.prices.space, list[Stage]()
    pending: set[Pending] = {0}
    for node in reversed(range(space.machine.num_nodes)):
        if node in space.machine.network_at:
            found.append(Stage(Kind.FANOUT, node, _larger_first(pending)))
            pending |= {held & ~boundaries.lost_at_fanout(node, held) for held in pending}
            continue
        replaced = {boundaries.replaced(node, dim) for dim, bound in enumerate(space.nest.bounds) if bound > 1}
        pending = _after_loops(pending, replaced | _settling(boundaries, node))
        found.append(Stage(Kind.LOOPS, node, _larger_first(pending)))
        found.append(Stage(Kind.STORE, node, _larger_first(pending)))
        pending = {boundaries.brought(node, held) for held in pending}
    return tuple(found)


def _settling(boundaries: Boundaries, node: int) -> set[Pending]:
    """What can settle on its own: boundaries with halo whose tiles cannot overlap any more."""
    found: set[Pending] = set()
    for place, boundary in enumerate(boundaries.listed):
        if boundary.halo:
            is_open = boundaries.open_at(boundary.tensor, node + 1) == place
            found.add(1 << boundary.tensor if is_open else boundaries.apart(place))
    return found


def _after_loops(pending: set[Pending], replaced: set[Pending]) -> set[Pending]:
    """The sets that are left after any loops, each of which replaces some tiles."""
    found, new = set(pending), list(pending)
    while new:
        held = new.pop()
        for tiles in replaced:
            left = held & ~tiles
            if left not in found:
                found.add(left)
                new.append(left)
    return found


def _larger_first(pending: Collection[Pending]) -> tuple[Pending, ...]:
    return tuple(sorted(pending, key=lambda held: (-held.bit_count(), held)))
