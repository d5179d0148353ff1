"""The proved optima of a network on a hierarchy, each executed word by word and held against the model's counts.

    python benchmarks/executed_optima.py [--network NAME] [--machine NAME] [--objective NAME]

Every distinct layer is solved, its best mapping scaled down as `execute --shrink` does (loop orders, what is kept,
which loops iterate and which tensors stay are the same), run on integer tensors, and every count compared. Ends with 1
when an optimum is not proved or an execution disagrees. Appends one JSON line to results/executed_optima.jsonl.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from common import RESULTS, append_result, machine, versions
from dmaze.model import Spec
from dmaze.model.evaluating import load_request
from dmaze.model.execution.agreement.requested_execution import executed_request
from dmaze.model.execution.agreement.shrinking import MOST_MACS
from dmaze.solver import solve


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="resnet18")
    parser.add_argument("--machine", default="eyeriss-168")
    parser.add_argument("--objective", default="edp")
    given = parser.parse_args()
    spec = {"architecture": given.machine, "workload": given.network, "objective": given.objective}
    started = time.perf_counter()
    result = solve(Spec.model_validate(spec)).model_dump(mode="json")
    rows = [confirmed(result["architecture"], layer) for layer in result["layers"] if layer["same_as"] is None]
    for row in rows:
        print(row)
    record = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        **vars(given),
        "layers": rows,
        "seconds": round(time.perf_counter() - started, 1),
        "on": machine(),
        "versions": versions("numpy"),
    }
    append_result(RESULTS / "executed_optima.jsonl", record)
    return 0 if all(row["status"] == "optimal" and row["output_equals"] and row["agrees"] for row in rows) else 1


def confirmed(architecture: dict[str, Any], layer: dict[str, Any]) -> dict[str, Any]:
    """What an execution says of a layer's best mapping."""
    best = layer["solutions"][0]["mapping"]
    request = {"architecture": architecture, "layer": layer["layer"], "mappings": [best]}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "request.json"
        path.write_text(json.dumps(request), encoding="utf-8")
        (execution,) = executed_request(load_request(path), shrink_to=MOST_MACS).executions
    counts = execution.counts.model_dump()
    shrunk = execution.shrunk
    return {
        "layer": layer["name"],
        "status": layer["status"],
        "macs": None if shrunk is None else shrunk.macs.now,
        "lost": [] if shrunk is None else list(shrunk.lost),
        "counts": sum(len(words) for kind in counts.values() for part in kind.values() for words in part.values()),
        "output_equals": execution.output_equals,
        "agrees": execution.agrees,
    }


if __name__ == "__main__":
    raise SystemExit(main())
