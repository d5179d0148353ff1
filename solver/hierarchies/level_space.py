"""All mappings of a nest onto a hierarchy that the constraints allow, as arrays: tilings, keep choices, orders."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations, product

import numpy as np

from ...model.dmazerunner.factorisations import divisors
from ...model.hierarchy.constraints.resolved_constraints import ResolvedConstraints
from ...model.hierarchy.vectorised.mapping_arrays import Ints, MappingArrays, Mask

TILINGS_AT_A_TIME = 1 << 14


@dataclass(frozen=True)
class LevelSpace:
    """The space that constraints leave of a nest and a machine."""

    constraints: ResolvedConstraints

    @cached_property
    def options(self) -> tuple[Ints, ...]:
        """``options[dim][choice, node]``: the factors of a dimension over all nodes, the outermost varying slowest."""
        bounds, asked = self.constraints.nest.bounds, self.constraints
        nodes = range(asked.machine.num_nodes)
        found: list[Ints] = []
        for dim, bound in enumerate(bounds):
            limits = [(asked.lower[node][dim], asked.upper[node][dim]) for node in nodes]
            rows = list(factorisations(bound, limits))
            found.append(np.array(rows, dtype=np.int64).reshape(len(rows), len(limits)))
        return tuple(found)

    @property
    def num_tilings(self) -> int:
        """Choices of factors, whether they fit or not."""
        return math.prod(len(rows) for rows in self.options)

    @property
    def num_keep_choices(self) -> int:
        """Choices of what is kept where."""
        return 2 ** sum(rule == "may" for row in self.constraints.keep for rule in row)

    @cached_property
    def keep_choices(self) -> tuple[Mask, ...]:
        """Every choice of what is kept where, ``[level, tensor]``."""
        asked = self.constraints
        if asked.contradicts:
            return ()
        either = {"must": (True,), "never": (False,), "may": (True, False)}
        rows = [[either[rule] for rule in asked.keep[level.node]] for level in asked.machine.levels]
        single = [list(product(*row)) for row in rows]
        return tuple(np.array(choice, dtype=np.bool_) for choice in product(*single))

    def tilings(self) -> Iterator[tuple[int, Ints]]:
        """Arrays ``[row, node, dim]`` of factors that the fanouts have instances for, and how many were looked at."""
        shape = tuple(len(rows) for rows in self.options)
        for start in range(0, self.num_tilings, TILINGS_AT_A_TIME):
            numbers = np.arange(start, min(start + TILINGS_AT_A_TIME, self.num_tilings))
            places = np.unravel_index(numbers, shape)
            chosen = [rows[place] for rows, place in zip(self.options, places, strict=True)]
            factors: Ints = np.stack(chosen, axis=2)
            fits = np.ones(len(factors), dtype=np.bool_)
            for network in self.constraints.machine.networks:
                fits &= np.multiply.reduce(factors[:, network.node], axis=1) <= network.size
            yield start + len(numbers), factors[fits]

    def mappings(self, factors: Ints, kept: Mask) -> Iterator[MappingArrays]:
        """All mappings of some tilings, each with what it keeps (``kept[row, level, tensor]``), under all orders.

        Loops of one iteration are none, so orders of iterating loops only. Those of the innermost level are left out:
        its loops stand outside the multiply-accumulates alone, every one of which gets its operands anew, so that the
        counts depend on the product of their trips (section 5; nor does the stride rule of section 9 look at them).
        """
        outer = [level.node for level in self.constraints.machine.levels[:-1]]
        num_loops = len(outer) * len(self.constraints.nest.dims)
        iterating = (factors[:, outer] > 1).reshape(len(factors), num_loops)
        weights: Ints = 1 << np.arange(num_loops)
        patterns, firsts, pattern_of = np.unique(iterating @ weights, return_index=True, return_inverse=True)
        for number, first in enumerate(firsts.tolist() if len(patterns) else []):
            orders = self._orders(iterating[first].reshape(len(outer), len(self.constraints.nest.dims)).tolist())
            rows = np.flatnonzero(pattern_of == number)
            yield MappingArrays(
                np.repeat(factors[rows], len(orders), axis=0),
                np.tile(orders, (len(rows), 1, 1)),
                np.repeat(kept[rows], len(orders), axis=0),
            )

    def _orders(self, iterating: Sequence[Sequence[bool]]) -> Ints:
        """``[order, level, position]``: all orders of iterating loops, inside the others; one of the innermost."""
        dims = tuple(range(len(self.constraints.nest.dims)))
        single: list[list[tuple[int, ...]]] = []
        for level, flags in zip(self.constraints.machine.levels, iterating, strict=False):
            loops = tuple(dim for dim in dims if flags[dim])
            idle = tuple(dim for dim in dims if not flags[dim])
            found = (order for order in permutations(loops) if self.constraints.orders_hold(level.node, order))
            single.append([(*idle, *order) for order in found])
        return np.array([(*chosen, self._innermost_order) for chosen in product(*single)], dtype=np.int64)

    @cached_property
    def _innermost_order(self) -> tuple[int, ...]:
        """An order of the innermost level that is as asked."""
        asked = self.constraints.inner_orders[self.constraints.machine.levels[-1].node]
        return (*(dim for dim in range(len(self.constraints.nest.dims)) if dim not in asked), *asked)


def joined(parts: Sequence[MappingArrays]) -> MappingArrays:
    """Several arrays of mappings as one."""
    return MappingArrays(
        np.concatenate([part.factors for part in parts]),
        np.concatenate([part.orders for part in parts]),
        np.concatenate([part.kept for part in parts]),
    )


def factorisations(bound: int, limits: Sequence[tuple[int, int]]) -> Iterator[tuple[int, ...]]:
    """The ways to write a number as a product of factors within limits, one for each limit."""
    lower, upper = limits[0]
    if len(limits) == 1:
        if lower <= bound <= upper:
            yield (bound,)
        return
    for factor in divisors(bound):
        if lower <= factor <= upper:
            for rest in factorisations(bound // factor, limits[1:]):
                yield (factor, *rest)
