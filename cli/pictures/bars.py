"""Horizontal bars in rows, several to a row: what comparisons of layers are drawn with."""

# Matplotlib's own annotations leave keyword arguments out.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .style import grid_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHARE_OF_ROW = 0.8
"""Height of all the bars of a row together; a row is 1 high."""

FEW_DECADES = 50
"""An axis over less than this ratio has ticks at 2 and 5 as well."""


@dataclass(frozen=True)
class Series:
    """One bar for each row, from ``start`` to the row's value; none where there is no value."""

    name: str
    colour: str
    values: Sequence[float | None]


def named_rows(axes: Axes, names: Sequence[str]) -> None:
    """One row for each name, the first on top; row ``i`` is centred at ``i``."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    grid_lines(axes, "x")


def grouped_bars(axes: Axes, places: Sequence[Sequence[Series]], *, start: float) -> None:
    """Draw several series, the first on top in every row, each with its name in the legend.

    Series that share a place must not both have a value in the same row.
    """
    height = SHARE_OF_ROW / len(places)
    for position, sharing in enumerate(places):
        offset = (position + 0.5) * height - SHARE_OF_ROW / 2
        for one in sharing:
            known = [(row, value) for row, value in enumerate(one.values) if value is not None]
            axes.barh(
                [row + offset for row, _ in known],
                [value - start for _, value in known],
                height,
                left=start,
                color=one.colour,
                label=one.name,
            )


def note_at_row(axes: Axes, row: float, value: float, text: str) -> None:
    """Small text just right of a bar's end."""
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
    axes.annotate(text, (value, row), (3, 0), textcoords="offset points", va="center", fontsize=8, bbox=box)


def readable_log_scale(axes: Axes) -> None:
    """Ticks of a horizontal logarithmic axis as plain numbers, close enough together that two are seen at least."""
    from matplotlib.ticker import LogLocator, NullFormatter

    low, high = axes.get_xlim()
    subs = (1.0, 2.0, 5.0) if high / low < FEW_DECADES else (1.0,)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
