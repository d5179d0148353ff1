"""Ctrl-C, SIGTERM and SIGHUP: one answer to all of them, from the first instruction of the command to its last.

Until a verb runs nothing has been found, and the process ends at once. From then on ``KeyboardInterrupt`` is raised,
once: it ends the search, and what was found is printed. While an answer is being written, and while modules are being
loaded (which turns it into errors of its own), the signal waits.

This module imports next to nothing: what is loaded before :meth:`Interruption.take_over` is loaded without it.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
"""True for a type checker; the module of that name would have to be imported."""

if TYPE_CHECKING:
    import signal
    from types import FrameType, TracebackType
else:
    import _signal as signal  # what signal itself is made of: the rest of it runs for milliseconds first

EXIT_CODE = 130
LINE = b"dmaze-solve: interrupted\n"

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
"""The signals that ask the command to end; not everywhere there are all of them."""

ALARM = "SIGALRM"
"""The signal of the clock by which a waiting signal is looked at again."""

RETRY_S = 0.02
"""How long a signal waits for a module before it is looked at again."""

LONGEST_WAIT_S = 10.0
"""How long it waits at most."""

BUILDERS = ("importlib._bootstrap", "pydantic._internal._model_construction")
"""Modules whose frames show that something is being loaded: they turn an interrupt into errors of their own."""


class Interruption:
    """The handler of the signals, and what it remembers of them."""

    def __init__(self) -> None:
        self._may_raise = False
        self._held = False
        self._waiting = False
        self._waited_s = 0.0
        self._raised = False

    def take_over(self) -> None:
        """Answer the signals from now on; those that the caller of the command has set to be ignored stay so."""
        for name in (*NAMES, ALARM):
            if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) != signal.SIG_IGN:
                signal.signal(getattr(signal, name), self)
        sys.unraisablehook = self._unraisable

    @property
    def was_raised(self) -> bool:
        """Whether the verb was told to end, whatever has become of that on its way."""
        return self._raised

    def raise_from_now_on(self) -> None:
        """A verb runs: there may be something to be kept."""
        self._may_raise = True

    def ignore_from_now_on(self) -> None:
        """The exit code is decided; the interpreter closes down, and puts its own handlers in the place of this one."""
        for name in (*NAMES, ALARM):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_IGN)

    def hold(self) -> None:
        """Let signals wait from now on."""
        self._held = True

    def let_go(self) -> None:
        """Wait no longer; what has come meanwhile is raised now.

        Raises:
            KeyboardInterrupt: when a signal has waited.
        """
        self._held = False
        if self._waiting:
            self._raise()

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Hear a signal, or look again at one that waits."""
        if self._raised or (number == getattr(signal, ALARM, None) and not self._waiting):
            return
        if not self._may_raise:
            _end_at_once()
        if self._waited_s < LONGEST_WAIT_S and hasattr(signal, "setitimer") and (self._held or _loads(frame)):
            self._wait()
            return
        self._raise()

    def _wait(self) -> None:
        self._waiting = True
        self._waited_s += RETRY_S
        signal.setitimer(signal.ITIMER_REAL, RETRY_S)

    def _raise(self) -> None:
        self._waiting, self._raised = False, True
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        raise KeyboardInterrupt

    def _unraisable(self, unraisable: sys.UnraisableHookArgs) -> None:
        """An interrupt that a destructor or a callback has swallowed is raised again; the rest is told as usual."""
        if issubclass(unraisable.exc_type, KeyboardInterrupt) and hasattr(signal, "setitimer"):
            self._raised = False
            self._wait()
            return
        sys.__unraisablehook__(unraisable)


class HeldBack:
    """Lets the signals wait while an answer is written, where the command has taken them over: a context."""

    def __enter__(self) -> None:
        handler = signal.getsignal(signal.SIGINT)
        self._handler = handler if isinstance(handler, Interruption) else None
        if self._handler is not None:
            self._handler.hold()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handler is not None:
            self._handler.let_go()


def say_interrupted() -> None:
    """The one line of a command that ends with nothing to show."""
    try:
        os.write(2, LINE)
    except OSError:  # nobody listens
        return


def _end_at_once() -> None:
    say_interrupted()
    os._exit(EXIT_CODE)


def _loads(frame: FrameType | None) -> bool:
    """Whether a module or a model is being loaded where the signal was heard."""
    while frame is not None:
        if frame.f_globals.get("__name__") in BUILDERS:
            return True
        frame = frame.f_back
    return False
