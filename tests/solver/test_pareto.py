"""The energy-latency front: complete and exact, by enumeration; and what the command makes of it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from random import Random

import jsonschema
import numpy as np
import pytest
from builders import gemm
from dmaze.cli.main import main
from dmaze.cli.verbs.schema_verb import schema_document
from dmaze.model.dmazerunner.cost import costs_of_tiling
from dmaze.model.dmazerunner.legality import broken_limits, broken_rules
from dmaze.model.documents.spec import Spec
from dmaze.model.faults import BackendFault
from dmaze.solver.backend import LayerProblem
from dmaze.solver.deadline import Deadline
from dmaze.solver.fronts.front import Candidates, Front
from dmaze.solver.fronts.front_search import FRONT_PARAMETERS, FrontParameters, FrontSearch
from dmaze.solver.fronts.front_steps import check_steps
from dmaze.solver.fronts.layer_fronts import pareto_fronts
from paths import EXAMPLES
from random_problems import TINY, Size, describe, every_tiling, random_problem

CONV5_2 = EXAMPLES / "conv5_2.json"


def front_by_enumeration(problem: LayerProblem) -> list[tuple[int, int]]:
    """(energy, cycles) of every mapping that no other one equals or beats, by a plain loop over all mappings."""
    nest, architecture, constraints = problem.nest, problem.architecture, problem.constraints
    every = {
        (cost.energy_pj, cost.cycles)
        for tiling in every_tiling(nest, constraints)
        if not broken_rules(nest, architecture, constraints, tiling)
        for *_, cost in costs_of_tiling(nest, architecture, tiling)
        if not broken_limits(architecture, constraints, cost)
    }
    front: list[tuple[int, int]] = []
    for energy, cycles in sorted(every):
        if not front or cycles < front[-1][1]:
            front.append((energy, cycles))
    return front


def found_front(problem: LayerProblem, parameters: FrontParameters = FRONT_PARAMETERS) -> list[tuple[int, int]]:
    search = FrontSearch(problem, parameters)
    search.run(Deadline.never())
    assert search.complete
    pairs = zip(search.front.points.energy_pj.tolist(), search.front.points.cycles.tolist(), strict=True)
    return [(int(energy), int(cycles)) for energy, cycles in pairs]


@pytest.mark.parametrize(
    "parameters",
    [FRONT_PARAMETERS, FrontParameters(initial_mappings=0, block=7, few_subspaces=2)],
    ids=["a start", "no start"],
)
@pytest.mark.parametrize("block", range(4))
def test_the_front_is_that_of_enumeration(block: int, parameters: FrontParameters) -> None:
    longest = 0
    for seed in range(block, 60, 4):
        problem = random_problem(seed, Size(macs=256, tilings=1000) if seed % 3 else TINY, constrained=0.5)
        expected = front_by_enumeration(problem)
        assert found_front(problem, parameters) == expected, f"seed {seed}\n{describe(problem)}"
        longest = max(longest, len(expected))
    assert longest > 2


@pytest.mark.parametrize("block", range(3))
def test_successive_constrained_solves_find_nothing_between_the_points_but_what_is_left_out(block: int) -> None:
    """CP-SAT refutes every step of the front; with one point left out it finds a mapping there."""
    for seed in range(block, 12, 3):
        problem = random_problem(seed, TINY, constrained=0.4)
        front = found_front(problem)
        steps = list(check_steps(problem, front, Deadline.after(60), workers=2)) if front else []
        assert all(step.refuted for step in steps), f"seed {seed}\n{describe(problem)}"
        for gone in range(len(front)):
            with pytest.raises(BackendFault, match="the front lacks a mapping"):
                list(check_steps(problem, front[:gone] + front[gone + 1 :], Deadline.after(60), workers=2))


def test_a_front_keeps_what_nothing_beats() -> None:
    random = Random(3)
    offered = [(random.randint(1, 30), random.randint(1, 30)) for _ in range(200)]
    front = Front(1)
    for first in range(0, 200, 7):
        part = np.array(offered[first : first + 7], dtype=np.float64)
        front.offer(Candidates(part[:, 0], part[:, 1], np.zeros(len(part), dtype=np.int64), np.ones((4, 1, len(part)))))
    expected = [(e, t) for e, t in set(offered) if not any((a, b) != (e, t) and a <= e and b <= t for a, b in offered)]
    assert list(zip(front.points.energy_pj, front.points.cycles, strict=True)) == sorted(expected)
    on_it, above = np.array([expected[0], (31, 31)], dtype=np.float64)
    assert front.beats(on_it[:1], on_it[1:]).all()
    assert front.beats(above[:1], above[1:]).all()
    assert not front.beats(np.array([expected[0][0] - 1.0]), np.array([float(expected[0][1])])).any()


def test_the_ends_of_a_real_front_are_the_optima_of_energy_and_latency() -> None:
    """The least energy and the fewest cycles of conv5_2 are known from brute force (optima.json)."""
    (layer,) = pareto_fronts(Spec.model_validate_json(CONV5_2.read_text())).layers
    assert layer.complete
    assert not layer.infeasible
    energies, cycles = ([getattr(p.cost, field) for p in layer.points] for field in ("energy_pj", "cycles"))
    assert energies == sorted(set(energies))
    assert cycles == sorted(set(cycles), reverse=True)
    assert (energies[0], cycles[-1]) == (2_581_195_121, 2_457_488)
    assert min(point.cost.edp for point in layer.points) == 6844957271165824.0
    assert [point.rank for point in layer.points] == list(range(1, len(energies) + 1))


def product(**changes: object) -> dict[str, object]:
    layer = gemm(24, 36, 48, name="product")
    again = layer | {"name": "again", "count": 3}
    return {"architecture": "dmazerunner-256pe", "workload": {"layers": [layer, again]}, **changes}


def test_identical_layers_share_a_front_and_a_preset_is_resolved() -> None:
    first, second = pareto_fronts(Spec.model_validate(product(constraints={"preset": "dmazerunner-auto"}))).layers
    assert (second.same_as, second.count, second.points) == ("product", 3, first.points)
    assert first.thresholds is not None
    assert all(p.cost.utilization.pe >= first.thresholds.pe for p in first.points)


def test_no_mapping_is_a_front_of_nothing() -> None:
    fixed = {"M": {"rf": 24}, "N": {"rf": 36}, "K": {"rf": 48}}
    (layer, _) = pareto_fronts(Spec.model_validate(product(constraints={"fixed": fixed}))).layers
    assert (layer.complete, layer.infeasible, layer.points) == (True, True, ())


def test_a_front_that_ran_out_of_time_is_not_called_complete() -> None:
    spec = Spec.model_validate(product(solver={"time_limit_s": 1e-6}))
    assert [layer.complete for layer in pareto_fronts(spec).layers] == [False, False]
    none_left = Spec.model_validate(product(solver={"total_time_limit_s": 1e-9}))
    assert pareto_fronts(none_left).layers[0].note == "no time was left for this layer"


def test_ctrl_c_keeps_the_front_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: FrontSearch, deadline: Deadline, _: object = None) -> None:
        self._start(deadline)
        raise KeyboardInterrupt

    monkeypatch.setattr(FrontSearch, "run", interrupted)
    workload = {"layers": [gemm(m, 36, 48, name=n) for n, m in (("a", 24), ("b", 30))]}
    fronts = pareto_fronts(Spec.model_validate(product(workload=workload)))
    assert fronts.interrupted
    assert (bool(fronts.layers[0].points), fronts.layers[0].complete) == (True, False)
    assert (fronts.layers[1].points, fronts.layers[1].note) == ((), "no time was left for this layer")


def test_the_command_prints_the_front(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(product(name="two products")))
    assert main([str(path), "--pareto"]) == 0
    text = capsys.readouterr().out
    assert "two products: energy-latency fronts on dmazerunner-256pe" in text
    assert "points, proved complete" in text
    assert "again: same as product" in text
    assert main([str(path), "--pareto", "--certificate", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, schema_document("pareto"))
    assert document["schema"] == "dmaze-solve/pareto/1"
    steps = document["layers"][0]["steps"]
    assert len(steps) == len(document["layers"][0]["points"]) + 1
    assert all(step["refuted"] for step in steps)
    assert (steps[0]["most_cycles"], steps[-1]["most_energy_pj"]) == (None, None)


@pytest.mark.parametrize(
    ("arguments", "changes", "message"),
    [
        (["--loops"], {}, "--pareto: expected without --loops"),
        (["--pad-bounds"], {}, "expected false, since fronts are of the bounds as given"),
        ([], {"architecture": "nowhere"}, "unknown name 'nowhere'"),
    ],
)
def test_what_a_front_cannot_be_asked_for(
    arguments: list[str], changes: dict[str, object], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(product(**changes)))
    assert main([str(path), "--pareto", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_a_deadline_is_kept_within_a_large_space() -> None:
    spec = Spec.model_validate_json((EXAMPLES / "resnet-study.json").read_text())
    spec = spec.model_copy(update={"solver": spec.solver.model_copy(update={"total_time_limit_s": 0.2})})
    started = time.monotonic()
    fronts = pareto_fronts(spec)
    assert time.monotonic() - started < 10  # not a measurement: without the limit it would take a minute and more
    assert not all(layer.complete for layer in fronts.layers)
