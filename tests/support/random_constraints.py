"""Random constraints on mappings onto hierarchies, reproducible by seed: each kind alone, or several together."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from dmaze.model.hierarchy.constraints.level_constraints import LevelConstraints
from dmaze.model.hierarchy.constraints.level_legality import words_of
from dmaze.model.hierarchy.exact.exact_cost import hierarchy_cost
from random_hierarchies import RandomCase


def random_constraints(random: Random, case: RandomCase, kinds: Sequence[str]) -> LevelConstraints:
    """Constraints of some of the ``KINDS_OF_CONSTRAINT``; they may leave no mapping."""
    fields: dict[str, Any] = {}
    for kind in kinds:
        fields |= KINDS_OF_CONSTRAINT[kind](random, case)
    if set(kinds) >= {"orders", "innermost"}:
        fields["innermost"] = {level: d for level, d in fields["innermost"].items() if level not in fields["orders"]}
    return LevelConstraints.model_validate(fields)


def _factors(random: Random, case: RandomCase, *, least: bool) -> dict[str, dict[str, int]]:
    """Divisors of one or two bounds, each at one or two nodes; small ones where they are to be ``least``."""
    nest, found = case.nest, dict[str, dict[str, int]]()
    for dim in random.sample(range(len(nest.dims)), min(len(nest.dims), random.choice((1, 1, 2)))):
        divisors = [factor for factor in range(1, nest.bounds[dim] + 1) if nest.bounds[dim] % factor == 0]
        nodes = random.sample(case.machine.nodes, min(case.machine.num_nodes, random.choice((1, 1, 2))))
        choices = divisors[:2] if least else divisors
        found[nest.dims[dim]] = {node: random.choice(choices) for node in nodes}
    return found


def _fixed(random: Random, case: RandomCase) -> dict[str, Any]:
    """The factors that a mapping has at some nodes, so that there is one."""
    found: dict[str, dict[str, int]] = {}
    for dim in random.sample(range(len(case.nest.dims)), min(len(case.nest.dims), random.choice((1, 2)))):
        for node in random.sample(range(case.machine.num_nodes), min(case.machine.num_nodes, random.choice((1, 2)))):
            factor = case.mapping.factors[node][dim]
            found.setdefault(case.nest.dims[dim], {})[case.machine.nodes[node]] = factor
    return {"fixed": found}


def _min_factor(random: Random, case: RandomCase) -> dict[str, Any]:
    return {"min_factor": _factors(random, case, least=True)}


def _max_factor(random: Random, case: RandomCase) -> dict[str, Any]:
    return {"max_factor": _factors(random, case, least=False)}


def _dims(random: Random, case: RandomCase) -> dict[str, Any]:
    return {
        "dims": {
            network.name: tuple(random.sample(case.nest.dims, random.randint(0, len(case.nest.dims))))
            for network in case.machine.networks
            if random.random() < 0.7
        }
    }


def _orders(random: Random, case: RandomCase) -> dict[str, Any]:
    return {
        "orders": {
            level.name: tuple(random.sample(case.nest.dims, random.randint(1, len(case.nest.dims))))
            for level in case.machine.levels
            if random.random() < 0.7
        }
    }


def _innermost(random: Random, case: RandomCase) -> dict[str, Any]:
    chosen = [level.name for level in case.machine.levels if random.random() < 0.7]
    return {"innermost": {name: random.choice(case.nest.dims) for name in chosen}}


def _keep(random: Random, case: RandomCase) -> dict[str, Any]:
    names = ["output", "read", "read1", "*", *(tensor.name for tensor in case.nest.tensors)]
    return {
        "keep": {
            level.name: {random.choice(names): random.choice(("must", "may", "never"))}
            for level in case.machine.levels[1:]
            if random.random() < 0.7
        }
    }


def _min_utilization(random: Random, case: RandomCase) -> dict[str, Any]:
    """At nodes that have a limit, shares that some mappings have."""
    limited = [network.name for network in case.machine.networks]
    limited += [level.name for level in case.machine.levels if level.capacity_bytes or any(level.partitions)]
    chosen = random.sample(limited, min(len(limited), random.choice((1, 1, 2))))
    return {"min_utilization": {name: random.choice((0.05, 0.1, 0.25, 0.5)) for name in chosen}}


def _max_words(random: Random, case: RandomCase) -> dict[str, Any]:
    """Somewhat more or less than a mapping moves."""
    cost = hierarchy_cost(case.nest, case.machine, case.mapping)
    levels = random.sample(case.machine.levels, min(len(case.machine.levels), random.choice((1, 1, 2))))
    return {
        "max_words": {
            level.name: math.floor(words_of(cost, level.node) * random.choice((0.3, 0.5, 0.8, 1.0, 1.5)))
            for level in levels
        }
    }


def _no_spatial_reduction(_: Random, __: RandomCase) -> dict[str, Any]:
    return {"no_spatial_reduction": True}


KINDS_OF_CONSTRAINT: Mapping[str, Callable[[Random, RandomCase], dict[str, Any]]] = {
    "fixed": _fixed,
    "min_factor": _min_factor,
    "max_factor": _max_factor,
    "dims": _dims,
    "orders": _orders,
    "innermost": _innermost,
    "keep": _keep,
    "min_utilization": _min_utilization,
    "max_words": _max_words,
    "no_spatial_reduction": _no_spatial_reduction,
}
"""What draws each kind of constraint."""
