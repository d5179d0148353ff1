"""What a verb answers: a document or a report, and an exit code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from .arguments.options import AsJson, OutPath
from .output import print_text, write_document

Action = Callable[[], int]
"""A verb with its arguments, ready to run; gives the exit code."""


class Exit(IntEnum):
    """Exit codes (``contract.md`` section 3)."""

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
        """Write the file first: it must not depend on who reads standard output."""
        if self.out is not None:
            write_document(self.out, document)
        print_text(document if self.as_json else report())
