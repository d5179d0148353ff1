"""Who does the work of a sweep: processes of this machine, or any executor in the manner of ``concurrent.futures``."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Protocol, TypeVar

from ...model.documents.sweep_results import AnswerT
from .tasks import Task, run_task

Found = TypeVar("Found", covariant=True)


class TaskFuture(Protocol[Found]):
    """The part of ``concurrent.futures.Future`` that a sweep uses."""

    def result(self) -> Found:
        """The answer, once it is there."""
        ...

    def add_done_callback(self, fn: Callable[[Any], object], /) -> object:
        """Have a function called with this future when it is done."""
        ...

    def cancel(self) -> object:
        """Give up the task if it has not begun."""
        ...


class TaskExecutor(Protocol):
    """The part of ``concurrent.futures.Executor`` that a sweep uses: Dask's, MPI's and others have it, too."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> TaskFuture[Any]:
        """Have a function called with a task, its one argument, elsewhere."""
        ...


class Workforce(Protocol):
    """Runs tasks, so many at once."""

    def num_tasks(self) -> int:
        """How many tasks to have submitted at a time; may change."""
        ...

    def submit(self, task: Task[AnswerT]) -> TaskFuture[AnswerT]:
        """Begin a task."""
        ...

    def renew(self) -> bool:
        """Replace what has broken down; says whether that is possible."""
        ...

    def stop(self) -> None:
        """End tasks that can no longer be cancelled, where that is possible."""
        ...


class BorrowedExecutor:
    """An executor of the caller's; it is not shut down."""

    def __init__(self, executor: TaskExecutor, num_tasks: Callable[[], int]) -> None:
        self._executor = executor
        self._num_tasks = num_tasks

    def num_tasks(self) -> int:
        """What the caller says, and one at least."""
        return max(self._num_tasks(), 1)

    def submit(self, task: Task[AnswerT]) -> TaskFuture[AnswerT]:
        """Begin a task.

        Raises:
            BrokenExecutor: when the executor takes none.
        """
        try:
            return self._executor.submit(run_task, task)
        except Exception as error:  # somebody else's executor: whatever it raises, it cannot be used
            raise BrokenExecutor(f"{type(error).__name__}: {error}") from error

    def renew(self) -> bool:
        """Not possible: it is the caller's."""
        return False

    def stop(self) -> None:
        """Nothing to do: tasks that have begun end with their time limits, the others have been cancelled."""


class ProcessPool:
    """Processes of this machine, one task each at a time; for a ``with`` statement.

    They are spawned, not forked, since OR-Tools and numpy may have started threads. They do not hear Ctrl-C, which is
    the sweep's to answer, and they end with the process that started them, whatever ended it: :func:`end_with_owner`
    sees to both, unless they are to ``prepare`` in another way.
    """

    def __init__(self, workers: int, prepare: Callable[[PipeEnd], None] | None = None) -> None:
        self._workers, self._prepare = workers, prepare or end_with_owner
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        inner, self._alive = context.Pipe(duplex=False)
        self._executor = ProcessPoolExecutor(self._workers, context, self._prepare, (inner,))

    def __enter__(self) -> ProcessPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def num_tasks(self) -> int:
        """One for each process."""
        return self._workers

    def submit(self, task: Task[AnswerT]) -> TaskFuture[AnswerT]:
        """Begin a task, in a new process where there are fewer than allowed."""
        with _interrupts_held_back():
            return self._executor.submit(run_task, task)

    def renew(self) -> bool:
        """Start again with new processes."""
        self.stop()
        self._start()
        return True

    def stop(self) -> None:
        """End all processes at once."""
        self._alive.close()
        self._executor.shutdown(wait=False, cancel_futures=True)


class PipeEnd(Protocol):
    """The end of a pipe that a process of the pool waits at."""

    def poll(self, timeout: float | None = ..., /) -> bool:
        """Wait until something is to be read, or the other end is closed."""
        ...


def end_with_owner(alive: PipeEnd) -> None:
    """Prepare a process of the pool: it ends when the other end of the pipe is closed, also by its owner's death."""
    for name in ("SIGINT", "SIGHUP"):  # a terminal tells all its processes
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_wait_for_owner, args=(alive,), name="end-with-owner", daemon=True).start()


def _wait_for_owner(alive: PipeEnd) -> None:
    alive.poll(None)
    os._exit(0)


@contextmanager
def _interrupts_held_back() -> Generator[None]:
    """Keep processes that are started meanwhile from hearing Ctrl-C; this one hears it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
