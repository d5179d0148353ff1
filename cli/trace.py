"""``--trace FILE``: how the search of every layer goes, as JSON lines, written as it happens."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from ..model.faults import InputError
from ..model.result import LayerResult, Number
from ..solver import Observer, Progress
from .output import complain

FLAG = "--trace"


@contextmanager
def traced(path: Path | None) -> Generator[Observer | None]:
    """An observer that writes the trace; none without a path.

    Raises:
        InputError: when the file cannot be opened.
    """
    if path is None:
        yield None
        return
    try:
        stream = path.open("wb", buffering=0)  # what cannot be written must not come up again when it is closed
    except OSError as error:
        raise InputError.single(None, FLAG, f"cannot write {path}: {error.strerror}") from error
    with stream:
        yield _Trace(stream)


class _Trace:
    """One line for each change of a layer's incumbent or bound, and one with its status at its end.

    A line holds ``seconds`` since the layer started, ``layer``, ``incumbent`` (its objective value), ``bound`` and
    ``note``. Reports may come from a thread of the back end.
    """

    def __init__(self, stream: FileIO) -> None:
        self._stream: FileIO | None = stream
        self._lock = threading.Lock()
        self._started: dict[str, float] = {}
        self._told: tuple[Number | None, float | None] | None = None

    def layer_started(self, name: str, position: int, total: int) -> None:  # noqa: ARG002 (told to all observers)
        with self._lock:
            self._started[name], self._told = time.monotonic(), None

    def progressed(self, name: str, progress: Progress) -> None:
        with self._lock:
            now = (progress.objective_value, progress.bound)
            if now != self._told:
                self._told = now
                self._write(name, *now, progress.note)

    def layer_finished(self, result: LayerResult) -> None:
        """The layer's final line; a copy of another layer, or one that got no time, has no other."""
        copied = "" if result.same_as is None else f", same as {result.same_as}"
        with self._lock:
            self._write(result.name, result.objective_value, result.bound, result.status + copied)

    def _write(self, name: str, incumbent: Number | None, bound: float | None, note: str) -> None:
        """Write one line at once; should that fail, say so and write no more: the search goes on."""
        if self._stream is None:
            return
        seconds = time.monotonic() - self._started[name] if name in self._started else 0.0
        line = {"seconds": round(seconds, 3), "layer": name, "incumbent": incumbent, "bound": bound, "note": note}
        try:
            self._stream.write(f"{json.dumps(line)}\n".encode())
        except OSError as error:
            self._stream = None
            complain(f"{FLAG}: cannot write any more: {error.strerror}")
