"""What somebody meant who has misspelt a verb or an option."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

from ...model.faults import InputError, nearest_name
from .help_pages import PROGRAM


def check_first_word(word: str, verbs: Collection[str]) -> None:
    """Let pass what may be a file or a built-in name.

    Raises:
        InputError: for a word that is neither a verb nor a file, and close to a verb.
    """
    if word in verbs or not word.isalpha() or os.path.exists(word):
        return
    near = nearest_name(word, [*verbs, "help"])
    if near is None:
        return
    meant = f"see {PROGRAM} --help" if near == "help" else f"did you mean {PROGRAM} {near}?"
    raise InputError.single(None, "", f"{PROGRAM}: {word} is no verb, and there is no such file; {meant}")


def usage_line(error: Any, verb: str | None) -> str:
    """What is wrong with a command line, by an error of the library that reads it, and where to read on.

    ``verb`` is the one that was asked for; ``None`` where nothing was.
    """
    if hasattr(error, "possibilities"):  # of an option that there is not
        name = error.option_name.lstrip("-")  # the dashes alone make short options alike
        near = " or ".join(p for p in sorted(error.possibilities or ()) if nearest_name(name, [p.lstrip("-")]))
        message = error.message + (f"; did you mean {near}?" if near else "")
    else:
        message = " ".join(error.format_message().split()).rstrip(".")
    page = f"{PROGRAM} --help" if verb is None else f"{PROGRAM} {verb} --help"
    return f"{PROGRAM}: {message}; see {page}"
