"""What the headings of a result's tables mean, units included."""

from __future__ import annotations

from collections.abc import Mapping

from ...model.documents.result import Result
from ..solved_layers import parts_with_energy, parts_with_sizes

OF_VERDICTS: Mapping[str, str] = {
    "count": "how often the layer occurs in the network",
    "status": "optimal: proved; feasible: found, not proved; infeasible: no mapping is allowed; unknown: none found",
    "gap": "how far the mapping may be from the best one: (objective value - bound) / objective value",
    "energy pJ": "energy of one run of the layer, in pJ",
    "cycles": "time of one run, in cycles of the accelerator's clock",
    "EDP pJ*cycles": "energy times cycles of one run",
    "evaluated": "tilings that were costed",
    "pruned by bound": "tilings that a lower bound excluded",
    "proved by": "who proved it; = LAYER: the layer is identical to that one, which was searched",
    "s": "seconds that the search took",
    "note": "why the search ended early, and the thresholds that a preset came to",
}

OF_TIMES: Mapping[str, str] = {
    "bound by": "what takes longest by itself and so decides the time: compute, a tensor's deliveries over the NoC "
    "(noc.TENSOR), reduction between PEs, dma; on a hierarchy compute, or a level's or fanout's words",
    "cycles": "time of one run, in cycles",
    "ideal cycles": "cycles if everything that multiplies did so in each: multiply-accumulates / PEs",
    "times ideal": "cycles / ideal cycles",
    "next term": "what takes longest after that, as a share of the cycles",
    "of energy": "the layer's share of the network's energy, all its runs and copies together",
    "of cycles": "the layer's share of the network's cycles, all its runs and copies together",
}

OF_EVALUATIONS: Mapping[str, str] = {
    "fits": "yes, or what is too small",
    "least energy pJ": "least energy over all loop orders, in pJ",
    "least cycles": "fewest cycles over all loop orders",
    "least EDP": "least energy times cycles over all loop orders, in pJ*cycles",
    "energy pJ": "energy in pJ",
    "cycles": "time in cycles of the machine's clock",
    "bound by": OF_TIMES["bound by"],
    "walk cycles": "time in cycles with fill, drain and stalls",
    "EDP": "energy times cycles, in pJ*cycles",
    "share": "part of the energy",
    "in use": "instances in use, or bytes held, over what there are",
    "held": "elements of one instance's tile",
    "fill": "elements written that come from the next level outside",
    "serve": "elements read for the next level inside",
    "drain": "elements of the output read on their way out",
    "update": "elements of the output written that come from inside",
    "down": "words on the way in, counted at the instances",
    "up": "words on the way out, counted at the instances",
    "adds": "additions of partial sums on the way out",
    "of the largest": "as a share of the term that decides",
}
"""Of the tables of given mappings, on machines of either kind."""


def verdict_meanings(result: Result) -> dict[str, str]:
    """Of the table of statuses and costs."""
    used = {part: f"how much of it is in use: {part}" for part in parts_with_sizes(result)}
    bound = {f"{result.objective} bound": "no allowed mapping has less, as the back end claims"}
    return {**OF_VERDICTS, **bound, **used, "bound by": OF_TIMES["bound by"]}


def energy_meanings(result: Result) -> dict[str, str]:
    """Of the table of energies."""
    parts = {part: f"energy in uJ that goes into {part}" for part in parts_with_energy(result)}
    moved = "each tensor's share of the energy of moving data and adding partial sums"
    return {"energy uJ": "energy of one run, in uJ", **parts, "moving data": moved}
