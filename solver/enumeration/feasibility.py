"""Whether a layer has any mapping at all, decided without listing its mappings."""

from __future__ import annotations

import numpy as np

from ...model.dmazerunner.vectorised.batch import DRAM, RF, SPATIAL, SPM
from ...model.loop_nest import LoopNest
from ..backend import PublishedProblem
from ..deadline import Deadline
from ..search.scoring import Scorer
from ..spaces.tile_lattice import LARGEST_TABLE, Pins, TileSets, pins_of
from .stream import TilingStream

PAIRS = 1 << 17
"""Products of spatial and RF factors looked up at a time."""

FIRST_FEW = 1 << 8
"""Tilings per array where the first one is all that is wanted."""


class Feasibility:
    """Decides whether problems that differ in capacities and constraints alone have any mapping.

    Sets of tile sizes are kept from one problem to the next. Where tables would be larger than ``largest_table`` bytes,
    tilings are streamed instead.
    """

    def __init__(self, nest: LoopNest, largest_table: int = LARGEST_TABLE) -> None:
        self.sets = TileSets(nest, largest_table)

    def decide(self, problem: PublishedProblem, deadline: Deadline) -> bool | None:
        """Whether some mapping fits and keeps all constraints; ``None`` when the ``deadline`` came first."""
        if deadline.passed:
            return None
        pins = pins_of(problem)
        if pins is None:
            return False
        small = self.sets.lattice.is_small
        return self._has_product(problem, pins, deadline) if small else _has_tiling(problem, deadline)

    def _has_product(self, problem: PublishedProblem, pins: tuple[Pins, ...], deadline: Deadline) -> bool | None:
        """The decision from the sets of spatial factors, RF factors and SPM tiles."""
        sets, lattice, in_spm = self.sets, self.sets.lattice, pins[SPM]
        table = lattice.table(sets.spm_tiles(problem, pins[DRAM]), in_spm)
        spatial = lattice.least(sets.spatial_factors(problem, pins[SPATIAL]), in_spm)
        rf = lattice.least(sets.rf_factors(problem, pins[RF]), in_spm)
        few, many = sorted((spatial, rf), key=len)
        step = max(1, PAIRS // max(1, len(many)))
        for first in range(0, len(few), step):
            if table[few[first : first + step, None] + many].any():
                return True
            if deadline.passed:
                return None
        return False


def _has_tiling(problem: PublishedProblem, deadline: Deadline) -> bool | None:
    """The decision by looking for the first tiling."""
    scorer = Scorer(problem)
    for levels in TilingStream(problem, deadline, FIRST_FEW):
        if np.isfinite(scorer.scores(levels).values).any():
            return True
    return None if deadline.passed else False
