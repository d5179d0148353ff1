"""What a forked process does: it works on the layers that it is told, and says what happens and what it finds."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import FrameType
from typing import Generic, NoReturn

from ....model.error_text import error_line
from ....model.faults import BackendFault, InputError
from ...backend import Progress
from ...isolation.search_process import end_with
from ..observer import Observer, SilentObserver
from .layer_answers import AnswerT, Work


@dataclass(frozen=True)
class Begin:
    """Work on a layer is to begin, with so many threads."""

    place: int
    workers: int


@dataclass(frozen=True)
class Event:
    """An observer's method is to be called."""

    method: str
    arguments: tuple[object, ...]

    def tell(self, observer: Observer) -> None:
        """Call it."""
        getattr(observer, self.method)(*self.arguments)


@dataclass(frozen=True)
class Answered(Generic[AnswerT]):
    """A layer's answer, and whether Ctrl-C cut it short."""

    place: int
    answer: AnswerT
    cut_short: bool


@dataclass(frozen=True)
class Raised:
    """What ends the run."""

    error: InputError | BackendFault


class Interrupts:
    """Raises ``KeyboardInterrupt`` at SIGINT, once, but not while something is being sent, nor between two layers.

    A terminal sends it to this process, too, so that it may come twice.
    """

    def __init__(self) -> None:
        self._held, self._waiting, self._raised = True, False, False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        """Hear the signal."""
        self._waiting = True
        if not self._held:
            self._raise_once()

    def _raise_once(self) -> None:
        if self._waiting and not self._raised:
            self._raised = True
            raise KeyboardInterrupt

    @contextmanager
    def heard(self) -> Generator[None]:
        """Raise it within; one that has come while the work was being begun, too."""
        self._held = False
        try:
            self._raise_once()
            yield
        finally:
            self._held = True

    @contextmanager
    def held(self) -> Generator[None]:
        """Let it wait within, in the main thread, which is the one that hears it."""
        if self._held or threading.current_thread() is not threading.main_thread():
            yield
            return
        self._held = True
        try:
            yield
        finally:
            self._held = False
        self._raise_once()


class Relay(SilentObserver):
    """Has the process that handed the work out tell its observer."""

    def __init__(self, connection: Connection, interrupts: Interrupts) -> None:
        self._connection, self._interrupts = connection, interrupts
        self._lock = threading.Lock()

    def layer_started(self, name: str, position: int, total: int) -> None:
        """Passed on."""
        self.send(Event("layer_started", (name, position, total)))

    def progressed(self, name: str, progress: Progress) -> None:
        """Passed on."""
        self.send(Event("progressed", (name, progress)))

    def send(self, message: object) -> None:
        """Send a message whole."""
        with self._interrupts.held(), self._lock:
            self._connection.send(message)


def serve(connection: Connection, work: Work[AnswerT], owner: int) -> NoReturn:
    """Work on layers until there are no more, or the process that has forked this one is gone. Never returns."""
    try:
        interrupts = _own_surroundings()
        threading.Thread(target=end_with, args=(owner,), daemon=True).start()
        relay = Relay(connection, interrupts)
        while True:
            task: Begin = connection.recv()
            relay.send(_answered(task, work, relay, interrupts))
    except (EOFError, OSError):
        os._exit(0)
    finally:
        os._exit(1)


def _answered(
    task: Begin, work: Work[AnswerT], relay: Relay, interrupts: Interrupts
) -> Answered[AnswerT | None] | Raised:
    """The answer to a task; none where Ctrl-C came before there was anything."""
    answer, cut_short = None, True
    try:
        with interrupts.heard():
            answer, cut_short = work(task.place, task.workers, relay)
    except (InputError, BackendFault) as error:
        return Raised(error)
    except KeyboardInterrupt:
        return Answered(task.place, answer, cut_short=True)
    except Exception as error:  # a fault of ours, which is for the other process to tell
        return Raised(BackendFault(error_line(error, "the search of a layer")))
    return Answered(task.place, answer, cut_short)


def _own_surroundings() -> Interrupts:
    """Signals and streams of its own; those that end a command are for the process that has forked this one."""
    interrupts = Interrupts()
    signal.signal(signal.SIGINT, interrupts)
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    nothing = os.open(os.devnull, os.O_RDWR)
    sys.stdin, sys.stdout = os.fdopen(nothing), os.fdopen(nothing, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)  # not the old one, which may hold text already
    return interrupts
