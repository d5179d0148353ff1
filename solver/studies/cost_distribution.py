"""Energy against cycles of all the methods that one layer has: how many there are where, and the Pareto front.

A *method* is here a tiling that fits and passes the constraints, with one pair of the reuse classes that it attains
(:func:`...model.dmazerunner.reuse.reuse_classes`: a class stands for all its loop orders, and classes that are never
better than another are left out). Methods are costed with the exact vectorised model and streamed: memory does not grow
with their number.

A space too large for the time is not cut off, which would show whatever happens to be enumerated first: tilings are
drawn from it uniformly instead. The front is searched for on its own then (:mod:`..fronts.front_search`), so that it is
the whole space's all the same.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...model.dmazerunner.factorisations import num_tilings
from ...model.dmazerunner.vectorised.batch import Array, TilingBatch
from ...model.dmazerunner.vectorised.order_query import Costing
from ..backend import PublishedProblem
from ..deadline import Deadline
from ..enumeration.counting import COUNTING_LIMITS, CountingLimits, num_allowed_tilings
from ..enumeration.stream import TilingStream
from ..fronts.front import Front
from ..fronts.front_search import FrontSearch

CELLS_PER_DECADE = 64
"""Cells of the grid from one power of ten to the next: finer than a picture of two to four decades can show."""

MOST_CLASSES = 32
"""Reuse classes up to which all pairs of a tiling are costed; convolutions and matrix products have 3 or 4."""


@dataclass(frozen=True)
class SurveyParameters:
    """How much is kept of a space's methods, and how the time is shared between ways to look at them.

    Attributes:
        most_points: methods up to which every one is kept, to be drawn as a point of its own.
        chunk_methods: methods costed at a time: enough for numpy, few enough for the cache and for the clock to be
            read often.
        sampled_tilings: tilings that fit after which a sample ends: about 10 million methods, more than the cells of a
            picture.
        enumeration_share: part of the time that enumerating may take; the rest is left for a sample and the front,
            should it not finish.
        trial_s: enumerating is given up when it is late after so many seconds,
        trial_share: or after this part of its time if that is less.
        front_share: part of what time is then left that searching for the front may take.
        counting: up to where tilings are counted first.
    """

    most_points: int = 4000
    chunk_methods: int = 1 << 17
    sampled_tilings: int = 1 << 20
    enumeration_share: float = 0.75
    trial_s: float = 1.0
    trial_share: float = 0.1
    front_share: float = 0.5
    counting: CountingLimits = COUNTING_LIMITS


SURVEY_PARAMETERS = SurveyParameters()

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Grid:
    """Numbers of methods in cells of equal width in the logarithms of cycles and energy.

    ``counts[i, j]`` methods have ``(first_cycles + i) / CELLS_PER_DECADE <= log10(cycles)``, below the next cell, and
    likewise ``first_energy + j`` for the energy in pJ. What rounds to 0 pJ stands with 1 pJ.
    """

    first_cycles: int
    first_energy: int
    counts: Counts

    @property
    def cycles_edges(self) -> Array:
        """Borders of the cells in cycles: one more than cells."""
        return _edges(self.first_cycles, self.counts.shape[0])

    @property
    def energy_edges_pj(self) -> Array:
        """Borders of the cells in pJ: one more than cells."""
        return _edges(self.first_energy, self.counts.shape[1])


@dataclass(frozen=True, eq=False)
class CostDistribution:
    """What a layer's methods cost.

    ``front`` and ``points`` are arrays of shape (2, n): cycles, then energy in pJ. The front holds every pair of costs
    that no other method known is at least as good as in both, by rising cycles; ``front_proved``: no method there is.
    ``points`` are all methods where there are few, else ``None``. ``complete``: these are all the methods there are.
    Otherwise the tilings were drawn uniformly (with replacement) from ``space_tilings``, a number that is estimated
    unless ``space_counted``.
    """

    num_tilings: int
    num_methods: int
    complete: bool
    space_tilings: float
    space_counted: bool
    grid: Grid | None
    front: Array
    front_proved: bool
    points: Array | None


def cost_distribution(
    problem: PublishedProblem, time_limit_s: float, *, seed: int = 0, parameters: SurveyParameters = SURVEY_PARAMETERS
) -> CostDistribution:
    """The cost distribution of a layer: of all its methods where that takes no longer than the limit, else of a sample.

    The constraints must hold no preset (:func:`..pipeline.presets.resolve_preset`). Methods that exceed a traffic limit
    do not count. The same seed draws the same tilings; how many, time may decide. A nest of more than ``MOST_CLASSES``
    reuse classes may take longer than the limit.

    Example:
        >>> seen = cost_distribution(problem, 60.0)  # doctest: +SKIP
        >>> seen.complete, seen.num_methods, seen.front[:, 0]  # doctest: +SKIP
    """
    deadline = Deadline.after(time_limit_s)
    late = deadline.part(parameters.enumeration_share)
    counted = num_allowed_tilings(problem, deadline, parameters.counting)
    if counted is not None:
        survey = _enumerated(problem, counted, late, parameters)
        if survey.num_tilings == counted:
            return survey.cost_distribution(complete=True, front_proved=True, space_tilings=counted, space_counted=True)
    return _sampled(problem, counted, deadline, seed, parameters)


def _enumerated(problem: PublishedProblem, counted: int, until: Deadline, parameters: SurveyParameters) -> _Survey:
    """All tilings, or some of them where the time is not going to suffice for so many."""
    started, survey = time.monotonic(), _Survey(problem, parameters)
    time_s = until.left_s
    trial_s = min(parameters.trial_s, parameters.trial_share * time_s)
    for levels in TilingStream(problem, until, survey.chunk):
        survey.take(levels)
        taken_s = time.monotonic() - started
        if taken_s > trial_s and taken_s * counted > time_s * survey.num_tilings:
            break
    return survey


def _sampled(
    problem: PublishedProblem, counted: int | None, deadline: Deadline, seed: int, parameters: SurveyParameters
) -> CostDistribution:
    """The cost distribution of a sample of the tilings, with the front of all of them."""
    search = FrontSearch(problem)
    search.run(deadline.part(parameters.front_share))
    survey, draw = _Survey(problem, parameters, search.front), _Draw(problem, seed)
    while survey.num_tilings < parameters.sampled_tilings and not deadline.passed:
        survey.take(draw.fitting(survey.chunk))
    return survey.cost_distribution(
        complete=False,
        front_proved=search.complete,
        space_tilings=draw.expected_tilings if counted is None else counted,
        space_counted=counted is not None,
    )


class _Draw:
    """Draws tilings uniformly from those that the constraints pin, and keeps those that fit and pass."""

    def __init__(self, problem: PublishedProblem, seed: int) -> None:
        self._problem = problem
        self._options = problem.cost_model.factorisations(problem.nest, problem.constraints)
        self._random = np.random.default_rng(seed)
        self._space = num_tilings(self._options)
        self._drawn = self._fitting = 0

    @property
    def expected_tilings(self) -> float:
        """Number of tilings of the whole space that fit and pass, estimated from those drawn."""
        return self._space * self._fitting / max(self._drawn, 1)

    def fitting(self, number: int) -> Array:
        """Those that fit and pass of so many tilings."""
        problem = self._problem
        chosen = [rows.T[:, self._random.integers(len(rows), size=number)] for rows in self._options]
        levels = np.stack(chosen, axis=1)
        levels = levels[
            :, :, problem.cost_model.allowed(problem.nest, problem.architecture, problem.constraints, levels)
        ]
        self._drawn += number
        self._fitting += levels.shape[2]
        return np.ascontiguousarray(levels)


class _Survey:
    """Takes in tilings and remembers what their methods cost, in a size that does not grow with their number."""

    def __init__(self, problem: PublishedProblem, parameters: SurveyParameters, front: Front | None = None) -> None:
        self._model = problem.cost_model.batch_model(problem.nest, problem.architecture)
        self._costing = Costing(permit=problem.cost_model.permit(problem.architecture, problem.constraints))
        self._grid: Grid | None = None
        self._front = front or Front(len(problem.nest.dims))
        self._points: list[Array] = []
        self._most_points = parameters.most_points
        self.chunk = max(1, parameters.chunk_methods // len(self._model.classes) ** 2)
        self.num_tilings = self._num_methods = 0

    def take(self, levels: Array) -> None:
        """Cost an array of tilings of shape (4, dimensions, n)."""
        self.num_tilings += levels.shape[2]
        costs = self._costs(levels)
        if costs.shape[1] == 0:
            return
        self._num_methods += costs.shape[1]
        self._grid = _counted(self._grid, costs)
        self._points = [*self._points, costs] if self._num_methods <= self._most_points else []

    def _costs(self, levels: Array) -> Array:
        """Cycles and energy of all methods of some tilings, of shape (2, methods)."""
        columns: list[Array] = []
        for pair in self._model.pair_costs(TilingBatch(self._model.nest, levels), self._costing):
            counts = np.isfinite(pair.cycles)
            columns.append(np.stack([pair.cycles[counts], pair.energy_pj[counts]]))
            self._front.take(pair, self._model.number_of(pair), levels)
        return np.concatenate(columns, axis=1)

    def cost_distribution(
        self, *, complete: bool, front_proved: bool, space_tilings: float, space_counted: bool
    ) -> CostDistribution:
        """All that was taken in."""
        few = self._num_methods <= self._most_points
        return CostDistribution(
            num_tilings=self.num_tilings,
            num_methods=self._num_methods,
            complete=complete,
            space_tilings=space_tilings,
            space_counted=space_counted,
            grid=self._grid,
            front=np.stack([self._front.points.cycles, self._front.points.energy_pj])[:, ::-1],
            front_proved=front_proved,
            points=np.concatenate([np.empty((2, 0)), *self._points], axis=1) if few else None,
        )


def _counted(grid: Grid | None, costs: Array) -> Grid:
    """A grid with further methods counted in; it grows to hold them."""
    cells = np.floor(np.log10(np.maximum(costs, 1)) * CELLS_PER_DECADE).astype(np.int64)
    low, high = cells.min(axis=1), cells.max(axis=1)
    if grid is not None:
        first = np.array([grid.first_cycles, grid.first_energy])
        low, high = np.minimum(low, first), np.maximum(high, first + grid.counts.shape - 1)
    shape = tuple((high - low + 1).tolist())
    flat = (cells[0] - low[0]) * shape[1] + cells[1] - low[1]
    counts = np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape)
    if grid is not None:
        i, j = grid.first_cycles - int(low[0]), grid.first_energy - int(low[1])
        counts[i : i + grid.counts.shape[0], j : j + grid.counts.shape[1]] += grid.counts
    return Grid(int(low[0]), int(low[1]), counts)


def _edges(first: int, cells: int) -> Array:
    return 10.0 ** (np.arange(first, first + cells + 1) / CELLS_PER_DECADE)
