"""The picture of a gap study: what pruning loses, and how long every search takes."""

# Matplotlib's own annotations leave keyword arguments out.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...model.documents.study_results import GapStudy, LayerGap, StudySearch
from ...model.objectives import OBJECTIVES
from .bars import Series, grouped_bars, named_rows, note_at_row, readable_log_scale
from .style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PALE_GREEN,
    SKY,
    VERMILION,
    in_house_style,
    label,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_INCHES = 0.5
MARGIN_INCHES = 1.6


@in_house_style
def gap_figure(study: GapStudy) -> Figure:
    """The loss of the pruned search and the seconds of all searches, a row for each distinct layer."""
    layers = [layer for layer in study.layers if layer.same_as is None]
    figure = new_figure(MARGIN_INCHES + ROW_INCHES * len(layers))
    left, right = figure.subplots(1, 2, sharey=True)
    named_rows(left, [label(layer.name) for layer in layers])
    _draw_losses(left, study, layers)
    named_rows(right, [label(layer.name) for layer in layers])
    _draw_seconds(right, layers)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _draw_losses(axes: Axes, study: GapStudy, layers: Sequence[LayerGap]) -> None:
    """Losses in per cent; our mean as a line, and the published one, which is of EDP."""
    losses = [None if layer.pruned is None else layer.pruned.loss for layer in layers]
    percent = [None if loss is None else 100 * loss for loss in losses]
    grouped_bars(axes, [[Series("loss of the pruned search", VERMILION, percent)]], start=0)
    for row, value in enumerate(percent):
        note_at_row(axes, row, value or 0, "not known" if value is None else f"{value:.2f}")
    means = [(study.mean_loss, "mean loss", "black", "-")]
    if study.objective == "edp":
        means.append((study.published.mean_loss, "published mean loss", GREY, "--"))
    for mean, name, colour, dashes in means:
        if mean is not None:
            axes.axvline(100 * mean, color=colour, linestyle=dashes, linewidth=1.2, label=f"{name}, {mean:.2%}")
    axes.set_xlim(0, 1.35 * max([0.1, *(v for v in percent if v), *(100 * m for m, *_ in means if m)]))
    axes.set_xlabel(f"loss in {OBJECTIVES[study.objective].title} (%)")


def _draw_seconds(axes: Axes, layers: Sequence[LayerGap]) -> None:
    """Wall time of every search; of an enumeration that was cut short, what it would have taken."""
    pruned = [layer.pruned and _seconds(layer.pruned.search) for layer in layers]
    measured, projected = ([_of_full(layer, finished=finished) for layer in layers] for finished in (True, False))
    full = [
        Series("full enumeration", GREEN, measured),
        Series("full enumeration, projected", PALE_GREEN, projected),
    ]
    places = [
        [Series("solver", BLUE, [_seconds(layer.solver) for layer in layers])],
        [Series("enumeration with bounds", SKY, [_seconds(layer.bounded) for layer in layers])],
        [Series("pruned search", ORANGE, pruned)],
        [one for one in full if any(one.values)],
    ]
    used = [sharing for sharing in places if any(any(one.values) for one in sharing)]
    if not used:
        return
    axes.set_xscale("log")
    shortest = min(value for sharing in used for one in sharing for value in one.values if value)
    grouped_bars(axes, used, start=10.0 ** math.floor(math.log10(shortest) - 0.3))
    readable_log_scale(axes)
    axes.set_xlabel("wall time (s)")


def _seconds(search: StudySearch | None) -> float | None:
    return search.seconds if search is not None else None


def _of_full(layer: LayerGap, *, finished: bool) -> float | None:
    """Seconds of the full enumeration, measured where it finished, projected where it did not."""
    if layer.full is None:
        return None
    done = layer.full.outcome == "finished"
    seconds = _seconds(layer.full.search) if done else layer.full.projected_s
    return seconds if done == finished else None
