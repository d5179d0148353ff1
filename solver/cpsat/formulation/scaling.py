"""From real numbers to the solver's integers, always rounding towards the safe side.

The value of a term, ``c * 2**(L / LOG_SCALE)`` with ``L`` the scaled logarithm of its monomial, is bounded from below
by lines in ``L``: ``D * value >= a * L + b`` in integers. Where the reachable points of ``L`` are known, lines run
through neighbouring points and ``b`` is lowered until no reachable point is cut; elsewhere they are tangents, lowered
by what rounding the logarithms can amount to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....model.dmazerunner.relaxation.logarithms import LOG_SCALE, ValueRange

COST_UNITS = 1 << 21
"""The largest admissible cost in solver units: one unit is 4.8e-7 of it."""

GAP_UNITS = 16
"""Units of cost below which a gap counts as none."""

WEIGHT_SCALE = 1 << 12
"""Denominator of the weights ``1 - share / v`` of a row."""

MAX_LINES = 24
"""Lines that bound one term from below."""

SLOPE_BITS = 17
"""Slopes keep at least this many bits (at 1,000 rounding alone lost 1.4 % of the bound)."""

MAX_PRODUCT = 1 << 50
"""Bound on every product of a coefficient and a value in a line."""

MAX_ACTIVITY = 1 << 62
"""Bound on the sum of absolute values of any constraint, below the solver's 64 bits."""


def coarse_gap(relative_gap: float) -> float | None:
    """A gap above the solver's own resolution; ``None`` for a smaller one, which costs no more to prove than no gap."""
    return relative_gap if relative_gap > GAP_UNITS / COST_UNITS else None


@dataclass(frozen=True)
class Line:
    """``scale * value >= slope * log + offset``."""

    scale: int
    slope: int
    offset: int


def lower_lines(value_range: ValueRange, coefficient: float, cap: float) -> list[Line]:
    """Lines below ``coefficient * value`` rounded down, for every reachable point of at most ``cap`` (in units).

    The solver's values are integers: a line above the rounded value would round it up, and sums of such values lie
    above the true sum.
    """
    if value_range.logs is not None and value_range.values is not None:
        heights = coefficient * value_range.values
        inside = heights <= cap * (1 + 1e-9)
        return _chords(value_range.logs[inside], np.floor(heights[inside]))
    return _tangents(value_range, coefficient, cap)


def _chords(logs: NDArray[np.int64], heights: NDArray[np.float64]) -> list[Line]:
    if not heights.any():
        return []
    if len(logs) == 1:
        return [Line(1, 0, int(heights[0]))]
    edges = range(len(logs) - 1)
    chosen = list(edges) if len(edges) <= MAX_LINES else _spread(heights)
    lines: list[Line] = []
    for i in chosen:
        slope = float(heights[i + 1] - heights[i]) / float(logs[i + 1] - logs[i])
        scale = _scale_for(slope, float(heights[-1]))
        rounded = round(slope * scale)
        room = scale * heights - rounded * logs.astype(np.float64)
        lines.append(Line(scale, rounded, math.floor(float(room.min())) - 1))
    return lines


def _spread(heights: NDArray[np.float64]) -> list[int]:
    """Edges at geometrically falling heights: dense near the top, where an optimum lies."""
    top = float(heights[-1])
    wanted = top * 0.86 ** np.arange(MAX_LINES)
    edges = np.clip(np.searchsorted(heights, wanted) - 1, 0, len(heights) - 2)
    return sorted({int(edge) for edge in edges})


def _tangents(value_range: ValueRange, coefficient: float, cap: float) -> list[Line]:
    base = coefficient * 2.0 ** (-value_range.slack / LOG_SCALE)
    top = min(cap, base * 2.0 ** (value_range.high / LOG_SCALE))
    lines: list[Line] = []
    if top < 1:
        return lines
    for height in (top * 0.86**k for k in range(MAX_LINES)):
        slope = height * math.log(2) / LOG_SCALE
        scale = _scale_for(slope, top)
        rounded = round(slope * scale)
        if rounded == 0:
            continue
        touch = LOG_SCALE * math.log2(rounded * LOG_SCALE / (scale * base * math.log(2)))
        offset = rounded * LOG_SCALE / math.log(2) - rounded * touch
        error = 1 + abs(offset) * 1e-12 + rounded * abs(touch) * 1e-12
        lines.append(Line(scale, rounded, math.floor(offset - error) - scale))  # one unit less: values are integers
    return lines


def _scale_for(slope: float, top: float) -> int:
    """A power of two that leaves the slope its bits, within the range of products."""
    wanted = 2.0**SLOPE_BITS / max(abs(slope), 1e-12)
    most = MAX_PRODUCT / max(top, 1.0)
    return 1 << max(0, math.floor(math.log2(min(wanted, most))))
