"""What ``solve`` and ``enumerate`` report besides their answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from ..model.documents.architectures import AnyArchitecture
from ..model.documents.result import Result
from ..model.faults import InputError
from ..model.layers import Layer
from .drawing import rendered
from .export import Exports
from .output import check_destination
from .pages.delivery import PictureOptions
from .reports.certificate_report import print_certificates, unproved_line
from .reports.result_report import print_report
from .tables import print_line
from .trace_file import FLAG


@dataclass(frozen=True)
class Extras:
    """Parts of the report, a file for the search's trace, pictures, files of other tools."""

    loops: bool
    certificate: bool
    trace: Path | None
    pictures: PictureOptions
    exports: Exports

    @property
    def recorded(self) -> bool:
        """Whether the course of the search itself is to be recorded."""
        return self.trace is not None or self.pictures.wanted

    def expect_none(self, beside: str) -> None:
        """Refuse all but the certificate beside an option whose answer has no such parts.

        Raises:
            InputError: when any was asked for.
        """
        if self.loops or self.recorded or self.exports != Exports():
            others = "--loops, --trace, pictures and exports"
            raise InputError.single(None, beside, f"expected without {others}")

    def check(self) -> None:
        """Find out before any work is done whether all of it can be written.

        Raises:
            InputError: when something cannot.
        """
        check_destination(self.trace, FLAG)
        self.pictures.check()
        self.exports.check()

    def check_layers(self, layers: Sequence[Layer], architecture: AnyArchitecture) -> None:
        """Find out whether the layers of a spec can be drawn and exported as is asked for.

        Raises:
            InputError: when they cannot.
        """
        self.pictures.check_layer(layers)
        self.exports.check_layers(layers, architecture)

    def report(self, result: Result) -> str:
        """The readable report with the parts that were asked for."""
        return rendered(partial(self._print, result))

    def _print(self, result: Result, console: Console) -> None:
        print_report(console, result, loops=self.loops)
        if self.certificate:
            print_certificates(console, result)
        unproved = unproved_line(result)
        if unproved is not None:
            print_line(console, f"\n{unproved}")
