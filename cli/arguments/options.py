"""Every option of the command line, as typer reads it. Nothing of ours is imported at a start.

Helps say the unit and the default; for what replaces a value of the spec, the default is where the spec has none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .offered_values import back_end, built_in_architecture, one_of

# Where the answer goes, and what it holds

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the readable report.")]
OutPath = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the JSON document to a file, too.")]
CodePath = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write the program (the JSON document with --json) to a file."),
]
Loops = Annotated[bool, typer.Option("--loops", help="Show every best mapping as a tiled loop nest.")]
MappingLoops = Annotated[bool, typer.Option("--loops", help="Show every mapping as a tiled loop nest.")]
WithCertificate = Annotated[
    bool, typer.Option("--certificate", help="Show for every layer how it was excluded that something better exists.")
]
Shrink = Annotated[
    bool, typer.Option("--shrink", help="Scale the layer down first, to 200,000 operations; what iterates still does.")
]
ShrinkTo = Annotated[
    int | None, typer.Option("--shrink-to", metavar="N", min=1, help="The same, to N multiply-accumulates.")
]
Detail = Annotated[bool, typer.Option("--detail", help="Add footprints, DMA bursts, reuse factors and the like.")]
TracePath = Annotated[
    Path | None, typer.Option("--trace", metavar="FILE", help="Write every change of incumbent or bound as JSON lines.")
]
ReportPath = Annotated[
    Path | None, typer.Option("--report", metavar="FILE.html", help="Write one HTML page with tables and pictures.")
]
SweepReportPath = Annotated[
    Path | None, typer.Option("--report", metavar="FILE.html", help="Write one HTML page with tables and the picture.")
]
PicturesPath = Annotated[
    Path | None, typer.Option("--pictures", metavar="FOLDER", help="Write the pictures there as SVG files.")
]
ScatterLayer = Annotated[
    str | None,
    typer.Option("--scatter", metavar="LAYER", help="Layer whose methods are drawn; default: the costliest."),
]
CsvPath = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the figures as a table, too.")]
PlotPath = Annotated[
    Path | None, typer.Option("--plot", metavar="FILE", help="Draw them: .png or .svg; needs the extra 'plot'.")
]
ResultsPath = Annotated[
    Path | None,
    typer.Option(
        "--results", metavar="FILE.jsonl", help="Write answers there as they come; the same command resumes from it."
    ),
]
ExportTargets = Annotated[
    list[str] | None,
    typer.Option(
        "--export",
        metavar="FORMAT DIR",
        help="Write the best mappings as files of timeloop, accelforge, zigzag or dmazerunner; may be repeated.",
    ),
]

# What replaces a value of the spec

ArchitectureName = Annotated[
    str | None,
    typer.Option(
        "--architecture",
        metavar="NAME",
        help="A built-in architecture or a file in place of the spec's; needed for a network alone.",
        autocompletion=built_in_architecture,
    ),
]
BatchSize = Annotated[
    str | None, typer.Option("--batch", metavar="N", help="Batch size of the network; default: its own.")
]
DimSizes = Annotated[
    list[str] | None,
    typer.Option(
        "--dim", metavar="NAME=N", help="Size of a symbolic dimension (or INPUT.AXIS) of an .onnx file; repeatable."
    ),
]
InputValues = Annotated[
    list[str] | None,
    typer.Option(
        "--input", metavar="NAME=VALUE", help="Value of an input of an .onnx file that decides what runs; repeatable."
    ),
]
CostModelName = Annotated[
    str | None,
    typer.Option(
        "--cost-model",
        metavar="NAME",
        help="dmazerunner or hierarchy; default: by the architecture's kind.",
        autocompletion=one_of("dmazerunner", "hierarchy"),
    ),
]
AccountingOption = Annotated[
    str | None,
    typer.Option(
        "--accounting",
        metavar="NAME",
        help="How a hierarchy counts: executed (default), timeloop or accelforge.",
        autocompletion=one_of("executed", "timeloop", "accelforge"),
    ),
]
ObjectiveName = Annotated[
    str | None,
    typer.Option(
        "--objective",
        metavar="NAME",
        help="edp (default; pJ*cycles), energy (pJ) or latency (cycles).",
        autocompletion=one_of("edp", "energy", "latency"),
    ),
]
BackendName = Annotated[
    str | None,
    typer.Option(
        "--backend",
        metavar="NAME",
        help="Search method, see the verb list; default: portfolio.",
        autocompletion=back_end,
    ),
]
TimeLimit = Annotated[
    str | None, typer.Option("--time-limit", metavar="SECONDS", help="Most time for each layer; default: 60 s.")
]
TotalTime = Annotated[
    str | None,
    typer.Option("--total-time-limit", metavar="SECONDS", help="Most time for all layers; default: no limit."),
]
Workers = Annotated[
    str | None, typer.Option("--workers", metavar="N", help="Threads of the search; default: one for each core.")
]
TopK = Annotated[
    str | None, typer.Option("--top-k", metavar="N", help="Most mappings to report for a layer; default: 5.")
]
Gap = Annotated[
    str | None, typer.Option("--gap", metavar="RATIO", help="Relative gap that counts as optimal; default: 1e-06.")
]
Seed = Annotated[str | None, typer.Option("--seed", metavar="N", help="Seed of the search; default: 0.")]
UntilGap = Annotated[
    str | None,
    typer.Option(
        "--until-gap",
        metavar="RATIO",
        help="Search layers further that their time limit leaves open, until their gap is at most this; default: none.",
    ),
]
RequireProof = Annotated[
    bool, typer.Option("--require-proof", help="Exit with 1, too, where the optimum of some layer is not proved.")
]
SetValues = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Another value of a field, such as spm.banks=64, nodes.GLB.capacity_bytes=65536 or solver.top_k=3; "
        "repeatable.",
    ),
]
PadBounds = Annotated[
    bool, typer.Option("--pad-bounds", help="Allow loop bounds to be padded; the padded iterations are paid for.")
]
PadPercent = Annotated[
    str | None,
    typer.Option("--pad-percent", metavar="PERCENT", help="The same, by at most so much; default: 5 per cent."),
]

# How it is done

Pareto = Annotated[bool, typer.Option("--pareto", help="Find the energy-latency front instead, proved complete.")]
NetworkObjective = Annotated[
    str | None,
    typer.Option(
        "--network",
        metavar="OBJECTIVE",
        help="Find the best of the network as a whole instead, proved: edp (total energy times total cycles), energy "
        "or latency.",
        autocompletion=one_of("edp", "energy", "latency"),
    ),
]
MaxCycles = Annotated[
    str | None,
    typer.Option("--max-cycles", metavar="N", help="The least energy of the network within so many cycles in all."),
]
MaxEnergy = Annotated[
    str | None,
    typer.Option("--max-energy", metavar="PJ", help="The fewest cycles of the network within so much energy in all."),
]
SweepPareto = Annotated[
    bool,
    typer.Option("--pareto", help="Find the front over energy, cycles and an area proxy instead, proved complete."),
]
ProveBest = Annotated[
    bool,
    typer.Option(
        "--prove-best", help="Find the best design only: lower bounds exclude others without solving all their layers."
    ),
]
WithBound = Annotated[
    bool, typer.Option("--bound", help="Leave out what a lower bound excludes; the mappings found are the same.")
]
CachePath = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="DIR",
        help="Where results are kept for further runs; default: the folder that the verb list shows.",
    ),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Search everything anew, and keep nothing.")]
ProofTime = Annotated[
    str | None, typer.Option("--time-limit", metavar="SECONDS", help="Time for the proof of each layer; default: 60 s.")
]
SharedTime = Annotated[
    str | None, typer.Option("--time-limit", metavar="SECONDS", help="Time for all searches together; default: 60 s.")
]
FullLimit = Annotated[
    str | None,
    typer.Option(
        "--full-limit", metavar="SECONDS", help="Time to cost every tiling of a layer; default: 60 s, 0 for none."
    ),
]
MappingPath = Annotated[
    Path | None,
    typer.Option(
        "--mapping", metavar="FILE", help="Mappings to hold against the optima: a result, a request, or a list."
    ),
]
MappingPosition = Annotated[
    int, typer.Option("--mapping", metavar="N", help="Which mapping of the request, counted from 0; default: 0.")
]
Spatial = Annotated[
    list[str] | None,
    typer.Option(
        "--spatial", metavar="A,B", help="A further dataflow, by the dimensions that it unrolls; may be repeated."
    ),
]
Processes = Annotated[
    str | None,
    typer.Option(
        "--workers", metavar="N", help="Processes, or tasks at a time of an executor; default: one for each core."
    ),
]
ExecutorName = Annotated[
    str | None,
    typer.Option(
        "--executor",
        metavar="NAME",
        help="processes (default) or dask, which needs --scheduler.",
        autocompletion=one_of("processes", "dask"),
    ),
]
SchedulerAddress = Annotated[
    str | None, typer.Option("--scheduler", metavar="ADDRESS", help="Address of a Dask scheduler, tcp://HOST:PORT.")
]
ArchitectureOfRequest = Annotated[
    str,
    typer.Option(
        "--architecture",
        metavar="NAME",
        help="A built-in architecture or a file; default: dmazerunner-256pe.",
        autocompletion=built_in_architecture,
    ),
]
LayerName = Annotated[str | None, typer.Option("--layer", metavar="NAME", help="Which layer, where there are several.")]
LevelNames = Annotated[
    str | None,
    typer.Option(
        "--levels",
        metavar="A,B,C",
        help="What the mapping calls DRAM, scratchpad and register file; default: by their names.",
    ),
]
