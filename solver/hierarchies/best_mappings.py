"""The best few mappings onto a hierarchy among arrays of costed ones."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np

from ...model.hierarchy.level_mapping import LevelMapping
from ...model.hierarchy.resolved_machine import ResolvedMachine
from ...model.hierarchy.vectorised.mapping_arrays import Floats, MappingArrays, level_mappings
from ...model.loop_nest import LoopNest

Key = tuple[Hashable, ...]


@dataclass(frozen=True)
class RankedMapping:
    """A mapping with its objective value and the metric that breaks ties."""

    value: float
    tie: float
    mapping: LevelMapping

    @property
    def tiling(self) -> tuple[tuple[tuple[int, ...], ...], tuple[tuple[bool, ...], ...]]:
        """What makes it distinct: factors, and what is kept."""
        return self.mapping.factors, self.mapping.kept

    @property
    def rank(self) -> tuple[float, float, Key]:
        """What mappings are sorted by."""
        return self.value, self.tie, self.tiling


@dataclass
class BestMappings:
    """The best ``size`` mappings seen so far, distinct by tiling, best first."""

    nest: LoopNest
    machine: ResolvedMachine
    size: int
    kept: list[RankedMapping] = field(default_factory=list[RankedMapping])

    def offer(self, values: Floats, ties: Floats, arrays: MappingArrays) -> None:
        """Take in costed mappings that are allowed."""
        rows = np.lexsort((ties, values))
        for row in rows.tolist():
            value, tie = float(values[row]), float(ties[row])
            if len(self.kept) >= self.size and (value, tie) > (self.kept[-1].value, self.kept[-1].tie):
                return
            self._take(RankedMapping(value, tie, level_mappings(self.nest, self.machine, arrays.rows(row, row + 1))[0]))

    def _take(self, found: RankedMapping) -> None:
        same = next((other for other in self.kept if other.tiling == found.tiling), None)
        if same is not None and (same.value, same.tie) <= (found.value, found.tie):
            return
        others = [other for other in self.kept if other is not same]
        self.kept = sorted([*others, found], key=lambda entry: entry.rank)[: self.size]
