"""Good mappings beside proved ones: what a search for the best does not meet, since it follows no worse ones.

They fill the ranks after the first, and nothing is claimed of them. Beside the best mappings known, all are costed that
differ in where one prime factor is, or in one choice of what is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from ...model.dmazerunner.factorisations import prime_factors
from ...model.hierarchy.accountings import Accounting
from ...model.hierarchy.constraints.level_legality import broken_level_rules
from ...model.hierarchy.constraints.resolved_constraints import ResolvedConstraints
from ...model.hierarchy.level_mapping import LevelMapping
from ...model.hierarchy.vectorised.count_bounds import why_too_large
from ...model.hierarchy.vectorised.hierarchy_batch import DEFAULT_PIECE, batch_cost
from ...model.hierarchy.vectorised.mapping_arrays import MappingArrays, mapping_arrays
from ...model.objectives import OBJECTIVES, Objective
from ..deadline import Deadline
from .best_mappings import BestMappings
from .level_enumeration import within_limits

ROUNDS = 3
"""How often what is beside the best mappings is looked at."""

Entry = TypeVar("Entry")


def with_nearby(
    constraints: ResolvedConstraints,
    counted: Accounting,
    objective: Objective,
    known: Sequence[LevelMapping],
    size: int,
    deadline: Deadline,
) -> tuple[LevelMapping, ...]:
    """The known mappings, then others beside them, as long as there is time: the best ``size`` of all, best first."""
    nest, machine = constraints.nest, constraints.machine
    if why_too_large(nest, machine) or not known:
        return tuple(known)
    best = BestMappings(nest, machine, size)
    seen: set[LevelMapping] = set()
    waiting = list(known)
    for _ in range(ROUNDS):
        if waiting:
            _offer(constraints, counted, objective, waiting, best)
        tried = [entry.mapping for entry in best.kept if entry.mapping not in seen]
        if deadline.passed or not tried:
            break
        seen.update(tried)
        waiting = [found for mapping in tried for found in _beside(constraints, mapping)]
    return tuple(dict.fromkeys((*(entry.mapping for entry in best.kept), *known)))


def _offer(
    constraints: ResolvedConstraints,
    counted: Accounting,
    objective: Objective,
    mappings: Sequence[LevelMapping],
    best: BestMappings,
) -> None:
    """Cost mappings that keep the rules on factors, orders and what is kept, and take in those that keep all."""
    if any(constraints.min_utilization):
        mappings = [mapping for mapping in mappings if not broken_level_rules(constraints, mapping)]
    for piece in mapping_arrays(constraints.nest, constraints.machine, mappings).pieces(DEFAULT_PIECE):
        cost = batch_cost(constraints.nest, constraints.machine, piece, counted)
        values, ties = OBJECTIVES[objective].of_arrays(cost.energy_pj, cost.cycles.astype(np.float64))
        rows = np.flatnonzero(cost.fits.all(axis=0) & within_limits(constraints, cost))
        best.offer(values[rows], ties[rows], MappingArrays(piece.factors[rows], piece.orders[rows], piece.kept[rows]))


def _beside(constraints: ResolvedConstraints, mapping: LevelMapping) -> Iterator[LevelMapping]:
    """The mappings that differ in one prime factor at two nodes, or in one choice of what is kept."""
    nodes = range(constraints.machine.num_nodes)
    for dim in range(len(constraints.nest.dims)):
        for source in nodes:
            for prime, _ in prime_factors(mapping.factors[source][dim]):
                for target in nodes:
                    if target != source:
                        yield from _moved(constraints, mapping, dim, prime, source, target)
    for level in constraints.machine.levels:
        for tensor, rule in enumerate(constraints.keep[level.node]):
            if rule == "may":
                row = mapping.kept[level.node]
                flipped = (*row[:tensor], not row[tensor], *row[tensor + 1 :])
                yield replace(mapping, kept=_with_row(mapping.kept, level.node, flipped))


def _moved(
    constraints: ResolvedConstraints, mapping: LevelMapping, dim: int, prime: int, source: int, target: int
) -> Iterator[LevelMapping]:
    """The mappings with a prime factor of a dimension at another node: in its place, innermost and outermost there."""
    factors = [list(row) for row in mapping.factors]
    factors[source][dim] //= prime
    factors[target][dim] *= prime
    if not all(
        constraints.lower[node][dim] <= factors[node][dim] <= constraints.upper[node][dim] for node in (source, target)
    ):
        return
    order = mapping.orders[target]
    others = tuple(other for other in order if other != dim)
    for arranged in dict.fromkeys((order, (*others, dim), (dim, *others))) if order else ((),):
        loops = tuple(loop for loop in arranged if factors[target][loop] > 1)
        if constraints.orders_hold(target, loops):
            yield replace(
                mapping, factors=tuple(map(tuple, factors)), orders=_with_row(mapping.orders, target, arranged)
            )


def _with_row(rows: tuple[tuple[Entry, ...], ...], place: int, row: tuple[Entry, ...]) -> tuple[tuple[Entry, ...], ...]:
    """The rows with another one at a place."""
    return (*rows[:place], row, *rows[place + 1 :])
