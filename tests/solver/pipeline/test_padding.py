"""Padded bounds: which are tried, that their iterations are paid for, and that bounds speak of all that were tried."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest
from builders import Specs, gemm, gemm_nest, nest_of, only
from dmaze.cli.main import main
from dmaze.model import EvaluateRequest, InputError, LayerResult, Result, evaluate
from dmaze.model.dmazerunner.constraints import Constraints
from dmaze.model.dmazerunner.factorisations import divisors
from dmaze.model.documents.spec import SolverOptions
from dmaze.model.loop_nest import AffineIndex, LoopNest, Tensor
from dmaze.model.mapping import LEVELS
from dmaze.model.objectives import Objective
from dmaze.solver import Cache, LayerProblem, Progress, SearchLimits, SearchOutcome, enumerate_mappings, solve, verify
from dmaze.solver.enumeration import BACKEND as EXHAUSTIVE
from dmaze.solver.pipeline.layer_search import LayerSearch
from dmaze.solver.pipeline.observer import SearchRecorder
from dmaze.solver.pipeline.padded_search import LayerAnswer, answer_all
from dmaze.solver.pipeline.padding import MAX_VARIANTS, num_combinations, padded_bounds, variants
from dmaze.solver.pipeline.ranking import objective_value, rank
from dmaze.solver.search.scoring import trivial_bound
from hypothesis import given
from hypothesis import strategies as st
from machines import SMALL
from random_problems import OBJECTIVES, TINY, random_architecture, random_constraints, random_nest

GEMM = gemm(7, 5, 4)
"""With 20 %: M 7 or 8, N 5 or 6, K 4."""

spec = Specs(GEMM, architecture=SMALL, solver={"pad_bounds": True, "pad_percent": 20.0})

Output = pytest.CaptureFixture[str]


# Awkward bounds as they are


AWKWARD: dict[str, dict[str, Any]] = {
    "primes": gemm(107, 197, 50257),
    "many factors": gemm(12288, 12288, 14336),
    "a bound of 1": gemm(1, 128256, 4096),
    "a convolution of primes": {
        "type": "conv2d", "name": "c", "batch": 1, "out_channels": 197, "in_channels": 107, "in_height": 107,
        "in_width": 107, "kernel_height": 3, "kernel_width": 3, "padding": 1,
    },
}  # fmt: skip


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("case", AWKWARD)
def test_awkward_bounds_are_proved_without_padding(case: str, objective: str) -> None:
    options = {"backend": "portfolio", "pad_bounds": False, "time_limit_s": 120.0}
    layer = only(solve(spec(AWKWARD[case], architecture="dmazerunner-256pe", objective=objective, solver=options)))
    assert (layer.status, layer.gap) == ("optimal", 0.0)


# Which bounds


@pytest.mark.parametrize(
    ("bound", "percent", "padded"),
    [
        (107, 5.0, (107, 108)),  # 2 divisors, 12; up to 112 none has more
        (197, 5.0, (197, 198)),  # 2, 12
        (50257, 5.0, (50257, 50258, 50260, 50274, 50400)),  # 4, 8, 24, 32, 108
        (12288, 1.0, (12288, 12300, 12312, 12320)),  # 26, 36, 40, 48
        (7, 14.0, (7,)),  # 8 is one seventh more: 14.3 %
        (7, 15.0, (7, 8)),
        (1, 99.0, (1,)),
        (1, 100.0, (1, 2)),
        (2, 100.0, (2, 4)),
    ],
)
def test_a_bound_may_be_padded_to_what_has_more_divisors_than_anything_smaller(
    bound: int, percent: float, padded: tuple[int, ...]
) -> None:
    assert padded_bounds(bound, percent) == padded


@given(st.integers(1, 3000), st.floats(0.01, 100))
def test_padded_bounds_are_the_records_within_the_percentage(bound: int, percent: float) -> None:
    within = [number for number in range(bound, 2 * bound + 1) if 100 * (number - bound) <= percent * bound]
    records = [n for n in within if all(len(divisors(n)) > len(divisors(m)) for m in range(bound, n))]
    assert padded_bounds(bound, percent) == tuple(records)


def test_a_bound_of_billions_takes_no_time() -> None:
    started = time.monotonic()
    found = padded_bounds(2**31 - 1, 5.0)
    assert found[0] == 2**31 - 1
    assert found[-1] < 2**31 + 2**16
    assert time.monotonic() - started < 10


def coarseness(bound: int) -> float:
    pairs = zip(divisors(bound), divisors(bound)[1:], strict=False)
    return max((larger / smaller for smaller, larger in pairs), default=1.0)


def test_the_most_promising_combinations_are_tried() -> None:
    nest = gemm_nest(107, 197, 50257)
    tried = variants(nest, Constraints(), 5.0)
    assert tried[0] == nest
    assert len(set(tried)) == len(tried) == MAX_VARIANTS
    assert num_combinations(nest, 5.0) == 2 * 2 * 5
    every = list(product((107, 108), (197, 198), padded_bounds(50257, 5.0)))

    def promise(bounds: tuple[int, ...]) -> tuple[float, int]:
        return round(math.prod(map(coarseness, bounds)), 6), math.prod(bounds)

    assert [v.bounds for v in tried[1:]] == [b for b in sorted(every, key=promise) if b != nest.bounds][:15]
    assert tried[1].bounds == (108, 198, 50274)


def test_fixed_factors_divide_what_is_tried() -> None:
    nest = gemm_nest(7, 14, 4)
    bounds = [
        variant.bounds for variant in variants(nest, Constraints.model_validate({"fixed": {"N": {"rf": 7}}}), 50.0)
    ]
    assert {n for _, n, _ in bounds} == {14}  # 16, 18, 20 have more divisors
    everything = {"dram": 1, "spm": 1, "rf": 7, "spatial": 1}
    bounds = [v.bounds for v in variants(nest, Constraints.model_validate({"fixed": {"M": everything}}), 50.0)]
    assert {m for m, _, _ in bounds} == {7}


def test_nests_too_large_to_be_counted_are_not_tried() -> None:
    nest = gemm_nest(2**16 - 1, 2**16 - 1, 2**16)
    tried = variants(nest, Constraints(), 5.0)
    assert tried[0] == nest
    assert all(variant.num_macs <= 2**48 for variant in tried)
    assert len(tried) < MAX_VARIANTS


def test_tensors_grow_where_padded_indices_reach_beyond_them() -> None:
    conv = {
        "type": "conv2d", "name": "c", "batch": 1, "out_channels": 3, "in_channels": 2, "in_height": 10, "in_width": 10,
        "kernel_height": 3, "kernel_width": 3, "stride": 2,
    }  # fmt: skip
    nest = nest_of(conv)  # Ox = Oy = (10 - 3) // 2 + 1 = 4; rows reached: 3 * 2 + 2 + 1 = 9 of 10
    padded = nest.with_bounds((1, 4, 2, 5, 4, 3, 3))
    i, w, o = padded.tensors
    assert i.shape == (1, 2, 11, 10)  # rows reached: 4 * 2 + 2 + 1
    assert w.shape == (4, 2, 3, 3)
    assert o.shape == (1, 4, 5, 4)
    assert padded.num_macs == 4 * 2 * 5 * 4 * 3 * 3
    assert nest.with_bounds(nest.bounds) == nest


def test_negative_steps_reach_as_far() -> None:
    tensor = Tensor("x", (AffineIndex(((0, -3),), 9),), (10,), is_output=True)
    assert LoopNest(("i",), (4,), (tensor,)).with_bounds((5,)).tensors[0].shape == (13,)


# What is found


def enumerated(problem: LayerProblem) -> float | None:
    """The least objective of a problem's mappings, by enumeration; none without one."""
    outcome = EXHAUSTIVE.search(problem, SearchLimits(), None)
    ranked = rank(problem, outcome.candidates, 1)
    return objective_value(problem.objective, ranked[0].cost) if ranked else None


def answered(problem: LayerProblem, percent: float) -> LayerAnswer:
    answerer = LayerSearch(EXHAUSTIVE, SolverOptions(backend="exhaustive", workers=1), None)
    nests = variants(problem.nest, problem.constraints, percent)
    return answer_all(answerer, [replace(problem, nest=n) for n in nests], 600.0, SearchRecorder("", None))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_best_of_all_variants_is_found_and_its_bound_holds_for_all(objective: Objective) -> None:
    awkward = replace(TINY, macs=1 << 9, tilings=2000, bounds=(1, 3, 5, 7, 7, 11))
    gains = 0
    for seed in range(18):
        random = Random(f"{seed} {objective}")
        nest, architecture = random_nest(random, awkward), random_architecture(random)
        constraints = random_constraints(random, nest, architecture) if seed % 3 == 0 else Constraints()
        problem = LayerProblem(nest, architecture, constraints, objective)
        found = answered(problem, 60.0)
        values = [enumerated(trial.problem) for trial in found.trials]
        least = min((value for value in values if value is not None), default=None)
        assert found.layer_status.objective_value == least
        assert found.unpadded.layer_status.objective_value == values[0]
        assert found.layer_status.status == ("infeasible" if least is None else "optimal")
        if least is not None:
            assert found.layer_status.bound is not None
            assert found.layer_status.bound <= least
            assert found.layer_status.gap == 0.0
            padded = {name: to for name, (_, to) in found.padding.items()}
            assert nest.padded(padded) == found.best.problem.nest
            gains += values[0] is not None and least < values[0]
    assert gains >= (0 if objective == "energy" else 3)  # energy rarely gains: every iteration costs some


@pytest.mark.parametrize("objective", ["edp", "latency"])
def test_a_padded_cost_is_that_of_the_padded_nest(objective: str) -> None:
    layer = only(solve(spec(objective=objective)))
    assert layer.padding is not None
    assert {name: bound.model_dump() for name, bound in layer.padding.items()} == {"M": {"from": 7, "to": 8}}
    request = {
        "architecture": SMALL,
        "layer": GEMM,
        "padded_bounds": {"M": 8},
        "mappings": [solution.mapping for solution in layer.solutions],
    }
    padded = {**request, "layer": {**GEMM, "m": 8}, "padded_bounds": {}}
    costs = evaluate(EvaluateRequest.model_validate(request)).costs
    assert costs == evaluate(EvaluateRequest.model_validate(padded)).costs
    for solution, cost in zip(layer.solutions, costs, strict=True):
        assert (solution.cost.energy_pj, solution.cost.cycles, solution.cost.edp) == (
            cost.energy_pj, cost.cycles, cost.edp
        )  # fmt: skip
        factors = solution.mapping.tiling["M"]
        assert math.prod(getattr(factors, level) for level in LEVELS) == 8


def test_the_result_says_what_was_padded_and_what_that_gained() -> None:
    layer = only(solve(spec()))
    plain = only(solve(spec(solver={"pad_bounds": False})))
    assert layer.unpadded_objective_value == plain.objective_value
    assert layer.objective_value is not None
    assert plain.objective_value is not None
    gain = 1 - layer.objective_value / plain.objective_value
    assert gain > 0
    assert layer.note == (
        f"padded M 7 -> 8: edp {gain:.2%} below the unpadded optimum; 4 of 4 combinations of bounds tried"
    )
    tried = {json.dumps(variant.bounds): variant for variant in layer.padding_variants}
    assert list(tried) == ["{}", '{"M": 8, "N": 6}', '{"M": 8}', '{"N": 6}']
    assert [v.objective_value for v in tried.values()] == [
        only(solve(spec({**GEMM, "m": m, "n": n}, solver={"pad_bounds": False}))).objective_value
        for m, n in ((7, 5), (8, 6), (8, 5), (7, 6))
    ]
    assert min(v.objective_value or math.inf for v in tried.values()) == layer.objective_value
    assert (plain.padding, plain.unpadded_objective_value, plain.padding_variants) == (None, None, ())
    text = layer.model_dump_json()
    assert '"padding":{"M":{"from":7,"to":8}}' in text
    assert LayerResult.model_validate_json(text) == layer


def test_what_gains_nothing_is_not_padded() -> None:
    layer = only(solve(spec({**GEMM, "m": 4, "n": 4})))
    assert (layer.padding, layer.note) == (None, "padding gains nothing; 1 of 1 combinations of bounds tried")
    assert layer.unpadded_objective_value == layer.objective_value
    assert len(layer.padding_variants) == 1


def test_enumeration_pads_as_well() -> None:
    assert only(enumerate_mappings(spec(solver={"backend": "cp-sat"}))).padding is not None


def test_a_preset_does_not_pad() -> None:
    with pytest.raises(InputError, match=r"solver\.pad_bounds: expected false beside constraints\.preset"):
        solve(spec(constraints={"preset": "dmazerunner-auto"}))


# What is not proved, not searched, or cut short


def script(fakes: ModuleType, search: Callable[[LayerProblem, SearchLimits, Any], SearchOutcome]) -> None:
    fakes.SCRIPTED.script = search


FAKE = {"backend": "fake-scripted", "time_limit_s": 8.0}


def best(problem: LayerProblem) -> SearchOutcome:
    return EXHAUSTIVE.search(problem, SearchLimits(), None)


def test_the_bound_is_the_least_of_all_variants(fakes: ModuleType) -> None:
    script(fakes, lambda problem, *_: replace(best(problem), bound=float(problem.nest.bounds[0]), exhausted=False))
    layer = only(solve(spec(solver=FAKE)))
    assert [variant.bound for variant in layer.padding_variants] == [7.0, 8.0, 8.0, 7.0]
    assert (layer.status, layer.bound) == ("feasible", 7.0)
    assert layer.note is not None
    assert "below the best unpadded mapping found" in layer.note


def test_a_variant_without_a_bound_counts_with_what_every_mapping_costs(fakes: ModuleType) -> None:
    def search(problem: LayerProblem, *_: object) -> SearchOutcome:
        found = best(problem)
        return found if problem.nest.bounds != (8, 5, 4) else replace(found, bound=None, exhausted=False)

    script(fakes, search)
    result = solve(spec(solver=FAKE))
    layer = only(result)
    least = trivial_bound(LayerProblem(gemm_nest(8, 5, 4), result.architecture, Constraints(), "edp"))
    assert layer.padding_variants[2].bound == least > 0
    assert (layer.status, layer.bound) == ("feasible", least)


def test_what_cannot_beat_the_best_is_not_searched(fakes: ModuleType) -> None:
    asked: list[tuple[int, ...]] = []

    def search(problem: LayerProblem, *_: object) -> SearchOutcome:
        asked.append(problem.nest.bounds)
        return best(problem)

    script(fakes, search)
    free = {"rf": 0.96, "noc": 0, "spm": 0, "dram": 0, "mac": 0.075}
    layer = only(solve(spec(architecture={**SMALL, "access_energy_pj": free}, objective="energy", solver=FAKE)))
    assert asked == [(7, 5, 4)]  # where moving data is free, every further iteration costs more
    assert (layer.status, layer.padding, layer.objective_value) == ("optimal", None, layer.bound)
    assert [v.status for v in layer.padding_variants] == ["optimal", "unknown", "unknown", "unknown"]
    assert layer.note == "padding gains nothing; 4 of 4 combinations of bounds tried"


def test_all_variants_share_the_time_of_the_layer(fakes: ModuleType) -> None:
    given: list[float] = []

    def search(problem: LayerProblem, limits: SearchLimits, _report: Any) -> SearchOutcome:
        given.append(limits.time_limit_s)
        return best(problem)

    script(fakes, search)
    solve(spec(solver=FAKE))
    assert given == [pytest.approx(4.0, abs=1), *(pytest.approx(8 / n, abs=1.5) for n in (3, 2, 1))]


def test_variants_out_of_time_are_named_and_keep_the_bound_honest(fakes: ModuleType) -> None:
    def search(problem: LayerProblem, limits: SearchLimits, _report: Any) -> SearchOutcome:
        if problem.nest.bounds != (7, 5, 4):
            time.sleep(limits.time_limit_s * 4)
        return best(problem)

    script(fakes, search)
    layer = only(solve(spec(solver={**FAKE, "time_limit_s": 0.4})))
    assert layer.status == "feasible"
    assert layer.bound == min(variant.bound or 0.0 for variant in layer.padding_variants)
    assert layer.note is not None
    assert layer.note.endswith("; 4 of 4 combinations of bounds tried, 2 of them not reached")


@pytest.mark.parametrize("where", ["in the search", "after it"])
def test_ctrl_c_keeps_what_other_variants_gave(fakes: ModuleType, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    asked: list[tuple[int, ...]] = []

    def search(problem: LayerProblem, _limits: SearchLimits, report: Any) -> SearchOutcome:
        asked.append(problem.nest.bounds)
        if problem.nest.bounds == (8, 6, 4) and where == "in the search":
            report(Progress(None, 1.0, (fakes.everything_in_dram(problem.nest),)))
            raise KeyboardInterrupt
        return best(problem)

    def ranked(problem: LayerProblem, *arguments: Any) -> Any:
        if problem.nest.bounds == (8, 6, 4):
            raise KeyboardInterrupt
        return rank(problem, *arguments)

    script(fakes, search)
    if where == "after it":
        monkeypatch.setattr("dmaze.solver.pipeline.layer_search.rank", ranked)
    result = solve(spec(solver=FAKE))
    layer = only(result)
    assert result.interrupted
    assert asked == [(7, 5, 4), (8, 6, 4)]
    assert (layer.status, layer.padding) == ("feasible", None)
    assert layer.objective_value == layer.unpadded_objective_value
    assert layer.note is not None
    assert layer.note.startswith("interrupted; padding gains nothing; ")


def test_progress_speaks_of_the_whole_layer(fakes: ModuleType) -> None:
    seen: list[Progress] = []

    class Recorder:
        def layer_started(self, *_: object) -> None: ...
        def layer_finished(self, *_: object) -> None: ...
        def progressed(self, _name: str, progress: Progress) -> None:
            seen.append(progress)

    def search(problem: LayerProblem, _limits: SearchLimits, report: Any) -> SearchOutcome:
        found = best(problem)
        report(Progress(1e30, 1e25, found.candidates, "a"))
        report(Progress(found.bound, found.bound, found.candidates))
        return found

    script(fakes, search)
    layer = only(solve(spec(solver=FAKE), Recorder()))
    assert [p.note for p in seen[:4]] == ["unpadded: a", "unpadded", "M 7 -> 8, N 5 -> 6: a", "M 7 -> 8, N 5 -> 6"]
    values = [p.objective_value for p in seen if p.objective_value is not None]
    bounds = [p.bound for p in seen if p.bound is not None]
    assert values == sorted(values, reverse=True)
    assert bounds == sorted(bounds)
    assert layer.objective_value is not None
    assert max(bounds) <= layer.objective_value == values[-1]


def test_each_variant_is_cached_on_its_own(tmp_path: Path, fakes: ModuleType) -> None:
    asked: list[tuple[int, ...]] = []

    def search(problem: LayerProblem, *_: object) -> SearchOutcome:
        asked.append(problem.nest.bounds)
        return best(problem)

    script(fakes, search)
    cache = Cache(tmp_path)
    plain = {**FAKE, "pad_bounds": False}
    assert only(solve(spec({**GEMM, "m": 8}, solver=plain), cache=cache)).cached is False
    first = only(solve(spec(solver=FAKE), cache=cache))
    assert (first.cached, asked) == (False, [(8, 5, 4), (7, 5, 4), (8, 6, 4), (7, 6, 4)])
    assert only(solve(spec(solver=plain), cache=cache)).cached
    again = only(solve(spec(solver=FAKE), cache=cache))
    assert again.cached
    assert again.model_copy(update={"wall_s": first.wall_s, "cached": False}) == first
    assert len(asked) == 4


def test_unproved_variants_are_cached_for_the_same_time(tmp_path: Path, fakes: ModuleType) -> None:
    calls: list[float] = []

    def search(problem: LayerProblem, limits: SearchLimits, _report: Any) -> SearchOutcome:
        calls.append(limits.time_limit_s)
        return replace(best(problem), bound=1.0, exhausted=False)

    script(fakes, search)
    for _ in range(3):
        solve(spec(solver=FAKE), cache=Cache(tmp_path))
    assert len(calls) == 4


# What others make of it


def test_verify_accepts_padded_results_and_says_what_it_cannot_check() -> None:
    verification = verify(solve(spec()))
    assert verification.holds
    (layer,) = verification.layers
    assert layer.proof.outcome == "checked"
    assert layer.proof.text.startswith("4 of 4 choices of bounds checked; ")
    assert layer.not_checked == ("unpadded_objective_value: its mapping is not given",)
    plain = verify(solve(spec({**GEMM, "m": 4, "n": 4})))
    assert plain.holds
    assert plain.complete


def altered(result: Result, **fields: Any) -> Result:
    document = result.model_dump(mode="json")
    document["layers"][0].update(fields)
    return Result.model_validate(document)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "another padding": (
        {"padding": {"M": {"from": 7, "to": 14}}},
        "padding to {'M': 14} is none of the choices that solver.pad_percent 20.0 leaves",
    ),
    "no padding": ({"padding": None}, "solutions[0].mapping.tiling.M: factors multiply to 8; expected the bound 7"),
    "an unpadded value below the best": ({"unpadded_objective_value": 1.0}, "unpadded_objective_value 1.0 lies below"),
    "choices left out": (
        {"padding_variants": [{"bounds": {}, "status": "optimal", "objective_value": 1e9, "bound": 1e9}]},
        "padding_variants are [{}]; solver.pad_percent 20.0 gives [{}, {'M': 8, 'N': 6}, {'M': 8}, {'N': 6}]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_verify_finds_wrong_paddings(case: str) -> None:
    fields, complaint = WRONG[case]
    verification = verify(altered(solve(spec()), **fields))
    assert not verification.holds
    assert any(fault.startswith(complaint) for fault in verification.layers[0].faults)


def test_verify_finds_that_nothing_was_to_be_padded() -> None:
    result = solve(spec())
    options = result.solver.model_copy(update={"pad_bounds": False})
    verification = verify(result.model_copy(update={"solver": options}))
    assert "padding is reported, but solver.pad_bounds is false" in verification.layers[0].faults


def test_verify_disproves_a_bound_that_a_padded_mapping_breaks() -> None:
    result = solve(spec())
    unpadded = only(result).unpadded_objective_value
    plain = only(solve(spec(solver={"pad_bounds": False})))
    claimed = altered(
        result,
        padding=None,
        objective_value=unpadded,
        bound=unpadded,
        solutions=plain.model_dump(mode="json")["solutions"],
    )
    (layer,) = verify(claimed).layers
    assert layer.proof.outcome == "disproved"
    assert layer.proof.counterexample is not None
    assert layer.proof.counterexample.objective_value < (unpadded or 0)


@pytest.mark.parametrize(
    ("padding", "complaint"),
    [
        ({"M": {"from": 6, "to": 8}}, "layers[0].layer: padding.M.from: expected the bound 7"),
        ({"Q": {"from": 6, "to": 8}}, "layers[0].layer: Q: unknown dimension; expected one of M, N, K"),
        ({"M": {"from": 7, "to": 6}}, "layers[0].layer: M: expected at least the bound 7, got 6"),
    ],
)
def test_an_impossible_padding_is_a_fault_of_the_file(
    tmp_path: Path, capsys: Output, padding: dict[str, Any], complaint: str
) -> None:
    path = tmp_path / "result.json"
    path.write_text(altered(solve(spec()), padding=padding).model_dump_json(by_alias=True))
    assert main(["verify", str(path)]) == 2
    assert capsys.readouterr().err == f"{path}: {complaint}\n"


@pytest.mark.parametrize(
    ("bounds", "fault"),
    [
        ({"Q": 8}, "padded_bounds.Q: unknown dimension; expected one of M, N, K"),
        ({"M": 6}, "padded_bounds.M: expected at least the bound 7, got 6"),
        ({"M": 2**31 - 1, "N": 2**31 - 1}, "padded_bounds.M: expected bounds with at most 2**48 = 281474976710656"),
    ],
)
def test_evaluate_refuses_impossible_bounds(bounds: dict[str, int], fault: str) -> None:
    request = {"architecture": SMALL, "layer": GEMM, "padded_bounds": bounds, "mappings": []}
    with pytest.raises(InputError) as caught:
        evaluate(EvaluateRequest.model_validate(request))
    assert str(caught.value).startswith(fault)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "spec.json"
    path.write_text(spec(solver={"pad_bounds": False, "pad_percent": 5.0}).model_dump_json(by_alias=True))
    return str(path)


@pytest.mark.parametrize(
    ("options", "padded"),
    [
        ([], False),
        (["--pad-bounds"], False),
        (["--pad-percent", "20"], True),
        (["--pad-bounds", "--pad-percent", "20"], True),
    ],
)
def test_options_pad(file: str, capsys: Output, options: list[str], padded: bool) -> None:
    assert main([file, "--json", *options]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["solver"]["pad_bounds"] is bool(options)
    assert (document["layers"][0]["padding"] is not None) is padded


def test_the_report_shows_padding_and_padded_loops(file: str, capsys: Output) -> None:
    assert main([file, "--pad-percent", "20", "--loops"]) == 0
    out = capsys.readouterr().out
    assert "padded M 7 -> 8: edp " in out
    loops = [int(line.split("range(")[1].split(")")[0]) for line in out.splitlines() if "for M_" in line]
    assert math.prod(loops) == 8


@pytest.mark.parametrize("percent", ["0", "-1", "101", "much", "NaN"])
def test_a_bad_percentage_is_told(file: str, capsys: Output, percent: str) -> None:
    assert main([file, "--pad-percent", percent]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("--pad-percent: ")
    assert err.count("\n") == 1


def test_padding_beside_a_preset_is_told_at_its_place(tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "spec.json"
    document = {"architecture": SMALL, "workload": {"layers": [GEMM]}}
    document["constraints"] = {"preset": "dmazerunner-auto"}
    path.write_text(json.dumps(document))
    complaint = "expected false beside constraints.preset 'dmazerunner-auto', which does not pad\n"
    assert main([str(path), "--pad-bounds"]) == 2
    assert capsys.readouterr().err == f"--pad-bounds: {complaint}"
    path.write_text(json.dumps({**document, "solver": {"pad_bounds": True}}))
    assert main([str(path)]) == 2
    assert capsys.readouterr().err == f"{path}: solver.pad_bounds: {complaint}"
