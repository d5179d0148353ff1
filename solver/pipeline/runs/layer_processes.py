"""Several layers at once, each in a process of its own: a copy of this one, forked before the work begins.

A forked process has all that is loaded and resolved, so that it costs a few milliseconds where a new one would first
spend more on loading than most layers take. It is made only while this process has one thread (locks of others would
stay locked in the copy), and where forking is safe: not on macOS, nor on Windows, which has none. Elsewhere layers are
answered in turn.

Whatever is sent, taken in or forked is so as a whole: Ctrl-C waits until it is done. Processes hear of Ctrl-C from this
one alone.
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
from typing import Generic, NoReturn, cast

from ...deadline import Deadline
from ..observer import Observer
from .held_signals import signals_held
from .layer_answers import AnswerT, InTurn, LayerAnswers, Work
from .layer_server import Answered, Begin, Event, Raised, serve, stop_signal

GRACE_S = 10.0
"""How long searches that Ctrl-C ends may take to say what they have found."""

AGAIN_S = 0.1
"""How often they are told to end: a process that is loading a module does not hear it."""

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
        """Fork so many processes; where memory, files or processes run out, those that can be had."""
        with suppress(OSError), signals_held():
            for _ in range(processes):
                self._fork()

    def of(self, place: int) -> AnswerT | None:
        """The answer of a layer; meanwhile others go on. ``None`` where it had not begun at an interruption."""
        try:
            while place not in self._answers and (self._busy or self._waiting):
                if self._processes:
                    self._hand_out()
                    self._listen(None)
                else:
                    self._work_here()
        except KeyboardInterrupt:
            self.interrupt()
        return self._answers.get(place)

    def stop(self) -> None:
        """End all processes at once; Ctrl-C meanwhile takes no answer away."""
        try:
            with signals_held():
                for process in self._processes:
                    self._killed(process)
                self._processes.clear()
        except KeyboardInterrupt:
            self.interrupted = True

    @property
    def _busy(self) -> list[_Process]:
        return [process for process in self._processes if process.place is not None]

    def _hand_out(self) -> None:
        """Begin layers wherever a process has nothing to do."""
        with signals_held():
            for process in self._processes:
                if process.place is None and self._waiting:
                    at_work = min(len(self._processes), len(self._busy) + len(self._waiting))
                    process.place = self._waiting.popleft()
                    with suppress(OSError):  # it has ended, which listening to it says
                        process.connection.send(Begin(process.place, max(1, self._workers // at_work)))

    def _work_here(self) -> None:
        """Work on the next layer in this process: no other one is left."""
        place = self._waiting.popleft()
        answer, cut_short = self._work(place, self._workers, self._observer)
        self._answer(place, answer, cut_short=cut_short)

    def _listen(self, timeout_s: float | None) -> None:
        """Take in what processes say, once any says something."""
        by_connection = {process.connection: process for process in self._busy}
        for connection in wait(list(by_connection), timeout_s) if by_connection else ():
            process = by_connection[connection]  # pyright: ignore[reportArgumentType] (wait's types are wider)
            with signals_held():
                event = self._taken(process)
            if event is not None:
                event.tell(self._observer)

    def _taken(self, process: _Process) -> Event | None:
        """Take in what a process says next; what has happened there is to be passed on."""
        try:
            message: Event | Answered[AnswerT] | Raised = process.connection.recv()
        except Exception:  # the end, or a message that the end has cut short
            self._bury(process)
            return None
        if isinstance(message, Event):
            return message
        if isinstance(message, Raised):
            raise message.error
        process.place = None
        self._answer(message.place, message.answer, cut_short=message.cut_short)
        return None

    def _answer(self, place: int, answer: AnswerT, *, cut_short: bool) -> None:
        """Take in an answer; after one that was cut short no further layer begins."""
        self._answers[place] = answer
        if cut_short:
            self.interrupted = True
            self._waiting.clear()

    def interrupt(self) -> None:
        """Have all searches end, and take in what they have found; a second Ctrl-C ends them without."""
        with suppress(KeyboardInterrupt):
            self.interrupted = True
            self._waiting.clear()
            until = Deadline.after(GRACE_S)
            while self._busy and not until.passed:
                for process in self._busy:
                    with suppress(OSError):
                        os.kill(process.pid, stop_signal())
                self._listen(min(AGAIN_S, until.left_s))

    def _bury(self, process: _Process) -> None:
        """A process has ended by itself: its layer has no answer but that."""
        self._processes.remove(process)
        place, how = process.place, self._killed(process)
        if place is not None:
            self._answers[place] = self._lost(place, f"the process that searched it ended ({how})")

    def _killed(self, process: _Process) -> str:
        """End a process, if it has not ended yet, and say how it did."""
        process.connection.close()
        try:
            os.kill(process.pid, signal.SIGKILL)
            code = os.waitstatus_to_exitcode(os.waitpid(process.pid, 0)[1])
        except (ChildProcessError, ProcessLookupError):  # who started this process has it ignore how others end
            return "in a way that nobody was told"
        return f"exit code {code}" if code >= 0 else f"signal {-code}"

    def _fork(self) -> None:
        """Add a copy of this process that serves; the signal to stop waits until the copy has an answer to it."""
        ours, theirs = cast("tuple[Connection, Connection]", Pipe())
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {stop_signal()})
        try:
            owner, pid = os.getpid(), os.fork()
            if pid == 0:
                self._serve(ours, theirs, owner)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        self._processes.append(_Process(pid, ours))

    def _serve(self, ours: Connection, theirs: Connection, owner: int) -> NoReturn:
        """What a copy does; it never goes on with what this process does."""
        try:
            ours.close()
            for other in self._processes:
                other.connection.close()
            serve(theirs, self._work, owner)
        finally:
            os._exit(1)
