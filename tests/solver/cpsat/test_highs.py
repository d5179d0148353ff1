"""The ``highs`` back end: the same case models, translated into rows, answered as CP-SAT and enumeration answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from dmaze.model.dmazerunner.constraints import Constraints
from dmaze.model.dmazerunner.factorisations import allowed_factorisations
from dmaze.model.dmazerunner.relaxation.case_bounds import analytic_bounds
from dmaze.model.dmazerunner.relaxation.cases import all_cases, holds
from dmaze.model.dmazerunner.relaxation.relaxed_model import CYCLES, ENERGY, relax
from dmaze.model.dmazerunner.relaxation.value_ranges import ValueRanges
from dmaze.model.dmazerunner.reuse import reuse_classes
from dmaze.model.dmazerunner.vectorised.batch import to_array, to_tilings
from dmaze.model.faults import BackendFault
from dmaze.model.loop_nest import LoopNest
from dmaze.model.mapping import Tiling
from dmaze.model.reading.loading import load_spec
from dmaze.solver.backend import LayerProblem, SearchLimits
from dmaze.solver.cpsat import HIGHS, highs
from dmaze.solver.cpsat.formulation.case_model import CaseModel
from dmaze.solver.cpsat.formulation.cutoff import Target
from dmaze.solver.cpsat.formulation.variables import TilingVariables, add_if
from dmaze.solver.cpsat.highs import HighsEngine
from dmaze.solver.cpsat.mixed_integer import MixedIntegerProgram
from dmaze.solver.enumeration import BACKEND as EXHAUSTIVE
from dmaze.solver.search.scoring import Scorer
from ortools.sat.python import cp_model
from paths import EXAMPLES
from random_problems import OBJECTIVES, TINY, Size, describe, every_tiling, fitting_levels, random_nest, random_problem
from starts import starting

LIMITS = SearchLimits(time_limit_s=60, top_k=1)
SOME_S = 60.0


def possible(model: cp_model.CpModel) -> bool:
    """Whether HiGHS finds a solution; it must decide."""
    answer = HighsEngine().ask(model, SOME_S)
    assert (answer.found is not None) != answer.impossible
    return answer.found is not None


def models_at_their_own_value(problem: LayerProblem, tiling: Tiling) -> Iterator[tuple[CaseModel, str]]:
    """The models of the cases that a tiling belongs to, asked for the exact objective of its cheapest orders there."""
    scorer = Scorer(problem)
    ranges = ValueRanges(problem.nest, allowed_factorisations(problem.nest, problem.constraints))
    value = float(scorer.scores(to_array([tiling])).values[0])
    pair = scorer.best_classes(tiling)
    for case in all_cases(reuse_classes(problem.nest)):
        own = pair is not None and case.spm_class in (None, pair[0]) and case.dram_class in (None, pair[1])
        if own and holds(problem.nest, case, tiling):
            relaxation = relax(problem.nest, problem.architecture, case)
            least = analytic_bounds(problem.nest, problem.architecture, relaxation, ranges)
            target = Target(problem.objective, value, least[ENERGY], least[CYCLES])
            yield CaseModel(problem, case, relaxation, ranges, target).build(), str(case.labels(problem.nest))


@pytest.mark.parametrize("block", range(4))
def test_every_legal_mapping_is_accepted_at_its_own_objective_value(block: int) -> None:
    asked = 0
    for seed in range(block, 20, 4):
        for objective in OBJECTIVES:
            problem = replace(random_problem(seed, TINY, constrained=0.3), objective=objective)
            for tiling in to_tilings(fitting_levels(Random(seed), problem, 3)):
                for model, label in models_at_their_own_value(problem, tiling):
                    model.tiling.fix(tiling)
                    assert model.feasible, f"seed {seed}, {label}\n{describe(problem)}"
                    assert possible(model.model), f"seed {seed}, {objective}, {label}, {tiling}\n{describe(problem)}"
                    asked += 1
    assert asked > 10


@pytest.mark.parametrize("block", range(4))
def test_the_optimum_is_that_of_enumeration(block: int) -> None:
    backend = starting(HIGHS, "no start")
    for seed in range(3000 + block, 3012, 4):
        for objective in OBJECTIVES:
            problem = replace(random_problem(seed, TINY, constrained=0.5), objective=objective)
            expected, found = EXHAUSTIVE.search(problem, LIMITS, None), backend.search(problem, LIMITS, None)
            message = f"seed {seed}, {objective}\n{describe(problem)}"
            assert found.exhausted, message
            assert bool(found.candidates) == bool(expected.candidates), message
            assert found.bound == expected.bound, message


def test_a_real_layer_is_proved_and_the_certificate_names_highs() -> None:
    spec = load_spec(EXAMPLES / "gemm1000.json")
    layer = spec.workload.layers[0]  # type: ignore[union-attr]
    problem = LayerProblem(layer.loop_nest(), spec.architecture, Constraints(), "energy")  # type: ignore[arg-type]
    outcome = HIGHS.search(problem, LIMITS, None)
    assert (outcome.exhausted, outcome.bound) == (True, 7_236_000_000)
    assert outcome.certificate is not None
    assert {pair.closed_by for pair in outcome.certificate.class_pairs} <= {"bound", "highs"}
    assert outcome.statistics["proved_by"] == "highs"


@pytest.mark.parametrize("seed", range(6))
def test_what_is_excluded_in_the_model_is_excluded_in_its_rows(seed: int) -> None:
    random = Random(seed)
    nest: LoopNest = random_nest(random, Size(macs=64, tilings=60))
    everything = every_tiling(nest, Constraints())
    gone = set(random.sample(everything, len(everything) // 2))
    for tiling in random.sample(everything, min(6, len(everything))):
        model = cp_model.CpModel()
        variables = TilingVariables(model, nest, Constraints())
        variables.forbid(gone)
        variables.fix(tiling)
        assert possible(model) == (tiling not in gone)


def test_every_kind_of_rule_keeps_its_meaning() -> None:
    """All assignments of x in 0..4 and literals a, b: the rows admit what the model admits."""
    for x_value in range(5):
        for a_value in (0, 1):
            for b_value in (0, 1):
                model = cp_model.CpModel()
                x, a, b = model.new_int_var(0, 4, "x"), model.new_bool_var("a"), model.new_bool_var("b")
                model.add_bool_or([a, ~b])
                model.add_implication(a, ~b)
                add_if(model, 2 * x + 3 <= 7, a, ~b)
                add_if(model, x >= 1, ~a)
                model.add_forbidden_assignments([x, a], [(1, 0), (0, 1)])
                model.add_exactly_one([a, b, ~a])
                for variable, value in ((x, x_value), (a, a_value), (b, b_value)):
                    model.add(variable == value)
                assert possible(model) == (cp_model.CpSolver().solve(model) == cp_model.OPTIMAL)


def test_a_solution_is_read_back_from_highs() -> None:
    model = cp_model.CpModel()
    x, y = model.new_int_var(-3, 9, "x"), model.new_int_var(0, 9, "y")
    model.add(x + 2 * y == 16)
    model.add(x <= -2)
    answer = HighsEngine().ask(model, SOME_S)
    assert answer.found is not None
    assert (answer.found.value(x), answer.found.value(y)) == (-2, 9)


def test_a_rule_that_case_models_do_not_use_is_refused() -> None:
    model = cp_model.CpModel()
    model.add_all_different([model.new_int_var(0, 4, "x"), model.new_int_var(0, 4, "y")])
    with pytest.raises(NotImplementedError):
        MixedIntegerProgram(model)


def test_after_a_stop_nothing_is_answered() -> None:
    engine = HighsEngine()
    engine.stop()
    answer = engine.ask(cp_model.CpModel(), SOME_S)
    assert (answer.found, answer.impossible) == (None, False)


def test_an_ortools_without_highs_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(highs.model_builder.Solver, "solver_is_supported", lambda _: False)
    with pytest.raises(BackendFault, match="no HiGHS in it"):
        HighsEngine()


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    model = cp_model.CpModel()
    model.add_bool_or([])
    assert not possible(model)
    assert capfd.readouterr() == ("", "")
