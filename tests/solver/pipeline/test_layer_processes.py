"""Several layers at once: the same answers as in turn, whatever happens to the processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from types import SimpleNamespace
from typing import cast

import pytest
from builders import gemm
from dmaze.model.documents.spec import Spec
from dmaze.model.faults import BackendFault, InputError
from dmaze.model.reading.loading import resolved_source
from dmaze.solver.backend import Progress
from dmaze.solver.pipeline.observer import Observer, SilentObserver
from dmaze.solver.pipeline.runs import layer_processes
from dmaze.solver.pipeline.runs.layer_answers import InTurn, Work
from dmaze.solver.pipeline.runs.layer_processes import LayerProcesses, layer_answers
from dmaze.solver.pipeline.runs.layer_server import Interrupts, Relay
from dmaze.solver.pipeline.solve import solve_resolved

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),  # the threads of pytest-xdist take no part
]
OWN = os.getpid()


def lost(place: int, how: str) -> str:
    return f"{place}: {how}"


def answers(work: Work[str], layers: int, processes: int = 2, observer: Observer | None = None) -> list[str | None]:
    run = LayerProcesses(work, layers, 2, observer or SilentObserver(), lost)
    try:
        run.start(processes)
        return [run.of(place) for place in range(layers)]
    finally:
        run.stop()


def squared(place: int, workers: int, observer: Observer) -> tuple[str, bool]:  # noqa: ARG001
    observer.layer_started(f"l{place}", place + 1, 5)
    return f"{place * place} in {'this' if os.getpid() == OWN else 'another'} process", False


class Heard(SilentObserver):
    def __init__(self) -> None:
        self.started: list[tuple[str, int, int]] = []

    def layer_started(self, name: str, position: int, total: int) -> None:
        self.started.append((name, position, total))


def test_answers_come_in_order_from_other_processes_and_what_happens_there_is_heard() -> None:
    heard = Heard()
    assert answers(squared, 5, observer=heard) == [f"{place * place} in another process" for place in range(5)]
    assert sorted(heard.started) == [(f"l{place}", place + 1, 5) for place in range(5)]


def test_a_layer_alone_has_all_threads() -> None:
    assert answers(lambda _, workers, __: (str(workers), False), 1) == ["2"]
    assert answers(lambda _, workers, __: (str(workers), False), 2) == ["1", "1"]


@pytest.mark.parametrize(
    ("end", "how"), [(lambda: os._exit(3), "exit code 3"), (lambda: os.kill(os.getpid(), signal.SIGKILL), "signal 9")]
)
def test_a_process_that_ends_loses_its_layer_only(end: object, how: str) -> None:
    def work(place: int, workers: int, observer: Observer) -> tuple[str, bool]:
        if place == 1:
            assert callable(end)
            end()
        return squared(place, workers, observer)

    found = answers(work, 4)
    assert found.pop(1) == f"1: the process that searched it ended ({how})"
    assert found == [f"{place * place} in another process" for place in (0, 2, 3)]


def test_when_no_process_is_left_the_rest_is_answered_here() -> None:
    def work(place: int, workers: int, observer: Observer) -> tuple[str, bool]:
        if os.getpid() != OWN:
            os._exit(1)
        return squared(place, workers, observer)

    found = answers(work, 4)
    assert found[:2] == [f"{place}: the process that searched it ended (exit code 1)" for place in (0, 1)]
    assert found[2:] == ["4 in this process", "9 in this process"]


def test_what_ends_the_run_is_raised_here() -> None:
    def refuse(place: int, _: int, __: Observer) -> tuple[str, bool]:
        raise InputError.single(None, f"layers[{place}]", "expected something else")

    def blame(_: int, __: int, ___: Observer) -> tuple[str, bool]:
        raise BackendFault("a back end's own words")

    def fail(_: int, __: int, ___: Observer) -> tuple[str, bool]:
        raise ZeroDivisionError("division by zero")

    with pytest.raises(InputError, match=r"layers\[[01]\]: expected something else"):
        answers(refuse, 2)
    with pytest.raises(BackendFault, match=r"^a back end's own words$"):
        answers(blame, 2)
    with pytest.raises(BackendFault, match="division by zero"):
        answers(fail, 2)


class Interrupting(SilentObserver):
    """Raises what Ctrl-C raises once both layers are being searched."""

    def __init__(self) -> None:
        self.heard = 0

    def progressed(self, name: str, progress: Progress) -> None:  # noqa: ARG002
        self.heard += 1
        if self.heard == 2:
            raise KeyboardInterrupt


def test_an_interrupt_gives_what_was_found_of_the_layers_that_had_begun() -> None:
    def work(place: int, _: int, observer: Observer) -> tuple[str, bool]:
        try:
            observer.progressed(f"l{place}", Progress(None, None))
            time.sleep(60)
        except KeyboardInterrupt:
            return f"half of {place}", True
        return "all", False

    run = LayerProcesses(work, 4, 2, Interrupting(), lost)
    try:
        run.start(2)
        assert [run.of(place) for place in range(4)] == ["half of 0", "half of 1", None, None]
        assert run.interrupted
    finally:
        run.stop()


def test_in_turn_nothing_begins_after_an_interrupt() -> None:
    def work(place: int, _: int, __: Observer) -> tuple[str, bool]:
        if place == 2:
            raise KeyboardInterrupt
        return str(place), place == 3

    for places, expected in (((0, 1, 2, 3), ["0", "1", None, None]), ((3, 0), ["3", None])):
        run = InTurn(work, 1, SilentObserver())
        assert [run.of(place) for place in places] == expected
        assert run.interrupted


@pytest.mark.parametrize("processes", [0, 1])
def test_after_an_answer_that_was_cut_short_no_layer_begins(processes: int) -> None:
    run = LayerProcesses(lambda place, _, __: (str(place), place == 1), 4, 2, SilentObserver(), lost)
    try:
        run.start(processes)
        assert [run.of(place) for place in range(4)] == ["0", "1", None, None]
        assert run.interrupted
    finally:
        run.stop()


def test_beside_a_thread_nothing_is_forked() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert not layer_processes.may_fork()
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize(("workers", "layers", "at_once"), [(1, 5, True), (2, 1, True), (2, 5, False)])
def test_there_are_no_processes_without_use(workers: int, layers: int, at_once: bool) -> None:
    with layer_answers(squared, layers, workers, SilentObserver(), lost, at_once=at_once) as found:
        assert isinstance(found, InTurn)


def test_a_run_of_several_layers_at_once_has_the_results_of_a_run_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [gemm(m, 12, 8, name=f"g{m}") for m in (4, 6, 8, 10)] + [gemm(6, 12, 8, name="again", count=3)]
    document = {"architecture": "dmazerunner-256pe", "workload": {"layers": layers}, "solver": {"workers": 2}}
    with resolved_source(Spec, document, {}) as spec:
        in_turn = solve_resolved(spec)
        monkeypatch.setattr(layer_processes, "may_fork", lambda: True)
        at_once = solve_resolved(spec, at_once=True)
    assert [layer.same_as for layer in at_once.layers] == [None, None, None, None, "g6"]
    dumps = [found.model_dump(exclude={"layers": {"__all__": {"wall_s"}}}) for found in (in_turn, at_once)]
    assert dumps[0] == dumps[1]


class SignalledMeanwhile:
    """A part of an answer at which the process that takes it in hears Ctrl-C."""

    def __reduce__(self) -> tuple[object, ...]:
        return signal.raise_signal, (signal.SIGINT,)


@pytest.fixture
def hears_ctrl_c() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("hears_ctrl_c")
def test_an_answer_that_arrives_with_ctrl_c_is_kept() -> None:
    def work(place: int, _: int, __: Observer) -> tuple[list[object], bool]:
        return [f"all of {place}", SignalledMeanwhile()], False

    run = LayerProcesses(work, 3, 2, SilentObserver(), lambda place, how: [place, how])
    try:
        run.start(1)
        assert [run.of(place) for place in range(3)] == [["all of 0", None], None, None]
        assert run.interrupted
    finally:
        run.stop()


@pytest.mark.usefixtures("hears_ctrl_c")
def test_ctrl_c_while_processes_are_forked_or_ended_leaves_none_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    real, forked = os.fork, list[int]()

    def fork() -> int:
        forked.append(real())
        if forked[-1]:
            signal.raise_signal(signal.SIGINT)
        return forked[-1]

    monkeypatch.setattr("os.fork", fork)
    run = LayerProcesses(squared, 4, 2, SilentObserver(), lost)
    with pytest.raises(KeyboardInterrupt):
        run.start(2)
    real_kill = os.kill

    def kill(pid: int, number: int) -> None:
        signal.raise_signal(signal.SIGINT)
        real_kill(pid, number)

    monkeypatch.setattr("os.kill", kill)
    run.stop()
    assert run.interrupted
    assert len(forked) == 2
    for pid in forked:
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def test_the_terminal_s_ctrl_c_is_left_to_the_process_that_hands_out_the_layers() -> None:
    def work(place: int, workers: int, observer: Observer) -> tuple[str, bool]:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.raise_signal(number)
        return squared(place, workers, observer)

    assert answers(work, 2) == ["0 in another process", "1 in another process"]


@pytest.mark.usefixtures("hears_ctrl_c")
def test_what_a_search_starts_ignores_no_signals() -> None:
    def work(_: int, __: int, ___: Observer) -> tuple[str, bool]:
        program = "import signal as s; print([s.getsignal(n) == s.SIG_IGN for n in (s.SIGINT, s.SIGTERM, s.SIGUSR1)])"
        return subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True).stdout, False

    assert answers(work, 1) == ["[False, False, False]\n"]


@pytest.mark.parametrize(("forks", "where"), [(0, "this"), (1, "another")])
def test_where_processes_run_out_fewer_or_none_have_to_do(
    forks: int, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left = os.fork, iter(range(forks))

    def fork() -> int:
        if next(left, None) is None:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return real()

    monkeypatch.setattr("os.fork", fork)
    assert answers(squared, 3) == [f"{place * place} in {where} process" for place in range(3)]


def test_an_answer_that_no_other_process_can_be_told_is_lost_alone() -> None:
    def work(place: int, _: int, __: Observer) -> tuple[object, bool]:
        return (lambda: place) if place == 0 else place, False

    run = LayerProcesses(work, 3, 2, SilentObserver(), lost)
    try:
        run.start(2)
        assert [run.of(place) for place in range(3)] == ["0: the process that searched it ended (exit code 1)", 1, 2]
    finally:
        run.stop()


def test_processes_whose_end_is_not_told_are_no_fault() -> None:
    def work(place: int, workers: int, observer: Observer) -> tuple[str, bool]:
        return os._exit(3) if place == 0 else squared(place, workers, observer)

    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        found = answers(work, 3)
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert found[0] == "0: the process that searched it ended (in a way that nobody was told)"
    assert found[1:] == ["1 in another process", "4 in another process"]


def test_an_interrupt_waits_for_a_module_and_comes_again_where_it_was_lost() -> None:
    interrupts, lost_by = Interrupts(), SimpleNamespace(exc_type=KeyboardInterrupt)
    loading = eval("sys._getframe()", {"__name__": "importlib._bootstrap", "sys": sys})
    with interrupts.heard():
        interrupts(signal.SIGUSR1, loading)
        with pytest.raises(KeyboardInterrupt):
            interrupts(signal.SIGUSR1, None)
        interrupts(signal.SIGUSR1, None)
        interrupts.swallowed(cast("sys.UnraisableHookArgs", lost_by))
        with pytest.raises(KeyboardInterrupt):
            interrupts(signal.SIGUSR1, None)


def test_an_interrupt_between_two_layers_or_while_something_is_sent_comes_afterwards() -> None:
    between, sending, sent = Interrupts(), Interrupts(), list[str]()
    between(signal.SIGUSR1, None)
    with pytest.raises(KeyboardInterrupt), between.heard():
        sent.append("nothing")

    def send() -> None:
        with sending.held():
            sending(signal.SIGUSR1, None)
            sent.append("all of it")

    with sending.heard(), pytest.raises(KeyboardInterrupt):
        send()
    assert sent == ["all of it"]


def test_what_is_being_sent_when_an_interrupt_comes_is_sent_whole() -> None:
    interrupts, sent = Interrupts(), list[object]()

    class Pipe:
        def send(self, message: object) -> None:
            interrupts(signal.SIGUSR1, None)
            sent.append(message)

    with pytest.raises(KeyboardInterrupt), interrupts.heard():
        Relay(cast("Connection", Pipe()), interrupts).send("all of it")
    assert sent == ["all of it"]


KILLED = """
import os, time
from dmaze.solver.pipeline.observer import SilentObserver
from dmaze.solver.pipeline.runs.layer_processes import LayerProcesses

class Killing(SilentObserver):
    def layer_started(self, name, position, total):
        os.kill(os.getpid(), 9)

def work(place, workers, observer):
    observer.layer_started("l", 1, 2)
    time.sleep(60)

run = LayerProcesses(work, 2, 2, Killing(), lambda place, how: how)
run.start(2)
run.of(0)
"""
"""Is killed when its layers have begun; their processes hold standard output open."""


def test_processes_end_with_the_one_that_has_forked_them() -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, timeout=20)
    assert done.returncode == -signal.SIGKILL
