"""Time of the whole command, cold start, until the optimum on a hierarchy is proved.

    python benchmarks/hierarchy_proofs.py [--repeats N] [--only TEXT] [--time-limit S]

Real layers on every built-in machine, each objective: a command of its own for each, as a user runs it, on one core.
Kept are the medians of its processor time and of its elapsed time, the peak memory and the gap. Whole networks follow.
Appends one JSON line to results/hierarchy_proofs.jsonl.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from common import RESULTS, Run, append_result, machine, run_command, versions

MACHINES = ("dmazerunner-256pe", "eyeriss-168", "simba-chiplet", "tpu-v1", "gemmini-16x16", "gpu-4level")
OBJECTIVES = ("energy", "latency", "edp")
NETWORKS = (("resnet18", "eyeriss-168"), ("bert-base-uncased", "tpu-v1"), ("llama-3-8b-prefill-2048", "tpu-v1"))


def convolution(
    name: str, out: int, into: int, size: int, kernel: int, stride: int = 1, batch: int = 4
) -> dict[str, Any]:
    return {
        "type": "conv2d",
        "name": name,
        "batch": batch,
        "out_channels": out,
        "in_channels": into,
        "in_height": size,
        "in_width": size,
        "kernel_height": kernel,
        "kernel_width": kernel,
        "stride": stride,
        "padding": kernel // 2,
    }


LAYERS: tuple[dict[str, Any], ...] = (
    convolution("conv1", 64, 3, 224, 7, stride=2),
    convolution("conv2_2", 64, 64, 56, 3),
    convolution("conv3_2", 128, 128, 28, 3),
    convolution("conv5_2", 512, 512, 7, 3),
    convolution("vgg224", 64, 64, 224, 3, batch=1),
    {"type": "gemm", "name": "gemm1000", "m": 1000, "n": 1000, "k": 1000},
    {"type": "gemm", "name": "gemm4096", "m": 4096, "n": 14336, "k": 2048},
    {"type": "gemm", "name": "attention", "batch": 32, "m": 2048, "n": 2048, "k": 128},
    {"type": "gemm", "name": "gemv", "m": 1, "n": 14336, "k": 4096},
)


def instances() -> Iterator[tuple[str, Any, str, str]]:
    """Name, workload, machine and objective."""
    for layer in LAYERS:
        for name in MACHINES:
            for objective in OBJECTIVES:
                yield f"{layer['name']} {name} {objective}", {"layers": [layer]}, name, objective
    for network, name in NETWORKS:
        yield f"{network} {name} edp", network, name, "edp"


def run(workload: Any, name: str, objective: str, limit_s: float) -> Run:
    """One command."""
    document = {
        "architecture": name,
        "cost_model": "hierarchy",
        "workload": workload,
        "objective": objective,
        "solver": {"backend": "shortest-path", "time_limit_s": limit_s, "workers": 1},
    }
    return run_command(document)


def measure(name: str, workload: Any, of: str, objective: str, options: argparse.Namespace) -> dict[str, Any]:
    runs = [run(workload, of, objective, options.time_limit) for _ in range(options.repeats)]
    layers = [layer for layer in runs[-1].document["layers"] if layer["same_as"] is None]
    row: dict[str, Any] = {
        "instance": name,
        "cpu_s": round(statistics.median(one.cpu_s for one in runs), 2),
        "wall_s": round(statistics.median(one.wall_s for one in runs), 2),
        "peak_mb": round(max(one.peak_mb for one in runs)),
        "layers": len(layers),
        "proved": sum(layer["status"] == "optimal" for layer in layers),
        "largest_gap": max(1.0 if layer["gap"] is None else layer["gap"] for layer in layers),
        "objective_value": layers[0]["objective_value"] if len(layers) == 1 else runs[-1].document["total"][objective],
    }
    print(json.dumps(row), flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="instances whose name contains this")
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds for each layer")
    options = parser.parse_args()
    before = machine()
    rows = [measure(name, *rest, options) for name, *rest in instances() if options.only in name]
    record = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": before,
        "versions": versions("numpy"),
        "repeats": options.repeats,
        "time_limit_s": options.time_limit,
        "instances": rows,
    }
    append_result(RESULTS / "hierarchy_proofs.jsonl", record)


if __name__ == "__main__":
    main()
