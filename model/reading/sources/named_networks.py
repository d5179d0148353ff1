"""Networks that are built in, by their names; a file or a folder of that name comes first."""

from __future__ import annotations

from pathlib import Path

from ..builtin_data import builtin_names


def is_there(path: Path) -> bool:
    """Whether something is at a path; nothing is where it cannot be one."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def is_named_network(path: Path) -> bool:
    """Whether a path is the name of a built-in network, and nothing is at it."""
    return str(path) in builtin_names("networks") and not is_there(path)
