"""The data that is installed with us, by kind and name."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Literal

Kind = Literal["architectures", "networks", "examples", "energy_tables", "sweeps", "schemas"]


def builtin_names(kind: Kind) -> tuple[str, ...]:
    """The names of the built-in data of a kind, in alphabetical order."""
    return tuple(sorted(path.stem for path in _folder(kind).glob("*.json")))


def builtin_path(kind: Kind, name: str) -> Path:
    """The file of built-in data, for one of :func:`builtin_names`."""
    return _folder(kind) / f"{name}.json"


def _folder(kind: Kind) -> Path:
    return Path(str(files("dmaze.specs"))) / kind
