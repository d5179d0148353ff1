"""Tiles that slide, by the ways in which words that stay are counted (hierarchy model, sections 5 and 9)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ....model.hierarchy.exact.unions import union_length

_Spread = tuple[tuple[int, int, int], ...]
"""(number of the fanout, step, copies), the inner fanouts first."""


@dataclass(frozen=True)
class _Line:
    """One axis: the tile's length, how far it has been displaced, and what fanouts spread it over."""

    length: int
    displaced: int = 0
    spread: _Spread = ()

    def share(self, fanouts: int, shift: int) -> float:
        """The share of the words of the innermost ``fanouts`` together that are there already after a shift."""
        steps = [(step, copies) for number, step, copies in self.spread if number <= fanouts]
        new = union_length(steps, min(self.length, abs(shift)))
        return 1.0 - new / union_length(steps, self.length)


@dataclass(frozen=True)
class OverlappingTile:
    """A tile of which all words stay that the one before had, at one instance or at several together (section 5).

    Example:
        >>> tile, _ = OverlappingTile.of((3,)).slid((1,), 4, 0)
        >>> tile.lines[0].displaced, tile.slid((2,), 2, 0)[1]
        (3, (0.6666666666666667,))
    """

    lines: tuple[_Line, ...]

    @classmethod
    def of(cls, lengths: tuple[int, ...]) -> OverlappingTile:
        """A tile that has just been brought."""
        return cls(tuple(map(_Line, lengths)))

    def spread(self, steps: Sequence[int], fanout: int, copies: int) -> OverlappingTile:
        """The tile unrolled over a fanout."""
        lines = zip(self.lines, steps, strict=True)
        return OverlappingTile(
            tuple(
                replace(line, spread=_spread(line.spread, fanout, abs(step), copies)) if step else line
                for line, step in lines
            )
        )

    def slid(self, steps: Sequence[int], iterations: int, fanouts: int) -> tuple[OverlappingTile, tuple[float, ...]]:
        """The tile after a loop, and the shares that stay when the loop advances."""
        lines = list(zip(self.lines, steps, strict=True))
        shares = (
            math.prod(line.share(count, step - line.displaced) for line, step in lines) for count in range(fanouts + 1)
        )
        moved = (replace(line, displaced=line.displaced + step * (iterations - 1)) for line, step in lines)
        return OverlappingTile(tuple(moved)), tuple(shares)

    def away(self) -> tuple[int, ...]:
        """The axes along which the tile has been displaced by its whole length or more."""
        return tuple(axis for axis, line in enumerate(self.lines) if abs(line.displaced) >= line.length)


def _spread(before: _Spread, fanout: int, step: int, copies: int) -> _Spread:
    """One more step, joined with the one that it continues."""
    for position, (number, inner, count) in enumerate(before):
        if number == fanout and inner * count == step:
            return (*before[:position], (number, inner, count * copies), *before[position + 1 :])
    return tuple(sorted([*before, (fanout, step, copies)]))


@dataclass(frozen=True)
class StridingTile:
    """A tile of which words stay by the stride rule (section 9): when it moves as the innermost loop moves it, or not.

    The rule walks two iterations of every loop. ``stride``: how far the innermost loop that moves the tile does so,
    `None` before there is one; ``displaced``: how far the first iterations of all such loops together have.
    """

    lengths: tuple[int, ...]
    displaced: tuple[int, ...]
    stride: tuple[int, ...] | None = None

    @classmethod
    def of(cls, lengths: tuple[int, ...]) -> StridingTile:
        """A tile that has just been brought."""
        return cls(lengths, (0,) * len(lengths))

    def spread(self, steps: Sequence[int], fanout: int, copies: int) -> StridingTile:  # noqa: ARG002
        """The tile itself: the rule is one for every instance, and what several share does not slide."""
        return self

    def slid(self, steps: Sequence[int], iterations: int, fanouts: int) -> tuple[StridingTile, tuple[float, ...]]:  # noqa: ARG002
        """The tile after a loop, and the shares that stay when the loop advances."""
        shift = tuple(step - moved for step, moved in zip(steps, self.displaced, strict=True))
        stride = self.stride if self.stride is not None or not any(shift) else shift
        displaced = tuple(moved + step for step, moved in zip(steps, self.displaced, strict=True))
        return replace(self, displaced=displaced, stride=stride), (self._stays(shift, stride),) * (fanouts + 1)

    def _stays(self, shift: tuple[int, ...], stride: tuple[int, ...] | None) -> float:
        """The share of the tile that stays when it moves so far."""
        if not any(shift):
            return 1.0
        if shift != stride:
            return 0.0
        pairs = zip(self.lengths, shift, strict=True)
        return math.prod(max(0, length - abs(move)) / length for length, move in pairs)

    def away(self) -> tuple[int, ...]:
        """The axes along which the tile has been moved at all."""
        return tuple(axis for axis, moved in enumerate(self.displaced) if moved)
