"""In which order visits of the output's tiles are walked: same words one after the other, others together.

Within a visit of a level, the visits of the next level inside fall into *rounds*: in round r are those whose words are
visited for the r-th time. Tiles of one round share no word, so that their order is immaterial; rounds follow one
another, as each begins with the sums that the one before wrote back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .level_stores import Contents
from .tensor_edges import TensorPath
from .walked_loops import IntArray, Span, Walk


@dataclass(frozen=True)
class _Sorted:
    """Slots (or steps) in the order of their codes; ``rounds``: how many follow one another at most.

    ``places``: for every code where its members begin and end.
    """

    members: IntArray
    places: dict[int, tuple[int, int]]
    rounds: int

    def with_code(self, code: int) -> IntArray | None:
        """The members of a code, if there are any."""
        place = self.places.get(code)
        return None if place is None else self.members[place[0] : place[1]]


@dataclass(frozen=True)
class Rounds:
    """The rounds of a span, by level of the output from DRAM on.

    A *code* stands for the rounds that lead to a visit, level by level.
    """

    levels: tuple[_Sorted, ...]
    span: _Sorted

    def within(self, level: int, code: int) -> Iterator[tuple[int, IntArray]]:
        """The rounds of the next level inside within visits of a code: their own codes and slots."""
        inner = self.levels[level]
        for position in range(code * inner.rounds, (code + 1) * inner.rounds):
            slots = inner.with_code(position)
            if slots is None:
                return
            yield position, slots

    def steps(self, code: int) -> IntArray:
        """Positions in the span of the steps within visits of the innermost level."""
        start, stop = self.span.places.get(code, (0, 0))  # none, where another tile comes with the first step
        return self.span.members[start:stop]


def rounds_of(
    walk: Walk, path: TensorPath, contents: Sequence[Contents], parents: Sequence[IntArray], span: Span
) -> Rounds:
    """The rounds of a span. ``parents``: for every level inside DRAM the slot of the level outside, by slot."""
    codes = np.zeros(1, dtype=np.int64)
    levels: list[_Sorted] = []
    for here, outer in zip(contents[1:], parents, strict=True):
        slots = np.arange(0 if here.live else 1, here.num_slots, dtype=np.int64)
        ranks = _ranks(outer[slots] * _num_places(walk, path) + _places(walk, path, here.origins[slots]))
        rounds = int(ranks.max()) + 1
        inner = np.zeros(here.num_slots, dtype=np.int64)
        inner[slots] = codes[outer[slots]] * rounds + ranks
        codes = inner
        levels.append(_sorted(codes[slots], slots, rounds))
    steps = codes[contents[-1].slots_at(span.steps)]
    return Rounds(tuple(levels), _sorted(steps, np.arange(len(steps), dtype=np.int64), 1))


def _sorted(codes: IntArray, members: IntArray, rounds: int) -> _Sorted:
    order = np.argsort(codes, kind="stable")
    found, starts, numbers = np.unique(codes[order], return_index=True, return_counts=True)
    places = zip(starts.tolist(), (starts + numbers).tolist(), strict=True)
    return _Sorted(members[order], dict(zip(found.tolist(), places, strict=True)), rounds)


def _num_places(walk: Walk, path: TensorPath) -> int:
    return int(np.prod([walk.nest.bounds[dim] for dim in path.apart], dtype=np.int64))


def _places(walk: Walk, path: TensorPath, origins: IntArray) -> IntArray:
    """Numbers that differ only where tiles surely share no word."""
    found = np.zeros(len(origins), dtype=np.int64)
    for dim in sorted(path.apart):
        found = found * walk.nest.bounds[dim] + origins[:, dim]
    return found


def _ranks(keys: IntArray) -> IntArray:
    """For every entry how many of the entries before it have the same key."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate([np.ones(1, dtype=np.bool_), ordered[1:] != ordered[:-1]]))
    lengths = np.diff(starts, append=len(keys))
    ranks = np.empty(len(keys), dtype=np.int64)
    ranks[order] = np.arange(len(keys)) - np.repeat(starts, lengths)
    return ranks
