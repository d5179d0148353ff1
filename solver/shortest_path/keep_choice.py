"""One choice of what is kept where, as a search goes through it."""

from __future__ import annotations

import math

from .space.keeping import Given
from .sweeping.sweep import Sweeper


class Choice:
    """One choice of what is kept where: a lower bound on its mappings, and what sweeps over it once it is needed.

    No mapping of it is below its bound. It is ``closed`` when sweeps find no more: one at the bound was found, or none
    is better than the best mapping of all.
    """

    def __init__(self, given: Given, bound: float) -> None:
        self.given, self.bound, self.closed = given, bound, math.isinf(bound)
        self.sweeper: Sweeper | None = None
