"""A back end from another distribution: legal mappings drawn at random, the cheapest few kept, nothing proved.

It uses only what ``dmaze.solver`` and ``dmaze.model`` export for back ends: the problem, the rules, the exact model.
"""

from __future__ import annotations

import random
import time

from dmaze.model.dmazerunner.cost import cost_of_mapping
from dmaze.model.dmazerunner.factorisations import factorisations
from dmaze.model.dmazerunner.legality import broken_limits, broken_rules
from dmaze.model.dmazerunner.mapping import Mapping, Tiling
from dmaze.model.loop_nest import LoopNest
from dmaze.solver import LayerProblem, Progress, Report, SearchLimits, SearchOutcome
from dmaze.solver.pipeline.ranking import rank_key

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
            cost = cost_of_mapping(problem.nest, problem.architecture, mapping)
            if self._allowed(problem, mapping) and not broken_limits(problem.architecture, problem.constraints, cost):
                rank = (*rank_key(problem.objective, cost), mapping.tiling.levels)
                if mapping.tiling not in kept or rank < kept[mapping.tiling][0]:
                    kept[mapping.tiling] = (rank, mapping)
                    kept = dict(sorted(kept.items(), key=lambda item: item[1][0])[: limits.top_k])
        best = tuple(mapping for _, mapping in kept.values())
        if report is not None and best:
            report(Progress(next(iter(kept.values()))[0][0], None, best, f"{drawn} draws"))
        return SearchOutcome(best, bound=None, exhausted=False, statistics={"draws": drawn})

    @staticmethod
    def _allowed(problem: LayerProblem, mapping: Mapping) -> bool:
        return not broken_rules(problem.nest, problem.architecture, problem.constraints, mapping.tiling)


def draw(nest: LoopNest, generator: random.Random) -> Mapping:
    """A random tiling with random loop orders."""
    rows = [generator.choice(factorisations(bound)) for bound in nest.bounds]
    orders = [tuple(generator.sample(range(len(nest.dims)), len(nest.dims))) for _ in range(2)]
    return Mapping(Tiling.from_levels(zip(*rows, strict=True)), *orders)


BACKEND = RandomSampler()
