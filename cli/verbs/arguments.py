"""The command line's arguments: verbs, options, and how they are read. Nothing is run here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from ...model.faults import InputError
from ..caching import chosen_cache
from ..options import (
    ArchitectureName,
    AsJson,
    BackendName,
    BatchSize,
    CachePath,
    DimSizes,
    ExportTargets,
    ModelPath,
    NoCache,
    ObjectiveName,
    OutPath,
    TimeLimit,
    TotalTime,
    Workers,
)
from ..overrides import overrides_from_options
from ..pages.delivery import PictureOptions
from .commands import Delivery, Exit, Extras, run_evaluate, run_list, run_schema, run_solve, run_verify
from .export import exports_from_options, with_pairs_joined
from .front_verb import run_pareto
from .importing import import_verb
from .study_arguments import dataflows_verb, gap_verb
from .sweep_arguments import sweep_verb

Action = Callable[[], int]
"""A verb with its arguments, ready to run; gives the exit code."""

GROUP_OPTIONS = ("--help", "-h", "--version")

RequestPath = Annotated[Path, typer.Argument(metavar="REQUEST", help="JSON file: architecture, layer, mappings.")]
ResultPath = Annotated[Path, typer.Argument(metavar="RESULT", help="JSON file that --out or --json wrote.")]
SchemaName = Annotated[
    str | None,
    typer.Argument(
        metavar="[spec|result|evaluate|verification|gap|dataflows|pareto|sweep]", help="Which one; else all."
    ),
]
Loops = Annotated[bool, typer.Option("--loops", help="Show every best mapping as a tiled loop nest.")]
WithCertificate = Annotated[
    bool, typer.Option("--certificate", help="Show for every layer how it was excluded that something better exists.")
]
Pareto = Annotated[bool, typer.Option("--pareto", help="Find the energy-latency front instead, proved complete.")]
TracePath = Annotated[
    Path | None, typer.Option("--trace", metavar="FILE", help="Write every change of incumbent or bound as JSON lines.")
]
ReportPath = Annotated[
    Path | None, typer.Option("--report", metavar="FILE.html", help="Write one HTML page with tables and pictures.")
]
PicturesPath = Annotated[
    Path | None, typer.Option("--pictures", metavar="FOLDER", help="Write the pictures there as SVG files.")
]
ScatterLayer = Annotated[
    str | None, typer.Option("--scatter", metavar="LAYER", help="Layer whose methods are drawn; else the costliest.")
]
ProofTime = Annotated[
    str | None, typer.Option("--time-limit", metavar="SECONDS", help="Time for the proof of each layer; default 60.")
]
Detail = Annotated[bool, typer.Option("--detail", help="Add footprints, DMA bursts, reuse factors and the like.")]
TopK = Annotated[str | None, typer.Option("--top-k", metavar="N", help="Most mappings to report for a layer.")]
Gap = Annotated[str | None, typer.Option("--gap", metavar="RATIO", help="Relative gap that counts as optimal.")]
Seed = Annotated[str | None, typer.Option("--seed", metavar="N", help="Seed of the search.")]
WithBound = Annotated[
    bool, typer.Option("--bound", help="Leave out what a lower bound excludes; the mappings found are the same.")
]
PadBounds = Annotated[
    bool, typer.Option("--pad-bounds", help="Allow loop bounds to be padded; the padded iterations are paid for.")
]
PadPercent = Annotated[
    str | None, typer.Option("--pad-percent", metavar="PERCENT", help="The same, by at most so much; default 5.")
]


def parsed(arguments: Sequence[str]) -> Action:
    """The verb that the arguments ask for, ready to run.

    Raises:
        InputError: for arguments that make no sense.
    """
    command: Any = typer.main.get_command(_application())
    parameters = [parameter for verb in command.commands.values() for parameter in verb.params]
    options = [parameter for parameter in parameters if parameter.param_type_name == "option"]
    with_value = {name for option in options if not option.is_flag for name in option.opts}
    completed = with_verb(with_pairs_joined(arguments), command.commands, with_value)
    # click's UsageError, which typer does not export by that name
    usage_error = cast("type[Exception]", typer.BadParameter.__bases__[0])
    try:
        action: object = command.main(completed, prog_name="dmaze-solve", standalone_mode=False)
    except usage_error as error:
        message = " ".join(cast("Any", error).format_message().split()).rstrip(".")
        raise InputError.single(None, "", f"dmaze-solve: {message}; see dmaze-solve --help") from error
    return cast("Action", action) if callable(action) else lambda: Exit.SOLVED


def with_verb(arguments: Sequence[str], verbs: Collection[str], options_with_value: Collection[str]) -> list[str]:
    """The arguments with their verb in front; a spec without a verb is to be solved.

    Example:
        >>> with_verb(["--top-k", "3", "spec.json"], ["solve", "list"], ["--top-k"])
        ['solve', '--top-k', '3', 'spec.json']
        >>> with_verb(["--json", "list"], ["solve", "list"], ["--top-k"])
        ['list', '--json']
    """
    if arguments and arguments[0] in GROUP_OPTIONS:
        return list(arguments)
    position = 0
    while position < len(arguments) and arguments[position].startswith("-") and arguments[position] != "--":
        position += 2 if arguments[position] in options_with_value else 1
    if position < len(arguments) and arguments[position] in verbs:
        return [arguments[position], *arguments[:position], *arguments[position + 1 :]]
    return ["solve", *arguments]


def _application() -> typer.Typer:
    settings = {"help_option_names": ["-h", "--help"]}
    app = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=settings)
    app.callback()(_group)
    app.command("solve")(_solve)
    app.command("evaluate")(_evaluate)
    app.command("enumerate")(_enumerate)
    app.command("verify")(_verify)
    app.command("gap")(gap_verb)
    app.command("dataflows")(dataflows_verb)
    app.command("sweep")(sweep_verb)
    app.command("import")(import_verb)
    app.command("schema")(_schema)
    app.command("list")(_list)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        print(version("dmaze-solve"))
        raise typer.Exit


def _group(
    wanted: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Find the best mappings of neural-network layers onto an accelerator, with exact costs and certified bounds.

    Without a verb, the argument is a spec to solve.
    """


def _solve(
    spec: ModelPath,
    as_json: AsJson = False,
    out: OutPath = None,
    loops: Loops = False,
    certificate: WithCertificate = False,
    pareto: Pareto = False,
    trace: TracePath = None,
    report: ReportPath = None,
    pictures: PicturesPath = None,
    scatter: ScatterLayer = None,
    export: ExportTargets = None,
    architecture: ArchitectureName = None,
    batch: BatchSize = None,
    dim: DimSizes = None,
    objective: ObjectiveName = None,
    backend: BackendName = None,
    time_limit: TimeLimit = None,
    total_time_limit: TotalTime = None,
    workers: Workers = None,
    top_k: TopK = None,
    gap: Gap = None,
    seed: Seed = None,
    pad_bounds: PadBounds = False,
    pad_percent: PadPercent = None,
    cache: CachePath = None,
    no_cache: NoCache = False,
) -> Action:
    """Find the best mappings of every layer of a spec. Options replace the spec's values.

    Exit codes: 0 all layers solved; 1 some layer infeasible or unknown; 2 bad input; 70 a fault of ours or of a back
    end; 130 interrupted.
    """
    given: dict[str, str | None] = {
        "architecture": architecture,
        "batch": batch,
        "objective": objective,
        "backend": backend,
        "time_limit_s": time_limit,
        "total_time_limit_s": total_time_limit,
        "workers": workers,
        "top_k": top_k,
        "relative_gap": gap,
        "seed": seed,
        "pad_bounds": "true" if pad_bounds or pad_percent is not None else None,
        "pad_percent": pad_percent,
    }
    exports = exports_from_options(export or ())
    extras = Extras(loops, certificate, trace, PictureOptions(report, pictures, scatter), exports)
    if pareto:
        extras.expect_none("--pareto")
        overrides = overrides_from_options(given, dim or ())
        return partial(run_pareto, spec, overrides, Delivery(as_json, out), check=certificate)
    kept = chosen_cache(cache, off=no_cache, watched=extras.watched)
    return partial(run_solve, spec, overrides_from_options(given, dim or ()), Delivery(as_json, out), extras, kept)


def _enumerate(
    spec: ModelPath,
    as_json: AsJson = False,
    out: OutPath = None,
    loops: Loops = False,
    certificate: WithCertificate = False,
    trace: TracePath = None,
    report: ReportPath = None,
    pictures: PicturesPath = None,
    scatter: ScatterLayer = None,
    export: ExportTargets = None,
    architecture: ArchitectureName = None,
    batch: BatchSize = None,
    dim: DimSizes = None,
    objective: ObjectiveName = None,
    time_limit: TimeLimit = None,
    total_time_limit: TotalTime = None,
    workers: Workers = None,
    top_k: TopK = None,
    bound: WithBound = False,
    cache: CachePath = None,
    no_cache: NoCache = False,
) -> Action:
    """Search everything that the constraints leave, without a solver, and count it."""
    given: dict[str, str | None] = {
        "architecture": architecture,
        "batch": batch,
        "objective": objective,
        "backend": "exhaustive-bounded" if bound else "exhaustive",
        "time_limit_s": time_limit,
        "total_time_limit_s": total_time_limit,
        "workers": workers,
        "top_k": top_k,
    }
    exports = exports_from_options(export or ())
    extras = Extras(loops, certificate, trace, PictureOptions(report, pictures, scatter), exports)
    kept = chosen_cache(cache, off=no_cache, watched=extras.watched)
    return partial(run_solve, spec, overrides_from_options(given, dim or ()), Delivery(as_json, out), extras, kept)


def _evaluate(request: RequestPath, as_json: AsJson = False, out: OutPath = None, detail: Detail = False) -> Action:
    """Cost given mappings with the exact model; what does not fit is flagged and costed all the same."""
    return partial(run_evaluate, request, Delivery(as_json, out), detail=detail)


def _verify(
    result: ResultPath,
    as_json: AsJson = False,
    out: OutPath = None,
    time_limit: ProofTime = None,
    workers: Workers = None,
) -> Action:
    """Re-check a result: legality, costs, ranks, totals, and every bound by a route of its own.

    Exit codes: 0 everything that was checked holds; 1 something is wrong; 2 not a result; 130 interrupted.
    """
    given = {"time_limit_s": time_limit, "workers": workers}
    return partial(run_verify, result, overrides_from_options(given), Delivery(as_json, out))


def _schema(document: SchemaName = None, as_json: AsJson = False, out: OutPath = None) -> Action:
    """Print the JSON Schema of a document, or of all of them by name."""
    return partial(run_schema, document, Delivery(as_json, out))


def _list(as_json: AsJson = False, out: OutPath = None) -> Action:
    """Show built-in architectures, built-in networks and installed back ends."""
    return partial(run_list, Delivery(as_json, out))
