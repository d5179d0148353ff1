"""The output: partial sums accumulated by the MACs, written back level by level, read back and accumulated further."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .level_stores import POISON, Lookup, dram_contents, empty_contents, following, lookup, read
from .pass_times import PassTimes
from .tensor_edges import Edge, TensorPath
from .visit_rounds import Rounds, rounds_of
from .walked_loops import BoolArray, IntArray, Span, Walk
from .word_counters import Counters, FaultLog
from .word_movement import NOWHERE, count_down, distinct, receivers, senders, sent_up


@dataclass(frozen=True)
class _Sums:
    """What the MACs send to the innermost level in a span: by step, parent and word; ``first``: nothing was there."""

    values: IntArray
    addresses: IntArray
    positions: IntArray
    first: BoolArray


class OutputWalk:
    """The output on its way between DRAM and the MACs; keeps what every level holds from span to span.

    Within a span, visits of tiles that share no word are walked together, whatever their order; visits of the same
    tile one after the other (see :mod:`.visit_rounds`).
    """

    def __init__(self, walk: Walk, path: TensorPath, counters: Counters, times: PassTimes, faults: FaultLog) -> None:
        self._walk, self._path = walk, path
        self._counters, self._times, self._faults = counters, times, faults
        fresh = 0 if path.overlaps else POISON
        dram = dram_contents(walk, np.full(path.num_words, fresh, dtype=np.int64))
        self._contents = [dram, *(empty_contents(walk, edge) for edge in path.edges[:-1])]
        self._seen = [np.zeros(walk.num_identities(edge.child, path.dims), dtype=np.bool_) for edge in path.edges]
        self._senders = [senders(edge) for edge in path.edges]
        self._receives = [receivers(edge) for edge in path.edges]
        self._parents: list[IntArray] = []
        self._came_before: list[BoolArray] = []
        self.tensor = path.tensor
        self.held: dict[int, int] = {edge.child: 0 for edge in path.edges[:-1]}

    @property
    def values(self) -> IntArray:
        """The output as DRAM holds it, one value for every word."""
        return self._contents[0].store.values.reshape(-1)

    def accumulate(self, span: Span, products: IntArray) -> None:
        """Accumulate the products of a span, by step and MAC."""
        contents = self._contents[:1]
        self._parents, self._came_before = [], []
        for level, edge in enumerate(self._path.edges[:-1]):
            here = following(self._walk, self._path, edge, self._contents[level + 1].last, span)
            starts = contents[-1].slots_at(here.visits * edge.steps_per_pass)
            self._parents.append(np.concatenate([np.zeros(1, dtype=np.int64), starts]))
            self._came_before.append(self._seen_before(level, here.identities))
            contents.append(here)
        self._contents = contents
        rounds = rounds_of(self._walk, self._path, contents, self._parents, span)
        self._visit(rounds, self._sums(span, products), 0, 0)
        for edge, here in zip(self._path.edges, contents[1:], strict=False):
            self.held[edge.child] = max(self.held[edge.child], here.store.held)

    def finish(self) -> None:
        """Write everything back that is still held, the innermost level first."""
        for level in reversed(range(len(self._path.edges) - 1)):
            self._write_back(level, np.array([self._contents[level + 1].num_slots - 1], dtype=np.int64))

    def _seen_before(self, level: int, identities: IntArray) -> BoolArray:
        """For every slot or step whether its words were visited before: they have partial sums, to be read back.

        Words of overlapping tiles are always read back, zeros at first.
        """
        before = np.ones(len(identities), dtype=np.bool_)
        if not self._path.overlaps:
            known, first = np.unique(identities, return_index=True)
            before[first] = self._seen[level][known]
            self._seen[level][known[known >= 0]] = True
        return before

    def _visit(self, rounds: Rounds, sums: _Sums, level: int, code: int) -> None:
        """Walk what happens within visits of a level, whose tiles are there."""
        if level == len(self._path.edges) - 1:
            self._add_up(sums, rounds.steps(code))
            return
        last = self._contents[level + 1].num_slots - 1
        for inner, slots in rounds.within(level, code):
            self._bring_in(level, slots[slots > 0])
            self._visit(rounds, sums, level + 1, inner)
            self._write_back(level, slots[slots < last])

    def _bring_in(self, level: int, slots: IntArray) -> None:
        """Begin visits: with the parent's partial sums, at one of the instances that add up; with zeros elsewhere."""
        if not slots.size:
            return
        edge, here, found = self._path.edges[level], self._contents[level + 1].store, self._lookup(level, slots)
        here.values[slots], here.addresses[slots] = 0, found.wanted
        again = self._came_before[level][slots]
        if not again.any():
            return
        asked = again[:, None, None] & self._receives[level]
        what = f"{edge.child_name}: {edge.tensor_name} read back from {edge.parent_name}, which does not hold it"
        values, addresses = read(self._contents[level].store, found, asked, self._faults, what)
        here.values[slots] = np.where(asked, values, 0)
        here.addresses[slots] = np.where(asked, addresses, found.wanted)
        words = count_down(self._counters, edge, np.where(asked, found.wanted, NOWHERE))
        self._counters.levels[edge.child, edge.tensor].transfers[:] += np.count_nonzero(words.child)
        self._times.moved_in(edge, self._contents[level + 1].visits[slots - 1], words)

    def _write_back(self, level: int, slots: IntArray) -> None:
        """End visits: partial sums go up, are added to those of other instances and replace what the parent holds."""
        if not slots.size:
            return
        edge, here, parent = self._path.edges[level], self._contents[level + 1].store, self._contents[level].store
        sent = here.addresses[slots]
        self._counters.levels[edge.child, edge.tensor].drain[:] += np.count_nonzero(sent != NOWHERE, axis=(0, 2))
        values, addresses, words = sent_up(self._counters, self._faults, edge, here.values[slots], sent)
        self._counters.levels[edge.child, edge.tensor].transfers[:] += np.count_nonzero(words.child)
        ends = np.append(self._contents[level + 1].visits, self._walk.num_steps // edge.steps_per_pass) - 1
        self._times.moved_out(edge, ends[slots], words)
        positions = self._lookup(level, slots).positions.reshape(len(slots), -1)[:, self._senders[level]]
        self._check(parent.addresses.reshape(-1), positions, addresses, edge)
        parent.values.reshape(-1)[positions] = values

    def _sums(self, span: Span, products: IntArray) -> _Sums:
        """Send the products of a span up from the MACs, and the sums that are there already down to them."""
        edge, steps, level = self._path.edges[-1], span.steps, len(self._path.edges) - 1
        parent = self._contents[level]
        found = lookup(edge, parent, parent.slots_at(steps), self._walk.origins(edge.child, steps))
        again = self._seen_before(level, self._walk.identities(edge.child, self._path.dims, steps))
        asked = again[:, None, None] & self._receives[level]
        count_down(self._counters, edge, np.where(asked, found.wanted, NOWHERE))
        values, addresses, words = sent_up(self._counters, self._faults, edge, products[:, :, None], found.wanted)
        self._times.at_macs(edge, words, span)
        positions = found.positions.reshape(len(steps), -1)[:, self._senders[level]]
        return _Sums(values, addresses, positions, ~again)

    def _add_up(self, sums: _Sums, steps: IntArray) -> None:
        """Accumulate in the innermost level; a word's first sum replaces what lies there."""
        edge, store = self._path.edges[-1], self._contents[-1].store
        positions = sums.positions[steps]
        self._check(store.addresses.reshape(-1), positions, sums.addresses[steps], edge)
        values = store.values.reshape(-1)
        values[positions[sums.first[steps]]] = 0
        np.add.at(values, positions, sums.values[steps])

    def _lookup(self, level: int, slots: IntArray) -> Lookup:
        here, parent = self._contents[level + 1], self._contents[level]
        return lookup(self._path.edges[level], parent, self._parents[level][slots], here.origins[slots])

    def _check(self, held: IntArray, positions: IntArray, addresses: IntArray, edge: Edge) -> None:
        """Sums go only where their words are held, and from one place each."""
        what = f"{edge.child_name}: {edge.tensor_name} written back to {edge.parent_name}"
        wrong = int(np.count_nonzero(held.take(positions, mode="clip") != addresses))
        self._faults.report(f"{what}, which holds another word there", wrong)
        repeated = addresses.shape[-1] - distinct(addresses)
        self._faults.report(f"{what} from two instances at a time", int(repeated.sum()))
