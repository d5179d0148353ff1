"""Rounding goes to the safe side, and nothing leaves the solver's 64 bits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random

import numpy as np
import pytest
from builders import gemm_nest
from dmaze.model.dmazerunner.architecture import AccessEnergy, Architecture, Dma, Spm
from dmaze.model.dmazerunner.constraints import Constraints, MinUtilization
from dmaze.model.dmazerunner.cost import ExactCost, cost_of_reuse
from dmaze.model.dmazerunner.factorisations import allowed_factorisations, prime_factors
from dmaze.model.dmazerunner.relaxation.case_bounds import analytic_bounds
from dmaze.model.dmazerunner.relaxation.cases import Case, all_cases, holds
from dmaze.model.dmazerunner.relaxation.logarithms import LOG_SCALE, ValueRange, scaled_log
from dmaze.model.dmazerunner.relaxation.monomials import (
    FactorOf,
    InvocationsOf,
    Monomial,
    Posynomial,
    WindowOf,
    factors,
    index_extent,
    symbol_value,
)
from dmaze.model.dmazerunner.relaxation.relaxed_model import CYCLES, ENERGY, Relaxation, Row, relax
from dmaze.model.dmazerunner.relaxation.value_ranges import RANGE_PARAMETERS, RangeParameters, ValueRanges
from dmaze.model.dmazerunner.reuse import reuse_classes
from dmaze.model.dmazerunner.vectorised.batch import RF as RF_LEVEL
from dmaze.model.dmazerunner.vectorised.batch import SPM as SPM_LEVEL
from dmaze.model.dmazerunner.vectorised.batch import TilingBatch, to_tilings
from dmaze.model.layers import Conv2d, LoopNestLayer
from dmaze.model.loop_nest import MAX_MACS, LoopNest
from dmaze.model.mapping import Tiling
from dmaze.model.objectives import Objective
from dmaze.solver.backend import LayerProblem, SearchLimits
from dmaze.solver.cpsat import BACKEND
from dmaze.solver.cpsat.formulation import linearisation
from dmaze.solver.cpsat.formulation.case_model import CaseModel
from dmaze.solver.cpsat.formulation.cutoff import Target, TargetRows
from dmaze.solver.cpsat.formulation.scaling import COST_UNITS, MAX_ACTIVITY, lower_lines
from dmaze.solver.cpsat.formulation.variables import TilingVariables
from ortools.sat.python import cp_model
from random_problems import LARGE, OBJECTIVES, Size, random_levels, random_problem, ranges_only
from reference import REFERENCE

NESTS = Size(macs=1 << 24, class_pairs=40)


def monomials_of(problem: LayerProblem, seed: int) -> list[Monomial]:
    """Distinct monomials of some cases of a problem."""
    cases = all_cases(reuse_classes(problem.nest))
    found: dict[Monomial, None] = {}
    for case in Random(seed).sample(cases, min(4, len(cases))):
        relaxation = relax(problem.nest, problem.architecture, case)
        for row in (*relaxation.energy, *relaxation.cycles):
            found.update(dict.fromkeys(row.terms.terms))
            found.update(dict.fromkeys(part for part in (row.divisor, row.only_with) if part is not None))
    return list(found)


def ranges_of(problem: LayerProblem, parameters: RangeParameters = RANGE_PARAMETERS) -> ValueRanges | None:
    options = allowed_factorisations(problem.nest, problem.constraints)
    return ValueRanges(problem.nest, options, parameters) if all(map(len, options)) else None


def by_range(value_range: ValueRange) -> ValueRange:
    """The same range without its points: only its ends, and how far logarithms lie above the true ones."""
    assert value_range.logs is not None
    assert value_range.values is not None
    slack = float(np.max(value_range.logs - np.log2(value_range.values) * LOG_SCALE))
    return ValueRange(value_range.low, value_range.high, max(slack, 0.0) + 0.01)


def random_ranges(seeds: range) -> Iterator[tuple[Random, ValueRange]]:
    for seed in seeds:
        problem = random_problem(seed, NESTS)
        ranges = ranges_of(problem)
        for monomial in monomials_of(problem, seed) if ranges is not None else ():
            value_range = ranges(monomial) if ranges is not None else None
            if value_range is not None and value_range.logs is not None:
                yield Random(seed), value_range


COEFFICIENTS = (1e-320, 1e-30, 1e-9, 0.3, 1.0, 17.123, 1e4, 3e8, 1e15, 1e300)


def coefficients(random: Random, value_range: ValueRange) -> list[float]:
    """Any, and some for which the largest value is about as large as costs are allowed to be."""
    assert value_range.values is not None
    top = float(value_range.values.max())
    return [random.choice(COEFFICIENTS), *(random.uniform(0.001, 2) * COST_UNITS / top for _ in range(2))]


def check_lines(value_range: ValueRange, points: ValueRange, coefficient: float, cap: float) -> int:
    """All lines lie below the value rounded down, at all points up to the cap; says how many points there were."""
    assert points.logs is not None
    assert points.values is not None
    checked = 0
    lines = lower_lines(value_range, coefficient, cap)
    most = math.ceil(coefficient * value_range.most_within(cap * (1 + 1e-9) / coefficient) * (1 + 1e-9)) + 1
    for line in lines:
        reached = (
            line.scale * most + abs(line.slope) * max(abs(value_range.low), abs(value_range.high)) + abs(line.offset)
        )
        assert reached <= MAX_ACTIVITY
    for log, value in zip(points.logs.tolist(), points.values.tolist(), strict=True):
        if coefficient * value <= cap:
            rounded = math.floor(coefficient * value * (1 + 1e-12))
            assert all(line.scale * rounded >= line.slope * log + line.offset for line in lines)
            checked += 1
    return checked


def test_lines_through_points_lie_below_the_rounded_value_everywhere() -> None:
    checked = 0
    for random, value_range in random_ranges(range(60)):
        for coefficient in coefficients(random, value_range):
            for cap in (COST_UNITS, random.uniform(0, COST_UNITS), 2 * COST_UNITS):
                checked += check_lines(value_range, value_range, coefficient, cap)
    assert checked > 50_000


def test_tangents_lie_below_the_rounded_value_for_logarithms_known_by_their_range() -> None:
    checked = 0
    for random, value_range in random_ranges(range(100, 140)):
        for coefficient in coefficients(random, value_range):
            for cap in (COST_UNITS, random.uniform(0, COST_UNITS)):
                checked += check_lines(by_range(value_range), value_range, coefficient, cap)
    assert checked > 10_000


def test_few_points_are_bounded_exactly() -> None:
    """Neighbours are joined by lines: with up to 24 steps of any height the bound is the rounded value itself."""
    logs = np.cumsum(np.arange(1, 25) * 997)
    values = 2.0 ** (logs / LOG_SCALE)
    coefficient = COST_UNITS / values[-1]
    lines = lower_lines(ValueRange.of_points(logs, values), coefficient, COST_UNITS)
    for log, value in zip(logs.tolist(), values.tolist(), strict=True):
        bound = max(math.ceil((line.slope * log + line.offset) / line.scale) for line in lines)
        assert math.floor(coefficient * value) - 2 <= bound <= math.floor(coefficient * value)


def test_bounds_stay_within_a_hundred_thousandth() -> None:
    """At the upper end, where an optimum lies, lines lose next to nothing; tangents some units more."""
    for _, value_range in random_ranges(range(200, 220)):
        assert value_range.values is not None
        top = float(value_range.values.max())
        lines = lower_lines(value_range, COST_UNITS / top, COST_UNITS)
        bound = max(((line.slope * value_range.high + line.offset) / line.scale for line in lines), default=0)
        assert bound >= COST_UNITS * (1 - 1e-5) - 3


def test_weighted_quantities_are_rounded_down_as_well() -> None:
    """3/2 + 3/2 = 3, not 2 + 2: what fits the target exactly is taken in."""
    nest = gemm_nest(2, 1, 1)
    twos = factors(RF_LEVEL, range(1))  # 2 where M is whole in the register files
    rows = (
        Row("three", Posynomial(nest, constant=3)),
        Row("one half", Posynomial(nest), (("three", 1),), twos),
        Row("other half", Posynomial(nest), (("three", 1),), twos),
        Row(CYCLES, Posynomial(nest, constant=COST_UNITS - 3), (("one half", 0), ("other half", 0))),
    )
    for cycles, fits in ((COST_UNITS, True), (COST_UNITS - 4, False)):
        model = cp_model.CpModel()
        ranges = ValueRanges(nest, allowed_factorisations(nest, Constraints()))
        made = linearisation.Terms(TilingVariables(model, nest, Constraints()), ranges)
        TargetRows(made, Target("latency", cycles, 0, 1)).add(Relaxation((), rows, Posynomial(nest), Posynomial(nest)))
        made.tiling.fix(Tiling((1, 1, 1), (1, 1, 1), (2, 1, 1), (1, 1, 1)))
        found = made.feasible and cp_model.CpSolver().solve(model) != cp_model.INFEASIBLE
        assert found == fits


# Where monomials can lie


def scaled(problem: LayerProblem, monomial: Monomial, tiling: Tiling, batch: TilingBatch) -> int:
    """The scaled logarithm of a monomial as the model's variables give it for a tiling."""

    def of_number(number: int) -> int:
        return sum(multiplicity * scaled_log(prime) for prime, multiplicity in prime_factors(number))

    def of_symbol(symbol: FactorOf | WindowOf | InvocationsOf) -> int:
        if isinstance(symbol, FactorOf):
            return of_number(tiling.levels[symbol.level][symbol.dim])
        value = float(symbol_value(symbol, batch)[0])
        if isinstance(symbol, InvocationsOf) and value > 1:
            index = problem.nest.tensors[symbol.tensor].index[symbol.axis]
            return sum(power * of_symbol(part) for part, power in index_extent(index, SPM_LEVEL).powers)
        return scaled_log(value)

    return sum(power * of_symbol(symbol) for symbol, power in monomial.powers)


@pytest.mark.parametrize(
    ("size", "most"), [(NESTS, None), (LARGE, None), (NESTS, 0), (NESTS, 12)], ids=["points", "large", "ranges", "both"]
)
def test_every_tiling_lies_within_the_range_of_every_monomial(size: Size, most: int | None) -> None:
    parameters = RANGE_PARAMETERS if most is None else ranges_only(most)
    num_ranges = points = 0
    for seed in range(300, 330):
        problem = random_problem(seed, size, constrained=0.3)
        ranges = ranges_of(problem, parameters)
        if ranges is None:
            continue
        monomials = monomials_of(problem, seed)
        for tiling in to_tilings(random_levels(Random(seed), problem.nest, 6, problem.constraints)):
            batch = TilingBatch(problem.nest, np.array([tiling.levels], dtype=float).transpose(1, 2, 0).copy())
            for monomial in monomials:
                value, log = float(monomial.value(batch)[0]), scaled(problem, monomial, tiling, batch)
                value_range = ranges(monomial)
                assert value_range.least <= value * (1 + 1e-12)
                assert value <= value_range.most * (1 + 1e-4)
                assert value_range.low <= log <= value_range.high
                assert log <= value_range.highest_within(value)
                if value_range.logs is not None and value_range.values is not None:
                    assert value_range.values[np.searchsorted(value_range.logs, log)] <= value * (1 + 1e-12)
                    assert log in value_range.logs
                    points += 1
                else:
                    assert log - math.log2(value) * LOG_SCALE <= value_range.slack + 1e-6
                    assert math.log2(value) * LOG_SCALE - log <= value_range.slack + 1e-6
                    num_ranges += 1
    assert points > 1000 or most == 0
    assert num_ranges > 500 or (size is NESTS and most is None)


# The solver's 64 bits

HUGE = 2**31 - 1
"""The largest bound of a dimension, a prime."""


def general(bounds: dict[str, int], **tensors: list[str]) -> LoopNest:
    """A nest whose first tensor is the output."""
    listed = [
        {"name": name, "index": index, "output": position == 0}
        for position, (name, index) in enumerate(tensors.items())
    ]
    layer = {"type": "loop_nest", "name": "x", "bounds": bounds, "tensors": listed}
    return LoopNestLayer.model_validate(layer).loop_nest()


EXTREMES = {
    "gemm of a huge prime": gemm_nest(HUGE, 1 << 15, 1),
    "gemm of powers of two": gemm_nest(1 << 24, 1 << 12, 1 << 12),
    "gemm of one huge power of two": gemm_nest(1, 1 << 17, 1 << 30),
    "gemm of many divisors": gemm_nest(73513440, 55440, 60),
    "batched gemm": gemm_nest(1 << 20, 3, 1 << 6, batch=1 << 20),
    "one multiply-accumulate": gemm_nest(1, 1, 1),
    "convolution of a huge picture": Conv2d(
        type="conv2d",
        name="c",
        batch=1,
        out_channels=1,
        in_channels=1,
        in_height=1 << 20,
        in_width=1 << 20,
        kernel_height=7,
        kernel_width=3,
        stride=3,
        padding=3,
        dilation=2,
    ).loop_nest(),
    "convolution of huge strides": Conv2d(
        type="conv2d",
        name="c",
        batch=4,
        out_channels=64,
        in_channels=64,
        in_height=HUGE,
        in_width=9,
        kernel_height=3,
        kernel_width=3,
        stride=(1 << 20, 1),
    ).loop_nest(),
    "large steps in an index": general(
        {"a": 1 << 10, "b": 1 << 6}, o=["a"], x=[f"{1 << 30}*a + {HUGE}*b"], y=["b", "a"]
    ),
    "scalars only": general({"a": 1 << 31 - 1, "b": 1 << 10}, o=[], x=[]),
    "one tensor": general({"a": 1 << 23, "b": 1 << 24}, o=["a", "a + b"]),
}


def architecture(**changes: object) -> Architecture:
    return Architecture.model_validate({**dict(REFERENCE), **changes})


DEAR = 1e9
MACHINES = {
    "the reference machine": architecture(),
    "largest": architecture(
        pes=HUGE,
        rf_bytes_per_pe=HUGE,
        spm=Spm(banks=HUGE, bytes_per_bank=HUGE),
        dma=Dma(init_cycles=DEAR, cycles_per_byte=DEAR, clock_mhz=1e-3),
        clock_mhz=1e6,
        access_energy_pj=AccessEnergy(rf=DEAR, noc=DEAR, spm=DEAR, dram=DEAR, mac=DEAR),
    ),
    "dear and free at once": architecture(access_energy_pj=AccessEnergy(rf=DEAR, noc=1e-300, spm=0, dram=1e-9, mac=0)),
    "nearly free": architecture(
        access_energy_pj=AccessEnergy(rf=1e-300, noc=1e-12, spm=1e-18, dram=5e-324, mac=0),
        dma=Dma(init_cycles=1e-300, cycles_per_byte=5e-324, clock_mhz=1e6),
    ),
    "smallest": architecture(pes=1, rf_bytes_per_pe=8, spm=Spm(banks=4, bytes_per_bank=2)),
}


def trivial(nest: LoopNest) -> Tiling:
    """Everything in DRAM, tiles of one element."""
    ones = (1,) * len(nest.dims)
    return Tiling(nest.bounds, ones, ones, ones)


def case_and_cost(nest: LoopNest, machine: Architecture, tiling: Tiling) -> tuple[Case, ExactCost]:
    """A case that a tiling belongs to, and the exact cost in it."""
    case = next(case for case in all_cases(reuse_classes(nest)) if holds(nest, case, tiling))
    ones = (1,) * len(nest.tensors)
    spm = case.spm_class.factors(tiling.spm) if case.spm_class is not None else ones
    dram = case.dram_class.factors(tiling.dram) if case.dram_class is not None else ones
    return case, cost_of_reuse(nest, machine, tiling, spm, dram)


def values_of(cost: ExactCost, objective: Objective) -> float:
    exact = {"edp": cost.edp, "energy": cost.energy_pj, "latency": cost.cycles}
    return float(exact[objective])


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES.keys())
@pytest.mark.parametrize("nest", EXTREMES.values(), ids=EXTREMES.keys())
def test_models_of_extreme_layers_are_valid(nest: LoopNest, machine: Architecture) -> None:
    """And they accept the mapping with everything in DRAM, at its own objective value."""
    assert nest.num_macs <= MAX_MACS
    ranges = ValueRanges(nest, allowed_factorisations(nest, Constraints()))
    case, cost = case_and_cost(nest, machine, trivial(nest))
    relaxation = relax(nest, machine, case)
    limits = Constraints(
        max_dram_bytes=2**62, max_dma_invocations=2**62, min_utilization=MinUtilization(pe=0.0, rf=1e-9, spm=1e-300)
    )
    for objective in OBJECTIVES:
        value = values_of(cost, objective)
        for asked, constraints in (
            (value, Constraints()),
            (value, limits),
            (value * 1e6, Constraints()),
            (1.0, limits),
        ):
            problem = LayerProblem(nest, machine, constraints, objective)
            least = analytic_bounds(nest, machine, relaxation, ranges)
            model = CaseModel(problem, case, relaxation, ranges, Target(objective, asked, least[ENERGY], least[CYCLES]))
            model.build()
            assert model.model.validate() == ""
            if asked == value and constraints == Constraints():
                assert model.feasible
                model.tiling.fix(trivial(nest))
                solver = cp_model.CpSolver()
                solver.parameters.num_workers = 1
                solver.parameters.max_time_in_seconds = 30
                assert solver.solve(model.model) in (cp_model.OPTIMAL, cp_model.FEASIBLE)


def test_other_cases_of_extreme_layers_are_valid_too() -> None:
    for nest in EXTREMES.values():
        ranges = ValueRanges(nest, allowed_factorisations(nest, Constraints()))
        for number, case in enumerate(all_cases(reuse_classes(nest))):
            machine = list(MACHINES.values())[number % len(MACHINES)]
            objective = OBJECTIVES[number % len(OBJECTIVES)]
            problem, relaxation = LayerProblem(nest, machine, Constraints(), objective), relax(nest, machine, case)
            least = analytic_bounds(nest, machine, relaxation, ranges)
            for value in (math.inf, 1.0, 3e7, 1e40):
                target = Target(objective, value, least[ENERGY], least[CYCLES])
                model = CaseModel(problem, case, relaxation, ranges, target).build()
                assert model.model.validate() == ""


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("nest", EXTREMES.values(), ids=EXTREMES.keys())
def test_extreme_layers_are_searched(nest: LoopNest, objective: Objective) -> None:
    problem = LayerProblem(nest, MACHINES["the reference machine"], Constraints(), objective)
    outcome = BACKEND.search(problem, SearchLimits(time_limit_s=0.5), None)
    assert outcome.bound is not None


def test_what_does_not_fit_64_bits_is_an_error_of_its_own() -> None:
    nest = gemm_nest(8, 9, 10)
    ranges = ValueRanges(nest, allowed_factorisations(nest, Constraints()))
    variables = TilingVariables(cp_model.CpModel(), nest, Constraints())
    terms = linearisation.Terms(variables, ranges, max_activity=1 << 20)
    with pytest.raises(OverflowError, match="does not fit the solver's 64 bits"):
        terms.term(factors(RF_LEVEL, range(3)), COST_UNITS / 720, COST_UNITS)
