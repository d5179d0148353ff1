"""The arguments and options that several modules' verbs share, as typer reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SpecPath = Annotated[Path, typer.Argument(metavar="SPEC", help="JSON file: architecture, workload, objective, limits.")]
ModelPath = Annotated[
    Path,
    typer.Argument(
        metavar="SPEC", help="JSON file: architecture, workload, objective, limits; or a network as an .onnx file."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the readable report.")]
OutPath = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the JSON document to a file, too.")]
ArchitectureName = Annotated[
    str | None,
    typer.Option("--architecture", metavar="NAME", help="A built-in architecture or a file; needed for an .onnx file."),
]
BatchSize = Annotated[str | None, typer.Option("--batch", metavar="N", help="Batch size of the network.")]
DimSizes = Annotated[
    list[str] | None,
    typer.Option("--dim", metavar="NAME=N", help="Size of a symbolic dimension of an .onnx file; may be repeated."),
]
ObjectiveName = Annotated[str | None, typer.Option("--objective", metavar="NAME", help="edp, energy or latency.")]
BackendName = Annotated[str | None, typer.Option("--backend", metavar="NAME", help="Search method; see the verb list.")]
TimeLimit = Annotated[str | None, typer.Option("--time-limit", metavar="SECONDS", help="Time for each layer.")]
TotalTime = Annotated[str | None, typer.Option("--total-time-limit", metavar="SECONDS", help="Time for all layers.")]
Workers = Annotated[str | None, typer.Option("--workers", metavar="N", help="Threads of the search.")]
CachePath = Annotated[
    Path | None, typer.Option("--cache", metavar="DIR", help="Where results are kept for further runs; see verb list.")
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Search everything anew, and keep nothing.")]
ExportTargets = Annotated[
    list[str] | None,
    typer.Option(
        "--export",
        metavar="FORMAT DIR",
        help="Write the best mappings as files of timeloop, accelforge, zigzag or dmazerunner; may be repeated.",
    ),
]
