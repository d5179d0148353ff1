"""What reports say of a layer's best mapping, on an architecture of either kind."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.dmazerunner.cost_document import Cost
from ..model.documents.kinds.any_mappings import AnyCost
from ..model.documents.result import Result
from ..model.exports.mapped_layer import best_mappings
from ..model.hierarchy.level_mapping import LevelMappingDocument
from ..model.hierarchy.machine import Machine
from .reports.level_listing import level_listing
from .reports.loop_listing import loop_lines


def utilization_by_part(cost: AnyCost) -> Mapping[str, float | None]:
    """The share of every part of the machine that is in use, where it has a size."""
    if isinstance(cost, Cost):
        return {"PE": cost.utilization.pe, "RF": cost.utilization.rf, "SPM": cost.utilization.spm}
    return cost.utilization


def energy_by_part(cost: AnyCost) -> Mapping[str, float]:
    """Energy in pJ by part of the machine, from the multiply-accumulates on."""
    parts = cost.energy_breakdown_pj
    if isinstance(parts, dict):
        return {"MAC" if name == "mac" else name: energy for name, energy in parts.items()}
    return {"MAC": parts.mac, "RF": parts.rf, "NoC": parts.noc, "SPM": parts.spm, "DRAM": parts.dram}


def parts_with_sizes(result: Result) -> tuple[str, ...]:
    """The parts of the machine that have a utilisation, as :func:`utilization_by_part` names them."""
    machine = result.architecture
    if not isinstance(machine, Machine):
        return ("PE", "RF", "SPM")
    found = [layer.solutions[0].cost for layer in result.layers if layer.solutions]
    names = (node.name for node in machine.nodes)
    return tuple(name for name in names if any(utilization_by_part(cost).get(name) is not None for cost in found))


def parts_with_energy(result: Result) -> dict[str, bool]:
    """The parts that may take energy, as :func:`energy_by_part` names them, and whether they do in any layer."""
    machine = result.architecture
    names = ["RF", "NoC", "SPM", "DRAM"] if not isinstance(machine, Machine) else [node.name for node in machine.nodes]
    found = [energy_by_part(layer.solutions[0].cost) for layer in result.layers if layer.solutions]
    return {name: any(energies[name] for energies in found) for name in ("MAC", *names)}


def best_listings(result: Result) -> list[tuple[str, list[str]]]:
    """Every distinct layer that has a mapping, with the lines of the best one's loop nest."""
    machine = result.architecture
    if not isinstance(machine, Machine):
        return [(mapped.name, loop_lines(mapped)) for mapped in best_mappings(result)]
    return [
        (layer.name, level_listing(layer.loop_nest(), machine, mapping))
        for layer in result.layers
        if layer.same_as is None and layer.solutions
        for mapping in (layer.solutions[0].mapping,)
        if isinstance(mapping, LevelMappingDocument)
    ]
