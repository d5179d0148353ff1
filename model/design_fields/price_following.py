"""Prices of an architecture that follow one of its capacities, and prices that stay although one is changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..documents.sweep_spec import PowerLaw, PriceTable
from ..faults import Place
from .nested_values import are_nested


@dataclass(frozen=True)
class FollowingPrice:
    """A price that follows a capacity by a rule; ``place`` is where the rule stands in the sweep."""

    place: Place
    field: str
    rule: PriceTable | PowerLaw


def kept_prices(prices: Sequence[str], changed: Iterable[str]) -> str | None:
    """A sentence where the size of a memory is changed and none of its ``prices`` is; ``None`` where nothing is kept.

    ``prices`` are the paths of what an access to the memory takes, ``changed`` those of everything that is changed.
    """
    if not prices or any(are_nested(price, other) for other in changed for price in prices):
        return None
    verb = "is" if len(prices) == 1 else "are"
    return f"{' and '.join(prices)} {verb} unchanged, though a memory of another size takes another energy per access"
