"""Puts a file in the place of another as a whole: readers see the old content or the new, never a part."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
"""A file that is not there yet; a link planted under its name is not followed."""


def replace_file(target: Path, content: bytes) -> None:
    """Write a file that takes the place of one that is there, or of none.

    Permissions and owner of the one before stay; hard links to it keep the old content.

    Raises:
        OSError: when that cannot be done; the old content stays.
    """
    temporary = target.with_name(f".dmaze-{os.urandom(8).hex()}.tmp")
    number = os.open(temporary, _NEW, 0o666)
    try:
        with os.fdopen(number, "wb") as stream:
            _take_after(number, target)
            stream.write(content)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _take_after(number: int, target: Path) -> None:
    """Give an open file the permissions and the owner of another one, if that is there and is a file."""
    if not hasattr(os, "fchmod"):  # Windows
        return
    try:
        known = target.stat()
    except OSError:
        return
    if not stat.S_ISREG(known.st_mode):
        return
    with suppress(OSError):  # only the owner of a file may give it away
        os.fchown(number, known.st_uid, known.st_gid)
    os.fchmod(number, stat.S_IMODE(known.st_mode))
