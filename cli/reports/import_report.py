"""What the report says of a network from another tool's file: how much of it the layers are, and what is left out."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ...model.documents.imported_network import ImportedNetwork, SkippedNodes
from ...model.documents.result import Result
from ...model.faults import escaped


def import_lines(result: Result) -> Iterator[str]:
    """Where a result's layers come from, their share of the network, and everything that is not among them."""
    imported = result.imported
    if imported is not None:
        occurrences = sum(layer.count for layer in result.layers)
        yield f"{escaped(imported.file)}{_sizes(imported)}: {_share(imported)}"
        yield f"layers: {len(result.layers)}, which occur {occurrences} times in all"
        yield from _skipped_lines(imported)


def _sizes(imported: ImportedNetwork) -> str:
    sizes = ", ".join(f"{escaped(name)} = {size}" for name, size in imported.dims.items())
    return f" ({sizes})" if sizes else ""


def _share(imported: ImportedNetwork) -> str:
    whole = " of what is counted" if any(skipped.macs is None for skipped in imported.skipped) else ""
    share = percent(imported.mapped_macs, imported.total_macs) + whole
    return f"{imported.mapped_macs:,} of {imported.total_macs:,} multiply-accumulates are mapped ({share})"


def percent(part: int, whole: int) -> str:
    """A share in per cent, rounded down, so that only the whole is 100%.

    Example:
        >>> percent(9999, 10000), percent(3, 3)
        ('99.9%', '100%')
    """
    return "100%" if part == whole else f"{math.floor(1000 * part / whole) / 10:.1f}%"


def _skipped_lines(imported: ImportedNetwork) -> Iterator[str]:
    """One line for each operator that is left out for a reason, and one for all that have nothing to multiply."""
    for skipped in imported.skipped:
        if skipped.reason is not None:
            yield f"left out: {_counted(skipped)}, {_macs(skipped, imported.total_macs)}: {escaped(skipped.reason)}"
    plain = [_counted(skipped) for skipped in imported.skipped if skipped.reason is None]
    if plain:
        yield f"left out, without multiply-accumulates: {', '.join(plain)}"


def _counted(skipped: SkippedNodes) -> str:
    return f"{skipped.count} {escaped(skipped.operator)}"


def _macs(skipped: SkippedNodes, total_macs: int) -> str:
    if skipped.macs is None:
        return "multiply-accumulates not counted"
    return f"{skipped.macs:,} multiply-accumulates ({percent(skipped.macs, total_macs)})"
