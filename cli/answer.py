"""What a verb answers: a document or a report, and an exit code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from ..model.faults import Fault, InputError
from .arguments.options import AsJson, OutPath
from .interruption import HeldBack
from .output import print_text, write_document

Action = Callable[[], int]
"""A verb with its arguments, ready to run; gives the exit code."""


class Exit(IntEnum):
    """Exit codes (``docs/contract.md`` section 3)."""

    SOLVED = 0
    UNSOLVED = 1
    BAD_INPUT = 2
    FAULT = 70
    INTERRUPTED = 130


@dataclass(frozen=True)
class Delivery:
    """Where an answer goes: JSON instead of the readable report, and a file besides."""

    as_json: AsJson = False
    out: OutPath = None

    def deliver(self, document: str, report: Callable[[], str]) -> None:
        """Print first: what was found must not be lost to a file that cannot be written, nor the other way round.

        Raises:
            InputError: when standard output or the file cannot be written.
        """
        faults: list[Fault] = []
        with HeldBack():
            try:
                print_text(document if self.as_json else report())
            except InputError as error:
                faults += error.faults
            finally:
                if self.out is not None:
                    faults += _faults_of_writing(self.out, document)
        if faults:
            raise InputError(faults)


def _faults_of_writing(path: Path, document: str) -> Sequence[Fault]:
    try:
        write_document(path, document)
    except InputError as error:
        return error.faults
    return ()
