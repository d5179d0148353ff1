"""Where answers go: standard output, and a file that is replaced as a whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout, suppress
from io import FileIO, RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from ..model.faults import MOST_LINES, InputError, InputWarning, shown
from ..model.file_replacement import replace_file

if TYPE_CHECKING:
    from pydantic import BaseModel

OUT = "--out"


def document_text(document: BaseModel, *, leave_out_absent: bool = False) -> str:
    """A document as indented JSON in ASCII, ending in a line break."""
    return json_text(document.model_dump(mode="json", by_alias=True, exclude_none=leave_out_absent))


def json_text(document: object) -> str:
    """JSON data as text that any locale can carry."""
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def print_text(text: str) -> None:
    """Write to standard output; what its encoding lacks is escaped, and a reader who has left is no fault.

    Raises:
        InputError: when it cannot be written to, as on a full disk.
    """
    if hasattr(sys.stdout, "reconfigure"):
        cast("Any", sys.stdout).reconfigure(errors="backslashreplace")
    try:
        _write_whole(sys.stdout, text)
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_standard_output()
    except OSError as error:
        _drop_standard_output()
        raise InputError.single(None, "standard output", f"cannot be written to: {error.strerror}") from error


def _write_whole(stream: TextIO, text: str) -> None:
    """Write all of a text. Without a buffer (``PYTHONUNBUFFERED``) a signal cuts what a stream writes by itself."""
    raw = getattr(stream, "buffer", None)
    if not isinstance(raw, RawIOBase):
        stream.write(text)
        return
    content = text.encode(stream.encoding, "backslashreplace")
    while content:
        content = content[raw.write(content) or 0 :]


def streams_opened() -> None:
    """Have three standard streams: one that the caller has closed swallows what is written to it.

    A file opened later would take its number, and get what was meant for the stream.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (for as long as the process)


def streams_silenced() -> None:
    """Write what is still to be written; the interpreter, which does the same at its end, must not complain."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        _drop_standard_output()


def _drop_standard_output() -> None:
    """Have nothing written from now on, not even what is still in the stream's buffer."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def kept_for_the_answer() -> Generator[None]:
    """Meanwhile, what anybody prints goes to standard error, native code of a back end included."""
    try:
        sys.stdout.flush()
        kept = os.dup(1)
        os.dup2(2, 1)
    except OSError:  # one of them is closed or full
        yield
        return
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def complain(line: str) -> None:
    """Write one line to standard error, if anybody can read it there."""
    with suppress(OSError):
        print(line.encode(errors="backslashreplace").decode(), file=sys.stderr, flush=True)


@contextmanager
def warnings_reported() -> Generator[None]:
    """Say on standard error what a foreign file asks for and nobody models; of many, the first and their number."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", InputWarning)
        try:
            yield
        finally:
            for warning in caught[:MOST_LINES]:
                complain(f"warning: {warning.message}")
            if len(caught) > MOST_LINES:
                complain(f"warning: and {len(caught) - MOST_LINES:,} more")


def check_destination(path: Path | None, flag: str = OUT) -> None:
    """Find out before any work is done whether the file that an option names can be written.

    Raises:
        InputError: when it cannot.
    """
    if path is None:
        return
    try:
        message = _why_not(path)
    except OSError as error:
        message = f"expected a file that can be written, but {shown(str(path))} cannot: {error.strerror}"
    if message is not None:
        raise InputError.single(None, flag, message)


def _why_not(path: Path) -> str | None:
    """What keeps a file from being written, as far as that can be told without doing it."""
    if _mode(path) is None and not path.parent.is_dir():
        return f"expected a file in a folder that exists, but there is no folder {path.parent}"
    if path.is_dir():
        return f"expected a file, but {path} is a directory"
    target = path.parent if _is_replaceable(path) else path
    return None if os.access(target, os.W_OK) else f"expected a file that can be written, but {target} is read-only"


def check_folder(path: Path, flag: str) -> None:
    """Find out before any work is done whether files can be written to the folder that an option names, or made there.

    Raises:
        InputError: when they cannot.
    """
    existing = next(part for part in (path, *path.absolute().parents) if part.exists())
    if not existing.is_dir():
        raise InputError.single(None, flag, f"expected a folder, but {existing} is a file")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise InputError.single(None, flag, f"expected a folder that can be written, but {existing} cannot")


def write_document(path: Path, text: str) -> None:
    """Write a text to the file of ``--out``, as :func:`write_file` does."""
    write_file(path, text.encode(), OUT)


def write_file(path: Path, content: bytes, flag: str) -> None:
    """Write the file that an option names so that readers see the old content or the new, never a part.

    Permissions and owner of a file that is there stay. What is no ordinary file (a device, a pipe) is written to as it
    is; a pipe that nobody reads is not waited for.

    Raises:
        InputError: when the disk is full or the like; the old content stays.
    """
    target = Path(os.path.realpath(path))
    try:
        if _is_replaceable(target):
            replace_file(target, content)
        else:
            with opened_to_write(target) as stream:
                while content:
                    content = content[stream.write(content) :]
    except OSError as error:
        raise InputError.single(None, flag, f"cannot write {path}: {why_not_written(error)}") from error


def opened_to_write(path: Path) -> FileIO:
    """A file, opened to be written from its beginning, every part at once; a pipe that nobody reads is not waited for.

    Raises:
        OSError: when it cannot be opened; :func:`why_not_written` words it.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    number = os.open(path, flags, 0o666)
    os.set_blocking(number, True)
    return FileIO(number, "wb")


def why_not_written(error: OSError) -> str | None:
    """What keeps a file from being written."""
    return "nobody reads this pipe" if error.errno == errno.ENXIO else error.strerror


def _is_replaceable(path: Path) -> bool:
    """Whether a path leads to an ordinary file or to nothing yet."""
    mode = _mode(path)
    return mode is None or stat.S_ISREG(mode)


def _mode(path: Path) -> int | None:
    """The kind and permissions of what a path leads to; ``None`` if that is nothing."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
