"""Pictures of a mapping onto a hierarchy: energy by node and tensor, and the terms of its roofline."""

# Matplotlib's own annotations leave keyword arguments out.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING

from ...model.hierarchy.hierarchy_documents import EvaluatedLevels, LevelsCost
from ..reports.result_report import PJ_PER_UJ
from .bars import named_rows, note_at_row
from .style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PALE_GREEN,
    PURPLE,
    SKY,
    VERMILION,
    YELLOW,
    in_house_style,
    label,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW_INCHES = 0.25
MARGIN_INCHES = 1.0
COLOURS = (BLUE, ORANGE, GREEN, SKY, PURPLE, YELLOW)
"""Of tensors, in the order of the nest; further ones begin anew."""

MOST_TERMS = 12
"""Terms that are drawn: the largest ones."""


@in_house_style
def level_energy_figure(cost: EvaluatedLevels) -> Figure:
    """A bar for every node and for the multiply-accumulates, stacked by the tensors that cause it.

    The cost must have its details.
    """
    by_tensor = {"mac": dict[str, float](), **(cost.tensor_energy_pj or {})}
    tensors = list(dict.fromkeys(tensor for row in by_tensor.values() for tensor in row))
    figure = new_figure(MARGIN_INCHES + ROW_INCHES * len(by_tensor))
    axes = figure.subplots()
    named_rows(axes, [label(name) for name in by_tensor])
    axes.barh(0, cost.energy_breakdown_pj["mac"] / PJ_PER_UJ, height=0.75, color=GREY, label="operations")
    ends = [0.0] * len(by_tensor)
    for position, tensor in enumerate(tensors):
        energies = [row.get(tensor, 0.0) / PJ_PER_UJ for row in by_tensor.values()]
        colour = COLOURS[position % len(COLOURS)]
        axes.barh(range(len(ends)), energies, height=0.75, left=ends, color=colour, label=label(tensor))
        ends = [end + energy for end, energy in zip(ends, energies, strict=True)]
    whole = [energy / PJ_PER_UJ for energy in cost.energy_breakdown_pj.values()]
    for row, energy in enumerate(whole):
        note_at_row(axes, row, energy, f"{energy:,.4g}")
    axes.set_xlim(0, 1.15 * max(whole) or 1)
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.set_xlabel("energy (µJ)")
    figure.legend(loc="outside upper center", ncols=min(len(tensors) + 1, 4))
    return figure


@in_house_style
def roofline_figure(cost: LevelsCost) -> Figure:
    """A bar for every term of the roofline, the largest on top: it decides; the walk's cycles as a line."""
    terms = sorted(cost.roofline.items(), key=lambda item: -item[1])[:MOST_TERMS]
    figure = new_figure(MARGIN_INCHES + ROW_INCHES * len(terms))
    axes = figure.subplots()
    named_rows(axes, [label(term) for term, _ in terms])
    colours = [VERMILION if term == cost.bound_by else PALE_GREEN for term, _ in terms]
    axes.barh(range(len(terms)), [cycles for _, cycles in terms], height=0.75, color=colours)
    for row, (_, cycles) in enumerate(terms):
        note_at_row(axes, row, cycles, f"{cycles:,}")
    longest = max(cost.cycles, cost.walk_cycles or 0)
    if cost.walk_cycles is not None:
        axes.axvline(
            cost.walk_cycles, color="black", linewidth=1, linestyle="--", label="walk: with fill, drain and stalls"
        )
        figure.legend(loc="outside upper center")
    axes.set_xlim(0, 1.3 * longest)
    axes.locator_params(axis="x", nbins=4)
    axes.xaxis.set_major_formatter("{x:,.10g}")
    axes.set_xlabel("cycles")
    return figure
