"""Exports for dMazeRunner: ``arch_spec.json``, a network file, and execution methods in the form that it prints.

Sources: ``scripts/arch_spec.json``, ``models/*.json`` and ``scripts/execution_methods.txt`` of its repository.
:mod:`..reading.dmazerunner_files` reads the first two.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from ..dmazerunner.architecture import Architecture
from ..faults import InputError
from ..loop_nest import LoopNest
from ..reading import dmazerunner_files
from ..reading.json_files import JsonObject
from .mapped_layer import MappedLayer
from .yaml_text import comment_lines, comment_text

_CONVOLUTION = ("N", "M", "C", "Ox", "Oy", "Fx", "Fy")
_VARIABLES: Mapping[str, Mapping[str, str]] = {
    "CONV": dict(zip(_CONVOLUTION, _CONVOLUTION, strict=True)),
    "DW_CONV": {name: name for name in _CONVOLUTION if name != "M"},
    "GEMM": {"M": "X", "N": "Y", "K": "K"},
}
"""Kinds of layers, with our dimensions and dMazeRunner's loops for them."""


def why_not(nest: LoopNest) -> str | None:
    """Why dMazeRunner cannot express a nest, or ``None`` where it can."""
    if _entry(nest, "layer", 1) is None:
        return "dMazeRunner knows convolutions without dilation and groups, depthwise ones, and single matrix products"
    return None


def export_network(layers: Sequence[MappedLayer]) -> dict[str, str]:
    """The files of layers that :func:`why_not` has no objection to: machine, network, execution methods."""
    network: dict[str, list[JsonObject]] = {}
    methods: list[str] = []
    for layer in layers:
        found = _entry(layer.nest, layer.name, layer.count)
        if found is not None:
            kind, entry = found
            network.setdefault(kind, []).append(entry)
            methods += ["", *_method(layer, kind)]
    return {
        "arch_spec.json": _json(_architecture(layers[0].architecture)),
        "network.json": _json(network),
        "execution_methods.txt": "\n".join([*comment_lines(_COMMENTS), *methods]) + "\n",
    }


def _json(document: object) -> str:
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _entry(nest: LoopNest, name: str, count: int) -> tuple[str, JsonObject] | None:
    """The kind of a layer and its entry in a network file, if such an entry is read back as the same nest."""
    shapes = {tensor.name: list(tensor.shape) for tensor in nest.tensors}
    for kind, variables in _VARIABLES.items():
        if nest.dims != tuple(variables):
            continue
        first, second = ("A", "B") if kind == "GEMM" else ("I", "W")
        if not {first, second} <= set(shapes):
            continue
        filters = [1, *shapes[second]] if kind == "DW_CONV" else shapes[second]
        entry: JsonObject = {"name": name, "size_tensor_A": shapes[first], "size_tensor_B": filters}
        if kind != "GEMM":
            entry["strides"] = list(_strides(nest))
        if count > 1:
            entry["instances"] = count
        if _reads_back(kind, entry, nest):
            return kind, entry
    return None


def _strides(nest: LoopNest) -> Iterator[int]:
    """What one step of an output row and column moves in the input."""
    (image,) = (tensor for tensor in nest.tensors if tensor.name == "I")
    steps = {dim: coefficient for index in image.index for dim, coefficient in index.terms}
    return (steps.get(nest.dims.index(name), 1) for name in ("Ox", "Oy"))


def _reads_back(kind: str, entry: JsonObject, nest: LoopNest) -> bool:
    try:
        network = dmazerunner_files.read_network({kind: [entry]}, "export", "export")
    except InputError:
        return False
    return network.layers[0].loop_nest().key == nest.key


def _architecture(arch: Architecture) -> JsonObject:
    price = arch.access_energy_pj
    return {
        "arch_details": {
            "pe_pipelined": True,
            "pe_pipeline_stages": 1,
            "data_type_size_in_bytes": arch.bytes_per_element,
            "dma_init_cycles": arch.dma.init_cycles,
            "dma_cycles_per_byte": arch.dma.cycles_per_byte,
            "dma_frequency": arch.dma.clock_mhz,
            "dataflow_accel_frequency": arch.clock_mhz,
            "rf_energy": price.rf,
            "communication_energy": price.noc,
            "spm_energy": price.spm,
            "dram_energy": price.dram,
            "mac_energy": price.mac,
        },
        "arch_basic": {
            "CGRA_SIZE": arch.pes,
            "RF_SIZE": arch.rf_bytes_per_pe,
            "BYTES_PER_DATA": arch.bytes_per_element,
            "TOTAL_BANKS_IN_SPM": arch.spm.banks,
            "TOTAL_BYTES_IN_BANK": arch.spm.bytes_per_bank,
        },
    }


_COMMENTS = (
    "Execution methods found by dmaze-solve, in the form that dMazeRunner prints. It reads no file of this kind: the "
    "calls of set_tiling are for a script such as its examples/conv.py (factors: DRAM, SPM, RF, spatial). It evaluates "
    "a tiling under all loop orders; the orders given here, outermost first, are the ones that dmaze-solve chose.",
)


def _method(layer: MappedLayer, kind: str) -> Iterator[str]:
    """The tiling and the orders of a layer; a depthwise convolution has a loop M of one iteration besides."""
    variables, mapping = _VARIABLES[kind], layer.mapping
    names = [variables[name] for name in layer.nest.dims]
    rows = dict(zip(names, zip(*mapping.tiling.levels, strict=True), strict=True))
    extra = ["M"] if kind == "DW_CONV" else []
    loops = ["N", *extra, *names[1:]] if extra else names
    factors = tuple(tuple(rows.get(name, (1, 1, 1, 1))[level] for name in loops) for level in range(4))
    orders = tuple(extra + [names[dim] for dim in order] for order in (mapping.dram_order, mapping.spm_order))
    yield f"{comment_text(layer.name)}, loops {', '.join(loops)}"
    yield f"Tiling factors (DRAM, SPM, RF, SPATIAL): {factors}"
    yield f"Ordering (DRAM, SPM): {orders}"
    for name in loops:
        yield f'layer.set_tiling("{name}", {list(rows.get(name, (1, 1, 1, 1)))})'
