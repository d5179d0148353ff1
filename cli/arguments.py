"""The command line's arguments: verbs, options, and how they are read. Nothing is run here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from ..model.faults import InputError
from .commands import Delivery, Exit, Extras, run_evaluate, run_list, run_schema, run_solve, run_verify
from .overrides import overrides_from_options

Action = Callable[[], int]
"""A verb with its arguments, ready to run; gives the exit code."""

GROUP_OPTIONS = ("--help", "-h", "--version")

SpecPath = Annotated[Path, typer.Argument(metavar="SPEC", help="JSON file: architecture, workload, objective, limits.")]
RequestPath = Annotated[Path, typer.Argument(metavar="REQUEST", help="JSON file: architecture, layer, mappings.")]
ResultPath = Annotated[Path, typer.Argument(metavar="RESULT", help="JSON file that --out or --json wrote.")]
SchemaName = Annotated[
    str | None, typer.Argument(metavar="[spec|result|evaluate|verification]", help="Which one; else all.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the readable report.")]
OutPath = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the JSON document to a file, too.")]
Loops = Annotated[bool, typer.Option("--loops", help="Show every best mapping as a tiled loop nest.")]
WithCertificate = Annotated[
    bool, typer.Option("--certificate", help="Show for every layer how it was excluded that something better exists.")
]
TracePath = Annotated[
    Path | None, typer.Option("--trace", metavar="FILE", help="Write every change of incumbent or bound as JSON lines.")
]
ProofTime = Annotated[
    str | None, typer.Option("--time-limit", metavar="SECONDS", help="Time for the proof of each layer; default 60.")
]
Detail = Annotated[bool, typer.Option("--detail", help="Add footprints, DMA bursts, reuse factors and the like.")]
ObjectiveName = Annotated[str | None, typer.Option("--objective", metavar="NAME", help="edp, energy or latency.")]
BackendName = Annotated[str | None, typer.Option("--backend", metavar="NAME", help="Search method; see the verb list.")]
TimeLimit = Annotated[str | None, typer.Option("--time-limit", metavar="SECONDS", help="Time for each layer.")]
TotalTime = Annotated[str | None, typer.Option("--total-time-limit", metavar="SECONDS", help="Time for all layers.")]
Workers = Annotated[str | None, typer.Option("--workers", metavar="N", help="Threads of the search.")]
TopK = Annotated[str | None, typer.Option("--top-k", metavar="N", help="Most mappings to report for a layer.")]
Gap = Annotated[str | None, typer.Option("--gap", metavar="RATIO", help="Relative gap that counts as optimal.")]
Seed = Annotated[str | None, typer.Option("--seed", metavar="N", help="Seed of the search.")]


def parsed(arguments: Sequence[str]) -> Action:
    """The verb that the arguments ask for, ready to run.

    Raises:
        InputError: for arguments that make no sense.
    """
    command: Any = typer.main.get_command(_application())
    options = [option for option in command.commands["solve"].params if option.param_type_name == "option"]
    with_value = {name for option in options if not option.is_flag for name in option.opts}
    completed = with_verb(arguments, command.commands, with_value)
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
    spec: SpecPath,
    as_json: AsJson = False,
    out: OutPath = None,
    loops: Loops = False,
    certificate: WithCertificate = False,
    trace: TracePath = None,
    objective: ObjectiveName = None,
    backend: BackendName = None,
    time_limit: TimeLimit = None,
    total_time_limit: TotalTime = None,
    workers: Workers = None,
    top_k: TopK = None,
    gap: Gap = None,
    seed: Seed = None,
) -> Action:
    """Find the best mappings of every layer of a spec. Options replace the spec's values.

    Exit codes: 0 all layers solved; 1 some layer infeasible or unknown; 2 bad input; 70 a fault of ours or of a back
    end; 130 interrupted.
    """
    given: dict[str, str | None] = {
        "objective": objective,
        "backend": backend,
        "time_limit_s": time_limit,
        "total_time_limit_s": total_time_limit,
        "workers": workers,
        "top_k": top_k,
        "relative_gap": gap,
        "seed": seed,
    }
    extras = Extras(loops, certificate, trace)
    return partial(run_solve, spec, overrides_from_options(given), Delivery(as_json, out), extras)


def _enumerate(
    spec: SpecPath,
    as_json: AsJson = False,
    out: OutPath = None,
    loops: Loops = False,
    certificate: WithCertificate = False,
    trace: TracePath = None,
    objective: ObjectiveName = None,
    time_limit: TimeLimit = None,
    total_time_limit: TotalTime = None,
    top_k: TopK = None,
) -> Action:
    """Search everything that the constraints leave, without a solver, and count it."""
    given: dict[str, str | None] = {
        "objective": objective,
        "backend": "exhaustive",
        "time_limit_s": time_limit,
        "total_time_limit_s": total_time_limit,
        "top_k": top_k,
    }
    extras = Extras(loops, certificate, trace)
    return partial(run_solve, spec, overrides_from_options(given), Delivery(as_json, out), extras)


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
