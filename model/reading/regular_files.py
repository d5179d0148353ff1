"""Opens what is to be read, which must be a regular file: a pipe or a device would be waited for, or never end."""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

MAX_FILE_BYTES = 2**26
"""Largest file that is read, except for ONNX models: far above any spec, far below what would exhaust memory."""

_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Without waiting, for a pipe may have taken the place of a file since it was looked at."""

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)
"""What stands in a file system beside files."""


class UnsuitableFileError(OSError):
    """What is at a path is no regular file, or larger than what is read; ``str`` says what was expected."""


def read_bytes(path: Path, most: int = MAX_FILE_BYTES) -> bytes:
    """The content of a regular file of at most so many bytes. Links are followed.

    Raises:
        OSError: when there is none, it is too large, or it cannot be read; :func:`why_unreadable` words it.
        ValueError: when the path cannot be one.
    """
    with _opened(path, most) as stream:
        content = stream.read(most + 1)
    if len(content) > most:  # it grew meanwhile, or its size is not known beforehand (/proc)
        raise _too_large(most)
    return content


@contextmanager
def mapped_file(path: Path, most: int) -> Generator[memoryview]:
    """The content of a regular file without reading what nobody looks at; it must not be empty.

    Raises:
        OSError: as for :func:`read_bytes`.
        ValueError: when the path cannot be one.
    """
    with (
        _opened(path, most) as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
        memoryview(content) as view,
    ):
        yield view


def why_unreadable(error: OSError | ValueError) -> str:
    """What to say of a file that :func:`read_bytes` could not read."""
    if isinstance(error, UnsuitableFileError):
        return str(error)
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "expected a file, but there is none"
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return f"expected a readable file ({reason})"


def _opened(path: Path, most: int) -> BinaryIO:
    _check(os.stat(path), most)  # opening a device may already do something
    stream = os.fdopen(os.open(path, _OPEN_FLAGS), "rb")
    try:
        _check(os.fstat(stream.fileno()), most)
    except OSError:
        stream.close()
        raise
    return stream


def _check(status: os.stat_result, most: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(status.st_mode)), "something else")
        wanted = "a file" if stat.S_ISDIR(status.st_mode) else "a regular file"
        raise UnsuitableFileError(f"expected {wanted}, but it is {kind}")
    if status.st_size > most:
        raise _too_large(most)


def _too_large(most: int) -> UnsuitableFileError:
    return UnsuitableFileError(f"expected a file of at most {most} bytes")
