"""Local searches that find less than they could, so that the proof has to find the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from dmaze.solver.search.local_search import Effort, LocalSearch


class Nothing(LocalSearch):
    """A local search that finds nothing."""

    def rounds(self, deadline: float) -> Iterator[float]:  # noqa: ARG002
        return iter(())


STARTS: dict[str, Callable[..., LocalSearch]] = {
    "no start": Nothing,
    "poor start": partial(LocalSearch, effort=Effort(samples=4, starts=3, remembered=2, pairs=2)),
    "local search": LocalSearch,
}
