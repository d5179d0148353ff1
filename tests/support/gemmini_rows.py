"""The table of Gemmini mappings with RTL-simulated cycles, as nests, machines and mappings.

Source: ucb-bar/dosa, ``data/firesim_test_data/dataset.csv`` (BSD-2-Clause), the rows that are kept beside this project.
"""

from __future__ import annotations

import csv
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dmaze.model.hierarchy.level_mapping import LevelMappingDocument
from dmaze.model.hierarchy.machine import Machine, StorageLevel
from dmaze.model.layers import nest_from_expressions
from dmaze.model.loop_nest import LoopNest

FOLDER = Path(os.environ.get("GEMMINI_RTL", "/work/shared/reference/gemmini_rtl"))
TABLE = FOLDER / "mappings.csv"
NODES = {"L3": ("DRAM", "DRAM"), "L2": ("SP", "COL"), "L1": ("ACC", "ROW"), "L0": ("REG", "REG")}
"""For each level of the table where its loops are: those in time, and those in space below it."""


@dataclass(frozen=True)
class GemminiRow:
    """A row: the layer by its sizes, the machine with the row's memories, single-buffered, and cycles."""

    layer: tuple[int, ...]
    nest: LoopNest
    machine: Machine
    mapping: LevelMappingDocument
    published_cycles: int
    rtl_cycles: float


def gemmini_rows(machine: Machine) -> list[GemminiRow]:
    """All rows of the table, on a machine like ``gemmini-rtl``."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return [_row(row, machine) for row in csv.DictReader(file)]


def with_levels(machine: Machine, changes: dict[str, dict[str, Any]]) -> Machine:
    """A machine with other fields of some of its levels."""
    nodes = tuple(
        node.model_copy(update=changes.get(node.name, {})) if isinstance(node, StorageLevel) else node
        for node in machine.nodes
    )
    return machine.model_copy(update={"nodes": nodes})


def double_buffered(machine: Machine) -> Machine:
    """The machine with two buffers at the scratchpad and the accumulators, whether tiles fit or not."""
    return with_levels(machine, {"SP": {"buffers": 2}, "ACC": {"buffers": 2}})


def _row(row: dict[str, str], machine: Machine) -> GemminiRow:
    bounds = {dim: int(row[f"prob.{dim}"]) for dim in "NKCPQRS"}
    width, height = int(row["prob.Wstride"]), int(row["prob.Hstride"])
    tensors = {
        "I": [{"N": 1}, {"C": 1}, {"P": width, "R": 1}, {"Q": height, "S": 1}],
        "W": [{"C": 1}, {"K": 1}, {"R": 1}, {"S": 1}],
        "O": [{"N": 1}, {"K": 1}, {"Q": 1}, {"P": 1}],
    }
    scratchpad, accumulator = int(row["arch.mem2_entries"]), 4 * int(row["arch.mem1_entries"])
    sizes = {
        "SP": {"capacity_bytes": scratchpad, "buffers": 1},
        "ACC": {"capacity_bytes": accumulator, "buffers": 1},
    }
    return GemminiRow(
        layer=(*bounds.values(), width, height),
        nest=nest_from_expressions(bounds, tensors, "O"),
        machine=with_levels(machine, sizes),
        mapping=_mapping(row["mapping.mapping"]),
        published_cycles=int(row["target.cycle"]),
        rtl_cycles=float(row["target.gemmini_cycle"]),
    )


def _mapping(text: str) -> LevelMappingDocument:
    """A mapping in the table's form, as ``L3[WIO] C4 K48 - L2[WI] N1 K16X - L1[O] P16 C16X - L0[W] P8``."""
    tiling: dict[str, dict[str, int]] = {}
    orders: dict[str, tuple[str, ...]] = {}
    for part in text.split(" - "):
        level, loops = part.split("] ")
        in_time, in_space = NODES[level[:2]]
        for dim, factor, unrolled in re.findall(r"([A-Z])(\d+)(X?)", loops):
            if factor != "1":
                tiling.setdefault(dim, {})[in_space if unrolled else in_time] = int(factor)
                orders[in_time] = (*orders.get(in_time, ()), *([] if unrolled else [dim]))
    return LevelMappingDocument(tiling=tiling, orders=orders)
