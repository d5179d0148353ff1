"""Mappings onto hierarchies as ZigZag meets them, what it counts of them, and what it should count."""

from __future__ import annotations

import contextlib
import io
import logging
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dmaze.model.exports.levels.mapped_levels import MappedLevels
from dmaze.model.exports.levels.zigzag_levels import export_level_files
from dmaze.model.exports.zigzag import ZigZagNames, elements_as_zigzag_counts
from dmaze.model.hierarchy.hierarchy_cost import Access
from dmaze.model.hierarchy.hierarchy_model import MODEL
from dmaze.model.hierarchy.machine import Fanout, StorageLevel
from dmaze.model.hierarchy.resolved_machine import Level
from dmaze.model.reading.interop.imported_design import ImportedDesign

FREE_NETWORK = {"word_pj": 0.0, "add_pj": 0.0, "bandwidth": None}
SPLIT, SHARED = "accelerator_of_mapping", "accelerator"

Words = dict[tuple[str, str], Access]
"""Words by level and operand."""


def without_what_zigzag_has_not(layer: MappedLevels) -> MappedLevels:
    """The layer on its machine without halos, DMA engines, banks, and costs of networks; blocks are of one element."""

    def plain(node: StorageLevel | Fanout) -> StorageLevel | Fanout:
        if isinstance(node, Fanout):
            return node.model_copy(update=FREE_NETWORK)
        return node.model_copy(update={"halo": False, "dma": None, "bank_bytes": None, "block_elements": 1})

    document = layer.architecture.model_copy(
        update={"nodes": tuple(map(plain, layer.architecture.nodes)), "tile_overhead": None}
    )
    return MappedLevels(layer.name, layer.count, layer.nest, document, layer.mapping)


def our_words(layer: MappedLevels) -> Words:
    """What we count."""
    names = ZigZagNames.of(layer.nest).tensors
    accesses = layer.cost("executed").accesses
    return {(level.name, names[t]): access for level, t, access in _accesses(layer, accesses)}


def expected_words(layer: MappedLevels) -> Words:
    """What ZigZag should count: every partial sum but the first of a word is read back, once for all instances.

    We read back once less for each of the instances outside that a reduction is unrolled over.
    """
    nest, words = layer.nest, our_words(layer)
    size = math.prod(nest.bounds[dim] for dim in nest.tensors[nest.output].dims)
    outside: int | None = None
    for level in layer.machine.levels:
        if nest.output in layer.kept(level):
            access = words[level.name, "O"]
            back = access.update - size
            words[level.name, "O"] = Access(outside or 0, back, access.drain, access.update)
            outside = back
    return words


def expected_energy_pj(layer: MappedLevels) -> float:
    """What ZigZag should come to without stationary operands at the multipliers.

    Where partial sums are read back at all, its energy has one at every visit, also for tiles that are new.
    """
    nest, machine = layer.nest, layer.machine
    names = ZigZagNames.of(nest).tensors
    total, outside = nest.num_macs * machine.mac_pj, False
    for level, t, access in _accesses(layer, layer.cost("executed").accesses):
        found = access
        if names[t] == "O":
            back = access.serve > 0 or _reduces_outside(layer, level)
            found = Access(access.drain if outside else 0, access.update if back else 0, access.drain, access.update)
            outside = back
        total += found.reads * level.read_pj[t] + found.writes * level.write_pj[t]
    return total


def rounding_pj(layer: MappedLevels) -> float:
    """The most that accesses of whole ports, rounded down, take away: one for each of four directions."""
    machine = layer.machine
    widest = max(machine.bytes_per_element)
    total = 0.0
    for level, t, _ in _accesses(layer, layer.cost("executed").accesses):
        inside = math.prod(network.size for network in machine.networks if network.node > level.node)
        rates = (level.bandwidth or level.read_bandwidth or inside, level.bandwidth or level.write_bandwidth or inside)
        words = max(rates) * widest / machine.bytes_per_element[t]
        total += 2 * words * (level.read_pj[t] + level.write_pj[t])
    return total


def _accesses(
    layer: MappedLevels, accesses: tuple[tuple[Access | None, ...], ...]
) -> Iterator[tuple[Level, int, Access]]:
    for level in layer.machine.levels:
        for t in layer.kept(level):
            access = accesses[level.node][t]
            assert access is not None
            yield level, t, access


def _reduces_outside(layer: MappedLevels, level: Level) -> bool:
    output = layer.nest.tensors[layer.nest.output].dims
    networks = (network for network in layer.machine.networks if network.node < level.node)
    return any(dim not in output for network in networks for dim in layer.spread(network))


def has_holes(layer: MappedLevels) -> bool:
    """Whether some tile has words between strides, which ZigZag leaves out."""
    nest, factors = layer.nest, layer.mapping.factors
    for node in range(len(factors)):
        tile = [layer.stride(node, dim) for dim in range(len(nest.dims))]
        spread = [
            math.prod(of[dim] for n, of in enumerate(factors) if n in layer.machine.network_at)
            for dim in range(len(tile))
        ]
        for tensor in nest.tensors:
            for size in (tile, spread, nest.bounds):
                if tensor.footprint(tuple(size)) != elements_as_zigzag_counts(nest, tensor, size):
                    return True
    return False


def shares_windows(layer: MappedLevels) -> bool:
    """Whether a dimension of an index of several is unrolled, so that instances share parts of their windows."""
    spread = {dim for network in layer.machine.networks for dim in layer.spread(network)}
    indices = [index for tensor in layer.nest.tensors for index in tensor.index if len(index.terms) > 1]
    return any(dim in spread for index in indices for dim, _ in index.terms)


@dataclass(frozen=True)
class ZigZagRun:
    """What ZigZag says of a mapping.

    ``words`` are those without stationary operands at the multipliers, as is ``energy_pj``; ``own_energy_pj`` is that
    of its own default. ``computing_cycles`` are those of the loops alone, ``cycles`` all, with loading and stalls.
    """

    words: Words
    energy_pj: float
    own_energy_pj: float
    computing_cycles: int
    cycles: float


def run_zigzag(layer: MappedLevels, folder: Path, accelerator: str) -> ZigZagRun | None:
    """What ZigZag's own cost model says of the exported files; ``None`` where it has no room, or unrolls less.

    It does where the innermost memory's port is narrower than what is unrolled.
    """
    for name, text in export_level_files(layer).items():
        (folder / name).write_text(text, encoding="utf-8")
    found = evaluated_by_zigzag(folder, accelerator)
    if found is None or found.ideal_temporal_cycle != layer.cost("executed").roofline["compute"]:
        return None
    again = without_stationary_operands(found)
    return ZigZagRun(
        _words(layer, again),
        again.energy_total,
        found.energy_total,
        int(found.ideal_temporal_cycle),
        found.latency_total2,
    )


def without_stationary_operands(evaluation: Any) -> Any:
    """ZigZag's evaluation of the same mapping, with operands read in every cycle."""
    from zigzag.cost_model.cost_model import CostModelEvaluation

    parts = ("accelerator", "layer", "spatial_mapping", "spatial_mapping_int", "temporal_mapping")
    same = {part: getattr(evaluation, part) for part in parts}
    return CostModelEvaluation(**same, access_same_data_considered_as_no_access=False)


def evaluated_by_zigzag(folder: Path, accelerator: str) -> Any:
    """ZigZag's evaluation of files in a folder; ``None`` where it has no room, or refuses what is unrolled."""
    from zigzag.api import get_hardware_performance_zigzag
    from zigzag.opt.loma.memory_allocator import MemoryHierarchyTooSmallException, MemoryTooSmallException

    files = {part: str(folder / f"{part}.yaml") for part in ("workload", "mapping")}
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return get_hardware_performance_zigzag(
                **files,
                accelerator=str(folder / f"{accelerator}.yaml"),
                opt="energy",
                dump_folder=str(folder / "out"),
                loma_show_progress_bar=False,
            )[2][0][1][0][0]
    except (AssertionError, MemoryHierarchyTooSmallException, MemoryTooSmallException):
        return None
    finally:
        logging.disable(logging.NOTSET)


def _words(layer: MappedLevels, evaluation: Any) -> Words:
    names = ZigZagNames.of(layer.nest).tensors
    counted: Words = {}
    for operand, moved in words_from_innermost(evaluation).items():
        tensor = names.index(operand)
        keeping = [level for level in reversed(layer.machine.levels) if tensor in layer.kept(level)]
        counted |= {(level.name, operand): access for level, access in zip(keeping, moved, strict=True)}
    return counted


def words_from_innermost(evaluation: Any) -> dict[str, list[Access]]:
    """What ZigZag counts of every operand at its memories, from the innermost outwards."""
    from zigzag.hardware.architecture.memory_port import DataDirection
    from zigzag.mapping.data_movement import DataMoveAttr

    ways = (
        DataDirection.WR_IN_BY_HIGH,
        DataDirection.RD_OUT_TO_LOW,
        DataDirection.RD_OUT_TO_HIGH,
        DataDirection.WR_IN_BY_LOW,
    )
    return {
        str(operand): [
            Access(*(movement.get_attribute(DataMoveAttr.DATA_ELEM_MOVE_COUNT).get(way) for way in ways))
            for movement in moved
        ]
        for operand, moved in evaluation.mapping.unit_mem_data_movement.items()
    }


def words_agree(design: ImportedDesign, evaluation: Any) -> bool:
    """Whether a mapping that was read from ZigZag's files moves the words that ZigZag counts.

    Of outputs what is written and drained: partial sums are read back by rules of its own.
    """
    nest, mapping, machine = design.layer.loop_nest(), design.mapping, design.machine_of_mapping
    assert mapping is not None
    assert machine is not None
    cost = MODEL.cost(nest, machine, MODEL.mapping_of(nest, machine, mapping))
    for operand, theirs in words_from_innermost(without_stationary_operands(evaluation)).items():
        tensor = next(number for number, tensor in enumerate(nest.tensors) if tensor.name == operand)
        ours = [access for of_node in reversed(cost.accesses) if of_node and (access := of_node[tensor]) is not None]
        for one, other in zip(ours, theirs, strict=True):
            kinds = ("drain", "update") if operand == "O" else ("fill", "serve")
            if any(getattr(one, kind) != getattr(other, kind) for kind in kinds):
                return False
    return True
