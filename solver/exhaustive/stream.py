"""All tilings that fit and pass the constraints, streamed in bounded memory.

The factors are chosen level by level (spatial, then register file, then SPM), dimension by dimension; what is left of
a bound goes to DRAM. After every choice the partial tilings that can no longer fit are dropped: footprints only grow
with the factors still to be chosen, so that nothing legal is lost.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...model.architecture import Architecture
from ...model.batch import DRAM, RF, SPATIAL, SPM, Array, Mask, TilingBatch
from ...model.batch_legality import allowed, rf_bytes, spm_banks
from ...model.constraints import Constraints
from ...model.loop_nest import LoopNest
from ..splitting import Step, split_off, steps_of_level

CHUNK = 1 << 15
"""Tilings per array: large enough for numpy, small enough to stay in the cache."""

ORDER = (SPATIAL, RF, SPM)


@dataclass(frozen=True)
class TilingStream:
    """The tilings of one layer that fit and pass the constraints that do not depend on loop orders.

    The stream breaks off at the ``deadline`` (a reading of ``time.monotonic``). ``chunk`` is the most tilings per
    array: a small one reaches the first tilings sooner, a large one all of them.
    """

    nest: LoopNest
    architecture: Architecture
    constraints: Constraints
    deadline: float = math.inf
    chunk: int = CHUNK

    def __iter__(self) -> Iterator[Array]:
        """Arrays of shape (4, dimensions, n) with n at most ``chunk``."""
        nest = self.nest
        start = np.ones((4, len(nest.dims), 1))
        start[DRAM] = np.array(nest.bounds, dtype=np.float64)[:, None]
        waiting: list[Array] = []
        for leaf in self._expand(start, self._steps()):
            waiting.append(leaf)
            if sum(part.shape[2] for part in waiting) >= self.chunk // 2:
                yield from self._finish(waiting)
                waiting = []
        yield from self._finish(waiting)

    def _steps(self) -> tuple[Step, ...]:
        return tuple(step for level in ORDER for step in steps_of_level(self.nest, self.constraints, level))

    def _expand(self, partial: Array, steps: tuple[Step, ...]) -> Iterator[Array]:
        if partial.shape[2] == 0 or time.monotonic() > self.deadline:
            return
        if not steps:
            yield partial
            return
        step, rest = steps[0], steps[1:]
        last = rest == () or rest[0].level != step.level
        for first in range(0, partial.shape[2], self.chunk):
            grown = split_off(partial[:, :, first : first + self.chunk], DRAM, step)
            grown = grown[:, :, self._may_fit(grown, step.level, complete=last)]
            for piece in range(0, grown.shape[2], self.chunk):
                yield from self._expand(grown[:, :, piece : piece + self.chunk], rest)

    def _may_fit(self, partial: Array, level: int, *, complete: bool) -> Mask:
        """Which partial tilings still fit; once a level is complete its least utilisation is asked for as well."""
        batch, arch = TilingBatch(self.nest, partial), self.architecture
        asked = self.constraints.min_utilization
        if level == SPATIAL:
            pes = batch.product_except(SPATIAL, ())
            return (pes <= arch.pes) & (pes / arch.pes >= asked.pe if complete else True)
        if level == RF:
            used = rf_bytes(batch, arch)
            return (used <= arch.rf_bytes_per_pe) & (used / arch.rf_bytes_per_pe >= asked.rf if complete else True)
        return spm_banks(batch, arch) <= arch.spm.banks

    def _finish(self, parts: list[Array]) -> Iterator[Array]:
        if not parts:
            return
        whole = np.concatenate(parts, axis=2)
        whole = whole[:, :, allowed(self.nest, self.architecture, self.constraints, whole)]
        for first in range(0, whole.shape[2], self.chunk):
            yield np.ascontiguousarray(whole[:, :, first : first + self.chunk])
