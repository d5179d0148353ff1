"""Back ends only propose: whatever they do, the result is checked, exact and complete."""

from __future__ import annotations

import time
from dataclasses import replace
from types import ModuleType
from typing import Any

import dmaze.model
import dmaze.solver
import pytest
from builders import Specs, gemm, nest_of, only
from dmaze.model.cost_models import AnySearchableModel
from dmaze.model.dmazerunner.cost import cost_of_mapping
from dmaze.model.documents.result import LayerResult, Result, Solution
from dmaze.model.documents.spec import Spec
from dmaze.model.faults import BackendFault, InputError
from dmaze.model.mapping import LEVELS, Mapping, Tiling, order_from_document, tiling_from_document
from dmaze.solver import LayerProblem, Progress, SearchLimits, SearchOutcome, enumerate_mappings, solve

GEMM, OTHER = gemm(2, 3, 4), gemm(4, 3, 4, name="h")
spec = Specs(GEMM, backend="fake-scripted")


def script(fakes: ModuleType, *outcomes: SearchOutcome) -> list[tuple[LayerProblem, SearchLimits]]:
    """Make the scripted back end answer so; gives the list of calls it will have had."""
    calls: list[tuple[LayerProblem, SearchLimits]] = []

    def search(problem: LayerProblem, limits: SearchLimits, _report: Any) -> SearchOutcome:
        calls.append((problem, limits))
        return outcomes[len(calls) - 1]

    fakes.SCRIPTED.script = search
    return calls


def simple(fakes: ModuleType, layer: dict[str, Any] | None = None) -> Mapping:
    """The mapping with tiles of one element."""
    return fakes.everything_in_dram(nest_of(layer or GEMM))


def check_costs(result: Result, layer: LayerResult, solution: Solution) -> None:
    """The cost that a solution states is the exact model's for the mapping that it states."""
    nest, document = layer.layer.loop_nest(), solution.mapping
    orders = (
        order_from_document(nest, document.dram_order or (), "d"),
        order_from_document(nest, document.spm_order or (), "s"),
    )
    cost = cost_of_mapping(nest, result.architecture, Mapping(tiling_from_document(nest, document.tiling), *orders))
    stated = solution.cost
    assert (stated.energy_pj, stated.cycles, stated.edp) == (cost.energy_pj, cost.cycles, cost.edp)
    assert stated.energy_breakdown_pj.model_dump() == cost.energy_breakdown_pj


def test_the_public_surface_is_what_it_is() -> None:
    assert set(dmaze.solver.__all__) == {
        "ENTRY_POINT_GROUP", "Backend", "Cache", "LayerProblem", "Observer", "Progress", "Report", "SearchLimits",
        "SearchOutcome", "SilentObserver", "Tiling", "VerificationLimits", "available_backends", "dataflow_study",
        "enumerate_mappings", "explain", "gap_study", "network_optimum", "pareto_fronts", "show_versions", "solve",
        "sweep", "tile", "verify", "verify_network",
    }  # fmt: skip
    assert set(dmaze.model.__all__) == {
        "Architecture", "AttentionScores", "AttentionValues", "BackendFault", "Constraints", "Conv1d", "Conv2d",
        "Conv3d", "ConvTranspose2d", "Cost", "DataflowStudy", "DmazeError", "DocumentSource", "EvaluateRequest",
        "EvaluateResult", "EvaluatedCost", "EvaluatedLevels", "Explanation", "Fault", "GapStudy", "Gemm", "InputError",
        "Layer", "LayerList", "LayerResult", "LevelConstraints", "LevelMappingDocument", "LevelsCost", "LoopNest",
        "LoopNestLayer", "Machine", "MappingDocument", "Mttkrp", "NetworkGoal", "NetworkReference", "NetworkResult",
        "NetworkVerification",
        "ParetoFronts", "Result", "Solution", "SolverOptions", "Spec", "SpecOptions", "SpecSource", "SweepResult",
        "SweepSpec", "Totals", "TtmChain", "Verification", "evaluate", "load_request", "load_result", "load_spec",
        "load_sweep", "resolve_architecture", "resolve_spec",
    }  # fmt: skip
    for package in (dmaze.model, dmaze.solver):
        assert all(hasattr(package, name) for name in package.__all__)


def test_a_problem_without_type_arguments_is_one_of_any_cost_model() -> None:
    defaults = [parameter.__default__ for parameter in dmaze.solver.LayerProblem.__parameters__]
    assert defaults == [Any, Any, Any, AnySearchableModel]


def test_a_candidate_is_costed_exactly_and_given_its_best_orders(fakes: ModuleType) -> None:
    mapping = replace(simple(fakes), dram_order=(2, 1, 0))  # K outermost: the output is not reused
    script(fakes, SearchOutcome((mapping,), 1.0, exhausted=False, statistics={"branches": 7, "evaluated": 3}))
    result = solve(spec())
    layer = only(result)
    assert (layer.status, layer.evaluated, layer.statistics) == ("feasible", 3, {"branches": 7})
    (solution,) = layer.solutions
    check_costs(result, layer, solution)
    given = cost_of_mapping(layer.layer.loop_nest(), result.architecture, mapping)
    assert solution.cost.edp < given.edp
    assert layer.objective_value == solution.cost.edp
    assert layer.bound == 1.0
    assert layer.gap == pytest.approx(1 - 1 / solution.cost.edp)


@pytest.mark.usefixtures("fakes")
@pytest.mark.parametrize(("objective", "kind"), [("edp", float), ("energy", int), ("latency", int)])
def test_objective_values_are_integers_except_edp(objective: str, kind: type) -> None:
    layer = only(solve(spec(objective=objective, backend="fake-first")))
    cost = layer.solutions[0].cost
    assert layer.objective_value == {"edp": cost.edp, "energy": cost.energy_pj, "latency": cost.cycles}[objective]
    assert type(layer.objective_value) is kind


@pytest.mark.usefixtures("fakes")
def test_the_result_is_its_json() -> None:
    result = solve(spec(GEMM, OTHER, name="both"))
    text = result.model_dump_json()
    assert '"schema":"dmaze-solve/result/1"' in text
    assert Result.model_validate_json(text) == result
    assert result.versions["dmaze-fakes"] == "1.0"
    assert {"python", "dmaze-solve", "ortools", "numpy"} < set(result.versions)


def with_changes(mapping: Mapping, **levels: tuple[int, ...]) -> Mapping:
    return replace(mapping, tiling=replace(mapping.tiling, **levels))


ILLEGAL: dict[str, tuple[dict[str, Any], dict[str, tuple[int, ...]], str]] = {
    "a tile that the SPM cannot hold": ({"m": 4096, "n": 4096}, {"dram": (1, 1, 4), "spm": (4096, 4096, 1)}, "spm"),
    "a tile that the RF cannot hold": ({"m": 512, "n": 3}, {"dram": (1, 3, 4), "rf": (512, 1, 1)}, "rf_bytes_per_pe"),
    "more PEs than there are": ({"m": 512, "n": 3}, {"dram": (1, 3, 4), "spatial": (512, 1, 1)}, "pes"),
    "factors of another bound": ({}, {"dram": (2, 3, 2)}, "factors multiply to the bounds"),
    "a factor of 0": ({}, {"dram": (2, 3, 0)}, "tiling.dram"),
}
CONSTRAINTS: dict[str, tuple[dict[str, Any], str]] = {
    "too few PEs in use": ({"min_utilization": {"pe": 0.5}}, "min_utilization.pe"),
    "too little of the RF in use": ({"min_utilization": {"rf": 0.5}}, "min_utilization.rf"),
    "too little of the SPM in use": ({"min_utilization": {"spm": 0.5}}, "min_utilization.spm"),
    "another factor than the fixed one": ({"fixed": {"M": {"rf": 2}}}, "fixed.M.rf"),
    "more DRAM traffic than allowed": ({"max_dram_bytes": 10}, "max_dram_bytes"),
    "more DMA invocations than allowed": ({"max_dma_invocations": 10}, "max_dma_invocations"),
}


@pytest.mark.parametrize("case", ILLEGAL)
def test_an_illegal_candidate_is_a_fault_of_the_back_end(fakes: ModuleType, case: str) -> None:
    sizes, levels, rule = ILLEGAL[case]
    layer = {**GEMM, **sizes}
    good, bad = simple(fakes, layer), with_changes(simple(fakes, layer), **levels)
    script(fakes, SearchOutcome((good, bad), None, False), SearchOutcome((simple(fakes, OTHER),), None, False))
    broken, fine = solve(spec(layer, OTHER)).layers
    assert (broken.status, broken.solutions, broken.objective_value) == ("unknown", (), None)
    assert "fake-scripted" in (broken.fault or "")
    assert rule in (broken.fault or "")
    assert (fine.status, fine.fault) == ("feasible", None)


@pytest.mark.usefixtures("fakes")
@pytest.mark.parametrize("case", CONSTRAINTS)
def test_a_candidate_that_breaks_a_constraint_is_a_fault_of_the_back_end(case: str) -> None:
    constraints, rule = CONSTRAINTS[case]
    layer = only(solve(spec(constraints=constraints, backend="fake-first")))
    assert layer.status == "unknown"
    assert f"fake-first returned an illegal mapping: it breaks {rule}" in (layer.fault or "")


@pytest.mark.parametrize("objective", ["edp", "energy", "latency"])
def test_a_bound_above_an_exact_cost_is_refused(fakes: ModuleType, objective: str) -> None:
    value = only(solve(spec(objective=objective))).objective_value
    assert value is not None
    script(fakes, *(SearchOutcome((simple(fakes),), bound, False) for bound in (value + 1.0, float(value))))
    refused = only(solve(spec(objective=objective)))
    assert (refused.status, refused.bound, refused.solutions) == ("unknown", None, ())
    assert "lies above the exact objective" in (refused.fault or "")
    accepted = only(solve(spec(objective=objective)))
    assert (accepted.status, accepted.bound, accepted.gap, accepted.fault) == ("optimal", value, 0.0, None)


def test_a_crash_loses_one_layer_only(fakes: ModuleType) -> None:
    def crash_on_first(problem: LayerProblem, limits: SearchLimits, report: Any) -> SearchOutcome:
        if problem.nest.bounds == (2, 3, 4):
            return fakes.crash(problem, limits, report)
        return fakes.first(problem, limits, report)

    fakes.SCRIPTED.script = crash_on_first
    crashed, fine = solve(spec(GEMM, OTHER)).layers
    assert (crashed.status, crashed.solutions) == ("unknown", ())
    assert "ZeroDivisionError: something third-party" in (crashed.fault or "")
    assert "dmaze_fakes.py:" in (crashed.fault or "")
    assert fine.status == "feasible"


def test_what_is_no_outcome_is_a_fault(fakes: ModuleType) -> None:
    fakes.SCRIPTED.script = lambda *_: None
    what = "an object of type NoneType instead of an outcome"
    assert only(solve(spec())).fault == f"back end fake-scripted returned {what}"


@pytest.mark.usefixtures("fakes")
def test_infeasible_layers_say_what_clashes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[LayerProblem, float]] = []

    def explain(problem: LayerProblem, time_limit_s: float, *, by_preset: bool) -> tuple[str, ...]:
        assert not by_preset
        asked.append((problem, time_limit_s))
        return ("pes", "min_utilization.rf")

    monkeypatch.setattr("dmaze.solver.pipeline.infeasibility.find_conflicts", explain)
    layer = only(solve(spec(backend="fake-none", solver={"time_limit_s": 20.0})))
    assert (layer.status, layer.conflicts) == ("infeasible", ("pes", "min_utilization.rf"))
    assert (layer.objective_value, layer.bound, layer.gap, layer.solutions) == (None, None, None, ())
    ((problem, limit),) = asked
    assert problem.nest.bounds == (2, 3, 4)
    assert 19 < limit <= 20


def test_nothing_found_is_unknown_and_keeps_its_bound(fakes: ModuleType) -> None:
    script(fakes, SearchOutcome((), 5.0, exhausted=False))
    layer = only(solve(spec()))
    assert (layer.status, layer.objective_value, layer.bound, layer.gap) == ("unknown", None, 5.0, None)


def test_identical_layers_are_searched_once(fakes: ModuleType) -> None:
    calls = script(fakes, *(SearchOutcome((simple(fakes, layer),), 1.0, False) for layer in (GEMM, OTHER)))
    again = {**GEMM, "name": "again", "count": 3}
    first, other, copy = solve(spec(GEMM, OTHER, again)).layers
    assert [problem.nest.bounds for problem, _ in calls] == [(2, 3, 4), (4, 3, 4)]
    assert (copy.name, copy.count, copy.same_as, copy.wall_s) == ("again", 3, "g", 0.0)
    assert (copy.status, copy.solutions, copy.bound) == (first.status, first.solutions, first.bound)
    assert (first.same_as, other.same_as) == (None, None)


@pytest.mark.usefixtures("fakes")
def test_totals_count_layers() -> None:
    result = solve(spec({**GEMM, "count": 2}, {**OTHER, "count": 5}))
    one, two = (layer.solutions[0].cost for layer in result.layers)
    assert result.total.energy_pj == 2 * one.energy_pj + 5 * two.energy_pj
    assert result.total.cycles == 2 * one.cycles + 5 * two.cycles
    assert result.total.edp == float(result.total.energy_pj) * float(result.total.cycles)
    assert result.total.edp_sum == 2 * one.edp + 5 * two.edp


def test_totals_are_null_when_a_layer_has_no_mapping(fakes: ModuleType) -> None:
    script(fakes, SearchOutcome((simple(fakes),), None, False), SearchOutcome((), None, False))
    assert set(solve(spec(GEMM, OTHER)).total.model_dump().values()) == {None}


def test_limits_reach_the_back_end(fakes: ModuleType) -> None:
    calls = script(fakes, SearchOutcome((simple(fakes),), None, False))
    options = {"time_limit_s": 8.0, "workers": 3, "top_k": 2, "relative_gap": 0.25, "seed": 11}
    result = solve(spec(solver=options))
    ((problem, limits),) = calls
    assert replace(limits, time_limit_s=8.0) == SearchLimits(8.0, workers=3, relative_gap=0.25, top_k=2, seed=11)
    assert 7 < limits.time_limit_s <= 8
    assert problem.constraints.preset is None
    assert result.solver.workers == 3


def test_without_workers_all_cores_are_used(fakes: ModuleType) -> None:
    calls = script(fakes, SearchOutcome((simple(fakes),), None, False))
    document = spec().model_dump()
    del document["solver"]["workers"]
    assert solve(Spec.model_validate(document)).solver.workers == calls[0][1].workers >= 1


def test_the_total_time_caps_layers_and_skips_the_rest(fakes: ModuleType) -> None:
    limits: list[float] = []

    def search(problem: LayerProblem, given: SearchLimits, report: Any) -> SearchOutcome:
        limits.append(given.time_limit_s)
        time.sleep(0.3)
        return fakes.first(problem, given, report)

    fakes.SCRIPTED.script = search
    again = {**OTHER, "name": "again"}
    first, skipped, copy = solve(spec(GEMM, OTHER, again, solver={"total_time_limit_s": 0.2})).layers
    assert len(limits) == 1
    assert limits[0] <= 0.2
    assert first.status == "feasible"
    assert (skipped.status, skipped.note) == ("unknown", "total_time_limit_s was reached before this layer")
    assert (copy.status, copy.same_as) == ("unknown", "h")


def interrupt_after(*reports: Progress) -> Any:
    def search(_problem: LayerProblem, _limits: SearchLimits, report: Any) -> SearchOutcome:
        for progress in reports:
            report(progress)
        raise KeyboardInterrupt

    return search


def test_ctrl_c_keeps_incumbents_and_bound(fakes: ModuleType) -> None:
    mapping = simple(fakes)
    fakes.SCRIPTED.script = interrupt_after(
        Progress(9.0, 1.0, (mapping,)), Progress(9.0, 2.0, ()), Progress(None, None, (), "last words")
    )
    again = {**GEMM, "name": "again"}
    result = solve(spec(GEMM, OTHER, again))
    cut, never, copy = result.layers
    assert result.interrupted
    assert (cut.status, cut.bound, cut.note, len(cut.solutions)) == ("feasible", 2.0, "interrupted", 1)
    check_costs(result, cut, cut.solutions[0])
    assert (never.status, never.note) == ("unknown", "interrupted before this layer")
    assert (copy.status, copy.same_as) == ("feasible", "g")


def test_ctrl_c_before_anything_is_found_leaves_the_layer_unknown(fakes: ModuleType) -> None:
    fakes.SCRIPTED.script = interrupt_after()
    result = solve(spec())
    assert result.interrupted
    assert (only(result).status, only(result).note) == ("unknown", "interrupted")


def test_incumbents_of_an_interrupted_search_are_checked_as_well(fakes: ModuleType) -> None:
    bad = with_changes(simple(fakes), dram=(2, 3, 2))
    fakes.SCRIPTED.script = interrupt_after(Progress(1.0, 1.0, (bad,)))
    result = solve(spec(GEMM, OTHER))
    assert result.interrupted
    assert "illegal mapping" in (result.layers[0].fault or "")
    assert result.layers[1].note == "interrupted before this layer"


def test_ctrl_c_outside_the_search_keeps_the_other_layers(fakes: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> tuple[str, ...]:
        raise KeyboardInterrupt

    monkeypatch.setattr("dmaze.solver.pipeline.infeasibility.find_conflicts", interrupted)
    script(fakes, SearchOutcome((simple(fakes),), None, False), SearchOutcome((), None, True))
    result = solve(spec(GEMM, OTHER))
    assert result.interrupted
    assert [layer.status for layer in result.layers] == ["feasible", "unknown"]


def test_observers_see_every_layer(fakes: ModuleType) -> None:
    seen: list[tuple[Any, ...]] = []

    class Recorder:
        def layer_started(self, name: str, position: int, total: int) -> None:
            seen.append(("started", name, position, total))

        def progressed(self, name: str, progress: Progress) -> None:
            seen.append(("progressed", name, progress.note))

        def layer_finished(self, result: LayerResult) -> None:
            seen.append(("finished", result.name, result.status))

    def search(problem: LayerProblem, limits: SearchLimits, report: Any) -> SearchOutcome:
        report(Progress(None, None, (), "hello"))
        return fakes.first(problem, limits, report)

    fakes.SCRIPTED.script = search
    solve(spec(GEMM, {**GEMM, "name": "again"}, OTHER), Recorder())
    assert seen == [
        ("started", "g", 1, 2),
        ("progressed", "g", "hello"),
        ("finished", "g", "feasible"),
        ("finished", "again", "feasible"),
        ("started", "h", 2, 2),
        ("progressed", "h", "hello"),
        ("finished", "h", "feasible"),
    ]


@pytest.mark.usefixtures("fakes")
def test_an_unknown_back_end_is_bad_input() -> None:
    with pytest.raises(
        InputError, match=r"solver\.backend: unknown back end 'fake-frist'; did you mean 'fake-first'\?"
    ):
        solve(spec(backend="fake-frist"))


@pytest.mark.usefixtures("fakes")
@pytest.mark.parametrize(
    ("name", "complaint"), [("fake-missing", "cannot be loaded: AttributeError"), ("fake-wrong", "no search method")]
)
def test_what_is_registered_must_be_a_back_end(name: str, complaint: str) -> None:
    with pytest.raises(BackendFault, match=complaint):
        solve(spec(backend=name))


@pytest.mark.usefixtures("fakes")
def test_unresolved_names_are_faults_of_the_input() -> None:
    with pytest.raises(InputError, match="architecture"):
        solve(spec().model_copy(update={"architecture": "dmazerunner-265pe"}))


@pytest.mark.parametrize("objective", ["edp", "energy", "latency"])
def test_enumeration_proves_what_it_finds(objective: str) -> None:
    result = enumerate_mappings(spec(objective=objective, backend="cp-sat", solver={"top_k": 4}))
    layer = only(result)
    assert (result.backend, layer.status, layer.gap) == ("exhaustive", "optimal", 0.0)
    # ordered factorisations over four levels: 4 of a prime, 10 of its square; nothing is too large for the machine
    assert layer.evaluated == 4 * 4 * 10
    assert [solution.rank for solution in layer.solutions] == [1, 2, 3, 4]
    tilings = {Tiling.from_levels(_levels(solution)) for solution in layer.solutions}
    assert len(tilings) == 4
    for solution in layer.solutions:
        check_costs(result, layer, solution)


def _levels(solution: Solution) -> list[list[int]]:
    rows = solution.mapping.tiling.values()
    return [[getattr(row, level) for row in rows] for level in LEVELS]
