"""What can be had on a hierarchy of what its limits ask for: fewest words of a level, greatest utilisation."""

from __future__ import annotations

import math
from dataclasses import replace

from ....model.documents.kinds.achievable_value import AchievableValue
from ....model.faults import InputError
from ....model.hierarchy.constraints.level_legality import words_of
from ....model.hierarchy.constraints.resolved_constraints import ResolvedConstraints, resolved_constraints
from ....model.hierarchy.machine import Fanout, Machine, StorageLevel
from ....model.hierarchy.resolved_machine import resolved_machine
from ...backend import LevelsProblem, SearchLimits
from ...deadline import Deadline
from ...hierarchies.level_conflicts import WORDS, rules_in_force
from ...hierarchies.level_feasibility import LevelFeasibility
from .frontiers import Frontier

SHARES = "min_utilization."

GAP = 1e-9
"""Relative gap of the search for the fewest words: what is left of that is less than a word, up to a billion words."""


def level_achievable(problem: LevelsProblem, rule: str, deadline: Deadline) -> AchievableValue | None:
    """The best value that the other rules leave of what a limit is for; ``None`` where they leave nothing."""
    node = rule.partition(".")[2]
    return _words(problem, node, deadline) if rule.startswith(WORDS) else _share(problem, node, deadline)


def level_limits(problem: LevelsProblem) -> list[str]:
    """The limits on words and utilisations that are given, by their rules."""
    asked = problem.constraints
    return [*(f"{WORDS}{node}" for node in asked.max_words), *(f"{SHARES}{node}" for node in asked.min_utilization)]


def with_level_limit(problem: LevelsProblem, rule: str) -> LevelsProblem:
    """The problem with one of its limits alone; whatever else is asked stays."""
    asked = problem.constraints
    words = {name: most for name, most in asked.max_words.items() if f"{WORDS}{name}" == rule}
    shares = {name: least for name, least in asked.min_utilization.items() if f"{SHARES}{name}" == rule}
    alone = asked.model_copy(update={"max_words": words, "min_utilization": shares})
    return replace(problem, constraints=alone)


def _words(problem: LevelsProblem, node: str, deadline: Deadline) -> AchievableValue | None:
    """The fewest words of a level: the least energy where a word there costs 1 pJ and nothing else costs anything."""
    from ...shortest_path import BACKEND  # here, as few searches need it beside the back end of the run

    others = {name: most for name, most in problem.constraints.max_words.items() if name != node}
    asked = replace(
        problem,
        architecture=_priced_by_words(problem.architecture, node),
        constraints=problem.constraints.model_copy(update={"max_words": others}),
        objective="energy",
        warm_starts=(),
    )
    try:
        found = BACKEND.search(asked, SearchLimits(max(deadline.left_s, 0.0), relative_gap=GAP, top_k=1), None)
    except InputError:  # an accounting that the shortest path cannot search by
        return None
    position = [entry.name for entry in problem.architecture.nodes].index(node)
    costs = (problem.cost_model.cost(problem.nest, problem.architecture, mapping) for mapping in found.candidates)
    value = min((words_of(cost, position) for cost in costs), default=None)
    if value is None and found.exhausted:
        return None
    bound = math.ceil(found.bound or 0.0)
    return AchievableValue(value=value, bound=bound, proved=value == bound)


def _priced_by_words(machine: Machine, node: str) -> Machine:
    """The machine where every word read or written at a level costs 1 pJ, and nothing else costs anything."""
    nodes = tuple(_priced(entry, 1.0 if entry.name == node else 0.0) for entry in machine.nodes)
    return machine.model_copy(update={"nodes": nodes, "mac_pj": 0.0})


def _priced(node: StorageLevel | Fanout, price_pj: float) -> StorageLevel | Fanout:
    if isinstance(node, Fanout):
        return node.model_copy(update={"word_pj": 0.0, "add_pj": 0.0})
    return node.model_copy(update={"read_pj": price_pj, "write_pj": price_pj, "block_elements": 1})


def _share(problem: LevelsProblem, node: str, deadline: Deadline) -> AchievableValue | None:
    """The greatest utilisation of a node; a bound where limits on words are not looked at."""
    machine = resolved_machine(problem.architecture, problem.nest)
    asked = resolved_constraints(problem.nest, machine, problem.constraints)
    at = machine.nodes.index(node)
    whole = _units(asked, at)

    def decide(units: int) -> bool | None:
        shares = (*asked.min_utilization[:at], units / whole, *asked.min_utilization[at + 1 :])
        changed = replace(asked, min_utilization=shares)
        return LevelFeasibility(changed, frozenset(rules_in_force(changed))).decide(deadline)

    found = Frontier.below(decide, math.ceil(asked.min_utilization[at] * whole))
    if found is None:
        return None
    value = found.greatest(whole)
    limited = any(most is not None for most in asked.max_words)
    return value.model_copy(update={"value": None, "proved": False}) if limited else value


def _units(asked: ResolvedConstraints, node: int) -> int:
    """Of how many instances, or bytes, a node's utilisation is a share."""
    level = asked.machine.level_at.get(node)
    if level is None:
        return asked.machine.network_at[node].size
    if level.capacity_bytes is not None:
        return level.capacity_bytes
    return sum(limit for limit in level.partitions if limit is not None)
