"""Which cache a command uses: ``--cache DIR``, ``--no-cache``, else the environment's or the platform's folder."""

from __future__ import annotations

from pathlib import Path

from ..model.faults import InputError
from ..solver import Cache
from ..solver.pipeline.cache import default_folder
from .output import complain

FLAG, NO_FLAG = "--cache", "--no-cache"


def usual_folder() -> Path | None:
    """Where the cache is unless a folder is given; ``None`` for a user without a home."""
    try:
        return default_folder()
    except RuntimeError:
        return None


def chosen_cache(folder: Path | None, *, off: bool, watched: bool) -> Cache | None:
    """The cache to use; ``None`` where it is switched ``off``, or where the search itself is to be ``watched``.

    Raises:
        InputError: for a folder that is given and switched off at once.
    """
    if off and folder is not None:
        raise InputError.single(None, NO_FLAG, f"expected without {FLAG}")
    if off or watched:
        return None
    chosen = folder or usual_folder()
    if chosen is None:
        _warn(f"no cache is used: there is no home folder; see {FLAG}")
        return None
    return Cache(chosen, _warn)


def _warn(message: str) -> None:
    complain(f"warning: {message}")
