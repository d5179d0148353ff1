"""Which loops bring a tensor's tile again: loop orders as far as they matter for the words that move.

Walking outward from a tile, loops that do not index its tensor bring nothing until one does (hierarchy model, section
5). Of a level's order only that matters: which tensors its loops replace first. So a level has an order of *sets of
dimensions*, in which they are met, and a loop stands as far inside as it can: outside the innermost loop of each set
that its dimension is in. Every order of loops gives such an order of sets, and no loop brings more in it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from ortools.sat.python import cp_model

from ...formulation.variables import add_if
from .level_exponents import LevelExponents, Literal, negated

Dims = frozenset[int]


class StationaryLoops:
    """The loops that bring tiles again, for some sets of dimensions that index them."""

    def __init__(self, exponents: LevelExponents, sets: set[Dims]) -> None:
        self._exponents, self._model = exponents, exponents.model
        self._sets = sorted(sets, key=sorted)
        self._levels = [level.node for level in exponents.machine.levels]
        self._met = {node: self._meeting_order() for node in self._levels[:-1]}
        self._bringing: dict[tuple[Dims, int], dict[int, cp_model.IntVar]] = {}
        for dims in self._sets:
            for node in self._levels[:-1]:
                self._bringing[dims, node] = self._loops_that_bring(dims, node)

    def bringing(self, dims: Dims, child: int) -> dict[int, cp_model.IntVar]:
        """By axis that is in none of some dimensions: exponents of the loops that bring a level's tile again."""
        outer = max(node for node in self._levels if node < child)
        return self._bringing[dims, outer]

    def _meeting_order(self) -> dict[tuple[Dims, Dims], Literal]:
        """For two sets, whether the first is met before the second, going outward: an order of all."""
        found: dict[tuple[Dims, Dims], Literal] = {}
        for one, other in itertools.combinations(self._sets, 2):
            found[one, other] = self._model.new_bool_var("before")
            found[other, one] = negated(found[one, other])
        for a, b, c in itertools.permutations(self._sets, 3):
            self._model.add_bool_or([negated(found[a, b]), negated(found[b, c]), found[a, c]])
        return found

    def _loops_that_bring(self, dims: Dims, node: int) -> dict[int, cp_model.IntVar]:
        own, model = self._exponents, self._model
        others = [number for number, axis in enumerate(own.axes) if axis.dim not in dims]
        still = model.new_bool_var("still")
        for number in own.axes_of(dims):
            add_if(model, own.of[node][number] == 0, still)
        outside = [level for level in self._levels if level < node]
        found: dict[int, cp_model.IntVar] = {}
        for number in others:
            found[number] = model.new_int_var(0, own.axes[number].multiplicity, "brings")
            outer = sum(own.of[level][number] for level in outside)
            if outside:
                model.add(found[number] >= self._bringing[dims, outside[-1]][number])
                add_if(model, found[number] >= outer, negated(still))
            for literals in self._reasons(dims, node, own.axes[number].dim, still):
                add_if(model, found[number] >= outer + own.of[node][number], *literals)
        return found

    def _reasons(self, dims: Dims, node: int, dim: int, still: Literal) -> list[list[Literal]]:
        """Each of them brings a tile again with every iteration of a loop over a dimension."""
        own = self._exponents
        inner = own.constraints.inner_orders[node]
        inside = inner[inner.index(dim) + 1 :] if dim in inner else inner
        reasons: list[list[Literal]] = [[own.iterates(node, other)] for other in inside if other in dims]
        if dim not in inner:
            first = self._met[node]
            reasons += [[negated(still), negated(first[met, dims])] for met in self._sets if dim in met]
        return reasons

    def order(self, node: int, value: Callable[[Literal], int]) -> tuple[int, ...]:
        """The order of a level's loops in a solution, the outermost first: each as far inside as it can stand."""
        own = self._exponents
        inner = own.constraints.inner_orders[node]
        place = dict.fromkeys(self._sets, 0)
        for (_, later), literal in self._met.get(node, {}).items():
            place[later] += bool(value(literal))
        outer = [dim for dim in range(len(own.nest.dims)) if dim not in inner]
        outer.sort(key=lambda dim: -max((place[dims] for dims in self._sets if dim in dims), default=-1))
        return (*outer, *inner)
