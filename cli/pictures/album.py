"""The pictures that a result gets: where the energy goes, how the searches went, what one layer's space looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...model.cost_models import published_model_for
from ...model.dmazerunner.architecture import Architecture
from ...model.dmazerunner.constraints import Constraints
from ...model.dmazerunner.cost_document import Cost
from ...model.dmazerunner.reuse import has_more_classes
from ...model.documents.result import LayerResult, Result
from ...solver.backend import LayerProblem, PublishedProblem
from ...solver.deadline import NEVER, Deadline
from ...solver.pipeline.presets import resolve_preset
from ...solver.studies.cost_distribution import MOST_CLASSES, cost_distribution
from ..progress_line import shown_status
from ..tables import name_text
from ..trace_file import TracePoint
from .cycle_bars import cycles_figure
from .energy_bars import energy_figure, occurrences
from .scatter import how_many, scatter_figure
from .style import words_only
from .trace_chart import MOST_PANELS, trace_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCATTER_S = 20.0
"""Time for a scatter that nobody asked for by name: the searches of a network take seconds, its report not minutes."""

METHOD = (
    "A method is a tiling that fits and passes the constraints, with one pair of the reuse classes (groups of loop "
    "orders that cost the same) that it attains; classes that are never better than another are left out."
)


@dataclass(frozen=True)
class Picture:
    """A figure, the name of its file without the ending, and what it shows."""

    name: str
    title: str
    caption: str
    figure: Figure


@dataclass(frozen=True)
class ScatterOptions:
    """Which layer's space to draw (``None``: the one that matters most), and when the whole run must end."""

    layer: str | None = None
    deadline: Deadline = NEVER


@dataclass(frozen=True)
class Album:
    """The pictures of a result, and whether Ctrl-C kept one of them from being drawn."""

    pictures: tuple[Picture, ...]
    interrupted: bool


def album(result: Result, points: Sequence[TracePoint], options: ScatterOptions) -> Album:
    """Draw all pictures of a result; one that cannot be drawn says why."""
    energy = Picture(
        "energy",
        "Where the energy goes",
        "Energy of the best mapping of every distinct layer, times the number of its runs; ×n: it is run n times.",
        energy_figure(result),
    )
    cycles = Picture(
        "cycles",
        "Where the time goes",
        "Cycles of the same runs. Busy: if all PEs multiplied in every one. Partly idle: what is added since some are "
        "left idle. Waiting: what transfers add to computing; the term that decides stands behind the bar.",
        cycles_figure(result),
    )
    trace = Picture(
        "trace",
        "How the searches went",
        f"Best value and lower bound while a layer was searched; the {MOST_PANELS} layers that took longest.",
        trace_figure(result, points),
    )
    try:
        scatter, interrupted = _scatter(result, options), False
    except KeyboardInterrupt:
        scatter, interrupted = _no_scatter("interrupted while the methods were costed"), True
    return Album((energy, cycles, scatter, trace), interrupted)


def most_costly(result: Result) -> LayerResult | None:
    """The distinct layer with the largest share of the network's EDP, copies included; ``None`` without mappings."""
    solved = [layer for layer in result.layers if layer.solutions and layer.same_as is None]
    shares = [occurrences(result, layer) * layer.solutions[0].cost.edp for layer in solved]
    return solved[shares.index(max(shares))] if solved else None


def _scatter(result: Result, options: ScatterOptions) -> Picture:
    """The cost distribution of one layer, computed now."""
    if result.interrupted:
        return _no_scatter("the run was interrupted")
    named = next((layer for layer in result.layers if layer.name == options.layer), None)
    layer = named or most_costly(result)
    if layer is None:
        return _no_scatter("no layer has a mapping")
    own = result.solver.time_limit_s
    limit = min(own if named is not None else min(own, SCATTER_S), options.deadline.left_s)
    if limit <= 0:
        return _no_scatter("total_time_limit_s was reached")
    with shown_status(f"costing the methods of {name_text(layer.name)}"):
        return scatter_of(result, layer, limit)


def scatter_of(result: Result, layer: LayerResult, limit_s: float) -> Picture:
    """The cost distribution of one layer, computed now in so many seconds at the most."""
    deadline = Deadline.after(limit_s)
    nest = layer.loop_nest()
    if has_more_classes(nest, MOST_CLASSES):
        return _no_scatter(f"the loop orders of {name_text(layer.name)} fall into more than {MOST_CLASSES} classes")
    machine, constraints = result.architecture, result.constraints
    if not isinstance(machine, Architecture) or not isinstance(constraints, Constraints):
        return _no_scatter("the mappings onto a hierarchy are not counted out")
    model = published_model_for(result.cost_model)
    problem: PublishedProblem = LayerProblem(nest, machine, constraints, result.objective, cost_model=model)
    resolved = resolve_preset(problem, deadline)
    if resolved.outcome is not None:
        return _no_scatter(resolved.note or "no tiling passes the last round of the preset")
    problem = replace(problem, constraints=resolved.constraints)
    seen = cost_distribution(problem, deadline.left_s, seed=result.solver.seed)
    best = layer.solutions[0].cost if layer.solutions else None
    chosen = best if isinstance(best, Cost) else None
    proved = "" if seen.complete or not seen.front_proved else " The front is that of the whole space, and proved."
    padded = " The layer's bounds are padded as its best mapping has them." if layer.padding else ""
    return Picture(
        "scatter",
        f"All that {name_text(layer.name)} could cost" if seen.complete else f"What {name_text(layer.name)} could cost",
        f"Shown: {' '.join(how_many(seen).split())}. {METHOD}{proved}{padded}",
        scatter_figure(layer.name, seen, chosen, result.objective),
    )


def _no_scatter(why: str) -> Picture:
    return Picture("scatter", "What a layer could cost", f"Not drawn: {why}.", words_only(f"no scatter: {why}"))
