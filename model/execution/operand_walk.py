"""Tensors that are read, moved level by level down to the multiply-accumulate units."""

from __future__ import annotations

import numpy as np

from .level_stores import Contents, Store, dram_contents, empty_contents, following, lookup, read
from .pass_times import PassTimes
from .tensor_edges import Edge, TensorPath
from .walked_loops import BoolArray, IntArray, Span, Walk
from .word_counters import Counters, FaultLog
from .word_movement import NOWHERE, count_down


class OperandWalk:
    """One tensor that is read, on its way from DRAM to the MACs; keeps what every level holds from span to span."""

    def __init__(
        self, walk: Walk, path: TensorPath, values: IntArray, counters: Counters, times: PassTimes, faults: FaultLog
    ) -> None:
        self._walk, self._path = walk, path
        self._counters, self._times, self._faults = counters, times, faults
        self._dram = dram_contents(walk, values)
        self._held = [empty_contents(walk, edge) for edge in path.edges[:-1]]
        self.tensor = path.tensor
        self.held: dict[int, int] = {edge.child: 0 for edge in path.edges[:-1]}

    def delivered(self, span: Span) -> IntArray:
        """The values that the MACs get: by step of the span and instance."""
        parent = self._dram
        for position, edge in enumerate(self._path.edges[:-1]):
            contents = following(self._walk, self._path, edge, self._held[position], span)
            if contents.num_slots > 1:
                self._move_in(edge, parent, contents)
            self._held[position] = contents.last
            self.held[edge.child] = max(self.held[edge.child], contents.store.held)
            parent = contents
        return self._at_macs(self._path.edges[-1], parent, span)

    def _move_in(self, edge: Edge, parent: Contents, contents: Contents) -> None:
        """Fill all slots but the first from what the parent holds at the time of each visit."""
        visits = contents.visits * edge.steps_per_pass
        found = lookup(edge, parent, parent.slots_at(visits), contents.origins[1:])
        store = contents.store
        store.addresses[1:] = found.wanted
        there = _still_there(edge, contents) if edge.halo else None
        moved = found.wanted if there is None else np.where(there[1:] < 0, found.wanted, NOWHERE)
        what = f"{edge.child_name}: {edge.tensor_name} fetched from {edge.parent_name}, which does not hold it"
        asked = None if there is None else there[1:] < 0
        store.values[1:], store.addresses[1:] = read(parent.store, found, asked, self._faults, what)
        if there is not None:
            _stay(store, there)
        words = count_down(self._counters, edge, moved)
        self._counters.levels[edge.child, edge.tensor].transfers[:] += np.count_nonzero(words.child)
        self._times.moved_in(edge, contents.visits, words)

    def _at_macs(self, edge: Edge, parent: Contents, span: Span) -> IntArray:
        """Every MAC gets its operand anew in every step."""
        steps = span.steps
        found = lookup(edge, parent, parent.slots_at(steps), self._walk.origins(edge.child, steps))
        what = f"{edge.child_name}: {edge.tensor_name} read from {edge.parent_name}, which does not hold it"
        values, _ = read(parent.store, found, None, self._faults, what)
        self._times.at_macs(edge, count_down(self._counters, edge, found.wanted), span)
        return values[:, :, 0]


def _still_there(edge: Edge, contents: Contents) -> IntArray:
    """For every slot and word the flat position of the same word in the slot before, or -1 where it is not there.

    The word is looked for where the tile's move puts it, and is there if its address is found.
    """
    box, addresses = edge.box, contents.store.addresses
    shift = np.diff(contents.origins, axis=0) @ box.coefficients.T
    before = box.grid[None] + shift[:, None, :]
    inside: BoolArray = np.all((before >= 0) & (before < np.array(box.extents)), axis=2)
    position = np.where(inside, before @ box.pitches, 0)
    instances = np.arange(edge.num_children)[:, None] * box.words
    slots = np.arange(len(shift))[:, None, None] * (edge.num_children * box.words)
    flat = slots + instances[None] + position[:, None, :]
    same = addresses.reshape(-1).take(flat) == addresses[1:]
    found = np.where(same & inside[:, None, :], flat, -1)
    return np.concatenate([np.full((1, *found.shape[1:]), -1, dtype=np.int64), found])


def _stay(store: Store, there: IntArray) -> None:
    """Let words that are still there have the value that the slot before has, and so on back to where they came in."""
    own = np.arange(there.size, dtype=np.int64).reshape(there.shape)
    source = np.where(there < 0, own, there)
    while True:
        earlier = source.reshape(-1).take(source)
        if np.array_equal(earlier, source):
            break
        source = earlier
    store.values[:] = store.values.reshape(-1).take(source)
    store.addresses[:] = store.addresses.reshape(-1).take(source)
