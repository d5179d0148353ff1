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
from dataclasses import dataclass

Place = tuple[str | int, ...]
"""Where a value stands in a JSON document: keys of objects and positions in lists, outermost first."""

_LONGEST_VALUE = 60
_LONGEST_MESSAGE = 500


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in the input: the file, the place in it, and what was expected there.

    ``file`` is ``None`` for documents made in Python; ``place`` is empty where a file as a whole is at fault.

    Example:
        >>> str(Fault("spec.json", "workload.layers[0].stride", "expected an integer of at least 1, got -1"))
        'spec.json: workload.layers[0].stride: expected an integer of at least 1, got -1'
    """

    file: str | None
    place: str
    message: str

    def __str__(self) -> str:
        """One line: file, place and message, with control characters escaped and an overlong message cut."""
        parts = (self.file, self.place, shortened(self.message, _LONGEST_MESSAGE))
        return ": ".join(escaped(part) for part in parts if part)


class DmazeError(Exception):
    """Every error that this project raises on purpose."""


class InputError(DmazeError):
    """Something that the user gave is wrong; ``faults`` holds all that is wrong with it, ``str`` one line for each."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__(self.faults)

    @classmethod
    def single(cls, file: str | None, place: str, message: str) -> InputError:
        """One fault on its own."""
        return cls([Fault(file, place, message)])

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


class BackendFault(DmazeError):  # noqa: N818 (the fault is the back end's, not an error of the input)
    """A back end broke its contract; the message says how."""


class InputWarning(UserWarning):
    """The input holds something that matters and is not modelled."""


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
