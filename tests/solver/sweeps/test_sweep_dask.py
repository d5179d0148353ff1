"""Sweeps on a Dask cluster: a real scheduler and two workers on loopback, one of which is killed on the way."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from dmaze.cli.main import main
from dmaze.model.documents.sweep_results import SweepResult
from dmaze.model.faults import InputError
from dmaze.solver import SilentObserver, sweep
from dmaze.solver.sweeps.dask_cluster import dask_cluster
from paths import PLUGINS
from sweep_specs import DIARY_FILE, NAP_S, essence, sweep_spec, unchanged_prices, write_spec

PATIENCE_S = 120.0
AXES = ({"spm.banks": [8, 16, 32]}, {"rf_bytes_per_pe": [16, 32, 64, 128]})
NUM_PROBLEMS, NUM_SLOTS = 12 * 2, 12 * 3
SOLVER = {"backend": "fake-diary"}


@dataclass
class Cluster:
    """A scheduler and its workers, each a process."""

    address: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def kill_a_worker(self) -> None:
        self.processes[-1].send_signal(signal.SIGKILL)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    pytest.importorskip("distributed")
    monkeypatch.syspath_prepend(str(PLUGINS))
    file, diary = tmp_path / "scheduler.json", tmp_path / "diary"
    path = os.pathsep.join([str(PLUGINS), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "PYTHONPATH": path, DIARY_FILE: str(diary), NAP_S: "0.1"}

    def start(*command: str) -> subprocess.Popen[bytes]:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen([sys.executable, "-m", *command], cwd=tmp_path, env=env, **quiet)  # type: ignore[call-overload]

    own = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    found = Cluster("", [start("distributed.cli.dask_scheduler", *own)])
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not file.exists() or not file.read_text(encoding="utf-8").endswith("}"):
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.05)
        found.address = json.loads(file.read_text(encoding="utf-8"))["address"]
        options = ("--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", "--no-dashboard")
        found.processes += [start("distributed.cli.dask_worker", found.address, *options) for _ in range(2)]
        yield found
    finally:
        for process in reversed(found.processes):
            process.kill()
            process.wait()


def test_a_killed_worker_loses_nothing_and_counts_nothing_twice(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same result as on one process; then once more by the command, on the worker that is left."""
    file, killed = tmp_path / "results.jsonl", []

    class Killing(SilentObserver):
        def sweep_advanced(self, latest: str, answered: int, failed: int, total: int) -> None:  # noqa: ARG002
            if answered >= 6 and not killed:
                cluster.kill_a_worker()
                killed.append(answered)

    spec = sweep_spec(axes=AXES, solver=SOLVER)
    with dask_cluster(cluster.address) as dask:
        deadline = time.monotonic() + PATIENCE_S
        while dask.num_tasks() < 2:
            assert time.monotonic() < deadline, "the workers did not start"
            time.sleep(0.05)
        result = sweep(spec, Killing(), results=file, executor=dask.executor, num_tasks=dask.num_tasks)
    assert killed
    assert (result.faults, result.fault, result.interrupted) == ((), None, False)
    assert (result.counts.searched, result.counts.left) == (NUM_PROBLEMS, 0)
    records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()[1:]]
    times = Counter((*record["design"].values(), record["layer"]["name"]) for record in records)
    assert len(times) == NUM_SLOTS
    assert set(times.values()) == {1}

    monkeypatch.setenv(NAP_S, "0")
    alone = sweep(sweep_spec(axes=AXES, solver={**SOLVER, "workers": 1}))
    assert essence(result) == essence(alone)

    path = write_spec(tmp_path, axes=AXES, solver=SOLVER)
    assert main(["sweep", str(path), "--executor", "dask", "--scheduler", cluster.address, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == unchanged_prices(path)
    assert essence(SweepResult.model_validate_json(out)) == essence(alone)


def test_an_address_where_no_scheduler_listens_is_refused_at_once() -> None:
    pytest.importorskip("distributed")
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    for address in (f"tcp://127.0.0.1:{free}", "nonsense", "foo://127.0.0.1:1", "127.0.0.1:99999"):
        with pytest.raises(InputError) as caught, dask_cluster(address):
            raise AssertionError("connected to nothing")
        (fault,) = caught.value.faults
        assert fault.place == "scheduler"
        assert fault.message.startswith("expected the address of a Dask scheduler, such as tcp://10.0.0.1:8786")


@pytest.mark.parametrize("banner", [b"", b"SSH-2.0-OpenSSH_9.6\r\n"], ids=["silent", "another service"])
def test_whoever_listens_and_is_no_scheduler_is_found_out(banner: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("dmaze.solver.sweeps.dask_cluster.ANSWER_S", 0.3)
    started = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(banner)
                time.sleep(1.0)

        peer = threading.Thread(target=answer)
        peer.start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(InputError, match="expected the address of a Dask scheduler"), dask_cluster(address):
            raise AssertionError("connected to something else")
        peer.join()
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_a_scheduler_that_is_lost_is_one_line(
    number: signal.Signals, cluster: Cluster, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, results = write_spec(tmp_path, axes=AXES, solver=SOLVER), tmp_path / "results.jsonl"
    arguments = ["sweep", str(path), "--executor", "dask", "--scheduler", cluster.address, "--json"]

    def lose_it_on_the_way() -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and (not results.exists() or results.read_bytes().count(b"\n") < 4):
            time.sleep(0.02)
        cluster.processes[0].send_signal(number)

    killer = threading.Thread(target=lose_it_on_the_way)
    killer.start()
    assert main([*arguments, "--results", str(results)]) == 70
    killer.join()
    out, err = capfd.readouterr()
    result = SweepResult.model_validate_json(out)
    assert result.counts.left > 0
    warned, told = err.splitlines(keepends=True)
    assert warned == unchanged_prices(path)
    assert told.startswith("dmaze-solve: the executor ")
    kept = len(results.read_text(encoding="utf-8").splitlines()) - 1
    assert kept >= result.counts.searched


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'dmaze-solve\[distributed\]'"), dask_cluster("127.0.0.1:1"):
        raise AssertionError("connected without Dask")
