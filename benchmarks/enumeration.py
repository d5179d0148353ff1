"""Wall time of exhaustive enumeration of whole unpruned spaces, and of the same with bounds.

    python benchmarks/enumeration.py [--repeats N] [--only NAME]

Each instance is `dmaze-solve enumerate` as a user runs it, in a process of its own; the median wall time over the
repeats is kept. Counts and optima must be those of tests/data/optima.json (found by brute force in compiled code)
to the unit. Appends one JSON line to results/enumeration.jsonl.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from common import HERE, RESULTS, append_result, machine, versions
from proof_times import run, spec

KNOWN: dict[str, Any] = json.loads((HERE.parent / "tests" / "data" / "optima.json").read_text())["layers"]
STUDY: dict[str, Any] = json.loads((HERE.parent / "specs" / "networks" / "resnet-study.json").read_text())

COSTED = ("conv5_2", "conv5_1")
"""Layers of which every tiling is costed; conv2_2 has 66 times as many as conv5_2."""

BOUNDED = (*COSTED, "conv2_2")


def instances() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Name, layer and options."""
    for layer in COSTED:
        for workers in ("1", "2"):
            yield f"{layer}, workers {workers}", layer, ("--workers", workers)
    for layer in BOUNDED:
        yield f"{layer}, bounds", layer, ("--bound",)


def check(layer: str, options: tuple[str, ...], found: dict[str, Any]) -> None:
    """Compare what was found with what is known."""
    known = KNOWN[layer]
    assert found["status"] == "optimal", found["status"]
    assert found["objective_value"] == known["min_edp"], found["objective_value"]
    if "--bound" not in options:
        assert found["evaluated"] == known["tilings_that_fit"], found["evaluated"]


def measure(name: str, layer: str, options: tuple[str, ...], repeats: int) -> dict[str, Any]:
    (chosen,) = (one for one in STUDY["layers"] if one["name"] == layer)
    document = spec({"layers": [chosen]}, "edp")
    runs = [run(document, "enumerate", *options) for _ in range(repeats)]
    for _, _, result in runs:
        check(layer, options, result["layers"][0])
    (found,) = runs[0][2]["layers"]
    row = {
        "instance": name,
        "wall_s": round(statistics.median(wall for wall, _, _ in runs), 2),
        "search_s": round(statistics.median(result["layers"][0]["wall_s"] for _, _, result in runs), 2),
        "tilings_that_fit": KNOWN[layer]["tilings_that_fit"],
        "evaluated": found["evaluated"],
        "pruned_by_bound": found["pruned_by_bound"],
        "pruned_by_capacity": found["statistics"]["pruned_by_capacity"],
        "peak_mb": round(max(memory for _, memory, _ in runs)),
    }
    print(json.dumps(row), flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="instances whose name contains this")
    options = parser.parse_args()
    before = machine()
    record = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": before,
        "versions": versions("numpy"),
        "repeats": options.repeats,
        "instances": [measure(*one, options.repeats) for one in instances() if options.only in one[0]],
    }
    append_result(RESULTS / "enumeration.jsonl", record)


if __name__ == "__main__":
    main()
