"""Parameters of an accelerator of the published model that other tools' formats have no place for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..dmazerunner.architecture import Architecture


@dataclass(frozen=True)
class UnsaidParameter:
    """A parameter, whether an accelerator has it, and what becomes of it in a format."""

    name: str
    is_used: Callable[[Architecture], bool]
    what: str


_ALWAYS = (
    UnsaidParameter(
        "dma.init_cycles", lambda arch: arch.dma.init_cycles > 0, "cannot be said there (cycles for a burst to start)"
    ),
    UnsaidParameter("spm.banks", lambda arch: arch.spm.banks > 1, "cannot be said there (tiles take whole banks)"),
)
_NETWORK = "access_energy_pj.noc"

WITHOUT_NETWORK = (
    *_ALWAYS,
    UnsaidParameter(
        _NETWORK, lambda arch: arch.access_energy_pj.noc > 0, "cannot be said there (energy of a word on the network)"
    ),
)
"""What formats without prices of networks leave out."""

WITH_NETWORK = (
    *_ALWAYS,
    UnsaidParameter(
        _NETWORK, lambda arch: arch.access_energy_pj.noc > 0, "is paid there once for a word that several PEs receive"
    ),
)
"""What formats with prices of networks leave out."""


def lines_of_unsaid(architecture: Architecture, unsaid: tuple[UnsaidParameter, ...]) -> Iterator[str]:
    """A line for every parameter that an accelerator has and a format leaves out."""
    return (f"{each.name} {each.what}" for each in unsaid if each.is_used(architecture))
