"""The published design-space exploration, proved: 49 memory designs x 6 layers, in one go, killed, and through Dask.

    python benchmarks/sweep_study.py [--only PART] [--table]

Runs ``dmaze-solve sweep specs/sweeps/memory-designs.json`` on two cores as a user runs it: once from start to end, once
killed (SIGKILL) half-way and resumed by the same command, once on a Dask scheduler with two workers, one of which is
killed half-way. All three must give the same table. conv5_2's 49 optima are compared with what the published pruning
finds (dse_recomputed.json), conv3_2's with the published table for orientation. Appends one JSON line to
results/sweep_study.jsonl; --table prints the comparison.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from common import HERE, RESULTS, append_result, machine, versions

ROOT = HERE.parent
SPEC = ROOT / "specs" / "sweeps" / "memory-designs.json"
REFERENCE = ROOT / "tests" / "data"
NUM_SLOTS = 49 * 6
COMMAND = [str(Path(sys.executable).with_name("dmaze-solve")), "sweep", str(SPEC), "--no-cache"]
PARTS = ("whole", "killed", "dask")
PATIENCE_S = 60.0
PRINTED_DIGITS = 16
"""Significant digits of the published table; beyond, a difference is none."""


def start(folder: Path, *options: str) -> subprocess.Popen[bytes]:
    """The command with its results and its document in a folder."""
    files = ("--results", str(folder / "results.jsonl"), "--out", str(folder / "out.json"))
    return subprocess.Popen([*COMMAND, *files, *options], stdout=subprocess.DEVNULL)


def finish(process: subprocess.Popen[bytes], folder: Path) -> dict[str, Any]:
    """The document of a command that must succeed, after a check of its file: every layer and design once."""
    if process.wait() != 0:
        raise SystemExit(f"the sweep ended with exit code {process.returncode}")
    slots = [(*record["design"].values(), record["layer"]["name"]) for record in records(folder)]
    if not len(slots) == len(set(slots)) == NUM_SLOTS:
        raise SystemExit(f"{len(slots)} records of {len(set(slots))} different layers on designs, not {NUM_SLOTS}")
    return json.loads((folder / "out.json").read_text(encoding="utf-8"))


def records(folder: Path) -> list[dict[str, Any]]:
    """The whole lines of the results file after the header."""
    path = folder / "results.jsonl"
    content = path.read_bytes() if path.exists() else b""
    return [json.loads(line) for line in content[: content.rfind(b"\n") + 1].splitlines()[1:]]


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes] | None = None) -> None:
    """Wait for what a running process brings about, or else for a while at most."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if process is None and time.monotonic() > deadline:
            raise SystemExit("waited in vain")
        if process is not None and process.poll() is not None:
            raise SystemExit("the sweep ended before it could be disturbed")
        time.sleep(0.2)


def run_whole(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """From start to end on two processes."""
    started = time.perf_counter()
    document = finish(start(folder, "--workers", "2"), folder)
    seconds = [record["layer"]["wall_s"] for record in records(folder)]
    figures = {
        "wall_s": round(time.perf_counter() - started, 1),
        "slowest_layer_s": round(max(seconds), 1),
        "median_layer_s": round(statistics.median(seconds), 2),
        "proved": sum(record["layer"]["status"] in ("optimal", "infeasible") for record in records(folder)),
    }
    return document, figures


def run_killed(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Killed half-way, then the same command again."""
    process = start(folder, "--workers", "2")
    wait_for(lambda: len(records(folder)) >= NUM_SLOTS // 2, process)
    process.kill()
    process.wait()
    known = len(records(folder))
    document = finish(start(folder, "--workers", "2"), folder)
    counts = document["counts"]
    if (counts["resumed"], counts["searched"]) != (known, NUM_SLOTS - known):
        raise SystemExit(f"{known} answers were there, but {counts}")
    return document, {"answers_when_killed": known, "searched_afterwards": counts["searched"]}


def run_dask(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """On a scheduler and two workers on loopback, one of which is killed half-way and replaced."""
    file = folder / "scheduler.json"
    own = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    processes = [start_dask(folder, "dask_scheduler", *own)]
    try:
        wait_for(lambda: file.exists() and file.read_text(encoding="utf-8").endswith("}"))
        address = json.loads(file.read_text(encoding="utf-8"))["address"]
        worker = ("dask_worker", address, "--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", "--no-dashboard")
        processes += [start_dask(folder, *worker) for _ in range(2)]
        started = time.perf_counter()
        process = start(folder, "--executor", "dask", "--scheduler", address)
        wait_for(lambda: len(records(folder)) >= NUM_SLOTS // 2, process)
        processes[1].kill()
        processes.append(start_dask(folder, *worker))
        document = finish(process, folder)
        return document, {"wall_s": round(time.perf_counter() - started, 1)}
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


def start_dask(folder: Path, program: str, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"distributed.cli.{program}", *options]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def table(document: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What must not depend on how a sweep was run: values, statuses, costs and mappings of every layer and design."""
    return [
        (*design["values"].values(), layer["name"], layer["status"], layer["objective_value"], layer["bound"], best)
        for design in document["designs"]
        for layer in design["result"]["layers"]
        for best in [layer["solutions"][0] if layer["solutions"] else None]
    ]


def compared(document: dict[str, Any], layer: str, file: str, field: str) -> list[dict[str, Any]]:
    """A layer's optima beside the reference, design by design."""
    reference = json.loads((REFERENCE / file).read_text(encoding="utf-8"))
    published = {(r["spm_kib_double_buffered"], r["rf_bytes"]): r[field] for r in reference if r["layer"] == layer}
    rows: list[dict[str, Any]] = []
    for design in document["designs"]:
        kib, rf = design["values"]["spm_kib_double_buffered"], design["values"]["rf_bytes_per_pe"]
        found = next(one for one in design["result"]["layers"] if one["name"] == layer)
        theirs, ours = published[kib, rf], found["objective_value"]
        excess = None if theirs is None or ours is None else round(theirs / ours - 1, PRINTED_DIGITS - 1)
        rows.append(
            {"spm_kib": kib, "rf_bytes": rf, "status": found["status"], "edp": ours, "theirs": theirs, "excess": excess}
        )
    return rows


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How often and by how much the reference is worse."""
    known = [row["excess"] for row in rows if row["excess"] is not None]
    return {
        "designs": len(rows),
        "reference_found_nothing": sum(row["theirs"] is None for row in rows),
        "of_these_with_a_mapping": sum(row["theirs"] is None and row["edp"] is not None for row in rows),
        "ours_worse": sum(excess < 0 for excess in known),
        "equal": sum(excess == 0 for excess in known),
        "reference_worse": sum(excess > 0 for excess in known),
        "mean_excess": round(statistics.fmean(known), 4),
        "median_excess": round(statistics.median(known), 4),
        "largest_excess": round(max(known), 4),
    }


def print_table(rows: Sequence[dict[str, Any]]) -> None:
    print("| SPM KiB | RF B | published pruning | proved optimum | published / optimum |\n|---|---|---|---|---|")
    for row in rows:
        theirs = "nothing found" if row["theirs"] is None else f"{row['theirs']:.6e}"
        ours = "none exists" if row["edp"] is None else f"{row['edp']:.6e}"
        excess = "" if row["excess"] is None else "equal" if row["excess"] == 0 else f"+{row['excess']:.1%}"
        print(f"| {row['spm_kib']} | {row['rf_bytes']} | {theirs} | {ours} | {excess} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, action="append", help="run this part; may be repeated")
    parser.add_argument("--table", action="store_true", help="print conv5_2's comparison as a table")
    options = parser.parse_args()
    os.environ.pop("DMAZE_CACHE", None)
    before, runs = machine(), {"whole": run_whole, "killed": run_killed, "dask": run_dask}
    documents: dict[str, dict[str, Any]] = {}
    figures: dict[str, Any] = {}
    for part in options.only or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            documents[part], figures[part] = runs[part](Path(folder))
        print(json.dumps({part: figures[part]}), flush=True)
    tables = [table(document) for document in documents.values()]
    if any(other != tables[0] for other in tables):
        raise SystemExit(f"the parts {', '.join(documents)} do not give the same table")
    document = next(iter(documents.values()))
    rows = compared(document, "conv5_2", "dse_recomputed.json", "min_edp")
    record = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": before,
        "versions": versions("ortools", "numpy", "distributed"),
        "parts": figures,
        "same_table": sorted(documents),
        "best": document["best"],
        "conv5_2_against_recomputed": summary(rows),
        "conv3_2_against_published": summary(compared(document, "conv3_2", "dse_published.json", "edp")),
    }
    print(json.dumps(record), flush=True)
    append_result(RESULTS / "sweep_study.jsonl", record)
    if options.table:
        print_table(rows)


if __name__ == "__main__":
    main()
