"""Enumeration with bounds: a space is searched as a whole, most of it without looking at single tilings.

DRAM factors are chosen first, then SPM factors, then how a PE-array tile is spread over PEs. After each of the first
two, lower bounds on the exact model (:mod:`..model.batch_floor`) rule out what cannot lie below a limit, under any
pair of reuse classes. What is left is costed exactly. No solver is involved, and no cut, hint or bound of one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ..model.batch import DRAM, RF, SPATIAL, SPM, Array, Mask, TilingBatch
from ..model.batch_floor import FloorModel
from ..model.batch_legality import allowed, spm_banks
from ..model.tilings import allowed_factorisations, num_tilings
from .backend import LayerProblem
from .exhaustive.stream import TilingStream
from .refutation import Refutation
from .scoring import BestFew, Scorer, by_objective, within_traffic_limits
from .splitting import Step, split_off, steps_of_level

CHUNK = 1 << 15


class BoundedTilings:
    """The allowed tilings of a problem, without those whose objective provably is at least ``limit``.

    Iteration gives arrays of shape (4, dimensions, n); the deadline is a reading of ``time.monotonic``.

    Raises:
        TimeoutError: when the deadline passes before all are out.
    """

    def __init__(self, problem: LayerProblem, limit: float, deadline: float = math.inf) -> None:
        self._problem, self._limit, self._deadline = problem, limit, deadline
        self._floor = FloorModel(problem.nest, problem.architecture, problem.constraints)

    def __iter__(self) -> Iterator[Array]:
        nest, architecture, constraints = self._problem.nest, self._problem.architecture, self._problem.constraints
        start = np.ones((4, len(nest.dims), 1))
        start[RF] = np.array(nest.bounds, dtype=np.float64)[:, None]
        for slices in self._grow(start, self._steps(DRAM), self._may_fit_spm):
            for array_tiles in self._grow(slices[:, :, self._slices_below(slices)], self._steps(SPM)):
                open_ones = array_tiles[:, :, self._array_tiles_below(array_tiles)]
                for tilings in self._grow(open_ones, self._steps(SPATIAL), self._have_pes):
                    legal = tilings[:, :, allowed(nest, architecture, constraints, tilings)]
                    if legal.shape[2]:
                        yield np.ascontiguousarray(legal)

    def _steps(self, level: int) -> tuple[Step, ...]:
        return steps_of_level(self._problem.nest, self._problem.constraints, level)

    def _grow(
        self, partial: Array, steps: Sequence[Step], keep: Callable[[Array, int], Mask] | None = None
    ) -> Iterator[Array]:
        """Split off one level's factors dimension by dimension; ``keep`` is told how many dimensions are chosen."""
        if time.monotonic() > self._deadline:
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

    def _slices_below(self, slices: Array) -> Mask:
        """Which choices of DRAM factors may hold a mapping below the limit, within the traffic limits."""
        problem, batch = self._problem, TilingBatch(self._problem.nest, slices)
        within = within_traffic_limits(problem.constraints, self._floor.model, batch)
        below = np.zeros(batch.size, dtype=bool)
        for floor in self._floor.slices(batch):
            value, _ = by_objective(problem.objective, floor)
            below |= (value < self._limit) & (True if within is None else within[floor.dram_class])
        enough = problem.constraints.min_utilization.pe
        return below & (self._floor.most_pes(batch) / problem.architecture.pes >= enough)

    def _array_tiles_below(self, array_tiles: Array) -> Mask:
        """Which choices of DRAM and SPM factors may hold a mapping below the limit."""
        below = np.zeros(array_tiles.shape[2], dtype=bool)
        for pair in self._floor.array_tiles(TilingBatch(self._problem.nest, array_tiles)):
            below |= by_objective(self._problem.objective, pair)[0] < self._limit
        return below


def refute_with_bounds(problem: LayerProblem, limit: float, deadline: float) -> Refutation:
    """Search the whole space for a mapping with an objective below a limit, costing only what bounds leave."""
    total = num_tilings(allowed_factorisations(problem.nest, problem.constraints))

    def told(costed: int) -> str:
        return f"{total:,} tilings, {costed:,} of them costed, the others excluded by bounds and capacities"

    return _first_below(problem, BoundedTilings(problem, limit, deadline), limit, told)


def refute_by_costing_all(problem: LayerProblem, limit: float, deadline: float) -> Refutation:
    """Search the whole space for a mapping with an objective below a limit, costing every tiling that fits."""

    def stream() -> Iterator[Array]:
        yield from TilingStream(problem.nest, problem.architecture, problem.constraints, deadline)
        if time.monotonic() > deadline:
            raise TimeoutError

    return _first_below(problem, stream(), limit, lambda costed: f"{costed:,} tilings that fit, all costed")


def _first_below(
    problem: LayerProblem, tilings: Iterator[Array] | BoundedTilings, limit: float, told: Callable[[int], str]
) -> Refutation:
    """Cost tilings exactly until one lies below the limit."""
    scorer, best, costed = Scorer(problem), BestFew(1), 0
    try:
        for levels in tilings:
            best.offer(scorer.scores(levels), levels)
            costed += levels.shape[2]
            if best.value < limit:
                return Refutation("enumeration", False, told(costed), *best.mappings(scorer))
    except TimeoutError:
        return Refutation("enumeration", False, told(costed))
    return Refutation("enumeration", True, told(costed))
