"""Which cache a command uses: ``--cache DIR``, ``--no-cache``, else the environment's or the platform's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...model.faults import InputError
from ...solver.pipeline.cache import Cache, default_folder
from ..output import complain
from .options import CachePath, NoCache

FLAG, NO_FLAG = "--cache", "--no-cache"


def usual_folder() -> Path | None:
    """Where the cache is unless a folder is given; ``None`` for a user without a home."""
    try:
        return default_folder()
    except RuntimeError:
        return None


@dataclass(frozen=True)
class CacheOptions:
    """The folder of the cache, if it is given, and whether there is to be none."""

    cache: CachePath = None
    no_cache: NoCache = False

    def chosen(self, *, recorded: bool) -> Cache | None:
        """The cache to use; ``None`` where it is switched off, or where the search itself is to be ``recorded``.

        Raises:
            InputError: for a folder that is given and switched off at once.
        """
        if self.no_cache and self.cache is not None:
            raise InputError.single(None, NO_FLAG, f"expected without {FLAG}")
        if self.no_cache or recorded:
            return None
        folder = self.cache or usual_folder()
        if folder is None:
            _warn(f"no cache is used: there is no home folder; see {FLAG}")
            return None
        return Cache(folder, _warn)


def _warn(message: str) -> None:
    complain(f"warning: {message}")
