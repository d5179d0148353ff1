"""The process that a third-party back end searches in: it is told problems, and tells what is found.

Whatever the back end does there (ends the process, forks, prints, changes what it is given, closes files) stays there.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader, BufferedWriter
from typing import NoReturn, cast

from ...model.error_text import error_line
from ...model.faults import BackendFault
from ..backend import AnyProblem, Backend, Progress, SearchLimits, SearchOutcome
from ..installed import available_backends
from .plain_outcome import plain_outcome, plain_progress

PROGRAM = f"""
import pickle, sys
sys.path[:] = pickle.load(open(0, "rb", buffering=0, closefd=False))  # what follows is not to be read ahead
from {__name__} import serve
serve()
"""
"""What the process runs: isolated from its surroundings (``-I``), with the import path of the one that started it."""

WATCH_S = 0.5
"""How often the process looks whether the one that started it is still there."""


@dataclass(frozen=True)
class Request:
    """A search to be done by an installed back end."""

    backend: str
    problem: AnyProblem
    limits: SearchLimits


@dataclass(frozen=True)
class Begun:
    """The back end is loaded, and its time begins."""


@dataclass(frozen=True)
class Fault:
    """The back end did what it must not; the message says what."""

    message: str


Message = Begun | Progress | SearchOutcome | Fault
"""What the process says of a search: that it has begun, any number of snapshots, and how it ended."""


def serve() -> None:
    """Do the searches that stand on standard input, one after the other, until there are no more."""
    requests, answers = _own_streams()
    for name in ("SIGINT", "SIGHUP"):  # these are for the process that started this one
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    own, lock = os.getpid(), threading.Lock()

    def tell(message: Message) -> None:
        if os.getpid() != own:  # a copy that the back end has made: what it finds is nobody's business
            os._exit(0)
        with lock:
            pickle.dump(message, answers)
            answers.flush()

    while True:
        try:
            request = cast("Request", pickle.load(requests))
        except EOFError:
            _end()
        tell(_answered(request, tell))


def _answered(request: Request, tell: Callable[[Message], None]) -> SearchOutcome | Fault:
    """The outcome of a search, or in what it went wrong."""
    try:
        backend = cast("Backend", available_backends()[request.backend].load())
        tell(Begun())
        outcome = backend.search(request.problem, request.limits, lambda progress: tell(plain_progress(progress)))
        return plain_outcome(outcome, request.backend)
    except BackendFault as fault:
        return Fault(str(fault))
    except BaseException as error:  # sys.exit included: the process goes on, or it could not say so
        return Fault(error_line(error, f"back end {request.backend}"))


def _own_streams() -> tuple[BufferedReader, BufferedWriter]:
    """Standard input and output for requests and answers alone; what others print goes to standard error."""
    requests, answers = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    return os.fdopen(requests, "rb"), os.fdopen(answers, "wb")


def end_with(parent: int) -> None:
    """End this process once the one that started it is gone."""
    while os.getppid() == parent:
        time.sleep(WATCH_S)
    _end()


def _end() -> NoReturn:
    """End this process; where it leads a group of its own, with all that it has started."""
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)
