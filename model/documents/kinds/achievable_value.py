"""How far a limit would have to be moved for a mapping to keep it."""

from __future__ import annotations

from ...base import Flag, Model


class AchievableValue(Model):
    """What can be had of something that a constraint limits, all other constraints and all capacities kept.

    In the unit of the constraint: bytes, DMA invocations, words, or a share in 0..1. Of limits on the most
    (`max_dram_bytes` and the like) it is the least value that some mapping has, of limits on the least
    (`min_utilization`) the greatest.
    """

    value: int | float | None
    """The best value that a mapping was found to keep, in the unit of the constraint; null where none was found in
    time."""
    bound: int | float
    """No mapping has a better value than this one, in the unit of the constraint."""
    proved: Flag
    """Whether `value` is the best of all; else the best one lies between `bound` and `value`."""
