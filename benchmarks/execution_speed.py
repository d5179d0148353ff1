"""How long an execution of a million multiply-accumulates takes, and in how much memory.

``python benchmarks/execution_speed.py`` prints a table and appends one line to ``results/execution_speed.jsonl``; the
protocol is in ``README.md`` beside this file.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from common import RESULTS, append_result, machine, versions
from dmaze.model.execution.agreement.execution_differences import execution_differences
from dmaze.model.execution.executing import execute
from dmaze.model.hierarchy.exact.exact_cost import hierarchy_cost
from dmaze.model.hierarchy.from_architecture import machine_of
from dmaze.model.hierarchy.level_mapping import LevelMappingDocument, level_mapping
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.hierarchy.resolved_machine import resolved_machine
from dmaze.model.layers.convolution import Conv2d
from dmaze.model.layers.general import LoopNestLayer
from dmaze.model.layers.products import Gemm
from dmaze.model.loop_nest import LoopNest
from dmaze.model.reading.loading import resolve_architecture
from model_speed import peak_memory_mib

LIMIT_S = 30
"""What an execution of a million multiply-accumulates may take on one core."""

CONV = Conv2d.model_validate(
    {
        "type": "conv2d",
        "name": "conv",
        "batch": 1,
        "out_channels": 32,
        "in_channels": 16,
        "in_height": 16,
        "in_width": 16,
        "kernel_height": 3,
        "kernel_width": 3,
        "padding": 1,
    }
).loop_nest()
GEMM = Gemm.model_validate({"type": "gemm", "name": "gemm", "m": 128, "n": 64, "k": 128}).loop_nest()
LONG = Gemm.model_validate({"type": "gemm", "name": "long", "m": 2, "n": 1, "k": 1 << 19}).loop_nest()
TRANSPOSED = LoopNestLayer.model_validate(
    {
        "type": "loop_nest",
        "name": "transposed",
        "bounds": {"M": 16, "C": 16, "x": 32, "y": 16, "fx": 3, "fy": 3},
        "tensors": [
            {"name": "I", "index": ["C", "x", "y"]},
            {"name": "W", "index": ["M", "C", "fx", "fy"]},
            {"name": "O", "index": ["M", "2*x + fx", "2*y + fy"], "output": True},
        ],
    }
).loop_nest()


@dataclass(frozen=True)
class Instance:
    """A mapping to be executed."""

    name: str
    machine: str
    nest: LoopNest
    tiling: dict[str, dict[str, int]]
    orders: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Duration:
    """Seconds of processor time that an execution takes: the median over the repeats."""

    instance: str
    machine: str
    macs: int
    seconds: float


INSTANCES = (
    Instance(
        "conv",
        "simba-chiplet",
        CONV,
        {
            "M": {"PE": 4, "LANE": 8},
            "C": {"VEC": 8, "PE": 2},
            "Ox": {"GLB": 4, "IBUF": 4},
            "Oy": {"GLB": 4, "ACC": 4},
            "Fx": {"WBUF": 3},
            "Fy": {"WBUF": 3},
        },
        {},
    ),
    Instance(
        "gemm",
        "simba-chiplet",
        GEMM,
        {
            "M": {"DRAM": 8, "PE": 4, "GLB": 4},
            "K": {"VEC": 8, "GLB": 8, "WBUF": 2},
            "N": {"LANE": 8, "ACC": 8},
        },
        {},
    ),
    Instance(
        "conv",
        "eyeriss-168",
        CONV,
        {
            "M": {"DRAM": 4, "PSUM": 8},
            "C": {"GLB": 4, "FILTER": 4},
            "Ox": {"GLB": 8, "X": 2},
            "Oy": {"X": 4, "DRAM": 4},
            "Fx": {"Y": 3},
            "Fy": {"IFMAP": 3},
        },
        {},
    ),
    Instance(
        "gemm",
        "eyeriss-168",
        GEMM,
        {
            "M": {"X": 8, "GLB": 16},
            "K": {"Y": 8, "GLB": 4, "FILTER": 4},
            "N": {"PSUM": 16, "DRAM": 4},
        },
        {},
    ),
    Instance(
        "conv on one PE, tiles of one word",
        "dmazerunner-256pe",
        CONV,
        {
            "M": {"DRAM": 4, "SPM": 8},
            "C": {"DRAM": 2, "SPM": 8},
            "Ox": {"DRAM": 4, "SPM": 4},
            "Oy": {"DRAM": 4, "SPM": 4},
            "Fx": {"SPM": 3},
            "Fy": {"SPM": 3},
        },
        {"SPM": ("Fx", "Fy", "C", "Ox", "M"), "DRAM": ("C", "M")},
    ),
    Instance(
        "transposed conv on one PE, tiles of one word",
        "dmazerunner-256pe",
        TRANSPOSED,
        {dim: {"SPM": bound} for dim, bound in zip(TRANSPOSED.dims, TRANSPOSED.bounds, strict=True)},
        {"SPM": ("C", "fx", "fy", "M", "x", "y")},
    ),
    Instance(
        "two sums of 524,288 products, swapped at every step",
        "dmazerunner-256pe",
        LONG,
        {"M": {"SPM": 2}, "K": {"SPM": 1 << 19}},
        {"SPM": ("K", "M")},
    ),
)
"""A convolution and a product on real machines, and hard ones: a single PE, sums that are swapped at every step."""


def as_hierarchy(name: str) -> Machine:
    """A built-in machine."""
    found = resolve_architecture(name, Path())
    return found if isinstance(found, Machine) else machine_of(found)


def measure(repeats: int) -> list[Duration]:
    """The duration of every instance; each execution is also held against the model."""
    found: list[Duration] = []
    for instance in INSTANCES:
        accelerator = resolved_machine(as_hierarchy(instance.machine), instance.nest)
        document = LevelMappingDocument(tiling=instance.tiling, orders=instance.orders)
        mapping = level_mapping(instance.nest, accelerator, document)
        seconds: list[float] = []
        for _ in range(repeats):
            start = time.process_time()
            execution = execute(instance.nest, accelerator, mapping)
            seconds.append(time.process_time() - start)
            cost = hierarchy_cost(instance.nest, accelerator, mapping)
            if not execution.is_sound or execution_differences(instance.nest, accelerator, cost, execution.cost):
                raise SystemExit(f"{instance.name} on {instance.machine}: the execution and the model disagree")
        macs, median = instance.nest.num_macs, round(statistics.median(seconds), 3)
        found.append(Duration(instance.name, instance.machine, macs, median))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, help="executions per figure, of which the median is taken")
    parser.add_argument("--results", type=Path, default=RESULTS / "execution_speed.jsonl", help="file to append to")
    options = parser.parse_args()
    before = {"date": datetime.now(timezone.utc).isoformat(timespec="seconds"), "machine": machine()}
    durations = measure(options.repeats)
    peak = peak_memory_mib()
    print(f"{'instance':<54}{'machine':<20}{'MACs':>11}{'seconds':>9}   of {LIMIT_S}")
    for d in durations:
        print(f"{d.instance:<54}{d.machine:<20}{d.macs:>11,}{d.seconds:>9}")
    print(f"peak memory {peak} MiB")
    line = {
        **before,
        "versions": versions("numpy"),
        "repeats": options.repeats,
        "limit_s": LIMIT_S,
        "durations": [asdict(d) for d in durations],
        "peak_memory_mib": peak,
    }
    append_result(options.results, line)


if __name__ == "__main__":
    main()
