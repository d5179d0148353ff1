"""Completion in the shell: what of the command has to be loaded to answer the one question that a shell asks."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .help_pages import DEFAULT_VERB

QUESTION = "_DMAZE_SOLVE_COMPLETE"
"""Set by the script of the shell: which shell asks, and what for."""

TYPED = ("_TYPER_COMPLETE_ARGS", "COMP_WORDS")
"""Variables in which shells give the line typed so far."""


def is_asked(environment: Mapping[str, str]) -> bool:
    """Whether a shell asks for completions."""
    return QUESTION in environment


def verb_to_complete(environment: Mapping[str, str], verbs: Collection[str]) -> str | None:
    """The verb whose options a shell may ask for; ``None`` while the first word is being typed.

    Example:
        >>> verb_to_complete({"COMP_WORDS": "dmaze-solve spec.json --ob"}, ["solve", "gap"])
        'solve'
    """
    line = next((environment[name] for name in TYPED if name in environment), "")
    words = line.split()[1:]
    if len(words) < 2 and not line.endswith((" ", "\n")):
        return None
    given = next((word for word in words if word in verbs), DEFAULT_VERB)
    return given if words else None
