"""Documents with something odd in them, for what must be refused and never crash."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from random import Random
from typing import Any

JUNK: list[Any] = [
    *(None, True, 0, -1, 2, 3.5, 1e308, float("nan"), float("-inf"), 2**31, 2**63, 10**40),
    *("", "a", "\0", "\n", "\udc00"),
    *([], {}, [1, 2], [[]], {"": {"a": 1}}),
]
"""Values that fit nowhere, or in few places."""


def altered(document: Any, random: Random, keys: Sequence[str], values: Sequence[Any]) -> Any:
    """The document with one value, somewhere in it, replaced by one of some, removed or given a neighbour."""
    places: list[tuple[Any, Any]] = []
    pending: list[Any] = [changed := copy.deepcopy(document)]
    while pending:
        owner = pending.pop()
        members = owner.items() if isinstance(owner, dict) else enumerate(owner)
        for key, member in list(members):
            places.append((owner, key))
            pending += [member] if isinstance(member, dict | list) else []
    owner, key = random.choice(places)
    kind = random.choice(("replace", "replace", "remove", "add"))
    if kind == "remove":
        del owner[key]
    elif kind == "add" and isinstance(owner, dict):
        owner[random.choice(keys)] = 1
    else:
        owner[key] = copy.deepcopy(random.choice(values))
    return changed
