"""``explain``: every factor, limit and what-if of an explanation against plain enumeration or a search of its own."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import pytest
from builders import Specs, gemm, whole_space
from dmaze.model import Explanation, InputError, Machine, Result
from dmaze.model.cost_model import DEFAULT_COST_MODEL
from dmaze.model.dmazerunner.published import PUBLISHED
from dmaze.model.documents.explaining.explanation import WhatIf
from dmaze.model.hierarchy.hierarchy_model import MODEL
from dmaze.model.hierarchy.level_mapping import LevelMapping
from dmaze.model.mapping import Mapping
from dmaze.solver import SilentObserver, explain, solve
from dmaze.solver.explaining import explained_layer as explained_layer_module
from dmaze.solver.explaining import other_costs
from dmaze.solver.explaining.explained_layer import explained_layer
from dmaze.solver.pipeline.ranking import faults_of_candidate, objective_value, rank
from machines import SMALL

MACHINE: dict[str, Any] = {
    "name": "levels",
    "bytes_per_element": 2,
    "mac_pj": 0.5,
    "nodes": [
        {"storage": "DRAM", "read_pj": 200, "write_pj": 200},
        {"storage": "GLB", "capacity_bytes": 64, "read_pj": 6, "write_pj": 6},
        {"fanout": "X", "size": 4},
        {"storage": "RF", "read_pj": 1, "write_pj": 1},
    ],
}

LAYER, OTHER = gemm(6, 4, 10), gemm(3, 4, 4, name="h", count=3)
spec_of = Specs(LAYER, OTHER, name="network", architecture=SMALL)
levels_of = Specs(gemm(2, 3, 2), name="network", architecture=MACHINE)


@pytest.fixture(scope="module")
def result() -> Result:
    return solve(spec_of())


@pytest.fixture(scope="module")
def explanation(result: Result) -> Explanation:
    return explain(result, "g")


def optimum(**fields: Any) -> Any:
    """The best solution of the first layer under another spec."""
    return solve(spec_of(LAYER, **fields)).layers[0].solutions[0]


def check_answer(answer: WhatIf, result: Result, best: Any) -> None:
    """An answer that is proved, and says what another search of the same says."""
    present = result.layers[0].solutions[0].cost
    assert (answer.status, answer.proved, answer.note) == ("optimal", True, None)
    assert answer.solution is not None
    assert answer.factors is not None
    assert answer.solution.cost == best.cost
    assert answer.factors.objective == best.cost.edp / present.edp
    assert answer.factors.energy == best.cost.energy_pj / present.energy_pj
    assert answer.factors.cycles == best.cost.cycles / present.cycles
    assert answer.least_factor == pytest.approx(answer.factors.objective)


def test_the_bottleneck_is_what_the_cost_says(result: Result, explanation: Explanation) -> None:
    layer, found = result.layers[0], explanation.bottleneck
    cost = layer.solutions[0].cost
    assert (found.cycles, found.ideal_cycles, found.bound_by) == (cost.cycles, 6 * 4 * 10 // 4, cost.bound_by)
    assert found.roofline == cost.roofline
    assert found.share == layer.share
    assert (explanation.name, explanation.layer, explanation.status) == ("network", "g", "optimal")
    assert explanation.objective_value == layer.objective_value


def test_an_older_result_is_explained_all_the_same(result: Result, explanation: Explanation) -> None:
    document = result.model_dump(mode="json", by_alias=True)
    for layer in document["layers"]:
        del layer["share"]
        for solution in layer["solutions"]:
            for field in ("ideal_cycles", "roofline", "bound_by"):
                del solution["cost"][field]
    found = explain(Result.model_validate(document), "g").bottleneck
    assert found == explanation.bottleneck.model_copy(update={"share": None})


def test_the_array_is_counted_by_its_factors(result: Result, explanation: Explanation) -> None:
    (array,) = explanation.arrays
    tiling = result.layers[0].solutions[0].mapping.model_dump()["tiling"]
    unrolled = {dim: row["spatial"] for dim, row in tiling.items() if row["spatial"] > 1}
    assert (array.name, array.size, array.used, array.unrolled) == ("PE", 4, prod(unrolled.values()), unrolled)
    assert array.utilization == array.used / 4


@pytest.mark.parametrize(
    ("fixed", "counts"),
    [({}, [1, 2, 3, 4]), ({"M": {"spatial": 1}, "N": {"spatial": 1}}, [1, 2]), ({"N": {"spatial": 1}}, [1, 2, 3, 4])],
)
def test_what_numbers_of_pes_there_are_is_a_matter_of_divisors_and_constraints(
    fixed: dict[str, Any], counts: list[int]
) -> None:
    # M 6, N 4, K 10: without M and N only K's 1 and 2 are left of at most 4.
    (array,) = explain(solve(spec_of(LAYER, constraints={"fixed": fixed})), "g", time_limit_s=1e-9).arrays
    assert array.most_used == counts[-1]
    assert array.next_used == next((count for count in counts if count > array.used), None)


@pytest.mark.parametrize(("pes", "stops"), [(1, {("pes",)}), (4, {(), ("spm",), ("spatial_dims",)})])
def test_the_next_larger_factor_is_the_best_of_all_ways_to_have_it(pes: int, stops: set[tuple[str, ...]]) -> None:
    found = solve(spec_of(LAYER, architecture={**SMALL, "pes": pes}, constraints={"spatial_dims": ["M", "K"]}))
    (array,) = explain(found, "g", time_limit_s=1e-9).arrays
    known = explained_layer(found, "g")
    best, nest = known.best.mapping, known.problem.nest
    larger = {"M": [1, 2, 3, 6], "N": [1, 2, 4], "K": [1, 2, 5, 10]}
    expected: dict[str, Any] = {}
    for dim, name in enumerate(nest.dims):
        own = best.tiling.spatial[dim]
        factor = next((each for each in larger[name] if each > own), None)
        if factor is None:
            continue
        ways = [
            Mapping(tiling, best.dram_order, best.spm_order)
            for tiling in whole_space(nest)
            if tiling.spatial[dim] == factor
            and all(
                one[d] == other[d]
                for one, other in zip(tiling.levels, best.tiling.levels, strict=True)
                for d in range(3)
                if d != dim
            )
        ]
        faults = [faults_of_candidate(known.problem, way) for way in ways]
        legal = [way for way, wrong in zip(ways, faults, strict=True) if not wrong]
        used = array.used // own * factor
        stopped = () if legal else ("pes",) if used > pes else min(faults, key=len)
        cheapest = rank(known.problem, legal, 1)[0].cost if legal else None
        value = None if cheapest is None else objective_value("edp", cheapest) / known.best.cost.edp
        expected[name] = (own, factor, used, stopped, value)
    told = {
        row.dimension: (row.old, row.new, row.used, row.stopped_by, row.factors and row.factors.objective)
        for row in array.larger_factors
    }
    assert told == expected
    assert {stopped for *_, stopped, _ in told.values()} == stops


def test_more_use_is_asked_for_by_a_search() -> None:
    machine = {**SMALL, "pes": 24}
    found = solve(spec_of(LAYER, architecture=machine))
    (array,) = explain(found, "g").arrays
    assert array.used < array.size
    assert array.forced is not None
    (change,) = array.forced.changes
    assert (change.field, change.old) == ("constraints.min_utilization.pe", array.used / 24)
    assert change.new == (array.used + 1) / 24
    asked = {"min_utilization": {"pe": (array.used + 1) / 24}}
    check_answer(array.forced, found, optimum(architecture=machine, constraints=asked))


def test_more_use_that_is_not_possible_is_told_with_what_clashes() -> None:
    # Factors multiply to 24 at most, but registers of 3 elements hold nothing but tiles of one.
    spec = spec_of(gemm(2, 2, 2), architecture={**SMALL, "pes": 8, "spm": {"banks": 3, "bytes_per_bank": 2}})
    found = solve(spec)
    (array,) = explain(found, "g").arrays
    assert (array.used, array.next_used) == (1, 2)
    assert array.forced is not None
    assert (array.forced.status, array.forced.proved, array.forced.solution) == ("infeasible", True, None)
    assert array.forced.conflicts == ("spm", "min_utilization.pe")


def test_every_enlargement_is_a_search_on_that_machine(result: Result, explanation: Explanation) -> None:
    spm, dma = SMALL["spm"], SMALL["dma"]
    larger = {
        "one more row of PEs": ("pes", 4, 6, {"pes": 4 + 2}),
        "twice the register files": ("rf_bytes_per_pe", 32, 64, {"rf_bytes_per_pe": 64}),
        "twice the SPM": ("spm.banks", 8, 16, {"spm": {**spm, "banks": 16}}),
        "twice the DMA bandwidth": ("dma.cycles_per_byte", 0.24, 0.12, {"dma": {**dma, "cycles_per_byte": 0.12}}),
    }
    assert [answer.what for answer in explanation.what_if] == list(larger)
    for answer in explanation.what_if:
        field, old, new, changed = larger[answer.what]
        assert [(each.field, each.old, each.new) for each in answer.changes] == [(field, old, new)]
        check_answer(answer, result, optimum(architecture={**SMALL, **changed}))
        assert answer.factors is not None
        assert answer.factors.objective is not None
        assert answer.factors.objective <= 1  # more of anything never hurts at the same prices


def test_other_ranks_differ_in_the_factors_that_are_named(result: Result, explanation: Explanation) -> None:
    best, *others = result.layers[0].solutions
    assert [other.rank for other in explanation.ranks] == [2, 3, 4, 5]
    for told, other in zip(explanation.ranks, others, strict=True):
        tiling = best.mapping.model_dump()["tiling"]
        for each in told.tiling:
            assert tiling[each.dimension][each.level] == each.best != each.other
            tiling[each.dimension][each.level] = each.other
        assert tiling == other.mapping.model_dump()["tiling"]
        orders = ("dram_order", "spm_order")
        own, its = best.mapping.model_dump(), other.mapping.model_dump()
        assert told.differs_in == tuple(order for order in orders if own[order] != its[order])
        assert told.factors.objective == other.cost.edp / best.cost.edp
        assert told.proved == other.proved


def test_a_preset_stands_for_the_thresholds_that_it_came_to() -> None:
    layer = gemm(64, 64, 64)
    found = solve(spec_of(layer, architecture="dmazerunner-256pe", constraints={"preset": "dmazerunner-auto"}))
    thresholds = found.layers[0].thresholds
    assert thresholds is not None
    known = explained_layer(found, "g")
    assert known.problem.constraints.preset is None
    assert known.problem.constraints.min_utilization == thresholds
    asked = known.parts.with_least_use(known.problem.constraints, "PE", 0.99)
    assert asked.min_utilization == thresholds.model_copy(update={"pe": 0.99})


# Hierarchies.


def test_a_hierarchy_is_explained_by_its_own_nodes() -> None:
    found = solve(levels_of())
    told = explain(found, "g")
    best = found.layers[0].solutions[0]
    assert (told.cost_model, told.accounting) == ("hierarchy", "executed")
    assert told.bottleneck.ideal_cycles == 2 * 3 * 2 // 4
    (array,) = told.arrays
    assert (array.name, array.size) == ("X", 4)
    factors = {dim: row["X"] for dim, row in best.mapping.model_dump()["tiling"].items() if "X" in row}
    assert array.unrolled == factors
    larger = {"X larger by 2": ("nodes.X.size", 4, 6), "twice the size of GLB": ("nodes.GLB.capacity_bytes", 64, 128)}
    asked = {answer.what: [(c.field, c.old, c.new) for c in answer.changes] for answer in told.what_if}
    assert asked == {what: [change] for what, change in larger.items()}
    for answer, (position, value) in zip(told.what_if, ((2, {"size": 6}), (1, {"capacity_bytes": 128})), strict=True):
        nodes = [{**node, **value} if at == position else node for at, node in enumerate(MACHINE["nodes"])]
        other = solve(levels_of(architecture={**MACHINE, "nodes": nodes})).layers[0].solutions[0]
        assert answer.proved
        assert answer.solution is not None
        assert answer.solution.cost == other.cost


LEVEL_MAPPING = LevelMapping(((2, 1, 1), (2, 1, 3), (1, 2, 1), (3, 1, 4)), ((0, 1, 2), (0, 1, 2), (), (0, 1, 2)), ())
"""M 12, N 2, K 12 over DRAM, GLB, X, RF."""


@pytest.mark.parametrize(
    ("dim", "factor", "columns"),
    [
        (0, 2, [(2, 1, 2, 3), (1, 2, 2, 3)]),  # of M's 2, 2 and 3 two are even
        (0, 6, [(2, 1, 6, 1), (1, 2, 6, 1)]),
        (2, 2, [(1, 3, 2, 2)]),
        (2, 4, [(1, 3, 4, 1)]),
        (1, 1, [(2, 1, 1, 1), (1, 2, 1, 1), (1, 1, 1, 2)]),  # no multiple of N's 2: anything goes
    ],
)
def test_what_a_fanout_takes_is_taken_from_the_levels(dim: int, factor: int, columns: list[tuple[int, ...]]) -> None:
    nest = explained_layer(solve(levels_of()), "g").problem.nest
    ways = list(MODEL.spread_anew(nest, Machine.model_validate(MACHINE), LEVEL_MAPPING, "X", dim, factor))
    assert sorted(tuple(row[dim] for row in way.factors) for way in ways) == sorted(columns)
    for way in ways:
        others = [tuple(row[d] for d in range(3) if d != dim) for row in way.factors]
        assert others == [tuple(row[d] for d in range(3) if d != dim) for row in LEVEL_MAPPING.factors]
        assert (way.orders, way.kept) == (LEVEL_MAPPING.orders, LEVEL_MAPPING.kept)


def test_limits_of_a_hierarchy_stop_larger_factors_by_name() -> None:
    limits = {"max_factor": {"M": {"X": 1}}, "dims": {"X": ["M", "K"]}}
    told = explain(solve(levels_of(gemm(4, 4, 4), constraints=limits)), "g", time_limit_s=1e-9)
    (array,) = told.arrays
    assert (array.unrolled, array.next_used, array.most_used) == ({"K": 4}, None, 4)
    assert [(row.dimension, row.used, row.stopped_by) for row in array.larger_factors] == [
        ("M", 8, ("nodes.X.size",)),
        ("N", 8, ("nodes.X.size",)),
    ]
    wider = {**MACHINE, "nodes": [{**n, "size": 8} if "fanout" in n else n for n in MACHINE["nodes"]]}
    (array,) = explain(solve(levels_of(gemm(4, 4, 4), architecture=wider, constraints=limits)), "g").arrays
    assert array.next_used is None
    assert [(row.dimension, row.used, row.stopped_by) for row in array.larger_factors] == [
        ("M", 8, ("max_factor.M.X",)),
        ("N", 8, ("dims.X",)),
    ]


@pytest.mark.parametrize(
    ("node", "term", "changes"),
    [
        (
            {"read_bandwidth": 2, "write_bandwidth": 3},
            "GLB.writes",
            [("nodes.GLB.read_bandwidth", 2, 4), ("nodes.GLB.write_bandwidth", 3, 6)],
        ),
        ({"read_bandwidth": 2}, "GLB.reads", [("nodes.GLB.read_bandwidth", 2, 4)]),
        ({"bandwidth": 0.5}, "GLB.both", [("nodes.GLB.bandwidth", 0.5, 1.0)]),
        (
            {"dma": {"init_cycles": 9, "cycles_per_byte": 0.5, "clock_mhz": 100}},
            "GLB.dma",
            [("nodes.GLB.dma.cycles_per_byte", 0.5, 0.25)],
        ),
        (
            {"read_bandwidth": 2, "bandwidth": 3},
            "GLB.ports",
            [("nodes.GLB.read_bandwidth", 2, 4), ("nodes.GLB.bandwidth", 3, 6)],
        ),
        ({}, "compute", []),
        ({}, "GLB.tiles", []),
    ],
)  # fmt: skip
def test_what_decides_gets_twice_its_rates(
    node: dict[str, Any], term: str, changes: list[tuple[str, float, float]]
) -> None:
    nodes = [{**each, **node} if each.get("storage") == "GLB" else each for each in MACHINE["nodes"]]
    machine = Machine.model_validate({**MACHINE, "nodes": nodes, "clock_mhz": 100})
    found = MODEL.enlarged(machine, term)[2:]  # after X and the size of GLB
    assert [(c.field, c.old, c.new) for larger in found for c in larger.changes] == changes
    for larger in found:
        before, after = machine.model_dump(), larger.machine.model_dump()
        assert before != after
        assert {**before, "nodes": ()} == {**after, "nodes": ()}


def test_partitions_grow_tensor_by_tensor_and_sides_of_an_array_by_one() -> None:
    nodes = [
        {"storage": "DRAM"},
        {"storage": "GLB", "partitions": {"output": 32, "*": 64}},
        {"fanout": "X", "size": 2},
        {"fanout": "Y", "size": 9},
        {"storage": "RF"},
        {"fanout": "V", "size": 12},
    ]
    enlarged = MODEL.enlarged(Machine.model_validate({"name": "m", "nodes": nodes}), None)
    found = [(larger.what, [(c.field, c.old, c.new) for c in larger.changes]) for larger in enlarged]
    assert found == [
        ("X larger by 1", [("nodes.X.size", 2, 3)]),
        ("Y larger by 1", [("nodes.Y.size", 9, 10)]),
        ("V larger by 3", [("nodes.V.size", 12, 15)]),
        ("twice the size of GLB", [("nodes.GLB.partitions.output", 32, 64), ("nodes.GLB.partitions.*", 64, 128)]),
    ]  # fmt: skip


# What ends a search, and what cannot be explained.


def test_without_time_nothing_is_searched_and_that_is_said(result: Result) -> None:
    told = explain(result, "g", time_limit_s=1e-9)
    assert {(a.status, a.proved, a.solution, a.note) for a in told.what_if} == {
        ("unknown", False, None, "time was up before this search")
    }
    assert told.bottleneck.bound_by == result.layers[0].solutions[0].cost.bound_by
    assert len(told.ranks) == 4


def test_what_is_not_proved_is_asked_again_with_the_time_that_is_left(
    result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches: list[float] = []
    search = other_costs.solve_layer

    def first_proves_nothing(spec: Any, *arguments: Any, **options: Any) -> Any:
        searches.append(spec.document.solver.time_limit_s)
        found = search(spec, *arguments, **options)
        return found.model_copy(update={"status": "feasible", "bound": 1.0}) if len(searches) == 1 else found

    monkeypatch.setattr(other_costs, "solve_layer", first_proves_nothing)
    (array,) = explain(result, "g", time_limit_s=60).arrays
    assert array.forced is not None
    assert array.forced.proved
    assert len(searches) == 5 + 1
    assert searches[0] == pytest.approx(60 / 5, abs=1)
    assert searches[5] > 50  # nobody else is left to share with


def test_beside_an_unproved_mapping_nothing_is_proved(result: Result) -> None:
    first = result.layers[0].model_copy(update={"status": "feasible"})
    told = explain(result.model_copy(update={"layers": (first, *result.layers[1:])}), "g")
    assert [(answer.status, answer.proved) for answer in told.what_if] == [("optimal", False)] * 4


def test_ctrl_c_keeps_what_was_found(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[str] = []
    search = other_costs.solve_layer

    def second_is_interrupted(*arguments: Any, **options: Any) -> Any:
        searched.append("search")
        if len(searched) == 2:
            raise KeyboardInterrupt
        return search(*arguments, **options)

    monkeypatch.setattr(other_costs, "solve_layer", second_is_interrupted)
    told = explain(result, "g")
    assert told.interrupted
    assert len(searched) == 2
    (array,) = told.arrays
    assert array.forced is not None
    assert (array.forced.proved, array.forced.note) == (True, None)
    assert [answer.note for answer in told.what_if] == ["interrupted"] * 4


def test_an_observer_hears_of_every_question(result: Result) -> None:
    heard: list[tuple[str, int, int]] = []

    class Hears(SilentObserver):
        def layer_started(self, name: str, position: int, total: int) -> None:
            heard.append((name, position, total))

    explain(result, "g", observer=Hears())
    assert [name for name, _, _ in heard[:2]] == ["g: more than 1 of 4 PE in use", "g: one more row of PEs"]
    assert [(position, total) for _, position, total in heard] == [(n, 5) for n in range(1, 6)]


def test_what_cannot_be_explained_is_refused(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="LAYER: no layer is called 'gg'; did you mean 'g'"):
        explain(result, "gg")
    empty = result.layers[0].model_copy(update={"solutions": (), "status": "infeasible"})
    with pytest.raises(InputError, match="LAYER: expected a layer with a mapping, but g is infeasible"):
        explain(result.model_copy(update={"layers": (empty,)}), "g")
    other = replace(PUBLISHED, name="other")
    without = type("Without", (), {name: getattr(other, name) for name in ("name", "mapping_of", "cost")})()
    monkeypatch.setattr(explained_layer_module, "searchable_model_for", lambda _: without)
    with pytest.raises(InputError, match=f"cost model that explains its mappings, which '{DEFAULT_COST_MODEL}' does"):
        explain(result, "g")
