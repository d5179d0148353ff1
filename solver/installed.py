"""Which back ends are installed; none of them is loaded for that."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

ENTRY_POINT_GROUP = "dmaze.backends"


def available_backends() -> dict[str, EntryPoint]:
    """Every back end registered by an installed distribution, by name."""
    return {point.name: point for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name)}
