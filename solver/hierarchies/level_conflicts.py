"""Why a nest has no mapping onto a hierarchy: rules that cannot hold together."""

from __future__ import annotations

from dataclasses import replace

from ...model.hierarchy.accountings import Accounting
from ...model.hierarchy.constraints.resolved_constraints import ResolvedConstraints, resolved_constraints
from ...model.hierarchy.resolved_machine import Level, resolved_machine
from ..backend import LevelsProblem
from ..deadline import Deadline
from .level_enumeration import EnumerationRun
from .level_feasibility import LevelFeasibility

WORDS = "max_words."


def find_level_conflicts(problem: LevelsProblem, time_limit_s: float) -> tuple[str, ...]:
    """Names of constraints and sizes that clash; empty when the problem is found to have a mapping.

    None of the names can be left out: without it the others can hold. That is not so of rules that could not be
    decided in time; they are named as well, so that what is named clashes in any case.
    """
    deadline = Deadline.after(time_limit_s)
    machine = resolved_machine(problem.architecture, problem.nest)
    asked = resolved_constraints(problem.nest, machine, problem.constraints)
    names = list(dict.fromkeys(rules_in_force(asked)))
    deciding = _Deciding(asked, problem.cost_model.counted)
    if deciding.decide(names, deadline.share(len(names) + 1)):
        return ()
    needed = names
    for number, name in enumerate(names):
        others = [other for other in needed if other != name]
        if deciding.decide(others, deadline.share(len(names) - number)) is False:
            needed = others
    return tuple(needed)


def constraints_can_hold(asked: ResolvedConstraints, deadline: Deadline) -> bool:
    """Whether some tiling may keep all sizes and constraints; true where that is not known in time."""
    return LevelFeasibility(asked, frozenset(rules_in_force(asked))).decide(deadline) is not False


def rules_in_force(asked: ResolvedConstraints) -> list[str]:
    """The rules in force, in the order in which they are tried: machine first."""
    nodes = asked.machine.nodes
    names = [f"nodes.{network.name}.size" for network in asked.machine.networks]
    names += [f"nodes.{level.name}.{field}" for level in asked.machine.levels for field in _limits(level)]
    names += [f"min_utilization.{nodes[node]}" for node, share in enumerate(asked.min_utilization) if share]
    names += [rule.rule for rule in asked.keep_rules]
    names += [rule.rule for rule in asked.factor_rules]
    names += [asked.order_rules[node] for node, order in enumerate(asked.inner_orders) if order]
    return names + [f"{WORDS}{nodes[node]}" for node, most in enumerate(asked.max_words) if most is not None]


def _limits(level: Level) -> list[str]:
    """The fields of a level that limit what it holds."""
    given = {
        "capacity_bytes": level.capacity_bytes is not None,
        "partitions": any(limit is not None for limit in level.partitions),
        "bank_bytes": level.bank_bytes is not None,
    }
    return [field for field, there in given.items() if there]


class _Deciding:
    """Decides whether some of the rules of a problem can hold together."""

    def __init__(self, asked: ResolvedConstraints, counted: Accounting) -> None:
        self._asked, self._counted = asked, counted

    def decide(self, names: list[str], deadline: Deadline) -> bool | None:
        """Whether a mapping keeps the rules of these names; ``None`` when that is not known in time."""
        kept = frozenset(names)
        tilings = LevelFeasibility(self._asked, kept).decide(deadline)
        if not tilings or not any(name.startswith(WORDS) for name in names):
            return tilings
        run = EnumerationRun(self._only(kept), self._counted, "energy", top_k=1)
        run.work(deadline, None, first=True)
        return True if run.best.kept else False if run.finished else None

    def _only(self, kept: frozenset[str]) -> ResolvedConstraints:
        """The rules of these names alone; a least utilisation goes with the size that it is a share of.

        What is asked is less than all of them then, so that a decision that nothing keeps it is still right.
        """
        asked, machine = self._asked, self._asked.machine
        levels = tuple(_relaxed(level, kept) for level in machine.levels)
        networks = tuple(
            network if f"nodes.{network.name}.size" in kept else replace(network, size=asked.nest.num_macs)
            for network in machine.networks
        )
        same = {level.node for level in machine.levels if level in levels}
        same |= {network.node for network in machine.networks if network in networks}
        return ResolvedConstraints(
            nest=asked.nest,
            machine=replace(machine, levels=levels, networks=networks),
            factor_rules=tuple(rule for rule in asked.factor_rules if rule.rule in kept),
            keep_rules=tuple(rule for rule in asked.keep_rules if rule.rule in kept),
            inner_orders=tuple(
                order if name in kept else () for order, name in zip(asked.inner_orders, asked.order_rules, strict=True)
            ),
            order_rules=asked.order_rules,
            min_utilization=tuple(
                share if f"min_utilization.{machine.nodes[node]}" in kept and node in same else 0.0
                for node, share in enumerate(asked.min_utilization)
            ),
            max_words=tuple(
                most if f"{WORDS}{machine.nodes[node]}" in kept else None for node, most in enumerate(asked.max_words)
            ),
        )


def _relaxed(level: Level, kept: frozenset[str]) -> Level:
    """A level with only those of its limits that are kept."""
    dropped = {field for field in _limits(level) if f"nodes.{level.name}.{field}" not in kept}
    if "capacity_bytes" in dropped:
        level = replace(level, capacity_bytes=None, bank_bytes=None)
    if "bank_bytes" in dropped:
        level = replace(level, bank_bytes=None)
    if "partitions" in dropped:
        level = replace(level, partitions=(None,) * len(level.partitions))
    return level
