"""Enumeration with bounds, most promising slices first: a proof without a solver, with a bound at any time.

All choices of DRAM factors (slices) get a lower bound on the exact objective (:mod:`..model.batch_floor`) and are
worked through in its order. Within a slice SPM factors are chosen next and bounded again; what is left is costed
exactly and may become the incumbent. The bound of the next slice holds for everything that was not costed.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from ..model.batch import DRAM, RF, SPATIAL, SPM, Array, Mask, TilingBatch
from ..model.batch_cost import PairCosts
from ..model.batch_floor import FloorModel, SliceFloor
from ..model.batch_legality import allowed, spm_banks
from .backend import LayerProblem
from .scoring import BestFew, Scorer, by_objective, within_traffic_limits
from .splitting import Step, split_off, steps_of_level

CHUNK = 1 << 15
"""Partial tilings per array."""

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
        self.bound = 0.0
        self.finished = False
        self.num_slices = 0
        self.costed = 0
        self._problem, self._best, self._gap = problem, best, coarse_gap
        self._scorer = Scorer(problem)
        self._floor = FloorModel(problem.nest, problem.architecture, problem.constraints)
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
                self._cost(self._with_dram(factors[:, first : first + count]))
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
            mask |= (value < limit) | ((value == limit) & (other <= tie))
        return mask

    def _sorted_slices(self) -> tuple[Array, Array]:
        """DRAM factors of all interesting slices, of shape (dimensions, n), and their bounds, rising."""
        nest = self._problem.nest
        start = np.ones((4, len(nest.dims), 1))
        start[RF] = np.array(nest.bounds, dtype=np.float64)[:, None]
        kept: list[Array] = [np.ones((len(nest.dims), 0))]
        values: list[Array] = [np.ones(0)]
        for slices in self._grow(start, self._steps(DRAM), self._may_fit_spm):
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
        problem, batch = self._problem, TilingBatch(self._problem.nest, slices)
        within = within_traffic_limits(problem.constraints, self._floor.model, batch)
        floors = list(self._floor.slices(batch))
        if within is not None:
            floors = [_where(floor, within[floor.dram_class]) for floor in floors]
        values = [by_objective(problem.objective, floor)[0] for floor in floors]
        enough = self._floor.most_pes(batch) / problem.architecture.pes >= problem.constraints.min_utilization.pe
        return np.minimum.reduce(values), self._interesting(floors, batch.size) & enough

    def _with_dram(self, factors: Array) -> Array:
        """Partial tilings with the given DRAM factors, everything else still to be split off the RF level."""
        slices = np.ones((4, *factors.shape))
        slices[DRAM] = factors
        slices[RF] = np.array(self._problem.nest.bounds, dtype=np.float64)[:, None] / factors
        return slices

    def _cost(self, slices: Array) -> None:
        """Cost what bounds leave of some slices."""
        problem = self._problem
        _, mask = self._slice_bounds(slices)  # the incumbent may have improved since they were sorted
        for tiles in self._grow(slices[:, :, mask], self._steps(SPM)):
            open_ones = tiles[:, :, self._interesting(self._pairs(tiles), tiles.shape[2])]
            for tilings in self._grow(open_ones, self._steps(SPATIAL), self._have_pes):
                legal = allowed(problem.nest, problem.architecture, problem.constraints, tilings)
                if legal.any():
                    levels = np.ascontiguousarray(tilings[:, :, legal])
                    self._best.offer(self._scorer.scores(levels), levels)
                    self.costed += levels.shape[2]

    def _pairs(self, tiles: Array) -> Iterator[PairCosts]:
        return self._floor.array_tiles(TilingBatch(self._problem.nest, tiles))

    def _steps(self, level: int) -> tuple[Step, ...]:
        return steps_of_level(self._problem.nest, self._problem.constraints, level)

    def _grow(
        self, partial: Array, steps: Sequence[Step], keep: Callable[[Array, int], Mask] | None = None
    ) -> Iterator[Array]:
        """Split off one level's factors dimension by dimension; ``keep`` is told how many dimensions are chosen."""
        if time.monotonic() > self._until or self._stopping.is_set():
            raise TimeoutError
        if partial.shape[2] == 0 or not steps:
            yield from [partial] if partial.shape[2] else []
            return
        for first in range(0, partial.shape[2], CHUNK):
            grown = split_off(partial[:, :, first : first + CHUNK], RF, steps[0])
            if keep is not None:
                grown = grown[:, :, keep(grown, steps[0].dim + 1)]
            for piece in range(0, grown.shape[2], CHUNK):
                yield from self._grow(grown[:, :, piece : piece + CHUNK], steps[1:], keep)

    def _may_fit_spm(self, partial: Array, num_chosen: int) -> Mask:
        """Which SPM tiles still fit, with dimensions to come taken as 1."""
        smallest = partial.copy()
        smallest[RF, num_chosen:] = 1
        architecture = self._problem.architecture
        return spm_banks(TilingBatch(self._problem.nest, smallest), architecture) <= architecture.spm.banks

    def _have_pes(self, partial: Array, _: int) -> Mask:
        batch = TilingBatch(self._problem.nest, partial)
        return batch.product_except(SPATIAL, ()) <= self._problem.architecture.pes


def _where(floor: SliceFloor, kept: Mask) -> SliceFloor:
    """A floor that is infinite where a traffic limit is exceeded."""
    energy, cycles = (np.where(kept, values, np.inf) for values in (floor.energy_pj, floor.cycles))
    return SliceFloor(floor.dram_class, energy, cycles)
