"""Enumeration with bounds: a space is searched as a whole, most of it without looking at single tilings.

DRAM factors are chosen first, then SPM factors, then how a PE-array tile is spread over PEs. After each of the first
two, lower bounds on the exact model (:mod:`...model.dmazerunner.vectorised.batch_bounds`) rule out what cannot lie
below a limit, under any pair of reuse classes. What is left is costed exactly. No solver is involved, and no cut, hint
or bound of one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from ...model.dmazerunner.factorisations import num_tilings
from ...model.dmazerunner.vectorised.batch import Array
from ...model.dmazerunner.vectorised.order_query import OrderSearch
from ..backend import PublishedProblem
from ..deadline import NEVER, Deadline
from ..refutation import Refutation
from ..search.incumbents import Incumbents
from ..search.scoring import Scorer
from ..spaces.lower_bounds import LowerBounds
from ..spaces.partial_tilings import PartialTilings
from ..spaces.walk import Walk
from .stream import TilingStream


class BoundedTilings:
    """The allowed tilings of a problem, without those whose objective provably is at least ``limit``.

    Iteration gives arrays of shape (4, dimensions, n).

    Raises:
        TimeoutError: when the deadline passes before all are out.
    """

    def __init__(
        self, problem: PublishedProblem, limit: float, deadline: Deadline = NEVER, orders: OrderSearch | None = None
    ) -> None:
        self._problem, self._limit, self._deadline, self._orders = problem, limit, deadline, orders

    def __iter__(self) -> Iterator[Array]:
        space = PartialTilings(self._problem, self._deadline.check)
        bounds, below_limit = LowerBounds(self._problem, self._orders), (self._limit, math.inf)
        walk = Walk(
            space,
            lambda subspaces: bounds.of_subspaces(subspaces, below_limit)[0] < self._limit,
            lambda tiles: bounds.of_array_tiles(tiles, below_limit)[0] < self._limit,
        )
        for subspaces in space.subspaces():
            yield from walk.tilings(subspaces)


def refute_with_bounds(
    problem: PublishedProblem, limit: float, deadline: Deadline, orders: OrderSearch | None = None
) -> Refutation:
    """Search the whole space for a mapping with an objective below a limit, costing only what bounds leave."""
    total = num_tilings(problem.cost_model.factorisations(problem.nest, problem.constraints))

    def examined(costed: int) -> str:
        return f"{total:,} tilings, {costed:,} of them costed, the others excluded by bounds and capacities"

    return _first_below(problem, BoundedTilings(problem, limit, deadline, orders), limit, examined)


def refute_by_costing_all(problem: PublishedProblem, limit: float, deadline: Deadline) -> Refutation:
    """Search the whole space for a mapping with an objective below a limit, costing every tiling that fits."""

    def stream() -> Iterator[Array]:
        yield from TilingStream(problem, deadline)
        deadline.check()

    return _first_below(problem, stream(), limit, lambda costed: f"{costed:,} tilings that fit, all costed")


def _first_below(
    problem: PublishedProblem, tilings: Iterator[Array] | BoundedTilings, limit: float, examined: Callable[[int], str]
) -> Refutation:
    """Cost tilings exactly until one lies below the limit."""
    scorer, best, costed = Scorer(problem), Incumbents(1), 0
    try:
        for levels in tilings:
            best.offer(scorer.scores(levels), levels)
            costed += levels.shape[2]
            if best.value < limit:
                return Refutation("enumeration", False, examined(costed), *best.mappings(scorer))
    except TimeoutError:
        return Refutation("enumeration", False, examined(costed))
    return Refutation("enumeration", True, examined(costed))
