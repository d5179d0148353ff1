"""Files that a command line names twice: what is to be written must be neither read nor written besides."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import TypeVar

from ...model.faults import InputError

Answer = TypeVar("Answer")

WRITTEN = ("out", "csv", "plot", "report", "trace", "results")
"""Parameters of verbs that name a file to be written; their options are called the same."""

NAMES = ("architecture",)
"""Parameters that name a file or something else."""


def with_distinct_files(verb: Callable[..., Answer]) -> Callable[..., Answer]:
    """A verb that refuses one file for two purposes.

    Example:
        >>> with_distinct_files(lambda spec, out: 0)(spec=Path("a.json"), out=Path("./a.json"))
        Traceback (most recent call last):
        ...
        dmaze.model.faults.InputError: --out: expected a file of its own, but a.json is an input
    """

    @wraps(verb)
    def checked(**given: object) -> Answer:
        _check(given)
        return verb(**given)

    vars(checked)["__signature__"] = signature(verb)
    return checked


def _check(given: Mapping[str, object]) -> None:
    """Find out whether every file that is written has one purpose.

    Raises:
        InputError: when one has two.
    """
    uses = {_identity(path): "an input" for path in _read(given)}
    for name in WRITTEN:
        path = given.get(name)
        if not isinstance(path, Path) or not _is_plain(path):
            continue
        if _identity(path) in uses:
            use = uses[_identity(path)]
            raise InputError.single(None, f"--{name}", f"expected a file of its own, but {path} is {use}")
        uses[_identity(path)] = f"that of --{name}"


def _read(given: Mapping[str, object]) -> Iterator[Path]:
    """The files that a verb may read."""
    for name, value in given.items():
        if name in WRITTEN:
            continue
        for path in value if isinstance(value, list) else [value]:  # pyright: ignore[reportUnknownVariableType]
            if isinstance(path, Path) or (name in NAMES and isinstance(path, str)):
                yield Path(path)


def _identity(path: Path) -> object:
    """What two names of one file have in common, links included."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return os.path.realpath(path)
    return found.st_dev, found.st_ino


def _is_plain(path: Path) -> bool:
    """Whether a path leads to an ordinary file or to nothing: devices and pipes may serve twice."""
    try:
        return path.is_file() or not path.exists()
    except OSError:
        return False
