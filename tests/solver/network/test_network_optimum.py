"""The network's own optimum: against every mapping of every layer, and what is said where fronts are cut short."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from builders import gemm, write_json
from dmaze.cli.main import main
from dmaze.cli.verbs.schema_verb import schema_document
from dmaze.model import Machine, Spec
from dmaze.model.dmazerunner.cost import costs_of_tiling
from dmaze.model.dmazerunner.legality import broken_rules
from dmaze.model.documents.networks.network_result import NetworkGoal, NetworkResult
from dmaze.model.documents.pareto import ParetoFronts
from dmaze.model.hierarchy.constraints.level_constraints import LevelConstraints
from dmaze.model.hierarchy.constraints.resolved_constraints import resolved_constraints
from dmaze.model.hierarchy.resolved_machine import resolved_machine
from dmaze.model.layers import Layer
from dmaze.model.reading.loading import resolved
from dmaze.solver import network_optimum
from dmaze.solver.deadline import NEVER
from dmaze.solver.fronts.front_search import FrontSearch
from dmaze.solver.fronts.level_front_search import LevelFrontSearch
from dmaze.solver.network.network_document import network_document
from dmaze.solver.network.network_optimum import answer_of
from level_optima import allowed_mappings
from random_problems import every_tiling

Pair = tuple[float, int]

SMALL: dict[str, Any] = {
    "name": "small",
    "architecture": "dmazerunner-256pe",
    "workload": {
        "layers": [gemm(4, 3, 4, name="a", count=2), gemm(2, 6, 4, name="b"), gemm(4, 3, 4, name="c")],
    },
    "solver": {"workers": 1},
}
NARROW: dict[str, Any] = {
    "name": "narrow",
    "mac_pj": 0.5,
    "nodes": [
        {"storage": "DRAM", "read_pj": 100, "write_pj": 100, "bandwidth": 2},
        {"storage": "GLB", "capacity_bytes": 64, "read_pj": 4, "write_pj": 4},
        {"fanout": "PE", "size": 4, "word_pj": 20},
        {"storage": "RF", "capacity_bytes": 8, "read_pj": 1, "write_pj": 1},
    ],
}
LEVELS = {
    **SMALL,
    "architecture": NARROW,
    "workload": {"layers": [gemm(2, 4, 6, name="a", count=2), gemm(4, 2, 4, name="b")]},
}


def published_pairs(spec: Spec, layer: Layer) -> set[Pair]:
    """Energy and cycles of every mapping of a layer, by a plain loop over all mappings."""
    nest, machine = layer.loop_nest(), resolved(spec, Path.cwd()).architecture
    return {
        (cost.energy_pj, cost.cycles)
        for tiling in every_tiling(nest, spec.constraints)
        if not broken_rules(nest, machine, spec.constraints, tiling)
        for *_, cost in costs_of_tiling(nest, machine, tiling)
    }


def levels_pairs(_: Spec, layer: Layer) -> set[Pair]:
    nest, machine = layer.loop_nest(), Machine.model_validate(NARROW)
    rules = resolved_constraints(nest, resolved_machine(machine, nest), LevelConstraints())
    return {
        (float(energy), int(cycles))
        for _, (energies, all_cycles) in allowed_mappings(rules, 100_000)
        for energy, cycles in zip(energies, all_cycles, strict=True)
    }


def unbeaten(pairs: set[Pair]) -> list[Pair]:
    front: list[Pair] = []
    for energy, cycles in sorted(pairs):
        if not front or cycles < front[-1][1]:
            front.append((energy, cycles))
    return front


def every_total(spec: Spec, pairs_of: Callable[[Spec, Layer], set[Pair]]) -> list[Pair]:
    """Totals of every choice of a mapping for each occurrence of each layer that no other choice beats."""
    totals: set[Pair] = {(0, 0)}
    for layer in resolved(spec, Path.cwd()).layers:
        own = unbeaten(pairs_of(spec, layer))
        for _ in range(layer.count):
            totals = set(unbeaten({(e + f, t + u) for e, t in totals for f, u in own}))
    return sorted(totals)


def from_fronts(spec: Spec, known: NetworkResult, goal: NetworkGoal) -> NetworkResult:
    """What another goal comes to with the fronts of a result."""
    fields = ("name", "cost_model", "accounting", "architecture", "constraints", "versions")
    fronts = ParetoFronts(layers=known.fronts, **{field: getattr(known, field) for field in fields})
    answer = answer_of(resolved(spec, Path.cwd()), known.fronts, goal, NEVER)
    return network_document(fronts, goal, spec.solver.relative_gap, answer)


@pytest.mark.parametrize(
    ("document", "pairs_of"), [(SMALL, published_pairs), (LEVELS, levels_pairs)], ids=["published", "hierarchy"]
)
def test_a_real_network_has_the_optima_of_all_its_mappings(
    document: dict[str, Any], pairs_of: Callable[[Spec, Layer], set[Pair]]
) -> None:
    spec = Spec.model_validate(document)
    totals = every_total(spec, pairs_of)
    assert len(totals) > 2
    edp = network_optimum(spec)
    assert (edp.status, edp.objective_value) == ("optimal", pytest.approx(min(e * t for e, t in totals), rel=1e-12))
    assert edp.bound is not None
    assert edp.objective_value is not None
    assert edp.objective_value * (1 - 1e-10) <= edp.bound <= edp.objective_value
    energy, cycles = totals[len(totals) // 2]
    least = from_fronts(spec, edp, NetworkGoal(objective="energy", max_cycles=cycles))
    assert (least.status, least.objective_value) == ("optimal", pytest.approx(energy, rel=1e-12))
    fastest = from_fronts(spec, edp, NetworkGoal(objective="latency", max_energy_pj=energy * (1 + 1e-9)))
    assert (fastest.status, fastest.objective_value) == ("optimal", cycles)
    slow = from_fronts(spec, edp, NetworkGoal(objective="energy", max_cycles=totals[-1][1] - 1))
    assert (slow.status, slow.total, slow.layers) == ("infeasible", None, ())
    assert slow.note == (
        f"no choice of mappings needs at most {totals[-1][1] - 1:,} cycles: the least is {totals[-1][1]:,} (proved)"
    )


def test_the_document_says_what_every_occurrence_takes() -> None:
    spec = Spec.model_validate(SMALL)
    front = every_total(spec, published_pairs)
    found = network_optimum(spec, NetworkGoal(objective="energy", max_cycles=front[1][1]))
    assert found.total is not None
    assert [(layer.name, layer.count, layer.same_as) for layer in found.layers] == [
        ("a", 2, None),
        ("b", 1, None),
        ("c", 1, "a"),
    ]
    assert [sum(chosen.occurrences for chosen in layer.choices) for layer in found.layers] == [2, 1, 1]
    taken = [(chosen.occurrences, chosen.cost) for layer in found.layers for chosen in layer.choices]
    assert found.total.energy_pj == sum(times * cost.energy_pj for times, cost in taken) == front[1][0]
    assert found.total.cycles == sum(times * cost.cycles for times, cost in taken) == front[1][1]
    for layer, points in zip(found.layers, found.fronts, strict=True):
        assert all(points.points[chosen.point - 1].mapping == chosen.mapping for chosen in layer.choices)
    by_itself = {other.objective: other for other in found.layer_by_layer}
    assert (by_itself["energy"].energy_pj, by_itself["latency"].cycles) == (front[0][0], front[-1][1])
    assert (by_itself["energy"].within_limits, by_itself["latency"].within_limits) == (False, True)


@pytest.mark.parametrize(
    ("document", "search"), [(SMALL, FrontSearch), (LEVELS, LevelFrontSearch)], ids=["published", "hierarchy"]
)
def test_fronts_cut_short_leave_a_bound(document: dict[str, Any], search: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first layer's front is cut short before anything is found, the second one's is complete."""
    spec = Spec.model_validate(document)
    best = network_optimum(spec).objective_value
    run = search.run

    def second_only(*_: object) -> None:
        monkeypatch.setattr(search, "run", run)

    monkeypatch.setattr(search, "run", second_only)
    found = network_optimum(spec)
    assert (found.status, found.total, found.gap) == ("unknown", None, None)
    assert found.note == "no mapping is known of layer a"
    assert found.bound is not None
    assert best is not None
    assert 0 < found.bound <= best


def test_a_front_that_may_lack_points_gives_a_choice_with_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = Spec.model_validate(SMALL)
    best = network_optimum(spec)

    def started(self: FrontSearch, deadline: Any, _: object = None) -> None:
        self._start(deadline)

    monkeypatch.setattr(FrontSearch, "run", started)
    for goal in (NetworkGoal(objective="edp"), NetworkGoal(objective="energy", max_cycles=10**6)):
        found = network_optimum(spec, goal)
        assert found.status == "feasible"
        assert found.gap is not None
        assert 0 < found.gap < 1
        assert found.note == "2 fronts are not proved complete, among them that of a"
    assert found.bound is not None
    assert best.layer_by_layer[1].energy_pj >= found.bound


def test_ctrl_c_keeps_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: FrontSearch, deadline: Any, _: object = None) -> None:
        self._start(deadline)
        raise KeyboardInterrupt

    monkeypatch.setattr(FrontSearch, "run", interrupted)
    one_layer = {**SMALL, "workload": {"layers": SMALL["workload"]["layers"][:1]}}
    found = network_optimum(Spec.model_validate(one_layer))
    assert (found.interrupted, found.status) == (True, "feasible")
    both = network_optimum(Spec.model_validate(SMALL))
    assert (both.interrupted, both.status, both.note) == (True, "unknown", "no mapping is known of layer b")


def test_a_layer_without_mappings_makes_the_network_infeasible() -> None:
    fixed = {"M": {"rf": 4}, "N": {"rf": 600}, "K": {"rf": 8}}
    layers = [gemm(4, 600, 8, name="wide"), gemm(4, 600, 8, name="again")]
    spec = Spec.model_validate({**SMALL, "workload": {"layers": layers}, "constraints": {"fixed": fixed}})
    found = network_optimum(spec)
    assert (found.status, found.bound, found.note) == ("infeasible", None, "layer wide has no mapping (proved)")


def test_the_command_reports_and_prints_the_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_json(tmp_path / "spec.json", SMALL)
    assert main([str(path), "--network", "edp", "--out", str(tmp_path / "network.json")]) == 0
    text = capsys.readouterr().out
    assert "small: least EDP of the network on dmazerunner-256pe: " in text
    assert "optimal, gap 0.00%" in text
    assert "least energy of each layer" in text
    document = json.loads((tmp_path / "network.json").read_text())
    jsonschema.validate(document, schema_document("network"))
    assert NetworkResult.model_validate(document).goal == NetworkGoal(objective="edp")
    assert main([str(path), "--max-cycles", "1", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["status"] == "infeasible"
    assert main([str(path), "--max-energy", "1e12", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["goal"]["max_energy_pj"] == 1e12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--network", "area"], "--network: expected 'edp', 'energy' or 'latency', got 'area'"),
        (["--max-cycles", "many"], "--max-cycles: expected an integer, got 'many'"),
        (["--max-energy", "-1"], "--max-energy: expected an integer of at least 0, got -1"),
        (
            ["--network", "edp", "--max-cycles", "9"],
            "--max-cycles: expected alone or with --network energy, got --network edp",
        ),
        (
            ["--max-energy", "9", "--max-cycles", "9"],
            "--max-energy: expected without --max-cycles: a limit is of one metric",
        ),
        (["--network", "edp", "--pareto"], "--pareto: expected without --network, --max-cycles, --max-energy"),
        (["--network", "edp", "--loops"], "--network: expected without --loops, --trace, pictures and exports"),
        (["--network", "edp", "--objective", "edp"], "--objective: expected none: --network says what is minimised"),
        (["--network", "edp", "--pad-bounds"], "expected false, since fronts are of the bounds as given"),
    ],
)
def test_what_a_network_cannot_be_asked_for(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_json(tmp_path / "spec.json", SMALL)
    assert main([str(path), *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith(f"{message}\n")
    assert captured.err.count("\n") == 1
