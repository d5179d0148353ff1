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

BUILDERS = ("importlib._bootstrap", "pydantic._internal._model_construction")
"""Modules whose frames show that something is being loaded, as for the command's own signals."""


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


def stop_signal() -> signal.Signals:
    """What tells a process to end its search: a signal that no terminal and no other program sends by itself."""
    return signal.SIGUSR1


class Interrupts:
    """Raises ``KeyboardInterrupt`` at the signal, once, but not while something is being sent, nor between two layers.

    Where a module is being loaded, which would turn it into errors of its own, a later signal is waited for.
    """

    def __init__(self) -> None:
        self._held, self._waiting, self._raised = True, False, False

    def __call__(self, _number: int, frame: FrameType | None) -> None:
        """Hear the signal."""
        if self._held:
            self._waiting = True
        elif not _loads(frame):
            self._raise_once()

    def _raise_once(self) -> None:
        if not self._raised:
            self._raised = True
            raise KeyboardInterrupt

    def swallowed(self, unraisable: sys.UnraisableHookArgs) -> None:
        """Hear that a destructor or a callback has lost an exception: if it was this one, the next signal raises it."""
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            self._raised = False
        else:
            sys.__unraisablehook__(unraisable)

    @contextmanager
    def heard(self) -> Generator[None]:
        """Raise it within; one that has come while the work was being begun, too."""
        try:
            self._let_go()
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
            self._let_go()

    def _let_go(self) -> None:
        self._held = False
        if self._waiting:
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
    """Signals and streams of its own; signals that end a command are for the process that has forked this one.

    They have handlers that do nothing: to ignore them would be handed on to what a back end starts.
    """
    interrupts = Interrupts()
    sys.unraisablehook = interrupts.swallowed
    signal.signal(stop_signal(), interrupts)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {stop_signal()})
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGALRM):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _nothing)
    nothing = os.open(os.devnull, os.O_RDWR)
    sys.stdin, sys.stdout = os.fdopen(nothing), os.fdopen(nothing, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)  # not the old one, which may hold text already
    return interrupts


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Hear a signal that is somebody else's."""


def _loads(frame: FrameType | None) -> bool:
    """Whether a module or a model is being loaded where the signal was heard."""
    while frame is not None:
        if frame.f_globals.get("__name__") in BUILDERS:
            return True
        frame = frame.f_back
    return False
