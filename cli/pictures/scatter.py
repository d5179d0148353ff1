"""The picture of a layer's space: energy against cycles of all its methods, the Pareto front, the chosen mapping."""

# Matplotlib's own annotations leave keyword arguments out.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...model.dmazerunner.cost_document import Cost
from ...model.objectives import OBJECTIVES, Objective
from ...solver.studies.cost_distribution import CostDistribution, Grid
from .style import BLUE, GREEN, VERMILION, in_house_style, label, new_figure, words_only

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT_INCHES = 4.6
MARGIN = 1.3


@in_house_style
def scatter_figure(name: str, seen: CostDistribution, chosen: Cost | None, objective: Objective) -> Figure:
    """A layer's methods on logarithmic axes: as points where they are few, else as a density."""
    if seen.grid is None:
        return words_only(f"{label(name)}: {how_many(seen)}")
    figure = new_figure(HEIGHT_INCHES)
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_yscale("log")
    if seen.points is not None:
        axes.plot(*np.maximum(seen.points, 1), ".", color=BLUE, markersize=3, alpha=0.5, zorder=1, label="method")
    else:
        shades = axes.pcolormesh(
            seen.grid.cycles_edges,
            seen.grid.energy_edges_pj,
            np.ma.masked_equal(seen.grid.counts.T, 0),
            norm="log",
            cmap="Blues",
            rasterized=True,
        )
        figure.colorbar(shades, ax=axes, label="methods in a cell", pad=0.01)
    whose = "Pareto front" if seen.front_proved else "best of both found"
    front = np.maximum(seen.front, 1)
    axes.step(*front, where="post", color=VERMILION, marker="o", markersize=3, linewidth=1, label=whose)
    if chosen is not None:
        _draw_chosen(axes, chosen, objective)
    _set_limits(axes, seen.grid, chosen)
    axes.set_xlabel("cycles")
    axes.set_ylabel("energy (pJ)")
    axes.set_title(f"{label(name)}\n{how_many(seen)}", loc="left")
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def how_many(seen: CostDistribution) -> str:
    """Which methods a picture shows, in words."""
    shown = f"{seen.num_methods:,} methods of {seen.num_tilings:,} tilings"
    if seen.complete:
        return f"all {shown}"
    space = seen.space_tilings if seen.space_counted else float(f"{seen.space_tilings:.2g}")
    return f"{shown},\ndrawn uniformly from {'' if seen.space_counted else 'about '}{space:,.0f}"


def _draw_chosen(axes: Axes, chosen: Cost, objective: Objective) -> None:
    """The chosen mapping, and the line along which everything is as good by the objective."""
    at = (max(chosen.cycles, 1), max(chosen.energy_pj, 1))
    rule = OBJECTIVES[objective]
    further = (at[0] * 10.0**rule.energy_power, at[1] / 10.0**rule.cycles_power)
    equal = f"equal {rule.title}"
    axes.axline(at, further, color=GREEN, linestyle="--", linewidth=1, label=equal)
    axes.plot(*at, "*", color=GREEN, markersize=11, label=f"least {rule.title} found")


def _set_limits(axes: Axes, grid: Grid, chosen: Cost | None) -> None:
    """Show all methods and the chosen one; the line through it must not widen the picture."""
    cycles, energy_pj = [*grid.cycles_edges[[0, -1]]], [*grid.energy_edges_pj[[0, -1]]]
    if chosen is not None:
        cycles.append(max(chosen.cycles, 1))
        energy_pj.append(max(chosen.energy_pj, 1))
    axes.set_xlim(min(cycles) / MARGIN, max(cycles) * MARGIN)
    axes.set_ylim(min(energy_pj) / MARGIN, max(energy_pj) * MARGIN)
