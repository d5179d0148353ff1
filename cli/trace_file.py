"""How the search of every layer goes, change by change: as JSON lines (``--trace FILE``), or kept for a picture."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from io import FileIO
from pathlib import Path

from ..model.documents.result import LayerResult, Number
from ..model.faults import InputError
from ..solver import Observer, Progress, SilentObserver
from .output import complain, opened_to_write, why_not_written

FLAG = "--trace"


@dataclass(frozen=True)
class TracePoint:
    """What is known of a layer ``seconds`` after its search started: ``incumbent`` is its objective value."""

    seconds: float
    layer: str
    incumbent: Number | None
    bound: float | None
    note: str


@contextmanager
def traced(path: Path | None) -> Generator[Observer | None]:
    """An observer that writes the trace; ``None`` without a path.

    Raises:
        InputError: when the file cannot be opened.
    """
    if path is None:
        yield None
        return
    try:
        stream = opened_to_write(path)
    except OSError as error:
        raise InputError.single(None, FLAG, f"cannot write {path}: {why_not_written(error)}") from error
    with stream:
        yield SearchTrace(_Lines(stream).write)


class SearchTrace(SilentObserver):
    """An observer that reports each change of a layer's incumbent or bound, and at its end its status as the note.

    Progress may come from a thread of the back end, and from several layers in turn; points are reported one after the
    other. The final point stands where the layer's search ended, not where its result was told.
    """

    def __init__(self, report: Callable[[TracePoint], None]) -> None:
        self._report = report
        self._lock = threading.Lock()
        self._started: dict[str, float] = {}
        self._latest: dict[str, TracePoint] = {}

    def layer_started(self, name: str, position: int, total: int) -> None:  # noqa: ARG002 (all observers get it)
        """The layer's clock starts."""
        with self._lock:
            self._started[name] = time.monotonic()
            self._latest.pop(name, None)

    def progressed(self, name: str, progress: Progress) -> None:
        """Reported where something has changed."""
        with self._lock:
            now, before = (progress.objective_value, progress.bound), self._latest.get(name)
            if before is None or now != (before.incumbent, before.bound):
                self._latest[name] = TracePoint(self._seconds(name), name, *now, progress.note)
                self._report(self._latest[name])

    def layer_finished(self, result: LayerResult) -> None:
        """The layer's final point; a copy of another layer, or one that got no time, has no other."""
        copied = "" if result.same_as is None else f", same as {result.same_as}"
        name, note = result.name, result.status + copied
        with self._lock:
            before = self._latest.get(name)
            seconds = max(result.wall_s, 0.0 if before is None else before.seconds)
            self._report(TracePoint(seconds, name, result.objective_value, result.bound, note))

    def _seconds(self, name: str) -> float:
        return time.monotonic() - self._started[name] if name in self._started else 0.0


class _Lines:
    """Writes points as JSON lines at once; should that fail, it says so and writes no more: the search goes on."""

    def __init__(self, stream: FileIO) -> None:
        self._stream: FileIO | None = stream

    def write(self, point: TracePoint) -> None:
        if self._stream is None:
            return
        line = asdict(replace(point, seconds=round(point.seconds, 3)))
        try:
            self._stream.write(f"{json.dumps(line)}\n".encode())
        except OSError as error:
            self._stream = None
            complain(f"{FLAG}: cannot write any more: {error.strerror}")
