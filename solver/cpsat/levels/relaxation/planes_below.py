"""Planes below a table of numbers, which tell a linear relaxation what the table's entries are at the least."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from .index_components import Table

MOST_PLANES, MOST_ENTRIES = 24, 512
"""Planes of one table; tables with more entries get none, for their planes say little."""
SLOPE_SCALE = 1 << 10
"""Denominator of the slopes."""
ROUGH = 1e-6
"""Planes that would have to be lowered by more than this share of the entry that they touch are left out."""


def planes_below(table: Table) -> Iterator[tuple[int, tuple[int, ...]]]:
    """A constant and a slope along every axis, times ``SLOPE_SCALE``: nowhere above the entries.

    Each goes through an entry, as steep as the entry's growth to its neighbours: below products of powers, for they are
    convex.
    """
    if table.size > MOST_ENTRIES or table.min() <= 0:
        return
    values, places = table.astype(np.float64), np.indices(table.shape)
    growth = [_growth(values, axis) for axis in range(table.ndim)]
    points = list(np.ndindex(*table.shape))
    for point in points[:: max(1, len(points) // MOST_PLANES)]:
        slopes = [float(rate[point]) * values[point] for rate in growth]
        rise = sum(slope * (along - at) for slope, along, at in zip(slopes, places, point, strict=True))
        if (values - values[point] - rise).min() < -ROUGH * values[point]:
            continue
        steps = tuple(math.floor(slope * SLOPE_SCALE) for slope in slopes)
        below = table * SLOPE_SCALE - sum(step * along for step, along in zip(steps, places, strict=True))
        yield int(below.min()), steps


def _growth(values: npt.NDArray[np.float64], axis: int) -> npt.NDArray[np.float64]:
    """The logarithmic growth from an entry to the next one along an axis, at the last one from the one before."""
    growth = np.diff(np.log(values), axis=axis)
    return np.concatenate([growth, np.take(growth, [-1], axis=axis)], axis=axis)
