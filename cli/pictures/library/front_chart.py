"""The picture of energy-latency fronts: every layer's points, and what lies beyond them."""

# Matplotlib's own annotations leave keyword arguments out.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ....model.documents.pareto import LayerFront
from ....model.faults import InputError, suggestion
from ..style import BLUE, GREEN, grid_lines, in_house_style, label, new_figure, words_only

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL_INCHES = 2.4
MARGIN_INCHES = 0.4
MOST_PANELS = 6
"""Layers shown: those with the most points."""


@in_house_style
def front_figure(layers: Sequence[LayerFront], name: str | None = None) -> Figure:
    """Cycles and energy of every point, a panel for each distinct layer, or of the named one alone.

    Raises:
        InputError: when no layer has that name.
    """
    chosen = _chosen(layers, name)
    if not chosen:
        return words_only("no layer has a point")
    figure = new_figure(MARGIN_INCHES + PANEL_INCHES * len(chosen))
    panels: list[Axes] = figure.subplots(len(chosen), 1, squeeze=False)[:, 0].tolist()
    for axes, layer in zip(panels, chosen, strict=True):
        _draw(axes, layer)
    panels[-1].set_xlabel("cycles")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=2)
    return figure


def _chosen(layers: Sequence[LayerFront], name: str | None) -> list[LayerFront]:
    """The layers to draw, in the order of the document."""
    if name is not None:
        named = [layer for layer in layers if layer.name == name]
        if not named:
            message = f"no layer is called {name!r}; {suggestion(name, (layer.name for layer in layers))}"
            raise InputError.single(None, "layer", message)
        return [layer for layer in named if layer.points]
    distinct = [layer for layer in layers if layer.same_as is None and layer.points]
    largest = sorted(distinct, key=lambda layer: -len(layer.points))[:MOST_PANELS]
    return [layer for layer in distinct if layer in largest]


def _draw(axes: Axes, layer: LayerFront) -> None:
    """A step between two points: what lies above it is beaten by one of them."""
    points = sorted((point.cost.cycles, point.cost.energy_pj) for point in layer.points)
    cycles, energy_pj = [at for at, _ in points], [energy for _, energy in points]
    axes.step(cycles, energy_pj, where="post", color=BLUE, marker="o", markersize=4, linewidth=1, label="front")
    best = min(layer.points, key=lambda point: point.cost.edp).cost
    axes.plot(best.cycles, best.energy_pj, "*", color=GREEN, markersize=11, label="least EDP")
    proved = "complete" if layer.complete else "not complete"
    axes.set_title(f"{label(layer.name)}: {len(points)} points, {proved}", loc="left")
    axes.set_ylabel("energy (pJ)")
    grid_lines(axes, "both")
