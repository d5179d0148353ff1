"""What stands out among the axes of a sweep: sizes of memories whose prices stay, fields that others set, too."""

from __future__ import annotations

from ..faults import place_text
from ..reading.sweep_loading import ResolvedSweep
from .fields_of import fields_of
from .nested_values import are_nested, own_path
from .price_following import kept_prices


def kept_prices_of(sweep: ResolvedSweep) -> str | None:
    """A sentence where axes change sizes of memories whose prices nothing changes; ``None`` where all follow."""
    fields = fields_of(sweep.spec.architecture)
    varied = [own_path(name) for axis in sweep.document.sweep.axes for name in axis]
    changed = [*varied, *(price.field for price in fields.prices(sweep.document.sweep, sweep.rules))]
    sized = [prices for name in varied if (prices := fields.prices_of_size(name)) and kept_prices(prices, changed)]
    return kept_prices([*dict.fromkeys(price for prices in sized for price in prices)], ())


def axis_of(sweep: ResolvedSweep, path: str) -> str | None:
    """Where an axis varies a field or a part of it, by the field's path; ``None`` where none does."""
    for number, axis in enumerate(sweep.document.sweep.axes):
        for name in axis:
            if are_nested(own_path(name), own_path(path)):
                return place_text(("sweep", "axes", number, name))
    return None
