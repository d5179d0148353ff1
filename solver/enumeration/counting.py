"""How many tilings fit and pass, counted without listing them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ...model.dmazerunner.legality import TRAFFIC_LIMITS
from ...model.dmazerunner.vectorised.batch import DRAM, RF, SPATIAL, SPM
from ..backend import PublishedProblem
from ..deadline import NEVER, Deadline
from ..spaces.tile_lattice import TileSets, pins_of

PAIRS = 1 << 17
"""Pairs looked up at a time."""


@dataclass(frozen=True)
class CountingLimits:
    """Up to where tilings are counted.

    Attributes:
        largest_table: entries of the largest table of counts.
        most_pairs: pairs of spatial and RF factors up to which counting takes a few seconds at most.
    """

    largest_table: int = 1 << 24
    most_pairs: int = 1 << 28


COUNTING_LIMITS = CountingLimits()


def num_allowed_tilings(
    problem: PublishedProblem, deadline: Deadline = NEVER, limits: CountingLimits = COUNTING_LIMITS
) -> int | None:
    """Number of tilings that fit and pass the constraints that do not depend on loop orders.

    It is the sum, over all pairs of allowed spatial and RF factors, of the number of allowed SPM tiles that their
    product divides (:mod:`..spaces.tile_lattice`). None where there are too many pairs to be worth it, or when the
    ``deadline`` passes.

    Example:
        >>> num_allowed_tilings(problem)  # doctest: +SKIP
        17545176
    """
    pins = pins_of(problem)
    if pins is None:
        return 0
    without_limits = problem.constraints.model_copy(update=dict.fromkeys(TRAFFIC_LIMITS))
    problem, sets = replace(problem, constraints=without_limits), TileSets(problem.nest)
    lattice = sets.lattice
    if not lattice.is_small or math.prod(lattice.products) > limits.largest_table:
        return None
    spatial = lattice.positions(sets.spatial_factors(problem, pins[SPATIAL]))
    rf = lattice.positions(sets.rf_factors(problem, pins[RF]))
    few, many = sorted((spatial, rf), key=len)
    if len(few) * len(many) > limits.most_pairs:
        return None
    counts, number = lattice.counts(sets.spm_tiles(problem, pins[DRAM]), pins[SPM]), 0
    step = max(1, PAIRS // max(1, len(many)))
    for first in range(0, len(few), step):
        number += int(counts[few[first : first + step, None] + many].sum())
        if deadline.passed:
            return None
    return number
