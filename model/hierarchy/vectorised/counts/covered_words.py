"""How many words of an axis several instances ask for together, over arrays of mappings (section 5).

Instances' intervals stand at all sums of steps: one step, taken 0 to count - 1 times, for every unrolled dimension of
the axis. Steps are taken in ascending order. While a step is no longer than what is covered so far, intervals merge
into a longer one; a step beyond all that was reached so far makes copies. Rows with a step between, where copies meet
copies, are enumerated: few of a random batch have one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..mapping_arrays import Ints, Mask

MOST_OFFSETS = 1 << 20
"""Offsets enumerated at a time."""


@dataclass(frozen=True)
class UnrolledAxis:
    """The steps of one axis for every mapping, each an array of ``step << shift | count``, ascending in every row."""

    shift: int
    steps: tuple[Ints, ...] = ()

    def unrolled(self, step: Ints, count: Ints) -> UnrolledAxis:
        """This axis with one more step."""
        new = (step << self.shift) | count
        ascending: list[Ints] = []
        for old in self.steps:
            ascending.append(np.minimum(old, new))
            new = np.maximum(old, new)
        return UnrolledAxis(self.shift, (*ascending, new))

    def covered(self, length: Ints) -> Ints:
        """Words that the intervals of a length cover; gaps between them are not counted."""
        covered, copies, reach, meeting = length, None, length, None
        for packed in self.steps:
            step, count = self._unpacked(packed)
            more = step * (count - 1)
            merging = step <= reach
            if copies is None:
                copies = np.where(merging, 1, count)
            else:
                apart = copies > 1
                between = (step < reach) & apart & (count > 1)
                meeting = between if meeting is None else meeting | between
                merging &= ~apart
                copies = copies * np.where(merging, 1, count)
            covered = covered + more * merging
            reach = reach + more
        words = covered if copies is None else covered * copies
        return words if meeting is None else self._corrected(words, length, meeting)

    def _unpacked(self, packed: Ints) -> tuple[Ints, Ints]:
        return packed >> self.shift, packed & ((1 << self.shift) - 1)

    def _corrected(self, words: Ints, length: Ints, meeting: Mask) -> Ints:
        """The words, with the rows enumerated in which copies meet copies."""
        rows = np.flatnonzero(meeting & (length > 0))
        if len(rows):
            steps, counts = self._unpacked(np.stack([packed[rows] for packed in self.steps]))
            words[rows] = _enumerated(steps, counts, length[rows])
        return words


def _enumerated(steps: Ints, counts: Ints, length: Ints) -> Ints:
    """Words that intervals cover, offset by offset; ``steps[step, row]`` ascend."""
    length, copies = _simplified(steps, counts, length)
    words = np.empty_like(length)
    for rows in _alike(counts):
        number = counts[:, rows[0]]
        at_once = max(1, MOST_OFFSETS // int(number.prod()))
        for start in range(0, len(rows), at_once):
            some = rows[start : start + at_once]
            words[some] = length[some] + _beyond_the_first(steps[:, some], number, length[some])
    return words * copies


def _simplified(steps: Ints, counts: Ints, length: Ints) -> tuple[Ints, Ints]:
    """Longer intervals for steps that merge, and copies for the last ones that set all apart; their counts become 1."""
    merging = np.ones(len(length), dtype=np.bool_)
    reaches: list[Ints] = []
    reach = length
    for step, count in zip(steps, counts, strict=True):
        reaches.append(reach)
        merging &= (step <= length) | (count == 1)
        reach = reach + step * (count - 1)
        length = np.where(merging, reach, length)
        count[merging] = 1
    copies = np.ones_like(length)
    last = np.ones(len(length), dtype=np.bool_)
    for step, count, before in zip(steps[::-1], counts[::-1], reversed(reaches), strict=True):
        last &= (step >= before) | (count == 1)
        copies = copies * np.where(last, count, 1)
        count[last] = 1
    return length, copies


def _alike(counts: Ints) -> Iterator[Ints]:
    """The rows of each set of equal counts."""
    _, kind = np.unique(counts, axis=1, return_inverse=True)
    kind = kind.reshape(-1)
    order = np.argsort(kind, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(kind[order])) + 1)


def _beyond_the_first(steps: Ints, counts: Ints, length: Ints) -> Ints:
    """Words of all intervals but the first that none before covers."""
    offsets: Ints = np.zeros((1, len(length)), dtype=np.int64)
    for step, count in zip(steps, counts, strict=True):
        copies = np.arange(int(count), dtype=np.int64)[:, np.newaxis] * step
        offsets = (offsets + copies[:, np.newaxis]).reshape(-1, len(length))
    offsets.sort(axis=0)
    words: Ints = np.minimum(np.diff(offsets, axis=0), length).sum(axis=0)
    return words
