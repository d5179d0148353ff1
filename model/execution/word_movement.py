"""Words on their way between a parent and its children: shared on the way down, added up on the way back.

Arrays of words are by visit, instance of the child and word of its tile; an address of :data:`NOWHERE` is no word.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .tensor_edges import Edge, Stage
from .walked_loops import BoolArray, IntArray
from .word_counters import Counters, FaultLog

NOWHERE = -1
"""Stands for an address where no word is held or moved."""


def distinct(addresses: IntArray) -> IntArray:
    """How many different words there are along the last axis."""
    ordered = np.sort(addresses, axis=-1)
    first = ordered[..., :1] != NOWHERE
    others = (ordered[..., 1:] != ordered[..., :-1]) & (ordered[..., 1:] != NOWHERE)
    return np.count_nonzero(first, axis=-1) + np.count_nonzero(others, axis=-1)


@dataclass(frozen=True)
class MovedWords:
    """Words that move at the instances 0 of an edge's ends and at the roots 0 of its fanouts, by visit."""

    parent: IntArray
    child: IntArray
    roots: tuple[IntArray, ...]


def words_entering(edge: Edge, moved: IntArray, inner: int) -> IntArray:
    """Words on their way down that enter the stages of an edge from the ``inner``-th on: by visit and root.

    Under a multicast a word that several instances need enters once; without one, every instance's copy does.
    """
    inside = edge.stages[inner:]
    words = moved.reshape(len(moved), edge.num_roots(inner), *(stage.size for stage in inside), -1)
    shared = [axis for axis, stage in enumerate(inside, start=2) if stage.multicast and stage.size > 1]
    if not shared:
        return np.count_nonzero(words != NOWHERE, axis=tuple(range(2, words.ndim)))
    copied = [axis for axis in range(2, words.ndim - 1) if axis not in shared]
    table = words.transpose(0, 1, *copied, *shared, words.ndim - 1)
    table = table.reshape(*table.shape[: 2 + len(copied)], -1)
    return distinct(table).sum(axis=tuple(range(2, table.ndim - 1)))


def count_down(counters: Counters, edge: Edge, moved: IntArray) -> MovedWords:
    """Count words on their way down an edge: served by the parent, passing the fanouts, filled into the child."""
    entering = [words_entering(edge, moved, inner) for inner in range(len(edge.stages) + 1)]
    totals = [words.sum(axis=0) for words in entering]
    counters.levels[edge.parent, edge.tensor].serve[:] += totals[0]
    for stage, at_root, at_links in zip(edge.stages, totals[:-1], totals[1:], strict=True):
        links = counters.links[stage.node, edge.tensor]
        links.root_down[:] += at_root
        links.down[:] += at_links.reshape(len(at_root), -1).sum(axis=1)
    if (edge.child, edge.tensor) in counters.levels:
        counters.levels[edge.child, edge.tensor].fill[:] += totals[-1]
    first = [words[:, 0] for words in entering]
    return MovedWords(first[0], first[-1], tuple(first[:-1]))


def count_up(counters: Counters, faults: FaultLog, edge: Edge, addresses: IntArray) -> tuple[IntArray, MovedWords]:
    """Count partial sums on their way up; the addresses that arrive, by visit, parent and word.

    At every fanout the instances that hold partial sums of the same words send theirs, which are added there.
    """
    visits, at_roots = len(addresses), list[IntArray]()
    sent = np.count_nonzero(addresses[:, 0] != NOWHERE, axis=1)
    for position in reversed(range(len(edge.stages))):
        stage = edge.stages[position]
        addresses = addresses.reshape(visits, edge.num_roots(position), stage.size, -1)
        arrived = np.count_nonzero(addresses != NOWHERE, axis=(0, 2, 3))
        addresses = _merged(faults, stage, addresses[:, :, stage.siblings])
        left = np.count_nonzero(addresses != NOWHERE, axis=(2, 3))
        at_roots.insert(0, left[:, 0])
        links = counters.links[stage.node, edge.tensor]
        links.up[:] += arrived
        links.root_up[:] += left.sum(axis=0)
        links.adds[:] += arrived - left.sum(axis=0)
    addresses = addresses.reshape(visits, edge.num_parents, -1)
    written = np.count_nonzero(addresses != NOWHERE, axis=2)
    counters.levels[edge.parent, edge.tensor].update[:] += written.sum(axis=0)
    return addresses, MovedWords(written[:, 0], sent, tuple(at_roots))


def _merged(faults: FaultLog, stage: Stage, addresses: IntArray) -> IntArray:
    """What is left of the words of siblings (axis 2) when their sums are added: each of them once."""
    if len(stage.siblings) > 1:
        if not stage.reduces:
            faults.report("partial sums added by a fanout that does not reduce", addresses.size)
        different = int(np.count_nonzero(addresses != addresses[:, :, :1]))
        faults.report("partial sums of different words added", different)
    return addresses[:, :, 0]


def contributions(edge: Edge) -> IntArray:
    """Whose partial sums are added into each word that arrives at the parents: a column for each such word.

    Entries are positions in the words of all children (instance by instance). The first row has the instances whose
    indices along the dimensions that do not index the tensor are all 0: those that partial sums go back to.
    """
    found = np.arange(edge.positions.size, dtype=np.int64).reshape(1, -1)
    for position in reversed(range(len(edge.stages))):
        stage = edge.stages[position]
        table = found.reshape(len(found), edge.num_roots(position), stage.size, -1)[:, :, stage.siblings]
        found = np.moveaxis(table, 2, 0).reshape(len(found) * len(stage.siblings), -1)
    return found


def added_up(table: IntArray, values: IntArray) -> IntArray:
    """Sums that arrive at the parents (by visit and word) of partial sums by visit, child and word.

    ``table``: what :func:`contributions` gives.
    """
    parts = values.reshape(len(values), -1)
    if len(table) == 1:
        return parts[:, table[0]]
    found: IntArray = parts[:, table].sum(axis=1)
    return found


def receivers(edge: Edge) -> BoolArray:
    """Whether a partial sum goes back to an instance, by instance and word."""
    found = np.zeros(edge.positions.size, dtype=np.bool_)
    found[contributions(edge)[0]] = True
    return found.reshape(edge.positions.shape)
