"""The picture of where the energy goes: the best mapping of every distinct layer, split by memory."""

# Matplotlib's own annotations leave keyword arguments out.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING

from ...model.documents.result import LayerResult, Result
from ..reports.result_report import PJ_PER_UJ
from ..solved_layers import energy_by_part, parts_with_energy
from .bars import named_rows, note_at_row
from .style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, YELLOW, in_house_style, label, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW_INCHES = 0.25
MARGIN_INCHES = 1.0
MOST_IN_A_ROW = 8
"""Entries of a legend beside each other."""

COLOURS = (GREY, BLUE, SKY, ORANGE, VERMILION, GREEN, PURPLE, YELLOW)
"""Of the parts of the machine, from the multiply-accumulates on; further ones begin anew after the first."""


@in_house_style
def energy_figure(result: Result) -> Figure:
    """Stacked bars of the energy of every distinct layer, all its runs together; its status where it has no mapping."""
    layers = distinct_layers(result)
    figure = new_figure(MARGIN_INCHES + ROW_INCHES * len(layers))
    axes = figure.subplots()
    named_rows(axes, [row_name(result, layer) for layer in layers])
    ends = [0.0] * len(layers)
    parts = parts_with_energy(result)
    for position, part in enumerate(parts):
        energies = [_energy_uj(result, layer, part) for layer in layers]
        colour = COLOURS[position] if position < len(COLOURS) else COLOURS[1 + (position - 1) % (len(COLOURS) - 1)]
        axes.barh(range(len(layers)), energies, height=0.75, left=ends, color=colour, label=label(part))
        ends = [end + energy for end, energy in zip(ends, energies, strict=True)]
    for row, (layer, end) in enumerate(zip(layers, ends, strict=True)):
        note_at_row(axes, row, end, f"{end:,.1f}" if layer.solutions else layer.status)
    axes.set_xlim(0, 1.15 * max(ends) or 1)
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.set_xlabel("energy of the best mapping, times its count (µJ)")
    figure.legend(loc="outside upper center", ncols=min(len(parts), MOST_IN_A_ROW))
    return figure


def distinct_layers(result: Result) -> list[LayerResult]:
    """The layers that are drawn: copies count as further runs of the first of their kind."""
    return [layer for layer in result.layers if layer.same_as is None]


def occurrences(result: Result, layer: LayerResult) -> int:
    """How often a distinct layer is run, its copies included."""
    return sum(other.count for other in result.layers if layer.name in (other.name, other.same_as))


def row_name(result: Result, layer: LayerResult) -> str:
    """A layer's name, and how often it is run."""
    times = occurrences(result, layer)
    return label(layer.name) if times == 1 else f"{label(layer.name)} ×{times}"


def _energy_uj(result: Result, layer: LayerResult, part: str) -> float:
    """Energy in uJ of a part of the machine over all runs of a layer."""
    if not layer.solutions:
        return 0.0
    return occurrences(result, layer) * energy_by_part(layer.solutions[0].cost)[part] / PJ_PER_UJ
