"""Which tool's design some files hold together, found out by their contents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..interop.imported_design import ImportedDesign
from ..timeloop_files.timeloop_design import read_design
from .zigzag_design import read_zigzag_design


def read_foreign_design(paths: Sequence[Path]) -> ImportedDesign | None:
    """The design of Timeloop or ZigZag in some YAML files; ``None`` where none of them holds a machine.

    Raises:
        InputError: for files that are not well formed, or do not make a design together.
    """
    return read_design(paths) or read_zigzag_design(paths)
