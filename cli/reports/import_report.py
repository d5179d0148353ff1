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
    given = {**imported.dims, **imported.inputs}
    sizes = ", ".join(f"{escaped(name)} = {value}" for name, value in given.items())
    return f" ({sizes})" if sizes else ""


def _share(imported: ImportedNetwork) -> str:
    """How much of the network is mapped: a share only of a total that is known."""
    mapped, total = imported.mapped_macs, imported.total_macs
    if _is_total_known(imported):
        return f"{mapped:,} of {total:,} multiply-accumulates are mapped ({percent(mapped, total)})"
    more = "no others" if mapped == total else f"{total - mapped:,} others"
    return f"{mapped:,} multiply-accumulates are mapped; {more} are counted, and how many there are in all is not known"


def _is_total_known(imported: ImportedNetwork) -> bool:
    return all(skipped.macs is not None for skipped in imported.skipped)


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
            yield f"left out: {_counted(skipped)}, {_macs(skipped, imported)}: {escaped(skipped.reason)}"
    plain = [_counted(skipped) for skipped in imported.skipped if skipped.reason is None]
    if plain:
        yield f"left out, without multiply-accumulates: {', '.join(plain)}"


def _counted(skipped: SkippedNodes) -> str:
    return f"{skipped.count} {escaped(skipped.operator)}"


def _macs(skipped: SkippedNodes, imported: ImportedNetwork) -> str:
    if skipped.macs is None:
        return "multiply-accumulates not counted"
    share = f" ({percent(skipped.macs, imported.total_macs)})" if _is_total_known(imported) else ""
    return f"{skipped.macs:,} multiply-accumulates{share}"
