"""Reports as text: what rich draws, on a terminal as wide and styled as it is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from io import StringIO

from rich.console import Console

PIPE_WIDTH = 160
"""Columns of a report that does not go to a terminal: wide enough for one row per layer."""


class _LikeStandardOutput(StringIO):
    """Text kept, by a stream that rich takes for standard output; nothing is written there yet."""

    def isatty(self) -> bool:
        return sys.stdout.isatty()

    @property
    def encoding(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return sys.stdout.encoding


def rendered(draw: Callable[[Console], None]) -> str:
    """What is drawn on a console like standard output: styled on a terminal, else plain and of fixed width."""
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    kept = _LikeStandardOutput()
    draw(Console(file=kept, width=width, highlight=False, markup=False, emoji=False))
    return "\n".join(line.rstrip() for line in kept.getvalue().splitlines()) + "\n"
