"""Points in time by which work must end."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Deadline:
    """A time on the clock ``time.monotonic`` at which work must end; infinite where nothing limits it.

    Example:
        >>> Deadline.never().passed
        False
        >>> Deadline.after(-1).passed
        True
    """

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """So many seconds from now."""
        return cls(time.monotonic() + seconds)

    @classmethod
    def never(cls) -> Deadline:
        """No limit."""
        return cls(math.inf)

    @classmethod
    def of_limit(cls, limit_s: float | None) -> Deadline:
        """When a limit that begins now is over; without one, never."""
        return cls.never() if limit_s is None else cls.after(limit_s)

    @property
    def left_s(self) -> float:
        """Seconds until then; negative once it has passed."""
        return self.at - time.monotonic()

    @property
    def passed(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self.at

    def part(self, share: float) -> Deadline:
        """When so much of the time that is left is over."""
        return Deadline.after(self.left_s * share)

    def share(self, num_parts: int) -> Deadline:
        """When the first of so many parts of equal length must end, of the time that is left."""
        return Deadline.after(self.left_s / num_parts)

    def check(self) -> None:
        """Nothing while there is time.

        Raises:
            TimeoutError: when the time is up.
        """
        if self.passed:
            raise TimeoutError


NEVER = Deadline.never()
"""No limit, for defaults."""
