"""The search: sweeps with rising targets over all choices of what is kept where, until bound and best mapping meet.

A sweep with a target finds a best mapping or proves that none is better. Targets rise from below, so that no sweep
looks at more than it must; a quick sweep with few labels finds a first mapping.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from ...model.hierarchy.constraints.level_legality import broken_level_rules, words_of
from ...model.hierarchy.exact.exact_cost import hierarchy_cost
from ...model.hierarchy.hierarchy_cost import HierarchyCost
from ...model.hierarchy.level_mapping import LevelMapping
from ...model.objectives import OBJECTIVES, SAFE, Objective
from ..deadline import Deadline
from .bounds.cost_to_go import CostToGo
from .bounds.keep_bounds import BoundedChoice, choices_by_energy
from .bounds.label_bounds import TOLERANCE
from .keep_choice import Choice
from .space.keeping import Keeping
from .space.map_space import MapSpace
from .space.quantities import Quantities, quantities
from .sweeping.sweep import Found, Goal, Sweeper

QUICK_TARGETS = ((1.05, 40), (2.0, 100), (16.0, 400), (math.inf, None))
"""Multiples of the bound at which a quick sweep looks for a first mapping; the labels of all states that it keeps."""
QUICK, LESS_QUICK = 100, 1000
"""Labels of each state that quick sweeps keep: for a first mapping, and then for a better one."""
FIRST_STEP, STEP_GROWTH = 0.004, 16.0
"""How far above the bound the first exact target is, and by how much the distance grows."""
LAST_STEP = 100.0
"""The distance beyond which targets are no help any more: then sweeps look for any mapping."""
QUICK_CHOICES = 4
"""Choices of what is kept where that quick sweeps look at: those with the least bounds."""


@dataclass(frozen=True)
class Candidate:
    """A mapping with its exact cost."""

    mapping: LevelMapping
    cost: HierarchyCost


@dataclass(frozen=True)
class Task:
    """What is to be minimised, within limits on the other metric, by when; ``keep`` mappings are kept."""

    objective: Objective
    deadline: Deadline
    keep: int = 1
    most_energy_pj: float = math.inf
    most_cycles: float = math.inf

    @property
    def with_energy(self) -> bool:
        """Whether energy matters."""
        return OBJECTIVES[self.objective].energy_power > 0 or math.isfinite(self.most_energy_pj)

    @property
    def with_times(self) -> bool:
        """Whether time matters."""
        return OBJECTIVES[self.objective].cycles_power > 0 or math.isfinite(self.most_cycles)


class Programme:
    """The search over one problem; ``best`` and ``bound`` hold at any time what is known."""

    def __init__(self, space: MapSpace, task: Task) -> None:
        self._space, self._task, self._rule = space, task, OBJECTIVES[task.objective]
        self._choices: list[Choice] = []
        self._rest: Iterator[BoundedChoice] = iter(())
        self._bound_of_rest = 0.0
        self.best: list[Candidate] = []
        self.sweeps = 0

    @cached_property
    def _searched(self) -> MapSpace:
        """The map space with the prices that matter."""
        return self._space if self._task.with_energy else self._space.without_energy()

    @cached_property
    def _sums(self) -> Quantities:
        space = self._space
        return quantities(space.constraints, with_times=self._task.with_times, counted=space.counted)

    @property
    def timed(self) -> bool:
        """Whether time matters to the task."""
        return self._task.with_times

    @property
    def value(self) -> float:
        """The objective of the best mapping; infinite without one."""
        return self._value(self.best[0].cost) if self.best else math.inf

    @property
    def bound(self) -> float:
        """A lower bound on the objective of every mapping; infinite where there is none."""
        return min([self._bound_of_rest, *(choice.bound for choice in self._choices)])

    @property
    def num_choices(self) -> int:
        """Choices of what is kept where that were looked at."""
        return len(self._choices)

    @property
    def labels(self) -> int:
        """Labels that sweeps have made."""
        return sum(choice.sweeper.created for choice in self._choices if choice.sweeper is not None)

    def run(self, gap: float, report: Callable[[], None]) -> bool:
        """Search until the best mapping is proved, by a relative gap, and say whether it is.

        ``report`` is called whenever a bound or a mapping may be better.
        """
        try:
            if not self._space.is_empty:
                self._rest = choices_by_energy(self._searched, self._task.deadline)
            self._take_next()
            report()
            self._look_quickly()
            report()
            self._close(gap, report)
        except TimeoutError:
            pass
        return self._proved(gap)

    def _proved(self, gap: float) -> bool:
        bound = self.bound
        return math.isinf(bound) or bound >= self.value * (1 - gap)

    def _take_next(self) -> None:
        """Take the choice with the least bound of those not taken yet."""
        following = next(self._rest, None)
        if following is None or following.energy_pj > self._task.most_energy_pj:
            self._bound_of_rest = math.inf
            return
        least_cycles = self._space.nest.num_macs / self._space.instances_outside(self._space.machine.num_nodes)
        self._bound_of_rest = self._rule.lower_bound(following.energy_pj, least_cycles) * SAFE
        self._choices.append(Choice(following.given, self._bound_of_rest))

    def _take_below(self, target: float) -> None:
        """Take all choices with bounds up to a target."""
        while self._bound_of_rest <= target and math.isfinite(self._bound_of_rest):
            self._take_next()

    def _look_quickly(self) -> None:
        """First mappings, from sweeps with few labels."""
        for _ in range(QUICK_CHOICES - 1):
            self._take_next()
        for choice in self._choices:
            sweeper = self._sweeper(choice)
            for times, in_all in QUICK_TARGETS:
                if self._is_found(choice, sweeper, times, QUICK, in_all) or choice.bound * times >= self.value:
                    break
            if not self._is_found(choice, sweeper, 1 + FIRST_STEP, LESS_QUICK):
                self._is_found(choice, sweeper, math.inf, LESS_QUICK)

    def _is_found(self, choice: Choice, sweeper: Sweeper, times: float, only: int, in_all: int | None = None) -> bool:
        """Whether a quick sweep finds mappings at so many times the bound of a choice, where any can be the best."""
        if choice.closed or choice.bound >= self.value * SAFE:
            return False
        target = self.value if math.isinf(times) else min(choice.bound * times, self.value)
        found = sweeper.run(self._goal(target, only, in_all))
        self._consider(found)
        return bool(found)

    def _close(self, gap: float, report: Callable[[], None]) -> None:
        """Exact sweeps with rising targets, over all choices with bounds below them."""
        start, step = self._least_open(), FIRST_STEP
        unit = start or (self.value if self.best else 1.0)
        while not self._proved(gap) and math.isfinite(start):
            self._task.deadline.check()
            target = min(start + unit * step, self.value)
            self._take_below(target)
            for choice in self._choices:
                if not choice.closed and choice.bound <= target:
                    self._sweep(choice, target)
                    report()
                    target = min(target, self.value)
            step = step * STEP_GROWTH if step < LAST_STEP else math.inf
            if self._bound_of_rest >= self.value and all(
                choice.closed or choice.bound >= self.value for choice in self._choices
            ):
                return

    def _least_open(self) -> float:
        """The bound once the first choice that can have mappings has been looked at closely."""
        while math.isfinite(self._bound_of_rest) and all(choice.closed for choice in self._choices):
            self._take_next()
            self._sweeper(self._choices[-1])
        for choice in sorted(self._choices, key=lambda choice: choice.bound):
            self._sweeper(choice)
            if not choice.closed:
                return self.bound
        return math.inf

    def _sweep(self, choice: Choice, target: float) -> None:
        """One exact sweep: afterwards the bound of the choice is the target, or the value of what was found."""
        sweeper = self._sweeper(choice)
        if choice.closed or choice.bound > target:
            return
        self.sweeps += 1
        found = sweeper.run(self._goal(target))
        values = self._consider(found)
        reached = values if sweeper.apart else [one.value for one in found]
        least = min([target, *reached])
        choice.bound = max(choice.bound, least * SAFE)
        choice.closed = target >= self.value or any(value <= least for value in reached)
        below = [one for value, one in zip(values, found, strict=True) if value > one.value * (1 + TOLERANCE)]
        if below:
            self._refine(choice, sweeper, below)
        if math.isinf(target) and not found:
            choice.bound = math.inf

    def _refine(self, choice: Choice, sweeper: Sweeper, below: list[Found]) -> None:
        """Opens a choice again where labels are below their mappings, if sweeps can do better.

        Partial blocks alone can be why, or loops that slide tiles, so that even their words cost more.
        """
        if sweeper.can_split_loops and any(self._value_in_words(one) > one.value * (1 + TOLERANCE) for one in below):
            choice.closed, sweeper.whole_loops = False, True
        elif sweeper.can_tell_apart:
            choice.closed, choice.sweeper = False, sweeper.told_apart(choice.bound)

    def _goal(self, target: float, only: int | None = None, in_all: int | None = None) -> Goal:
        return Goal(target, self._task.deadline, only, in_all, self._task.most_energy_pj, self._task.most_cycles)

    def _sweeper(self, choice: Choice) -> Sweeper:
        if choice.sweeper is None:
            keeping = Keeping(self._searched, self._sums, choice.given)
            choice.sweeper = Sweeper(keeping, CostToGo(keeping, self._task.deadline), self._rule.name)
            choice.bound = max(choice.bound, choice.sweeper.least * SAFE)
            choice.closed = math.isinf(choice.bound)
        return choice.sweeper

    def _consider(self, found: Iterable[Found]) -> list[float]:
        """Cost what was found exactly, keep the best mappings, distinct by tiling, and give the value of each.

        It is infinite where a mapping breaks a rule or a limit, which its label may not have; of those that cannot be
        better than the one mapping that is kept, it is their label's.
        """
        best, values = {tiling_of(candidate.mapping): candidate for candidate in self.best}, list[float]()
        for one in found:
            if self._is_beaten(one, best.values()):
                values.append(one.value)
                continue
            mapping = one.mapping
            cost = hierarchy_cost(self._space.nest, self._space.machine, mapping, self._space.counted)
            known, allowed = best.get(tiling_of(mapping)), self._is_allowed(mapping, cost)
            values.append(self._value(cost) if allowed else math.inf)
            if allowed and (known is None or self._rank(cost) < self._rank(known.cost)):
                best[tiling_of(mapping)] = Candidate(mapping, cost)
        ranked = sorted(best.values(), key=lambda one: (*self._rank(one.cost), tiling_of(one.mapping)))
        self.best = ranked[: self._task.keep]
        return values

    def _value_in_words(self, one: Found) -> float:
        """The objective of a mapping if partial blocks cost nothing besides their words."""
        space = self._space
        return self._value(hierarchy_cost(space.nest, space.machine_in_words, one.mapping, space.counted))

    def _is_beaten(self, one: Found, best: Iterable[Candidate]) -> bool:
        """Whether one mapping is enough and is there, and none of a label is better: of equal EDP, none faster."""
        if self._task.keep > 1:
            return False
        value, tie = min((self._rank(known.cost) for known in best), default=(math.inf, math.inf))
        return one.value * SAFE > value or (one.value >= value * SAFE and (self._rule.is_integer or one.cycles >= tie))

    def _is_allowed(self, mapping: LevelMapping, cost: HierarchyCost) -> bool:
        """Whether a mapping keeps all rules and limits: its label may have been charged less than it costs."""
        limits = self._space.constraints.max_words
        return (
            not broken_level_rules(self._space.constraints, mapping)
            and all(most is None or words_of(cost, node) <= most for node, most in enumerate(limits))
            and cost.energy_pj <= self._task.most_energy_pj
            and cost.cycles <= self._task.most_cycles
        )

    def _rank(self, cost: HierarchyCost) -> tuple[float, float]:
        return self._rule.rank_key(cost.energy_pj, cost.cycles)

    def _value(self, cost: HierarchyCost) -> float:
        return self._rule.of_cost(cost.energy_pj, cost.cycles)


def tiling_of(mapping: LevelMapping) -> tuple[object, ...]:
    """What makes mappings distinct: factors and what is kept."""
    return mapping.factors, mapping.kept
