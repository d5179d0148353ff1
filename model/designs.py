"""From the spec of a sweep to its designs: one architecture for each combination of the axes' values."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .design_fields.expansion import Expansion
from .design_fields.fields_of import fields_of
from .design_fields.nested_values import label_of
from .documents.architectures import AnyArchitecture
from .documents.sweep_spec import AnyAreaWeights, Setting, SweepSpec
from .faults import InputError
from .reading.loading import Substitutes, is_network, load_resolved, resolved_given
from .reading.sources.given_spec import SWEEP_KINDS, SpecSource, given_spec
from .reading.sources.spec_options import SpecOptions, checked_options
from .reading.sweep_loading import ResolvedSweep, resolve_sweep, with_rules

if TYPE_CHECKING:
    from typing import Unpack


@dataclass(frozen=True)
class Design:
    """One architecture of a sweep: its position on every axis, the values that are varied, and all of it."""

    position: tuple[int, ...]
    values: Mapping[str, Setting]
    architecture: AnyArchitecture

    @property
    def label(self) -> str:
        """The varied values in words.

        Example:
            >>> Design((0,), {"pes": 64}, architecture).label  # doctest: +SKIP
            'pes 64'
        """
        return label_of(self.values)


def area_proxy_bytes(architecture: AnyArchitecture, weights: AnyAreaWeights) -> float | None:
    """A stand-in for chip area: weighted bytes of all memories on the chip; ``None`` where one has no stated size.

    Of a published architecture these are the register files and both buffers of the SPM, of a hierarchy all instances
    of all levels inside the outermost one. It orders designs by the memory that they spend, no more: logic, ports,
    banking and wires take area, too.

    Example:
        >>> area_proxy_bytes(architecture, AreaWeights())  # 256 PEs * 512 + 2 * 32 * 2048  # doctest: +SKIP
        262144.0
    """
    return fields_of(architecture).area_proxy_bytes(weights)


def load_sweep(source: SpecSource, **options: Unpack[SpecOptions]) -> SweepSpec:
    """The spec of a sweep, with everything that it names in place of the names.

    It is given as :func:`dmaze.model.load_spec` takes a spec; names are those of built-in sweeps.

    Raises:
        InputError: with everything that is wrong with the spec, or else with what it refers to or with its designs.

    Example:
        >>> len(designs(load_sweep("memory-designs")))
        49
    """
    with resolved_sweep_source(source, options) as known:
        designs_of(known)
        return known.document


@contextmanager
def resolved_sweep_source(source: SpecSource, options: SpecOptions) -> Generator[ResolvedSweep]:
    """The parts of the spec of a sweep however it is given; faults of the work on it are told as those of the spec.

    Raises:
        InputError: as :func:`load_sweep` does.
    """
    checked = checked_options(options)
    given = given_spec(source, SWEEP_KINDS, is_network)
    file = str(given.path)
    with checked.faults_placed(file):
        yield with_rules(resolved_given(SweepSpec, given, checked), given.path.parent, file)


def load_resolved_sweep(path: Path, substitutes: Substitutes | None = None) -> ResolvedSweep:
    """The parts of the spec of a sweep, as :func:`load_sweep` finds them."""
    known = with_rules(load_resolved(SweepSpec, path, substitutes), path.parent, str(path))
    designs_of(known, str(path))
    return known


def designs(spec: SweepSpec) -> tuple[Design, ...]:
    """The designs of a sweep, the last axis varying fastest; names are looked up against the current folder.

    Raises:
        InputError: as :func:`resolve_sweep` and :func:`designs_of` do.
    """
    return designs_of(resolve_sweep(spec, Path.cwd()))


def designs_of(sweep: ResolvedSweep, file: str | None = None) -> tuple[Design, ...]:
    """The designs of a sweep, the last axis varying fastest; ``file`` is where its spec stands.

    Raises:
        InputError: for fields that architectures do not have, values that they cannot have, axes that contradict each
            other, and energies that follow from nothing; all of them together.
    """
    expansion = Expansion(sweep, fields_of(sweep.spec.architecture), file)
    faults = list(expansion.faults())
    if faults:
        raise InputError(faults)
    return tuple(Design(position, values, machine) for position, values, machine in expansion.architectures())
