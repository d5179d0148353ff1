"""A folder of answers to questions, shared by any number of processes; what is damaged counts as absent.

An entry is a file named after the hash of its question. It holds the question, the answer and a checksum of both, and
is replaced as a whole, so that readers see an old entry or a new one, never a part.
"""

from __future__ import annotations

import hashlib
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from ...model.file_replacement import replace_file
from ...model.reading.regular_files import UnsuitableFileError, read_bytes

VARIABLE = "DMAZE_CACHE"
"""Environment variable with the folder to use."""

APPLICATION = "dmaze-solve"
ENCODING = "utf-8"


def default_folder(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """Where entries are kept unless a folder is given: ``DMAZE_CACHE``, else the platform's place for caches.

    Raises:
        RuntimeError: when there is no home folder.

    Example:
        >>> default_folder({"XDG_CACHE_HOME": "/var/caches"}, "linux").as_posix()
        '/var/caches/dmaze-solve'
    """
    given = environment.get(VARIABLE)
    if given:
        return Path(given)
    if platform == "win32":
        local = environment.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / APPLICATION / "Cache"
    if platform == "darwin":
        return Path.home() / "Library" / "Caches" / APPLICATION
    base = environment.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / APPLICATION  # relative ones are invalid


class Cache:
    """Keeps answers in a folder, which is made when first written to.

    A folder that cannot be used is no error: ``on_fault`` hears of it once (by default as a ``RuntimeWarning``).

    Example:
        >>> cache = Cache(Path("answers"))
        >>> cache.write("6 * 7", "42")  # doctest: +SKIP
        >>> cache.read("6 * 7")  # doctest: +SKIP
        '42'
    """

    def __init__(self, folder: Path | str, on_fault: Callable[[str], None] | None = None) -> None:
        self.folder = Path(folder)
        self._warn_of = on_fault or _warn
        self._warned = False

    def read(self, question: str) -> str | None:
        """The answer kept for a question; ``None`` without one, or when the entry is damaged or another one's."""
        try:
            content = read_bytes(self._path(question))
        except (FileNotFoundError, UnsuitableFileError):  # what else stands there is replaced by the next answer
            return None
        except OSError as error:
            self._complain("read", error)
            return None
        checksum, _, rest = content.partition(b"\n")
        asked, _, answer = rest.partition(b"\n")
        if checksum != _checksum(rest) or asked != question.encode(ENCODING):
            return None
        return answer.decode(ENCODING, errors="replace")

    def write(self, question: str, answer: str) -> None:
        """Keep an answer in place of the one before. Question and answer are single lines."""
        rest = f"{question}\n{answer}".encode(ENCODING)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            replace_file(self._path(question), _checksum(rest) + b"\n" + rest)
        except OSError as error:
            self._complain("write", error)

    def _path(self, question: str) -> Path:
        return self.folder / f"{hashlib.sha256(question.encode(ENCODING)).hexdigest()}.entry"

    def _complain(self, what: str, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            self._warn_of(f"the cache {self.folder} is not used: cannot {what} it: {error.strerror or error}")


CacheSource: TypeAlias = Cache | Path | str
"""A cache, or the folder of one."""


def cache_of(given: CacheSource | None) -> Cache | None:
    """The cache itself; ``None`` without one.

    Example:
        >>> cache_of("answers").folder.name
        'answers'
    """
    return given if given is None or isinstance(given, Cache) else Cache(given)


def _checksum(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode("ascii")


def _warn(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=2)
