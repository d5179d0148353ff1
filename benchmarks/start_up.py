"""How long the command takes that only says something: `--help`, `list`, `schema`, beside an empty Python program.

    python benchmarks/start_up.py [--repeats N] [--against PYTHON --against-commit NAME]

Each is run in a process of its own by this interpreter, and, to compare two versions, in turn by another one that has
the other version installed. Prints and appends one JSON line to results/start_up.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from common import RESULTS, append_result, machine, versions

EMPTY = ("-c", "pass")
RUN = ("-c", "from dmaze.cli.main import run; run()")
CASES: dict[str, Sequence[str]] = {
    "python": EMPTY,
    "--help": (*RUN, "--help"),
    "list": (*RUN, "list"),
    "schema": (*RUN, "schema"),
}


def run(python: str, arguments: Sequence[str]) -> tuple[float, float]:
    """Elapsed and processor seconds of one process."""
    before, started = os.times(), time.perf_counter()
    subprocess.run([python, *arguments], stdout=subprocess.DEVNULL, check=True)
    elapsed, after = time.perf_counter() - started, os.times()
    busy = after.children_user + after.children_system - before.children_user - before.children_system
    return elapsed, busy


def measure(pythons: Sequence[str], repeats: int) -> list[dict[str, Any]]:
    """Medians of every case for every interpreter; they take turns, so that a busy machine is so for all alike."""
    found: list[dict[str, Any]] = [{} for _ in pythons]
    for name, arguments in CASES.items():
        for python in pythons:
            run(python, arguments)  # warms the file system's cache
        rounds = [[run(python, arguments) for python in pythons] for _ in range(repeats)]
        for position, times in enumerate(found):
            elapsed, busy = zip(*(each[position] for each in rounds), strict=True)
            times[name] = {"wall_s": round(statistics.median(elapsed), 3), "cpu_s": round(statistics.median(busy), 3)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--against", metavar="PYTHON", help="an interpreter with another version installed")
    parser.add_argument("--against-commit", metavar="NAME", help="what that version is called in the result")
    options = parser.parse_args()
    before = machine()
    pythons = [sys.executable, *([options.against] if options.against else [])]
    times, *others = measure(pythons, options.repeats)
    record: dict[str, Any] = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": before,
        "versions": versions("typer", "pydantic"),
        "repeats": options.repeats,
        "times": times,
    }
    for other in others:
        record["against"] = {"commit": options.against_commit, "times": other}
        record["ratio"] = {
            name: {kind: round(times[name][kind] / other[name][kind], 3) for kind in times[name]}
            for name in CASES
            if name != "python"
        }
    append_result(RESULTS / "start_up.jsonl", record)
    print(json.dumps(record))


if __name__ == "__main__":
    main()
