"""First mappings from bounds: the most promising subspaces and array tiles are costed, the rest is left to the proof.

All choices of DRAM factors get a lower bound, and the array tiles in the most promising of them; the tilings of the
array tiles with the least bounds are costed. On a space of thousands of subspaces that takes a few hundredths of a
second and mostly finds the optimum or nearly so. Where there are too many subspaces to bound them all first, or nothing
legal is found in the promising ones, local search (:mod:`..search.local_search`) finds the first mappings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...model.dmazerunner.factorisations import divisors
from ...model.dmazerunner.vectorised.batch import Array, to_array
from ...model.mapping import Tiling
from ..backend import PublishedProblem
from ..deadline import Deadline
from ..search.incumbents import Incumbents
from ..search.local_search import LocalSearch, MakeLocalSearch
from ..search.scoring import Scorer, order_search
from ..spaces.lower_bounds import LowerBounds
from ..spaces.partial_tilings import PartialTilings


@dataclass(frozen=True)
class Promising:
    """How much of a space is costed for first mappings.

    Attributes:
        most_subspaces: choices of DRAM factors, fitting or not, up to which all are bounded.
        subspaces: subspaces looked into at a time.
        array_tiles: array tiles of them whose tilings are costed.
        tries: times, with the next subspaces each, that nothing legal may be found.
    """

    most_subspaces: int = 1 << 19
    subspaces: int = 16
    array_tiles: int = 64
    tries: int = 4


PROMISING = Promising()


class FindFirst(Protocol):
    """Finds first mappings of a problem, at most ``keep``; none where nothing legal is met before the deadline."""

    def __call__(self, problem: PublishedProblem, *, seed: int, keep: int, deadline: Deadline) -> Incumbents:
        """The best tilings found."""
        ...


def first_from_bounds(
    problem: PublishedProblem, *, seed: int, keep: int, deadline: Deadline, promising: Promising = PROMISING
) -> Incumbents:
    """First mappings from bounds, and from local search where that finds none.

    The mappings that the problem comes with are taken in where they are legal.
    """
    choices = math.prod(len(divisors(bound)) for bound in problem.nest.bounds)
    if choices <= promising.most_subspaces and not deadline.passed:
        search = _PromisingSearch(problem, Incumbents(keep), deadline, promising)
        search.run()
        if search.best.kept:
            return search.best
    return first_by_local_search(problem, seed=seed, keep=keep, deadline=deadline)


def first_by_local_search(
    problem: PublishedProblem, *, seed: int, keep: int, deadline: Deadline, make: MakeLocalSearch = LocalSearch
) -> Incumbents:
    """First mappings from one round of local search."""
    search = make(problem, seed=seed, keep=keep)
    next(search.rounds(deadline), None)
    return search.best


class _PromisingSearch:
    """Costs tilings with little bounds, and those given, until a legal one is found."""

    def __init__(self, problem: PublishedProblem, best: Incumbents, deadline: Deadline, promising: Promising) -> None:
        self.best = best
        self._problem, self._promising = problem, promising
        orders = order_search(problem)
        self._scorer, self._bounds = Scorer(problem, orders), LowerBounds(problem, orders)
        self._space = PartialTilings(problem, deadline.check)

    def run(self) -> None:
        """Search until the deadline at most."""
        self._take_given()
        try:
            for subspaces in self._most_promising():
                for tilings in self._space.tilings(self._array_tiles(subspaces)):
                    self.best.offer(self._scorer.scores(tilings, self.best.worst), tilings)
                if self.best.kept:
                    return
        except TimeoutError:
            return

    def _take_given(self) -> None:
        """The legal ones of the mappings that the problem comes with."""
        problem = self._problem
        starts = [mapping.tiling for mapping in problem.warm_starts]
        tilings = [start for start in starts if _products(start) == problem.nest.bounds]
        if not tilings:
            return
        levels = to_array(tilings)
        legal = problem.cost_model.allowed(problem.nest, problem.architecture, problem.constraints, levels)
        if legal.any():
            self.best.offer(self._scorer.scores(levels[:, :, legal]), levels[:, :, legal])

    def _most_promising(self) -> Iterator[Array]:
        """A few subspaces at a time, by rising bounds; those that cannot hold a mapping are left out."""
        size = self._promising.subspaces
        subspaces = self._least(self._space.subspaces(), self._bounds.of_subspaces, size * self._promising.tries)
        for first in range(0, subspaces.shape[2], size):
            yield subspaces[:, :, first : first + size]

    def _array_tiles(self, subspaces: Array) -> Array:
        """The array tiles of some subspaces with the least bounds."""
        tiles = self._space.array_tiles(subspaces)
        return self._least(tiles, self._bounds.of_array_tiles, self._promising.array_tiles)

    def _least(self, stream: Iterable[Array], bounds_of: Callable[[Array], tuple[Array, Array]], most: int) -> Array:
        """Those of a stream with the least bounds, by rising bounds; the stream is never held as a whole."""
        kept, values = np.ones((4, len(self._problem.nest.dims), 0)), np.ones(0)
        for partial in stream:
            bounds, _ = bounds_of(partial)
            kept, values = np.concatenate([kept, partial], axis=2), np.concatenate([values, bounds])
            order = np.argsort(values, kind="stable")[:most]
            kept, values = np.take(kept, order, axis=2), values[order]
        return np.take(kept, np.flatnonzero(values < np.inf), axis=2)


def _products(tiling: Tiling) -> tuple[int, ...]:
    """The bounds that a tiling's factors multiply to."""
    return tuple(math.prod(factors) for factors in zip(*tiling.levels, strict=True))
