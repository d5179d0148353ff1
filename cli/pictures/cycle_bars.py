"""The picture of where the time goes: the cycles of every distinct layer, if all were busy, and what comes on top."""

# Matplotlib's own annotations leave keyword arguments out.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING

from ...model.documents.kinds.any_mappings import AnyCost
from ...model.documents.result import LayerResult, Result
from .bars import named_rows, note_at_row
from .energy_bars import MARGIN_INCHES, ROW_INCHES, distinct_layers, occurrences, row_name
from .style import BLUE, GREY, SKY, VERMILION, in_house_style, label, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PARTS = ("busy", "partly idle", "waiting", "not known")
"""What the cycles of a layer consist of: see :func:`cycle_parts`."""

COLOURS = (BLUE, SKY, VERMILION, GREY)

LONGEST_TERM = 14


def cycle_parts(cost: AnyCost) -> tuple[int, int, int, int]:
    """The cycles of a mapping: if everything were busy, more with what is left idle, and the rest that waits.

    All of them are in the last part where the document does not say what they consist of.
    """
    busy, compute = cost.ideal_cycles, cost.roofline.get("compute")
    if busy is None or compute is None:
        return 0, 0, 0, cost.cycles
    return busy, compute - busy, cost.cycles - compute, 0


@in_house_style
def cycles_figure(result: Result) -> Figure:
    """Stacked bars of the cycles of every distinct layer, all its runs together; the deciding term at the end."""
    layers = distinct_layers(result)
    figure = new_figure(MARGIN_INCHES + ROW_INCHES * len(layers))
    axes = figure.subplots()
    named_rows(axes, [row_name(result, layer) for layer in layers])
    rows = [_parts_of_all_runs(result, layer) for layer in layers]
    ends = [0] * len(layers)
    for part, (name, colour) in enumerate(zip(PARTS, COLOURS, strict=True)):
        cycles = [row[part] for row in rows]
        if any(cycles) or name == PARTS[0]:
            axes.barh(range(len(layers)), cycles, height=0.75, left=ends, color=colour, label=name)
        ends = [end + own for end, own in zip(ends, cycles, strict=True)]
    for row, (layer, end) in enumerate(zip(layers, ends, strict=True)):
        note_at_row(axes, row, end, _note(layer, end))
    axes.set_xlim(0, 1.4 * max(ends) or 1)
    axes.locator_params(axis="x", nbins=4)
    axes.xaxis.set_major_formatter("{x:,.10g}")
    axes.set_xlabel("cycles of the best mapping, times its count")
    figure.legend(loc="outside upper center", ncols=len(PARTS))
    return figure


def _parts_of_all_runs(result: Result, layer: LayerResult) -> tuple[int, ...]:
    if not layer.solutions:
        return (0,) * len(PARTS)
    times = occurrences(result, layer)
    return tuple(times * part for part in cycle_parts(layer.solutions[0].cost))


def _note(layer: LayerResult, cycles: int) -> str:
    """The cycles of all runs and the term that decides; the status of a layer without a mapping."""
    if not layer.solutions:
        return layer.status
    term = layer.solutions[0].cost.bound_by
    return f"{cycles:,}" if term is None else f"{cycles:,} {label(term, LONGEST_TERM)}"
