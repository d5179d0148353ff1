"""Fronts of mappings onto hierarchies: those of all mappings, with a proof of every step, or said to be incomplete."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from builders import gemm
from dmaze.model.documents.pareto import LayerFront
from dmaze.model.documents.spec import Spec
from dmaze.model.hierarchy.constraints.level_constraints import LevelConstraints
from dmaze.model.hierarchy.constraints.resolved_constraints import resolved_constraints
from dmaze.model.hierarchy.hierarchy_model import MODEL
from dmaze.solver import pareto_fronts
from dmaze.solver.backend import LayerProblem
from dmaze.solver.deadline import Deadline
from dmaze.solver.fronts.level_front_search import GAP, LevelFrontSearch
from level_optima import TooManyError, allowed_mappings
from random_constraints import KINDS_OF_CONSTRAINT, random_constraints
from random_hierarchies import RandomCase, Traits, described, random_case
from shortest_path_agreement import with_slow_ports

Point = tuple[float, float]
CLOSE = 1e-9
LONG_S = 600.0

MACHINE: dict[str, Any] = {
    "name": "narrow",
    "mac_pj": 0.5,
    "nodes": [
        {"storage": "DRAM", "read_pj": 100, "write_pj": 100, "bandwidth": 2},
        {"storage": "GLB", "capacity_bytes": 64, "read_pj": 4, "write_pj": 4},
        {"fanout": "PE", "size": 4, "word_pj": 20},
        {"storage": "RF", "capacity_bytes": 8, "read_pj": 1, "write_pj": 1},
    ],
}


def front_of_all(case: RandomCase, constraints: LevelConstraints) -> list[Point]:
    """The unbeaten pairs of energy and cycles of all mappings, by rising energy."""
    resolved = resolved_constraints(case.nest, case.machine, constraints)
    pairs = [
        pair
        for _, (energies, cycles) in allowed_mappings(resolved, 2000)
        for pair in zip(energies.tolist(), cycles.tolist(), strict=True)
    ]
    unbeaten: list[Point] = []
    for energy, cycles in sorted(pairs):
        if not unbeaten or cycles < unbeaten[-1][1]:
            unbeaten.append((energy, cycles))
    return unbeaten


def searched(case: RandomCase, constraints: LevelConstraints, limit_s: float = LONG_S) -> LevelFrontSearch:
    search = LevelFrontSearch(LayerProblem(case.nest, case.document, constraints, "edp", (), MODEL))
    search.run(Deadline.after(limit_s))
    return search


def drawn(start: int, number: int, traits: Traits, *, constrained: bool) -> list[tuple[RandomCase, LevelConstraints]]:
    """Problems with slow ports, few enough mappings to cost all, and more than one point on their fronts."""
    found: list[tuple[RandomCase, LevelConstraints]] = []
    for seed in range(start, start + 5000):
        random = Random(seed)
        case = with_slow_ports(random, random_case(seed, 12, traits))
        kinds = random.sample(list(KINDS_OF_CONSTRAINT), 1) if constrained else []
        constraints = random_constraints(random, case, kinds)
        resolved = resolved_constraints(case.nest, case.machine, constraints)
        if case.nest.num_macs < 4 or sum(row.count("may") for row in resolved.keep) > 2:
            continue
        try:
            if len(front_of_all(case, constraints)) > 1:
                found.append((case, constraints))
        except TooManyError:
            continue
        if len(found) == number:
            return found
    raise AssertionError("too few problems")


@pytest.mark.parametrize("constrained", [False, True])
def test_a_front_is_that_of_all_mappings(constrained: bool) -> None:
    for case, constraints in drawn(61_000_000, 4, Traits(most_levels=3, blocks=0.0), constrained=constrained):
        search = searched(case, constraints)
        told = f"{described(case)} {constraints.model_dump_json(exclude_defaults=True)}"
        assert search.complete, told
        expected = front_of_all(case, constraints)
        assert [cycles for _, (_, cycles) in search.points()] == [cycles for _, cycles in expected], told
        energies = [energy for _, (energy, _) in search.points()]
        assert energies == pytest.approx([energy for energy, _ in expected], rel=CLOSE), told


def test_steps_say_what_the_points_leave_no_room_for() -> None:
    ((case, constraints),) = drawn(62_000_000, 1, Traits(most_levels=3, blocks=0.0), constrained=False)
    search = searched(case, constraints)
    points = [pair for _, pair in search.points()]
    assert all(step.refuted for step in search.steps)
    assert [step.most_cycles for step in search.steps] == [None, *(cycles - 1 for _, cycles in points)]
    assert search.steps[-1].most_energy_pj is None
    for step, (energy, _) in zip(search.steps, points, strict=False):
        assert step.most_energy_pj is not None
        assert energy * (1 - 2 * GAP) < step.most_energy_pj < energy


def test_a_front_is_not_called_complete_when_time_is_up() -> None:
    ((case, constraints),) = drawn(63_000_000, 1, Traits(most_levels=3, blocks=0.0), constrained=False)
    search = searched(case, constraints, limit_s=1e-9)
    assert not search.complete
    assert not any(step.refuted for step in search.steps)


def test_where_energies_are_bounds_only_a_complete_front_is_that_of_all_mappings() -> None:
    for case, constraints in drawn(64_000_000, 4, Traits(most_levels=3, blocks=1.0), constrained=False):
        search = searched(case, constraints)
        expected = front_of_all(case, constraints)
        if search.complete:
            assert [cycles for _, (_, cycles) in search.points()] == [cycles for _, cycles in expected]
        for _, (energy, cycles) in search.points():
            assert any(least <= energy * (1 + CLOSE) and fewest <= cycles for least, fewest in expected)


def spec(*, accounting: str = "executed", **fields: Any) -> Spec:
    layers = [gemm(6, 8, 10, name="a"), gemm(6, 8, 10, name="again", count=2)]
    own = {"architecture": MACHINE, "workload": {"layers": layers}, "accounting": accounting}
    return Spec.model_validate({**own, **fields})


def layer_fronts(**fields: Any) -> tuple[LayerFront, ...]:
    return pareto_fronts(spec(**fields)).layers


def test_fronts_of_a_spec_are_proved_complete_and_equal_layers_searched_once() -> None:
    first, again = layer_fronts()
    assert (first.complete, first.termination and first.termination.reason) == (True, "optimal")
    assert (again.same_as, again.points) == ("a", first.points)
    assert len(first.points) > 1
    assert len(first.steps) == len(first.points) + 1
    energies, cycles = ([getattr(p.cost, of) for p in first.points] for of in ("energy_pj", "cycles"))
    assert energies == sorted(energies)
    assert cycles == sorted(cycles, reverse=True)


def test_a_layer_without_a_mapping_is_proved_to_have_none() -> None:
    first, _ = layer_fronts(constraints={"max_words": {"DRAM": 1}})
    assert (first.complete, first.infeasible, first.points) == (True, True, ())


def test_fronts_under_another_accounting_have_its_costs() -> None:
    first, _ = layer_fronts(accounting="timeloop")
    assert first.complete
    assert pareto_fronts(spec(accounting="timeloop")).accounting == "timeloop"
    free = {**MACHINE, "nodes": [{k: v for k, v in node.items() if k != "word_pj"} for node in MACHINE["nodes"]]}
    without_network, _ = layer_fronts(accounting="timeloop", architecture=free)
    assert [p.cost.energy_pj for p in first.points] == [p.cost.energy_pj for p in without_network.points]


def test_the_front_of_an_example_on_eyeriss() -> None:
    from dmaze.model import load_spec
    from dmaze.model.reading.builtin_data import builtin_path

    example: Path = builtin_path("examples", "alexnet-conv3-eyeriss")
    (layer,) = pareto_fronts(load_spec(example)).layers
    assert layer.complete
    assert [point.cost.cycles for point in layer.points] == [1_114_048, 1_103_232, 1_033_344]
    assert [round(point.cost.energy_pj) for point in layer.points] == [575_957_661, 576_135_183, 604_000_836]
