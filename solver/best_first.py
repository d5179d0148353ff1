"""Enumeration with bounds, most promising slices first: a proof without a solver, with a bound at any time.

All choices of DRAM factors (slices) get a lower bound on the exact objective (:mod:`..model.batch_floor`) and are
worked through in its order. Within a slice SPM factors are chosen next and bounded again; what is left is costed
exactly and may become the incumbent. The bound of the next slice holds for everything that was not costed.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable

import numpy as np

from ..model.batch import DRAM, Array, Mask
from ..model.batch_cost import PairCosts
from ..model.batch_floor import SliceFloor
from .backend import LayerProblem
from .open_space import OpenSpace
from .scoring import BestFew, Scorer, by_objective

FEW_SLICES, MANY_SLICES = 16, 512
"""Slices worked on together: few at first, where incumbents are found, then more."""

MOST_SLICES = 2_000_000
"""Slices that are kept in memory to be sorted; spaces with more are left to others."""


class BestFirst:
    """One layer's space, worked through in the order of lower bounds.

    ``bound`` holds for every mapping that was not costed yet; ``finished`` says that nothing is left that could be
    better than the best one by the gap asked for, nor (unless the gap is ``coarse``) as good and higher in rank.
    """

    def __init__(self, problem: LayerProblem, best: BestFew, *, coarse_gap: float | None = None) -> None:
        self.bound = compulsory(problem)
        self.finished = False
        self.num_slices = 0
        self.costed = 0
        self._problem, self._best, self._gap = problem, best, coarse_gap
        self._scorer = Scorer(problem)
        self._space = OpenSpace(problem, self._go_on)
        self._until, self._stopping = math.inf, threading.Event()

    def run(self, deadline: float, stopping: threading.Event) -> None:
        """Work until finished, or until the deadline (a reading of ``time.monotonic``) or a stop."""
        self._until, self._stopping = deadline, stopping
        try:
            factors, floors = self._sorted_slices()
            first = 0
            while first < len(floors) and floors[first] <= self._limit():
                self.bound = max(self.bound, float(floors[first]))
                count = FEW_SLICES if first < 4 * FEW_SLICES else MANY_SLICES
                self._cost(self._space.slices_with(factors[:, first : first + count]))
                first += count
        except TimeoutError:
            return
        self.finished, self.bound = True, math.inf

    def _limit(self) -> float:
        """The largest objective that is still of interest."""
        return self._best.value if self._gap is None else self._best.value * (1 - self._gap)

    def _interesting(self, floors: Iterable[PairCosts | SliceFloor], size: int) -> Mask:
        """Where some pair of classes may improve on the incumbent, or be as good and higher in rank."""
        mask, limit, tie = np.zeros(size, dtype=bool), self._limit(), self._best.tie
        for floor in floors:
            value, other = by_objective(self._problem.objective, floor)
            mask |= (value < limit) | ((value == limit) & (other <= tie) & (value < np.inf))
        return mask

    def _sorted_slices(self) -> tuple[Array, Array]:
        """DRAM factors of all interesting slices, of shape (dimensions, n), and their bounds, rising."""
        kept: list[Array] = [np.ones((len(self._problem.nest.dims), 0))]
        values: list[Array] = [np.ones(0)]
        for slices in self._space.slices():
            bounds, mask = self._slice_bounds(slices)
            kept.append(slices[DRAM][:, mask])
            values.append(bounds[mask])
            self.num_slices += int(mask.sum())
            if self.num_slices > MOST_SLICES:
                raise TimeoutError
        factors, floors = np.concatenate(kept, axis=1), np.concatenate(values)
        order = np.argsort(floors, kind="stable")
        return factors[:, order], floors[order]

    def _slice_bounds(self, slices: Array) -> tuple[Array, Mask]:
        """Lower bounds of slices, and which are interesting."""
        floors = self._space.bounds_of_slices(slices)
        values = [by_objective(self._problem.objective, floor)[0] for floor in floors]
        return np.minimum.reduce(values), self._interesting(floors, slices.shape[2])

    def _cost(self, slices: Array) -> None:
        """Cost what bounds leave of some slices."""
        _, mask = self._slice_bounds(slices)  # the incumbent may have improved since they were sorted
        for tiles in self._space.array_tiles(slices[:, :, mask]):
            interesting = self._interesting(self._space.bounds_of_array_tiles(tiles), tiles.shape[2])
            for levels in self._space.tilings(tiles[:, :, interesting]):
                self._best.offer(self._scorer.scores(levels), levels)
                self.costed += levels.shape[2]

    def _go_on(self) -> None:
        if time.monotonic() > self._until or self._stopping.is_set():
            raise TimeoutError


def compulsory(problem: LayerProblem) -> float:
    """A lower bound that needs no search: every multiply-accumulate with its register accesses, on all PEs."""
    nest, price = problem.nest, problem.architecture.access_energy_pj
    energy = math.floor(nest.num_macs * (price.mac + nest.rf_accesses_per_mac * price.rf) * (1 - 1e-12))
    cycles = -(-nest.num_macs // problem.architecture.pes)
    return float({"energy": energy, "latency": cycles, "edp": energy * cycles * (1 - 1e-12)}[problem.objective])
