"""The output: partial sums accumulated by the MACs, written back level by level, read back and accumulated further."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .level_stores import POISON, dram_contents, empty_contents, following, lookup, read
from .pass_times import PassTimes
from .tensor_edges import TensorPath
from .visit_rounds import Rounds, rounds_of
from .walked_loops import BoolArray, IntArray, Span, Walk
from .word_counters import Counters, FaultLog
from .word_movement import NOWHERE, added_up, contributions, count_down, count_up, distinct, receivers


@dataclass(frozen=True)
class _Leg:
    """How the words of a level's slots move between the level and its parent, by slot.

    ``positions``: of all words in the parent's store; ``returns``: whether an instance's word is read back;
    ``lost``: words that are not there when they are read back; ``arrives``: positions where partial sums are written.
    """

    positions: IntArray
    returns: BoolArray
    lost: BoolArray
    arrives: IntArray


@dataclass(frozen=True)
class _Sums:
    """What the MACs send to the innermost level in a span: values and positions by step and word.

    ``first``: whether nothing was there before.
    """

    values: IntArray
    positions: IntArray
    first: BoolArray


class OutputWalk:
    """The output on its way between DRAM and the MACs; keeps what every level holds from span to span.

    In every span first all addresses are found, checked and counted, then the values move. Visits of tiles that share
    no word are walked together, whatever their order; visits of the same tile one after the other (see
    :mod:`.visit_rounds`).
    """

    def __init__(self, walk: Walk, path: TensorPath, counters: Counters, times: PassTimes, faults: FaultLog) -> None:
        self._walk, self._path = walk, path
        self._counters, self._times, self._faults = counters, times, faults
        fresh = 0 if path.overlaps else POISON
        dram = dram_contents(walk, np.full(path.num_words, fresh, dtype=np.int64))
        self._contents = [dram, *(empty_contents(walk, edge) for edge in path.edges[:-1])]
        self._seen = [np.zeros(walk.num_identities(edge.child, path.dims), dtype=np.bool_) for edge in path.edges]
        self._contributions = [contributions(edge) for edge in path.edges]
        self._receives = [receivers(edge) for edge in path.edges]
        self._legs: list[_Leg] = []
        self.tensor = path.tensor
        self.held: dict[int, int] = {edge.child: 0 for edge in path.edges[:-1]}

    @property
    def values(self) -> IntArray:
        """The output as DRAM holds it, one value for every word."""
        return self._contents[0].store.values.reshape(-1)

    def accumulate(self, span: Span, products: IntArray) -> None:
        """Accumulate the products of a span, by step and MAC."""
        before, parents = self._contents, list[IntArray]()
        self._contents, self._legs = before[:1], []
        for level, edge in enumerate(self._path.edges[:-1]):
            here = following(self._walk, self._path, edge, before[level + 1].last, span)
            starts = self._contents[-1].slots_at(here.visits * edge.steps_per_pass)
            parents.append(np.concatenate([np.zeros(1, dtype=np.int64), starts]))
            self._contents.append(here)
            self._legs.append(self._leg(level, parents[-1]))
            self._count_up(level, np.arange(0 if here.live else 1, here.num_slots - 1))
            self.held[edge.child] = max(self.held[edge.child], here.store.held)
        rounds = rounds_of(self._walk, self._path, self._contents, parents, span)
        self._visit(rounds, self._sums(span, products), 0, 0)

    def finish(self) -> None:
        """Write everything back that is still held, the innermost level first."""
        for level in reversed(range(len(self._path.edges) - 1)):
            last = np.array([self._contents[level + 1].num_slots - 1], dtype=np.int64)
            self._count_up(level, last)
            self._write_back(level, last)

    def _leg(self, level: int, parents: IntArray) -> _Leg:
        """The addresses of a level's slots given to its store; partial sums that come back counted."""
        edge, here, outer = self._path.edges[level], self._contents[level + 1], self._contents[level]
        found = lookup(edge, outer, parents, here.origins)
        here.store.addresses[1:] = found.wanted[1:]
        again = self._seen_before(level, here.identities)[:, None, None] & self._receives[level]
        again[0] = False
        what = f"{edge.child_name}: {edge.tensor_name} read back from {edge.parent_name}, which does not hold it"
        _, addresses = read(outer.store, found, again, self._faults, what)
        lost = again & (addresses == NOWHERE)
        here.store.addresses[lost] = NOWHERE
        if here.visits.size:
            words = count_down(self._counters, edge, np.where(again, found.wanted, NOWHERE)[1:])
            self._counters.levels[edge.child, edge.tensor].transfers[:] += np.count_nonzero(words.child)
            self._times.moved_in(edge, here.visits, words)
        arrives = found.positions.reshape(here.num_slots, -1)[:, self._contributions[level][0]]
        return _Leg(found.positions, again, lost, arrives)

    def _count_up(self, level: int, slots: IntArray) -> None:
        """Count and check what is written back as visits end."""
        if not slots.size:
            return
        edge, here, leg = self._path.edges[level], self._contents[level + 1], self._legs[level]
        sent = here.store.addresses[slots]
        self._counters.levels[edge.child, edge.tensor].drain[:] += np.count_nonzero(sent != NOWHERE, axis=(0, 2))
        addresses, words = count_up(self._counters, self._faults, edge, sent)
        self._counters.levels[edge.child, edge.tensor].transfers[:] += np.count_nonzero(words.child)
        ends = np.append(here.visits, self._walk.num_steps // edge.steps_per_pass) - 1
        self._times.moved_out(edge, ends[slots], words)
        self._check(level, leg.arrives[slots], addresses)

    def _sums(self, span: Span, products: IntArray) -> _Sums:
        """Send the products of a span up from the MACs, and the sums that are there already down to them."""
        edge, steps, level = self._path.edges[-1], span.steps, len(self._path.edges) - 1
        parent, table = self._contents[level], self._contributions[level]
        found = lookup(edge, parent, parent.slots_at(steps), self._walk.origins(edge.child, steps))
        again = self._seen_before(level, self._walk.identities(edge.child, self._path.dims, steps))
        returns = again[:, None, None] & self._receives[level]
        count_down(self._counters, edge, np.where(returns, found.wanted, NOWHERE))
        addresses, words = count_up(self._counters, self._faults, edge, found.wanted)
        self._times.at_macs(edge, words, span)
        positions = found.positions.reshape(len(steps), -1)[:, table[0]]
        self._check(level, positions, addresses)
        return _Sums(added_up(table, products), positions, ~again)

    def _check(self, level: int, positions: IntArray, addresses: IntArray) -> None:
        """Sums go only where their words are held, and from one place each."""
        edge, held = self._path.edges[level], self._contents[level].store.addresses.reshape(-1)
        what = f"{edge.child_name}: {edge.tensor_name} written back to {edge.parent_name}"
        wrong = held.take(positions, mode="clip") != addresses.reshape(positions.shape)
        self._faults.report(f"{what}, which holds another word there", int(np.count_nonzero(wrong)))
        repeated = addresses.shape[-1] - distinct(addresses)
        self._faults.report(f"{what} from two instances at a time", int(repeated.sum()))

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
        leg, here, parent = self._legs[level], self._contents[level + 1].store, self._contents[level].store
        values = parent.values.reshape(-1).take(leg.positions[slots], mode="clip")
        here.values[slots] = np.where(leg.returns[slots], values, 0)
        if leg.lost.any():
            here.values[leg.lost] = POISON

    def _write_back(self, level: int, slots: IntArray) -> None:
        """End visits: partial sums go up, are added to those of other instances and replace what the parent holds."""
        if not slots.size:
            return
        here, parent = self._contents[level + 1].store, self._contents[level].store
        sums = added_up(self._contributions[level], here.values[slots])
        parent.values.reshape(-1)[self._legs[level].arrives[slots]] = sums

    def _add_up(self, sums: _Sums, steps: IntArray) -> None:
        """Accumulate in the innermost level; a word's first sum replaces what lies there."""
        values, positions = self._contents[-1].store.values.reshape(-1), sums.positions[steps]
        values[positions[sums.first[steps]]] = 0
        np.add.at(values, positions, sums.values[steps])
