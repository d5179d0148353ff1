"""The application: its verbs, and how a command line becomes one of them, ready to run. Nothing is run here."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from io import StringIO
from typing import Annotated, Any, cast

import typer

from ..model.faults import InputError
from .answer import Action, Exit
from .arguments.command_line import completed
from .arguments.distinct_files import with_distinct_files
from .help.completion import is_asked, verb_to_complete
from .help.help_pages import PROGRAM, WIDEST, HelpfulCommand, HelpfulGroup
from .help.misspellings import check_first_word, usage_line
from .output import print_text


@dataclass(frozen=True)
class Verb:
    """A verb, the module below ``verbs`` with the function of the same name, and the first sentence of its help."""

    name: str
    module: str
    summary: str

    def load(self) -> Callable[..., Action]:
        """The function that typer reads; only now its module and all that it uses are imported."""
        return getattr(import_module(f".verbs.{self.module}", __package__), self.module.rpartition(".")[2])


VERBS = (
    Verb("solve", "solve_verb", "Find the best mappings of every layer of a spec."),
    Verb(
        "evaluate",
        "evaluate_verb",
        "Cost given mappings with the exact model; what does not fit is flagged and costed all the same.",
    ),
    Verb(
        "enumerate",
        "enumerate_verb",
        "Search everything that the constraints leave, without a solver, and count it.",
    ),
    Verb(
        "verify",
        "verify_verb",
        "Re-check a result, of layers or a network: legality, costs, totals, and every bound by its own route.",
    ),
    Verb(
        "explain",
        "comparisons.explain_verb",
        "What bounds a layer of a result, why no more of the machine is in use, and what more of it would bring.",
    ),
    Verb(
        "gap",
        "comparisons.gap_verb",
        "What dMazeRunner's pruned search loses against the proved optimum, layer by layer.",
    ),
    Verb(
        "dataflows",
        "comparisons.dataflows_verb",
        "What every layer loses under the classic fixed dataflows, against the best mapping of all.",
    ),
    Verb(
        "sweep",
        "comparisons.sweep_verb",
        "The best mappings of every layer on every design of a sweep: a spec with axes over its architecture.",
    ),
    Verb("execute", "execute_verb", "Run given mappings with real words, and hold every count against the model."),
    Verb(
        "codegen", "codegen_verb", "Print a mapping as a C program that checks itself: the tiled nest with all copies."
    ),
    Verb(
        "show",
        "show_verb",
        "Draw a machine: memories, arrays, what is kept where, prices, and sources.",
    ),
    Verb("import", "import_verb", "Print another tool's layer and mapping as a request (JSON) that evaluate takes."),
    Verb("schema", "schema_verb", "Print the JSON Schema of a document, or of all of them by name."),
    Verb("list", "list_verb", "Show built-in architectures, built-in networks and installed back ends."),
)
"""In the order of the help."""


def parsed(arguments: Sequence[str]) -> Action:
    """The verb that the arguments ask for, ready to run.

    Raises:
        InputError: for arguments that make no sense.
    """
    verbs = [verb.name for verb in VERBS]
    words = completed(arguments, verbs)
    if arguments and words[0] not in arguments:
        check_first_word(arguments[0], verbs)
    loaded = verb_to_complete(os.environ, verbs) if is_asked(os.environ) else words[0]
    command: Any = typer.main.get_command(application(*filter(None, [loaded])))
    # click's UsageError, which typer does not export by that name
    usage_error = cast("type[Exception]", typer.BadParameter.__bases__[0])
    told = StringIO()  # help is printed as answers are: what becomes of a full disk is said there
    try:
        with redirect_stdout(told):
            action: object = command.main(words, prog_name=PROGRAM, standalone_mode=False)
    except usage_error as error:
        raise InputError.single(None, "", usage_line(error, words[0] if arguments else None)) from error
    except SystemExit as ended:  # as what completes in the shell ends
        return partial(_told, told.getvalue(), cast("int", ended.code or Exit.SOLVED))
    return cast("Action", action) if callable(action) else partial(_told, told.getvalue())


def _told(text: str, code: int = Exit.SOLVED) -> int:
    """The help, the version or completions, which typer has written already."""
    print_text(text)
    return code


def application(*loaded: str) -> typer.Typer:
    """The application. Only the verbs that are ``loaded`` can be run; of the others it knows what the help says."""
    settings = {"help_option_names": ["-h", "--help"], "max_content_width": WIDEST}
    app = typer.Typer(cls=HelpfulGroup, rich_markup_mode=None, context_settings=settings)
    app.callback()(_group)
    for verb in VERBS:
        if verb.name in loaded:
            app.command(verb.name, cls=HelpfulCommand)(with_distinct_files(verb.load()))
        else:
            app.command(verb.name, cls=HelpfulCommand, help=verb.summary)(_not_loaded)
    return app


def installed_version() -> str:
    """The version of this distribution."""
    from importlib.metadata import version  # takes as long as half of the rest of --help

    return version("dmaze-solve")


def _not_loaded() -> None:
    """Stands for a verb that is not asked for."""


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"dmaze-solve {installed_version()}")
        raise typer.Exit


def _group(
    wanted: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Find the best mappings of neural-network layers onto an accelerator, with exact costs and certified bounds.

    Without a verb, the argument is a spec to solve.
    """
