"""The work of a sweep on a Dask cluster (the extra ``distributed``)."""

# Its annotations leave much out.
# pyright: reportMissingImports=false, reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ...model.faults import InputError
from .executors import TaskExecutor

ANSWER_S = 5.0
"""How long to wait for what a scheduler says first, when somebody connects."""

WATCH_S = 2.0
"""How often a scheduler is asked whether it still answers."""

PATIENCE_S = 10.0
"""How long to wait for the connection, and for the first worker."""

MOST_FRAMES = 1 << 16
"""Parts of a scheduler's first message: it begins with their number, of 8 bytes, which is small."""

TALKATIVE = ("distributed", "tornado", "asyncio")
"""Loggers that tell with tracebacks what a lost scheduler means for them; what it means for a sweep is said here."""

TIMEOUTS = (TimeoutError, asyncio.TimeoutError)
"""Before Python 3.11 these are two."""

SCHEDULER = "scheduler"
"""Where faults in the address lie."""


@dataclass(frozen=True)
class DaskCluster:
    """A cluster's executor, and how many tasks it can work on at once: what ``sweep`` takes."""

    executor: TaskExecutor
    num_tasks: Callable[[], int]


@contextmanager
def dask_cluster(address: str) -> Generator[DaskCluster]:
    """The cluster whose scheduler listens at an address, such as ``tcp://10.0.0.1:8786``.

    Its workers need this project in the same version. The tasks of a worker that is lost are repeated by others.

    Raises:
        InputError: without ``distributed``, when nobody listens at the address, or when there is no worker.

    Example:
        >>> with dask_cluster("127.0.0.1:8786") as cluster:  # doctest: +SKIP
        ...     result = sweep(spec, executor=cluster.executor, num_tasks=cluster.num_tasks)
    """
    try:
        from distributed import Client
    except ImportError as error:
        message = "Dask is not installed: pip install 'dmaze-solve[distributed]'"
        raise InputError.single(None, SCHEDULER, message) from error
    _check_that_a_scheduler_listens(address)
    with _quiet(), _connected(Client, address) as client, _watched(client):
        yield DaskCluster(client.get_executor(pure=False), lambda: _num_threads(client))


@contextmanager
def _connected(make_client: Any, address: str) -> Generator[Any]:
    """A client of the scheduler, once there is a worker."""
    try:
        client: Any = make_client(address, timeout=PATIENCE_S, set_as_default=False)
    except (OSError, *TIMEOUTS, ValueError) as error:
        raise InputError.single(None, SCHEDULER, f"expected a Dask scheduler at {address}: {error}") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE_S)
        except TIMEOUTS as error:
            message = f"expected workers that are connected to {address}, but there are none"
            raise InputError.single(None, SCHEDULER, message) from error
        yield client


@contextmanager
def _watched(client: Any) -> Generator[None]:
    """Meanwhile, give the cluster up once its scheduler does not answer any more: what is under way is cancelled."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(WATCH_S):
            try:
                client.sync(client.scheduler.identity, callback_timeout=ANSWER_S)
            except (OSError, *TIMEOUTS):
                if not over.is_set():
                    client.loop.add_callback(client._close, fast=True)
                return

    watcher = threading.Thread(target=watch, name="dask-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()


def _check_that_a_scheduler_listens(address: str) -> None:
    """A client of nobody, or of somebody who says nothing, could not be closed without a long wait.

    A scheduler speaks first, except where the connection is encrypted.
    """
    from distributed.comm.addressing import get_address_host_port

    try:
        with socket.create_connection(get_address_host_port(address), PATIENCE_S) as connection:
            if not address.startswith("tls"):
                connection.settimeout(ANSWER_S)
                start = connection.recv(8, socket.MSG_WAITALL)
                if len(start) < 8 or int.from_bytes(start, "little") > MOST_FRAMES:
                    raise ValueError("whoever listens there is none")
    except (OSError, OverflowError, ValueError) as error:
        message = f"expected the address of a Dask scheduler, such as tcp://10.0.0.1:8786, got {address!r} ({error})"
        raise InputError.single(None, SCHEDULER, message) from error


@contextmanager
def _quiet() -> Generator[None]:
    """Meanwhile, the loggers of Dask and of what it is made of say nothing."""
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in TALKATIVE]
    loud = [logger for logger in map(logging.getLogger, names) if not logger.disabled]
    for logger in loud:
        logger.disabled = True
    try:
        yield
    finally:
        for logger in loud:
            logger.disabled = False


def _num_threads(client: Any) -> int:
    """Threads of all workers; one when the scheduler does not answer, which the next task will find out."""
    try:
        return sum(client.nthreads().values())
    except (OSError, *TIMEOUTS):
        return 1
