"""The command in a process of its own, with the fake back ends installed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from subprocess import PIPE, Popen

from paths import PLUGINS

START = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
for name in {"SIGTERM", "SIGHUP"} & set(dir(signal)):
    signal.signal(getattr(signal, name), signal.SIG_DFL)
from dmaze.cli.main import run
run()
"""
"""Starts the command with all signals in force, even where the test run itself was started with some ignored."""


def command(*arguments: str) -> Popen[str]:
    """The command, started; its outputs are texts to be read."""
    env = {**os.environ, "PYTHONPATH": str(PLUGINS), "PYTHONUNBUFFERED": "1"}
    return Popen([sys.executable, "-c", START, *arguments], env=env, text=True, stdout=PIPE, stderr=PIPE)


def interrupted(
    *arguments: str, meanwhile: Callable[[], object] = lambda: None, timeout_s: float = 20.0
) -> tuple[str, str]:
    """Both outputs of a command that hears Ctrl-C once ``fake-slow`` says that it is searching, and ends with 130.

    ``meanwhile`` is called just before Ctrl-C.
    """
    with command(*arguments) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "searching\n"
        meanwhile()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=timeout_s)
    assert process.returncode == 130
    return out, err
