"""What can go wrong, as one exception tree, and how a fault in an input document is worded.

    DmazeError
    ├── InputError      something that the user gave is wrong; holds one Fault per wrong place
    └── BackendFault    a back end broke its contract

Besides, ``InputWarning`` (a ``UserWarning``) says what the input asks for and nobody models.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice

Place = tuple[str | int, ...]
"""Where a value stands in a JSON document: keys of objects and positions in lists, outermost first."""

_LONGEST_VALUE = 60
_LONGEST_MESSAGE = 500

MOST_FAULTS = 1000
"""Most faults of a document that are listed."""

MOST_LINES = 20
"""Most faults that are shown one by one; nobody reads a hundred thousand."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in the input: the file, the place in it, and what was expected there.

    Example:
        >>> str(Fault("spec.json", "workload.layers[0].stride", "expected an integer of at least 1, got -1"))
        'spec.json: workload.layers[0].stride: expected an integer of at least 1, got -1'
    """

    file: str | None
    """The file; `None` for documents made in Python."""
    place: str
    """The place in it, as `workload.layers[0].stride`; empty where the file as a whole is at fault."""
    message: str
    """What was expected there."""
    has_more: bool = False
    """Whether the document has further faults that nobody has listed, since they are so many."""

    def __str__(self) -> str:
        """One line: file, place and message, with control characters escaped and an overlong message cut."""
        parts = (self.file, self.place, shortened(self.message, _LONGEST_MESSAGE))
        return ": ".join(escaped(part) for part in parts if part)


class DmazeError(Exception):
    """Every error that this project raises on purpose."""


class InputError(DmazeError):
    """Something that the user gave is wrong; ``faults`` holds all that is wrong with it.

    ``str`` gives one line for each of the first 20, and one more that counts the others.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__(self.faults)

    @classmethod
    def single(cls, file: str | None, place: str, message: str) -> InputError:
        """One fault on its own."""
        return cls([Fault(file, place, message)])

    def __str__(self) -> str:
        lines = [str(fault) for fault in self.faults[:MOST_LINES]]
        others, unlisted = len(self.faults) - len(lines), sum(fault.has_more for fault in self.faults)
        number = f"at least {others + unlisted:,}" if unlisted else f"{others:,}"
        return "\n".join([*lines, f"and {number} more faults"] if others or unlisted else lines)


class BackendFault(DmazeError):  # noqa: N818 (the fault is the back end's, not an error of the input)
    """A back end broke its contract; the message says how."""


class InputWarning(UserWarning):
    """The input holds something that matters and is not modelled."""


def listed(faults: Iterable[Fault]) -> list[Fault]:
    """The first faults of a document, the last of which says whether there are more."""
    found = list(islice(faults, MOST_FAULTS + 1))
    if len(found) <= MOST_FAULTS:
        return found
    return [*found[: MOST_FAULTS - 1], replace(found[MOST_FAULTS - 1], has_more=True)]


def place_text(place: Place) -> str:
    """A place as text; keys that are not plain words are quoted.

    Example:
        >>> place_text(("workload", "layers", 0, "my stride"))
        "workload.layers[0]['my stride']"
    """
    text = ""
    for part in place:
        if isinstance(part, str) and re.fullmatch(r"[\w-]+", part):
            text += f".{shortened(part, _LONGEST_VALUE)}"
        else:
            text += f"[{shown(part)}]"
    return text.removeprefix(".")


def shown(value: object) -> str:
    """A JSON value in a message: scalars as they are (long ones shortened), lists and objects by their kind."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity (a number beyond 1.8e308)"
    if isinstance(value, str):
        return f"'{shortened(value, _LONGEST_VALUE)}'"
    if isinstance(value, int | float):
        return shortened(str(value), _LONGEST_VALUE)
    return "an object" if isinstance(value, dict) else "a list"


def shortened(text: str, longest: int) -> str:
    """The text, with its end replaced by ``...`` where it is longer than ``longest`` characters."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def escaped(text: str) -> str:
    r"""The text on one line: control characters, lone surrogates and the like as ``\n``, ``\x07``, ``\ud800``."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelt one most likely means, if there is one close by."""
    folded = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(shortened(name, _LONGEST_VALUE).lower(), folded, n=1)
    return folded[close[0]] if close else None


def suggestion(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest known one, or else all of them."""
    names = list(known)
    near = nearest_name(name, names)
    return f"did you mean '{near}'?" if near is not None else f"expected one of {', '.join(names) or '(none)'}"
