"""The CP-SAT model of one problem: all rules, and an objective that is nowhere above the exact one.

Read :meth:`LevelProgram.build` for the list of what is in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from ortools.sat.python import cp_model

from .....model.hierarchy.constraints.resolved_constraints import ResolvedConstraints
from .....model.hierarchy.level_mapping import LevelMapping
from .....model.objectives import OBJECTIVES, Objective
from ....deadline import NEVER, Deadline
from .held_tiles import HeldTiles
from .level_costs import LevelCosts
from .level_exponents import LevelExponents, Literal
from .level_quantities import ROUNDING, LevelQuantities, Quantity, Ranges
from .product_tables import ProductTables
from .stationary_loops import StationaryLoops
from .word_flow import WordFlow, sets_of

Value = Callable[[Literal], int]
"""The value of a variable or literal in a solution."""


class LevelProgram:
    """A problem's model; values of the objective are at least ``objective.variable / objective.scale``."""

    objective: Quantity
    relaxed: tuple[str, ...]
    """What the objective takes for less than it may be."""

    def __init__(
        self,
        constraints: ResolvedConstraints,
        objective: Objective,
        ranges: Ranges = Ranges(),  # noqa: B008
        deadline: Deadline = NEVER,
    ) -> None:
        self.constraints, self._rule, self._ranges = constraints, OBJECTIVES[objective], ranges
        self.model = cp_model.CpModel()
        self.exponents = LevelExponents(self.model, constraints)
        self._tables = ProductTables(self.model, deadline)
        self._loops = StationaryLoops(self.exponents, sets_of(self.exponents))

    def build(self) -> LevelProgram:
        """All rules, in order.

        Raises:
            TimeoutError: when the deadline passes.
        """
        tensors = range(len(self.constraints.nest.tensors))
        held = HeldTiles(self.exponents, self._tables)
        flows = [WordFlow(self.exponents, self._loops, self._tables, tensor) for tensor in tensors]
        costs = LevelCosts(self.exponents, self._loops, self._tables, flows)
        self.relaxed = tuple(
            sorted({*self._left_out(), *costs.relaxed, *(one for flow in flows for one in flow.relaxed)})
        )
        quantities = LevelQuantities(self.exponents, held, costs, self._ranges)
        quantities.limit_words()
        minimised = {"energy": quantities.energy, "latency": quantities.cycles, "edp": quantities.product}
        self.objective = minimised[self._rule.name]()
        self.model.minimize(self.objective.variable)
        return self

    def _left_out(self) -> Iterator[str]:
        """What of the model is left out: that blocks are whole, and what tiles take besides their words."""
        if any(level.block_elements > 1 for level in self.constraints.machine.levels):
            yield "blocks of elements"
        if self.constraints.machine.tiled is not None and self._rule.cycles_power:
            yield "overhead of tiles"

    def limit(self, value: float) -> None:
        """Ask for mappings whose objective is at most a value."""
        self.model.add(self.objective.variable <= math.floor(value * self.objective.scale * (1 + ROUNDING)))

    def forbid(self, mapping: LevelMapping) -> None:
        """Leave out all mappings with the factors of one that keep the same."""
        own, row = self.exponents, list[int]()
        variables: list[cp_model.IntVar] = []
        for node, axis, variable in own.decisions():
            variables.append(variable)
            row.append(powers_in(mapping.factors[node][axis.dim], axis.prime))
        for node, tensor, literal in own.choices():
            variables.append(literal)
            row.append(int(mapping.kept[node][tensor]))
        self.model.add_forbidden_assignments(variables, [row])

    def suggest(self, mapping: LevelMapping) -> None:
        """A mapping for the solver to begin with."""
        for node, axis, variable in self.exponents.decisions():
            self.model.add_hint(variable, powers_in(mapping.factors[node][axis.dim], axis.prime))
        for node, tensor, literal in self.exponents.choices():
            self.model.add_hint(literal, int(mapping.kept[node][tensor]))

    def mapping(self, value: Value) -> LevelMapping:
        """The mapping of a solution."""
        own, nest = self.exponents, self.constraints.nest
        factors = [[1] * len(nest.dims) for _ in own.of]
        for node, axis, variable in own.decisions():
            factors[node][axis.dim] *= axis.prime ** value(variable)
        nothing: Sequence[Literal] = ()
        kept = [own.kept.get(node, nothing) for node in range(len(factors))]
        return LevelMapping(
            tuple(map(tuple, factors)),
            tuple(self._loops.order(node, value) if node in own.kept else () for node in range(len(factors))),
            tuple(tuple(bool(value(keep)) for keep in row) or (False,) * len(nest.tensors) for row in kept),
        )


def powers_in(factor: int, prime: int) -> int:
    """How often a prime is in a factor."""
    times = 0
    while factor % prime == 0:
        factor, times = factor // prime, times + 1
    return times
