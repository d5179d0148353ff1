"""A mapping or an executor that is broken on purpose is found out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import dmaze.model.execution.executing as executing
import dmaze.model.execution.operand_walk as operand_walk
import numpy as np
import pytest
from dmaze.model.execution.executing import Execution, execute, why_too_large
from dmaze.model.execution.level_stores import Lookup
from dmaze.model.execution.output_walk import OutputWalk
from dmaze.model.execution.tensor_edges import Edge
from dmaze.model.execution.walked_loops import Span, Walk
from dmaze.model.hierarchy.level_mapping import LevelMapping
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.hierarchy.resolved_machine import resolved_machine
from dmaze.model.loop_nest import LoopNest
from hierarchy_cases import nest_of

GEMM = nest_of(
    {
        "bounds": {"M": 4, "N": 3, "K": 8},
        "tensors": [
            {"name": "A", "index": ["M", "K"]},
            {"name": "B", "index": ["K", "N"]},
            {"name": "C", "index": ["M", "N"], "output": True},
        ],
    }
)
NODES: list[dict[str, Any]] = [
    {"storage": "DRAM"},
    {"storage": "GLB", "capacity_bytes": 64},
    {"fanout": "X", "size": 4},
    {"storage": "RF", "partitions": {"A": 2, "*": 6}},
]
MAPPING = LevelMapping(
    factors=((2, 1, 2), (2, 1, 1), (1, 1, 2), (1, 3, 2)),
    orders=((2, 0, 1), (0, 1, 2), (), (0, 1, 2)),
    kept=((True,) * 3, (True,) * 3, (False,) * 3, (True,) * 3),
)
"""By node: factors of M, N, K; K is split over X, so that partial sums are added there."""


def run(nest: LoopNest = GEMM, nodes: list[dict[str, Any]] = NODES, mapping: LevelMapping = MAPPING) -> Execution:
    machine = resolved_machine(Machine.model_validate({"name": "m", "nodes": nodes}), nest)
    return execute(nest, machine, mapping)


def test_nothing_is_found_in_a_sound_execution() -> None:
    execution = run()
    assert (execution.output_equals, execution.faults, execution.is_sound) == (True, (), True)
    assert execution.cost.fits == {1: True, 2: True, 3: True}


def test_what_does_not_fit_is_executed_and_flagged() -> None:
    execution = run(nodes=[NODES[0], {**NODES[1], "capacity_bytes": 25}, {**NODES[2], "size": 1}, NODES[3]])
    assert execution.is_sound
    assert [execution.cost.held[1, tensor] for tensor in range(3)] == [2 * 4, 4 * 3, 2 * 3]
    assert execution.cost.fits == {1: False, 2: False, 3: True}


def test_a_word_fetched_from_the_wrong_place_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Lookup] = operand_walk.lookup

    def one_off(edge: Edge, *rest: Any) -> Lookup:
        found = real(edge, *rest)
        wrong = edge.child_name == "RF" and edge.tensor_name == "A"
        return replace(found, positions=found.positions + 1) if wrong else found

    monkeypatch.setattr(operand_walk, "lookup", one_off)
    execution = run()
    assert not execution.output_equals
    assert execution.faults[0].startswith("RF: A fetched from GLB, which does not hold it: ")
    assert execution.faults[1].startswith("MAC: A read from RF, which does not hold it: ")


def test_a_tile_that_is_not_refilled_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Walk.identities

    def stale(walk: Walk, node: int, dims: Any, passes: Any) -> Any:
        found = real(walk, node, dims, passes)
        return found * 0 if node == 3 and dims == walk.nest.tensors[1].dims else found

    monkeypatch.setattr(Walk, "identities", stale)
    execution = run()
    assert not execution.output_equals
    assert execution.faults == ("MAC: B read from RF, which does not hold it: 48 times",)


def test_partial_sums_that_are_not_read_back_are_missing_in_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: Any) -> Any:
        return np.zeros(len(arguments[-1]), dtype=np.bool_)

    monkeypatch.setattr(OutputWalk, "_seen_before", never)
    execution = run()
    assert (execution.output_equals, execution.faults) == (False, ())


@pytest.mark.parametrize(
    ("spans", "fault"),
    [
        ([Span(0, 47)], "points of the iteration space not computed: 2 times"),
        ([Span(0, 48), Span(46, 48)], "points of the iteration space computed again: 4 times"),
    ],
)
def test_every_multiply_accumulate_is_done_once(monkeypatch: pytest.MonkeyPatch, spans: list[Span], fault: str) -> None:
    monkeypatch.setattr(executing, "_spans", lambda *_: spans)
    execution = run()
    assert not execution.output_equals
    assert fault in execution.faults


def test_one_wrong_value_shows_in_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    real = operand_walk.read

    def spoilt(store: Any, found: Lookup, asked: Any, faults: Any, what: str) -> Any:
        values, addresses = real(store, found, asked, faults, what)
        values = values.copy()
        values.flat[0] += 1
        return values, addresses

    monkeypatch.setattr(operand_walk, "read", spoilt)
    assert (run().output_equals, run().faults) == (False, ())


def test_a_fanout_that_does_not_reduce_adds_nothing() -> None:
    execution = run(nodes=[*NODES[:2], {**NODES[2], "reduce": False}, NODES[3]])
    assert execution.faults == ("partial sums added by a fanout that does not reduce: 48 times",)


def test_instances_that_write_the_same_word_are_reported() -> None:
    nest = nest_of(
        {
            "bounds": {"x": 2, "f": 3},
            "tensors": [{"name": "I", "index": ["x"]}, {"name": "O", "index": ["x + f"], "output": True}],
        }
    )
    everything = (True,) * 2
    mapping = LevelMapping(((1, 1), (2, 1), (1, 3)), ((0, 1), (), (0, 1)), (everything, (False,) * 2, everything))
    execution = run(nest, [NODES[0], NODES[2], {"storage": "RF"}], mapping)
    assert not execution.output_equals
    assert execution.faults == ("RF: O written back to DRAM from two instances at a time: 2 times",)


def test_what_does_not_fit_a_computers_memory_is_not_begun() -> None:
    def reason(bounds: tuple[int, ...], kept: bool = True) -> str | None:
        nest = GEMM.with_bounds(bounds)
        machine = resolved_machine(Machine.model_validate({"name": "m", "nodes": NODES}), nest)
        inner = ((kept,) * 3, (False,) * 3, (kept,) * 3)
        return why_too_large(
            nest, machine, replace(MAPPING, factors=((1,) * 3, bounds, (1,) * 3, (1,) * 3), kept=((True,) * 3, *inner))
        )

    assert reason((4, 3, 8)) is None
    assert reason((1, 1 << 13, 1 << 14)) == (
        "expected at most 67108864 multiply-accumulates to execute, got 134217728; --shrink scales a layer down"
    )
    assert (
        reason((1 << 12, 1, (1 << 12) + 1)) == "expected at most 16777216 words of A in DRAM to execute, got 16781312"
    )
