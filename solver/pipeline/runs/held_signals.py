"""Signals that wait while something is done that an exception must not cut in two."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager

NAMES = ("SIGALRM", "SIGHUP", "SIGTERM", "SIGINT")
"""Those that ask a command to end, and the clock by which it looks at them again; not everywhere there are all."""


@contextmanager
def signals_held() -> Generator[None]:
    """Let these signals wait within; what their handlers raise is raised at the end.

    Only those that have a handler in Python: one that is ignored, or ends the process, does so here, too. Handlers run
    in the main thread alone; in others nothing needs to wait.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    before = {number: handler for number in numbers if callable(handler := signal.getsignal(number))}
    heard: list[int] = []
    try:
        for number in before:
            signal.signal(number, lambda number, _: heard.append(number))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in dict.fromkeys(heard):
            signal.raise_signal(number)
