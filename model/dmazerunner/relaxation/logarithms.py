"""Logarithms as integers, rounded to the nearest, and where the logarithm of a monomial can lie.

They are counted in units of ``1 / LOG_SCALE`` of a binary order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LOG_SCALE = 1 << 16
"""Units per binary order; one unit is a relative step of 1.06e-5."""


def scaled_log(value: float) -> int:
    """The scaled binary logarithm of a positive number, rounded to the nearest."""
    return round(math.log2(value) * LOG_SCALE)


@dataclass(frozen=True)
class ValueRange:
    """Where a monomial's scaled logarithm can lie.

    With ``logs`` and ``values`` (both rising, the least true value of each logarithm) the points are complete; without,
    ``low`` and ``high`` bound the logarithm, and ``slack`` how far it can lie above the true one.
    """

    low: int
    high: int
    slack: float
    logs: NDArray[np.int64] | None = None
    values: NDArray[np.float64] | None = None

    @classmethod
    def of_points(cls, logs: NDArray[np.int64], values: NDArray[np.float64]) -> ValueRange:
        """Complete points; of equal logarithms the least value is kept."""
        order = np.lexsort((values, logs))
        kept, first = np.unique(logs[order], return_index=True)
        return cls(int(kept[0]), int(kept[-1]), 0.0, kept, values[order][first])

    @property
    def points(self) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
        """Logarithms and values where the points are complete."""
        return None if self.logs is None or self.values is None else (self.logs, self.values)

    @property
    def least(self) -> float:
        """A lower bound on the monomial's value."""
        if self.values is not None:
            return float(self.values.min())
        return 2.0 ** ((self.low - self.slack) / LOG_SCALE)

    @property
    def most(self) -> float:
        """An upper bound on the monomial's value."""
        if self.values is not None:
            return float(self.values.max())
        return 2.0 ** ((self.high + self.slack) / LOG_SCALE)

    def most_within(self, limit: float) -> float:
        """An upper bound on the monomial's values that are at most ``limit``; 0 when there are none."""
        if self.values is None:
            return min(self.most, limit)
        inside = self.values[self.values <= limit * (1 + 1e-12)]
        return float(inside.max()) if len(inside) else 0.0

    def times(self, other: ValueRange, slack: float, max_points: int) -> ValueRange:
        """The range of a product of independent parts; ``slack`` is used once there are too many points to keep."""
        own, others = self.points, other.points
        if own is not None and others is not None and len(own[0]) * len(others[0]) <= 64 * max_points:
            logs = np.add.outer(own[0], others[0]).ravel()
            joint = ValueRange.of_points(logs, np.multiply.outer(own[1], others[1]).ravel())
            if joint.logs is not None and len(joint.logs) <= max_points:
                return joint
        return ValueRange(self.low + other.low, self.high + other.high, slack)

    def highest_within(self, limit: float) -> int:
        """The largest logarithm whose true value can be at most ``limit``; below :attr:`low` when none can."""
        if self.logs is not None and self.values is not None:
            inside = self.logs[self.values <= limit * (1 + 1e-12)]
            return int(inside[-1]) if len(inside) else self.low - 1
        if limit <= 0:
            return self.low - 1
        return min(self.high, math.floor(math.log2(limit) * LOG_SCALE + self.slack + 1))
