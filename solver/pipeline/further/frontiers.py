"""Where what can be had ends: between a number that can be reached and one that cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ....model.documents.kinds.achievable_value import AchievableValue

Decide = Callable[[int], bool | None]
"""Whether a number can be reached; ``None`` where that is not known in time."""

LARGEST = 2**62
"""No mapping moves so much: beyond, a limit is none."""


@dataclass(frozen=True)
class Frontier:
    """A number that was reached, if any, and the nearest one that is excluded."""

    reached: int | None
    excluded: int

    @classmethod
    def above(cls, decide: Decide, excluded: int) -> Frontier | None:
        """The frontier above a number that is excluded; ``None`` where nothing at all is reached.

        Whatever is larger than a number that is reached must be reached, too.
        """
        probe = max(2 * excluded, 1)
        while (found := decide(probe)) is not True:
            if found is None:
                return cls(None, excluded)
            if probe >= LARGEST:
                return None
            probe, excluded = min(LARGEST, 4 * probe), probe
        return cls(probe, excluded).narrowed(decide)

    @classmethod
    def below(cls, decide: Decide, excluded: int) -> Frontier | None:
        """The frontier below a number that is excluded, down to 0; ``None`` where not even that is reached.

        Whatever is smaller than a number that is reached must be reached, too.
        """
        found = decide(0)
        if found is None:
            return cls(None, excluded)
        return cls(0, excluded).narrowed(decide) if found else None

    def narrowed(self, decide: Decide) -> Frontier:
        """The frontier between neighbours, or as near to that as there was time for."""
        reached, excluded = self.reached or 0, self.excluded
        while abs(reached - excluded) > 1:
            middle = (reached + excluded) // 2
            found = decide(middle)
            if found is None:
                break
            reached, excluded = (middle, excluded) if found else (reached, middle)
        return Frontier(reached, excluded)

    def least(self) -> AchievableValue:
        """The least number that can be reached."""
        bound = self.excluded + 1
        return AchievableValue(value=self.reached, bound=bound, proved=self.reached == bound)

    def greatest(self, whole: int) -> AchievableValue:
        """The greatest number that can be reached, as a share of a whole."""
        value, bound = self.reached, self.excluded - 1
        return AchievableValue(
            value=None if value is None else value / whole, bound=bound / whole, proved=value == bound
        )
