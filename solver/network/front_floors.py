"""What the mappings that a front may lack cost at least: nothing can be said of a complete front, there are none."""

from __future__ import annotations

from ...model.documents.pareto import LayerFront
from ...model.documents.result import Number
from ...model.documents.spec import Spec
from ...model.reading.loading import ResolvedSpec
from ..fronts.layer_fronts import front_problem
from ..least_costs import LeastCosts, least_costs

Floor = tuple[Number, int]
"""Energy in pJ and cycles that no missing mapping is below, both at once."""


def floors_of(known: ResolvedSpec[Spec], front: LayerFront) -> tuple[Floor, ...]:
    """Every mapping of a layer costs at least as much as a point of its front, or as one of these."""
    if front.complete:
        return ()
    return (floor_of_open(front, least_costs(front_problem(known, front.layer.loop_nest()))),)


def floor_of_open(front: LayerFront, least: LeastCosts) -> Floor:
    """The floor of a front that is not complete.

    What constrained solves have refuted from the least energy on leaves only mappings with more energy than the last
    point that they reach; what the first solve has refuted, only mappings with as many cycles as the least.
    """
    reached, energy_pj, cycles = 0, least.energy_pj, least.cycles
    for step in front.steps:
        if step.most_energy_pj is None:
            cycles = max(cycles, step.most_cycles + 1) if step.refuted and step.most_cycles is not None else cycles
        elif step.refuted and reached >= 0:
            reached, energy_pj = reached + 1, max(energy_pj, step.most_energy_pj)
        else:
            reached = -1
    return energy_pj, cycles
