"""Lower bounds on every layer's objective on every design of a sweep, and what an answer says of other designs."""

from __future__ import annotations

import math
from functools import cached_property

from ....model.dmazerunner.constraints import Constraints
from ....model.dmazerunner.published import PUBLISHED
from ....model.documents.sweep_spec import SweepSpec
from ....model.hierarchy.accountings import EXECUTED
from ....model.objectives import OBJECTIVES, SAFE
from ....model.reading.loading import ResolvedSpec
from ...backend import LayerProblem
from ...least_costs import LeastCosts, least_costs
from ..plan import Plan, Slot
from .dominance import least_price_ratio


class LayerBounds:
    """What the objective of a layer on a design is at least, by the number of the problem; infinite without a mapping.

    ``of`` starts with what must be moved and computed anyway, and rises by what is learnt.
    """

    def __init__(self, spec: ResolvedSpec[SweepSpec], plan: Plan) -> None:
        self._spec, self._plan, self._rule = spec, plan, OBJECTIVES[spec.document.objective]
        self._least = [self._least_costs(slots[0]) for slots in plan.problems]
        self._ratios: dict[tuple[int, int], float | None] = {}
        self.of = [least.bound(self._rule) for least in self._least]

    def learn(self, number: int, bound: float) -> set[int]:
        """Take in what the objective of a problem is at least, and give the designs of which more is known now."""
        first = self._plan.problems[number][0]
        changed: set[int] = set()
        for design in range(len(self._plan.designs)) if self._are_comparable else (first.design,):
            smaller = self._plan.problem_of[Slot(design, first.layer)]
            carried = bound if smaller == number else self._carried(number, bound, first.design, design)
            if carried is not None and carried > self.of[smaller]:
                self.of[smaller] = carried
                changed.add(design)
        return changed

    def _least_costs(self, slot: Slot) -> LeastCosts:
        design, layer, given = self._plan.designs[slot.design], self._plan.layers[slot.layer], self._spec.document
        model, nest = self._spec.cost_model, layer.loop_nest()
        problem = LayerProblem(nest, design.architecture, given.constraints, given.objective, cost_model=model)
        return least_costs(problem)

    @cached_property
    def _are_comparable(self) -> bool:
        """Whether what is allowed on a design is allowed on a larger one, and costs no less there but for prices."""
        constraints, model = self._spec.document.constraints, self._spec.cost_model
        if isinstance(constraints, Constraints):
            return model == PUBLISHED and constraints.preset is None and not any(_thresholds(constraints))
        return model.accounting == EXECUTED.name and not constraints.min_utilization

    def _carried(self, number: int, bound: float, larger: int, smaller: int) -> float | None:
        """What a bound on one design says on another one, ``None`` if nothing.

        With ``r`` the least ratio of prices, energy is at least ``r`` times that on the larger design. On published
        machines both are rounded to integers, so that 1 pJ is taken off; of an EDP as much as that is of the least
        energy.
        """
        ratio = self._ratio(larger, smaller)
        if ratio is None or math.isinf(bound) or ratio == 1 or not self._rule.energy_power:
            return None if ratio is None else bound
        rounded = 1.0 if self._spec.cost_model == PUBLISHED else 0.0
        if not self._rule.cycles_power:
            return (ratio * bound - rounded) * SAFE
        energy_pj = self._least[number].energy_pj
        return bound * (ratio - (rounded / energy_pj if rounded else 0.0)) * SAFE if energy_pj >= 1 else None

    def _ratio(self, larger: int, smaller: int) -> float | None:
        if (larger, smaller) not in self._ratios:
            machines = (self._plan.designs[number].architecture for number in (larger, smaller))
            self._ratios[larger, smaller] = least_price_ratio(*machines)
        return self._ratios[larger, smaller]


def _thresholds(constraints: Constraints) -> tuple[float, ...]:
    asked = constraints.min_utilization
    return asked.pe, asked.rf, asked.spm
