"""``--export FORMAT DIR``: the best mapping of every layer as files of another tool."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..model.documents.architectures import AnyArchitecture
from ..model.documents.result import Result
from ..model.faults import InputError, escaped, shown, suggestion
from ..model.layers import Layer
from .arguments.command_line import EXPORT as FLAG
from .output import check_folder, complain, write_file

if TYPE_CHECKING:
    from ..model.exports.formats import ExportFormat


@dataclass(frozen=True)
class Export:
    """A format and the folder that its files go to."""

    format: ExportFormat
    folder: Path

    @property
    def flag(self) -> str:
        """What the user wrote to ask for it, for messages to name."""
        return f"{FLAG} {self.format.name}"

    def check(self) -> None:
        """Find out before any work is done whether files can be written to the folder.

        Raises:
            InputError: when they cannot.
        """
        check_folder(self.folder, self.flag)

    def check_layers(self, layers: Iterable[Layer], architecture: AnyArchitecture) -> None:
        """Say which layers the format cannot express, mapped onto an architecture, and what it cannot say of that.

        Raises:
            InputError: when it can express none of them.
        """
        nests = {layer.name: layer.loop_nest() for layer in layers}
        refusals = {name: self.format.refusal(nest, architecture) for name, nest in nests.items()}
        if refusals and None not in refusals.values():
            name, why = next(iter(refusals.items()))
            raise InputError.single(None, self.flag, f"expected a layer that can be exported; of {shown(name)}, {why}")
        for name, why in refusals.items():
            if why is not None:
                complain(f"warning: {self.flag}: layer {escaped(shown(name))} is left out: {escaped(why)}")
        for line in self.format.unsaid((nests[name] for name, why in refusals.items() if why is None), architecture):
            complain(f"warning: {self.flag}: {escaped(line)}")

    def write(self, result: Result) -> None:
        """Write the files of all distinct layers that have a mapping and can be expressed, each as a whole or not.

        Raises:
            InputError: when a file cannot be written.
        """
        for name, remark in self.format.remarks_on(result):
            complain(f"warning: {self.flag}: layer {escaped(shown(name))}: {escaped(remark)}")
        for name, text in self.format.files_of(result).items():
            path = self.folder / name
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                message = f"cannot make the folder {path.parent}: {error.strerror}"
                raise InputError.single(None, self.flag, message) from error
            write_file(path, text.encode(), self.flag)


@dataclass(frozen=True)
class Exports:
    """Every export that was asked for."""

    asked: tuple[Export, ...] = ()

    def check(self) -> None:
        """As :meth:`Export.check`; every export needs a folder of its own."""
        for export in self.asked:
            export.check()
        folders = [export.folder.resolve() for export in self.asked]
        if len(set(folders)) < len(folders):
            raise InputError.single(None, FLAG, "expected a folder of its own for every format")

    def check_layers(self, layers: Sequence[Layer], architecture: AnyArchitecture) -> None:
        """As :meth:`Export.check_layers`."""
        for export in self.asked:
            export.check_layers(layers, architecture)

    def write(self, result: Result) -> None:
        """As :meth:`Export.write`; layers without a mapping are named on standard error."""
        if self.asked:
            for layer in result.layers:
                if not layer.solutions and layer.same_as is None:
                    complain(f"warning: {FLAG}: layer {escaped(shown(layer.name))} is left out: no mapping was found")
                if layer.solutions and layer.padding:
                    bounds = ", ".join(f"{dim} {bound.to} for {bound.from_}" for dim, bound in layer.padding.items())
                    text = f"layer {escaped(shown(layer.name))} is written with padded bounds: {escaped(bounds)}"
                    complain(f"warning: {FLAG}: {text}")
        for export in self.asked:
            export.write(result)


def exports_from_options(values: Sequence[str]) -> Exports:
    """The exports that the option's values (``FORMAT=DIR``) ask for.

    Raises:
        InputError: for an unknown format, or a value without a folder.
    """
    if not values:
        return Exports()
    from ..model.exports.formats import export_formats  # loaded where files are asked for

    formats = export_formats()
    asked: list[Export] = []
    for value in values:
        name, separator, folder = value.partition("=")
        if name not in formats:
            raise InputError.single(None, FLAG, f"unknown format {shown(name)}; {suggestion(name, formats)}")
        if not separator or not folder:
            raise InputError.single(None, FLAG, f"expected a format and a folder, got {shown(value)}")
        asked.append(Export(formats[name], Path(folder)))
    return Exports(tuple(asked))
