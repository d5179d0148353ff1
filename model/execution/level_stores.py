"""What storage levels hold of a tensor during a span of steps: real words, each with its address.

A level's *slots* are its contents one after the other: slot 0 is what it holds as the span begins, every further slot
what it holds from the visit of another tile on. A slot is filled from what the parent holds at that very time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .tensor_edges import Edge, TensorPath
from .walked_loops import BoolArray, IntArray, Span, Walk
from .word_counters import FaultLog
from .word_movement import NOWHERE

POISON = -987_654_321_012_345
"""The value of a word that was never delivered: it spoils every result that it gets into."""


@dataclass(frozen=True)
class Store:
    """Words by slot, instance and position in the tile: values, and addresses (:data:`NOWHERE` where none is held)."""

    values: IntArray
    addresses: IntArray

    @classmethod
    def void(cls, slots: int, instances: int, words: int) -> Store:
        """A store without any word."""
        shape = (slots, instances, words)
        return cls(np.full(shape, POISON, dtype=np.int64), np.full(shape, NOWHERE, dtype=np.int64))

    @classmethod
    def full(cls, values: IntArray) -> Store:
        """The store of DRAM: one instance, all words of the tensor."""
        shape = (1, 1, values.size)
        return cls(values.reshape(shape).copy(), np.arange(values.size, dtype=np.int64).reshape(shape))

    @property
    def held(self) -> int:
        """Most words that an instance holds at a time."""
        return int(np.count_nonzero(self.addresses != NOWHERE, axis=2).max(initial=0))


@dataclass(frozen=True)
class Contents:
    """What a level holds of a tensor during a span: its store with the tile of each slot.

    ``slot_of_pass`` begins with the pass of the span's first step; ``identities`` and ``origins`` are by slot;
    ``live``: whether slot 0 holds a tile (not before the first visit); ``visits``: passes that begin slots 1, 2, ...
    """

    store: Store
    steps_per_pass: int
    first_pass: int
    slot_of_pass: IntArray
    visits: IntArray
    identities: IntArray
    origins: IntArray
    live: bool

    @property
    def num_slots(self) -> int:
        """Slots, slot 0 included."""
        return len(self.identities)

    def slots_at(self, steps: IntArray) -> IntArray:
        """The slots that are there at some steps of the span."""
        return self.slot_of_pass[steps // self.steps_per_pass - self.first_pass]

    @property
    def last(self) -> Contents:
        """What the level holds as the span ends, as the beginning of the next one: a single slot."""
        values, addresses = self.store.values[-1:].copy(), self.store.addresses[-1:].copy()
        return Contents(
            Store(values, addresses),
            self.steps_per_pass,
            self.first_pass + len(self.slot_of_pass) - 1,
            np.zeros(1, dtype=np.int64),
            np.zeros(0, dtype=np.int64),
            self.identities[-1:],
            self.origins[-1:],
            self.live or self.num_slots > 1,
        )


def dram_contents(walk: Walk, values: IntArray) -> Contents:
    """DRAM holds all of a tensor all the time."""
    none = np.zeros(0, dtype=np.int64)
    first, origin = np.zeros(1, dtype=np.int64), np.zeros((1, len(walk.nest.dims)), dtype=np.int64)
    return Contents(Store.full(values), walk.num_steps, 0, first, none, first, origin, live=True)


def empty_contents(walk: Walk, edge: Edge) -> Contents:
    """What a level holds before the first step: nothing."""
    none, first = np.zeros(0, dtype=np.int64), np.zeros(1, dtype=np.int64)
    store = Store.void(1, edge.num_children, edge.box.words)
    origin = np.zeros((1, len(walk.nest.dims)), dtype=np.int64)
    return Contents(store, edge.steps_per_pass, 0, first, none, first - 1, origin, live=False)


def following(walk: Walk, path: TensorPath, edge: Edge, before: Contents, span: Span) -> Contents:
    """The slots of a level during a span, after what it held before; all but slot 0 are void as yet.

    A tile stays as long as the same one is wanted: a slot begins where a pass wants another than the pass before.
    """
    passes = span.passes(edge.steps_per_pass)
    identities = walk.identities(edge.child, path.dims, passes)
    comes = np.diff(identities, prepend=before.identities[-1:]) != 0
    visits = passes[comes]
    store = Store.void(len(visits) + 1, edge.num_children, edge.box.words)
    store.values[0], store.addresses[0] = before.store.values[-1], before.store.addresses[-1]
    return Contents(
        store,
        edge.steps_per_pass,
        int(passes[0]),
        np.cumsum(comes),
        visits,
        np.concatenate([before.identities[-1:], identities[comes]]),
        np.concatenate([before.origins[-1:], walk.origins(edge.child, visits)]),
        before.live,
    )


@dataclass(frozen=True)
class Lookup:
    """Where an edge's child finds its words: positions in the parent's store (flat), and the addresses wanted."""

    positions: IntArray
    wanted: IntArray


def lookup(edge: Edge, parent: Contents, slots: IntArray, origins: IntArray) -> Lookup:
    """Positions and addresses of the words of tiles with some origins, in the given slots of the parent."""
    moved = (origins - parent.origins[slots]) @ edge.position_step + slots * (edge.num_parents * edge.parent_words)
    wanted = edge.addresses[None] + (origins @ edge.address_step)[:, None, None]
    return Lookup(edge.positions[None] + moved[:, None, None], wanted)


def read(
    store: Store, found: Lookup, asked: BoolArray | None, faults: FaultLog, what: str
) -> tuple[IntArray, IntArray]:
    """Values and addresses found at positions of a store; poison and :data:`NOWHERE` where another word lies there.

    Where nothing is asked for, nothing is reported.
    """
    there = store.addresses.reshape(-1).take(found.positions, mode="clip")
    values = store.values.reshape(-1).take(found.positions, mode="clip")
    wrong = there != found.wanted
    if wrong.any():
        faults.report(what, int(np.count_nonzero(wrong if asked is None else wrong & asked)))
        values = np.where(wrong, POISON, values)
        return values, np.where(wrong, NOWHERE, found.wanted)
    return values, found.wanted
