"""Reports as text: what rich draws, on a terminal as wide and styled as it is."""

from __future__ import annotations

import sys
from collections.abc import Callable

from rich.console import Console

PIPE_WIDTH = 160
"""Columns of a report that does not go to a terminal: wide enough for one row per layer."""


def rendered(draw: Callable[[Console], None]) -> str:
    """What is drawn on a console like standard output: styled on a terminal, else plain and of fixed width."""
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    console = Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False)
    with console.capture() as capture:
        draw(console)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"
