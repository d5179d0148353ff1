"""Files that a command line names twice: what is to be written must be neither read nor written besides."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import TypeVar, cast

from ...model.faults import InputError

Answer = TypeVar("Answer")

WRITTEN = ("out", "csv", "plot", "report", "trace", "results")
"""Parameters of verbs that name a file to be written; their options are called the same."""

LARGEST_SPEC = 1 << 20
"""Bytes of a file that is looked into for the names of further ones."""

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
    written = {name: path for name in WRITTEN if isinstance(path := given.get(name), Path) and _is_plain(path)}
    if not written:
        return
    read = list(_read(given))
    uses = {_identity(path): "an input" for path in (*read, *(named for path in read for named in _named_in(path)))}
    for name, path in written.items():
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


def _named_in(path: Path) -> Iterator[Path]:
    """The files that a spec or a request names; none where it is no JSON or a very large one."""
    try:
        document: object = (
            json.loads(path.read_bytes()) if path.is_file() and path.stat().st_size < LARGEST_SPEC else {}
        )
    except (OSError, ValueError, RecursionError):
        return
    fields = cast("dict[str, object]", document) if isinstance(document, dict) else {}
    workload = fields.get("workload")
    network = cast("dict[str, object]", workload).get("network") if isinstance(workload, dict) else workload
    for name in (fields.get("architecture"), network):
        if isinstance(name, str):
            yield path.parent / name


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
