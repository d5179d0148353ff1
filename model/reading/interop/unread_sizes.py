"""Finds what a Timeloop problem gives sizes for that its shape does not know: Timeloop skips it, misspelt or not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from ...faults import Place, nearest_name, shortened
from ..json_files import JsonObject

_OTHER_FIELDS = frozenset({"shape", "instance", "name", "version", "densities", "type", "problem"})
"""What may stand beside sizes, in older files in one object with them."""

_MOST_NAMES = 8
_MOST_GUESSES = 100
"""Most names, unknown and known, that are held against each other: published shapes have about twenty."""

_LONGEST_NAME = 60


def unread_sizes(fields: JsonObject, instance: JsonObject, known: Mapping[str, int]) -> Iterator[tuple[Place, str]]:
    """What to warn of, with its place in the problem: names that are nearly known, then all others in one line.

    ``known`` holds the values in effect of dimensions and coefficients. What would change nothing is left out: the
    value in effect under another spelling, and sizes of 1, which files carry for shapes of other layers.
    """
    is_flat = instance is fields
    others: list[str] = []
    unknown = [(name, value) for name, value in instance.items() if name not in known and name not in _OTHER_FIELDS]
    for position, (name, value) in enumerate(unknown):
        meant = _meant(name, known) if position < _MOST_GUESSES else None
        if meant is not None and value != known[meant]:
            message = f"neither a dimension nor a coefficient of the shape, and not read; did you mean '{meant}'?"
            yield _place(name, is_flat=is_flat), message
        elif meant is None and value != 1:
            others.append(name)
    if others:
        listed = ", ".join(shortened(name, _LONGEST_NAME) for name in others[:_MOST_NAMES])
        more = f" and {len(others) - _MOST_NAMES} more" if len(others) > _MOST_NAMES else ""
        message = f"{listed}{more}: neither dimensions nor coefficients of the shape, and not read"
        yield (() if is_flat else ("instance",)), message
    for name in known if not is_flat else ():
        if name in fields and fields[name] != known[name]:
            yield (name,), "not read beside an instance; give it there"


def _place(name: str, *, is_flat: bool) -> Place:
    return (name,) if is_flat else ("instance", name)


def _meant(name: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelt one most likely means: one of the same letters first, as for ``strideW``."""
    names = list(known)[:_MOST_GUESSES]
    letters = _letters(name)
    same = [candidate for candidate in names if len(letters) > 1 and _letters(candidate) == letters]
    if same:
        return same[0]
    return nearest_name(name, [candidate for candidate in names if len(candidate) > 1]) if len(name) > 1 else None


def _letters(name: str) -> list[str]:
    return sorted(re.sub(r"[\W_]", "", name.lower()))
