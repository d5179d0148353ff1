"""Mappings onto hierarchies that the tests of exports share."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from dmaze.model.exports.levels.mapped_levels import MappedLevels
from dmaze.model.hierarchy.level_mapping import LevelMappingDocument
from dmaze.model.hierarchy.machine import Machine, Node
from dmaze.model.hierarchy.resolved_machine import resolved_machine
from interop_cases import CONV
from random_hierarchies import RandomCase, random_cases

PER_TENSOR = ("read_pj", "write_pj", "multicast")
"""What other tools say of all tensors at once."""

MACHINE: dict[str, Any] = {
    "name": "rows",
    "mac_pj": 0.125,
    "bytes_per_element": 2,
    "clock_mhz": 500,
    "nodes": [
        {"storage": "DRAM", "read_pj": 200, "write_pj": 210, "bandwidth": 8, "block_elements": 4},
        {"storage": "GLB", "capacity_bytes": 65536, "buffers": 2, "keep": {"W": "never"}, "read_pj": 6, "write_pj": 7},
        {"fanout": "X", "size": 16},
        {"fanout": "Y", "size": 8, "multicast": True},
        {"storage": "weights-RF", "capacity_bytes": 512, "keep": {"W": "must", "*": "never"}, "read_pj": 0.5},
        {"storage": "RF", "partitions": {"I": 64, "O": 128}, "keep": {"W": "never"}, "read_pj": 0.25, "write_pj": 0.5},
    ],
}
MAPPING: dict[str, Any] = {
    "tiling": {
        "N": {"GLB": 4},
        "M": {"DRAM": 32, "X": 16},
        "C": {"DRAM": 64, "Y": 8},
        "Ox": {"GLB": 7},
        "Oy": {"RF": 7},
        "Fx": {"weights-RF": 3},
        "Fy": {"weights-RF": 3},
    },
    "orders": {"DRAM": ["M", "C"], "GLB": ["N", "Ox"], "weights-RF": ["Fy", "Fx"]},
    "keep": {"GLB": ["I", "O"], "weights-RF": ["W"], "RF": ["I", "O"]},
}


def mapped_levels(machine: dict[str, Any] = MACHINE, mapping: dict[str, Any] = MAPPING) -> MappedLevels:
    document = LevelMappingDocument.model_validate(mapping)
    return MappedLevels.from_document("conv", 1, CONV.loop_nest(), Machine.model_validate(machine), document)


def with_equal_tensors(case: RandomCase) -> RandomCase:
    """The case with one price and one kind of network for all tensors."""

    def plain(node: Node) -> Node:
        given = {field: getattr(node, field, None) for field in PER_TENSOR}
        return node.model_copy(
            update={name: next(iter(value.values())) for name, value in given.items() if isinstance(value, dict)}
        )

    document = case.document.model_copy(update={"nodes": tuple(map(plain, case.document.nodes))})
    return dataclasses.replace(case, document=document, machine=resolved_machine(document, case.nest))


def random_mapped_levels(seeds: Iterable[int]) -> Iterator[MappedLevels]:
    """Random mappings that fit, on machines that say nothing of single tensors but what is kept."""
    for case in map(with_equal_tensors, random_cases(seeds)):
        layer = MappedLevels("layer", 1, case.nest, case.document, case.mapping)
        if all(layer.cost("timeloop").fits):
            yield layer
