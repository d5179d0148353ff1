"""Prices of an architecture that follow one of its capacities."""

from __future__ import annotations

from dataclasses import dataclass

from ..documents.sweep_spec import PowerLaw, PriceTable
from ..faults import Place


@dataclass(frozen=True)
class FollowingPrice:
    """A price that follows a capacity by a rule; ``place`` is where the rule stands in the sweep."""

    place: Place
    field: str
    rule: PriceTable | PowerLaw
