"""The exact model on given mappings, from request to result (``contract.md`` section 3, verb ``evaluate``)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from .dmazerunner.architecture import Architecture
from .dmazerunner.cost import (
    ExactCost,
    burst,
    cost_of_mapping,
    costs_of_tiling,
    dma_cycles,
    footprints,
    reduction_words,
)
from .dmazerunner.legality import capacity_faults, occupancy
from .dmazerunner.mapping import Mapping, MappingDocument, Tiling, order_from_document, tiling_from_document
from .documents.cost_document import breakdown_to_document
from .documents.evaluation import DmaBursts, EvaluatedCost, EvaluateRequest, EvaluateResult, Fits
from .faults import Fault, InputError
from .loop_nest import LoopNest
from .reading.json_files import read_json
from .reading.loading import resolve_architecture
from .reading.validation import validated


def evaluate(request: EvaluateRequest, *, detail: bool = False) -> EvaluateResult:
    """The exact costs of the mappings of a request. What does not fit is costed all the same, and flagged.

    An architecture given by name or path is looked up against the current folder. ``detail`` adds footprints, DMA
    bursts and cycles, and, where orders are given, reuse factors and the cycles of one SPM pass.

    Raises:
        InputError: one fault per unknown dimension, product of factors that is not the bound, or impossible order.
    """
    architecture = resolve_architecture(request.architecture, Path.cwd())
    nest = request.layer.loop_nest()
    try:
        nest = nest.padded(request.padded_bounds)
    except ValueError as error:
        raise InputError(_fault("padded_bounds", line) for line in str(error).splitlines()) from error
    parsed = _parse(nest, request.mappings)
    return EvaluateResult(costs=tuple(_evaluate(nest, architecture, *mapping, detail=detail) for mapping in parsed))


def load_request(path: Path) -> EvaluateRequest:
    """The request in a file, with its architecture in place of a name or a path (relative to the file).

    Raises:
        InputError: with everything that is wrong with the file, or else with the architecture that it refers to.
    """
    request = validated(EvaluateRequest, read_json(path), str(path))
    architecture = resolve_architecture(request.architecture, path.parent, str(path))
    return request.model_copy(update={"architecture": architecture})


Orders = tuple[tuple[int, ...], tuple[int, ...]]
"""DRAM order and SPM order, as positions of dimensions."""


def _parse(nest: LoopNest, documents: Iterable[MappingDocument]) -> list[tuple[Tiling, Orders | None]]:
    """Tilings with their orders, if given; all faults are collected before any is raised."""
    parsed: list[tuple[Tiling, Orders | None]] = []
    faults: list[Fault] = []
    for position, document in enumerate(documents):
        try:
            parsed.append((tiling_from_document(nest, document.tiling), orders_from_document(nest, document)))
        except ValueError as error:
            faults += [_fault(f"mappings[{position}]", line) for line in str(error).splitlines()]
    if faults:
        raise InputError(faults)
    return parsed


def _fault(place: str, line: str) -> Fault:
    """A fault of the form ``field: what is wrong`` below a place."""
    field, _, message = line.partition(": ")
    return Fault(None, f"{place}.{field}", message)


def orders_from_document(nest: LoopNest, document: MappingDocument) -> Orders | None:
    """DRAM order and SPM order of a public mapping; none when it has none.

    Raises:
        ValueError: when only one is given, or one is not a permutation of the nest's dimensions.
    """
    if document.dram_order is None and document.spm_order is None:
        return None
    if document.dram_order is None or document.spm_order is None:
        missing = "dram_order" if document.dram_order is None else "spm_order"
        raise ValueError(f"{missing}: expected both orders or none")
    dram = order_from_document(nest, document.dram_order, "dram_order")
    return dram, order_from_document(nest, document.spm_order, "spm_order")


def _evaluate(
    nest: LoopNest, architecture: Architecture, tiling: Tiling, orders: Orders | None, *, detail: bool
) -> EvaluatedCost:
    costs = [cost for _, _, cost in costs_of_tiling(nest, architecture, tiling)]
    fields: dict[str, object] = {
        "fits": _fits(nest, architecture, tiling),
        "min_energy_pj": min(cost.energy_pj for cost in costs),
        "min_cycles": min(cost.cycles for cost in costs),
        "min_edp": min(cost.edp for cost in costs),
    }
    if detail:
        fields |= _details_of_tiling(nest, architecture, tiling)
    if orders is not None:
        cost = cost_of_mapping(nest, architecture, Mapping(tiling, *orders))
        fields |= {"energy_pj": cost.energy_pj, "cycles": cost.cycles, "edp": cost.edp}
        fields["energy_breakdown_pj"] = breakdown_to_document(cost)
        if detail:
            fields |= _details_of_orders(nest, cost)
    return EvaluatedCost.model_validate(fields)


def _fits(nest: LoopNest, architecture: Architecture, tiling: Tiling) -> Fits:
    exceeded = capacity_faults(architecture, occupancy(nest, architecture, tiling))
    return Fits(spatial="pes" not in exceeded, rf="rf_bytes_per_pe" not in exceeded, spm="spm" not in exceeded)


def _details_of_tiling(nest: LoopNest, architecture: Architecture, tiling: Tiling) -> dict[str, object]:
    names = [tensor.name for tensor in nest.tensors]
    tiles = {"rf": tiling.rf, "pe_array": tiling.pe_array_tile, "spm": tiling.spm_tile}
    bursts = {tensor.name: burst(tensor, tiling.spm_tile) for tensor in nest.tensors}
    reduction = reduction_words(nest, tiling)
    return {
        "footprint_elements": {
            level: dict(zip(names, footprints(nest, tile), strict=True)) for level, tile in tiles.items()
        },
        "dma": {n: DmaBursts(invocations=b.invocations, burst_elements=b.elements) for n, b in bursts.items()},
        "dma_cycles": {name: dma_cycles(architecture, moved) for name, moved in bursts.items()},
        "noc_reduction_cycles": {tensor.name: reduction if tensor.is_output else 0 for tensor in nest.tensors},
    }


def _details_of_orders(nest: LoopNest, cost: ExactCost) -> dict[str, object]:
    names = [tensor.name for tensor in nest.tensors]
    return {
        "spm_reuse": dict(zip(names, cost.spm_reuse, strict=True)),
        "dram_reuse": dict(zip(names, cost.dram_reuse, strict=True)),
        "cycles_per_spm_pass": cost.cycles_per_spm_pass,
    }
