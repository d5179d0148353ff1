"""A sweep asks every question once and answers all of it, whatever happens on the way."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from builders import gemm, gemm_nest
from dmaze.model.designs import designs
from dmaze.model.documents.pareto import LayerFront
from dmaze.model.documents.result import LayerResult
from dmaze.model.documents.spec import Spec
from dmaze.model.documents.sweep_results import SweepResult
from dmaze.model.faults import BackendFault, InputError
from dmaze.solver import SilentObserver, solve, sweep, verify
from dmaze.solver.backend import LayerProblem, SearchLimits
from dmaze.solver.deadline import Deadline
from dmaze.solver.enumeration import BACKEND as EXHAUSTIVE
from dmaze.solver.enumeration.exhaustive import ExhaustiveBackend
from dmaze.solver.fronts.layer_fronts import pareto_fronts
from dmaze.solver.portfolio import PortfolioBackend
from dmaze.solver.search.local_search import LocalSearch
from dmaze.solver.sweeps.plan import Plan
from dmaze.solver.verification.recheck import VerificationLimits
from random_problems import TINY, random_nest
from sweep_specs import MEMORIES, essence, sweep_spec

Ask = Callable[..., SweepResult]


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[LayerProblem]:
    """Every problem that the exhaustive back end is asked for."""
    problems: list[LayerProblem] = []
    search = ExhaustiveBackend.search

    def noted(self: ExhaustiveBackend, problem: LayerProblem, *others: Any) -> Any:
        problems.append(problem)
        return search(self, problem, *others)

    monkeypatch.setattr(ExhaustiveBackend, "search", noted)
    return problems


def layer_on(result: SweepResult, design: int, name: str) -> LayerResult:
    found = result.designs[design].result
    assert found is not None
    return next(layer for layer in found.layers if layer.name == name)


def front_on(result: SweepResult, design: int, position: int) -> LayerFront:
    found = result.designs[design].fronts
    assert found is not None
    return found.layers[position]


def test_every_layer_on_every_design_is_as_if_solved_alone(executor: Executor) -> None:
    spec = sweep_spec()
    result = sweep(spec, executor=executor)
    assert [tuple(d.values.values()) for d in result.designs] == [(b, r) for b in (8, 16) for r in (4, 16, 64)]
    for design, swept in zip(designs(spec), result.designs, strict=True):
        alone = Spec(architecture=design.architecture, workload=spec.workload, solver=spec.solver)
        if swept.values["rf_bytes_per_pe"] == 4:
            assert swept.status == "infeasible"
            assert swept.note == "a: rf_bytes_per_pe and 2 more"
            continue
        expected, found = solve(alone), swept.result
        assert found is not None
        assert found.total == expected.total
        for ours, theirs in zip(found.layers, expected.layers, strict=True):
            assert (ours.name, ours.status, ours.same_as, ours.bound) == (
                *(theirs.name, theirs.status, theirs.same_as),
                theirs.bound,
            )
            assert ours.solutions == theirs.solutions[:1]


def test_the_results_of_designs_pass_verification(executor: Executor) -> None:
    for design in sweep(sweep_spec(axes=[{"spm.banks": [8, 16]}]), executor=executor).designs:
        assert design.result is not None
        assert verify(design.result, VerificationLimits(time_limit_s=60.0, workers=1)).holds


def test_totals_are_sums_over_layers_times_counts(executor: Executor) -> None:
    result = sweep(sweep_spec(gemm(4, 4, 4, name="a"), gemm(6, 4, 2, name="b", count=5)), executor=executor)
    for number in (1, 2, 4, 5):
        design = result.designs[number]
        a, b = (layer_on(result, number, name).solutions[0].cost for name in "ab")
        assert design.result is not None
        assert design.result.total.energy_pj == a.energy_pj + 5 * b.energy_pj
        assert design.result.total.cycles == a.cycles + 5 * b.cycles
        assert design.objective_value == design.bound == a.edp + 5 * b.edp
        assert design.area_proxy_bytes == 256 * design.values["rf_bytes_per_pe"] + 2 * design.values["spm.banks"] * 2048


@pytest.mark.parametrize("objective", ["energy", "latency"])
def test_designs_are_compared_by_the_sum_of_the_objective(executor: Executor, objective: str) -> None:
    result = sweep(sweep_spec(objective=objective), executor=executor)
    for design in result.designs:
        total = design.result and design.result.total
        assert total is not None
        assert design.objective_value == {"energy": total.energy_pj, "latency": total.cycles}[objective]
        assert design.bound == design.objective_value
    known = [design for design in result.designs if design.objective_value is not None]
    assert result.best is not None
    assert result.best.proved
    assert result.best.objective_value == min(design.objective_value for design in known if design.objective_value)


def test_equal_problems_are_searched_once(executor: Executor, searched: list[LayerProblem]) -> None:
    """Two of the three layers are equal but for their names."""
    result = sweep(sweep_spec(axes=[{"spm.banks": [8, 16]}]), executor=executor)
    assert len(searched) == result.counts.problems == result.counts.searched == 2 * 2
    assert (result.counts.layers, result.counts.left) == (2 * 3, 0)
    assert layer_on(result, 0, "again").same_as == "a"
    assert layer_on(result, 0, "again").wall_s == 0
    assert layer_on(result, 0, "again").solutions == layer_on(result, 0, "a").solutions


def test_neighbours_are_one_step_away_on_one_axis() -> None:
    axes = [{"spm.banks": [8, 16, 32]}, {"rf_bytes_per_pe": [16, 64], "pes": [4, 8]}]
    spec = sweep_spec(gemm(4, 4, 4, name="a"), axes=axes)
    plan = Plan(designs(spec), spec.workload.layers)  # type: ignore[union-attr]
    assert [tuple(plan.neighbours(number)) for number in range(6)] == [
        (2, 1),
        (3, 0),
        (0, 4, 3),
        (1, 5, 2),
        (2, 5),
        (3, 4),
    ]


def test_starts_change_nothing_but_the_time(monkeypatch: pytest.MonkeyPatch, executor: Executor) -> None:
    """The same table with the optima of neighbours to start from, and without."""
    given: list[int] = []
    search = PortfolioBackend.search

    def noted(self: PortfolioBackend, problem: LayerProblem, *others: Any) -> Any:
        given.append(len(problem.warm_starts))
        return search(self, problem, *others)

    monkeypatch.setattr(PortfolioBackend, "search", noted)
    conv = {"type": "conv2d", "name": "c", "batch": 1, "out_channels": 8, "in_channels": 4, "in_height": 6}
    conv |= {"in_width": 6, "kernel_height": 3, "kernel_width": 3, "padding": 1}
    axes = [{"spm.banks": [4, 16]}, {"rf_bytes_per_pe": [16, 64]}]
    for objective in ("edp", "energy", "latency"):
        spec = sweep_spec(gemm(12, 18, 8), conv, axes=axes, objective=objective, solver={"backend": "portfolio"})
        warm = sweep(spec, executor=executor)
        assert max(given) == 2
        assert given.count(0) == 2  # the first design of each layer
        with monkeypatch.context() as patch:
            patch.setattr(Plan, "neighbours", lambda *_: ())
            given.clear()
            cold = sweep(spec, executor=executor)
            assert set(given) == {0}
        assert essence(warm) == essence(cold)
        given.clear()


def test_local_search_begins_with_the_starts_and_ends_no_worse() -> None:
    for seed in range(10):
        nest = random_nest(Random(seed), TINY)
        machine = designs(sweep_spec(axes=[{"rf_bytes_per_pe": [64]}]))[0].architecture
        problem = LayerProblem(nest, machine, sweep_spec().constraints, "edp")
        outcome = EXHAUSTIVE.search(problem, SearchLimits(time_limit_s=math.inf, top_k=1), None)
        foreign = replace(
            outcome.candidates[0], tiling=replace(outcome.candidates[0].tiling, rf=(7919,) * len(nest.dims))
        )
        started = LocalSearch(replace(problem, warm_starts=(foreign, *outcome.candidates)), seed=0, keep=1)
        assert next(started.rounds(Deadline.never())) == outcome.bound
        useless = LocalSearch(replace(problem, warm_starts=(foreign,)), seed=0, keep=1)
        without = LocalSearch(problem, seed=0, keep=1)
        assert next(useless.rounds(Deadline.never())) == next(without.rounds(Deadline.never()))


def test_a_start_that_does_not_fit_is_one_to_come_down_from() -> None:
    """The optimum of a large machine is illegal on a small one; the first round still ends with legal mappings."""
    small, large = (d.architecture for d in designs(sweep_spec(axes=[{"rf_bytes_per_pe": [8, 512], "pes": [4, 256]}])))
    nest = gemm_nest(24, 24, 24)
    best = PortfolioBackend().search(LayerProblem(nest, large, sweep_spec().constraints, "edp"), SearchLimits(), None)
    search = LocalSearch(
        LayerProblem(nest, small, sweep_spec().constraints, "edp", best.candidates[:1]), seed=0, keep=1
    )
    assert math.isfinite(next(search.rounds(Deadline.never())))


def test_a_failing_layer_loses_no_other(monkeypatch: pytest.MonkeyPatch, executor: Executor) -> None:
    search = ExhaustiveBackend.search

    def failing(self: ExhaustiveBackend, problem: LayerProblem, *others: Any) -> Any:
        if problem.nest.bounds == (6, 6, 6) and problem.architecture.spm.banks == 8:
            raise ZeroDivisionError("something third-party")
        return search(self, problem, *others)

    monkeypatch.setattr(ExhaustiveBackend, "search", failing)
    result = sweep(sweep_spec(axes=[{"spm.banks": [8, 16]}]), executor=executor)
    (fault,) = result.faults
    assert (fault.values, fault.layer) == ({"spm.banks": 8}, "b")
    assert "something third-party" in fault.message
    assert [design.status for design in result.designs] == ["unknown", "optimal"]
    assert (result.counts.searched, result.counts.left) == (3, 1)
    assert layer_on(result, 0, "a").status == "optimal"
    assert result.best is not None
    assert not result.best.proved


class Fragile(ThreadPoolExecutor):
    """An executor of somebody else's that breaks down at its third task."""

    tasks = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.tasks += 1
        if self.tasks == 3:
            raise BrokenExecutor("out of order")
        return super().submit(fn, *args, **kwargs)


def test_an_executor_that_breaks_down_ends_the_sweep_with_what_there_is() -> None:
    with Fragile(1) as pool:
        result = sweep(sweep_spec(axes=[{"spm.banks": [8, 16]}]), executor=pool)
    assert result.fault == "the executor broke down: BrokenExecutor: out of order"
    assert (result.counts.searched, result.counts.left) == (2, 2)
    assert [design.status for design in result.designs] == ["optimal", "unknown"]
    assert layer_on(result, 1, "a").note == "not reached before the sweep ended"


def test_time_that_is_up_ends_the_sweep_with_what_there_is(executor: Executor) -> None:
    result = sweep(sweep_spec(solver={"total_time_limit_s": 1e-9}), executor=executor)
    assert result.counts.searched == 0
    assert result.counts.left == result.counts.problems
    assert {design.status for design in result.designs} == {"unknown"}
    assert result.best is None
    assert not result.interrupted


def test_ctrl_c_ends_the_sweep_with_what_there_is(executor: Executor, tmp_path: Path) -> None:
    class Interrupting(SilentObserver):
        def sweep_advanced(self, latest: str, answered: int, failed: int, total: int) -> None:  # noqa: ARG002
            if answered == 3:
                raise KeyboardInterrupt

    spec, file = sweep_spec(), tmp_path / "results.jsonl"
    result = sweep(spec, Interrupting(), results=file, executor=executor)
    assert result.interrupted
    assert 0 < result.counts.searched < result.counts.problems
    again = sweep(spec, results=file, executor=executor)
    assert (again.counts.resumed, again.counts.left) == (result.counts.searched, 0)
    assert essence(again) == essence(sweep(spec, executor=executor))


def test_progress_counts_every_layer_once(executor: Executor) -> None:
    heard: list[tuple[str, int, int, int]] = []

    class Listening(SilentObserver):
        def sweep_advanced(self, latest: str, answered: int, failed: int, total: int) -> None:
            heard.append((latest, answered, failed, total))

    sweep(sweep_spec(), Listening(), executor=executor)
    assert heard[0] == ("", 0, 0, 18)
    assert [answered for _, answered, *_ in heard] == sorted(answered for _, answered, *_ in heard)
    assert heard[-1][1:] == (18, 0, 18)
    assert len(heard) == 1 + 12
    assert heard[1][0] == "a on spm.banks 8, rf_bytes_per_pe 4"


def test_no_more_tasks_are_submitted_than_asked_for() -> None:
    class Counting(ThreadPoolExecutor):
        """Remembers how many tasks it has had at a time."""

        most = 0

        def __init__(self, size: int) -> None:
            super().__init__(size)
            self.futures: list[Future[Any]] = []

        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            self.futures.append(super().submit(fn, *args, **kwargs))
            self.most = max(self.most, sum(not future.done() for future in self.futures))
            return self.futures[-1]

    with Counting(4) as pool:
        sweep(sweep_spec(), executor=pool, num_tasks=lambda: 3)
        assert 1 <= pool.most <= 3


def test_what_no_search_could_answer_is_refused_before_any(executor: Executor) -> None:
    with pytest.raises(InputError, match=r"solver.backend: unknown back end 'exhaustiv'"):
        sweep(sweep_spec(solver={"backend": "exhaustiv"}), executor=executor)
    with pytest.raises(InputError, match=r"solver.pad_bounds: expected false beside sweep.pareto"):
        sweep(sweep_spec(pareto=True, solver={"pad_bounds": True}), executor=executor)
    padded_preset = sweep_spec(constraints={"preset": "dmazerunner-auto"}, solver={"pad_bounds": True})
    with pytest.raises(InputError, match=r"solver.pad_bounds: expected false beside constraints.preset"):
        sweep(padded_preset, executor=executor)


def test_presets_constraints_and_padding_hold_on_every_design(executor: Executor) -> None:
    spec = sweep_spec(gemm(7, 8, 4, name="a"), axes=[{"rf_bytes_per_pe": [64]}], constraints={"spatial_dims": ["M"]})
    (solution,) = layer_on(sweep(spec, executor=executor), 0, "a").solutions
    assert {name for name, factors in solution.mapping.tiling.items() if factors.spatial > 1} == {"M"}
    spec = sweep_spec(
        gemm(7, 8, 4, name="a"), axes=[{"rf_bytes_per_pe": [64]}], constraints={"preset": "dmazerunner-auto"}
    )
    assert layer_on(sweep(spec, executor=executor), 0, "a").thresholds is not None
    spec = sweep_spec(
        gemm(7, 8, 4, name="a"), axes=[{"rf_bytes_per_pe": [64]}], solver={"pad_bounds": True, "pad_percent": 20.0}
    )
    assert len(layer_on(sweep(spec, executor=executor), 0, "a").padding_variants) > 1


def test_a_worker_with_another_version_is_a_fault(monkeypatch: pytest.MonkeyPatch, executor: Executor) -> None:
    monkeypatch.setattr("dmaze.solver.sweeps.run.software", lambda _: {"dmaze-solve": "99"})
    result = sweep(sweep_spec(gemm(2, 2, 2, name="a"), axes=[{"pes": [1]}]), executor=executor)
    (fault,) = result.faults
    assert fault.message.endswith("but the sweep was started with dmaze-solve 99")


@pytest.mark.usefixtures("plugins")
def test_an_unusable_back_end_is_told_before_any_search(executor: Executor) -> None:
    with pytest.raises(BackendFault, match="fake-missing"):
        sweep(sweep_spec(solver={"backend": "fake-missing"}), executor=executor)


def test_a_front_sweep_has_the_fronts_of_every_layer(executor: Executor) -> None:
    spec = sweep_spec(gemm(12, 8, 10, name="a"), gemm(12, 8, 10, name="again"), axes=MEMORIES, pareto=True)
    result = sweep(spec, executor=executor)
    assert (result.objective, result.best, result.counts.problems) == (None, None, 6)
    assert [design.status for design in result.designs] == ["infeasible", "optimal", "optimal"] * 2
    for number, design in enumerate(designs(spec)):
        if result.designs[number].status == "infeasible":
            continue
        alone = Spec(architecture=design.architecture, workload=spec.workload)
        for position, expected in enumerate(pareto_fronts(alone).layers):
            found = front_on(result, number, position)
            assert (found.points, found.complete, found.same_as) == (expected.points, True, expected.same_as)
