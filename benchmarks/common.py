"""What all benchmarks share: the machine, the versions, the append-only results."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results"


def machine() -> dict[str, Any]:
    """CPU, cores, system and the load before the run."""
    cpu = platform.processor() or "unknown"
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
    load = [round(value, 2) for value in os.getloadavg()]
    return {"cpu": cpu, "cores": os.cpu_count(), "system": platform.platform(), "load_average": load}


def versions(*distributions: str) -> dict[str, str]:
    """Python, this project with its commit where there is one, and the named distributions."""
    found = {"python": platform.python_version()} | {name: version(name) for name in ("dmaze-solve", *distributions)}
    git = ["git", "-C", str(HERE), "describe", "--always", "--dirty"]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        found["commit"] = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    return found


@dataclass(frozen=True)
class Run:
    """A whole command: seconds of processor time and elapsed, peak memory (of its largest process), its document."""

    cpu_s: float
    wall_s: float
    peak_mb: float
    document: dict[str, Any]


def run_command(spec: Mapping[str, Any], *arguments: str, python: str = sys.executable) -> Run:
    """Run the command that an interpreter has installed on a spec, cold: without cache, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "spec.json")
        path.write_text(json.dumps(spec), encoding="utf-8")
        command = [str(Path(python).with_name("dmaze-solve")), *arguments, str(path), "--json", "--no-cache"]
        started = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            output = process.stdout.read()
            _, _, usage = os.wait4(process.pid, 0)  # with the processes that it has waited for
            process.returncode = 0
        wall_s = time.perf_counter() - started
    return Run(usage.ru_utime + usage.ru_stime, wall_s, usage.ru_maxrss / 1024, json.loads(output))


def append_result(path: Path, record: Mapping[str, Any]) -> None:
    """Append one line to a file of results."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def seeds_parser(description: str | None, first_seed: int, results: str) -> argparse.ArgumentParser:
    """The options of a benchmark of random problems, one a seed."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seeds", type=int, default=10_000, help="problems, one a seed")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no problem after so long")
    parser.add_argument("--seed", type=int, default=first_seed, help="the first seed; the others follow")
    parser.add_argument("--results", type=Path, default=RESULTS / f"{results}.jsonl")
    return parser


def run_over_seeds(
    options: argparse.Namespace,
    compare: Callable[[int, Counter[str]], Iterable[dict[str, Any]]],
    record: Mapping[str, Any],
    *distributions: str,
) -> None:
    """Compare problem by problem, print what is found, append ``record`` with it, and exit 1 if anything is wrong."""
    counts, mismatches = Counter[str](), list[dict[str, Any]]()
    where = {"machine": machine(), "versions": versions(*distributions)}
    started, tried = time.monotonic(), 0
    for seed in range(options.seed, options.seed + options.seeds):
        if time.monotonic() - started > options.seconds:
            break
        tried += 1
        try:
            found = list(compare(seed, counts))
        except Exception as error:  # whatever a search does is to be written down
            found = [{"seed": seed, "wrong": [f"{type(error).__name__}: {error}"]}]
        for one in found:
            print(json.dumps(one), flush=True)
        mismatches += [one for one in found if one["wrong"]]
        if tried % 500 == 0:
            print(f"{tried} seeds, {time.monotonic() - started:.0f} s, {dict(counts)}", flush=True)
    full = {
        "date": datetime.now(timezone.utc).isoformat(),
        **record,
        "seeds": tried,
        "first_seed": options.seed,
        "counts": dict(sorted(counts.items())),
        "mismatches": mismatches,
        "wall_s": round(time.monotonic() - started, 1),
        "processor_s": round(time.process_time(), 1),
        **where,
    }
    append_result(options.results, full)
    print(json.dumps(full, indent=2))
    sys.exit(1 if mismatches else 0)
