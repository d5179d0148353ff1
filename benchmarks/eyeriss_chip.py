"""AlexNet's convolutions on the Eyeriss chip: what our model says beside what was measured.

    python benchmarks/eyeriss_chip.py [--results FILE] [--time-limit S]
    python benchmarks/eyeriss_chip.py --tables

Finds the fastest mapping, and that of least EDP, of every layer onto `eyeriss-168`, under the chip's dataflow (row
stationary) as constraints and without, and appends one line to results/eyeriss_chip.jsonl. ``--tables`` prints the
tables of the last line.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from common import RESULTS, append_result, machine, versions
from dmaze.model import Conv2d, LoopNest, Machine
from dmaze.model.hierarchy.constraints.level_constraints import LevelConstraints
from dmaze.model.hierarchy.hierarchy_model import MODEL
from dmaze.model.hierarchy.level_mapping import LevelMappingDocument
from dmaze.model.objectives import Objective
from dmaze.model.reading.loading import resolve_architecture
from dmaze.solver import tile
from published_tables import table

ARCHITECTURE = "eyeriss-168"
CLOCK_MHZ, BATCH = 200, 4
PUBLISHED = {
    "CONV1": (16.5, 154),
    "CONV2": (39.2, 135),
    "CONV3": (21.8, 156),
    "CONV4": (16.0, 156),
    "CONV5": (10.0, 156),
}
"""Processing time in ms and active PEs by layer: Chen et al., JSSC 52(1), 2017, at 200 MHz and batch 4."""
PUBLISHED_DRAM_PER_MAC = 0.0029
"""DRAM accesses of 16 bits for each multiply-accumulate of the five layers, compressed: the paper's abstract."""
SHAPES = {
    "CONV1": {"out_channels": 96, "in_channels": 3, "in_height": 227, "in_width": 231, "kernel": 11, "stride": 4},
    "CONV2": {"out_channels": 256, "in_channels": 96, "in_height": 27, "in_width": 28, "kernel": 5, "padding": 2},
    "CONV3": {"out_channels": 384, "in_channels": 256, "in_height": 13, "in_width": 13, "kernel": 3, "padding": 1},
    "CONV4": {"out_channels": 384, "in_channels": 384, "in_height": 13, "in_width": 13, "kernel": 3, "padding": 1},
    "CONV5": {"out_channels": 256, "in_channels": 384, "in_height": 13, "in_width": 13, "kernel": 3, "padding": 1},
}
GROUPS = {"CONV2": 2, "CONV4": 2, "CONV5": 2}
ROWS = {"CONV1": 55, "CONV2": 27}
"""Rows of the output where they are raised by one, to 56 and 28: the chip's array takes them in strips of 7 and 14."""
OBJECTIVES: tuple[Objective, ...] = ("latency", "edp")

Record = dict[str, Any]


def layer_of(name: str) -> Conv2d:
    """A layer with its raised rows along the second axis."""
    shape = dict(SHAPES[name])
    kernel = shape.pop("kernel")
    kernels = {"kernel_height": kernel, "kernel_width": kernel}
    fields = {**shape, **kernels, "name": name, "batch": BATCH, "groups": GROUPS.get(name, 1)}
    return Conv2d.model_validate({"type": "conv2d", **fields})


def row_stationary(nest: LoopNest) -> LevelConstraints:
    """Rows of filters down a column of PEs, rows of outputs across; a PE slides one filter row along one input row."""
    once = {"IFMAP": 1, "FILTER": 1, "PSUM": 1}
    kernel_rows = nest.bounds[nest.dims.index("Fy")]
    return LevelConstraints.model_validate(
        {
            "dims": {"X": ["Oy", "M"], "Y": ["Fy", "C", "M", "Oy"]},
            "fixed": {
                "Fy": {"Y": kernel_rows},
                "Fx": {"DRAM": 1, "GLB": 1},
                "Oy": once,
                "Ox": {"DRAM": 1, **once},
                "N": once,
            },
            "innermost": {"GLB": "Ox"},
        }
    )


def best(
    name: str, objective: Objective, target: Machine, constraints: LevelConstraints | None, limit_s: float
) -> Record:
    """The best mapping of a layer: time, PEs in use, words to and from DRAM."""
    nest = layer_of(name).loop_nest()
    found = tile(nest, target, objective, constraints=constraints, time_limit_s=limit_s)
    assert found is not None
    named = LevelMappingDocument(tiling=found.factors, orders=found.orders, keep=found.keep)
    cost = MODEL.cost(nest, target, MODEL.mapping_of(nest, target, named))
    pes = math.prod(factors[fanout] for factors in found.factors.values() for fanout in ("X", "Y"))
    raised = nest.bounds[nest.dims.index("Oy")]
    return {
        "layer": name,
        "dataflow": "any" if constraints is None else "row stationary",
        "objective": objective,
        "proved": found.proved,
        "gap": 1 - found.bound / found.value,
        "cycles": cost.cycles,
        "ms": cost.cycles / CLOCK_MHZ / 1e3,
        "walk_ms": None if cost.walk_cycles is None else cost.walk_cycles / CLOCK_MHZ / 1e3,
        "bound_by": cost.bound_by,
        "pes": pes,
        "useful_pes": pes * ROWS.get(name, raised) / raised,
        "dram_words": sum(moved.reads + moved.writes for moved in cost.accesses[0] if moved is not None),
        "macs": nest.num_macs * ROWS.get(name, raised) // raised,
        "energy_pj": cost.energy_pj,
        "mapping": named.model_dump(),
    }


def measured(limit_s: float) -> list[Record]:
    """Every layer under the chip's dataflow and without, for each objective."""
    target = resolve_architecture(ARCHITECTURE, Path())
    assert isinstance(target, Machine)
    return [
        best(name, objective, target, constraints, limit_s)
        for name in PUBLISHED
        for constraints in (row_stationary(layer_of(name).loop_nest()), None)
        for objective in OBJECTIVES
    ]


def layer_table(record: Record) -> str:
    """Every layer: published, then ours."""
    header = (
        "layer",
        "dataflow",
        "best by",
        "ms",
        "published ms",
        "ours / published",
        "PEs",
        "with work",
        "published PEs",
    )
    return table((*header, "bound by", "DRAM words (million)", "gap"), _layer_rows(record))


def _layer_rows(record: Record) -> Iterator[Sequence[str]]:
    for one in record["best"]:
        time_ms, pes = record["published"][one["layer"]]
        yield (
            one["layer"],
            one["dataflow"],
            {"latency": "time", "edp": "EDP"}[one["objective"]],
            f"{one['ms']:.1f}",
            f"{time_ms:.1f}",
            f"{one['ms'] / time_ms:.2f}",
            str(one["pes"]),
            f"{one['useful_pes']:g}",
            str(pes),
            one["bound_by"],
            f"{one['dram_words'] / 1e6:.2f}",
            "proved" if one["proved"] else f"{100 * one['gap']:.1f} %",
        )


def total_table(record: Record) -> str:
    """The five layers together."""
    header = (
        "dataflow",
        "best by",
        "ms",
        "published ms",
        "DRAM words (million)",
        "words per MAC",
        "published, compressed",
    )
    return table(header, _total_rows(record))


def _total_rows(record: Record) -> Iterator[Sequence[str]]:
    published_ms = sum(time_ms for time_ms, _ in record["published"].values())
    kinds = dict.fromkeys((one["dataflow"], one["objective"]) for one in record["best"])
    for dataflow, objective in kinds:
        own = [one for one in record["best"] if (one["dataflow"], one["objective"]) == (dataflow, objective)]
        words, macs = sum(one["dram_words"] for one in own), sum(one["macs"] for one in own)
        yield (
            dataflow,
            {"latency": "time", "edp": "EDP"}[objective],
            f"{sum(one['ms'] for one in own):.1f}",
            f"{published_ms:.1f}",
            f"{words / 1e6:.2f}",
            f"{words / macs:.4f}",
            f"{record['published_dram_per_mac']:.4f}",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds for one search")
    parser.add_argument(
        "--results", type=Path, default=RESULTS / "eyeriss_chip.jsonl", help="file to append to or read"
    )
    parser.add_argument("--tables", action="store_true", help="print the tables of the last line")
    given = parser.parse_args()
    if not given.tables:
        before = {"date": datetime.now(timezone.utc).isoformat(timespec="seconds"), "machine": machine()}
        line = {
            **before,
            "versions": versions("numpy"),
            "architecture": ARCHITECTURE,
            "batch": BATCH,
            "clock_mhz": CLOCK_MHZ,
            "published": PUBLISHED,
            "published_dram_per_mac": PUBLISHED_DRAM_PER_MAC,
            "best": measured(given.time_limit),
        }
        append_result(given.results, line)
    record: Record = json.loads(given.results.read_text(encoding="utf-8").splitlines()[-1])
    print(f"{layer_table(record)}\n\n{total_table(record)}")


if __name__ == "__main__":
    main()
