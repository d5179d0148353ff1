"""The formats that layers and their mappings can be exported in, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ..dmazerunner.architecture import Architecture
from ..documents.architectures import AnyArchitecture
from ..documents.result import Result
from ..hierarchy.resolved_machine import ResolvedMachine, resolved_machine
from ..loop_nest import LoopNest
from . import accelforge, dmazerunner_export, timeloop, zigzag
from .levels import accelforge_levels, timeloop_levels, zigzag_levels
from .levels.mapped_levels import MappedLevels, best_level_mappings
from .levels.unsaid_fields import UnsaidFields
from .mapped_layer import MappedLayer, best_mappings
from .names import file_names
from .unsaid_parameters import WITH_NETWORK, WITHOUT_NETWORK, UnsaidParameter, lines_of_unsaid

Files = Mapping[str, str]
"""Texts by the paths of their files, relative to the folder of an export."""


class Named(Protocol):
    """What has a name."""

    @property
    def name(self) -> str:
        """The name."""
        ...


_LEVEL_FIELDS = ("partitions", "bank_bytes", "halo", "dma")
"""Fields of storage levels that no other tool's format has a place for."""

NamedT = TypeVar("NamedT", bound=Named)


@dataclass(frozen=True)
class HierarchyExport:
    """A tool's format for hierarchies: why it cannot express a nest on a machine, and files of layers that it can.

    ``unsaid`` is what it cannot say of a machine; ``remarks`` say what files hold otherwise because of a mapping.
    """

    why_not: Callable[[LoopNest, ResolvedMachine], str | None]
    files: Callable[[Sequence[MappedLevels]], Files]
    unsaid: UnsaidFields
    remarks: Callable[[MappedLevels], Iterable[str]] | None = None


@dataclass(frozen=True)
class ExportFormat:
    """A tool's format. ``why_not`` says why a nest cannot be expressed in it; ``files`` must only get what can be.

    ``unsaid_parameters`` are those of an accelerator that it leaves out. ``hierarchies``: all that for mappings onto
    hierarchies, where the tool has a form for them.
    """

    name: str
    why_not: Callable[[LoopNest], str | None]
    files: Callable[[Sequence[MappedLayer]], Files]
    unsaid_parameters: tuple[UnsaidParameter, ...] = ()
    hierarchies: HierarchyExport | None = None

    def refusal(self, nest: LoopNest, architecture: AnyArchitecture) -> str | None:
        """Why a nest with a mapping onto an architecture cannot be expressed; ``None`` where it can."""
        if isinstance(architecture, Architecture):
            return self.why_not(nest)
        if self.hierarchies is None:
            return "its mapping is onto a hierarchy"
        return self.hierarchies.why_not(nest, resolved_machine(architecture, nest))

    def unsaid(self, nests: Iterable[LoopNest], architecture: AnyArchitecture) -> list[str]:
        """What the format cannot say of a machine that nests are mapped onto, every line once."""
        if isinstance(architecture, Architecture):
            return list(lines_of_unsaid(architecture, self.unsaid_parameters))
        unsaid = None if self.hierarchies is None else self.hierarchies.unsaid
        found = (unsaid.lines(resolved_machine(architecture, nest)) for nest in nests) if unsaid else ()
        return list(dict.fromkeys(line for lines in found for line in lines))

    def files_of(self, result: Result) -> Files:
        """The files of every distinct layer of a result that has a mapping and can be expressed."""
        machine = result.architecture
        if self.hierarchies is None or isinstance(machine, Architecture):
            return self.files([each for each in best_mappings(result) if self.refusal(each.nest, machine) is None])
        return self.hierarchies.files(self._expressible(result))

    def remarks_on(self, result: Result) -> list[tuple[str, str]]:
        """What the files of a result hold otherwise than its mappings onto a hierarchy, with the layers' names."""
        if self.hierarchies is None or self.hierarchies.remarks is None:
            return []
        remarks = self.hierarchies.remarks
        return [(layer.name, remark) for layer in self._expressible(result) for remark in remarks(layer)]

    def _expressible(self, result: Result) -> list[MappedLevels]:
        levels = best_level_mappings(result)
        return [each for each in levels if self.refusal(each.nest, result.architecture) is None]


def _folder_per_layer(export: Callable[[NamedT], Files]) -> Callable[[Sequence[NamedT]], Files]:
    """An export of several layers from one of a single layer: a folder for each, named after it."""

    def files(layers: Sequence[NamedT]) -> Files:
        folders = file_names(layer.name for layer in layers)
        return {f"{folders[layer.name]}/{name}": text for layer in layers for name, text in export(layer).items()}

    return files


def export_formats() -> dict[str, ExportFormat]:
    """All formats by name.

    Example:
        >>> list(export_formats())
        ['timeloop', 'accelforge', 'zigzag', 'dmazerunner']
    """
    dmazerunner = ExportFormat("dmazerunner", dmazerunner_export.why_not, dmazerunner_export.export_network)
    return {each.name: each for each in (_timeloop(), _accelforge(), _zigzag(), dmazerunner)}


def _timeloop() -> ExportFormat:
    hierarchies = HierarchyExport(
        timeloop_levels.why_not_levels,
        _folder_per_layer(timeloop_levels.export_level_files),
        UnsaidFields(_LEVEL_FIELDS, timeloop_levels.unsaid_by_timeloop),
        timeloop_levels.remarks_on_axes,
    )
    files = _folder_per_layer(timeloop.export_files)
    return ExportFormat("timeloop", timeloop.why_not, files, WITHOUT_NETWORK, hierarchies)


def _accelforge() -> ExportFormat:
    hierarchies = HierarchyExport(
        accelforge_levels.why_not_levels,
        _folder_per_layer(accelforge_levels.export_level_files),
        UnsaidFields((*_LEVEL_FIELDS, "bandwidth"), accelforge_levels.unsaid_by_accelforge),
    )
    files = _folder_per_layer(accelforge.export_files)
    return ExportFormat("accelforge", accelforge.why_not, files, WITH_NETWORK, hierarchies)


def _zigzag() -> ExportFormat:
    hierarchies = HierarchyExport(
        zigzag_levels.why_not_levels,
        _folder_per_layer(zigzag_levels.export_level_files),
        UnsaidFields(_LEVEL_FIELDS, zigzag_levels.unsaid_by_zigzag),
    )
    files = _folder_per_layer(zigzag.export_files)
    return ExportFormat("zigzag", zigzag.why_not, files, WITHOUT_NETWORK, hierarchies)
