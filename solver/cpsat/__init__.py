"""Back ends that prove over all class pairs: CP-SAT, and HiGHS on the same model. Only here OR-Tools is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...model.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from .engine_backends import BACKEND, HIGHS

__all__ = ["BACKEND", "HIGHS"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_exports(__name__, {"engine_backends": ("BACKEND", "HIGHS")})
