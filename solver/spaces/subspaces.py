"""Subspaces of the space: all tilings with the same DRAM factors, hence the same SPM tile.

A subspace is small enough to be scored as a whole on the vectorised exact model, often in milliseconds. All its
tilings, under every pair of reuse classes, are then enumerated exactly. Where memories are large a subspace is cut
finer, by the SPM factors as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...model.dmazerunner.vectorised.batch import DRAM, SPM, Array, Mask, TilingBatch
from ...model.dmazerunner.vectorised.batch_legality import fits
from ...model.mapping import Tiling
from ..backend import PublishedProblem
from ..deadline import Deadline

CHUNK = 1 << 15


MOST_COMBINATIONS = 1_000_000
"""Combinations of factors, fitting or not, up to which a subspace is not cut finer."""


@dataclass(frozen=True)
class Subspace:
    """All tilings with the given DRAM factors and, unless None, the given SPM factors."""

    dram: tuple[int, ...]
    spm: tuple[int, ...] | None = None


class Subspaces:
    """Finds and streams subspaces of one layer's space; those of more than ``most_combinations`` are cut finer."""

    def __init__(self, problem: PublishedProblem, most_combinations: int = MOST_COMBINATIONS) -> None:
        self._problem, self._most_combinations = problem, most_combinations
        self._options = problem.cost_model.factorisations(problem.nest, problem.constraints)

    def around(self, tiling: Tiling) -> Subspace:
        """The subspace that holds a tiling, of a size that is quickly scored."""
        whole = Subspace(tiling.dram)
        if math.prod(len(rows) for rows in self._choices(whole)) <= self._most_combinations:
            return whole
        return Subspace(tiling.dram, tiling.spm)

    def tilings(self, part: Subspace, deadline: Deadline) -> Iterator[Array]:
        """Allowed tilings of a subspace, in arrays of shape (4, dimensions, n).

        Raises:
            TimeoutError: when the deadline passes before all are out.
        """
        choices = self._choices(part)
        order = sorted(range(len(choices)), key=lambda dim: len(choices[dim]))
        start = np.ones((4, len(choices), 1))
        yield from self._expand(start, [(dim, choices[dim]) for dim in order], deadline)

    def _choices(self, part: Subspace) -> list[Array]:
        """For every dimension its factorisations within the subspace, of shape (number, 4)."""
        choices = [rows[rows[:, DRAM] == factor] for rows, factor in zip(self._options, part.dram, strict=True)]
        if part.spm is None:
            return choices
        return [rows[rows[:, SPM] == factor] for rows, factor in zip(choices, part.spm, strict=True)]

    def _expand(self, partial: Array, steps: list[tuple[int, Array]], deadline: Deadline) -> Iterator[Array]:
        deadline.check()
        if not steps:
            nest, architecture = self._problem.nest, self._problem.architecture
            legal = self._problem.cost_model.allowed(nest, architecture, self._problem.constraints, partial)
            if legal.any():
                yield np.ascontiguousarray(partial[:, :, legal])
            return
        (dim, rows), rest = steps[0], steps[1:]
        width = max(1, CHUNK // max(len(rows), 1))
        for first in range(0, partial.shape[2], width):
            part = partial[:, :, first : first + width]
            grown = np.repeat(part, len(rows), axis=2)
            grown[:, dim, :] = np.tile(rows.T, (1, part.shape[2]))
            grown = grown[:, :, self._may_fit(grown)]
            if grown.shape[2]:
                yield from self._expand(grown, rest, deadline)

    def _may_fit(self, partial: Array) -> Mask:
        """Which partial tilings still fit PEs and register files; dimensions to come are taken as 1."""
        batch, (pes, rf, _) = (
            TilingBatch(self._problem.nest, partial),
            self._problem.cost_model.capacities(self._problem.architecture),
        )
        return fits(batch, pes) & fits(batch, rf)
