"""Wall time of the whole command, cold start, until the optimum is proved.

    python benchmarks/proof_times.py [--repeats N] [--only NAME]

Each instance is a spec run as a user runs it, in a process of its own; the median wall time over the repeats is kept,
with the slowest layer, the peak memory and whether every layer was proved. For the study's layers the published
auto-pruned search is repeated on the same model for comparison. Appends one JSON line to results/proof_times.jsonl.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from common import RESULTS, append_result, machine, run_command, versions

PUBLISHED_TILINGS_PER_S = 1800
"""What the published implementation scores on two cores (``docs/model.md`` section 6)."""

REFERENCE: dict[str, Any] = {
    "name": "dmazerunner-256pe",
    "pes": 256,
    "rf_bytes_per_pe": 512,
    "spm": {"banks": 32, "bytes_per_bank": 2048},
    "bytes_per_element": 2,
    "clock_mhz": 500,
    "dma": {"init_cycles": 291, "cycles_per_byte": 0.24, "clock_mhz": 3200},
    "access_energy_pj": {"rf": 0.96, "noc": 2, "spm": 13.5, "dram": 200, "mac": 0.075},
}

CONV3_2: dict[str, Any] = {
    "type": "conv2d",
    "name": "conv3_2",
    "batch": 4,
    "out_channels": 128,
    "in_channels": 128,
    "in_height": 28,
    "in_width": 28,
    "kernel_height": 3,
    "kernel_width": 3,
    "padding": 1,
}

OBJECTIVES = ("edp", "energy", "latency")


def gemm(m: int, n: int, k: int) -> dict[str, Any]:
    return {"type": "gemm", "name": f"gemm_{m}_{n}_{k}", "m": m, "n": n, "k": k}


def spec(workload: Any, objective: str, **architecture: Any) -> dict[str, Any]:
    return {
        "architecture": {**REFERENCE, **architecture},
        "workload": workload,
        "objective": objective,
        "solver": {"time_limit_s": 120, "workers": 2},
    }


def instances() -> Iterator[tuple[str, dict[str, Any]]]:
    for objective in OBJECTIVES:
        yield f"resnet-study {objective}", spec("resnet-study", objective)
    for network in ("resnet18", "mobilenetv2", "resnet50", "vgg16"):
        yield f"{network} edp", spec(network, "edp")
    for objective in OBJECTIVES:
        yield f"gemm 1000^3 {objective}", spec({"layers": [gemm(1000, 1000, 1000)]}, objective)
        yield f"gemm 4096x14336x4096 {objective}", spec({"layers": [gemm(4096, 14336, 4096)]}, objective)
    yield from larger_machines()


def larger_machines() -> Iterator[tuple[str, dict[str, Any]]]:
    """How time grows with PEs, register files, SPM, element size, batch and bounds; EDP."""
    changes: dict[str, dict[str, Any]] = {
        "1024 PEs": {"pes": 1024},
        "16384 PEs": {"pes": 16384},
        "RF 2 KiB": {"rf_bytes_per_pe": 2048},
        "SPM 4 MiB": {"spm": {"banks": 64, "bytes_per_bank": 65536}},
        "1-byte data": {"bytes_per_element": 1},
        "all of these": {
            "pes": 16384,
            "rf_bytes_per_pe": 2048,
            "spm": {"banks": 64, "bytes_per_bank": 65536},
            "bytes_per_element": 1,
        },
    }
    for name, change in changes.items():
        for layer in (CONV3_2, gemm(4096, 4096, 4096)):
            yield f"{layer['name']}, {name}", spec({"layers": [layer]}, "edp", **change)
    for batch in (1, 16, 64):
        yield f"conv3_2, batch {batch}", spec({"layers": [{**CONV3_2, "batch": batch}]}, "edp")
    for size in (256, 1024, 4096, 16384):
        yield f"gemm {size}^3", spec({"layers": [gemm(size, size, size)]}, "edp")


def measure(name: str, document: dict[str, Any], repeats: int) -> dict[str, Any]:
    runs = [run_command(document) for _ in range(repeats)]
    middle = sorted(runs, key=lambda one: one.wall_s)[len(runs) // 2]
    layers = [layer for layer in middle.document["layers"] if layer["same_as"] is None]
    row: dict[str, Any] = {
        "instance": name,
        "wall_s": round(statistics.median(one.wall_s for one in runs), 2),
        "slowest_layer_s": round(max(layer["wall_s"] for layer in layers), 2),
        "distinct_layers": len(layers),
        "proved": sum(layer["status"] == "optimal" for layer in layers),
        "largest_gap": max((layer["gap"] or 0.0) for layer in layers),
        "peak_mb": round(max(one.peak_mb for one in runs)),
    }
    print(json.dumps(row), flush=True)
    return row | {"layers": {layer["name"]: [layer["objective_value"], round(layer["wall_s"], 2)] for layer in layers}}


def published_search(proved: dict[str, list[float]]) -> list[dict[str, Any]]:
    """The published pruned search of the study's layers on our model: methods, its time there, its loss."""
    document = spec("resnet-study", "edp") | {"constraints": {"preset": "dmazerunner-auto"}}
    document["solver"] = {"backend": "exhaustive", "time_limit_s": 120}
    rows: list[dict[str, Any]] = []
    for layer in run_command(document).document["layers"]:
        best, seconds = proved[layer["name"]]
        row = {
            "layer": layer["name"],
            "published_methods": layer["evaluated"],
            "published_s": round(layer["evaluated"] / PUBLISHED_TILINGS_PER_S, 1),
            "published_loss": round(layer["objective_value"] / best - 1, 5),
            "our_proof_s": seconds,
        }
        print(json.dumps(row), flush=True)
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="instances whose name contains this")
    options = parser.parse_args()
    before = machine()
    rows = [measure(name, doc, options.repeats) for name, doc in instances() if options.only in name]
    study = [row["layers"] for row in rows if row["instance"] == "resnet-study edp"]
    record = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": before,
        "versions": versions("ortools", "numpy"),
        "repeats": options.repeats,
        "instances": rows,
        "published": published_search(study[0]) if study else [],
    }
    append_result(RESULTS / "proof_times.jsonl", record)


if __name__ == "__main__":
    main()
