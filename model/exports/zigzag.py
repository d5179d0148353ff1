"""Exports for ZigZag; ``docs/interop.md`` has the rules and what was measured with ZigZag-DSE 3.9.1.

ZigZag's mapping file holds one order of all loops; which memory keeps what is decided by its allocator, which fills
every memory with as many of the innermost loops as it holds. Therefore an architecture is written besides in which
every operand has memories of its own, just as large as its tiles: there the allocator has no choice but this mapping.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..loop_nest import LoopNest, Tensor
from .mapped_layer import MappedLayer
from .names import allotted_names, workload_comments
from .yaml_text import yaml_text

_CONVENTIONAL = {"N": "B", "M": "K", "C": "C", "G": "G", "Ox": "OY", "Oy": "OX", "Fx": "FY", "Fy": "FX"}
"""What ZigZag calls the dimensions of a convolution."""

_CONVOLUTION_TENSORS = ["I", "W", "O"]
OPERANDS = ("I", "W", "O")
"""ZigZag's operands; the output comes last."""

LINKS = {"O": "O", "W": "I2", "I": "I1"}
"""The memory operand that serves every operand."""


def why_not(nest: LoopNest) -> str | None:
    """Why ZigZag cannot express a nest, or ``None`` where it can."""
    if len(nest.tensors) != len(OPERANDS):
        return f"it has {len(nest.tensors)} tensors, and ZigZag knows 2 operands and an output"
    compound = [tensor for tensor in nest.tensors if any(len(index.terms) > 1 for index in tensor.index)]
    if len(compound) > 1:
        return f"tensors {compound[0].name} and {compound[1].name} both have an index of several dimensions"
    for tensor in nest.tensors:
        where = f"tensor {tensor.name}"
        if not tensor.dims:
            return f"{where} has no index"
        dims = [dim for index in tensor.index for dim, _ in index.terms]
        if len(set(dims)) < len(dims):
            return f"{where} is indexed twice by one dimension"
        for axis in _axes(tensor):
            terms = tensor.index[axis].terms
            if len(terms) > 2:
                return f"{where} has an index of {len(terms)} dimensions, and ZigZag allows 2"
            if any(coefficient < 0 for _, coefficient in terms):
                return f"{where} has an index with a negative coefficient"
            if len(terms) == 1 and terms[0][1] != 1:
                return f"{where} has an index of one dimension times {terms[0][1]}"
    return None


def _axes(tensor: Tensor) -> tuple[int, ...]:
    """The axes of a tensor that some dimension indexes."""
    return tuple(axis for axis, index in enumerate(tensor.index) if index.terms)


def export_files(layer: MappedLayer) -> dict[str, str]:
    """The files of a layer that :func:`why_not` has no objection to."""
    names = ZigZagNames.of(layer.nest)
    header = (f"Layer {layer.name}, written by dmaze-solve for ZigZag-DSE 3.", "")
    shared, split = _machine(layer), _memories_of_mapping(layer)
    return {
        "workload.yaml": yaml_text(
            workload_document(layer.name, layer.nest, names, dict.fromkeys(OPERANDS, layer.bits_per_element)),
            (*header, *workload_comments(layer.nest, names.dims, names.tensors, layer.count)),
        ),
        "mapping.yaml": yaml_text(_mapping(layer, names), (*header, *_MAPPING_COMMENTS)),
        "accelerator.yaml": yaml_text(_accelerator(layer, shared), (*header, *_MACHINE_COMMENTS, *_NOT_SAID)),
        "accelerator_of_mapping.yaml": yaml_text(_accelerator(layer, split), (*header, *_SPLIT_COMMENTS, *_NOT_SAID)),
    }


@dataclass(frozen=True)
class ZigZagNames:
    """Dimensions and tensors in the nest's order, as ZigZag calls them; our positions of its operands I, W and O."""

    dims: tuple[str, ...]
    tensors: tuple[str, ...]
    operands: tuple[int, ...]

    @classmethod
    def of(cls, nest: LoopNest) -> ZigZagNames:
        """The names for a nest of three tensors; the read operands stay in order."""
        convolution = sorted(t.name for t in nest.tensors) == sorted(_CONVOLUTION_TENSORS)
        conventional = _CONVENTIONAL if convolution and set(nest.dims) <= set(_CONVENTIONAL) else {}

        def allowed(name: str) -> str | None:
            capital = conventional.get(name, name).upper()
            return capital if re.fullmatch(r"[A-Z]+\d*", capital) else None

        spare = (f"D{number}" for number in range(2 * len(nest.dims)))
        dims = allotted_names(nest.dims, allowed, spare) or ()
        operands = (*(t for t in range(len(nest.tensors)) if t != nest.output), nest.output)
        called = dict(zip(operands, OPERANDS, strict=True))
        return cls(dims, tuple(called[t] for t in range(len(nest.tensors))), operands)


def workload_document(name: str, nest: LoopNest, names: ZigZagNames, bits: Mapping[str, int]) -> list[object]:
    """A workload of one layer; ``bits`` is the width of an element of every operand."""
    relations: list[str] = []
    references = {
        operand: f"{operand}{_subscripts(nest.tensors[t], names, relations)}"
        for operand, t in zip(OPERANDS, names.operands, strict=True)
    }
    return [
        {
            "id": 0,
            "name": name,
            "operator_type": "Conv" if relations else "Gemm",
            "equation": f"{references['O']}+={references['W']}*{references['I']}",
            "dimension_relations": relations,
            "loop_dims": list(names.dims),
            "loop_sizes": list(nest.bounds),
            "operand_precision": {"W": bits["W"], "I": bits["I"], "O": bits["O"], "O_final": bits["O"]},
            "operand_source": {"I": 0, "W": 0},
        }
    ]


def _subscripts(tensor: Tensor, names: ZigZagNames, relations: list[str]) -> str:
    """The subscripts of a tensor; an index of two dimensions gets a name and a relation that says what it is."""
    subscripts: list[str] = []
    for axis in _axes(tensor):
        terms = [(names.dims[dim].lower(), coefficient) for dim, coefficient in _terms(tensor, axis)]
        if len(terms) == 1:
            subscripts.append(terms[0][0])
        else:
            name = _relation_name([dim for dim, _ in terms], names, len(relations))
            relations.append(f"{name}={'+'.join(f'{a}*{dim}' for dim, a in terms)}")
            subscripts.append(name)
    return "".join(f"[{name}]" for name in subscripts)


def _terms(tensor: Tensor, axis: int) -> list[tuple[int, int]]:
    """The terms of an index, the larger coefficient first: the other way round ZigZag overcounts dilated windows."""
    return sorted(tensor.index[axis].terms, key=lambda term: -term[1])


def _relation_name(dims: Sequence[str], names: ZigZagNames, number: int) -> str:
    """``iy`` for ``oy`` and ``fy``, and so on; a name that no dimension has."""
    wanted = "i" + dims[0][1:] if len(dims[0]) > 1 and dims[0][1:] == dims[1][1:] else f"ix{number}"
    while wanted.upper() in names.dims:
        wanted = f"i{wanted}"
    return wanted


_MAPPING_COMMENTS = (
    "The order of all loops, innermost first: register file, scratchpad, DRAM. Which memory keeps what is not part of "
    "this format. With accelerator_of_mapping.yaml ZigZag's allocator ends up with this mapping; with accelerator.yaml "
    "and memories shared between operands it may not.",
)


def _mapping(layer: MappedLayer, names: ZigZagNames) -> list[object]:
    tiling = layer.mapping.tiling
    levels = ((layer.rf_loops, tiling.rf), (layer.spm_loops, tiling.spm), (layer.dram_loops, tiling.dram))
    order = [[names.dims[dim], trips[dim]] for loops, trips in levels for dim in reversed(loops)]
    unrolled = [f"{names.dims[dim]}, {tiling.spatial[dim]}" for dim in layer.spatial_loops]
    return [
        {
            "name": "default",
            "spatial_mapping": {"D1": unrolled},
            "temporal_ordering": order,
            "memory_operand_links": LINKS,
        }
    ]


@dataclass(frozen=True)
class _MemorySize:
    """A memory of ZigZag's: its name, the memory operands that it serves, its size in bits and its level."""

    name: str
    operands: tuple[str, ...]
    bits: int
    level: str


def _machine(layer: MappedLayer) -> list[_MemorySize]:
    """The memories as the machine has them: every one serves all operands."""
    arch, everything = layer.architecture, tuple(LINKS[operand] for operand in OPERANDS)
    return [
        _MemorySize("rf", everything, arch.rf_bytes_per_pe * 8, "rf"),
        _MemorySize("spm", everything, arch.spm_bytes * 8, "spm"),
    ]


def _memories_of_mapping(layer: MappedLayer) -> list[_MemorySize]:
    """A register file and a scratchpad for every operand, just as large as its tiles."""
    tiling, names = layer.mapping.tiling, ZigZagNames.of(layer.nest)
    return [
        _MemorySize(
            f"{level}_{operand.lower()}",
            (LINKS[operand],),
            elements_as_zigzag_counts(layer.nest, layer.nest.tensors[t], tile) * layer.bits_per_element,
            level,
        )
        for level, tile in (("rf", tiling.rf), ("spm", tiling.spm_tile))
        for operand, t in zip(OPERANDS, names.operands, strict=True)
    ]


def elements_as_zigzag_counts(nest: LoopNest, tensor: Tensor, tile: Sequence[int]) -> int:
    """Elements that a tile touches, where ZigZag leaves out the holes between strides wider than the window.

    At most as many as the whole nest touches. For ``a`` and ``b`` iterations with coefficients ``p >= q``, freed of
    their common divisor, ZigZag (``LayerNode.calc_pr_dimension_size``) counts ``ab - max(0, b - p)(a - q)``.
    """

    def extent(terms: Sequence[tuple[int, int]], sizes: Sequence[int]) -> int:
        if len(terms) == 1:
            return sizes[terms[0][0]]
        (first, p), (second, q) = terms
        a, b, common = sizes[first], sizes[second], math.gcd(p, q)
        return a * b - max(0, b - p // common) * (a - q // common)

    axes = [_terms(tensor, axis) for axis in _axes(tensor)]
    return math.prod(min(extent(terms, tile), extent(terms, nest.bounds)) for terms in axes)


_MACHINE_COMMENTS = ("The machine as it is: every memory is shared by all operands.",)
_SPLIT_COMMENTS = (
    "The machine as this mapping divides it: every operand has a register file and a scratchpad just as large as its "
    "tiles. For evaluating mapping.yaml, not for a search.",
)
_NOT_SAID = (
    "Bandwidths are bits per accelerator cycle. Not said here: DMA start-up cycles and bursts; SPM banks, which tiles "
    "are rounded up to; double buffering; energy and cycles of the network; that DMA, delivery and computing overlap.",
)


def _accelerator(layer: MappedLayer, memories: Sequence[_MemorySize]) -> dict[str, object]:
    arch, bits = layer.architecture, layer.bits_per_element
    price = {"rf": arch.access_energy_pj.rf, "spm": arch.access_energy_pj.spm}
    served: dict[str, list[str]] = {"rf": [], "spm": ["D1"]}
    described = {
        memory.name: _memory(memory, price[memory.level], _single_word_ports(memory, bits), served[memory.level])
        for memory in memories
    }
    words = max(1, int(layer.dram_words_per_cycle or len(OPERANDS)))
    everything = [f"{LINKS[operand]}, {way}" for operand in OPERANDS for way in directions(operand)]
    dram = _MemorySize("dram", tuple(LINKS[operand] for operand in OPERANDS), 10**15, "dram")
    rw_port = memory_port("rw_port_1", "read_write", bits, words * bits, everything)
    described["dram"] = _memory(dram, arch.access_energy_pj.dram * words, [rw_port], ["D1"])
    array = {"unit_energy": arch.access_energy_pj.mac, "unit_area": 0, "dimensions": ["D1"], "sizes": [arch.pes]}
    return {"name": "dmaze", "memories": described, "operational_array": array}


def _memory(memory: _MemorySize, cost: float, ports: list[object], served: list[str]) -> Mapping[str, object]:
    """A memory; costs are per access of a port's whole width."""
    return {
        "size": memory.bits,
        "r_cost": float(cost),
        "w_cost": float(cost),
        "area": 0,
        "latency": 1,
        "operands": list(memory.operands),
        "ports": ports,
        "served_dimensions": served,
    }


def directions(operand: str) -> tuple[str, ...]:
    """The ways that data of an operand move: from or to the memory above (high) or below (low)."""
    return ("fh", "tl", "fl", "th") if operand == "O" else ("fh", "tl")


def _single_word_ports(memory: _MemorySize, bits: int) -> list[object]:
    """A read port and a write port for every operand, each one element wide."""
    ports: list[object] = []
    for number, served in enumerate(memory.operands, start=1):
        reads = [f"{served}, {way}" for way in directions(served) if way.startswith("t")]
        writes = [f"{served}, {way}" for way in directions(served) if way.startswith("f")]
        ports.append(memory_port(f"r_port_{number}", "read", bits, bits, reads))
        ports.append(memory_port(f"w_port_{number}", "write", bits, bits, writes))
    return ports


def memory_port(name: str, kind: str, least: int, most: int, allocation: list[str]) -> Mapping[str, object]:
    """A port of a memory; its least and largest width in bits per cycle."""
    return {"name": name, "type": kind, "bandwidth_min": least, "bandwidth_max": most, "allocation": allocation}
