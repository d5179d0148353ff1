"""Exports for Timeloop, in the flattened v0.4 form that its C++ program reads (``docs/interop.md``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..loop_nest import AffineIndex, LoopNest
from .mapped_layer import MappedLayer
from .names import dimension_letters, renaming_comments, workload_comments
from .yaml_text import yaml_text

VERSION = "0.4"
LEVEL_NAMES = ("DRAM", "SPM", "RF")
"""What the exported storage levels are called, outermost first."""

_CONVENTIONAL_TENSORS = {"I": "Inputs", "W": "Weights", "O": "Outputs"}
_CONVENTIONAL_COEFFICIENTS = {"Ox": "Hstride", "Oy": "Wstride", "Fx": "Hdilation", "Fy": "Wdilation"}


def why_not(nest: LoopNest) -> str | None:
    """Why Timeloop cannot express a nest, or ``None`` where it can."""
    if dimension_letters(nest) is None:
        return "it has more than 26 dimensions, and Timeloop's names are single letters"
    scalar = [tensor.name for tensor in nest.tensors if not tensor.dims]
    return f"tensor {scalar[0]} has no index" if scalar else None


def export_files(layer: MappedLayer) -> dict[str, str]:
    """The problem, architecture and mapping files of a layer that :func:`why_not` has no objection to."""
    names = TimeloopNames.of(layer.nest)
    header = (f"Layer {layer.name}, written by dmaze-solve for Timeloop {VERSION}.", "")
    return {
        "problem.yaml": yaml_text(
            problem_document(layer.nest, names),
            (*header, *workload_comments(layer.nest, names.dims, names.data_spaces, layer.count)),
        ),
        "architecture.yaml": yaml_text(_architecture(layer), (*header, *_ARCHITECTURE_COMMENTS)),
        "mapping.yaml": yaml_text(_mapping(layer, names), (*header, *_mapping_comments(layer, names))),
    }


@dataclass(frozen=True)
class TimeloopNames:
    """Dimensions as single letters, and data spaces, in the nest's order."""

    dims: tuple[str, ...]
    data_spaces: tuple[str, ...]

    @classmethod
    def of(cls, nest: LoopNest) -> TimeloopNames:
        """The names for a nest of at most 26 dimensions."""
        own = [tensor.name for tensor in nest.tensors]
        conventional = _CONVENTIONAL_TENSORS if sorted(own) == sorted(_CONVENTIONAL_TENSORS) else {}
        return cls(dimension_letters(nest) or (), tuple(conventional.get(name, name) for name in own))


def problem_document(nest: LoopNest, names: TimeloopNames) -> dict[str, object]:
    """The problem file of a nest."""
    coefficients = _coefficient_names(nest, names)
    data_spaces: list[object] = []
    for name, tensor in zip(names.data_spaces, nest.tensors, strict=True):
        projection = [_terms(index, names, coefficients) for index in tensor.index if index.terms]
        written = {"read_write": True} if tensor.is_output else {}
        data_spaces.append({"name": name, "projection": projection, **written})
    shape: dict[str, object] = {"name": "nest", "dimensions": list(names.dims)}
    if coefficients:
        shape["coefficients"] = [{"name": name, "default": value} for (_, value), name in coefficients.items()]
    shape["data_spaces"] = data_spaces
    instance = dict(zip(names.dims, nest.bounds, strict=True))
    instance |= {name: value for (_, value), name in coefficients.items()}
    return {"problem": {"version": VERSION, "shape": shape, "instance": instance}}


def _coefficient_names(nest: LoopNest, names: TimeloopNames) -> dict[tuple[int, int], str]:
    """A name for every multiple of a dimension other than 1, by dimension and coefficient."""
    used = {term for tensor in nest.tensors for index in tensor.index for term in index.terms if term[1] != 1}
    chosen: dict[tuple[int, int], str] = {}
    for dim, value in sorted(used):
        name = _CONVENTIONAL_COEFFICIENTS.get(nest.dims[dim], f"{names.dims[dim]}coefficient")
        if sum(other == dim for other, _ in used) > 1:
            name = f"{name}{'_minus' if value < 0 else ''}_{abs(value)}"
        chosen[dim, value] = name
    return chosen


def _terms(index: AffineIndex, names: TimeloopNames, coefficients: Mapping[tuple[int, int], str]) -> list[list[str]]:
    """A sum of products: dimensions, each with the name of its coefficient unless that is 1."""
    return [[names.dims[dim], *([coefficients[dim, a]] if a != 1 else [])] for dim, a in index.terms]


_ARCHITECTURE_COMMENTS = (
    "Depths are elements, bandwidths elements per cycle. The SPM is what one of its two buffers may use; its bandwidth "
    "is one element for the network of every tensor. The energies (ERT) replace Accelergy's; areas are not known.",
    "Not said here: DMA start-up cycles and bursts; SPM banks, which tiles are rounded up to; energy of the network "
    "between SPM and PEs; that DMA, delivery and computing overlap.",
)


def _architecture(layer: MappedLayer) -> dict[str, object]:
    arch, bits = layer.architecture, layer.bits_per_element
    word = {"width": bits, "datawidth": bits, "block_size": 1}
    mesh = {"meshX": arch.pes, "meshY": 1}
    dram_rate = layer.dram_words_per_cycle
    rates = {} if dram_rate is None else {"read_bandwidth": dram_rate, "write_bandwidth": dram_rate}
    spm_rates = {"read_bandwidth": len(layer.nest.tensors), "write_bandwidth": len(layer.nest.tensors)}
    last = arch.pes - 1
    local: list[object] = [
        {"name": "DRAM", "class": "DRAM", "attributes": {"type": "LPDDR4", **word, **rates}},
        {
            "name": "SPM",
            "class": "SRAM",
            "attributes": {"depth": arch.spm_bytes // arch.bytes_per_element, **word, **spm_rates},
        },
        {"name": f"RF[0..{last}]", "class": "regfile", "attributes": {"depth": arch.rf_elements, **word, **mesh}},
        {"name": f"MAC[0..{last}]", "class": "intmac", "attributes": {"datawidth": bits, **mesh}},
    ]
    attributes = {"technology": "45nm", "global_cycle_seconds": 1 / (arch.clock_mhz * 1e6)}
    system = {"name": "sys", "attributes": attributes, "local": local}
    return {"architecture": {"version": VERSION, "subtree": [system]}, **_reference_tables(layer)}


def _reference_tables(layer: MappedLayer) -> dict[str, object]:
    """Energies (ERT) and areas (ART) of the components, as Accelergy would give them."""
    price, pes = layer.architecture.access_energy_pj, layer.architecture.pes
    storage = {"DRAM[1..1]": price.dram, "SPM[1..1]": price.spm, f"RF[1..{pes}]": price.rf}
    tables: list[object] = [
        {"name": f"sys.{name}", "actions": priced_actions(dict.fromkeys(("read", "write", "update"), energy))}
        for name, energy in storage.items()
    ]
    tables.append({"name": f"sys.MAC[1..{pes}]", "actions": priced_actions({"compute": price.mac})})
    areas = [{"name": f"sys.{name}", "area": 0} for name in (*storage, f"MAC[1..{pes}]")]
    return {"ERT": {"version": VERSION, "tables": tables}, "ART": {"version": VERSION, "tables": areas}}


def priced_actions(energies_pj: Mapping[str, float]) -> list[object]:
    """Actions with their energies, as a reference table has them; nothing leaks."""
    priced = {**energies_pj, "leak": 0}
    return [{"name": name, "arguments": {}, "energy": energy} for name, energy in priced.items()]


def _mapping(layer: MappedLayer, names: TimeloopNames) -> dict[str, object]:
    """Directives, outermost first; permutations run from the innermost loop outwards."""
    tiling, mapping = layer.mapping.tiling, layer.mapping
    any_order = tuple(range(len(layer.nest.dims)))
    loops: list[tuple[str, str, Sequence[int], Sequence[int]]] = [
        ("DRAM", "temporal", tiling.dram, mapping.dram_order),
        ("SPM", "temporal", tiling.spm, mapping.spm_order),
        ("SPM", "spatial", tiling.spatial, any_order),
        ("RF", "temporal", tiling.rf, any_order),
    ]
    directives: list[object] = [
        {"target": target, "type": "datatype", "keep": list(names.data_spaces), "bypass": list[str]()}
        for target in LEVEL_NAMES
    ]
    for target, kind, factors, order in loops:
        directive: dict[str, object] = {
            "target": target,
            "type": kind,
            "factors": " ".join(f"{name}{factor}" for name, factor in zip(names.dims, factors, strict=True)),
            "permutation": "".join(names.dims[dim] for dim in reversed(order)),
        }
        if kind == "spatial":
            directive["split"] = len(names.dims)
        directives.append(directive)
    return {"mapping": directives}


def _mapping_comments(layer: MappedLayer, names: TimeloopNames) -> Iterator[str]:
    yield from renaming_comments(layer.nest.dims, names.dims, "Dimensions")
    yield (
        "Permutations run from the innermost loop outwards. Timeloop keeps the part of an input that neighbouring "
        "tiles share and does not read an output's first, empty partial sums; dmaze-solve counts both in full."
    )
