"""Specs by the names of what is built in; a file of that name comes first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...model.faults import InputError, suggestion
from ...model.reading.builtin_data import Kind, builtin_names, builtin_path
from ...model.reading.sources.named_networks import is_there
from ..output import complain


def found(path: Path, kinds: Sequence[Kind]) -> Path:
    """A path where something is at it, else the file of what is built in by that name; networks keep their names.

    ``kinds`` are those to look among; the first one counts where names are equal. Something that hides what is built in
    is told of.

    Raises:
        InputError: for a plain name that leads nowhere; other paths are left for their readers to complain of.
    """
    name = str(path)
    known: dict[str, Kind] = {known: kind for kind in reversed(kinds) for known in builtin_names(kind)}
    if is_there(path):
        if name in known:
            complain(f"note: {name} is read as a file, not as what is built in by that name")
        return path
    if name in known:
        return path if known[name] == "networks" else builtin_path(known[name], name)
    if path.name != name or path.suffix or set(name) & set("*?["):
        return path
    raise InputError.single(name, "", f"expected a file, or a built-in name; {suggestion(name, sorted(known))}")
