"""What the best choice of mappings for a whole network gains over layers that are optimal by themselves.

    python benchmarks/network_optimum.py [--networks NAME ...] [--verify]

Each network is solved by the command ``dmaze-solve SPEC --network edp`` on ``dmazerunner-256pe``, cold, then with
``--max-cycles`` 5 % above its fewest cycles. Appends one JSON line for each to results/network_optimum.jsonl: the
totals, the bound, what is gained over the layers' own optima, and processor time. ``--verify`` has the first result
checked by ``dmaze-solve verify``, too, which takes some minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from common import RESULTS, append_result, machine, versions

COMMAND = str(Path(sys.executable).with_name("dmaze-solve"))
NETWORKS = ("resnet18", "mobilenetv2")
ARCHITECTURE = "dmazerunner-256pe"
ROOM = 1.05
"""Most cycles of the second goal, times the fewest that are possible."""


def run(*arguments: str) -> tuple[dict[str, Any], dict[str, float]]:
    """The document that a command prints, and its elapsed and processor seconds."""
    before, started = os.times(), time.perf_counter()
    text = subprocess.run([COMMAND, *arguments, "--json"], stdout=subprocess.PIPE, check=True).stdout
    after = os.times()
    busy = after.children_user + after.children_system - before.children_user - before.children_system
    return json.loads(text), {"cpu_s": round(busy, 1), "wall_s": round(time.perf_counter() - started, 1)}


def figures(document: dict[str, Any], times: dict[str, float]) -> dict[str, Any]:
    """What is kept of a network's optimum: a gain is the part of the objective that is saved."""
    keys = ("goal", "status", "objective_value", "bound", "gap", "pj_per_cycle", "total")
    metric = {"edp": "edp", "energy": "energy_pj", "latency": "cycles"}[document["goal"]["objective"]]
    others = {
        other["objective"]: {
            **{name: other[name] for name in ("energy_pj", "cycles", "edp", "within_limits")},
            "gain": round(1 - document["total"][metric] / other[metric], 6),
        }
        for other in document["layer_by_layer"]
    }
    points = [len(front["points"]) for front in document["fronts"] if front["same_as"] is None]
    return {
        **{key: document[key] for key in keys},
        "layer_by_layer": others,
        "distinct_layers": len(points),
        "points": sum(points),
        **times,
    }


def measured(network: str, folder: Path, *, verify: bool) -> dict[str, Any]:
    """Both goals for one network, and what becomes of checking the first."""
    spec, result = folder / "spec.json", folder / "network.json"
    spec.write_text(json.dumps({"architecture": ARCHITECTURE, "workload": network}), encoding="utf-8")
    document, times = run(str(spec), "--network", "edp", "--out", str(result))
    found: dict[str, Any] = {"edp": figures(document, times)}
    fewest = next(other["cycles"] for other in document["layer_by_layer"] if other["objective"] == "latency")
    found["within_cycles"] = figures(*run(str(spec), "--max-cycles", str(int(fewest * ROOM))))
    if verify:
        checked, times = run("verify", str(result))
        refuted = sum(layer["steps_refuted"] for layer in checked["layers"])
        keys = ("holds", "complete", "bound")
        found["verified"] = {**{key: checked[key] for key in keys}, "steps_refuted": refuted, **times}
    return found


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=NETWORKS, metavar="NAME")
    parser.add_argument("--verify", action="store_true")
    options = parser.parse_args(given)
    for network in options.networks:
        before = machine()
        with tempfile.TemporaryDirectory() as folder:
            found = measured(network, Path(folder), verify=options.verify)
        record = {
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "machine": before,
            "versions": versions("ortools", "numpy"),
            "network": network,
            "architecture": ARCHITECTURE,
            **found,
        }
        print(json.dumps(record), flush=True)
        append_result(RESULTS / "network_optimum.jsonl", record)


if __name__ == "__main__":
    main()
