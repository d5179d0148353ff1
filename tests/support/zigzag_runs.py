"""Mappings onto hierarchies as ZigZag meets them, and what it should count of them."""

from __future__ import annotations

from dmaze.model.exports.levels.mapped_levels import MappedLevels
from dmaze.model.hierarchy.machine import Fanout, StorageLevel

FREE_NETWORK = {"word_pj": 0.0, "add_pj": 0.0, "bandwidth": None}


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
