"""What :mod:`dmaze.pictures` offers: a figure of every kind of documents (extra ``plot``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ....model.base import Model
from ....model.documents.pareto import ParetoFronts
from ....model.documents.result import Result
from ....model.documents.study_results import DataflowStudy, GapStudy
from ....model.documents.sweep_results import SweepResult
from ....model.faults import InputError, suggestion
from ....model.hierarchy.hierarchy_documents import EvaluatedLevels, LevelsCost
from ..album import SCATTER_S, most_costly, scatter_of
from ..cycle_bars import cycles_figure
from ..dataflow_bars import dataflows_figure
from ..energy_bars import energy_figure
from ..files import require_matplotlib
from ..gap_bars import gap_figure
from ..level_bars import level_energy_figure, roofline_figure
from ..style import words_only
from ..sweep_chart import sweep_figure
from .front_chart import front_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_energy(result: Result) -> Figure:
    """Energy (µJ) of the best mapping of every distinct layer, times its count, split by the parts of the machine.

    Raises:
        InputError: without matplotlib; so do all functions here.

    Example:
        >>> plot_energy(solve("conv5_2")).savefig("energy.svg")  # doctest: +SKIP
    """
    require_matplotlib("plot_energy")
    return energy_figure(result)


def plot_cycles(result: Result) -> Figure:
    """Cycles of the best mapping of every distinct layer, times its count: busy, partly idle, waiting for what."""
    require_matplotlib("plot_cycles")
    return cycles_figure(result)


def plot_gap(study: GapStudy) -> Figure:
    """What the pruned search loses of every distinct layer (%), and how long every search took (s)."""
    require_matplotlib("plot_gap")
    return gap_figure(study)


def plot_dataflows(study: DataflowStudy) -> Figure:
    """EDP and cycles under every dataflow, divided by those of the best mapping of all."""
    require_matplotlib("plot_dataflows")
    return dataflows_figure(study)


def plot_scatter(result: Result, layer: str | None = None, *, time_limit_s: float = SCATTER_S) -> Figure:
    """Energy (pJ) and cycles of all mappings of a layer, or of a fair sample, with their front and the best one.

    They are costed now, for ``time_limit_s`` seconds at the most. The layer is the one with the largest share of the
    EDP unless named. A machine of the second cost model has no such picture; the figure says why.

    Raises:
        InputError: for a name that no layer has.
    """
    require_matplotlib("plot_scatter")
    names = [found.name for found in result.layers]
    if layer is not None and layer not in names:
        raise InputError.single(None, "layer", f"no layer is called {layer!r}; {suggestion(layer, names)}")
    chosen = most_costly(result) if layer is None else result.layers[names.index(layer)]
    return words_only("no layer has a mapping") if chosen is None else scatter_of(result, chosen, time_limit_s).figure


def plot_front(fronts: ParetoFronts, layer: str | None = None) -> Figure:
    """Energy (pJ) and cycles of the points of every distinct layer's front, or of one layer's by its name.

    Raises:
        InputError: for a name that no layer has.
    """
    require_matplotlib("plot_front")
    return front_figure(fronts.layers, layer)


def plot_sweep(result: SweepResult) -> Figure:
    """The objective over the one or two first axes of a sweep; its front where one was asked for."""
    require_matplotlib("plot_sweep")
    return sweep_figure(result)


def plot_roofline(cost: LevelsCost) -> Figure:
    """The terms of the roofline of a mapping onto a hierarchy (cycles), the one that decides on top."""
    require_matplotlib("plot_roofline")
    return roofline_figure(cost)


def plot_level_energy(cost: EvaluatedLevels) -> Figure:
    """Energy (µJ) of a mapping onto a hierarchy by node, split by tensor; the cost must have its details."""
    require_matplotlib("plot_level_energy")
    return level_energy_figure(cost)


PLOTS: Mapping[str, Callable[[Any], Figure]] = {
    "Result": plot_energy,
    "GapStudy": plot_gap,
    "DataflowStudy": plot_dataflows,
    "ParetoFronts": plot_front,
    "SweepResult": plot_sweep,
    "EvaluatedLevels": plot_roofline,
    "LevelsCost": plot_roofline,
}
"""The picture that :func:`plot` draws, by the type of the document."""


def plot(document: Model) -> Figure:
    """The picture that says most about a document: of a result the energy of its layers, of a sweep its map or front.

    Raises:
        InputError: for a document that has none, and without matplotlib.

    Example:
        >>> plot(gap_study("conv5_2"))  # doctest: +SKIP
    """
    kind = type(document).__name__
    if kind not in PLOTS:
        raise InputError.single(None, "plot", f"expected one of {', '.join(PLOTS)}, got {kind}")
    return PLOTS[kind](document)
