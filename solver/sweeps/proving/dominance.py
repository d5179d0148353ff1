"""When every mapping of one design is one of another design, too, and how much less it can cost there.

A mapping that fits a machine fits one with larger memories, arrays and bandwidths, takes no more cycles there, and as
much energy but for other prices. So what is proved on the larger machine bounds the smaller one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, cast

from ....model.base import Model

Relation = Literal["more", "less", "price", "free"]

RELATIONS: Mapping[str, Relation] = {
    "pes": "more",
    "rf_bytes_per_pe": "more",
    "banks": "more",
    "capacity_bytes": "more",
    "partitions": "more",
    "size": "more",
    "bandwidth": "more",
    "read_bandwidth": "more",
    "write_bandwidth": "more",
    "init_cycles": "less",
    "cycles_per_byte": "less",
    "rf": "price",
    "noc": "price",
    "spm": "price",
    "dram": "price",
    "mac": "price",
    "read_pj": "price",
    "write_pj": "price",
    "word_pj": "price",
    "add_pj": "price",
    "mac_pj": "price",
    "name": "free",
    "sources": "free",
}
"""What a field that holds a number must be on the larger machine; whatever is not named here must be equal.

``more`` of a limit is at least as much, none at all being the most; ``less`` is at most as much.
"""


def least_price_ratio(larger: Model, smaller: Model) -> float | None:
    """How low a machine's prices are at least, of those of a larger one, up to 1; ``None`` if that is not larger.

    Example:
        >>> cheap = machine.model_copy(update={"rf_bytes_per_pe": 256, "access_energy_pj": half})  # doctest: +SKIP
        >>> least_price_ratio(machine, cheap)  # doctest: +SKIP
        0.5
    """
    ratios = list(_ratios("", larger.model_dump(mode="json"), smaller.model_dump(mode="json")))
    known = [min(ratio, 1.0) for ratio in ratios if ratio is not None]
    return min(known, default=1.0) if len(known) == len(ratios) else None


def _ratios(name: str, larger: object, smaller: object) -> Iterator[float | None]:
    """Of each field the ratio of prices, none for equal or allowed values, ``None`` where it forbids the relation."""
    if isinstance(larger, dict) and isinstance(smaller, dict):
        yield from _ratios_of_fields(name, cast("dict[str, Any]", larger), cast("dict[str, Any]", smaller))
    elif isinstance(larger, list) and isinstance(smaller, list):
        yield from _ratios_of_entries(name, cast("list[object]", larger), cast("list[object]", smaller))
    else:
        yield from _ratio_of_values(RELATIONS.get(name), cast("object", larger), smaller)


def _ratio_of_values(relation: Relation | None, larger: object, smaller: object) -> Iterator[float | None]:
    if relation == "price":
        yield _price_ratio(larger, smaller)
    elif relation in ("more", "less"):
        yield from () if _is_allowed(relation, larger, smaller) else (None,)
    elif relation != "free" and larger != smaller:
        yield None


def _ratios_of_fields(name: str, larger: dict[str, Any], smaller: dict[str, Any]) -> Iterator[float | None]:
    if larger.keys() != smaller.keys():
        yield None
        return
    for field, value in larger.items():  # values of single tensors are what the field that holds them is
        yield from _ratios(field if name in PARTS else name, value, smaller[field])


PARTS = frozenset({"", "spm", "dma", "access_energy_pj", "nodes"})
"""Parts of machines, which hold fields; whatever else holds values has one for each tensor."""


def _ratios_of_entries(name: str, larger: Sequence[object], smaller: Sequence[object]) -> Iterator[float | None]:
    if len(larger) != len(smaller):
        yield None
        return
    for ours, theirs in zip(larger, smaller, strict=True):
        yield from _ratios(name, ours, theirs)


def _price_ratio(larger: object, smaller: object) -> float | None:
    if not isinstance(larger, int | float) or not isinstance(smaller, int | float):
        return 1.0 if larger == smaller else None
    if not larger:
        return 1.0 if not smaller else math.inf
    return smaller / larger


def _is_allowed(relation: str, larger: object, smaller: object) -> bool:
    numbers = [math.inf if value is None else value for value in (larger, smaller)]
    if not all(isinstance(value, int | float) for value in numbers):
        return larger == smaller
    most, least = cast("list[float]", numbers)
    return most >= least if relation == "more" else most <= least
