"""Enumeration with bounds, most promising subspaces first: a proof without a solver, with a bound at any time.

All choices of DRAM factors (subspaces) get a lower bound on the exact objective
(:mod:`...model.dmazerunner.vectorised.batch_bounds`) and are worked through in its order. Within a subspace SPM factors
are chosen next and bounded again; what is left is costed exactly and may become the incumbent. The bound of the next
subspace holds for everything that was not costed.

Where there are too many subspaces to hold them all, they are gathered, sorted and worked off block by block; until the
last block is there, nothing is known of the subspaces to come but what every mapping costs.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...model.dmazerunner.vectorised.batch import DRAM, Array, Mask
from ...model.dmazerunner.vectorised.order_query import OrderSearch
from ...model.objectives import OBJECTIVES
from ..backend import PublishedProblem
from ..deadline import NEVER, Deadline
from ..search.incumbents import Incumbents
from ..search.scoring import Scorer, order_search, trivial_bound
from ..spaces.branching import chosen_of
from ..spaces.lower_bounds import LowerBounds
from ..spaces.partial_tilings import PartialTilings
from ..spaces.walk import Walk
from .accounting import Accounting


@dataclass(frozen=True)
class BlockParameters:
    """In what portions a space is worked through.

    Attributes:
        few_subspaces: subspaces worked on together at first, where incumbents are found.
        many_subspaces: subspaces worked on together later.
        most_bytes: bytes of the subspaces of one block.
        most_rows: partial tilings per array; what memory allows (:func:`..spaces.branching.most_rows`) if not given.
    """

    few_subspaces: int = 16
    many_subspaces: int = 512
    most_bytes: int = 1 << 27
    most_rows: int | None = None


BLOCK_PARAMETERS = BlockParameters()


class BranchAndBound:
    """One layer's space, worked through in the order of lower bounds.

    ``bound`` holds for every mapping that was not costed yet; ``finished`` says that nothing is left that could be
    better than the best one by the gap asked for, nor (unless the gap is ``coarse``) as good and higher in rank. With
    ``ranks`` above 1 the same is true of that many of the best tilings. Everything excluded is noted in ``accounting``,
    if there is one.
    """

    def __init__(
        self,
        problem: PublishedProblem,
        best: Incumbents,
        *,
        coarse_gap: float | None = None,
        ranks: int = 1,
        accounting: Accounting | None = None,
        orders: OrderSearch | None = None,
        parameters: BlockParameters = BLOCK_PARAMETERS,
    ) -> None:
        self.bound = trivial_bound(problem)
        self.finished = False
        self.num_subspaces = 0
        self.costed = 0
        self._problem, self._best, self._gap, self._ranks = problem, best, coarse_gap, ranks
        self._accounting, self._parameters = accounting, parameters
        dropped = accounting.dropped if accounting else (None, None, None)
        self._space = PartialTilings(problem, self._go_on, *dropped, most=parameters.most_rows)
        self._walk = Walk(self._space, self._open_subspaces, self._open_array_tiles)
        orders = orders or order_search(problem)
        self._scorer, self._bounds = Scorer(problem, orders), LowerBounds(problem, orders)
        self._until, self._stopping = NEVER, threading.Event()

    def run(self, deadline: Deadline, stopping: threading.Event) -> None:
        """Work until finished, or until the deadline or a stop."""
        self._until, self._stopping = deadline, stopping
        try:
            for factors, bounds, last in self._blocks():
                self._work_off(factors, bounds, last=last)
        except TimeoutError:
            return
        self.finished, self.bound = True, math.inf

    def _work_off(self, factors: Array, bounds: Array, *, last: bool) -> None:
        """Cost what is interesting of a block of subspaces, most promising first."""
        first, few = 0, self._parameters.few_subspaces
        while first < len(bounds) and bounds[first] <= self._limit():
            if last:
                self.bound = max(self.bound, float(bounds[first]))
            count = few if first < 4 * few else self._parameters.many_subspaces
            for levels in self._walk.tilings(self._space.subspaces_with(factors[:, first : first + count])):
                self._cost(levels)
            first += count
        if self._accounting is not None:
            self._accounting.subspaces_excluded(self._space.subspaces_with(factors[:, first:]), bounds[first:])

    def _limit(self) -> float:
        """The largest objective that is still of interest."""
        if self._gap is not None:
            return OBJECTIVES[self._problem.objective].largest_improving(self._best.value, self._gap)
        kept = self._best.kept
        return kept[self._ranks - 1].value if len(kept) >= self._ranks else math.inf

    def _limits(self) -> tuple[float, float]:
        """That, and the largest other metric where the objective is as large."""
        kept = self._best.kept
        return self._limit(), kept[self._ranks - 1].tie if len(kept) >= self._ranks else math.inf

    def _interesting(self, values: Array, ties: Array) -> Mask:
        """Where bounds leave room to improve on the incumbents, or to be as good and higher in rank."""
        limit, tie = self._limits()
        return (values < limit) | ((values == limit) & (ties <= tie) & (values < np.inf))

    def _blocks(self) -> Iterator[tuple[Array, Array, bool]]:
        """Blocks of interesting subspaces.

        For each their DRAM factors, of shape (dimensions, n), their bounds, rising, and whether it is the last.
        """
        num_dims = len(self._problem.nest.dims)
        most = self._parameters.most_bytes // (8 * (num_dims + 1))
        kept: list[Array] = []
        values: list[Array] = []
        number = 0
        for subspaces in self._space.subspaces():
            bounds, mask = self._subspace_bounds(subspaces)
            kept.append(subspaces[DRAM][:, mask])
            values.append(bounds[mask])
            number += int(mask.sum())
            self.num_subspaces += int(mask.sum())
            if number >= most:
                factors, bounds = _sorted(kept, values)
                yield factors, bounds, False
                kept, values, number = [], [], 0
        factors, bounds = _sorted(kept, values) if kept else (np.ones((num_dims, 0)), np.ones(0))
        yield factors, bounds, True

    def _subspace_bounds(self, subspaces: Array) -> tuple[Array, Mask]:
        """Lower bounds of subspaces, and which are interesting; the others are excluded."""
        bounds, ties = self._bounds.of_subspaces(subspaces, self._limits())
        mask = self._interesting(bounds, ties)
        if self._accounting is not None:
            self._accounting.subspaces_excluded(subspaces[:, :, ~mask], bounds[~mask])
        return bounds, mask

    def _open_subspaces(self, subspaces: Array) -> Mask:
        """Which subspaces are still interesting: the incumbents may have improved since they were sorted."""
        return self._subspace_bounds(subspaces)[1]

    def _open_array_tiles(self, tiles: Array) -> Mask:
        """Which array tiles are interesting; the others are excluded."""
        mask = self._interesting(*self._bounds.of_array_tiles(tiles, self._limits()))
        if self._accounting is not None:
            self._accounting.array_tiles_excluded(chosen_of(tiles, ~mask))
        return mask

    def _cost(self, levels: Array) -> None:
        """Cost an array of tilings exactly."""
        self._best.offer(self._scorer.scores(levels, self._best.worst), levels)
        self.costed += levels.shape[2]
        if self._accounting is not None:
            self._accounting.evaluated += levels.shape[2]

    def _go_on(self) -> None:
        if self._until.passed or self._stopping.is_set():
            raise TimeoutError


def _sorted(factors: list[Array], bounds: list[Array]) -> tuple[Array, Array]:
    """DRAM factors and bounds of subspaces, by rising bounds."""
    values = np.concatenate(bounds)
    order = np.argsort(values, kind="stable")
    return np.take(np.concatenate(factors, axis=1), order, axis=1), values[order]
