"""The optima of mappings onto a hierarchy by costing every one, all objectives in one pass."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from dmaze.model.hierarchy.accountings import EXECUTED, Accounting
from dmaze.model.hierarchy.constraints.resolved_constraints import ResolvedConstraints
from dmaze.model.hierarchy.vectorised.hierarchy_batch import DEFAULT_PIECE, batch_cost
from dmaze.model.hierarchy.vectorised.hierarchy_batch_cost import BatchCost
from dmaze.model.hierarchy.vectorised.mapping_arrays import Floats, Ints, MappingArrays, Mask
from dmaze.model.objectives import OBJECTIVES, Objective


@dataclass(frozen=True)
class Optima:
    """How many mappings are allowed, and the least value of each objective with the least other metric beside it."""

    allowed: int
    ranks: dict[Objective, tuple[float, float]]


class TooManyError(Exception):
    """There are more mappings than were to be costed."""


def optima_of(constraints: ResolvedConstraints, most: int, counted: Accounting = EXECUTED) -> Optima:
    """The optima of all mappings that constraints allow; infinite where there are none."""
    ranks: dict[Objective, tuple[float, float]] = dict.fromkeys(OBJECTIVES, (math.inf, math.inf))
    allowed = 0
    for _, cost in allowed_mappings(constraints, most, counted):
        allowed += cost[0].size
        for objective, rule in OBJECTIVES.items():
            values, ties = rule.of_arrays(*cost)
            best = np.lexsort((ties, values))[0]
            ranks[objective] = min(ranks[objective], (float(values[best]), float(ties[best])))
    return Optima(allowed, ranks)


def allowed_mappings(
    constraints: ResolvedConstraints, most: int, counted: Accounting = EXECUTED
) -> Iterator[tuple[MappingArrays, tuple[Floats, Floats]]]:
    """All mappings that fit and keep the constraints, with energies and cycles, in pieces that are not empty.

    Raises:
        TooManyError: where there are more than ``most``, fitting or not.
    """
    nest, machine = constraints.nest, constraints.machine
    for arrays in _mappings(constraints, most):
        for piece in arrays.pieces(DEFAULT_PIECE):
            cost = batch_cost(nest, machine, piece, counted)
            rows = np.flatnonzero(cost.fits.all(axis=0) & _kept(constraints, cost))
            if len(rows):
                found = MappingArrays(piece.factors[rows], piece.orders[rows], piece.kept[rows])
                yield found, (cost.energy_pj[rows], cost.cycles[rows].astype(np.float64))


def _mappings(constraints: ResolvedConstraints, most: int) -> Iterator[MappingArrays]:
    """Every tiling that the fanouts have instances for, under every order, for every choice of what is kept."""
    nest, machine = constraints.nest, constraints.machine
    columns = [list(_factorisations(constraints, dim)) for dim in range(len(nest.dims))]
    if math.prod(map(len, columns)) > 20 * most:
        raise TooManyError
    factors: list[Ints] = []
    orders: list[tuple[tuple[int, ...], ...]] = []
    keeps = list(_keep_choices(constraints))
    for column in itertools.product(*columns):
        tiling = np.array(column, dtype=np.int64).T
        if all(np.prod(tiling[network.node]) <= network.size for network in machine.networks):
            found = list(_orders(constraints, tiling))
            factors += [tiling] * len(found)
            orders += found
            if len(orders) * len(keeps) > most:
                raise TooManyError
    for keep in keeps if orders else []:
        kept = np.array([keep[level.node] for level in machine.levels], dtype=np.bool_)
        yield MappingArrays(np.array(factors), np.array(orders), np.repeat(kept[np.newaxis], len(orders), axis=0))


def _factorisations(constraints: ResolvedConstraints, dim: int) -> Iterator[tuple[int, ...]]:
    """The factors of a dimension at all nodes, within the limits and the rules of the fanouts."""
    rows: list[tuple[int, ...]] = [()]
    bound, nodes = constraints.nest.bounds[dim], range(constraints.machine.num_nodes)
    for node in nodes:
        lower, upper = constraints.lower[node][dim], constraints.upper[node][dim]
        rows = [
            (*row, factor)
            for row in rows
            for factor in range(lower, min(upper, bound) + 1)
            if bound // math.prod(row) % factor == 0
        ]
    return (row for row in rows if math.prod(row) == bound)


def _orders(constraints: ResolvedConstraints, tiling: Ints) -> Iterator[tuple[tuple[int, ...], ...]]:
    """All orders of the loops that iterate, for every level; one of the innermost level, where they cost the same."""
    every: list[list[tuple[int, ...]]] = []
    for level in constraints.machine.levels:
        loops = [dim for dim, factor in enumerate(tiling[level.node]) if factor > 1]
        others = [dim for dim in range(len(constraints.nest.dims)) if dim not in loops]
        asked = (found for found in itertools.permutations(loops) if constraints.orders_hold(level.node, found))
        every.append([(*others, *found) for found in asked])
    every[-1] = every[-1][:1]
    return itertools.product(*every)


def _keep_choices(constraints: ResolvedConstraints) -> Iterator[tuple[tuple[bool, ...], ...]]:
    if constraints.contradicts:
        return iter(())
    options = {"must": (True,), "never": (False,), "may": (True, False)}
    rows = (itertools.product(*(options[rule] for rule in row)) for row in constraints.keep)
    return itertools.product(*rows)


def _kept(constraints: ResolvedConstraints, cost: BatchCost) -> Mask:
    """Whether what is used and what moves is within limits; factors, orders and keeps are as asked already."""
    within = np.ones(cost.size, dtype=np.bool_)
    for share, least in zip(cost.utilization, constraints.min_utilization, strict=True):
        if least:
            within &= share >= least if share is not None else False
    for place, level in enumerate(constraints.machine.levels):
        limit = constraints.max_words[level.node]
        if limit is not None:
            within &= cost.accesses[:, place].sum(axis=(0, 1)) <= limit
    return within
