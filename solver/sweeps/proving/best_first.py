"""Which problem to search next so that the best design is proved with few searches, and which need none.

Every layer on every design has a lower bound (:mod:`.layer_bounds`). First the design in the middle of all axes is
solved, which is seldom far from the best one. From then on the design whose bounds sum to the least is looked at next,
its layer with the largest share of the sum first. Every search has a limit then: what the layer's objective may be at
most for its design to be as good as the best one. Where nothing is within it (:mod:`.refuting`) the design is excluded.
So is one whose bounds sum to more than the best one's objective, or to as much if it comes later: of equal designs a
sweep names the first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ....model.documents.result import LayerResult, Number, Reason, Termination
from ....model.documents.sweep_results import Exclusion
from ....model.documents.sweep_spec import SweepSpec
from ....model.objectives import OBJECTIVES, Objective
from ....model.reading.loading import ResolvedSpec
from ...pipeline.runs.layer_results import unsolved
from ..goals import Goal, Optima, OptimaBelow, objective_of_design
from ..plan import Plan, Slot
from .layer_bounds import LayerBounds

ABOVE = 1 + 1e-12
"""Takes a limit above what rounding of a design's sum could hide."""

EXCLUDED = Termination(reason=Reason.EXCLUDED)


@dataclass(frozen=True)
class Best:
    """The best design so far and its objective."""

    value: Number
    design: int


class BestFirst:
    """Hands out what the best design needs; ``best`` is the best design solved so far."""

    def __init__(self, spec: ResolvedSpec[SweepSpec], plan: Plan) -> None:
        self._plan = plan
        self._objective: Objective = spec.document.objective
        self._bounds = LayerBounds(spec, plan)
        self._answers: dict[int, LayerResult] = {}
        self._refuted: set[int] = set()
        self._busy: set[int] = set()
        self._sums = [self._sum(design) for design in range(len(plan.designs))]
        self._middle = _middle([design.position for design in plan.designs])
        self.best: Best | None = None

    def following(self) -> int | None:
        """The problem whose answer says most about the design that may be the best."""
        if self.best is None and self._is_open(self._middle) and (first := self._waiting(self._middle)):
            return max(first, key=self._share)
        waiting = {design: self._waiting(design) for design in range(len(self._sums)) if self._is_open(design)}
        design = min((d for d, numbers in waiting.items() if numbers), key=lambda d: (self._sums[d], d), default=None)
        return None if design is None else max(waiting[design], key=self._share)

    def submitted(self, number: int) -> None:
        """It is under way."""
        self._busy.add(number)

    def goal_of(self, number: int) -> Goal[LayerResult]:
        """The best mapping; once a design is solved only if it can make this one as good."""
        if self.best is None:
            return Optima()
        design, weight = self._plan.problems[number][0].design, self._weight(number)
        rest = sum(self._weight(other) * self._bounds.of[other] for other in self._numbers(design) if other != number)
        return OptimaBelow((self.best.value - rest) / weight * ABOVE)

    def answered(self, number: int, answer: LayerResult) -> bool:
        """Take an answer in; one that only excludes its design is none that was asked for."""
        self._busy.discard(number)
        if answer.termination == EXCLUDED:
            self._refuted.add(number)
        else:
            self._answers[number] = answer
        bound = math.inf if answer.status == "infeasible" else answer.bound
        for design in self._bounds.learn(number, bound) if bound is not None else ():
            self._sums[design] = self._sum(design)
        self._compare(self._plan.problems[number][0].design)
        return number in self._answers

    def failed(self, number: int) -> None:
        """It is not tried again."""
        self._busy.discard(number)
        self._answers[number] = unsolved(self._plan.layers[self._plan.problems[number][0].layer], EXCLUDED)

    def excluded(self, number: int) -> LayerResult | None:
        """A problem without an answer on a design that needs none: its bound."""
        slot = self._plan.problems[number][0]
        if number in self._answers or self._is_open(slot.design):
            return None
        found = unsolved(self._plan.layers[slot.layer], EXCLUDED, note="its design was excluded")
        bound = self._bounds.of[number]
        return found if math.isinf(bound) else found.model_copy(update={"bound": bound})

    def exclusion(self, design: int) -> Exclusion | None:
        """Why a design that is not solved cannot be the best."""
        numbers = self._numbers(design)
        if self._is_open(design) or all(number in self._answers for number in numbers):
            return None
        solved, refuted = (sum(n in known for n in numbers) for known in (self._answers, self._refuted))
        bound = None if math.isinf(self._sums[design]) else self._sums[design]
        return Exclusion(bound=bound, solved=solved, refuted=refuted, bounded=len(numbers) - solved - refuted)

    # Sums over the layers of a design

    def _numbers(self, design: int) -> dict[int, None]:
        """The problems of a design."""
        slots = (Slot(design, position) for position in range(len(self._plan.layers)))
        return dict.fromkeys(self._plan.problem_of[slot] for slot in slots)

    def _weight(self, number: int) -> int:
        """How often a problem's layer occurs on its design."""
        return sum(self._plan.layers[slot.layer].count for slot in self._plan.problems[number])

    def _share(self, number: int) -> float:
        return self._weight(number) * self._bounds.of[number]

    def _waiting(self, design: int) -> list[int]:
        return [n for n in self._numbers(design) if n not in self._answers and n not in self._busy]

    def _sum(self, design: int) -> float:
        """What a design's objective is at least: summed as values are, layer by layer."""
        slots = ((layer.count, Slot(design, position)) for position, layer in enumerate(self._plan.layers))
        counted = [(count, self._bounds.of[self._plan.problem_of[slot]]) for count, slot in slots]
        if any(math.isinf(bound) for _, bound in counted):
            return math.inf
        return OBJECTIVES[self._objective].sum_of_bounds(counted)

    def _is_open(self, design: int) -> bool:
        """Whether a design may be better than the best one, or as good and earlier."""
        bound = self._sums[design]
        if math.isinf(bound) or self.best is None:
            return not math.isinf(bound)
        return bound < self.best.value or (bound == self.best.value and design <= self.best.design)

    def _compare(self, design: int) -> None:
        """Take over a design with all layers answered, if it is better than the best one, or as good and earlier."""
        numbers = [self._plan.problem_of[Slot(design, position)] for position in range(len(self._plan.layers))]
        if not all(number in self._answers for number in numbers):
            return
        answers = [
            self._answers[number].model_copy(update={"count": layer.count})
            for number, layer in zip(numbers, self._plan.layers, strict=True)
        ]
        value = objective_of_design(self._objective, answers)
        if value is not None and (self.best is None or (value, design) < (self.best.value, self.best.design)):
            self.best = Best(value, design)


def _middle(positions: Sequence[tuple[int, ...]]) -> int:
    """The number of the design that is nearest to the middle of all axes, by steps."""
    lengths = [max(axis) for axis in zip(*positions, strict=True)]

    def steps(number: int) -> int:
        return sum(abs(2 * place - length) for place, length in zip(positions[number], lengths, strict=True))

    return min(range(len(positions)), key=steps)
