"""What stands out among the axes of a sweep: sizes of memories whose prices stay, fields that others set, too."""

from __future__ import annotations

from collections.abc import Iterator

from ..faults import Fault, place_text
from ..reading.sweep_loading import ResolvedSweep
from .fields_of import fields_of
from .nested_values import are_nested, own_path
from .price_following import kept_prices


def kept_prices_of(sweep: ResolvedSweep, file: str | None) -> Iterator[Fault]:
    """The axes that change the size of a memory whose prices nothing changes, and which prices these are."""
    axes, fields = sweep.document.sweep.axes, fields_of(sweep.spec.architecture)
    changed = [own_path(name) for axis in axes for name in axis]
    changed += [price.field for price in fields.prices(sweep.document.sweep, sweep.rules)]
    for number, axis in enumerate(axes):
        for name in axis:
            message = kept_prices(fields.prices_of_size(own_path(name)), changed)
            if message is not None:
                yield Fault(file, place_text(("sweep", "axes", number, name)), message)


def axis_of(sweep: ResolvedSweep, path: str) -> str | None:
    """Where an axis varies a field or a part of it, by the field's path; ``None`` where none does."""
    for number, axis in enumerate(sweep.document.sweep.axes):
        for name in axis:
            if are_nested(own_path(name), own_path(path)):
                return place_text(("sweep", "axes", number, name))
    return None
