"""Ctrl-C, SIGTERM and SIGHUP at any moment: exit code 130, no traceback, and what was found is printed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from subprocess import PIPE, CompletedProcess, Popen

import pytest
from builders import Specs, gemm
from commands import command
from dmaze.cli.interruption import HeldBack, Interruption
from paths import PLUGINS

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
LINE = "dmaze-solve: interrupted\n"
_DRAW = random.Random(13)
DELAYS_S = [_DRAW.uniform(0, 1.5) for _ in range(6)]
SLOW = Specs(gemm(2, 3, 4), backend="fake-slow")

WITH_SIGNAL_AT_IMPORT = """
import os, signal, sys
handler, module = sys.argv.pop(1), sys.argv.pop(1)
signal.signal(signal.SIGINT, getattr(signal, handler))
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
from dmaze.cli.main import run
run()
"""
"""Runs the command, and sends it Ctrl-C in the middle of the import of a module."""

TAKEN_OVER = """
import os, signal, time
from dmaze.cli.interruption import HeldBack, Interruption
handler = Interruption()
handler.take_over()
handler.raise_from_now_on()
"""

WHILE_WRITING = """
try:
    with HeldBack():
        os.kill(os.getpid(), signal.SIGTERM)
        print("all of it")
except KeyboardInterrupt:
    print("then the end")
"""

IN_A_DESTRUCTOR = """
class Swallows:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
try:
    Swallows()
    time.sleep(5)
except KeyboardInterrupt:
    print("heard")
"""

TURNED_INTO_AN_ERROR = """
import os, signal, sys
from dmaze.cli import application, main
def act():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        while True:
            pass
    except KeyboardInterrupt as error:
        raise ValueError("cannot build") from error
application.parsed = lambda arguments: act
main.run()
"""

STARTED = """
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from dmaze.cli.main import run
os.write(1, b"started\\n")
run()
"""


def python(program: str, *arguments: str) -> CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_every_signal_that_asks_to_end_prints_what_was_found(tmp_path: Path, number: signal.Signals) -> None:
    with command("--json", SLOW.writer(tmp_path)()) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "searching\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")
    assert json.loads(out)["interrupted"]


def test_a_second_signal_changes_nothing(tmp_path: Path) -> None:
    with command("--json", SLOW.writer(tmp_path)()) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "searching\n"
        for _ in range(20):
            process.send_signal(signal.SIGINT)
            time.sleep(0.005)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")
    assert json.loads(out)["interrupted"]


@pytest.mark.parametrize("module", ["typer", "dmaze.cli.verbs.solve_verb", "numpy.linalg"])
def test_ctrl_c_in_the_middle_of_an_import_is_one_line(tmp_path: Path, module: str) -> None:
    spec = Specs(gemm(2, 3, 4), backend="portfolio").writer(tmp_path)()
    done = python(WITH_SIGNAL_AT_IMPORT, "default_int_handler", module, spec, "--no-cache")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", LINE)


def test_ctrl_c_in_the_middle_of_the_import_of_a_method_is_no_fault_of_it(tmp_path: Path) -> None:
    spec = Specs(gemm(2, 3, 4), backend="portfolio").writer(tmp_path)()
    done = python(WITH_SIGNAL_AT_IMPORT, "default_int_handler", "dmaze.solver.portfolio", spec, "--no-cache")
    assert (done.returncode, done.stderr) == (130, "")
    assert "(interrupted)" in done.stdout


def test_signals_that_the_caller_has_set_to_be_ignored_stay_so(tmp_path: Path) -> None:
    """As under nohup, or in the background of a script."""
    spec = Specs(gemm(2, 3, 4), backend="exhaustive").writer(tmp_path)()
    done = python(WITH_SIGNAL_AT_IMPORT, "SIG_IGN", "typer", spec)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_answer_that_is_being_written_is_written_to_its_end() -> None:
    done = python(TAKEN_OVER + WHILE_WRITING)
    assert (done.returncode, done.stdout, done.stderr) == (0, "all of it\nthen the end\n", "")


def test_an_interrupt_that_a_destructor_swallows_comes_again() -> None:
    done = python(TAKEN_OVER + IN_A_DESTRUCTOR)
    assert (done.returncode, done.stdout, done.stderr) == (0, "heard\n", "")


def test_an_interrupt_that_others_turn_into_an_error_of_theirs_is_one_all_the_same() -> None:
    done = python(TURNED_INTO_AN_ERROR)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", LINE)


def test_nothing_waits_where_the_command_has_not_taken_the_signals_over() -> None:
    before = signal.getsignal(signal.SIGINT)
    assert not isinstance(before, Interruption)
    with HeldBack():
        assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("delay_s", DELAYS_S, ids=lambda s: f"{s:.2f} s")
def test_ctrl_c_at_some_moment_of_the_start_is_one_line_or_an_answer(tmp_path: Path, delay_s: float) -> None:
    environment = {**os.environ, "PYTHONPATH": str(PLUGINS)}
    program = [sys.executable, "-c", STARTED, SLOW.writer(tmp_path)()]
    with Popen(program, text=True, stdout=PIPE, stderr=PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        time.sleep(delay_s)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert (out == "") == (err.endswith(LINE))
    assert err in ("", LINE, "searching\n")
