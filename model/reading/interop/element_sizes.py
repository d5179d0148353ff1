"""Warns of quantised elements that are smaller or larger than what the architecture stores them as."""

from __future__ import annotations

import warnings

from ...documents.architectures import AnyArchitecture
from ...documents.spec import LayerList
from ...faults import Fault, InputWarning

BITS_PER_BYTE = 8


def warn_of_element_sizes(workload: LayerList, architecture: AnyArchitecture, file: str | None) -> None:
    """Warn where the file of a network has elements of a size that no tensor has on the architecture."""
    given = architecture.bytes_per_element
    sizes = sorted({size * BITS_PER_BYTE for size in (given.values() if isinstance(given, dict) else (given,))})
    others = [bits for bits in workload.element_bits if bits not in sizes]
    if others:
        found, own = (" and ".join(map(str, each)) for each in (others, sizes))
        message = f"elements of {found} bits in the file; capacities, traffic and energies are those of {own} bits"
        warnings.warn(str(Fault(file, "workload", message)), InputWarning, stacklevel=2)
