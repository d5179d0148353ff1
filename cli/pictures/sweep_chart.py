"""The picture of a sweep: the objective over one or two axes, or the front of energy, cycles and area proxy.

What is not proved has a hollow marker.
"""

# Matplotlib's own annotations leave keyword arguments out.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...model.design_fields.nested_values import setting_text
from ...model.documents.result import Number
from ...model.documents.sweep_results import FrontPoint, SweepResult
from ...model.documents.sweep_spec import Setting, values_of
from ...model.objectives import OBJECTIVES, Objective
from .style import BLUE, GREEN, VERMILION, grid_lines, in_house_style, label, new_figure, words_only

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

HEIGHT_INCHES = 4.2
MOST_NUMBERED = 12
"""Rows or columns up to which the cells of a map have their number in them."""

LONGEST_FIELD = 40

NOT_PROVED = "not proved: less may be possible"
NOT_COMPLETE = "front of the design not proved complete"
"""What hollow markers stand for."""


@in_house_style
def sweep_figure(result: SweepResult) -> Figure:
    """The front where one was asked for; else a map over the first two axes, or a line over the only one."""
    if result.front is not None:
        return _front_figure(result.front.points) if result.front.points else words_only("no design has a front")
    if result.best is None or result.objective is None:
        return words_only("no design has a mapping of every layer")
    figure = new_figure(HEIGHT_INCHES)
    axes = figure.subplots()
    draw = _draw_line if len(result.sweep.axes) == 1 else _draw_map
    draw(figure, axes, result, result.objective)
    others = len(result.sweep.axes) - 2
    if others > 0:
        axes.set_title(f"least over the other {'axis' if others == 1 else 'axes'}", loc="left")
    return figure


def _axis(result: SweepResult, number: int) -> tuple[str, Sequence[Setting]]:
    """An axis's name and values: those of its first field, which others may follow."""
    field, given = next(iter(result.sweep.axes[number].items()))
    return field, values_of(given)


def _setting(value: Setting) -> str:
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else setting_text(value)


def _quantity(objective: Objective) -> str:
    rule = OBJECTIVES[objective]
    return f"{rule.title_of_sum} ({rule.unit})"


def _draw_line(figure: Figure, axes: Axes, result: SweepResult, objective: Objective) -> None:
    field, values = _axis(result, 0)
    found = [np.nan if d.objective_value is None else float(d.objective_value) for d in result.designs]
    axes.plot(range(len(values)), found, "o-", color=BLUE, markersize=4)
    doubtful = [place for place, design in enumerate(result.designs) if design.status == "feasible"]
    if doubtful:
        open_ones = [found[place] for place in doubtful]
        axes.plot(doubtful, open_ones, "o", color=BLUE, markerfacecolor="white", markersize=5, label=NOT_PROVED)
        figure.legend(loc="outside lower center")
    axes.set_xticks(range(len(values)), [_setting(value) for value in values], rotation=45, ha="right")
    axes.set_yscale("log")
    axes.set_xlabel(label(field, LONGEST_FIELD))
    axes.set_ylabel(_quantity(objective))
    grid_lines(axes, "y")


def _draw_map(figure: Figure, axes: Axes, result: SweepResult, objective: Objective) -> None:
    """Objective values relative to the best, of the cells where nothing is proved in a ring."""
    (row_field, rows), (column_field, columns) = _axis(result, 0), _axis(result, 1)
    shape = len(rows), len(columns), -1
    found = [np.inf if d.objective_value is None else float(d.objective_value) for d in result.designs]
    least = np.array(found).reshape(shape).min(axis=2)
    shares = np.ma.masked_invalid(least / least.min() if least.min() else least)
    shades = axes.imshow(shares, norm="log", cmap="viridis_r", aspect="auto", origin="lower")
    _shade_bar(figure, axes, shades, f"{_quantity(objective)} / least")
    axes.set_yticks(range(len(rows)), [_setting(value) for value in rows])
    axes.set_xticks(range(len(columns)), [_setting(value) for value in columns], rotation=45, ha="right")
    axes.set_ylabel(label(row_field, LONGEST_FIELD))
    axes.set_xlabel(label(column_field, LONGEST_FIELD))
    if max(shares.shape) <= MOST_NUMBERED:
        _number_cells(axes, shares)
    doubtful = np.array([design.status == "feasible" for design in result.designs]).reshape(shape).any(axis=2)
    if doubtful.any():
        size = CELL_RING if max(shares.shape) <= MOST_NUMBERED else SMALL_RING
        at = np.argwhere(doubtful)
        axes.scatter(at[:, 1], at[:, 0], s=size, facecolors="none", edgecolors=VERMILION, label=NOT_PROVED)
        figure.legend(loc="outside lower center")


LARGE_SHARE = 10_000
"""From here on a cell has no room for all digits."""

CELL_RING, SMALL_RING = 420, 12
"""Sizes of rings (points squared): around a cell's number, and in cells without one."""


def _number_cells(axes: Axes, shares: np.ma.MaskedArray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.6, "pad": 1}
    for (row, column), share in np.ndenumerate(shares.filled(np.nan)):
        axes.text(column, row, share_text(share), ha="center", va="center", fontsize=7, bbox=box)


def share_text(share: float) -> str:
    """A value over the least one, short enough for a cell.

    Example:
        >>> [share_text(share) for share in (1.0, 1.426, 31.2, 1790951.0)]
        ['best', '1.43', '31', '1.8e+06']
    """
    if np.isnan(share) or share == 1:
        return "none" if np.isnan(share) else "best"
    return f"{share:.2f}" if share < 10 else f"{share:.0f}" if share < LARGE_SHARE else f"{share:.1e}"


def _shade_bar(figure: Figure, axes: Axes, shades: ScalarMappable, what: str) -> None:
    """What the shades stand for, in plain numbers."""
    from matplotlib.ticker import LogFormatter

    bar = figure.colorbar(shades, ax=axes, label=what, pad=0.02)
    bar.ax.yaxis.set_major_formatter(LogFormatter())
    bar.ax.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(2, 0.5)))


@in_house_style
def _front_figure(points: Sequence[FrontPoint]) -> Figure:
    """Cycles and energy on logarithmic axes, the area proxy as shade; the least EDP is marked."""
    figure = new_figure(HEIGHT_INCHES)
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_yscale("log")
    cycles, energy_pj = ([max(figure, 1) for figure in found] for found in _figures(points))
    area_kib = [point.area_proxy_bytes / 1024 for point in points]
    norm = "log" if min(area_kib) > 0 else "linear"
    shades = axes.scatter(cycles, energy_pj, c=area_kib, s=10, cmap="viridis_r", norm=norm)
    _shade_bar(figure, axes, shades, "area proxy (KiB)")
    doubtful = [number for number, point in enumerate(points) if not point.proved]
    if doubtful:
        them = [cycles[number] for number in doubtful], [energy_pj[number] for number in doubtful]
        axes.plot(*them, "o", color=VERMILION, markerfacecolor="white", markersize=4, label=NOT_COMPLETE)
    best = min(range(len(points)), key=lambda number: points[number].edp)
    at, inside = (cycles[best], energy_pj[best]), GREEN if points[best].proved else "white"
    axes.plot(*at, "*", color=GREEN, markerfacecolor=inside, markersize=11, label="least EDP of the totals")
    axes.set_xlabel("total cycles")
    axes.set_ylabel("total energy (pJ)")
    grid_lines(axes, "both")
    figure.legend(loc="outside lower center")
    return figure


def _figures(points: Sequence[FrontPoint]) -> tuple[list[int], list[Number]]:
    return [point.cycles for point in points], [point.energy_pj for point in points]
