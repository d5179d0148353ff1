"""Puts a command line into the order that typer reads: the verb first, every option with at most one value."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from inspect import Parameter, Signature
from typing import Annotated, Any, get_origin

import typer

from . import options

GROUP_OPTIONS = ("--help", "-h", "--version", "--install-completion", "--show-completion")

EXPORT = "--export"
"""The one option with two values, ``FORMAT DIR``."""


def completed(arguments: Sequence[str], verbs: Collection[str]) -> list[str]:
    """The arguments as typer reads them, with one of the verbs, or an option of the command itself, in front."""
    joined = with_pairs_joined(arguments)
    verb_may_follow = any(argument in verbs for argument in joined[1:])
    return with_verb(joined, verbs, options_with_value() if verb_may_follow else ())


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


def with_pairs_joined(arguments: Sequence[str]) -> list[str]:
    """The arguments with every ``--export FORMAT DIR`` as ``--export FORMAT=DIR``: typer repeats single values only.

    Example:
        >>> with_pairs_joined(["spec.json", "--export", "zigzag", "out", "--json"])
        ['spec.json', '--export', 'zigzag=out', '--json']
    """
    joined: list[str] = []
    rest = list(arguments)
    while rest:
        joined.append(rest.pop(0))
        if joined[-1] == EXPORT and len(rest) > 1 and "=" not in rest[0] and not rest[1].startswith("-"):
            joined.append(f"{rest[0]}={rest[1]}")
            del rest[:2]
    return joined


def options_with_value() -> set[str]:
    """The names of all options that take a value, as typer reads them; no verb is loaded for that."""
    declared = {name: kind for name, kind in vars(options).items() if get_origin(kind) is Annotated}

    def every_option(**given: object) -> None: ...

    parameters = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=kind) for name, kind in declared.items()
    ]
    vars(every_option)["__signature__"] = Signature(parameters)
    every_option.__annotations__ = declared
    application = typer.Typer(add_completion=False, rich_markup_mode=None)
    application.command()(every_option)
    command: Any = typer.main.get_command(application)
    found = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    return {name for option in found if not option.is_flag for name in option.opts}
