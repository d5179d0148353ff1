"""Pictures as files: what is checked before any work is done, and how they are written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...model.faults import InputError
from ..output import check_destination, write_file
from .style import picture_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg")
PLOT = "--plot"
REPORT = "--report"


def check_picture(path: Path | None, flag: str = PLOT) -> None:
    """Find out before any work is done whether the picture that an option names can be drawn and written.

    Raises:
        InputError: for another ending than .png or .svg, a file that cannot be written, or without matplotlib.
    """
    if path is None:
        return
    if path.suffix.lower() not in SUFFIXES:
        raise InputError.single(None, flag, f"expected a file that ends in .png or .svg, got {path}")
    check_destination(path, flag)
    require_matplotlib(flag)


def require_matplotlib(flag: str) -> None:
    """Make sure that pictures can be drawn.

    Raises:
        InputError: without matplotlib.
    """
    try:
        import matplotlib.figure  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        message = "pictures need matplotlib, which is not installed: pip install 'dmaze-solve[plot]'"
        raise InputError.single(None, flag, message) from error


def write_picture(path: Path, figure: Figure, flag: str = PLOT) -> None:
    """Write a figure to a file that ends in .png or .svg, as a whole or not at all.

    Raises:
        InputError: when the disk is full or the like.
    """
    write_file(path, picture_bytes(figure, path.suffix.lower()), flag)
