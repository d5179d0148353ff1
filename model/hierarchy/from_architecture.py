"""The published machine as a hierarchy, and its mappings there (hierarchy model, section 11)."""

from __future__ import annotations

from collections.abc import Sequence

from ..dmazerunner.architecture import Architecture
from ..loop_nest import LoopNest
from ..mapping import LEVELS, Mapping, MappingDocument, order_from_document, tiling_from_document
from .level_mapping import LevelMappingDocument
from .machine import DmaEngine, Fanout, Machine, StorageLevel

DRAM, SPM, PE, RF = NODES = ("DRAM", "SPM", "PE", "RF")
"""Its nodes: storage levels, but for the fanout `PE`."""

NODE_OF_LEVEL = dict(zip(LEVELS, (DRAM, SPM, RF, PE), strict=True))
"""The node of each level of a published tiling; PEs split the tile of the SPM, registers hold what is left."""


def machine_of(architecture: Architecture) -> Machine:
    """The hierarchy of a published architecture.

    The SPM's capacity is the half that one of its two buffers may use, so that its tiles are held once. A word on the
    NoC costs on its way to or from a PE; adding a partial sum costs three accesses to a register file and an operation.

    Example:
        >>> from ..reading.loading import resolve_architecture
        >>> from pathlib import Path
        >>> [node.name for node in machine_of(resolve_architecture("dmazerunner-256pe", Path())).nodes]
        ['DRAM', 'SPM', 'PE', 'RF']
    """
    energy, dma = architecture.access_energy_pj, architecture.dma
    return Machine(
        name=architecture.name,
        clock_mhz=architecture.clock_mhz,
        bytes_per_element=architecture.bytes_per_element,
        mac_pj=energy.mac,
        nodes=(
            StorageLevel(storage=DRAM, read_pj=energy.dram, write_pj=energy.dram),
            StorageLevel(
                storage=SPM,
                capacity_bytes=architecture.spm_bytes,
                bank_bytes=architecture.spm.bytes_per_bank,
                read_pj=energy.spm,
                write_pj=energy.spm,
                dma=DmaEngine.model_validate(dma.model_dump()),
            ),
            Fanout(
                fanout=PE, size=architecture.pes, word_pj=energy.noc, add_pj=3 * energy.rf + energy.mac, bandwidth=1.0
            ),
            StorageLevel(
                storage=RF, capacity_bytes=architecture.rf_bytes_per_pe, read_pj=energy.rf, write_pj=energy.rf
            ),
        ),
    )


def level_mapping_of(nest: LoopNest, mapping: Mapping) -> LevelMappingDocument:
    """A published mapping on that hierarchy; every level keeps all tensors."""
    tiling = mapping.tiling
    factors = {NODE_OF_LEVEL[level]: row for level, row in zip(LEVELS, tiling.levels, strict=True)}
    return LevelMappingDocument(
        tiling={
            dim: {node: factors[node][d] for node in NODES if factors[node][d] > 1} for d, dim in enumerate(nest.dims)
        },
        orders={
            DRAM: _iterating(nest, mapping.dram_order, tiling.dram),
            SPM: _iterating(nest, mapping.spm_order, tiling.spm),
        },
    )


def converted_mapping(nest: LoopNest, document: MappingDocument) -> LevelMappingDocument:
    """A public mapping of the published kind on that hierarchy; it has both orders.

    Raises:
        ValueError: one line per fault, each beginning with its place in the mapping.
    """
    tiling = tiling_from_document(nest, document.tiling)
    dram = order_from_document(nest, document.dram_order or (), "dram_order")
    spm = order_from_document(nest, document.spm_order or (), "spm_order")
    return level_mapping_of(nest, Mapping(tiling, dram, spm))


def _iterating(nest: LoopNest, order: Sequence[int], trips: Sequence[int]) -> tuple[str, ...]:
    """The names of the loops of an order that iterate."""
    return tuple(nest.dims[dim] for dim in order if trips[dim] > 1)
