"""The passes of a storage level, grouped: what begins and ends each iteration, and how often (section 8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .geometry import Loop

START = END = -1
"""The label of what begins or ends the run; other labels are positions of loops among all loops."""


@dataclass(frozen=True)
class Iteration:
    """One iteration of a level's own loops.

    ``entered``: the innermost of the loops that stands above 0, ``left``: the innermost that is not at its last trip,
    by position among all loops; `None` where the pass itself begins or ends. ``fresh`` and ``next_fresh``: whether all
    of the loops that do not index the output stand at 0, in this iteration and in the next.
    """

    entered: int | None
    left: int | None
    fresh: bool
    next_fresh: bool


def iterations(loops: Sequence[Loop], first: int, output_dims: Collection[int]) -> Counter[Iteration]:
    """How many iterations of each kind a level's loops have; ``first`` is the position of the outermost.

    Whether a loop stands at its first, a middle or its last trip is all that matters.
    """
    found = Counter([Iteration(None, None, fresh=True, next_fresh=False)])
    for position, loop in enumerate(loops, first):
        indexing = loop.dim in output_dims
        after: Counter[Iteration] = Counter()
        for outer, times in found.items():
            for at_first, at_last, trips in ((True, False, 1), (False, False, loop.trips - 2), (False, True, 1)):
                inner = Iteration(
                    entered=outer.entered if at_first else position,
                    left=outer.left if at_last else position,
                    fresh=outer.fresh and (at_first or indexing),
                    next_fresh=outer.next_fresh if at_last else outer.fresh and indexing,
                )
                after[inner] += times * trips
        found = +after
    return found
