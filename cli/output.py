"""Where answers go: standard output, and a file that is replaced as a whole or not at all."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..model.faults import InputError, InputWarning

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
    """Write to standard output; what its encoding lacks is escaped, and a reader who has left is no fault."""
    if hasattr(sys.stdout, "reconfigure"):
        cast("Any", sys.stdout).reconfigure(errors="backslashreplace")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        devnull = os.open(os.devnull, os.O_WRONLY)  # or else the interpreter complains when it flushes at its end
        os.dup2(devnull, sys.stdout.fileno())


@contextmanager
def kept_for_the_answer() -> Generator[None]:
    """Meanwhile, what anybody prints goes to standard error, native code of a back end included."""
    sys.stdout.flush()
    try:
        kept = os.dup(1)
        os.dup2(2, 1)
    except OSError:  # one of them is closed
        yield
        return
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def complain(line: str) -> None:
    """Write one line to standard error."""
    print(line.encode(errors="backslashreplace").decode(), file=sys.stderr)


@contextmanager
def warnings_reported() -> Generator[None]:
    """Say on standard error what a foreign file asks for and nobody models."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", InputWarning)
        try:
            yield
        finally:
            for warning in caught:
                complain(f"warning: {warning.message}")


def check_destination(path: Path | None, flag: str = OUT) -> None:
    """Find out before any work is done whether the file that an option names can be written.

    Raises:
        InputError: when it cannot.
    """
    if path is None:
        return
    if path.is_dir():
        raise InputError.single(None, flag, f"expected a file, but {path} is a directory")
    if not path.parent.is_dir():
        message = f"expected a file in a folder that exists, but there is no folder {path.parent}"
        raise InputError.single(None, flag, message)
    target = path.parent if _is_replaceable(path) else path
    if not os.access(target, os.W_OK):
        raise InputError.single(None, flag, f"expected a file that can be written, but {target} is read-only")


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

    What is no ordinary file (a device, a pipe) is written to as it is.

    Raises:
        InputError: when the disk is full or the like; the old content stays.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        if not _is_replaceable(target):
            target.write_bytes(content)
            return
        try:
            temporary.write_bytes(content)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError.single(None, flag, f"cannot write {path}: {error.strerror}") from error


def _is_replaceable(path: Path) -> bool:
    """Whether a path leads to an ordinary file or to nothing yet."""
    return path.is_file() or not path.exists()
