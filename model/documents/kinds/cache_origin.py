"""Where an answer out of a cache comes from."""

from __future__ import annotations

from ...base import Model


class CacheOrigin(Model):
    """The search whose answer a cache kept."""

    found: str
    """When the search ended: date and time in UTC (ISO 8601)."""
    version: str
    """Version of dmaze-solve that searched."""
    seconds: float
    """Time in seconds that the search was given."""
    workers: int
    """Threads that the search was given."""
    top_k: int
    """Number of mappings that the search was asked for."""
    relative_gap: float
    """Relative gap that counted as optimal."""
