"""The picture of a search: how the best value and the bound close in on each other over time."""

# Matplotlib's own annotations leave keyword arguments out.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...model.documents.result import LayerResult, Result
from ...model.objectives import OBJECTIVES
from ..reports.result_report import gap_text
from ..trace_file import TracePoint
from .style import BLUE, VERMILION, grid_lines, in_house_style, label, new_figure, words_only

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL_INCHES = 1.7
MARGIN_INCHES = 0.5
MOST_PANELS = 4
"""Layers shown: those whose search took longest; a network's other layers look the same."""

LONG_RATIO = 20
"""From this ratio of the largest value to the smallest on, the values are drawn on a logarithmic scale."""


@in_house_style
def trace_figure(result: Result, points: Sequence[TracePoint]) -> Figure:
    """Incumbent and bound over time, a panel for each of the slowest distinct layers for which anything was found."""
    layers = [layer for layer in slowest(result) if _known(points, layer)]
    if not layers:
        return words_only("no search trace: nothing was found for any layer")
    figure = new_figure(MARGIN_INCHES + PANEL_INCHES * len(layers))
    panels: list[Axes] = figure.subplots(len(layers), 1, squeeze=False)[:, 0].tolist()
    for axes, layer in zip(panels, layers, strict=True):
        _draw(axes, _known(points, layer))
        gap = "" if layer.gap is None else f", gap {gap_text(layer.gap)}"
        axes.set_title(f"{label(layer.name)}: {layer.status} after {layer.wall_s:.1f} s{gap}", loc="left")
        axes.set_ylabel(OBJECTIVES[result.objective].title)
    figure.align_ylabels()
    panels[-1].set_xlabel("seconds since the layer's start")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=2)
    return figure


def slowest(result: Result) -> list[LayerResult]:
    """The distinct layers whose search took longest, in the result's order."""
    distinct = [layer for layer in result.layers if layer.same_as is None]
    chosen = sorted(distinct, key=lambda layer: -layer.wall_s)[:MOST_PANELS]
    return [layer for layer in distinct if layer in chosen]


def _known(points: Sequence[TracePoint], layer: LayerResult) -> list[TracePoint]:
    """A layer's points that hold a value."""
    own = (point for point in points if point.layer == layer.name)
    return [point for point in own if point.incumbent is not None or point.bound is not None]


def _draw(axes: Axes, points: Sequence[TracePoint]) -> None:
    """Steps from change to change; both lines reach to the end of the search."""
    end = points[-1].seconds
    incumbents = [(point.seconds, point.incumbent) for point in points if point.incumbent is not None]
    bounds = [(point.seconds, point.bound) for point in points if point.bound is not None]
    for name, colour, marker, known in (
        ("best so far", BLUE, "v", incumbents),
        ("lower bound", VERMILION, "^", bounds),
    ):
        known += [(end, value) for _, value in known[-1:]]
        seconds, values = [at for at, _ in known], [value for _, value in known]
        axes.step(seconds, values, where="post", color=colour, label=name, marker=marker, markersize=4)
    values = [value for _, value in incumbents + bounds]
    if min(values) > 0 and max(values) / min(values) >= LONG_RATIO:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    grid_lines(axes, "y")
