"""Several layers at once, each in a process of its own: a copy of this one, forked before the work begins.

A forked process has all that is loaded and resolved, so that it costs a few milliseconds where a new one would first
spend more on loading than most layers take. It is made only while this process has one thread (locks of others would
stay locked in the copy), and where forking is safe: not on macOS, nor on Windows, which has none. Elsewhere layers are
answered in turn.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from typing import Generic, cast

from ...deadline import Deadline
from ..observer import Observer
from .layer_answers import AnswerT, InTurn, LayerAnswers, Work
from .layer_server import Answered, Begin, Event, Raised, serve

GRACE_S = 10.0
"""How long searches that Ctrl-C ends may take to say what they have found."""

Lost = Callable[[int, str], AnswerT]
"""The answer of a layer, by its place, whose process has ended, and how."""


def may_fork() -> bool:
    """Whether processes can be forked safely here and now."""
    return hasattr(os, "fork") and sys.platform not in ("darwin", "ios") and threading.active_count() == 1


@contextmanager
def layer_answers(
    work: Work[AnswerT], num_layers: int, workers: int, observer: Observer, lost: Lost[AnswerT], *, at_once: bool
) -> Generator[LayerAnswers[AnswerT]]:
    """The answers of so many distinct layers, on ``workers`` cores; ``at_once`` where processes can be had."""
    processes = min(workers, num_layers)
    if not at_once or processes < 2 or not may_fork():
        yield InTurn(work, workers, observer)
        return
    answers = LayerProcesses(work, num_layers, workers, observer, lost)
    try:
        answers.start(processes)
        yield answers
    finally:
        answers.stop()


@dataclass
class _Process:
    """A forked process, and the place of the layer that it works on."""

    pid: int
    connection: Connection
    place: int | None = None


class LayerProcesses(Generic[AnswerT]):
    """Hands layers to processes in their order, and their reports to the observer.

    A layer that begins when fewer are left than there are processes gets the threads of those that have nothing to do.
    """

    def __init__(
        self, work: Work[AnswerT], num_layers: int, workers: int, observer: Observer, lost: Lost[AnswerT]
    ) -> None:
        self.interrupted = False
        self._work, self._workers, self._observer, self._lost = work, workers, observer, lost
        self._waiting = deque(range(num_layers))
        self._processes: list[_Process] = []
        self._answers: dict[int, AnswerT] = {}

    def start(self, processes: int) -> None:
        """Fork so many processes."""
        for _ in range(processes):
            self._processes.append(self._forked())

    def of(self, place: int) -> AnswerT | None:
        """The answer of a layer; meanwhile others go on. ``None`` where it had not begun at an interruption."""
        try:
            while place not in self._answers and (self._busy or self._waiting):
                self._hand_out()
                self._listen(None)
        except KeyboardInterrupt:
            self.interrupt()
        return self._answers.get(place)

    def stop(self) -> None:
        """End all processes at once."""
        for process in self._processes:
            with suppress(OSError):
                os.kill(process.pid, signal.SIGKILL)
        for process in self._processes:
            self._buried(process)
        self._processes.clear()

    @property
    def _busy(self) -> list[_Process]:
        return [process for process in self._processes if process.place is not None]

    def _hand_out(self) -> None:
        """Begin layers wherever a process has nothing to do; here where no process is left."""
        if not self._processes and self._waiting:
            place = self._waiting.popleft()
            answer, self.interrupted = self._work(place, self._workers, self._observer)
            self._answers[place] = answer
            return
        for process in self._processes:
            if process.place is None and self._waiting:
                at_work = min(len(self._processes), len(self._busy) + len(self._waiting))
                process.place = self._waiting.popleft()
                with suppress(OSError):  # it has ended, which listening to it says
                    process.connection.send(Begin(process.place, max(1, self._workers // at_work)))

    def _listen(self, timeout_s: float | None) -> None:
        """Take in what processes say, once any says something."""
        by_connection = {process.connection: process for process in self._busy}
        for connection in wait(list(by_connection), timeout_s) if by_connection else ():
            process = by_connection[connection]  # pyright: ignore[reportArgumentType] (wait's types are wider)
            try:
                message = process.connection.recv()
            except Exception:  # the end, or a message that the end has cut short
                self._bury(process)
                continue
            self._take(process, message)

    def _take(self, process: _Process, message: Event | Answered[AnswerT] | Raised) -> None:
        if isinstance(message, Event):
            message.tell(self._observer)
        elif isinstance(message, Raised):
            raise message.error
        else:
            process.place = None
            self.interrupted = self.interrupted or message.cut_short
            self._answers[message.place] = message.answer

    def interrupt(self) -> None:
        """Have all searches end, and take in what they have found; a second Ctrl-C ends them without."""
        self.interrupted = True
        self._waiting.clear()
        for process in self._busy:
            with suppress(OSError):
                os.kill(process.pid, signal.SIGINT)
        until = Deadline.after(GRACE_S)
        with suppress(KeyboardInterrupt):
            while self._busy and not until.passed:
                self._listen(until.left_s)

    def _bury(self, process: _Process) -> None:
        """A process has ended by itself: its layer has no answer but that."""
        self._processes.remove(process)
        place, how = process.place, self._buried(process)
        if place is not None:
            self._answers[place] = self._lost(place, f"the process that searched it ended ({how})")

    def _buried(self, process: _Process) -> str:
        process.connection.close()
        code = os.waitstatus_to_exitcode(os.waitpid(process.pid, 0)[1])
        return f"exit code {code}" if code >= 0 else f"signal {-code}"

    def _forked(self) -> _Process:
        """A copy of this process that serves; Ctrl-C waits until the copy answers it in its own way."""
        ours, theirs = cast("tuple[Connection, Connection]", Pipe())
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            owner, pid = os.getpid(), os.fork()
            if pid == 0:
                ours.close()
                for other in self._processes:
                    other.connection.close()
                serve(theirs, self._work, owner)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        return _Process(pid, ours)
