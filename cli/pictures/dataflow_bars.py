"""The picture of a dataflow study: how much worse the best mapping gets when the dataflow is fixed."""

# Matplotlib's own annotations leave keyword arguments out.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

from ...model.documents.study_results import DataflowStudy, LayerDataflows, Ratios
from .bars import Series, grouped_bars, named_rows, readable_log_scale
from .style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, YELLOW, in_house_style, label, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BAR_INCHES = 0.12
MARGIN_INCHES = 1.6
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, YELLOW)
MEAN = "mean"
LONGEST_DATAFLOW = 40

RatioOf = Callable[[Ratios], float | None]


@in_house_style
def dataflows_figure(study: DataflowStudy) -> Figure:
    """Ratios of EDP and of cycles to the unrestricted best, a bar for each dataflow in a row for each distinct layer.

    A last row has the arithmetic means; lines show the mean over the classic dataflows and the published one.
    """
    layers = [layer for layer in study.layers if layer.same_as is None]
    figure = new_figure(MARGIN_INCHES + BAR_INCHES * (len(layers) + 1) * (len(study.dataflows) + 1))
    left, right = figure.subplots(1, 2, sharey=True)
    mean, published = study.classic_mean.arithmetic, study.published
    _draw(left, study, layers, lambda ratios: ratios.edp)
    _draw_means(left, mean and mean.edp, published.mean_edp_ratio)
    left.set_xlabel("EDP / unrestricted")
    _draw(right, study, layers, lambda ratios: ratios.cycles)
    _draw_means(right, mean and mean.cycles, published.mean_cycles_ratio)
    right.set_xlabel("cycles / unrestricted")
    handles, names = left.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2)
    return figure


def _draw(axes: Axes, study: DataflowStudy, layers: Sequence[LayerDataflows], ratio: RatioOf) -> None:
    means = {mean.dataflow: mean.arithmetic for mean in study.means}
    series: list[Series] = []
    for dataflow, colour in zip(study.dataflows, cycle(COLOURS), strict=False):
        found = [_ratios(layer, dataflow.name) for layer in layers] + [means.get(dataflow.name)]
        values = [None if ratios is None else ratio(ratios) for ratios in found]
        dims = "|".join(dataflow.spatial_dims)
        series.append(Series(label(f"{dataflow.name} ({dims})", LONGEST_DATAFLOW), colour, values))
    named_rows(axes, [*(label(layer.name) for layer in layers), MEAN])
    axes.axhline(len(layers) - 0.5, color="black", linewidth=0.6)
    axes.set_xscale("log")
    grouped_bars(axes, [[one] for one in series], start=1)


def _ratios(layer: LayerDataflows, dataflow: str) -> Ratios | None:
    return next((entry.ratios for entry in layer.restricted if entry.dataflow == dataflow), None)


def _draw_means(axes: Axes, mean: float | None, published: float) -> None:
    """Lines at our mean over layers and classic dataflows, and at the published one; the title has their values."""
    parts = [f"published {published:.2f}x"]
    if mean is not None:
        axes.axvline(mean, color="black", linewidth=1.2, label="mean over layers and classic dataflows")
        parts.insert(0, f"mean {mean:.2f}x")
    axes.axvline(published, color=GREY, linewidth=1.2, linestyle="--", label="published mean")
    axes.set_title(", ".join(parts))
    readable_log_scale(axes)
