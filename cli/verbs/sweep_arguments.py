"""The arguments of the verb ``sweep``. Nothing is run here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ..caching import chosen_cache
from ..options import (
    ArchitectureName,
    AsJson,
    BackendName,
    BatchSize,
    CachePath,
    DimSizes,
    NoCache,
    ObjectiveName,
    OutPath,
    SpecPath,
    TimeLimit,
    TotalTime,
)
from ..overrides import overrides_from_options
from .commands import Delivery
from .study_arguments import CsvPath, PlotPath
from .sweep_verb import Execution, SweepFiles, run_sweep, scheduler_from_options

ResultsPath = Annotated[
    Path | None,
    typer.Option(
        "--results", metavar="FILE.jsonl", help="Write answers there as they come; the same command resumes from it."
    ),
]
ReportPath = Annotated[
    Path | None, typer.Option("--report", metavar="FILE.html", help="Write one HTML page with tables and the picture.")
]
Pareto = Annotated[
    bool,
    typer.Option("--pareto", help="Find the front over energy, cycles and an area proxy instead, proved complete."),
]
Processes = Annotated[
    str | None, typer.Option("--workers", metavar="N", help="Processes, or tasks at a time of an executor.")
]
ExecutorName = Annotated[
    str | None, typer.Option("--executor", metavar="NAME", help="processes (default) or dask, which needs --scheduler.")
]
SchedulerAddress = Annotated[
    str | None, typer.Option("--scheduler", metavar="ADDRESS", help="Address of a Dask scheduler, tcp://HOST:PORT.")
]


def sweep_verb(
    spec: SpecPath,
    as_json: AsJson = False,
    out: OutPath = None,
    results: ResultsPath = None,
    csv: CsvPath = None,
    plot: PlotPath = None,
    report: ReportPath = None,
    pareto: Pareto = False,
    executor: ExecutorName = None,
    scheduler: SchedulerAddress = None,
    architecture: ArchitectureName = None,
    batch: BatchSize = None,
    dim: DimSizes = None,
    objective: ObjectiveName = None,
    backend: BackendName = None,
    time_limit: TimeLimit = None,
    total_time_limit: TotalTime = None,
    workers: Processes = None,
    cache: CachePath = None,
    no_cache: NoCache = False,
) -> Callable[[], int]:
    """The best mappings of every layer on every design of a sweep: a spec with axes over its architecture.

    Exit codes: 0 every layer solved on every design; 1 some layer infeasible or unknown on some design; 2 bad input;
    70 a fault of ours, of a back end or of the executor; 130 interrupted. What is finished is told in any case.
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
    files = SweepFiles(results, csv, plot, report)
    address = scheduler_from_options(executor, scheduler)
    # workers on other machines have no use for this user's folder, unless it is said to be shared
    kept = chosen_cache(cache, off=no_cache, watched=address is not None and cache is None)
    return partial(run_sweep, spec, overrides, Delivery(as_json, out), files, Execution(address, kept), pareto=pareto)
