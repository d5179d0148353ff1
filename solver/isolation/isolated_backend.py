"""A third-party back end as the pipeline sees it: its searches run in a process of its own, which is watched."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import cast

from ...model.faults import BackendFault
from ..backend import AnyProblem, Progress, Report, SearchLimits, SearchOutcome
from ..deadline import Deadline
from .search_process import PROGRAM, Begun, Fault, Message, Request

GRACE_S = 10.0
"""By how many seconds a search may exceed its time limit before it is stopped."""

START_S = 60.0
"""How long a back end may take to be loaded."""


class SearchStoppedError(BackendFault):
    """A search went on after its time, or ended its process: what it has reported until then is what is left of it."""


class IsolatedBackend:
    """A back end that goes by a name, and is ``registered`` under one, which should be the same.

    Its process is started by the first search and serves the next ones, too.
    Whatever goes wrong is a :class:`BackendFault`: the process ended, the search did not end ``grace_s`` after its time
    limit, an exception of any kind.
    """

    def __init__(
        self, name: str, cost_models: tuple[str, ...], registered: str | None = None, grace_s: float = GRACE_S
    ) -> None:
        self.name, self.cost_models = name, cost_models
        self._registered, self._grace_s = registered or name, grace_s
        self._process: _SearchProcess | None = None

    def search(self, problem: AnyProblem, limits: SearchLimits, report: Report | None) -> SearchOutcome:
        """What the back end finds.

        Raises:
            BackendFault: see above.
        """
        process = self._process or _SearchProcess()
        self._process = None
        try:
            outcome = self._followed(process, Request(self._registered, problem, limits), report)
        except BaseException:
            process.end()
            raise
        self._process = process
        return outcome

    def _followed(self, process: _SearchProcess, request: Request, report: Report | None) -> SearchOutcome:
        """Hand a search over, pass its snapshots on, and give its outcome."""
        process.ask(request)
        until = Deadline.after(START_S)
        while True:
            message = process.next(until, self.name)
            if isinstance(message, Begun):
                until = Deadline.after(request.limits.time_limit_s + self._grace_s)
            elif isinstance(message, Progress):
                if report is not None:
                    report(message)
            elif isinstance(message, Fault):
                raise BackendFault(message.message)
            elif message is None:
                limit = f"{request.limits.time_limit_s:.3g} s"
                raise SearchStoppedError(
                    f"back end {self.name} did not end within {self._grace_s:g} s after its time limit of {limit}"
                )
            else:
                return message


class _SearchProcess:
    """The process, and what it has said. It ends with this object, and with this process."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        # a session of its own: what a back end starts is ended with it, and a terminal's Ctrl-C is not heard
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", PROGRAM], stdin=pipe, stdout=pipe, start_new_session=True
        )
        self._said: SimpleQueue[Message | EOFError] = SimpleQueue()
        threading.Thread(target=_listen, args=(self._process, self._said), daemon=True).start()
        self.end = weakref.finalize(self, _end, self._process)
        self._write(sys.path)

    def ask(self, request: Request) -> None:
        """Have a search done.

        Raises:
            BackendFault: when the problem cannot be handed over.
        """
        try:
            self._write(request)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise BackendFault(f"the problem cannot be handed to another process: {error}") from error

    def next(self, until: Deadline, backend: str) -> Message | None:
        """The next message; ``None`` when none comes in time.

        Raises:
            SearchStoppedError: when the process has ended.
        """
        try:
            message = self._said.get(timeout=max(0.0, min(until.left_s, threading.TIMEOUT_MAX)))
        except Empty:
            return None
        if isinstance(message, EOFError):
            raise SearchStoppedError(f"back end {backend} ended its process ({self._how_it_ended()})")
        return message

    def _write(self, what: object) -> None:
        content = pickle.dumps(what)
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended, which the next message says
            self._process.stdin.write(content)
            self._process.stdin.flush()

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            return "it closed its files"
        return f"exit code {code}" if code >= 0 else f"signal {-code}"


def _listen(process: subprocess.Popen[bytes], said: SimpleQueue[Message | EOFError]) -> None:
    """Take down what a process says, to its end."""
    assert process.stdout is not None
    try:
        while True:
            said.put(cast("Message", pickle.load(process.stdout)))
    except Exception:  # a message that is cut short, or none of ours: there is nothing more to be heard
        said.put(EOFError())


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with all that it has started."""
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()
