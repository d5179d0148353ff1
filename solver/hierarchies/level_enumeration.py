"""Exhaustive search of the mappings onto a hierarchy: every tiling, keep choice and order, costed exactly.

The yardstick for every other search, for spaces of up to some millions of mappings.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from ...model.cost_model import HIERARCHY
from ...model.documents.result import Certificate
from ...model.hierarchy.accountings import Accounting
from ...model.hierarchy.constraints.resolved_constraints import ResolvedConstraints, resolved_constraints
from ...model.hierarchy.resolved_machine import resolved_machine
from ...model.hierarchy.vectorised.batch_holding import batch_fits, batch_held, batch_utilization
from ...model.hierarchy.vectorised.count_bounds import why_too_large
from ...model.hierarchy.vectorised.counts.batch_shapes import BatchShapes
from ...model.hierarchy.vectorised.hierarchy_batch import DEFAULT_PIECE, batch_cost
from ...model.hierarchy.vectorised.hierarchy_batch_cost import BatchCost
from ...model.hierarchy.vectorised.mapping_arrays import Ints, MappingArrays, Mask
from ...model.objectives import OBJECTIVES, Objective
from ..backend import LevelsProblem, Progress, Report, SearchLimits, SearchOutcome
from ..deadline import Deadline
from .best_mappings import BestMappings
from .level_space import LevelSpace, joined


class LevelEnumeration:
    """The ``exhaustive`` back end for hierarchies. When it finishes its best mappings are the best by construction.

    Statistics: ``evaluated``, the mappings costed, which are those that fit and pass what does not depend on counts;
    ``mappings_that_fit``, the same with every order of the innermost level as a mapping of its own.
    """

    name = "exhaustive"
    cost_models: ClassVar[tuple[str, ...]] = (HIERARCHY,)

    def search(self, problem: LevelsProblem, limits: SearchLimits, report: Report | None) -> SearchOutcome:
        """Cost every allowed mapping; see :class:`..backend.SearchOutcome`."""
        machine = resolved_machine(problem.architecture, problem.nest)
        constraints = resolved_constraints(problem.nest, machine, problem.constraints)
        run = EnumerationRun(constraints, problem.cost_model.counted, problem.objective, limits.top_k)
        if reason := why_too_large(problem.nest, machine):
            return SearchOutcome((), None, exhausted=False, statistics={"not_counted": reason})
        run.work(Deadline.after(limits.time_limit_s), report)
        return run.outcome()


class EnumerationRun:
    """One layer's enumeration, and what is known so far; only mappings of at most so many cycles count."""

    def __init__(
        self,
        constraints: ResolvedConstraints,
        counted: Accounting,
        objective: Objective,
        top_k: int,
        most_cycles: float = math.inf,
    ) -> None:
        self.constraints, self._counted, self._rule = constraints, counted, OBJECTIVES[objective]
        self._most_cycles = most_cycles
        self.space = LevelSpace(constraints)
        self.best = BestMappings(constraints.nest, constraints.machine, top_k)
        self.evaluated = self.mappings_that_fit = self._seen = 0
        self.finished = False

    def work(self, deadline: Deadline, report: Report | None, *, first: bool = False) -> None:
        """Cost mappings until all are or time is up; every piece is reported, for Ctrl-C ends the work anywhere.

        ``first``: end with the first mapping that is allowed.
        """
        waiting: list[MappingArrays] = []
        for arrays in self._mappings(deadline):
            waiting.append(arrays)
            if sum(found.size for found in waiting) >= DEFAULT_PIECE:
                self._cost_all(joined(waiting), deadline, report)
                waiting = []
            if deadline.passed or (first and self.best.kept):
                return
        if waiting:
            self._cost_all(joined(waiting), deadline, report)
        self.finished = not deadline.passed

    def _cost_all(self, arrays: MappingArrays, deadline: Deadline, report: Report | None) -> None:
        """Cost mappings piece by piece, as long as there is time."""
        for piece in arrays.pieces(DEFAULT_PIECE):
            if piece.size and not deadline.passed:
                self._cost(piece)
            if report is not None:
                report(self._progress())

    def _mappings(self, deadline: Deadline) -> Iterator[MappingArrays]:
        """All mappings that fit, by what they keep and by which loops iterate, as long as there is time."""
        for seen, factors in self.space.tilings():
            for choice in self.space.keep_choices:
                if deadline.passed:
                    return
                kept = np.broadcast_to(choice, (len(factors), *choice.shape))
                fitting = _fitting(self.constraints, factors, kept)
                yield from self.space.mappings(factors[fitting], kept[fitting])
            self._seen = seen

    def _cost(self, piece: MappingArrays) -> None:
        cost = batch_cost(self.constraints.nest, self.constraints.machine, piece, self._counted)
        self.evaluated += piece.size
        innermost = piece.factors[:, self.constraints.machine.levels[-1].node] > 1
        self.mappings_that_fit += sum(math.factorial(number) for number in innermost.sum(axis=1).tolist())
        rows = np.flatnonzero(within_limits(self.constraints, cost) & (cost.cycles <= self._most_cycles))
        values, ties = self._rule.of_arrays(cost.energy_pj, cost.cycles.astype(np.float64))
        chosen = MappingArrays(piece.factors[rows], piece.orders[rows], piece.kept[rows])
        self.best.offer(values[rows], ties[rows], chosen)

    def _progress(self) -> Progress:
        kept = self.best.kept
        return Progress(
            objective_value=kept[0].value if kept else None,
            bound=None,
            incumbents=tuple(found.mapping for found in kept),
            note=f"{self.evaluated:,} mappings",
            done=self._seen / max(self.space.num_tilings, 1),
        )

    def outcome(self) -> SearchOutcome:
        """What was found; a proof when everything was costed."""
        kept = self.best.kept
        return SearchOutcome(
            candidates=tuple(found.mapping for found in kept),
            bound=kept[0].value if self.finished and kept else None,
            exhausted=self.finished,
            statistics={
                "evaluated": self.evaluated,
                "pruned_by_bound": 0,
                "mappings_that_fit": self.mappings_that_fit,
            },
            certificate=Certificate(ties_settled=True, ranks_settled=self.best.size) if self.finished else None,
        )


def _fitting(constraints: ResolvedConstraints, factors: Ints, kept: Mask) -> Mask:
    """Which tilings fit, with what they keep, and use as much of the machine as they must."""
    levels, dims = len(constraints.machine.levels), len(constraints.nest.dims)
    orders = np.broadcast_to(np.arange(dims), (len(factors), levels, dims))
    shapes = BatchShapes(constraints.nest, constraints.machine, MappingArrays(factors, orders, kept))
    held = batch_held(shapes)
    fits: Mask = np.logical_and.reduce(batch_fits(shapes, held))
    for share, least in zip(batch_utilization(shapes, held), constraints.min_utilization, strict=True):
        if least:
            fits &= share >= least if share is not None else False
    return fits


def within_limits(constraints: ResolvedConstraints, cost: BatchCost) -> Mask:
    """Which mappings keep the limits on the words that levels read and write."""
    within = np.ones(cost.size, dtype=np.bool_)
    for place, level in enumerate(constraints.machine.levels):
        most = constraints.max_words[level.node]
        if most is not None:
            within &= cost.accesses[:, place].sum(axis=(0, 1)) <= most
    return within


BACKEND = LevelEnumeration()
