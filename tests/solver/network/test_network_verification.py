"""``verify`` accepts a network's optimum, proves its bound by a route of its own, and catches what is altered."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest
from builders import gemm, write_json
from dmaze.cli.main import main
from dmaze.cli.verbs.schema_verb import schema_document
from dmaze.model.documents.networks.network_result import NetworkGoal, NetworkResult
from dmaze.model.documents.networks.network_verification import NetworkVerification
from dmaze.solver import VerificationLimits, network_optimum
from dmaze.solver.fronts.front_search import FrontSearch
from dmaze.solver.least_costs import LeastCosts
from dmaze.solver.verification import front_check, least_sums, network_bound_check, open_steps
from dmaze.solver.verification.least_sums import Entries, Entry, least_product_of, least_within
from dmaze.solver.verification.network_recheck import verify_network
from dmaze.solver.verification.open_steps import OpenSteps

Document = dict[str, Any]
Alter = Callable[[Document], object]

SMALL: Document = {
    "name": "small",
    "architecture": "dmazerunner-256pe",
    "workload": {"layers": [gemm(2, 3, 4, name="a", count=2), gemm(2, 2, 3, name="b"), gemm(2, 3, 4, name="c")]},
    "solver": {"workers": 1},
}
LEVELS: Document = {
    **SMALL,
    "workload": {"layers": [gemm(2, 4, 6, name="a", count=2), gemm(2, 4, 6, name="c")]},
    "architecture": {
        "name": "narrow",
        "mac_pj": 0.5,
        "nodes": [
            {"storage": "DRAM", "read_pj": 100, "write_pj": 100, "bandwidth": 2},
            {"storage": "GLB", "capacity_bytes": 64, "read_pj": 4, "write_pj": 4},
            {"fanout": "PE", "size": 4, "word_pj": 20},
            {"storage": "RF", "capacity_bytes": 8, "read_pj": 1, "write_pj": 1},
        ],
    },
}


def optimum(spec: Document, **goal: Any) -> Document:
    found = network_optimum(spec, NetworkGoal.model_validate({"objective": "edp", **goal}))
    return found.model_dump(mode="json", by_alias=True)


@pytest.fixture(scope="module")
def sound() -> Document:
    return optimum(SMALL)


def checked(document: Document, **limits: Any) -> NetworkVerification:
    return verify_network(NetworkResult.model_validate(document), VerificationLimits(**{"workers": 1, **limits}))


def lines(found: NetworkVerification) -> list[str]:
    own = [f"{layer.name}: {fault}" for layer in found.layers for fault in layer.faults]
    return [*found.faults, *own, *([found.bound.text] if found.bound.outcome == "disproved" else [])]


# The sums


def random_groups(random: Random) -> list[Entries]:
    sizes = [random.randint(1, 6) for _ in range(random.randint(1, 4))]
    entries = [[Entry(random.randint(1, 40), random.randint(1, 40)) for _ in range(size)] for size in sizes]
    return [Entries(random.choice([1, 1, 2]), tuple(each)) for each in entries]


def test_both_routes_give_the_least_of_all_sums() -> None:
    """EDP exactly by both; within a limit the enumeration exactly, exchange rates no more than that."""
    gaps = 0
    for seed in range(500):
        groups = random_groups(Random(seed))
        sums = {(0, 0)}
        for group in groups:
            for _ in range(group.occurrences):
                sums = {(c + entry.cost, w + entry.weight) for c, w in sums for entry in group.each}
        for route in ("enumeration", "parametric"):
            product = least_product_of(groups, route)
            assert product is not None
            assert product.value == min(c * w for c, w in sums), f"seed {seed}"
        limit = Random(-seed).choice(sorted(sums))[1] - 1
        within = [c for c, w in sums if w <= limit]
        exact, bound = least_within(groups, limit, "enumeration"), least_within(groups, limit, "parametric")
        assert exact is not None
        assert bound is not None
        assert exact.value == (min(within) if within else None), f"seed {seed}"
        assert (bound.value is None) == (not within), f"seed {seed}"
        if exact.value is not None and bound.value is not None:
            assert bound.value <= exact.value, f"seed {seed}"
            gaps += bound.value < exact.value
        assert all(len(used) >= 1 for used in (*exact.used, *bound.used))
    assert gaps > 15


def test_an_enumeration_that_would_be_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(least_sums, "MOST_PAIRS", 200)
    wide = Entries(3, tuple(Entry(n, 10 - n) for n in range(10)))
    assert least_product_of([wide, wide], "enumeration") is None
    assert least_within([wide, wide], 30, "enumeration") is None
    bound = least_within([wide, wide], 33, "parametric")
    assert bound is not None
    assert bound.value == 60 - 33  # cost and weight of six layers always sum to 60


def test_what_open_steps_leave_room_for_is_above_a_point_or_a_run() -> None:
    """Random mappings and some points among them: steps without a mapping are refuted, the others cover the rest."""
    for seed in range(500):
        random = Random(seed)
        mappings = [(random.randint(2, 20), random.randint(2, 20)) for _ in range(12)]
        points: list[tuple[int, int]] = []
        for energy, cycles in sorted(random.sample(mappings, random.randint(0, 5))):
            if not points or (energy > points[-1][0] and cycles < points[-1][1]):
                points.append((energy, cycles))
        steps = OpenSteps(tuple(points), frozenset(), LeastCosts(1, 1))
        for step in range(len(points) + 1):
            energy, cycles = (10**6 if limit is None else limit for limit in steps.limits(step))
            if not any(e < energy and t < cycles for e, t in mappings) and random.random() < 0.9:
                steps.refuted.add(step)
        outline = [*points, *((run.energy_pj, run.cycles) for run in steps.runs())]
        assert all(any(a <= e and b <= t for a, b in outline) for e, t in mappings), f"seed {seed}"


# What holds


def expect_sound(document: Document, route: str) -> None:
    found = checked(document)
    assert lines(found) == []
    assert (found.holds, found.complete, found.bound.outcome) == (True, True, "checked")
    assert found.bound.route == "enumeration"
    if document["bound"] is not None:
        assert found.bound.proved is not None
        assert document["bound"] <= found.bound.proved <= document["objective_value"]
    first, *_, copy = found.layers
    assert first.steps == len(document["fronts"][0]["points"]) + 1
    assert 0 < first.steps_refuted <= first.steps
    assert first.text == f"{first.steps_refuted} of {first.steps} steps refuted by {route}"
    assert copy.text == "a copy of a"


def test_what_is_found_holds(sound: Document) -> None:
    expect_sound(sound, "cp-sat")
    least, fewest = (sound["layer_by_layer"][number] for number in (1, 2))
    between = (least["cycles"] + fewest["cycles"]) // 2
    expect_sound(optimum(SMALL, objective="energy", max_cycles=between), "cp-sat")
    infeasible = optimum(SMALL, objective="latency", max_energy_pj=least["energy_pj"] - 1)
    assert infeasible["status"] == "infeasible"
    expect_sound(infeasible, "cp-sat")


@pytest.mark.parametrize(("most", "route"), [(100_000, "enumeration"), (0, "a shortest path")])
def test_what_is_found_on_a_hierarchy_holds(most: int, route: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_steps, "MOST_CHOICES_OF_A_STEP", most)
    expect_sound(optimum(LEVELS), route)


def test_exchange_rates_are_enough_for_an_edp(sound: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any enumeration: as for a network with too many sums."""
    by_rates = network_bound_check.least_product_of
    monkeypatch.setattr(
        network_bound_check, "least_product_of", lambda g, r: None if r == "enumeration" else by_rates(g, r)
    )
    found = checked(sound)
    assert (found.bound.outcome, found.bound.route) == ("checked", "parametric")


def test_a_bound_from_fronts_cut_short_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(self: FrontSearch, deadline: Any, _: object = None) -> None:
        self._start(deadline)

    with monkeypatch.context() as cut:
        cut.setattr(FrontSearch, "run", started)
        document = optimum(SMALL)
    assert document["status"] == "feasible"
    found = checked(document)
    assert (lines(found), found.bound.outcome) == ([], "checked")
    assert [layer.steps_refuted for layer in found.layers] == [0, 0, 0]


def test_without_time_a_bound_is_not_checked(sound: Document) -> None:
    found = checked(sound, time_limit_s=0.0)
    assert (found.holds, found.complete, found.bound.outcome) == (True, False, "not checked")
    assert found.bound.proved is not None
    assert found.bound.proved < sound["bound"]


# What is altered


def without_point(document: Document, number: int) -> None:
    """The front of `a` and its copy without a point, ranks closed up, the choice moved to what is left."""
    for front in (document["fronts"][0], document["fronts"][2]):
        del front["points"][number]
        for rank, point in enumerate(front["points"], start=1):
            point["rank"] = rank


def set_at(*path: Any, to: Any) -> Alter:
    def alter(document: Document) -> None:
        place: Any = document
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return alter


@pytest.mark.parametrize(
    ("alter", "message"),
    [
        (set_at("objective_value", to=1.0), "objective_value is 1.0; the totals give "),
        (set_at("total", "cycles", to=1), "total is energy_pj="),
        (set_at("gap", to=0.5), "gap is 0.5; objective_value and bound give "),
        (set_at("bound", to=1e30), "bound 1e+30 lies above objective_value "),
        (set_at("status", to="feasible"), "status is feasible; what is given makes it optimal"),
        (set_at("layer_by_layer", 0, "edp", to=1.0), "layer_by_layer is not what the fronts give"),
        (set_at("layers", 0, "choices", 0, "occurrences", to=1), "do not add up to its count 2"),
        (set_at("layers", 0, "choices", 0, "point", to=1), "the mapping chosen is not point 1 of its front"),
        (set_at("layers", 1, "name", to="d"), "layers: they are not those of the fronts, or not in their order"),
        (set_at("fronts", 1, "count", to=7), "fronts[1]: name or count is not that of its layer b"),
        (set_at("fronts", 1, "points", 0, "rank", to=3), "b: points[0].rank is 3; the 1. point has rank 1"),
        (set_at("fronts", 1, "points", 0, "cost", "cycles", to=1), "b: points[0]: cost.cycles is 1; the exact model"),
        (set_at("fronts", 1, "points", 0, "mapping", "tiling", "M", "rf", to=9), "b: points[0].mapping."),
        (set_at("fronts", 2, "points", to=[]), "c: points is not that of layer a, which this one is said to be"),
        (set_at("fronts", 1, "same_as", to="a"), "b: same_as: layer a is another loop nest"),
        (lambda d: d["fronts"][1]["points"].reverse(), "b: points[1] does not follow by more energy and fewer cycles"),
        (lambda d: d["goal"].update(objective="energy", max_cycles=1), "the choice does not keep the limit"),
        (lambda d: d.update(layers=[]), "total, objective_value and gap are given without a choice"),
    ],
)
def test_what_is_altered_is_found(alter: Alter, message: str, sound: Document) -> None:
    document = deepcopy(sound)
    alter(document)
    found = checked(document, time_limit_s=0.0)
    assert not found.holds
    assert any(message in line for line in lines(found)), lines(found)


def test_a_point_left_out_is_found_where_the_bound_depends_on_it(sound: Document) -> None:
    """The optimum is made anew from what is left: it is no worse than any other choice of its points."""
    document = deepcopy(sound)
    chosen = document["layers"][0]["choices"][0]["point"]
    without_point(document, chosen - 1)
    points = document["fronts"][0]["points"]
    for layer in (document["layers"][0], document["layers"][2]):
        layer["choices"][0] |= {"point": 1, "mapping": points[0]["mapping"], "cost": points[0]["cost"]}
    again = NetworkResult.model_validate(document)
    energy = sum(c.occurrences * c.cost.energy_pj for layer in again.layers for c in layer.choices)
    cycles = sum(c.occurrences * c.cost.cycles for layer in again.layers for c in layer.choices)
    value = float(energy * cycles)
    document |= {"total": {"energy_pj": energy, "cycles": cycles, "edp": value}, "objective_value": value}
    document |= {"bound": value, "gap": 0.0}
    found = checked(document)
    assert not found.holds
    assert found.bound.outcome in ("not checked", "disproved")
    missing = found.layers[0].missing
    if found.bound.outcome == "not checked":
        assert missing is not None
        assert missing.cost.energy_pj * missing.cost.cycles > 0


def test_a_bound_above_a_choice_of_points_is_disproved(sound: Document) -> None:
    document = deepcopy(sound)
    worse = max(document["layer_by_layer"], key=lambda other: other["edp"])
    document["bound"] = worse["edp"]
    found = checked(document, time_limit_s=0.0)
    assert found.bound.outcome in ("disproved", "not checked")
    assert not found.holds


def test_a_claim_of_infeasibility_is_disproved_by_points_that_keep_the_limit(sound: Document) -> None:
    document = deepcopy(sound)
    empty = {"layers": [], "total": None, "objective_value": None, "bound": None, "gap": None}
    document |= {"status": "infeasible", "goal": {"objective": "energy", "max_cycles": 10**9}, **empty}
    document["layer_by_layer"] = [other | {"within_limits": True} for other in document["layer_by_layer"]]
    found = checked(document)
    assert found.bound.outcome == "disproved"
    assert "points of the fronts keep what is said to be infeasible" in found.bound.text


def test_ctrl_c_keeps_what_was_checked(sound: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(front_check, "look_into", interrupted)
    found = checked(sound)
    assert (found.interrupted, found.complete, found.bound.text) == (True, False, "bound not checked: interrupted")
    assert found.layers[0].points_checked == len(sound["fronts"][0]["points"])


def test_the_command_checks_either_kind_of_result(
    sound: Document, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_json(tmp_path / "network.json", sound)
    assert main(["verify", str(path), "--workers", "1"]) == 0
    text = capsys.readouterr().out
    assert "small: least EDP of the network" in text
    assert text.endswith("everything holds\n")
    path = write_json(tmp_path / "altered.json", {**sound, "objective_value": 1.0})
    assert main(["verify", str(path), "--json", "--time-limit", "0.001"]) == 1
    captured = capsys.readouterr()
    jsonschema.validate(json.loads(captured.out), schema_document("network-verification"))
    assert "objective_value is 1.0" in captured.err
    (tmp_path / "other.json").write_text(json.dumps({"schema": "dmaze-solve/gap/1"}))
    assert main(["verify", str(tmp_path / "other.json")]) == 2


def test_rounding_of_fronts_on_hierarchies_is_allowed_for() -> None:
    one = {"layers": [gemm(2, 2, 2, name="a")]}
    found = network_optimum({**LEVELS, "workload": one})
    assert found.total is not None
    assert found.bound is not None
    exact = (
        sum(Fraction(c.cost.energy_pj) * c.occurrences for layer in found.layers for c in layer.choices)
        * found.total.cycles
    )
    assert 1e-11 < 1 - Fraction(found.bound) / exact < 3e-11
