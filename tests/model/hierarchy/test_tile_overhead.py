from __future__ import annotations

from random import Random
from typing import Any

import pytest
from builders import gemm_nest
from dmaze.model import EvaluateRequest, InputError, Machine
from dmaze.model.evaluating import evaluate
from dmaze.model.execution.agreement.requested_execution import executed_request
from dmaze.model.hierarchy.accountings import ACCOUNTINGS, EXECUTED, accounting
from dmaze.model.hierarchy.constraints.level_constraints import LevelConstraints
from dmaze.model.hierarchy.exact.exact_cost import hierarchy_cost
from dmaze.model.hierarchy.hierarchy_cost import HierarchyCost
from dmaze.model.hierarchy.hierarchy_model import MODEL
from dmaze.model.hierarchy.level_mapping import LevelMapping, LevelMappingDocument, level_mapping
from dmaze.model.hierarchy.machine import StorageLevel, TileOverhead
from dmaze.model.hierarchy.resolved_machine import ResolvedMachine, resolved_machine
from dmaze.model.hierarchy.vectorised.count_bounds import why_too_large
from dmaze.model.hierarchy.vectorised.hierarchy_batch import batch_cost
from dmaze.model.hierarchy.vectorised.mapping_arrays import mapping_arrays
from dmaze.model.loop_nest import LoopNest
from dmaze.model.reading.validation import validated
from dmaze.solver.backend import LayerProblem, SearchLimits
from dmaze.solver.hierarchies.level_enumeration import BACKEND as EXHAUSTIVE
from dmaze.solver.shortest_path import BACKEND as SHORTEST_PATH
from hierarchy_agreement import differences_of_costs
from plain_walk import PlainWalk
from random_hierarchies import random_case, random_mapping

OVERHEAD = {
    "level": "SP",
    "start_cycles": 10,
    "cycles_per_word": 0.25,
    "block_iterations": 4,
    "block_cycles": 3,
    "load_cycles": 2,
}
ARRAY: dict[str, Any] = {
    "name": "array",
    "nodes": [
        {"storage": "DRAM"},
        {"storage": "SP", "keep": {"output": "never", "*": "must"}},
        {"fanout": "ROW", "size": 4, "dims": ["K"]},
        {"storage": "REG", "keep": {"read2": "must", "*": "never"}},
    ],
}
MAPPING = {"tiling": {"M": {"DRAM": 2, "REG": 6}, "N": {"DRAM": 2, "SP": 3}, "K": {"SP": 2, "ROW": 4}}}
"""On the nest of 12 x 6 x 8: four tiles of 6 x 8 inputs and 8 x 3 weights."""
TILES, WORDS = 4, 6 * 8 + 8 * 3
LOAD = 10 + WORDS // 4
WORK = (3 * 2) * ((4 + 3) + 2)
"""Six weight tiles; six rows of inputs are a block of four, and one of two that takes three cycles."""


def array(buffers: int = 1, **overhead: Any) -> Machine:
    nodes = [{**node, "buffers": buffers} if node.get("storage") == "SP" else node for node in ARRAY["nodes"]]
    return Machine.model_validate({**ARRAY, "nodes": nodes, "tile_overhead": {**OVERHEAD, **overhead}})


def cost_on(machine: Machine, counted: Any = "executed") -> HierarchyCost:
    nest, model = gemm_nest(12, 6, 8), MODEL.under(counted)
    return model.cost(nest, machine, model.mapping_of(nest, machine, LevelMappingDocument.model_validate(MAPPING)))


def test_tiles_of_one_buffer_come_one_after_the_other() -> None:
    cost = cost_on(array())
    assert cost.roofline == {"compute": 2 * 6 * 2 * 3 * 2, "SP.tiles": TILES * (LOAD + WORK)}
    assert cost.cycles == cost.walk_cycles == TILES * (LOAD + WORK)
    assert cost.bound_by == "SP.tiles"


@pytest.mark.parametrize("start", [10, 100])
def test_with_two_buffers_a_tile_comes_in_while_another_is_worked_on(start: int) -> None:
    cost, load = cost_on(array(buffers=2, start_cycles=start)), LOAD - 10 + start
    assert cost.cycles == cost.walk_cycles == load + (TILES - 1) * max(load, WORK) + WORK


def test_without_the_option_there_is_no_term() -> None:
    cost = cost_on(Machine.model_validate(ARRAY))
    assert cost.roofline == {"compute": 144}
    assert cost.walk_cycles == 144


def test_an_option_of_zeros_changes_nothing() -> None:
    zeros = dict.fromkeys(("start_cycles", "cycles_per_word", "block_cycles", "load_cycles"), 0)
    cost = cost_on(array(**zeros))
    assert cost.cycles == cost.walk_cycles == 144


def test_accountings_of_other_tools_without_a_walk_know_no_overhead() -> None:
    assert cost_on(array(), "timeloop").cycles == 144
    assert cost_on(array(), "accelforge").cycles == TILES * (LOAD + WORK)


@pytest.mark.parametrize(
    ("overhead", "message"),
    [
        ({"level": "DRAM"}, "tile_overhead.level: expected a storage level inside the outermost one (SP, REG)"),
        ({"level": "ROW"}, "tile_overhead.level: expected a storage level inside the outermost one (SP, REG)"),
        ({"level": "SP", "block_iterations": 0}, "tile_overhead.block_iterations: expected an integer of at least 1"),
        ({"level": "SP", "start_cycles": 0.5}, "tile_overhead.start_cycles: expected an integer"),
        ({"level": "SP", "start": 1}, "tile_overhead.start: unknown field"),
    ],
)
def test_faults_have_their_place(overhead: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as raised:
        validated(Machine, {**ARRAY, "tile_overhead": overhead}, None)
    assert str(raised.value).startswith(message)


def with_overhead(seed: int) -> tuple[LoopNest, ResolvedMachine, list[LevelMapping]]:
    """A random nest and machine, with a random overhead where the machine has a level for one, and mappings."""
    case, random = random_case(seed), Random(seed)
    inner = [node.name for node in case.document.nodes[1:] if isinstance(node, StorageLevel)]
    overhead = inner and TileOverhead(
        level=random.choice(inner),
        start_cycles=random.choice((0, 5, 50)),
        cycles_per_word=random.choice((0.0, 0.37, 2.0)),
        block_iterations=random.choice((1, 2, 3, 16)),
        block_cycles=random.choice((0, 2, 9)),
        load_cycles=random.choice((0, 1, 7)),
    )
    document = case.document.model_copy(update={"tile_overhead": overhead or None})
    machine = resolved_machine(document, case.nest)
    mappings = [level_mapping(case.nest, machine, random_mapping(random, case.nest, machine)) for _ in range(3)]
    return case.nest, machine, mappings


@pytest.mark.parametrize("name", ACCOUNTINGS)
def test_arrays_of_mappings_cost_the_same(name: Any) -> None:
    decided = 0
    for seed in range(7_100_000, 7_100_060):
        nest, machine, mappings = with_overhead(seed)
        batch = batch_cost(nest, machine, mapping_arrays(nest, machine, mappings), accounting(name), walk=True)
        for row, mapping in enumerate(mappings):
            cost = hierarchy_cost(nest, machine, mapping, accounting(name))
            assert not differences_of_costs(cost, batch.row(row)), seed
            decided += cost.bound_by.endswith(".tiles")
    assert (decided > 40) == (name != "timeloop")


def test_the_walk_is_that_of_every_tuple() -> None:
    longer = 0
    for seed in range(7_200_000, 7_200_060):
        nest, machine, mappings = with_overhead(seed)
        cost = hierarchy_cost(nest, machine, mappings[0], EXECUTED)
        walked = PlainWalk(nest, machine, mappings[0]).cycles()
        assert cost.walk_cycles == max(cost.cycles, walked), seed
        longer += machine.tiled is not None and walked >= cost.cycles
    assert longer > 20


def test_counts_and_energy_stay_as_they_are() -> None:
    on, off = cost_on(array()), cost_on(Machine.model_validate(ARRAY))
    assert on.accesses == off.accesses
    assert on.energy_pj == off.energy_pj


def test_a_search_stays_sound() -> None:
    nest, machine = gemm_nest(4, 2, 4), array()
    problem = LayerProblem(nest, machine, LevelConstraints(), "latency", (), MODEL)
    every = EXHAUSTIVE.search(problem, SearchLimits(), None)
    found = SHORTEST_PATH.search(problem, SearchLimits(), None)
    least = MODEL.cost(nest, machine, every.candidates[0]).cycles
    assert every.exhausted
    assert found.bound is not None
    assert found.bound <= least <= MODEL.cost(nest, machine, found.candidates[0]).cycles


def test_the_option_is_part_of_the_question() -> None:
    nest = gemm_nest(4, 2, 4)
    plain = MODEL.question(nest, Machine.model_validate(ARRAY), LevelConstraints())
    assert MODEL.question(nest, array(), LevelConstraints()) != plain
    assert MODEL.question(nest, array(load_cycles=1), LevelConstraints()) != MODEL.question(
        nest, array(), LevelConstraints()
    )


def test_an_execution_refuses_it() -> None:
    layer = {"type": "gemm", "name": "product", "m": 12, "n": 6, "k": 8}
    request = EvaluateRequest.model_validate({"architecture": array(), "layer": layer, "mappings": [MAPPING]})
    assert evaluate(request).costs[0].cycles == TILES * (LOAD + WORK)
    with pytest.raises(InputError, match=r"architecture\.tile_overhead: expected none"):
        executed_request(request)


def test_overheads_that_may_not_fit_64_bits_are_refused() -> None:
    nest = gemm_nest(2**16, 2**16, 2**14)
    assert why_too_large(nest, resolved_machine(array(), nest)) is None
    assert why_too_large(nest, resolved_machine(array(start_cycles=2**31 - 1), nest)) == "cycles may exceed 2**63"
