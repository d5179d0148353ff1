"""The arguments of the verbs that compare searches: ``gap`` and ``dataflows``. Nothing is run here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ..options import (
    ArchitectureName,
    AsJson,
    BackendName,
    BatchSize,
    DimSizes,
    ModelPath,
    ObjectiveName,
    OutPath,
    TimeLimit,
    TotalTime,
    Workers,
)
from ..overrides import overrides_from_options
from .commands import Delivery
from .study_verbs import StudyFiles, dims_from_options, full_limit_from_option, run_dataflows, run_gap

CsvPath = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the figures as a table, too.")]
PlotPath = Annotated[
    Path | None, typer.Option("--plot", metavar="FILE", help="Draw them: .png or .svg; needs the extra 'plot'.")
]
FullLimit = Annotated[
    str | None,
    typer.Option(
        "--full-limit", metavar="SECONDS", help="Time to cost every tiling of a layer; default 60, 0 for none."
    ),
]
MappingPath = Annotated[
    Path | None,
    typer.Option(
        "--mapping", metavar="FILE", help="Mappings to hold against the optima: a result, a request, or a list."
    ),
]
Spatial = Annotated[
    list[str] | None,
    typer.Option(
        "--spatial", metavar="A,B", help="A further dataflow, by the dimensions that it unrolls; may be repeated."
    ),
]


def gap_verb(
    spec: ModelPath,
    as_json: AsJson = False,
    out: OutPath = None,
    csv: CsvPath = None,
    plot: PlotPath = None,
    full_limit: FullLimit = None,
    mapping: MappingPath = None,
    architecture: ArchitectureName = None,
    batch: BatchSize = None,
    dim: DimSizes = None,
    objective: ObjectiveName = None,
    backend: BackendName = None,
    time_limit: TimeLimit = None,
    total_time_limit: TotalTime = None,
    workers: Workers = None,
) -> Callable[[], int]:
    """What dMazeRunner's pruned search loses against the proved optimum, layer by layer.

    Every layer is also proved by enumeration with bounds, and enumerated in full where that is feasible. Exit code 70
    when two proofs disagree; else as for solve.
    """
    given = {
        "architecture": architecture,
        "batch": batch,
        "objective": objective,
        "backend": backend,
        "time_limit_s": time_limit,
        "total_time_limit_s": total_time_limit,
        "workers": workers,
    }
    overrides = overrides_from_options(given, dim or ())
    files = StudyFiles(csv, plot)
    limit = full_limit_from_option(full_limit)
    return partial(run_gap, spec, overrides, Delivery(as_json, out), files, full_limit_s=limit, mapping=mapping)


def dataflows_verb(
    spec: ModelPath,
    as_json: AsJson = False,
    out: OutPath = None,
    csv: CsvPath = None,
    plot: PlotPath = None,
    spatial: Spatial = None,
    architecture: ArchitectureName = None,
    batch: BatchSize = None,
    dim: DimSizes = None,
    objective: ObjectiveName = None,
    backend: BackendName = None,
    time_limit: TimeLimit = None,
    total_time_limit: TotalTime = None,
    workers: Workers = None,
) -> Callable[[], int]:
    """What every layer loses under the classic fixed dataflows, against the best mapping of all.

    Output stationary (Ox|Oy), weight stationary (Fx|Fy), row stationary (Oy|Fy), TPU style (M|C), and any others.
    """
    given = {
        "architecture": architecture,
        "batch": batch,
        "objective": objective,
        "backend": backend,
        "time_limit_s": time_limit,
        "total_time_limit_s": total_time_limit,
        "workers": workers,
    }
    overrides = overrides_from_options(given, dim or ())
    more = dims_from_options(spatial or [])
    return partial(run_dataflows, spec, overrides, Delivery(as_json, out), StudyFiles(csv, plot), more=more)
