"""The CP-SAT model of a case loses no mapping within its target, and takes in none that its rules exclude.

A mapping's exact objective is given as the target: nothing is left to spare, so that every rounding in the model shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random

import numpy as np
import pytest
from builders import gemm_nest
from dmaze.model.dmazerunner.architecture import AccessEnergy, Architecture, Dma, Spm
from dmaze.model.dmazerunner.constraints import Constraints, FixedFactors, MinUtilization
from dmaze.model.dmazerunner.cost import cost_of_reuse
from dmaze.model.dmazerunner.factorisations import allowed_factorisations
from dmaze.model.dmazerunner.legality import broken_rules, dma_invocations, dram_bytes, occupancy, utilization
from dmaze.model.dmazerunner.relaxation.case_bounds import analytic_bounds
from dmaze.model.dmazerunner.relaxation.cases import Case, all_cases, holds
from dmaze.model.dmazerunner.relaxation.monomials import TILE_LEVELS
from dmaze.model.dmazerunner.relaxation.relaxed_model import CYCLES, ENERGY, Relaxation, relax
from dmaze.model.dmazerunner.relaxation.value_ranges import RANGE_PARAMETERS, RangeParameters, ValueRanges
from dmaze.model.dmazerunner.reuse import reuse_classes
from dmaze.model.dmazerunner.vectorised.batch import RF, SPM, Array, TilingBatch, to_array, to_tilings
from dmaze.model.dmazerunner.vectorised.batch_cost import BatchModel, PairCosts
from dmaze.model.dmazerunner.vectorised.batch_legality import allowed
from dmaze.model.mapping import LEVELS, Tiling
from dmaze.solver.backend import LayerProblem
from dmaze.solver.cpsat.formulation.case_model import CaseModel
from dmaze.solver.cpsat.formulation.cutoff import Target
from dmaze.solver.cpsat.formulation.variables import TilingVariables
from dmaze.solver.deadline import Deadline
from dmaze.solver.spaces.subspaces import MOST_COMBINATIONS, Subspace, Subspaces
from ortools.sat.python import cp_model
from random_problems import (
    LARGE,
    OBJECTIVES,
    TINY,
    Size,
    by_objective,
    describe,
    every_tiling,
    fitting_levels,
    random_architecture,
    random_levels,
    random_nest,
    random_problem,
    ranges_only,
    within_traffic_limits,
)

MEDIUM = Size(macs=1 << 20, class_pairs=40)
INFINITE = float("inf")


@dataclass(frozen=True)
class OfCase:
    """One case of a problem, ready to be asked for a target."""

    problem: LayerProblem
    case: Case
    ranges: ValueRanges

    @cached_property
    def relaxation(self) -> Relaxation:
        return relax(self.problem.nest, self.problem.architecture, self.case)

    @cached_property
    def least(self) -> dict[str, float]:
        return analytic_bounds(self.problem.nest, self.problem.architecture, self.relaxation, self.ranges)

    def model(self, value: float = INFINITE, tie: float = INFINITE) -> CaseModel:
        target = Target(self.problem.objective, value, self.least[ENERGY], self.least[CYCLES], tie)
        return CaseModel(self.problem, self.case, self.relaxation, self.ranges, target).build()

    def accepts(self, tiling: Tiling, value: float = INFINITE, tie: float = INFINITE) -> bool:
        """Whether the model, fixed to a tiling, has a solution with an objective of at most the value."""
        model = self.model(value, tie)
        if not model.feasible:
            return False
        model.tiling.fix(tiling)
        status = solve(model.model)[1]
        assert status in (cp_model.OPTIMAL, cp_model.FEASIBLE, cp_model.INFEASIBLE)
        return status != cp_model.INFEASIBLE


def solve(model: cp_model.CpModel) -> tuple[cp_model.CpSolver, int]:
    assert model.validate() == ""
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.cp_model_presolve = False  # the tiling is fixed: nothing is left to search
    return solver, int(solver.solve(model))


def cases_of(problem: LayerProblem, parameters: RangeParameters = RANGE_PARAMETERS) -> list[OfCase]:
    options = allowed_factorisations(problem.nest, problem.constraints)
    if not all(map(len, options)):
        return []
    ranges = ValueRanges(problem.nest, options, parameters)
    return [OfCase(problem, case, ranges) for case in all_cases(reuse_classes(problem.nest))]


def legal_mappings(of_case: OfCase, levels: Array) -> list[tuple[Tiling, PairCosts, int]]:
    """Mappings of a case among legal tilings: tiling, costs of the class pair, column."""
    problem, case = of_case.problem, of_case.case
    model, batch = BatchModel(problem.nest, problem.architecture), TilingBatch(problem.nest, levels)
    members = [
        (column, tiling) for column, tiling in enumerate(to_tilings(levels)) if holds(problem.nest, case, tiling)
    ]
    within = within_traffic_limits(problem.constraints, model, batch)
    found: list[tuple[Tiling, PairCosts, int]] = []
    for pair in model.pair_costs(batch) if members else ():
        spm, dram = model.classes[pair.spm_class], model.classes[pair.dram_class]
        if case.spm_class in (None, spm) and case.dram_class in (None, dram):
            found += [
                (tiling, pair, column)
                for column, tiling in members
                if np.isfinite(pair.cycles[column]) and within[pair.dram_class][column]
            ]
    return found


def check_accepted(
    seed: int,
    problem: LayerProblem,
    levels: Array,
    *,
    per_case: int,
    parameters: RangeParameters = RANGE_PARAMETERS,
) -> int:
    """Every sampled mapping is accepted by its case at exactly its own objective value; says how many were tried."""
    random, checked = Random(seed), 0
    for of_case in cases_of(problem, parameters):
        mappings = legal_mappings(of_case, levels)
        for tiling, pair, column in random.sample(mappings, min(per_case, len(mappings))):
            for objective in OBJECTIVES:
                value, other = (float(metric[column]) for metric in by_objective(objective, pair))
                tie = random.choice((INFINITE, other))
                asked = replace(of_case, problem=replace(problem, objective=objective))
                message = f"seed {seed}, {objective} {value} {tie}, {tiling}, {of_case.case}\n{describe(problem)}"
                assert asked.accepts(tiling, value, tie), message
                checked += 1
    return checked


@pytest.mark.parametrize("block", range(8))
def test_every_mapping_is_accepted_at_its_own_objective_value(block: int) -> None:
    checked = 0
    for seed in range(block, 32, 8):
        problem = random_problem(seed, TINY)
        levels = fitting_levels(Random(seed), problem, 60)
        checked += check_accepted(seed, problem, levels, per_case=2)
    assert checked >= 60, checked


@pytest.mark.parametrize("seed", range(100, 112))
def test_mappings_of_larger_nests_are_accepted_at_their_own_objective_value(seed: int) -> None:
    problem = random_problem(seed, MEDIUM, constrained=0.3)
    check_accepted(seed, problem, fitting_levels(Random(seed), problem, 60), per_case=1)


@pytest.mark.parametrize("seed", range(6))
def test_mappings_of_large_nests_are_accepted_at_their_own_objective_value(seed: int) -> None:
    problem = random_problem(seed, LARGE, constrained=0.2)
    check_accepted(seed, problem, fitting_levels(Random(seed), problem, 40), per_case=1)


@pytest.mark.parametrize("most", [0, 1, 12])
def test_mappings_are_accepted_where_values_are_known_by_their_range_only(most: int) -> None:
    parameters, checked = ranges_only(most), 0
    for seed in range(12):
        problem = random_problem(seed, MEDIUM, constrained=0.5)
        levels = fitting_levels(Random(seed), problem, 40)
        checked += check_accepted(seed, problem, levels, per_case=1, parameters=parameters)
    assert checked > 100


FREE = AccessEnergy(rf=0, noc=0, spm=0, dram=0, mac=0)


def machine(**changes: object) -> Architecture:
    """A small machine; by default nothing costs energy and DMA takes no time."""
    fields: dict[str, object] = {
        "name": "m",
        "pes": 4,
        "rf_bytes_per_pe": 16,
        "spm": Spm(banks=8, bytes_per_bank=8),
        "bytes_per_element": 1,
        "clock_mhz": 500.0,
        "dma": Dma(init_cycles=0.0, cycles_per_byte=0.0, clock_mhz=500.0),
        "access_energy_pj": FREE,
    }
    return Architecture(**{**fields, **changes})  # type: ignore[arg-type]


def every_legal(problem: LayerProblem) -> Array:
    tilings = every_tiling(problem.nest, problem.constraints)
    if not tilings:
        return np.empty((4, len(problem.nest.dims), 0))
    levels = to_array(tilings)
    return np.ascontiguousarray(levels[:, :, allowed(problem.nest, problem.architecture, problem.constraints, levels)])


EDGES = {
    "three elements, one per tensor, fill the register file": machine(rf_bytes_per_pe=3),
    "five bytes and two per element": machine(rf_bytes_per_pe=7, bytes_per_element=2),
    "one PE": machine(pes=1, access_energy_pj=AccessEnergy(rf=1, noc=1, spm=1, dram=1, mac=1)),
    "one bank per tensor": machine(spm=Spm(banks=3, bytes_per_bank=7)),
    "banks of less than an element": machine(
        spm=Spm(banks=40, bytes_per_bank=1), bytes_per_element=4, rf_bytes_per_pe=64
    ),
    "everything free": machine(),
    "energies round to 0": machine(access_energy_pj=AccessEnergy(rf=0, noc=1e-9, spm=0, dram=1e-4, mac=0)),
    "energies of about 1 pJ": machine(access_energy_pj=AccessEnergy(rf=0, noc=0.001, spm=0, dram=0.02, mac=0)),
    "one term of many orders less than the others": machine(
        access_energy_pj=AccessEnergy(rf=1e9, noc=1e-9, spm=1e-3, dram=1, mac=0)
    ),
    "prices near the smallest number": machine(
        access_energy_pj=AccessEnergy(rf=1e-300, noc=1e-305, spm=5e-324, dram=1.0, mac=0)
    ),
    "a slow DMA": machine(dma=Dma(init_cycles=1e9, cycles_per_byte=1e9, clock_mhz=1e-3)),
    "a fast DMA": machine(dma=Dma(init_cycles=1e-9, cycles_per_byte=1e-12, clock_mhz=1e6)),
}


@pytest.mark.parametrize("architecture", EDGES.values(), ids=EDGES.keys())
def test_mappings_are_accepted_on_machines_at_the_edge(architecture: Architecture) -> None:
    nest = gemm_nest(4, 3, 2)
    problem = LayerProblem(nest, architecture, Constraints(), "edp")
    assert check_accepted(0, problem, every_legal(problem), per_case=2) >= 18


def test_an_edp_of_zero_is_within_every_target() -> None:
    """The cycles of a mapping whose energy rounds to 0 are not limited by an EDP above 0."""
    price = AccessEnergy(rf=0, noc=0, spm=0, dram=0.02, mac=0)
    problem = LayerProblem(gemm_nest(4, 4, 1), machine(access_energy_pj=price), Constraints(), "edp")
    levels, checked = every_legal(problem), 0
    for of_case in cases_of(problem):
        for tiling, pair, column in legal_mappings(of_case, levels):
            if pair.energy_pj[column] == 0 and checked < 60:
                assert of_case.accepts(tiling, 1.0), (tiling, pair.cycles[column])
                checked += 1
    assert checked >= 20


def test_targets_that_nothing_meets_are_infeasible_before_any_search() -> None:
    """Less than one cycle, less than 0 pJ, an EDP of 0 where no energy rounds to 0."""
    nest = gemm_nest(1, 1, 1)
    priced = machine(access_energy_pj=AccessEnergy(rf=1, noc=1, spm=1, dram=1, mac=1))
    for objective, value in (("latency", 0.0), ("latency", -1.0), ("energy", -1.0), ("edp", 0.0), ("edp", 0.5)):
        for of_case in cases_of(LayerProblem(nest, priced, Constraints(), objective)):
            assert not of_case.model(value).feasible
    for objective, value in (("energy", 0.0), ("edp", 0.0)):
        assert any(
            of_case.model(value).feasible
            for of_case in cases_of(LayerProblem(nest, machine(), Constraints(), objective))
        )


# What the model must not take in


def test_a_model_takes_in_a_tiling_only_where_its_case_holds() -> None:
    accepted = 0
    for seed in range(16):
        problem = random_problem(seed, TINY, constrained=0)
        problem = replace(
            problem,
            architecture=machine(pes=1 << 20, rf_bytes_per_pe=1 << 20, spm=Spm(banks=64, bytes_per_bank=1 << 20)),
        )
        for tiling in to_tilings(random_levels(Random(seed), problem.nest, 3)):
            for of_case in cases_of(problem):
                expected = holds(problem.nest, of_case.case, tiling)
                assert of_case.accepts(tiling) == expected, f"seed {seed}, {tiling}, {of_case.case}"
                accepted += expected
    assert accepted > 30


def test_what_enumeration_rejects_is_infeasible_or_found_out_by_its_legality() -> None:
    """PEs and pinned factors are exact in the model; what memories round up to is checked outside."""
    rejected = taken_in = 0
    for seed in range(60):
        problem = random_problem(seed, TINY)
        levels = random_levels(Random(seed), problem.nest, 12)
        legal = allowed(problem.nest, problem.architecture, problem.constraints, levels)
        cases = cases_of(problem)
        for tiling, fits in zip(to_tilings(levels), legal.tolist(), strict=True):
            broken = broken_rules(problem.nest, problem.architecture, problem.constraints, tiling)
            assert fits == (broken == ())
            here = [of_case for of_case in cases if holds(problem.nest, of_case.case, tiling)]
            if fits or not here:
                continue
            if here[0].accepts(tiling):
                taken_in += 1
                assert set(broken) <= {"rf_bytes_per_pe", "spm"} | {
                    f"min_utilization.{part}" for part in ("pe", "rf", "spm")
                }
            else:
                rejected += 1
    assert rejected > 20 * taken_in, (rejected, taken_in)


# Constraints


def constraint_at(
    kind: str, random: Random, problem: LayerProblem, tiling: Tiling, least: tuple[int, int]
) -> Constraints:
    """A constraint that a tiling just keeps; ``least`` are its fewest bytes and DMA invocations."""
    nest, dims = problem.nest, range(len(problem.nest.dims))
    share = utilization(occupancy(nest, problem.architecture, tiling))
    fixed = {
        nest.dims[dim]: FixedFactors(
            **{level: tiling.levels[LEVELS.index(level)][dim] for level in random.sample(LEVELS, 2)}
        )
        for dim in random.sample(dims, max(1, len(dims) // 2))
    }
    options: dict[str, dict[str, object]] = {
        "fixed": {"fixed": fixed},
        "spatial_dims": {"spatial_dims": tuple(nest.dims[dim] for dim in dims if tiling.spatial[dim] > 1)},
        "utilization": {"min_utilization": MinUtilization(**{part: min(used, 1.0) for part, used in share.items()})},
        "max_dram_bytes": {"max_dram_bytes": least[0]},
        "max_dma_invocations": {"max_dma_invocations": least[1]},
    }
    return Constraints(**options[kind])  # type: ignore[arg-type]


KINDS = ("fixed", "spatial_dims", "utilization", "max_dram_bytes", "max_dma_invocations")


@pytest.mark.parametrize("kind", KINDS)
def test_a_constraint_never_loses_a_mapping_that_just_keeps_it(kind: str) -> None:
    checked = 0
    for seed in range(40):
        random = Random(seed)
        problem = random_problem(seed, TINY, constrained=0)
        levels = fitting_levels(random, problem, 10)
        for tiling in to_tilings(levels)[:2]:
            costs = list(costs_by_case(problem, tiling))
            for case, traffic in random.sample(costs, min(2, len(costs))):
                constrained = replace(problem, constraints=constraint_at(kind, random, problem, tiling, traffic))
                assert not broken_rules(problem.nest, problem.architecture, constrained.constraints, tiling)
                ranges = ValueRanges(problem.nest, allowed_factorisations(problem.nest, constrained.constraints))
                message = f"seed {seed}, {tiling}\n{describe(constrained)}"
                assert OfCase(constrained, case, ranges).accepts(tiling), message
                checked += 1
    assert checked > 50


def costs_by_case(problem: LayerProblem, tiling: Tiling) -> Iterator[tuple[Case, tuple[int, int]]]:
    """The cases of a tiling with the bytes and the DMA invocations of a mapping of the case."""
    nest, classes = problem.nest, reuse_classes(problem.nest)
    for case in all_cases(classes):
        if holds(nest, case, tiling):
            spm, dram = case.spm_class, case.dram_class
            reuse = [
                of_class.factors(trips) if of_class is not None else (1,) * len(nest.tensors)
                for of_class, trips in ((spm, tiling.spm), (dram, tiling.dram))
            ]
            cost = cost_of_reuse(nest, problem.architecture, tiling, *reuse)
            yield case, (dram_bytes(problem.architecture, cost), dma_invocations(cost))


@pytest.mark.parametrize("kind", ["fixed", "spatial_dims", "no_spatial_reduction", "no_feature_from_dram"])
def test_pinned_factors_are_exact_in_the_variables(kind: str) -> None:
    for seed in range(12):
        random = Random(seed)
        nest = random_nest(random, Size(macs=256, tilings=400))
        problem = LayerProblem(nest, random_architecture(random), Constraints(), "edp")
        tiling = random.choice(every_tiling(nest, Constraints()))
        flag = Constraints(**{kind: True}) if kind.startswith("no_") else None  # type: ignore[arg-type]
        constraints = flag or constraint_at(kind, random, problem, tiling, (0, 0))
        model = cp_model.CpModel()
        expected = set(every_tiling(nest, constraints))
        assert all_solutions(model, TilingVariables(model, nest, constraints)) == expected


# Excluding what was looked at


class Collect(cp_model.CpSolverSolutionCallback):
    """Collects the tilings of all solutions."""

    def __init__(self, tiling: TilingVariables) -> None:
        super().__init__()
        self._tiling, self.found = tiling, set[Tiling]()

    def on_solution_callback(self) -> None:
        self.found.add(self._tiling.read(self))  # type: ignore[arg-type]


def all_solutions(model: cp_model.CpModel, tiling: TilingVariables) -> set[Tiling]:
    assert model.validate() == ""
    collect, solver = Collect(tiling), cp_model.CpSolver()
    solver.parameters.enumerate_all_solutions = True
    solver.parameters.num_workers = 1
    status = solver.solve(model, collect)
    assert status in (cp_model.OPTIMAL, cp_model.INFEASIBLE)
    return collect.found


@pytest.mark.parametrize("seed", range(16))
def test_excluding_cuts_exactly_what_it_says(seed: int) -> None:
    random = Random(seed)
    nest = random_nest(random, Size(macs=256, tilings=400))
    everything = every_tiling(nest, Constraints())
    some = random.sample(everything, min(5, len(everything)))

    def left(exclude: Callable[[TilingVariables], None] | None) -> set[Tiling]:
        model = cp_model.CpModel()
        variables = TilingVariables(model, nest, Constraints())
        if exclude is not None:
            exclude(variables)
        return all_solutions(model, variables)

    assert left(None) == set(everything)
    assert left(lambda v: v.forbid(some)) == set(everything) - set(some)
    rows = {tiling.dram for tiling in some}
    left_over = {t for t in everything if t.dram not in rows}
    assert left(lambda v: v.forbid_subspaces([Subspace(row) for row in rows])) == left_over
    pairs = {(tiling.dram, tiling.spm) for tiling in some[1:]}
    parts = [Subspace(some[0].dram), *(Subspace(dram, spm) for dram, spm in pairs)]
    left_over = {t for t in everything if t.dram != some[0].dram and (t.dram, t.spm) not in pairs}
    assert left(lambda v: v.forbid_subspaces(parts)) == left_over
    for level in (RF, SPM):
        for tiling in some[:2]:
            least = tile(tiling, level)
            kept = {t for t in everything if any(size % part for size, part in zip(tile(t, level), least, strict=True))}
            assert left(lambda v, t=tiling, at=level: v.forbid_tiles(t, at)) == kept


@pytest.mark.parametrize("finest", [False, True])
def test_a_slice_holds_every_allowed_tiling_with_its_factors(finest: bool) -> None:
    most = 0 if finest else MOST_COMBINATIONS
    for seed in range(40):
        problem = random_problem(seed, TINY)
        legal = set(to_tilings(every_legal(problem)))
        for tiling in list(legal)[:3]:
            part = Subspaces(problem, most).around(tiling)
            assert (part.spm is None) != finest
            found = [t for levels in Subspaces(problem).tilings(part, Deadline.never()) for t in to_tilings(levels)]
            expected = {t for t in legal if t.dram == part.dram and part.spm in (None, t.spm)}
            assert len(found) == len(expected)
            assert set(found) == expected


def tile(tiling: Tiling, level: int) -> list[int]:
    """Tile sizes of a level, by dimension."""
    return np.prod([tiling.levels[part] for part in TILE_LEVELS[level]], axis=0).tolist()


@pytest.mark.parametrize(("rule", "level"), [("rf_bytes_per_pe", RF), ("spm", SPM)], ids=["rf", "spm"])
def test_excluding_too_large_tiles_loses_nothing_that_fits(rule: str, level: int) -> None:
    excluded = 0
    for seed in range(40):
        problem = random_problem(seed, TINY)
        legal = to_tilings(every_legal(problem))
        for tiling in to_tilings(random_levels(Random(seed), problem.nest, 20)):
            if rule in broken_rules(problem.nest, problem.architecture, problem.constraints, tiling):
                least = tile(tiling, level)
                lost = [t for t in legal if all(s % p == 0 for s, p in zip(tile(t, level), least, strict=True))]
                assert lost == [], f"seed {seed}, {tiling}"
                excluded += bool(legal)
    assert excluded >= 50, "too few tiles were too large where others fit"


@pytest.mark.parametrize("seed", range(20))
def test_a_hinted_tiling_is_read_back(seed: int) -> None:
    random = Random(seed)
    nest = random_nest(random)
    (tiling,) = to_tilings(random_levels(random, nest, 1))
    model = cp_model.CpModel()
    variables = TilingVariables(model, nest, Constraints())
    variables.hint(tiling)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.fix_variables_to_their_hinted_value = True
    assert solver.solve(model) in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    assert variables.read(solver) == tiling
