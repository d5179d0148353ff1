"""Costing every tiling of a part of a space, here or in a process of its own.

numpy works on arrays without holding Python's interpreter lock, but the calls between are too many: two threads make
a fifth more than one (measured on two cores), two processes nearly twice as much.
"""

from __future__ import annotations

import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from ..backend import PublishedProblem
from ..search.incumbents import Incumbents, Scored
from ..search.scoring import Scorer
from .stream import Part, tilings_of

REPORT_S = 0.1
"""How often a process says what it has found."""

PROGRAM = f"""
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
from {__name__} import serve
serve()
"""
"""What a process runs: isolated from its surroundings (``-I``), with the import path of the one that started it."""


KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 28),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 28),
    "MALLOC_TOP_PAD_": str(1 << 24),
}
"""Has the C library (glibc) keep the memory of arrays for the next ones, which saves a quarter of the time."""


@dataclass(frozen=True)
class Job:
    """A part of a problem's space to be costed, and how many of the best tilings to keep."""

    problem: PublishedProblem
    keep: int
    part: Part


@dataclass(frozen=True)
class Snapshot:
    """What is known of a part: the number of tilings costed so far, the best of them, and whether these are all."""

    evaluated: int = 0
    kept: tuple[Scored, ...] = ()
    finished: bool = False


TakeSnapshot = Callable[[Snapshot], None]


class StoppedError(Exception):
    """The rest of a job is not wanted any more."""


def costed(job: Job, go_on: Callable[[], None]) -> Iterator[Snapshot]:
    """Snapshots of the work on a job, one after each array; ``go_on`` is called often and may raise."""
    scorer, best, evaluated = Scorer(job.problem), Incumbents(job.keep), 0
    for levels in tilings_of(job.problem, go_on, part=job.part):
        best.offer(scorer.scores(levels), levels)
        evaluated += levels.shape[2]
        yield Snapshot(evaluated, tuple(best.kept))
    yield Snapshot(evaluated, tuple(best.kept), finished=True)


class CostedHere:
    """A job worked on in the calling thread."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._stopping = threading.Event()

    def run(self, take: TakeSnapshot) -> None:
        """Work until finished or stopped."""
        try:
            for snapshot in costed(self._job, self._go_on):
                take(snapshot)
        except StoppedError:
            return

    def stop(self) -> None:
        """End the work soon; from any thread."""
        self._stopping.set()

    def _go_on(self) -> None:
        if self._stopping.is_set():
            raise StoppedError


class CostedElsewhere:
    """A job worked on in a process of its own, to which the calling thread listens."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._lock = threading.Lock()
        self._stopped = False
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, take: TakeSnapshot) -> None:
        """Work until finished or stopped.

        Raises:
            RuntimeError: when the process ends before it has finished.
        """
        pipe = subprocess.PIPE
        with self._lock:
            if self._stopped:
                return
            command = [sys.executable, "-I", "-c", PROGRAM]
            environment = {**KEEP_MEMORY, **os.environ}
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
        with self._process as process:
            try:
                finished = self._listened(process, take)
            finally:
                process.kill()
            if not finished and not self._stopped and process.stderr is not None:
                said = process.stderr.read().decode(errors="replace").split("\n")
                raise RuntimeError(f"a process that costs tilings ended with {process.wait()}: {' '.join(said[-2:])}")

    def stop(self) -> None:
        """End the work at once; from any thread."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def _listened(self, process: subprocess.Popen[bytes], take: TakeSnapshot) -> bool:
        """Hand the job over and pass on what the process reports, to its end; whether it has finished."""
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):
            process.stdin.write(pickle.dumps(sys.path) + pickle.dumps(self._job))
        with suppress(BrokenPipeError):
            process.stdin.close()
        snapshot = Snapshot()
        while not snapshot.finished:
            try:
                snapshot = cast("Snapshot", pickle.load(process.stdout))
            except (EOFError, pickle.UnpicklingError):
                return False
            take(snapshot)
        return True


def serve() -> None:
    """Work on the job that stands on standard input, and write snapshots to standard output.

    Ctrl-C, and a terminal that is closed, are the business of the process that asked for the work. When that one is
    gone, the work ends.
    """
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    job, parent, reported_at = cast("Job", pickle.load(sys.stdin.buffer)), os.getppid(), -math.inf

    def go_on() -> None:
        if os.getppid() != parent:
            raise StoppedError

    with suppress(StoppedError, BrokenPipeError):
        for snapshot in costed(job, go_on):
            if snapshot.finished or time.monotonic() > reported_at + REPORT_S:
                pickle.dump(snapshot, sys.stdout.buffer)
                sys.stdout.buffer.flush()
                reported_at = time.monotonic()
