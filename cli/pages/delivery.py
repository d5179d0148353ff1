"""``--report FILE``, ``--pictures FOLDER`` and ``--scatter LAYER``: what is checked before a run and written after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...model.documents.result import Result
from ...model.documents.spec import Spec
from ...model.faults import InputError, suggestion
from ...model.layers import Layer
from ...solver.deadline import Deadline
from ..arguments.options import PicturesPath, ReportPath, ScatterLayer
from ..output import check_destination, check_folder, write_file
from ..pictures.files import REPORT, require_matplotlib, write_picture
from ..trace_file import TracePoint

if TYPE_CHECKING:
    from ..pictures.album import Album

PICTURES, SCATTER = "--pictures", "--scatter"

NAMES = ("energy", "cycles", "scatter", "trace")


@dataclass(frozen=True)
class PictureOptions:
    """An HTML file, a folder for SVG files, and the layer whose space is drawn; each may be left out."""

    report: ReportPath = None
    folder: PicturesPath = None
    scatter: ScatterLayer = None

    @property
    def wanted(self) -> bool:
        """Whether any picture is to be drawn."""
        return self.report is not None or self.folder is not None

    def check(self) -> None:
        """Find out before any work is done whether the pictures can be drawn and written.

        Raises:
            InputError: when they cannot.
        """
        if self.scatter is not None and not self.wanted:
            raise InputError.single(None, SCATTER, f"expected together with {REPORT} or {PICTURES}")
        check_destination(self.report, REPORT)
        if self.folder is not None:
            _check_folder(self.folder)
        if self.wanted:
            require_matplotlib(REPORT if self.report is not None else PICTURES)

    def check_layer(self, layers: Sequence[Layer]) -> None:
        """Find out whether the layer to be drawn is one of those of the spec.

        Raises:
            InputError: when it is not.
        """
        names = [layer.name for layer in layers]
        if self.scatter is not None and self.scatter not in names:
            message = f"no layer is called {self.scatter!r}; {suggestion(self.scatter, names)}"
            raise InputError.single(None, SCATTER, message)


def _check_folder(folder: Path) -> None:
    check_folder(folder, PICTURES)
    if folder.is_dir():
        for name in NAMES:
            check_destination(folder / f"{name}.svg", PICTURES)


def deliver_pictures(
    options: PictureOptions, spec: Spec, result: Result, points: Sequence[TracePoint], deadline: Deadline
) -> bool:
    """Draw and write what was asked for; says whether Ctrl-C kept a picture from being drawn.

    ``deadline`` is when the command must end.

    Raises:
        InputError: when a file cannot be written after all.
    """
    if not options.wanted:
        return False
    from ..pictures.album import ScatterOptions, album  # loaded where pictures are asked for
    from .result_page import page

    drawn = album(result, points, ScatterOptions(options.scatter, deadline))
    if options.folder is not None:
        _write_folder(options.folder, drawn)
    if options.report is not None:
        write_file(options.report, page(result, spec, drawn.pictures).encode(), REPORT)
    return drawn.interrupted


def _write_folder(folder: Path, drawn: Album) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError.single(None, PICTURES, f"cannot make the folder {folder}: {error.strerror}") from error
    for picture in drawn.pictures:
        write_picture(folder / f"{picture.name}.svg", picture.figure, PICTURES)
