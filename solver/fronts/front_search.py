"""The whole energy-latency front of one layer, with a proof: enumeration with bounds against the front itself.

As in :mod:`..enumeration.branch_and_bound`, DRAM factors are chosen first, then SPM factors, each bounded from below in
energy and cycles under every pair of reuse classes; here a choice is excluded when some point of the front is as good
as its bound in both metrics. What is left is costed exactly. One pass gives the front that successive solves under ever
tighter limits on cycles would give, and every point is proved by the same pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from ...model.dmazerunner.vectorised.batch import DRAM, Array, Mask, TilingBatch, to_array
from ...model.dmazerunner.vectorised.batch_cost import PairCosts
from ...model.dmazerunner.vectorised.order_query import Costing
from ...model.documents.pareto import StepCheck
from ...model.documents.result import Number
from ...model.mapping import Mapping
from ...model.objectives import OBJECTIVES
from ..backend import PublishedProblem
from ..deadline import NEVER, Deadline
from ..search.local_search import LocalSearch
from ..spaces.lower_bounds import PairBounds
from ..spaces.partial_tilings import PartialTilings
from ..spaces.walk import Walk
from .front import Front


@dataclass(frozen=True)
class FrontParameters:
    """How a front is started and a space worked through.

    Attributes:
        initial_mappings: mappings per objective that the front begins with, found by local search; 0 for none.
        start_share: part of the time that finding them may take.
        block: subspaces that are kept in memory to be sorted.
        few_subspaces: subspaces worked on together.
    """

    initial_mappings: int = 20
    start_share: float = 0.1
    block: int = 200_000
    few_subspaces: int = 256


FRONT_PARAMETERS = FrontParameters()


class FrontSearch:
    """Searches one layer's space; the problem's objective does not matter.

    ``complete`` says that nothing is left that could add to :attr:`front`; ``costed`` counts tilings.
    """

    def __init__(self, problem: PublishedProblem, parameters: FrontParameters = FRONT_PARAMETERS) -> None:
        self.front = Front(len(problem.nest.dims))
        self.complete = False
        self.costed = 0
        self.model = problem.cost_model.batch_model(problem.nest, problem.architecture)
        self._problem, self._parameters, self._until = problem, parameters, NEVER
        self._space, self._bounds = PartialTilings(problem, self._go_on), PairBounds(problem)
        self._walk = Walk(self._space, self._open_subspaces, self._open_array_tiles)
        self._costing = Costing(permit=problem.cost_model.permit(problem.architecture, problem.constraints))

    def run(self, deadline: Deadline, report: Callable[[int], None] | None = None) -> None:
        """Work until complete or until the deadline; ``report`` hears the front's size often."""
        self._until, few = deadline, self._parameters.few_subspaces
        try:
            self._start(deadline)
            for block in self._blocks():
                for first in range(0, block.shape[1], few):
                    subspaces = self._space.subspaces_with(block[:, first : first + few])
                    for levels in self._walk.tilings(subspaces):
                        self._take(levels)
                    if report is not None:
                        report(self.front.size)
        except TimeoutError:
            return
        self.complete = True

    @property
    def steps(self) -> tuple[StepCheck, ...]:
        """Nothing: bounds prove the front as a whole."""
        return ()

    def points(self) -> list[tuple[Mapping, tuple[Number, int]]]:
        """The points' mappings with energy and cycles of the vectorised model, by rising energy."""
        found = self.front.points
        values = zip(found.energy_pj.tolist(), found.cycles.tolist(), strict=True)
        return list(zip(self.front.mappings(self.model), values, strict=True))

    def _go_on(self) -> None:
        self._until.check()

    def _start(self, deadline: Deadline) -> None:
        """A first front from what local search finds for each objective."""
        keep, share = self._parameters.initial_mappings, self._parameters.start_share
        if not keep:
            return
        ends = [deadline.part(share * number / len(OBJECTIVES)) for number in range(1, len(OBJECTIVES) + 1)]
        for objective, until in zip(OBJECTIVES, ends, strict=True):
            search = LocalSearch(replace(self._problem, objective=objective), seed=0, keep=keep)
            next(search.rounds(until), None)
            if search.best.kept:
                self._take(to_array([entry.tiling for entry in search.best.kept]))

    def _blocks(self) -> Iterator[Array]:
        """DRAM factors of shape (dimensions, n) that may add to the front, the most promising of a block first."""
        waiting: list[tuple[Array, Array]] = []
        for subspaces in self._space.subspaces():
            bounds = list(self._bounds.of_subspaces(subspaces))
            open_ones = self._open(bounds, subspaces.shape[2])
            promise = np.minimum.reduce([bound.energy_pj * bound.cycles for bound in bounds])
            waiting.append((subspaces[DRAM][:, open_ones], promise[open_ones]))
            if sum(len(values) for _, values in waiting) >= self._parameters.block:
                yield _sorted(waiting)
                waiting = []
        if waiting:
            yield _sorted(waiting)

    def _open(self, bounds: Iterable[PairCosts], size: int) -> Mask:
        """Where some class or pair may hold something that the front lacks."""
        mask = np.zeros(size, dtype=bool)
        for bound in bounds:
            mask |= np.isfinite(bound.energy_pj) & ~self.front.beats(bound.energy_pj, bound.cycles)
        return mask

    def _open_subspaces(self, subspaces: Array) -> Mask:
        """Which subspaces may still add to the front, which may have grown since they were sorted."""
        return self._open(self._bounds.of_subspaces(subspaces), subspaces.shape[2])

    def _open_array_tiles(self, tiles: Array) -> Mask:
        """Which array tiles may add to the front."""
        return self._open(self._bounds.of_array_tiles(tiles), tiles.shape[2])

    def _take(self, levels: Array) -> None:
        """Cost an array of legal tilings under all pairs of classes, and keep what the front lacks."""
        self.costed += levels.shape[2]
        for pair in self.model.pair_costs(TilingBatch(self._problem.nest, levels), self._costing):
            self.front.take(pair, self.model.number_of(pair), levels)


def _sorted(waiting: list[tuple[Array, Array]]) -> Array:
    factors = np.concatenate([part for part, _ in waiting], axis=1)
    promise = np.concatenate([values for _, values in waiting])
    return factors[:, np.argsort(promise, kind="stable")]
