"""The readable report of ``dataflows``: how many times worse every layer gets under each, then the means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console

from ....model.documents.study_results import (
    Dataflow,
    DataflowStudy,
    LayerDataflows,
    LayerOnDataflow,
    Ratios,
    StudySearch,
)
from ....model.objectives import Objective
from ...tables import DOUBTFUL, Column, name_text, print_line, print_tables, status_style
from ..result_report import PROVED, edp_text, energy_text, gap_text
from .study_report import open_ends, published_line, study_heading

Figure = Callable[[Ratios], float | None]

FIGURES: Mapping[str, Figure] = {
    "EDP": lambda ratios: ratios.edp,
    "energy": lambda ratios: ratios.energy,
    "cycles": lambda ratios: ratios.cycles,
}

SHOWN: Mapping[Objective, tuple[str, ...]] = {
    "edp": ("EDP", "cycles"),
    "energy": ("energy", "EDP", "cycles"),
    "latency": ("cycles", "EDP"),
}
"""The ratios that are shown, by objective."""


@dataclass(frozen=True)
class _Row:
    """A row of ratios: its name and a cell for each dataflow."""

    name: str
    cells: tuple[str | None, ...]


def print_dataflows(console: Console, study: DataflowStudy) -> None:
    """Print the unrestricted optima, a table of ratios for each figure, then the means and what is left open."""
    what = "what fixed dataflows lose"
    heading = study_heading(study.name, what, study.objective, study.architecture.name, interrupted=study.interrupted)
    print_line(console, f"{heading}\n\nThe best mapping without restriction:\n")
    print_tables(console, study.layers, _layer_column(), _unrestricted_columns())
    for figure in SHOWN[study.objective]:
        print_line(console, f"\n{figure} of the best mapping under each dataflow / without restriction:\n")
        print_tables(console, _rows(study, FIGURES[figure]), _name_column(), _ratio_columns(study.dataflows))
    print_line(console)
    for line in (*_legend(study), *_means(study), *open_ends(_searches(study))):
        print_line(console, line)


def _layer_column() -> Column[LayerDataflows]:
    return Column("layer", lambda layer: name_text(layer.name), left=True)


def _unrestricted_columns() -> tuple[Column[LayerDataflows], ...]:
    def said(text: Callable[[StudySearch], str | None]) -> Callable[[LayerDataflows], str | None]:
        return lambda layer: None if layer.unrestricted is None else text(layer.unrestricted)

    status = said(lambda search: search.status)
    gap = said(lambda search: DOUBTFUL if search.gap is not None and search.gap > PROVED else None)
    return (
        Column("count", lambda layer: str(layer.count), priority=4),
        Column("status", status, left=True, priority=0, style=lambda layer: status_style(status(layer))),
        Column("gap", said(lambda search: None if search.gap is None else gap_text(search.gap)), priority=0, style=gap),
        Column("EDP pJ*cycles", said(lambda s: edp_text(s.best.cost.edp) if s.best else None), priority=1),
        Column("energy pJ", said(lambda s: energy_text(s.best.cost.energy_pj) if s.best else None), priority=1),
        Column("cycles", said(lambda s: f"{s.best.cost.cycles:,}" if s.best else None), priority=1),
        Column("s", said(lambda search: f"{search.seconds:.1f}"), priority=4),
        Column("note", lambda layer: None if layer.same_as is None else f"= {name_text(layer.same_as)}", optional=True),
    )


def _name_column() -> Column[_Row]:
    return Column("layer", lambda row: row.name, left=True)


def _ratio_columns(dataflows: Sequence[Dataflow]) -> tuple[Column[_Row], ...]:
    """All of them are the answer: none is left out on a narrow terminal."""
    return tuple(
        Column(_heading(dataflow), _cell_at(position), priority=0) for position, dataflow in enumerate(dataflows)
    )


def _heading(dataflow: Dataflow) -> str:
    dims = "|".join(dataflow.spatial_dims)
    return name_text(dims if dataflow.name == dims else f"{dataflow.name} {dims}")


def _cell_at(position: int) -> Callable[[_Row], str | None]:
    return lambda row: row.cells[position]


def _rows(study: DataflowStudy, figure: Figure) -> list[_Row]:
    """A row for each distinct layer, then the means of each dataflow."""
    layers = [layer for layer in study.layers if layer.same_as is None]
    rows = [_Row(name_text(layer.name), _cells(study, layer, figure)) for layer in layers]
    arithmetic = tuple(_mean_cell(mean.arithmetic, figure) for mean in study.means)
    geometric = tuple(_mean_cell(mean.geometric, figure) for mean in study.means)
    return [*rows, _Row("arithmetic mean", arithmetic), _Row("geometric mean", geometric)]


def _cells(study: DataflowStudy, layer: LayerDataflows, figure: Figure) -> tuple[str | None, ...]:
    entries = {entry.dataflow: entry for entry in layer.restricted}
    return tuple(_cell(dataflow, entries.get(dataflow.name), figure) for dataflow in study.dataflows)


def _cell(dataflow: Dataflow, entry: LayerOnDataflow | None, figure: Figure) -> str | None:
    """A ratio, marked where it is not proved or only some of the dimensions are there; else why there is none."""
    if entry is None or entry.search is None:
        return None if entry is None else "n/a"
    if entry.ratios is None:
        return entry.search.status
    some = f" ({'|'.join(entry.spatial_dims)})" if entry.spatial_dims != dataflow.spatial_dims else ""
    return f"{'' if entry.proved else '~'}{_times(figure(entry.ratios))}{some}"


def _mean_cell(mean: Ratios | None, figure: Figure) -> str | None:
    return None if mean is None else _times(figure(mean))


def _times(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}x"


def _legend(study: DataflowStudy) -> Iterator[str]:
    """What marks in the tables mean, as far as they occur."""
    entries = [entry for layer in study.layers for entry in layer.restricted]
    wanted = {dataflow.name: dataflow.spatial_dims for dataflow in study.dataflows}
    if any(entry.search is None for entry in entries):
        yield "n/a: the layer has none of the dimensions that the dataflow unrolls"
    if any(entry.search is not None and entry.spatial_dims != wanted[entry.dataflow] for entry in entries):
        yield "(dimension): the only one of the pair that could be unrolled in this layer"
    if any(entry.ratios is not None and not entry.proved for entry in entries):
        yield "~: a limit was reached; between the best mappings found"
    yield "cycles are those of the mappings with the best objective; distinct layers count once, whatever their count"


def _means(study: DataflowStudy) -> Iterator[str]:
    mean, published = study.classic_mean, study.published
    if mean.arithmetic is not None and mean.geometric is not None:
        over = f"{mean.num_ratios} pairs of layer and classic dataflow{'' if mean.proved else ', not all proved'}"
        figures = [f"{name} {_times(of(mean.arithmetic))}" for name, of in FIGURES.items()]
        yield f"arithmetic mean over {over}: {', '.join(figures)}"
        figures = [f"{name} {_times(of(mean.geometric))}" for name, of in FIGURES.items()]
        yield f"geometric mean over the same: {', '.join(figures)}"
    ratios = f"EDP {published.mean_edp_ratio}x, execution time {published.mean_cycles_ratio}x"
    yield published_line(ratios, published.source)


def _searches(study: DataflowStudy) -> Iterator[tuple[str, StudySearch | None]]:
    """Every search of a distinct layer with its heading."""
    for layer in study.layers:
        if layer.same_as is None:
            name = name_text(layer.name)
            yield name, layer.unrestricted
            for entry in layer.restricted:
                yield f"{name}, {name_text(entry.dataflow)}", entry.search
