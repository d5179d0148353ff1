"""A back end from another distribution: legal mappings drawn at random, the cheapest few kept, nothing proved.

What a mapping costs and what it breaks it asks the problem's cost model. Drawing one takes knowledge of the map space,
which is the published model's: its factorisations and its ``Mapping`` come from ``dmaze.model.dmazerunner``.
"""

from __future__ import annotations

import random
import time

from dmaze.model import LoopNest
from dmaze.model.dmazerunner.factorisations import factorisations
from dmaze.model.mapping import Mapping, Tiling
from dmaze.model.objectives import OBJECTIVES
from dmaze.solver import LayerProblem, Progress, Report, SearchLimits, SearchOutcome

SAMPLES = 2000
"""Draws per search: with a fixed number, the time limit apart, the same seed gives the same answer."""

Rank = tuple[float, float, tuple[tuple[int, ...], ...]]


class RandomSampler:
    """The ``random-sampler`` back end."""

    name = "random-sampler"

    def search(self, problem: LayerProblem, limits: SearchLimits, report: Report | None) -> SearchOutcome:
        """Draw mappings until the samples or the time are used up; no bound, so that nothing is claimed."""
        deadline, generator = time.monotonic() + limits.time_limit_s, random.Random(limits.seed)
        kept: dict[Tiling, tuple[Rank, Mapping]] = {}
        drawn = 0
        while drawn < SAMPLES and time.monotonic() < deadline:
            drawn += 1
            mapping = draw(problem.nest, generator)
            rank = rank_of(problem, mapping)
            if rank is not None and (mapping.tiling not in kept or rank < kept[mapping.tiling][0]):
                kept[mapping.tiling] = (rank, mapping)
                kept = dict(sorted(kept.items(), key=lambda item: item[1][0])[: limits.top_k])
        best = tuple(mapping for _, mapping in kept.values())
        if report is not None and best:
            report(Progress(next(iter(kept.values()))[0][0], None, best, f"{drawn} draws"))
        return SearchOutcome(best, bound=None, exhausted=False, statistics={"draws": drawn})


def rank_of(problem: LayerProblem, mapping: Mapping) -> Rank | None:
    """What mappings are sorted by: the objective, the metric that decides ties, the tiling; ``None`` if illegal."""
    model, machine, constraints = problem.cost_model, problem.architecture, problem.constraints
    if model.broken_rules(problem.nest, machine, constraints, mapping):
        return None
    cost = model.cost(problem.nest, machine, mapping)
    if model.broken_limits(machine, constraints, cost):
        return None
    return *OBJECTIVES[problem.objective].rank_key(cost.energy_pj, cost.cycles), mapping.tiling.levels


def draw(nest: LoopNest, generator: random.Random) -> Mapping:
    """A random tiling with random loop orders."""
    rows = [generator.choice(factorisations(bound)) for bound in nest.bounds]
    orders = [tuple(generator.sample(range(len(nest.dims)), len(nest.dims))) for _ in range(2)]
    return Mapping(Tiling.from_levels(zip(*rows, strict=True)), *orders)


BACKEND = RandomSampler()
