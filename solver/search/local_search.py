"""A first good mapping: sampling and descent on the exact vectorised model.

Every round starts from random tilings and from crossings of the best ends so far, improves them by replacing one
dimension's whole factorisation at a time, and the best end by replacing two dimensions' at once. Where the problem
comes with mappings to start from, the first round starts from these instead: near the optimum of a similar problem
random tilings cost time and rarely find better ones. Nothing here proves anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...model.dmazerunner.vectorised.batch import Array, TilingBatch
from ...model.dmazerunner.vectorised.batch_legality import filled, taken
from ...model.dmazerunner.vectorised.order_query import OrderSearch
from ...model.mapping import Mapping
from ..backend import PublishedProblem
from ..deadline import NEVER, Deadline
from .incumbents import Incumbents
from .scoring import Scorer

Indices = NDArray[np.int64]
"""States of the search, of shape (dimensions, n): which factorisation every dimension has."""

CHUNK = 1 << 15
ILLEGAL = 1e250
"""Score of a tiling that is not allowed: above every cost, growing with how far it is from being allowed."""


@dataclass(frozen=True)
class Effort:
    """Size of one round: tilings sampled, starts of the descent, ends remembered, pairs tried for two dimensions.

    Of a dimension with more factorisations than ``choices`` so many are drawn whenever all would be tried.
    """

    samples: int = 1 << 13
    starts: int = 24
    remembered: int = 16
    pairs: int = 1 << 14
    choices: int = 1 << 14


class MakeLocalSearch(Protocol):
    """Makes a local search for a problem, which keeps so many tilings; :class:`LocalSearch` itself is one."""

    def __call__(self, problem: PublishedProblem, *, seed: int, keep: int) -> LocalSearch:
        """The local search, before its first round."""
        ...


class LocalSearch:
    """Anytime search for good mappings of one layer problem; the same seed gives the same rounds."""

    def __init__(
        self,
        problem: PublishedProblem,
        *,
        seed: int,
        keep: int,
        effort: Effort | None = None,
        orders: OrderSearch | None = None,
    ) -> None:
        self.problem = problem
        self.scorer = Scorer(problem, orders)
        self.best = Incumbents(keep)
        self.effort = effort or Effort()
        self.options = problem.cost_model.factorisations(problem.nest, problem.constraints)
        self._random = np.random.default_rng(seed)
        self._deadline = NEVER
        self._ends: Indices = np.empty((len(self.options), 0), dtype=np.int64)
        self._given = self._states_of(problem.warm_starts)
        self._polished: set[bytes] = set()

    def rounds(self, deadline: Deadline) -> Iterator[float]:
        """Run rounds for as long as they are asked for, up to the deadline; gives the best value after each.

        The tiling with the largest factors in DRAM, which fits where any does unless DRAM is limited, comes first.
        """
        self._deadline = deadline
        if any(len(options) == 0 for options in self.options):
            return
        self._values_of(np.array([[len(options) - 1] for options in self.options]))  # also when time is up already
        if self._given.shape[1] and not deadline.passed:
            self._improve(self._given)
            if self.best.kept:
                yield self.best.value
        while not deadline.passed:
            self._improve(np.concatenate([self._sample(), self._cross()], axis=1))
            yield self.best.value

    def _states_of(self, mappings: Iterable[Mapping]) -> Indices:
        """The tilings of mappings as states, without those that take a factorisation which is not allowed."""
        columns: list[list[int]] = []
        for mapping in mappings:
            rows = zip(*mapping.tiling.levels, strict=True)
            found = [np.flatnonzero((o == row).all(axis=1)) for o, row in zip(self.options, rows, strict=True)]
            if all(len(places) for places in found):
                columns.append([int(places[0]) for places in found])
        return np.array(columns, dtype=np.int64).reshape(-1, len(self.options)).T

    def _improve(self, starts: Indices) -> None:
        """Descend from some states, remember the best ends, and polish the best of them."""
        ends = np.unique(np.concatenate([self._descend(starts), self._ends], axis=1), axis=1)
        order = np.argsort(self._values_of(ends), kind="stable")
        self._ends = ends[:, order[: self.effort.remembered]]
        self._polish()

    def _sample(self) -> Indices:
        """Some of the best of a sample of random tilings, and some others that are allowed."""
        effort = self.effort
        drawn = np.stack([self._random.integers(len(options), size=effort.samples) for options in self.options])
        values = self._values_of(drawn)
        order = np.argsort(values, kind="stable")
        allowed_ones = order[: max(int((values < ILLEGAL).sum()), 1)]
        others = self._random.choice(allowed_ones, effort.starts // 3)
        return drawn[:, np.concatenate([order[: effort.starts // 3], others])]

    def _cross(self) -> Indices:
        """Crossings of two remembered ends, with one dimension drawn anew."""
        count, known = self.effort.starts // 3, self._ends.shape[1]
        if known < 2:
            return self._ends[:, :0]
        first, second = (self._ends[:, self._random.integers(known, size=count)] for _ in range(2))
        crossed = np.where(self._random.random(first.shape) < 0.5, first, second)
        for column in range(count):
            dim = int(self._random.integers(len(self.options)))
            crossed[dim, column] = self._random.integers(len(self.options[dim]))
        return crossed

    def _descend(self, states: Indices) -> Indices:
        """Replace one dimension's factorisation at a time by the best one, until nothing improves."""
        values = self._values_of(states)
        improved = True
        while improved and not self._deadline.passed:
            improved = False
            for dim in self._random.permutation(len(self.options)).tolist():
                if self._deadline.passed:
                    break
                states, better = self._replace(states, values, dim)
                improved |= bool((better < values).any())
                values = better
        return states

    def _replace(self, states: Indices, values: Array, dim: int) -> tuple[Indices, Array]:
        number, most, count = len(self.options[dim]), self.effort.choices, states.shape[1]
        choices = np.arange(number) if number <= most else self._random.integers(number, size=most)
        tried = np.repeat(states, len(choices), axis=1)
        tried[dim] = np.tile(choices, count)
        values_of_choices = self._values_of(tried).reshape(count, len(choices))
        chosen = values_of_choices.argmin(axis=1)
        reached = values_of_choices[np.arange(count), chosen]
        better = reached < values
        states = states.copy()
        states[dim, better] = choices[chosen[better]]
        return states, np.where(better, reached, values)

    def _polish(self) -> None:
        """Replace two dimensions' factorisations at once from the best end not yet polished, while that improves."""
        fresh = [state for state in self._ends.T if state.tobytes() not in self._polished]
        state = fresh[0] if fresh else None
        while state is not None and not self._deadline.passed and state.tobytes() not in self._polished:
            self._polished.add(state.tobytes())
            value = self._values_of(state[:, None])[0]
            better = self._best_pair(state)
            if better is not None and self._values_of(better[:, None])[0] < value:
                state = self._descend(better[:, None])[:, 0]

    def _best_pair(self, state: Indices) -> Indices | None:
        """The best state that differs in two dimensions; where there are too many, the best of a sample."""
        best: tuple[float, Indices] | None = None
        for first, second in combinations(range(len(self.options)), 2):
            columns = len(self.options[second])
            total = len(self.options[first]) * columns
            if total == 1:
                continue
            limit = self.effort.pairs
            numbers = np.arange(total) if total <= limit else self._random.integers(total, size=limit)
            around = np.repeat(state[:, None], len(numbers), axis=1)
            around[first], around[second] = numbers // columns, numbers % columns
            values = self._values_of(around)
            nearest = int(values.argmin())
            if best is None or values[nearest] < best[0]:
                best = float(values[nearest]), around[:, nearest]
        return best[1] if best is not None else None

    def _values_of(self, indices: Indices) -> Array:
        """Objective values; tilings that are not allowed come after all that are. Allowed ones are remembered."""
        pieces = [self._values_of_chunk(indices[:, i : i + CHUNK]) for i in range(0, indices.shape[1], CHUNK)]
        return np.concatenate(pieces)

    def _values_of_chunk(self, indices: Indices) -> Array:
        nest, architecture = self.problem.nest, self.problem.architecture
        levels = np.ascontiguousarray(
            np.stack([options[chosen] for options, chosen in zip(self.options, indices, strict=True)]).transpose(
                2, 0, 1
            )
        )
        legal = self.problem.cost_model.allowed(nest, architecture, self.problem.constraints, levels)
        values = np.empty(levels.shape[2])
        if legal.any():
            fitting = np.ascontiguousarray(levels[:, :, legal])
            scores = self.scorer.scores(fitting)
            self.best.offer(scores, fitting)
            values[legal] = np.minimum(scores.values, ILLEGAL)
        if not legal.all():
            values[~legal] = ILLEGAL * (1 + self._excess(levels[:, :, ~legal]))
        return values

    def _excess(self, levels: Array) -> Array:
        """How far tilings are from being allowed: relative excess over capacities and shortfall of utilisation."""
        batch, asked = TilingBatch(self.problem.nest, levels), self.problem.constraints.min_utilization
        total = np.zeros(batch.size)
        for capacity in self.problem.cost_model.capacities(self.problem.architecture):
            if capacity.bytes_per_unit is not None:
                total = total + np.log2(np.maximum(taken(batch, capacity) / capacity.limit, 1))
            share = filled(batch, capacity) / capacity.whole
            total = total + np.log2(np.maximum(share, 1)) + np.log2(np.maximum(capacity.least(asked) / share, 1))
        return total
