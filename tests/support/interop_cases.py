"""Layers with mappings that the tests of exports and imports share, and how other tools count what we count."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import yaml
from dmaze.model import Architecture, Conv2d
from dmaze.model.dmazerunner.factorisations import factorisations
from dmaze.model.exports.mapped_layer import MappedLayer
from dmaze.model.exports.zigzag import elements_as_zigzag_counts
from dmaze.model.loop_nest import LoopNest
from dmaze.model.mapping import Mapping, MappingDocument, Tiling
from dmaze.model.reading.loading import resolve_architecture
from paths import DATA

Footprint = Callable[[str, tuple[int, ...]], int]
"""Elements of a tile of a tensor, at the level ``spm``, ``pe`` or ``rf``."""

INTEROP = DATA / "interop"

CONV = Conv2d(
    type="conv2d",
    name="conv",
    batch=4,
    out_channels=512,
    in_channels=512,
    in_height=7,
    in_width=7,
    kernel_height=3,
    kernel_width=3,
    padding=1,
)

C7D: dict[str, Any] = {
    "tiling": {
        "N": {"spm": 4},
        "M": {"dram": 32, "spatial": 16},
        "C": {"dram": 32, "spatial": 16},
        "Ox": {"rf": 7},
        "Oy": {"rf": 7},
        "Fx": {"rf": 3},
        "Fy": {"rf": 3},
    },
    "dram_order": ["N", "Ox", "Oy", "Fx", "Fy", "M", "C"],
    "spm_order": ["M", "C", "Ox", "Oy", "Fx", "Fy", "N"],
}
"""``map_c7d`` (``docs/interop.md``): DRAM loops m32 > c32, SPM loop n4, PEs m16 x c16, outputs, windows in the RFs."""

C7: dict[str, Any] = {
    "tiling": {**C7D["tiling"], "Ox": {"spm": 7}, "Oy": {"spm": 7}},
    "dram_order": C7D["dram_order"],
    "spm_order": ["M", "C", "Fx", "Fy", "N", "Ox", "Oy"],
}
"""``map_c7`` of ``docs/interop.md``: as before, but the loops over the outputs run at the SPM: n4 > p7 > q7."""


def reference_machine() -> Architecture:
    return resolve_architecture("dmazerunner-256pe", Path())


def mapped(mapping: dict[str, Any], layer: Any = CONV, count: int = 1) -> MappedLayer:
    document = MappingDocument.model_validate(mapping)
    return MappedLayer.from_document(layer.name, count, layer.loop_nest(), reference_machine(), document)


def random_mapping(random: Random, nest: LoopNest, architecture: Architecture | None = None) -> MappedLayer:
    """A nest with factors and orders drawn at random (whether they fit is not asked), on a machine with PEs enough."""
    rows = [random.choice(factorisations(bound)) for bound in nest.bounds]
    tiling = Tiling.from_levels(zip(*rows, strict=True))
    dims = range(len(nest.dims))
    orders = [tuple(random.sample(dims, len(dims))) for _ in range(2)]
    machine = architecture or reference_machine()
    roomy = machine.model_copy(
        update={
            "pes": max(machine.pes, tiling.pes_used),
            "rf_bytes_per_pe": 1 << 24,
            "spm": machine.spm.model_copy(update={"banks": 1 << 14, "bytes_per_bank": 1 << 14}),
        }
    )
    return MappedLayer("random", 1, nest, roomy, Mapping(tiling, *orders))


@dataclass(frozen=True)
class Moves:
    """How often one tensor moves, recovered from our counted words and the reuse of the mapping.

    ``visits`` SPM tiles are brought in, ``first_visits`` of them for the first time. ``deliveries`` RF tiles are
    delivered; without the skip (a tensor staying in the RFs across SPM passes) it would be ``without_skip``.
    """

    visits: int
    first_visits: int
    deliveries: int
    without_skip: int


def moves(layer: MappedLayer, t: int) -> Moves:
    nest, tiling, cost = layer.nest, layer.mapping.tiling, layer.cost
    skipped, is_output = t in layer.skipped, t == nest.output
    visits = tiling.spm_passes // cost.dram_reuse[t]
    first_visits = math.prod(tiling.dram[dim] for dim in nest.tensors[t].dims)
    ways = 2 if is_output and not skipped else 1  # an output is read and written at every delivery
    deliveries, rest = divmod(cost.traffic[t].spm, ways * nest.tensors[t].footprint(tiling.pe_array_tile))
    assert rest == 0
    assert deliveries == (visits if skipped else tiling.rf_passes // cost.spm_reuse[t] * tiling.spm_passes)
    return Moves(visits, first_visits, deliveries, deliveries * (cost.dram_reuse[t] if skipped else 1))


def counts_of_others(layer: MappedLayer, t: int, footprint: Footprint, deliveries: int) -> dict[tuple[str, str], int]:
    """Words of a tensor at DRAM and SPM as AccelForge, Timeloop and ZigZag count them, from what we count.

    They agree with us on what is moved between DRAM and SPM, and then differ in what they add up: they count what the
    SPM takes in from DRAM (we do not), what an output's tile is read out for when it leaves the SPM (we do not), and
    no reads of partial sums that are still empty (we do). ``footprint`` says how large tiles are to the tool.
    """
    nest, tiling, tensor = layer.nest, layer.mapping.tiling, layer.nest.tensors[t]
    moved = moves(layer, t)
    tile = footprint("spm", tiling.spm_tile)
    delivered = deliveries * footprint("pe", tiling.pe_array_tile)
    if t != nest.output:
        assert layer.cost.traffic[t].dram == moved.visits * tensor.footprint(tiling.spm_tile)
        return {
            ("DRAM", "read"): moved.visits * tile,
            ("DRAM", "write"): 0,
            ("SPM", "write"): moved.visits * tile,
            ("SPM", "read"): delivered,
        }
    again = moved.visits - moved.first_visits
    assert layer.cost.traffic[t].dram == (moved.visits + again) * tensor.footprint(tiling.spm_tile)
    rf_tiles = math.prod(tiling.dram[dim] * tiling.spm[dim] for dim in tensor.dims)
    empty = rf_tiles * footprint("pe", tiling.pe_array_tile)
    return {
        ("DRAM", "read"): again * tile,
        ("DRAM", "write"): moved.visits * tile,
        ("SPM", "write"): delivered + again * tile,
        ("SPM", "read"): delivered - empty + moved.visits * tile,
    }


def accelforge_counts(layer: MappedLayer, t: int) -> dict[tuple[str, str], int]:
    """AccelForge delivers to each PE what it needs: parts that neighbouring PEs share are counted for each of them.

    It has no skip. What a PE's register file takes in of a tensor that is only read comes besides.
    """
    nest, tiling, tensor = layer.nest, layer.mapping.tiling, layer.nest.tensors[t]
    sharing = math.prod(tiling.spatial[dim] for dim in tensor.dims)
    deliveries = moves(layer, t).without_skip

    def footprint(level: str, tile: tuple[int, ...]) -> int:
        return tensor.footprint(tiling.rf) * sharing if level == "pe" else tensor.footprint(tile)

    counts = counts_of_others(layer, t, footprint, deliveries)
    if t != nest.output:
        counts["RF", "write"] = deliveries * tensor.footprint(tiling.rf) * tiling.pes_used
    return counts


def zigzag_counts(layer: MappedLayer, t: int) -> dict[tuple[str, str], int]:
    """ZigZag has the skip and shares parts between PEs as we do, but leaves out the holes between wide strides."""
    nest, tiling, tensor = layer.nest, layer.mapping.tiling, layer.nest.tensors[t]

    def footprint(_: str, tile: tuple[int, ...]) -> int:
        return elements_as_zigzag_counts(nest, tensor, tile)

    counts = counts_of_others(layer, t, footprint, moves(layer, t).deliveries)
    if t != nest.output:
        counts["RF", "write"] = moves(layer, t).deliveries * footprint("rf", tiling.rf) * tiling.pes_used
    return counts


def parsed(text: str) -> Any:
    """The data of a YAML text; a tagged mapping becomes the pair of its tag and its fields."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda loader, tag, node: (tag, loader.construct_mapping(node, deep=True)))
    return yaml.load(text, Loader)
