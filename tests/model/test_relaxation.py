"""The relaxed execution model never lies above the exact one, and the cases cover every tiling's cheapest orders.

No solver is involved: arrays of random tilings, the exact vectorised model against the rows of every case.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import numpy as np
import pytest
from dmaze.model.dmazerunner.architecture import AccessEnergy
from dmaze.model.dmazerunner.constraints import Constraints
from dmaze.model.dmazerunner.factorisations import allowed_factorisations
from dmaze.model.dmazerunner.relaxation.case_bounds import analytic_bounds
from dmaze.model.dmazerunner.relaxation.cases import Case, all_cases, holds
from dmaze.model.dmazerunner.relaxation.relaxed_model import CYCLES, ENERGY, ROUNDING_PJ, relax
from dmaze.model.dmazerunner.relaxation.value_ranges import ValueRanges
from dmaze.model.dmazerunner.reuse import all_reuse_classes
from dmaze.model.dmazerunner.vectorised.batch import Array, Mask, TilingBatch, to_tilings
from dmaze.model.dmazerunner.vectorised.batch_cost import BatchModel, PairCosts
from dmaze.model.objectives import Objective
from dmaze.solver.backend import LayerProblem
from random_problems import OBJECTIVES, Size, by_objective, describe, dram_traffic, random_levels, random_problem

SIZE = Size(macs=1 << 24, tilings=1 << 60, class_pairs=100)
SEEDS = range(100)
TILINGS = 60

REL = 1 + 1e-11
"""Two orders of floating-point operations; counts stay far below 2**53."""


@dataclass
class Sample:
    """A problem with tilings drawn from what its constraints leave, their exact costs and their relaxations."""

    problem: LayerProblem
    levels: Array
    pairs: list[PairCosts]
    cases: list[tuple[Case, Mask]]
    batch: TilingBatch
    model: BatchModel

    def pairs_of(self, case: Case) -> Iterator[PairCosts]:
        """The class pairs that a case stands for (with one pass of a level: whichever class)."""
        for pair in self.pairs:
            spm, dram = self.model.classes[pair.spm_class], self.model.classes[pair.dram_class]
            if case.spm_class in (None, spm) and case.dram_class in (None, dram):
                yield pair


def sample(seed: int, problem: LayerProblem | None = None) -> Sample | None:
    """The sample of a seed; none where the constraints leave no tiling."""
    problem = problem or random_problem(seed, SIZE)
    nest = problem.nest
    if not all(map(len, allowed_factorisations(nest, problem.constraints))):
        return None
    levels = random_levels(Random(seed), nest, TILINGS, problem.constraints)
    levels[:, :, :4] = random_levels(Random(seed), nest, 1, problem.constraints)  # equal tilings are no special case
    batch, model = TilingBatch(nest, levels), BatchModel(nest, problem.architecture)
    tilings = to_tilings(levels)
    cases = [(case, np.array([holds(nest, case, t) for t in tilings])) for case in all_cases(model.classes)]
    return Sample(problem, levels, list(model.pair_costs(batch)), cases, batch, model)


@pytest.mark.parametrize("block", range(4))
def test_relaxed_energy_and_cycles_never_exceed_the_exact_ones(block: int) -> None:
    checked = 0
    for seed in SEEDS[block::4]:
        found = sample(seed)
        checked += 0 if found is None else check_bounds(found, seed)
    assert checked > 3000, checked  # mappings: tilings with orders


def check_bounds(found: Sample, seed: int) -> int:
    checked, problem = 0, found.problem
    options = allowed_factorisations(problem.nest, problem.constraints)
    ranges = ValueRanges(problem.nest, options)
    traffic = dram_traffic(found.model, found.batch)
    fits = found.batch.product_except(3, ()) <= problem.architecture.pes
    for case, members in found.cases:
        if not members.any():
            continue
        relaxation = relax(problem.nest, problem.architecture, case)
        relaxed, least = (
            relaxation.bounds(found.batch),
            analytic_bounds(problem.nest, problem.architecture, relaxation, ranges),
        )
        elements, bursts = (
            total.value(found.batch) for total in (relaxation.dram_elements, relaxation.dma_invocations)
        )
        for pair in found.pairs_of(case):
            here = members & np.isfinite(pair.cycles)
            energy, cycles = pair.energy_pj[here], pair.cycles[here]
            where = f"seed {seed}, {case.labels(problem.nest)}, skipped {sorted(case.skipped)}\n{describe(problem)}"
            assert (relaxed[ENERGY][here] <= energy * REL + ROUNDING_PJ).all(), where
            assert (relaxed[CYCLES][here] <= cycles * REL).all(), where
            assert (least[ENERGY] <= energy).all(), where
            assert (least[CYCLES] <= pair.cycles[here & fits]).all(), where
            checked += int(here.sum())
            moved, invocations = traffic[pair.dram_class]
            assert (elements[here] * problem.architecture.bytes_per_element <= moved[here] * REL).all(), where
            assert (bursts[here] <= invocations[here] * REL).all(), where
    return checked


@pytest.mark.parametrize("block", range(4))
def test_the_cases_cover_the_cheapest_orders_of_every_tiling(block: int) -> None:
    """Compared with every class of orders there is, not only with those that the search looks at."""
    for seed in SEEDS[block::4]:
        found = sample(seed)
        classes = all_reuse_classes(found.problem.nest) if found is not None else ()
        if found is None or len(classes) ** 2 > 300:
            continue
        everything = list(BatchModel(found.problem.nest, found.problem.architecture, classes).pair_costs(found.batch))
        for objective in OBJECTIVES:
            covered = np.full(TILINGS, np.inf)
            for case, members in found.cases:
                for pair in found.pairs_of(case):
                    value = np.where(members, by_objective(objective, pair)[0], np.inf)
                    covered = np.minimum(covered, value)
            best = np.minimum.reduce([by_objective(objective, pair)[0] for pair in everything])
            assert (covered == best).all(), f"seed {seed}, {objective}\n{describe(found.problem)}"


def test_a_tiling_in_a_case_attains_the_case() -> None:
    """Where a case holds for a tiling, its class pairs are attained, so that what it bounds is a real mapping."""
    for seed in SEEDS[:60]:
        found = sample(seed)
        for case, members in found.cases if found is not None else ():
            if case.spm_class is not None and case.dram_class is not None:
                (pair,) = found.pairs_of(case) if found is not None else ()
                assert np.isfinite(pair.cycles[members]).all()


ODD_PRICES = {
    "free": AccessEnergy(rf=0, noc=0, spm=0, dram=0, mac=0),
    "dear register files": AccessEnergy(rf=1e9, noc=0, spm=0, dram=0, mac=0),
    "dear macs": AccessEnergy(rf=0, noc=1, spm=1, dram=1, mac=1e9),
    "dear noc": AccessEnergy(rf=0, noc=1e9, spm=0, dram=0, mac=0),
    "dear spm": AccessEnergy(rf=0, noc=0, spm=1e9, dram=0, mac=0),
    "dear dram": AccessEnergy(rf=0, noc=0, spm=0, dram=1e9, mac=0),
    "the delivery once outweighs the reduction, twice does not": AccessEnergy(rf=3, noc=8, spm=5, dram=1, mac=1),
    "delivery and reduction cancel": AccessEnergy(rf=1, noc=2, spm=2, dram=1, mac=1),
}


@pytest.mark.parametrize("prices", ODD_PRICES.values(), ids=ODD_PRICES.keys())
def test_the_relaxation_holds_whatever_the_sign_of_the_output_term(prices: AccessEnergy) -> None:
    checked = 0
    for seed in SEEDS[:8]:
        problem = random_problem(seed, SIZE, constrained=0)
        architecture = problem.architecture.model_copy(update={"access_energy_pj": prices})
        found = sample(seed, LayerProblem(problem.nest, architecture, Constraints(), "energy"))
        assert found is not None
        checked += check_bounds(found, seed)
    assert checked > 1000


@pytest.mark.parametrize("objective", ["energy", "latency"])
def test_the_relaxation_is_tight_on_convolutions(objective: Objective) -> None:
    """Exact in energy, within some percent in cycles: a looser one would still be sound, and useless."""
    shares: list[float] = []
    name = ENERGY if objective == "energy" else CYCLES
    for seed in SEEDS[:50]:
        problem = random_problem(seed, SIZE, constrained=0)
        found = sample(seed, problem) if "Fx" in problem.nest.dims else None
        if found is None:
            continue
        for case, members in found.cases:
            relaxed = relax(found.problem.nest, found.problem.architecture, case).bounds(found.batch)[name]
            for pair in found.pairs_of(case):
                exact = by_objective(objective, pair)[0]
                here = members & np.isfinite(exact) & (exact > 1000)
                shares += (relaxed[here] / exact[here]).tolist()
    assert len(shares) > 2000
    if objective == "energy":
        assert np.quantile(shares, 0.01) > 0.999
    assert np.mean(shares) > (0.9999 if objective == "energy" else 0.9)
