"""What fits, and which rule a mapping onto a hierarchy breaks, by name: the definition for one mapping at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..exact.geometry import Geometry
from ..exact.holding import exceeded, utilization
from ..hierarchy_cost import HierarchyCost
from ..level_mapping import LevelMapping
from ..machine import Machine
from .level_constraints import LevelConstraints
from .resolved_constraints import ResolvedConstraints


def broken_level_rules(constraints: ResolvedConstraints, mapping: LevelMapping) -> tuple[str, ...]:
    """Every capacity and constraint that a legal mapping breaks, by name; empty when it is allowed.

    A capacity goes by its field, such as ``nodes.GLB.capacity_bytes``; a constraint by its place, such as
    ``fixed.M.GLB``. Limits on words are not looked at here (:func:`broken_word_limits`).
    """
    geometry = Geometry(constraints.nest, constraints.machine, mapping)
    broken = [*_exceeded_capacities(geometry), *_low_utilizations(geometry, constraints)]
    broken += [rule.rule for rule in constraints.factor_rules if not rule.holds(mapping.factors[rule.node][rule.dim])]
    broken += [rule.rule for rule in constraints.keep_rules if mapping.kept[rule.node][rule.tensor] != rule.keep]
    for level in constraints.machine.levels:
        loops = tuple(dim for dim in mapping.orders[level.node] if mapping.factors[level.node][dim] > 1)
        if not constraints.orders_hold(level.node, loops):
            broken.append(constraints.order_rules[level.node])
    return tuple(dict.fromkeys(broken))


def broken_word_limits(machine: Machine, constraints: LevelConstraints, cost: HierarchyCost) -> tuple[str, ...]:
    """The limits on words read and written that a cost exceeds, by name."""
    moved = {node.name: words_of(cost, position) for position, node in enumerate(machine.nodes)}
    return tuple(f"max_words.{level}" for level, limit in constraints.max_words.items() if moved.get(level, 0) > limit)


def words_of(cost: HierarchyCost, node: int) -> int:
    """Words that a storage level reads and writes, all instances and tensors together."""
    return sum(access.reads + access.writes for access in cost.accesses[node] if access is not None)


def _exceeded_capacities(geometry: Geometry) -> Iterator[str]:
    machine = geometry.machine
    for network in machine.networks:
        if math.prod(geometry.mapping.factors[network.node]) > network.size:
            yield f"nodes.{network.name}.size"
    for level in machine.levels:
        for field in exceeded(geometry, level):
            yield f"nodes.{level.name}.{field}"


def _low_utilizations(geometry: Geometry, constraints: ResolvedConstraints) -> Iterator[str]:
    for node, least in enumerate(constraints.min_utilization):
        if least and (_utilization(geometry, node) or 0.0) < least:
            yield f"min_utilization.{geometry.machine.nodes[node]}"


def _utilization(geometry: Geometry, node: int) -> float | None:
    machine = geometry.machine
    if node in machine.level_at:
        return utilization(geometry, machine.level_at[node])
    return geometry.spread(node) / machine.network_at[node].size
