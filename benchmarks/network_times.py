"""Processor time of whole networks, cold, beside another version's; and what several layers at once save.

    python benchmarks/network_times.py [--repeats N] [--only NAME] [--against PYTHON --against-commit NAME]

Runs the command on whole networks as a user runs it, in a process of its own, with one worker and with two, and, to
compare two versions, by another interpreter that has the other version installed (two workers). They take turns;
medians of their times are kept. What was found must be the same: value, bound and best mapping of every layer. Appends
one JSON line to results/network_times.jsonl.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from common import RESULTS, Run, append_result, machine, run_command, versions

NETWORKS = ("resnet18", "mobilenetv2", "resnet50", "vgg16", "bert-base-uncased")
OBJECTIVES = ("edp", "energy", "latency")


def spec(workload: str, objective: str, architecture: str = "dmazerunner-256pe") -> dict[str, Any]:
    return {
        "architecture": architecture,
        "workload": workload,
        "objective": objective,
        "solver": {"time_limit_s": 120},
    }


def instances(*, hierarchies: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """The networks; those on hierarchies only where no version is compared that may have none."""
    for objective in OBJECTIVES:
        yield f"resnet-study {objective}", spec("resnet-study", objective)
    for network in NETWORKS:
        yield f"{network} edp", spec(network, "edp")
    if hierarchies:
        yield "resnet18 edp on eyeriss-168", spec("resnet18", "edp", "eyeriss-168")


def found(run: Run) -> list[Any]:
    """What is found of every layer: value, bound, best mapping."""
    layers = run.document["layers"]
    return [(each["objective_value"], each["bound"], each["solutions"][0]["mapping"]) for each in layers]


def medians(runs: Sequence[Run]) -> dict[str, float]:
    return {
        "cpu_s": round(statistics.median(run.cpu_s for run in runs), 2),
        "wall_s": round(statistics.median(run.wall_s for run in runs), 2),
        "peak_mb": round(max(run.peak_mb for run in runs)),
    }


def measure(name: str, document: Mapping[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    ways = {"two_workers": (sys.executable, "2"), "one_worker": (sys.executable, "1")}
    if options.against:
        ways["against"] = (options.against, "2")
    runs: dict[str, list[Run]] = {way: [] for way in ways}
    for _ in range(options.repeats):
        for way, (python, workers) in ways.items():
            runs[way].append(run_command(document, "--workers", workers, python=python))
    expected = found(runs["one_worker"][0])
    times = {way: medians(each) for way, each in runs.items()}
    row: dict[str, Any] = {
        "instance": name,
        "same_answers": all(found(run) == expected for each in runs.values() for run in each),
        "proved": sum(layer["status"] == "optimal" for layer in runs["one_worker"][0].document["layers"]),
        "layers": len(expected),
        **times,
        "at_once_speedup": round(times["one_worker"]["wall_s"] / times["two_workers"]["wall_s"], 2),
    }
    if options.against:
        row["cpu_ratio"] = round(times["two_workers"]["cpu_s"] / times["against"]["cpu_s"], 3)
    print(json.dumps(row), flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="instances whose name contains this")
    parser.add_argument("--against", metavar="PYTHON", help="an interpreter with another version installed")
    parser.add_argument("--against-commit", metavar="NAME", help="what that version is called in the result")
    options = parser.parse_args()
    before = machine()
    chosen = instances(hierarchies=not options.against)
    rows = [measure(name, doc, options) for name, doc in chosen if options.only in name]
    record = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": before,
        "versions": versions("numpy"),
        "against_commit": options.against_commit,
        "repeats": options.repeats,
        "instances": rows,
    }
    append_result(RESULTS / "network_times.jsonl", record)


if __name__ == "__main__":
    main()
