"""Progress on standard error, a line for each layer; on a terminal and in a notebook the last line follows the search.

No more than a carriage return is needed for that, which both of them carry out.
"""

from __future__ import annotations

import sys
import time
from threading import Lock
from typing import TextIO

from ...model.documents.result import LayerResult
from ...model.faults import escaped, shortened
from ...model.objectives import OBJECTIVES, Objective
from ..backend import Progress

LONGEST_LINE = 110
"""Characters of a line that is written over: a longer one would break, and its first part would stay."""

LONGEST_NAME = 48
BETWEEN_S = 0.2
"""Least time between two states of a line."""

NOTEBOOK = "ipykernel"
"""The module that runs the cells of a notebook."""


class ProgressLines:
    """An observer that writes to standard error, looked up anew for every line.

    ``objective`` is what the values of searches are of. It is ``None`` for work whose results are not told: then the
    line of a layer ends where that of the next one begins. Of several layers that are searched at once, the line that
    is written over speaks of the one that was heard of last.
    """

    def __init__(self, objective: Objective | None) -> None:
        self._objective: Objective | None = objective
        self._lock = Lock()
        self._labels: dict[str, str] = {}
        self._label = ""
        self._said = ""
        self._open = 0
        self._last_s = 0.0

    def layer_started(self, name: str, position: int, total: int) -> None:
        """Begin the line of a layer."""
        if self._objective is None:
            self.close()
        with self._lock:
            self._labels[name] = f"{position}/{total} {shortened(escaped(name), LONGEST_NAME)}"
            self._show(self._labels[name], "searching")

    def progressed(self, name: str, progress: Progress) -> None:
        """Show the best value, the bound and the gap, not too often."""
        with self._lock:
            label, said = self._labels.get(name, self._label), _progress_text(self._objective, progress)
            if time.monotonic() - self._last_s >= BETWEEN_S:
                self._show(label, said)
            else:
                self._label, self._said = label, said

    def layer_finished(self, result: LayerResult) -> None:
        """End the line of a layer that was searched; a copy of another layer has none."""
        with self._lock:
            label = self._labels.pop(result.name, self._label)
            if result.same_as is None and label:
                self._end(label, _result_text(self._objective, result))

    def sweep_advanced(self, latest: str, answered: int, failed: int, total: int) -> None:
        """Show how many of a sweep's layers on designs are done."""
        failures = f", {failed} failed" if failed else ""
        said = f"done{failures}{': ' if latest else ''}{escaped(latest)}"
        with self._lock:
            write = self._end if answered + failed == total else self._show
            write(f"{answered + failed}/{total}", said)

    def close(self) -> None:
        """End the line of a layer whose result nobody has told of."""
        with self._lock:
            if self._label:
                self._end(self._label, self._said)

    def _show(self, label: str, said: str) -> None:
        """Write the line anew, where lines can be written over."""
        self._label, self._said = label, said
        if not _rewritable(sys.stderr):
            return
        line = shortened(f"{label}: {said}", LONGEST_LINE)
        _write(sys.stderr, f"\r{line.ljust(self._open)}")
        self._open, self._last_s = len(line), time.monotonic()

    def _end(self, label: str, said: str) -> None:
        line = f"{label}: {said}"
        _write(sys.stderr, f"\r{line.ljust(self._open)}\n" if self._open else f"{line}\n")
        self._label, self._open = "", 0


def _rewritable(stream: TextIO | None) -> bool:
    return stream is not None and (stream.isatty() or NOTEBOOK in sys.modules)


def _write(stream: TextIO | None, text: str) -> None:
    if stream is not None:
        stream.write(text)
        stream.flush()


def _progress_text(objective: Objective | None, progress: Progress) -> str:
    value, bound = progress.objective_value, progress.bound
    parts: list[str] = []
    if objective is not None:
        rule = OBJECTIVES[objective]
        if value is not None:
            parts.append(f"best {objective} {rule.value_text(round(value) if rule.is_integer else value)}")
        if bound is not None:
            parts.append(f"bound {rule.bound_text(bound)}")
        if value and bound is not None:
            parts.append(f"gap {_gap_text((value - bound) / value)}")
    return ", ".join([*parts, progress.note] if progress.note else parts) or "searching"


def _result_text(objective: Objective | None, result: LayerResult) -> str:
    parts: list[str] = [result.status]
    if objective is not None and result.objective_value is not None:
        parts.append(f"{objective} {OBJECTIVES[objective].value_text(result.objective_value)}")
    if result.status == "feasible" and result.gap is not None:
        parts.append(f"gap {_gap_text(result.gap)}")
    if result.fault is not None:
        parts.append(f"fault: {escaped(result.fault)}")
    return ", ".join([*parts, "cached" if result.cached else f"{result.wall_s:.1f} s"])


def _gap_text(gap: float) -> str:
    """A relative gap in per cent, of which the smallest are not rounded to nothing."""
    return f"{100 * gap:.2g} %"
