"""The file that a sweep writes its answers to as they come, and that an interrupted sweep is resumed from.

JSON lines: a header that says what determines the answers, then a record for each layer on each design. Lines are only
appended, and each is on the disk before the sweep goes on. A crash or a power failure can cost the last line, no other.
A record carries a checksum of itself and the header: one that was changed, or comes from another file, is refused.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Generic

from pydantic import ValidationError

from ...model.documents.sweep_results import AnswerT, SweepHeader, SweepRecord
from ...model.faults import InputError


@contextmanager
def results_file(
    path: Path, header: SweepHeader, record_type: type[SweepRecord[AnswerT]]
) -> Generator[ResultsFile[AnswerT]]:
    """The results file at a path, open and locked: a new one, or one that the same sweep has left.

    Raises:
        InputError: when the file cannot be opened or written, when another sweep is writing it, when its answers are
            those of another sweep, and when it is anything else.
    """
    try:
        stream = path.open("a+b", buffering=0)
    except OSError as error:
        raise _unusable(path, error) from error
    with stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise InputError.single(str(path), "", "expected a regular file")
        _lock(stream, path)
        yield ResultsFile(path, stream, header, record_type)


class ResultsFile(Generic[AnswerT]):
    """The records of an open results file at a ``path``, and a way to add more."""

    def __init__(
        self, path: Path, stream: IO[bytes], header: SweepHeader, record_type: type[SweepRecord[AnswerT]]
    ) -> None:
        self.path, self._stream, self._header = path, stream, _line(header)
        try:
            self.records = tuple(self._read(header, record_type))
        except OSError as error:
            raise _unusable(path, error) from error

    def append(self, records: Iterable[SweepRecord[AnswerT]]) -> None:
        """Add records; they are on the disk when this returns.

        Raises:
            InputError: when they cannot be written. A part of one that is left counts as none.
        """
        content = memoryview(b"".join(_line(_signed(self._header, record)) for record in records))
        try:
            while content:
                content = content[self._stream.write(content) :]
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise _unusable(self.path, error) from error

    def _read(self, header: SweepHeader, record_type: type[SweepRecord[AnswerT]]) -> Iterator[SweepRecord[AnswerT]]:
        """The records; afterwards the file ends with the last whole line."""
        expected = self._header
        with self.path.open("rb") as lines:
            first = lines.readline()
            if expected.startswith(first) and first != expected:
                self._begin(expected, torn=bool(first))
                return
            self._check_header(first, header)
            kept, size = len(first), os.fstat(lines.fileno()).st_size
            for number, line in enumerate(lines, start=2):
                record = _record(line, record_type)
                if record is not None:
                    self._check_record(record, number)
                    kept += len(line)
                    yield record
                elif kept + len(line) == size:
                    self._stream.truncate(kept)
                else:
                    raise InputError.single(str(self.path), f"line {number}", "expected a record of a sweep")

    def _begin(self, header: bytes, *, torn: bool) -> None:
        """Write the header of a new file, or of one whose header was being written when the sweep was killed."""
        if torn:
            self._stream.truncate(0)
        self._stream.write(header)

    def _check_header(self, line: bytes, header: SweepHeader) -> None:
        try:
            found = SweepHeader.model_validate_json(line).determined_by
        except ValidationError as error:
            message = "expected the results of a sweep, or a new file"
            raise InputError.single(str(self.path), "line 1", message) from error
        expected = header.determined_by
        other = [part for part in dict.fromkeys((*expected, *found)) if expected.get(part) != found.get(part)]
        if other:
            message = f"expected the results of this sweep, but it holds those of one with other {', '.join(other)}"
            raise InputError.single(str(self.path), "line 1", message)

    def _check_record(self, record: SweepRecord[AnswerT], number: int) -> None:
        if record.checksum != _checksum(self._header, record, stated_only=True):
            message = "expected a record as this sweep has written it, but its checksum is of another; remove the line"
            raise InputError.single(str(self.path), f"line {number}", message)


def _signed(header: bytes, record: SweepRecord[AnswerT]) -> SweepRecord[AnswerT]:
    """A record with its checksum."""
    return record.model_copy(update={"checksum": _checksum(header, record, stated_only=False)})


def _checksum(header: bytes, record: SweepRecord[AnswerT], *, stated_only: bool) -> str:
    """A hash of the header and a record; ``stated_only``: as its line has it, which may lack fields that came later."""
    content = record.model_dump_json(by_alias=True, exclude={"checksum"}, exclude_unset=stated_only)
    return hashlib.sha256(header + content.encode()).hexdigest()


def _record(line: bytes, record_type: type[SweepRecord[AnswerT]]) -> SweepRecord[AnswerT] | None:
    """The record in a line; ``None`` when it is not a whole line or no record."""
    try:
        return record_type.model_validate_json(line) if line.endswith(b"\n") else None
    except ValidationError:
        return None


def _line(document: SweepHeader | SweepRecord[AnswerT]) -> bytes:
    return document.model_dump_json(by_alias=True).encode() + b"\n"


def _unusable(path: Path, error: OSError) -> InputError:
    return InputError.single(str(path), "", f"expected a file that results can be written to ({error.strerror})")


def _lock(stream: IO[bytes], path: Path) -> None:
    """Keep other sweeps from writing to the file while it is open; not everywhere there are such locks."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        message = "expected a file that no other sweep is writing to"
        raise InputError.single(str(path), "", message) from error
