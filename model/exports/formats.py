"""The formats that layers and their mappings can be exported in, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..loop_nest import LoopNest
from . import accelforge, dmazerunner_export, timeloop, zigzag
from .mapped_layer import MappedLayer
from .names import file_names

Files = Mapping[str, str]
"""Texts by the paths of their files, relative to the folder of an export."""


@dataclass(frozen=True)
class ExportFormat:
    """A tool's format. ``why_not`` says why a nest cannot be expressed in it; ``files`` must only get what can be."""

    name: str
    why_not: Callable[[LoopNest], str | None]
    files: Callable[[Sequence[MappedLayer]], Files]


def _folder_per_layer(export: Callable[[MappedLayer], Files]) -> Callable[[Sequence[MappedLayer]], Files]:
    """An export of several layers from one of a single layer: a folder for each, named after it."""

    def files(layers: Sequence[MappedLayer]) -> Files:
        folders = file_names(layer.name for layer in layers)
        return {f"{folders[layer.name]}/{name}": text for layer in layers for name, text in export(layer).items()}

    return files


def export_formats() -> dict[str, ExportFormat]:
    """All formats by name.

    Example:
        >>> list(export_formats())
        ['timeloop', 'accelforge', 'zigzag', 'dmazerunner']
    """
    formats = (
        ExportFormat("timeloop", timeloop.why_not, _folder_per_layer(timeloop.export_files)),
        ExportFormat("accelforge", accelforge.why_not, _folder_per_layer(accelforge.export_files)),
        ExportFormat("zigzag", zigzag.why_not, _folder_per_layer(zigzag.export_files)),
        ExportFormat("dmazerunner", dmazerunner_export.why_not, dmazerunner_export.export_network),
    )
    return {each.name: each for each in formats}
