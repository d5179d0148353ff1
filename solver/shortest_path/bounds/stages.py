"""The stages of a sweep through a hierarchy, from the MAC outwards, and what can be pending at each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from ..space.boundaries import Boundaries, Pending
from ..space.keeping import Keeping, State


class Kind(Enum):
    """What happens at a stage."""

    LOOPS = "temporal loops of a storage level"
    STORE = "tiles of a storage level are brought"
    FANOUT = "loops unrolled over a fanout"


@dataclass(frozen=True)
class Stage:
    """A stage at a node; ``states`` lists those that labels can have there, more that is pending first."""

    kind: Kind
    node: int
    states: tuple[State, ...]


def stages(keeping: Keeping) -> tuple[Stage, ...]:
    """The stages of a machine with the states that can occur."""
    space, boundaries, found = keeping.space, keeping.boundaries, list[Stage]()
    states = set(keeping.first)
    for node in reversed(range(space.machine.num_nodes)):
        if node in space.machine.network_at:
            found.append(Stage(Kind.FANOUT, node, _more_pending_first(states)))
            states |= set(_lost(keeping, node, states))
            continue
        replaced = {boundaries.replaced(node, dim) for dim, bound in enumerate(space.nest.bounds) if bound > 1}
        states = _after_loops(keeping, node, states, replaced | _settling(boundaries, node))
        found.append(Stage(Kind.LOOPS, node, _more_pending_first(states)))
        found.append(Stage(Kind.STORE, node, _more_pending_first(states)))
        states = {after for state in states for _, after in keeping.stored(state, node)}
    return tuple(found)


def _lost(keeping: Keeping, node: int, states: Iterable[State]) -> Iterator[State]:
    """The states outside a fanout in use, where in some accountings no more is pending."""
    for state in states:
        yield from keeping.settled(state, keeping.boundaries.lost_at_fanout(node, state.pending), node)


def _settling(boundaries: Boundaries, node: int) -> set[Pending]:
    """What can settle on its own: boundaries with halo whose tiles cannot overlap any more."""
    found: set[Pending] = set()
    for place, boundary in enumerate(boundaries.listed):
        if boundary.halo:
            is_open = boundaries.open_at(boundary.tensor, node + 1) == place
            found.add(1 << boundary.tensor if is_open else boundaries.apart(place))
    return found


def _after_loops(keeping: Keeping, node: int, states: set[State], replaced: set[Pending]) -> set[State]:
    """The states after any loops, each of which replaces some tiles."""
    found, new = set(states), list(states)
    while new:
        state = new.pop()
        for tiles in replaced:
            if state.pending & tiles:
                after = set(keeping.settled(state, state.pending & tiles, node)) - found
                found |= after
                new += after
    return found


def _more_pending_first(states: Iterable[State]) -> tuple[State, ...]:
    return tuple(sorted(states, key=lambda state: (-state.pending.bit_count(), state)))
