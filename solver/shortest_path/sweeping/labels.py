"""Labels: partial mappings that a sweep keeps, many at a time, as rows of arrays."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from ..space.marks import combined, told_apart
from ..space.tile_vectors import Floats, Ints, Mask

SLACK = 1e-13
"""Relative rounding that a comparison of two labels allows; far below what tells two mappings apart."""

Ids = npt.NDArray[np.int32]
Step = TypeVar("Step")


@dataclass(frozen=True)
class Columns:
    """Where the sums of a label stand in its row. All of them are such that less is better.

    ``words[tensor]``: words that the open edge has at this place; ``first``: minus the first visits of the output's;
    ``compute``: cycles of what is complete; ``settled``: each quantity without what is pending; ``credit``: minus what
    first visits save of each; ``base``: minus the energy's credit when the output's open edge began;
    ``pending(bit)``: what each quantity has so far of what is pending. ``halos``: for every boundary, by its place, the
    fanouts of its edge if it has a halo; then ``at_fanouts(place)`` are the words at each of them, the innermost first,
    after those of the boundary itself, ``whole(place)`` minus those that every visit would move if no words stayed, and
    ``whole_of_one(place)`` the same for one instance of the boundary or root of the fanout.
    """

    num_tensors: int
    num_quantities: int
    halos: tuple[int | None, ...] = ()

    @cached_property
    def first(self) -> int:
        """The column of the first visits."""
        return self.num_tensors

    @cached_property
    def compute(self) -> int:
        """The column of the cycles."""
        return self.num_tensors + 1

    @cached_property
    def base(self) -> int:
        """The column of the credit at the beginning of the open edge."""
        return self.num_tensors + 2

    @cached_property
    def settled(self) -> slice:
        """The columns of settled sums."""
        return slice(self.base + 1, self.base + 1 + self.num_quantities)

    @cached_property
    def credit(self) -> slice:
        """The columns of credits."""
        return slice(self.settled.stop, self.settled.stop + self.num_quantities)

    def pending(self, bit: int) -> slice:
        """The columns of what is pending at a boundary."""
        start = self.credit.stop + bit * self.num_quantities
        return slice(start, start + self.num_quantities)

    @cached_property
    def _halo_starts(self) -> tuple[int, ...]:
        start = self.pending(self.num_tensors + len(self.halos)).start
        return tuple(accumulate((0 if count is None else 3 * (count + 1) for count in self.halos), initial=start))

    def at_fanouts(self, place: int) -> slice:
        """The columns of words at a boundary with halo and at its fanouts."""
        start = self._halo_starts[place]
        return slice(start, start + (self.halos[place] or 0) + 1)

    def whole(self, place: int) -> slice:
        """The columns of words there if no words stayed."""
        words = self.at_fanouts(place)
        return slice(words.stop, words.stop + words.stop - words.start)

    def whole_of_one(self, place: int) -> slice:
        """The columns of words at one instance if no words stayed."""
        words = self.whole(place)
        return slice(words.stop, words.stop + words.stop - words.start)

    @cached_property
    def count(self) -> int:
        """Columns in all."""
        return self._halo_starts[-1]


@dataclass(frozen=True)
class Labels:
    """Rows of labels with the same pending tensors at one stage.

    ``points``: tile vectors; ``used``: instances of the fanout unrolled so far; ``sums``: see :class:`Columns`;
    ``shapes[label, window]``: unions along the axes of windows, then the tiles at boundaries with halo; the last column
    is a mark, equal for labels with equal instances of all fanouts; ``trail``: how each came about; ``least``: lower
    bound on the objective of all mappings that it becomes.
    """

    points: Ints
    used: Ints
    sums: Floats
    shapes: Ints
    trail: Ids
    least: Floats

    def __len__(self) -> int:
        return len(self.points)

    def take(self, rows: Ints | Mask) -> Labels:
        """Copies of some of the labels."""
        numbers = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        return Labels(
            self.points.take(numbers),
            self.used.take(numbers),
            self.sums.take(numbers, axis=0),
            self.shapes.take(numbers, axis=0),
            self.trail.take(numbers),
            self.least.take(numbers),
        )

    def moved(self, steps: int | Ints) -> Labels:
        """The labels so many points of the grid further, with the same arrays for all else."""
        return Labels(self.points + steps, self.used, self.sums, self.shapes, self.trail, self.least)

    def after(self, trail: Ids) -> Labels:
        """The labels as they came about from others, with the same arrays for all else."""
        return Labels(self.points, self.used, self.sums, self.shapes, trail, self.least)

    def bounded(self, least: Floats) -> Labels:
        """The labels with these bounds, with the same arrays for all else."""
        return Labels(self.points, self.used, self.sums, self.shapes, self.trail, least)


def joined(several: Sequence[Labels]) -> Labels:
    """All labels of several arrays."""
    filled = [labels for labels in several if len(labels)] or list(several[:1])
    if len(filled) == 1:
        return filled[0]
    return Labels(
        *(
            np.concatenate([getattr(labels, field) for labels in filled])
            for field in ("points", "used", "sums", "shapes", "trail", "least")
        )
    )


@dataclass(frozen=True)
class Apart:
    """When a label can go for a better one although partial blocks are in no sum: they may cost more of the better one.

    It can where that is below by so much in a column, or where all words are equal: in the columns ``told`` (some of
    which are ``marked``: no costs), and in the mark of instances.
    """

    column: int
    by: float
    marked: frozenset[int]
    told: tuple[int, ...]


MOST_KEYS = 2**31
"""From here on, keys are numbered anew before another column joins them, so that they fit 64 bits."""
COMPARED = 18
"""Labels of the same tile vector with which each is compared at the most: those with the least bounds."""


def undominated(
    labels: Labels, only: int | None = None, apart: Apart | None = None, *, by_used: bool = False
) -> Labels:
    """The labels without those that another one of the same tile vector is nowhere above.

    Not all pairs are compared: some that could go may stay. With ``only``, so many of each tile vector stay, those with
    the least bounds. ``by_used``: more instances of the fanout are of use, too, so that labels with different numbers
    of them are not compared.
    """
    if len(labels) < 2:
        return labels
    if only is not None:
        order = np.lexsort((labels.least, labels.points))
        firsts = order[_places(labels.points[order])[0] == 0]
        return labels.take(firsts[np.argsort(labels.least[firsts], kind="stable")[:only]])
    keys = _keys(labels, [labels.used] if by_used else [])
    if apart is not None:
        marked = combined(keys, labels.shapes[:, -1], told_apart(labels.sums, apart.told))
        rows = _undominated_of(labels, marked, apart.marked)
        labels, keys = labels.take(rows), keys[rows]
        return labels.take(_undominated_of(labels, keys, apart.marked, {apart.column: apart.by}))
    return labels.take(_undominated_of(labels, keys))


def _undominated_of(
    labels: Labels, keys: Ints, marked: Collection[int] = (), by: Mapping[int, float] | None = None
) -> Ints:
    """The rows that none of the same key is nowhere above; in some columns, that is below by at least so much."""
    order = np.lexsort((labels.least, keys))
    return order[_undominated_rows(_compared(labels, order, marked, by or {}), keys[order])]


def _compared(
    labels: Labels, order: Ints, marked: Collection[int], by: Mapping[int, float]
) -> list[tuple[Floats, float]]:
    """What tells labels apart, by column: sums that differ anywhere, and the instances used.

    Beside each column stands by how much a better label has to be below.
    """
    differ = np.flatnonzero((labels.sums != labels.sums[0]).any(axis=0)).tolist()
    differ = [*by, *(column for column in differ if column not in marked and column not in by)]
    columns = [(labels.sums[order, column], by.get(column, 0.0)) for column in differ]
    if (labels.used != labels.used[0]).any():
        columns.append((labels.used[order].astype(np.float64), 0.0))
    return columns


def _undominated_rows(values: Sequence[tuple[Floats, float]], keys: Ints) -> Ints:
    """The rows that none of the first rows with the same key is nowhere above; keys are sorted."""
    rows = np.arange(len(keys))
    for rival in range(COMPARED):
        places, starts = _places(keys[rows])
        later = np.flatnonzero(places > rival)
        if not len(later):
            break
        better = rows[starts[later] + rival]
        mine, worse = rows[later], np.arange(len(later))
        for column, by in values:
            limit = column[mine[worse]]
            worse = worse[column[better[worse]] <= limit + SLACK * np.abs(limit) - by]
            if not len(worse):
                break
        else:
            stays = np.ones(len(rows), dtype=np.bool_)
            stays[later[worse]] = False
            rows = rows[stays]
    return rows


def _keys(labels: Labels, others: Sequence[Ints]) -> Ints:
    """Equal for labels that can be compared: the same tile vector, the same unions, and the same others."""
    keys = labels.points
    for column in (*labels.shapes[:, :-1].T, *others):
        if (column != column[0]).any():
            numbers = np.unique(column, return_inverse=True)[1].reshape(-1)
            if keys.max() >= MOST_KEYS:
                keys = np.unique(keys, return_inverse=True)[1].reshape(-1)
            keys = keys * (int(numbers.max()) + 1) + numbers
    return keys


def _places(keys: Ints) -> tuple[Ints, Ints]:
    """For sorted keys the place of each within its group, and where the group starts."""
    rows = np.arange(len(keys))
    begins = np.ones(len(keys), dtype=np.bool_)
    begins[1:] = keys[1:] != keys[:-1]
    starts = np.maximum.accumulate(np.where(begins, rows, 0))
    return rows - starts, starts


class Trail(Generic[Step]):
    """How labels came about: for each one the label before it and the step between them."""

    def __init__(self) -> None:
        self._before: list[Ids] = []
        self._steps: list[Step] = []
        self._starts: list[int] = []
        self.length = 0

    def extend(self, labels: Labels, step: Step) -> Labels:
        """The labels, each one step further."""
        return self.extend_each(labels, [(step, len(labels))])

    def extend_each(self, labels: Labels, steps: Sequence[tuple[Step, int]]) -> Labels:
        """The labels, each one step further: the first so many the first step, and so on."""
        first, begin = self.length, 0
        for step, count in steps:
            self._starts.append(self.length)
            self._before.append(labels.trail[begin : begin + count])
            self._steps.append(step)
            self.length, begin = self.length + count, begin + count
        numbers = np.arange(first, self.length, dtype=np.int32)
        return labels.after(numbers)

    def steps_to(self, number: int) -> list[Step]:
        """The steps that lead to a label, the first one first."""
        steps: list[Step] = []
        while number >= 0:
            chunk = bisect_right(self._starts, number) - 1
            steps.append(self._steps[chunk])
            number = int(self._before[chunk][number - self._starts[chunk]])
        return steps[::-1]
