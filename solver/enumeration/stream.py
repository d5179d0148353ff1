"""All tilings that fit and pass the constraints, streamed in bounded memory.

A tiling is a *split* of a PE-array tile over PEs and register files, together with a way to complete that tile to an
SPM tile. PEs and register files depend on the former alone, the SPM on the latter. So the tilings with one PE-array
tile are a product: all splits of it that fit, with all SPM tiles over it that fit. Both are grown dimension by
dimension, and what can no longer fit or pass is dropped on the way (:mod:`..spaces.partial_legality`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ...model.dmazerunner.vectorised.batch import DRAM, RF, SPATIAL, SPM, Array, Mask, TilingBatch
from ...model.dmazerunner.vectorised.batch_legality import fits
from ..backend import PublishedProblem
from ..deadline import NEVER, Deadline
from ..spaces.branching import Indices, chosen_of, grow, most_rows, spread, steps
from ..spaces.partial_legality import splits_may_pass, spm_tiles_may_pass

CHUNK = 1 << 14
"""Tilings per array: large enough for numpy, small enough to stay in the cache."""


@dataclass(frozen=True)
class Part:
    """One of several disjoint parts of a space, of about the same size; ``number`` counts from 0."""

    number: int
    of: int


WHOLE = Part(0, 1)


@dataclass(frozen=True)
class TilingStream:
    """The tilings of one layer that fit and pass the constraints that do not depend on loop orders.

    Iteration breaks off at the ``deadline``. ``chunk`` is the most tilings per array: a small one reaches the first
    tilings sooner, a large one all of them.
    """

    problem: PublishedProblem
    deadline: Deadline = NEVER
    chunk: int = CHUNK

    def __iter__(self) -> Iterator[Array]:
        """Arrays of shape (4, dimensions, n) with n at most ``chunk``."""
        try:
            yield from tilings_of(self.problem, self.deadline.check, self.chunk)
        except TimeoutError:
            return


def tilings_of(
    problem: PublishedProblem, go_on: Callable[[], None], chunk: int = CHUNK, part: Part = WHOLE
) -> Iterator[Array]:
    """The tilings of a part of a problem's space that fit and pass, in arrays of shape (4, dimensions, n <= chunk).

    ``go_on`` is called often; what it raises ends the stream.
    """
    return _Products(problem, go_on, chunk).arrays(part)


class _Products:
    """The products of splits and SPM tiles, PE-array tile by PE-array tile."""

    def __init__(self, problem: PublishedProblem, go_on: Callable[[], None], chunk: int) -> None:
        nest, constraints = problem.nest, problem.constraints
        self._problem, self._go_on, self._chunk, self._most = problem, go_on, chunk, min(chunk, most_rows(nest))
        self._tile_steps = steps(nest, constraints, RF, chosen=(RF, SPATIAL), left=(DRAM, SPM))
        self._split_steps = steps(nest, constraints, SPATIAL, chosen=(SPATIAL,), left=(RF,))
        self._spm_steps = steps(nest, constraints, SPM, chosen=(SPM,), left=(DRAM,))

    def arrays(self, part: Part) -> Iterator[Array]:
        """The tilings of a part."""
        split_passes, spm_passes = (partial(rule, self._problem) for rule in (splits_may_pass, spm_tiles_may_pass))
        for tiles in self._pe_array_tiles(part):
            for splits in grow(tiles, RF, self._split_steps, self._most, self._go_on, split_passes):
                numbers = self._numbers(splits[RF] * splits[SPATIAL])
                split_tiles = _whole_tiles(splits[:, :, np.flatnonzero(np.diff(numbers, prepend=-1))])
                for spm_tiles in grow(split_tiles, DRAM, self._spm_steps, self._most, self._go_on, spm_passes):
                    yield from self._combined(splits, numbers, spm_tiles)

    def _combined(self, splits: Array, numbers: Indices, spm_tiles: Array) -> Iterator[Array]:
        """Every split with every SPM tile over the same PE-array tile; both are in the order of the tiles' numbers."""
        of_spm_tiles = self._numbers(spm_tiles[RF])
        first = np.searchsorted(of_spm_tiles, numbers, side="left")
        count = np.searchsorted(of_spm_tiles, numbers, side="right") - first
        for split, place in spread(count, self._chunk):
            self._go_on()
            levels = np.empty((*splits.shape[:2], len(split)))
            for level in (RF, SPATIAL):
                np.take(splits[level], split, axis=1, out=levels[level])
            for level in (DRAM, SPM):
                np.take(spm_tiles[level], first[split] + place, axis=1, out=levels[level])
            yield levels

    def _pe_array_tiles(self, part: Part) -> Iterator[Array]:
        """A part's PE-array tiles that fit the SPM; they stand in the RF level, the rest of the bounds in DRAM."""
        bounds = self._problem.nest.bounds
        start = np.ones((4, len(bounds), 1))
        start[DRAM] = np.array(bounds, dtype=np.float64)[:, None]
        lots = np.random.default_rng(0)  # every part draws the same, so that each tile falls to one of them
        for tiles in grow(start, DRAM, self._tile_steps, self._most, self._go_on, self._fit_spm):
            num_tiles: int = tiles.shape[2]
            yield chosen_of(tiles, lots.integers(part.of, size=num_tiles) == part.number)

    def _fit_spm(self, tiles: Array, _: Sequence[int]) -> Mask:
        return fits(
            TilingBatch(self._problem.nest, tiles), self._problem.cost_model.capacities(self._problem.architecture).spm
        )

    def _numbers(self, tiles: Array) -> Indices:
        """PE-array tiles, of shape (dimensions, n), numbered in the order in which they are grown."""
        numbers = np.zeros(tiles.shape[1], dtype=np.int64)
        for step in self._tile_steps:  # a number has at most as many divisors as it is large: all stay below 2**48
            sizes: Array = tiles[step.dim]
            numbers = numbers * len(step.left) + np.searchsorted(step.left, sizes)
        return numbers


def _whole_tiles(splits: Array) -> Array:
    """Splits of PE-array tiles put together again, in the RF level."""
    tiles = splits.copy()
    tiles[RF] *= tiles[SPATIAL]
    tiles[SPATIAL] = 1
    return tiles
