"""How long ``dmaze.solver.tile`` takes for small nests in a process that has imported it.

``python benchmarks/tile_call.py`` prints a table and appends one line to ``results/tile_call.jsonl``; the protocol is
in ``README.md`` beside this file.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from common import RESULTS, append_result, machine, versions
from dmaze.model import Conv2d, Gemm, LoopNest, Machine
from dmaze.model.objectives import OBJECTIVES
from dmaze.model.reading.loading import resolve_architecture
from dmaze.solver import tile

SCRATCHPAD = Machine.model_validate(
    {
        "name": "scratchpad-16x16",
        "bytes_per_element": {"output": 4, "*": 1},
        "mac_pj": 0.3,
        "nodes": [
            {"storage": "DRAM", "read_pj": 100, "write_pj": 100, "bandwidth": 8},
            {"storage": "SP", "capacity_bytes": 65536, "buffers": 2, "keep": "must", "read_pj": 5, "write_pj": 5},
            {"fanout": "PE", "size": 256},
        ],
    }
)
"""DRAM, a scratchpad that keeps everything, and an array: what many compilers tile for."""
CORE = Machine.model_validate(
    {
        "name": "two-caches",
        "bytes_per_element": 4,
        "nodes": [
            {"storage": "DRAM", "read_pj": 640, "write_pj": 640, "bandwidth": 2},
            {"storage": "L2", "capacity_bytes": 262144, "read_pj": 20, "write_pj": 20, "bandwidth": 8},
            {"storage": "L1", "capacity_bytes": 16384, "read_pj": 4, "write_pj": 4, "bandwidth": 16},
        ],
    }
)
"""The core of ``examples/c-tiling``: which cache keeps what is free."""
ARRAY, DEEP = "gemmini-16x16", "eyeriss-168"
"""Built-in machines: three memories below DRAM, and four; the deep one gets no convolution, which takes it longer."""
TARGET_MS = 100


@dataclass(frozen=True)
class Call:
    """Milliseconds of one call, elapsed and of the processor: medians over the repeats, and the least."""

    nest: str
    machine: str
    objective: str
    wall_ms: float
    cpu_ms: float
    least_wall_ms: float
    least_cpu_ms: float
    proved: bool


def nests() -> Iterator[tuple[str, LoopNest]]:
    """Small nests by name."""
    for m, n, k in ((16, 16, 16), (64, 64, 64), (1, 256, 512)):
        yield f"gemm {m} x {n} x {k}", Gemm(type="gemm", name="product", m=m, n=n, k=k).loop_nest()
    sizes: dict[str, Any] = {"in_height": 8, "in_width": 8, "kernel_height": 3, "kernel_width": 3, "padding": 1}
    conv = Conv2d(type="conv2d", name="conv", batch=1, out_channels=16, in_channels=16, **sizes)
    yield "conv 16 x 16, 8 x 8, 3 x 3", conv.loop_nest()


def measured(repeats: int) -> Iterator[Call]:
    """Every nest on every machine for every objective."""
    array, deep = resolve_architecture(ARRAY, Path()), resolve_architecture(DEEP, Path())
    assert isinstance(array, Machine)
    assert isinstance(deep, Machine)
    for name, nest in nests():
        for target in (SCRATCHPAD, CORE, array, *([deep] if name.startswith("gemm") else [])):
            for objective in OBJECTIVES:
                found = tile(nest, target, objective)
                assert found is not None
                walls: list[float] = []
                cpus: list[float] = []
                for _ in range(repeats):
                    wall, cpu = time.perf_counter(), time.process_time()
                    tile(nest, target, objective)
                    walls.append(1e3 * (time.perf_counter() - wall))
                    cpus.append(1e3 * (time.process_time() - cpu))
                medians = statistics.median(walls), statistics.median(cpus)
                times = (round(time_ms, 1) for time_ms in (*medians, min(walls), min(cpus)))
                yield Call(name, target.name, objective, *times, found.proved)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7, help="calls per figure, of which the median is taken")
    parser.add_argument("--results", type=Path, default=RESULTS / "tile_call.jsonl", help="file to append to")
    options = parser.parse_args()
    before = {"date": datetime.now(timezone.utc).isoformat(timespec="seconds"), "machine": machine()}
    print(
        f"{'nest':<28}{'machine':<18}{'objective':<10}{'wall ms':>9}{'CPU ms':>9}{'least':>9}{'least CPU':>11}  proved"
    )
    calls: list[Call] = []
    for c in measured(options.repeats):
        calls.append(c)
        print(
            f"{c.nest:<28}{c.machine:<18}{c.objective:<10}{c.wall_ms:>9.1f}{c.cpu_ms:>9.1f}{c.least_wall_ms:>9.1f}"
            f"{c.least_cpu_ms:>11.1f}  {c.proved}",
            flush=True,
        )
    line = {
        **before,
        "versions": versions("numpy"),
        "repeats": options.repeats,
        "target_ms": TARGET_MS,
        "calls": [asdict(c) for c in calls],
    }
    append_result(options.results, line)


if __name__ == "__main__":
    main()
