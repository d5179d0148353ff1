"""How far what timeloop-mapper found is from the proved optimum, counted alike, and how long the proof takes.

    python benchmarks/timeloop_mapper_gap.py [--repeats N] [--only TEXT]

See README.md. What it found is costed by our model first, which must give its figures. Appends one JSON line to
results/timeloop_mapper_gap.jsonl; ends with status 1 where figures differ, or an optimum is not proved.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from common import RESULTS, append_result, machine, run_command, versions
from dmaze.model.evaluating import EvaluateRequest, evaluate
from dmaze.model.reading.builtin_data import builtin_path

LIMIT_S = 280.0
"""For each search; the command is cut after it."""


def storage(name: str, read_pj: float, write_pj: float, **fields: Any) -> dict[str, Any]:
    return {"storage": name, "read_pj": read_pj, "write_pj": write_pj, **fields}


SPM_RF: dict[str, Any] = {
    "name": "spm-rf",
    "bytes_per_element": 2,
    "mac_pj": 0.075,
    "nodes": [
        storage("DRAM", 200, 200, read_bandwidth=8, write_bandwidth=8),
        storage("SPM", 13.5, 13.5, capacity_bytes=65536, keep="must", read_bandwidth=64, write_bandwidth=64),
        {"fanout": "X", "size": 16},
        {"fanout": "Y", "size": 16},
        storage("RF", 0.96, 0.96, capacity_bytes=512, keep="must", read_bandwidth=4, write_bandwidth=4),
    ],
}
INPUT, WEIGHTS, OUTPUT = {"read1": "must"}, {"read2": "must"}, {"output": "must"}
NONE = {"*": "never"}
SIMBA: dict[str, Any] = {
    "name": "simba",
    "bytes_per_element": 2,
    "mac_pj": 0.5,
    "nodes": [
        storage("DRAM", 128, 128, read_bandwidth=16, write_bandwidth=16),
        storage("GLB", 4, 5, capacity_bytes=131072, keep=INPUT | OUTPUT | NONE, bandwidth=64),
        {"fanout": "PE", "size": 16},
        storage("IBUF", 2, 2, capacity_bytes=16384, keep=INPUT | NONE, read_bandwidth=16, write_bandwidth=16),
        storage("WBUF", 2.25, 2.25, capacity_bytes=32768, keep=WEIGHTS | NONE, read_bandwidth=64, write_bandwidth=16),
        storage("ABUF", 1.5, 1.75, capacity_bytes=2048, keep=OUTPUT | NONE, read_bandwidth=16, write_bandwidth=16),
        {"fanout": "X", "size": 8},
        {"fanout": "Y", "size": 8},
        storage("REG", 0.25, 0.25, capacity_bytes=2, keep=WEIGHTS | NONE),
    ],
}
GEMM1024 = {"type": "gemm", "name": "gemm1024", "m": 1024, "n": 1024, "k": 1024}
CONV3_2 = {
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


@dataclass(frozen=True)
class Instance:
    """A problem, and what was found in ``seconds`` of ``threads`` threads, with the energy and the time stated for it.

    ``first_fills_pj``: energy of fills that our accounting does not count.
    """

    name: str
    spec: dict[str, Any]
    seconds: float
    threads: int
    energy_pj: float
    cycles: int
    mapping: dict[str, Any]
    first_fills_pj: float = 0.0


def problem(architecture: dict[str, Any], layer: dict[str, Any]) -> dict[str, Any]:
    return {
        "architecture": architecture,
        "accounting": "timeloop",
        "workload": {"layers": [layer]},
        "objective": "edp",
        "solver": {"backend": "shortest-path", "time_limit_s": LIMIT_S, "top_k": 1},
    }


def instances() -> list[Instance]:
    published = json.loads(builtin_path("examples", "alexnet-conv1-published").read_text(encoding="utf-8"))
    return [
        Instance(
            name="AlexNet conv1, exhaustive",
            spec=published | {"solver": {"time_limit_s": LIMIT_S, "top_k": 1}},
            seconds=35_647.7,
            threads=24,
            energy_pj=423.36e6,
            cycles=1_098_075,
            mapping={
                "tiling": {
                    "M": {"PE": 64},
                    "C": {"LocalBuffer": 3},
                    "Ox": {"DRAM": 55},
                    "Oy": {"LocalBuffer": 55},
                    "Fx": {"LocalBuffer": 11},
                    "Fy": {"LocalBuffer": 11},
                }
            },
            first_fills_pj=64 * math.ceil(3025 / 8) * 9.8608 + math.ceil(193_600 / 32) * 66.2387,
        ),
        Instance(
            name="conv3_2 spm-rf, random-pruned",
            spec=problem(SPM_RF, CONV3_2),
            seconds=60.3,
            threads=1,
            energy_pj=4126779310.08,
            cycles=2_408_448,
            mapping={
                "tiling": {
                    "N": {"RF": 2, "DRAM": 2},
                    "M": {"RF": 2, "Y": 16, "DRAM": 4},
                    "C": {"RF": 2, "X": 2, "SPM": 4, "DRAM": 8},
                    "Ox": {"DRAM": 28},
                    "Oy": {"RF": 7, "X": 2, "DRAM": 2},
                    "Fx": {"X": 3},
                    "Fy": {"RF": 3},
                },
                "orders": {"DRAM": ["C", "Oy", "N", "M", "Ox"]},
            },
        ),
        Instance(
            name="gemm1024 simba, random-pruned",
            spec=problem(SIMBA, GEMM1024),
            seconds=60.1,
            threads=1,
            energy_pj=5119148032.0,
            cycles=4_194_304,
            mapping={
                "tiling": {
                    "M": {"REG": 8, "IBUF": 8, "PE": 2, "DRAM": 8},
                    "N": {"X": 4, "WBUF": 16, "GLB": 4, "DRAM": 4},
                    "K": {"Y": 4, "IBUF": 2, "PE": 8, "GLB": 4, "DRAM": 4},
                },
                "orders": {"IBUF": ["K", "M"], "GLB": ["K", "N"], "DRAM": ["M", "N", "K"]},
            },
        ),
        Instance(
            name="gemm1024 spm-rf, random-pruned",
            spec=problem(SPM_RF, GEMM1024),
            seconds=60.0,
            threads=1,
            energy_pj=10029587496.96,
            cycles=4_194_304,
            mapping={
                "tiling": {
                    "M": {"RF": 2, "SPM": 32, "DRAM": 16},
                    "N": {"RF": 8, "Y": 16, "DRAM": 8},
                    "K": {"RF": 8, "X": 16, "DRAM": 8},
                },
                "orders": {"DRAM": ["K", "N", "M"]},
            },
        ),
    ]


def found_value(instance: Instance) -> tuple[float, bool]:
    """The EDP of what was found by our model, and whether its energy and time are those that were stated for it."""
    request = {"architecture": instance.spec["architecture"], "accounting": "timeloop", "mappings": [instance.mapping]}
    layer = instance.spec["workload"]["layers"][0]
    (cost,) = evaluate(EvaluateRequest.model_validate(request | {"layer": layer})).costs
    stated = math.isclose(cost.energy_pj + instance.first_fills_pj, instance.energy_pj, rel_tol=2e-5)
    return cost.edp, stated and cost.cycles == instance.cycles


def measure(instance: Instance, repeats: int) -> dict[str, Any]:
    runs = [run_command(instance.spec) for _ in range(repeats)]
    layer, (found, agrees) = runs[-1].document["layers"][0], found_value(instance)
    best = layer["solutions"][0]["cost"] if layer["solutions"] else {"energy_pj": None, "cycles": None}
    row = {
        "instance": instance.name,
        "found_s": instance.seconds,
        "found_threads": instance.threads,
        "found_edp": found,
        "found_costs_as_stated": agrees,
        "status": layer["status"],
        "gap": layer["gap"],
        "optimum_edp": layer["objective_value"],
        "energy_pj": best["energy_pj"],
        "cycles": best["cycles"],
        "found_over_bound": found / layer["bound"] if layer["bound"] else None,
        "cpu_s": round(statistics.median(one.cpu_s for one in runs), 2),
        "wall_s": round(statistics.median(one.wall_s for one in runs), 2),
        "peak_mb": round(max(one.peak_mb for one in runs)),
    }
    print(json.dumps(row), flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="instances whose name contains this")
    parser.add_argument("--results", type=Path, default=RESULTS / "timeloop_mapper_gap.jsonl")
    options = parser.parse_args()
    before = machine()
    rows = [measure(instance, options.repeats) for instance in instances() if options.only in instance.name]
    record = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": before,
        "versions": versions("numpy"),
        "repeats": options.repeats,
        "instances": rows,
    }
    append_result(options.results, record)
    sys.exit(0 if all(row["status"] == "optimal" and row["found_costs_as_stated"] for row in rows) else 1)


if __name__ == "__main__":
    main()
