"""Whether a layer has a mapping with an objective below a limit: what every route to an answer gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .backend import AnyMapping

Route = Literal["enumeration", "cp-sat", "shortest-path"]


@dataclass(frozen=True)
class Refutation:
    """The answer of one route.

    ``counterexample`` is a mapping below the limit. Without one, ``complete`` says that there is none; otherwise time
    was up. ``examined`` says what was looked at, for reading.
    """

    route: Route
    complete: bool
    examined: str
    counterexample: AnyMapping | None = None
