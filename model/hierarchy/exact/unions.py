"""How many words several instances ask for together: unions of intervals along an axis (section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

Steps = Sequence[tuple[int, int]]
"""For each unrolled dimension the distance between neighbouring instances' intervals, and their number."""


def offsets(steps: Steps) -> list[int]:
    """The distinct offsets of the instances' intervals, ascending."""
    found = {0}
    for step, count in steps:
        found = {offset + step * index for offset in found for index in range(count)}
    return sorted(found)


def union_length(steps: Steps, length: int) -> int:
    """Words along an axis that intervals of a length cover, gaps between them not counted.

    Example:
        >>> union_length([(2, 4)], 3), union_length([(2, 4)], 1), union_length([(2, 4)], 0)
        (9, 4, 0)
    """
    covered = length
    for step, count in sorted(steps):
        if step > covered:
            return _union_of_intervals(steps, length)
        covered += step * (count - 1)
    return covered


def _union_of_intervals(steps: Steps, length: int) -> int:
    """The union where it has gaps, or could have."""
    if length == 0:
        return 0
    return length + sum(min(length, outer - inner) for inner, outer in pairwise(offsets(steps)))


def distinct_offsets(steps: Steps) -> int:
    """How many different intervals the instances ask for.

    Example:
        >>> distinct_offsets([(1, 4), (2, 2)])
        6
    """
    reached = 0
    distinct = 1
    for step, count in sorted(steps):
        if step <= reached:
            return len(offsets(steps))
        reached += step * (count - 1)
        distinct *= count
    return distinct
