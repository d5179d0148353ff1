"""Exports for AccelForge (LoopTree mappings); ``docs/interop.md`` has the rules and what was measured with 1.0.467."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..loop_nest import AffineIndex, LoopNest
from .mapped_layer import MappedLayer, fetch_depth
from .names import allotted_names, dimension_letters, renaming_comments, workload_comments
from .yaml_text import Tagged, yaml_text

COMPUTE = "MAC"
"""What the exported multiply-accumulate unit is called."""

_RESERVED = frozenset(
    ("all", "tensors", "nothing", "inputs", "outputs", "intermediates", "shared", "persistent", "above", "total")
)
"""Names that AccelForge gives a meaning of its own."""


def why_not(nest: LoopNest) -> str | None:
    """Why AccelForge cannot express a nest, or ``None`` where it can."""
    letters = dimension_letters(nest)
    if letters is None:
        return "it has more than 26 dimensions"
    if len(nest.tensors) < 2:
        return "it has no operand that is read"
    unused = [name for dim, name in enumerate(nest.dims) if not any(dim in tensor.dims for tensor in nest.tensors)]
    if unused:
        return f"dimension {unused[0]} indexes no tensor"
    for tensor in nest.tensors:
        if not tensor.dims:
            return f"tensor {tensor.name} has no index"
        if any(coefficient < 0 for index in tensor.index for _, coefficient in index.terms):
            return f"tensor {tensor.name} has an index with a negative coefficient"
    return None


def export_files(layer: MappedLayer) -> dict[str, str]:
    """The workload, architecture and mapping files of a layer that :func:`why_not` has no objection to."""
    names = AccelForgeNames.of(layer.nest)
    header = (f"Layer {layer.name}, written by dmaze-solve for AccelForge 1.0.", "")
    return {
        "workload.yaml": yaml_text(
            workload_document(layer.nest, names, layer.bits_per_element),
            (*header, *workload_comments(layer.nest, names.variables, names.tensors, layer.count)),
        ),
        "architecture.yaml": yaml_text(_architecture(layer), (*header, *_ARCHITECTURE_COMMENTS)),
        "mapping.yaml": yaml_text(_mapping(layer, names), (*header, *_mapping_comments(layer, names))),
    }


@dataclass(frozen=True)
class AccelForgeNames:
    """Rank variables and tensors of a nest, in its order, under names that AccelForge accepts."""

    variables: tuple[str, ...]
    tensors: tuple[str, ...]

    @classmethod
    def of(cls, nest: LoopNest) -> AccelForgeNames:
        """The names for a nest of at most 26 dimensions."""
        spare = (f"T{number}" for number in range(2 * len(nest.tensors)))
        tensors = allotted_names((tensor.name for tensor in nest.tensors), _tensor_name, spare)
        return cls(tuple(letter.lower() for letter in dimension_letters(nest) or ()), tensors or ())


def _tensor_name(name: str) -> str | None:
    capitalised = name[:1].upper() + name[1:]
    allowed = re.fullmatch(r"[A-Z]\w*", capitalised, re.ASCII) and capitalised.lower() not in _RESERVED
    return capitalised if allowed else None


def workload_document(nest: LoopNest, names: AccelForgeNames, bits: int) -> dict[str, object]:
    """The workload file of a nest whose elements have so many bits."""
    references = [
        f"{name}[{', '.join(_ranks(name, tensor.index, names.variables))}]"
        for name, tensor in zip(names.tensors, nest.tensors, strict=True)
    ]
    output = references.pop(nest.output)
    bounds = [f"0 <= {name} < {bound}" for name, bound in zip(names.variables, nest.bounds, strict=True)]
    einsum = {"einsum": f"{output} = {' * '.join(references)}", "iteration_space_shape": bounds}
    return {"workload": {"bits_per_value": {"All": bits}, "einsums": [einsum]}}


def _ranks(tensor: str, indices: Sequence[AffineIndex], variables: Sequence[str]) -> Iterator[str]:
    """The subscripts of a tensor. A variable on its own names its rank; everything else gets a rank name of its own."""
    seen: set[str] = set()
    for axis, index in enumerate(indices):
        terms = [variables[dim] if a == 1 else f"{a} * {variables[dim]}" for dim, a in index.terms]
        if terms:
            alone = len(terms) == 1 and index.terms[0][1] == 1 and terms[0] not in seen
            yield terms[0] if alone else f"{tensor}_{axis}: {' + '.join(terms)}"
            seen.add(terms[0])


_ARCHITECTURE_COMMENTS = (
    "Throughputs are elements per accelerator cycle, so that a latency of 1 is one cycle. The size of the SPM is what "
    "one of its two buffers may use; the NoC carries one element per tensor and cycle.",
    "Not said here: DMA start-up cycles and bursts; SPM banks, which tiles are rounded up to; that DMA, delivery and "
    "computing overlap. The energy of the NoC is counted once for an element that several PEs receive; dmaze-solve "
    "counts it for every one of them.",
)


def _architecture(layer: MappedLayer) -> dict[str, object]:
    arch = layer.architecture
    price, bits = arch.access_energy_pj, layer.bits_per_element
    rate = layer.dram_words_per_cycle or "inf"
    nodes = [
        memory_node("DRAM", "inf", (price.dram, price.dram), (rate, rate), bits),
        memory_node("SPM", arch.spm_bytes * 8, (price.spm, price.spm), ("inf", "inf"), bits),
        Tagged(
            "!Toll",
            {
                "name": "NoC",
                "direction": "up_and_down",
                "leak_power": 0,
                "area": 0,
                "tensors": {"keep": "All"},
                "actions": [priced_action("read", price.noc, len(layer.nest.tensors), bits)],
            },
        ),
        Tagged("!Container", {"name": "PE", "spatial": [{"name": "X", "fanout": arch.pes}]}),
        memory_node("RF", arch.rf_bytes_per_pe * 8, (price.rf, price.rf), ("inf", "inf"), bits),
        compute_node(price.mac),
    ]
    return {"arch": {"nodes": nodes}}


def memory_node(
    name: str, size_bits: int | str, energy_pj: tuple[float, float], rate: tuple[float | str, float | str], bits: int
) -> Tagged:
    """A memory; energy and rate (actions per cycle) of reading and of writing so many bits."""
    actions = [priced_action(*each, bits) for each in zip(("read", "write"), energy_pj, rate, strict=True)]
    fields = {
        "name": name,
        "size": size_bits,
        "leak_power": 0,
        "area": 0,
        "tensors": {"keep": "All"},
        "actions": actions,
    }
    return Tagged("!Memory", fields)


def priced_action(name: str, energy_pj: float, rate: float | str, bits: int) -> dict[str, object]:
    """An action on so many bits, with its energy and how often it can be done in a cycle."""
    return {"name": name, "energy": energy_pj, "throughput": rate, "bits_per_action": bits}


def compute_node(energy_pj: float) -> Tagged:
    """The multiply-accumulate unit, one operation a cycle."""
    action = {"name": "compute", "energy": energy_pj, "throughput": 1}
    return Tagged("!Compute", {"name": COMPUTE, "leak_power": 0, "area": 0, "actions": [action]})


def _mapping(layer: MappedLayer, names: AccelForgeNames) -> dict[str, object]:
    """LoopTree nodes, outermost first; ``tile_shape`` is what one iteration leaves of a dimension.

    Reuse is by position: a tensor's Storage stands above the innermost loops that do not index it.
    """
    tiling = layer.mapping.tiling
    per_pe = tuple(spm * rf for spm, rf in zip(tiling.spm, tiling.rf, strict=True))
    everything = list(range(len(layer.nest.tensors)))
    nodes = [storage_node(names, everything, "DRAM")]
    nodes += _loops_with_storage(layer, names, layer.dram_loops, tiling.spm_tile, "SPM")
    nodes.append(Tagged("!Toll", {"tensors": list(names.tensors), "component": "NoC"}))
    for dim in layer.spatial_loops:
        nodes.append(spatial_loop(names, dim, per_pe[dim], "X", "PE"))
    nodes += _loops_with_storage(layer, names, layer.spm_loops, tiling.rf, "RF")
    nodes += [temporal_loop(names, dim, 1) for dim in layer.rf_loops]
    nodes.append(Tagged("!Compute", {"einsum": names.tensors[layer.nest.output], "component": COMPUTE}))
    return {"mapping": {"nodes": nodes}}


def _loops_with_storage(
    layer: MappedLayer, names: AccelForgeNames, loops: Sequence[int], tile: Sequence[int], component: str
) -> Iterator[Tagged]:
    """A level's loops, and among them where the memory below takes in each tensor."""
    depths = [fetch_depth(tensor, loops) for tensor in layer.nest.tensors]
    for depth in range(len(loops) + 1):
        here = [t for t, at in enumerate(depths) if at == depth]
        if here:
            yield storage_node(names, here, component)
        if depth < len(loops):
            yield temporal_loop(names, loops[depth], tile[loops[depth]])


def storage_node(names: AccelForgeNames, tensors: Sequence[int], component: str) -> Tagged:
    """Where a component takes in tensors, which go by their positions."""
    return Tagged("!Storage", {"tensors": [names.tensors[t] for t in tensors], "component": component})


def temporal_loop(names: AccelForgeNames, dim: int, left: int) -> Tagged:
    """A loop in time; one iteration leaves so much of its dimension."""
    return Tagged("!Temporal", {"rank_variable": names.variables[dim], "tile_shape": left})


def spatial_loop(names: AccelForgeNames, dim: int, left: int, fanout: str, component: str) -> Tagged:
    """A loop over the instances of a component, along one of its fanouts."""
    fields = {"rank_variable": names.variables[dim], "tile_shape": left, "name": fanout, "component": component}
    return Tagged("!Spatial", fields)


def _mapping_comments(layer: MappedLayer, names: AccelForgeNames) -> Iterator[str]:
    yield from renaming_comments(layer.nest.dims, names.variables, "Dimensions")
    yield from renaming_comments([tensor.name for tensor in layer.nest.tensors], names.tensors, "Tensors")
    yield "Not said here: which PEs get neighbouring parts of a dimension (here each PE gets one contiguous part)."
    kept = ", ".join(names.tensors[t] for t in layer.skipped)
    if kept:
        yield f"Not said here: {kept} stays in the register files across SPM passes; here every pass delivers it."
