"""Executing a mapping: all loops walked with real words, every operation recorded, every word that moves counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..hierarchy.level_mapping import LevelMapping
from ..hierarchy.resolved_machine import Level, ResolvedMachine
from ..loop_nest import LoopNest
from .executed_cost import ExecutedCost, executed_cost
from .operand_data import Operands, expected_output, random_operands
from .operand_walk import OperandWalk
from .output_walk import OutputWalk
from .pass_times import PassTimes
from .tensor_edges import TensorPath, box_of, path_of
from .walked_loops import IntArray, Span, Walk, walk_of
from .word_counters import Counters, FaultLog, LevelCounter, LinkCounter

LARGEST_MACS = 1 << 26
"""Most multiply-accumulates that are executed: a minute or a few, and a record of 4 bytes for each."""

LARGEST_STORE = 1 << 24
"""Most words of one tensor that all instances of a level hold together: about 1 GiB with addresses and positions."""

LONGEST_RUN = 1 << 60
"""Most cycles of a DMA engine: sums of a few engines' are exact in 64 bits."""

WORDS_AT_ONCE = 1 << 18
"""Words of one tensor at one level that are walked together: bounds the memory, changes no count."""


@dataclass(frozen=True)
class Execution:
    """What came of executing a mapping.

    ``output_equals``: the output in DRAM is numpy's, word by word. ``faults``: one line for each kind of thing that
    went wrong on the way, such as a word that was used and not delivered; none in a sound execution.
    """

    cost: ExecutedCost
    output_equals: bool
    faults: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether the output is right and nothing went wrong on the way."""
        return self.output_equals and not self.faults


def execute(
    nest: LoopNest,
    machine: ResolvedMachine,
    mapping: LevelMapping,
    *,
    seed: int = 0,
    words_at_once: int = WORDS_AT_ONCE,
) -> Execution:
    """Execute a mapping with random operands.

    ``words_at_once`` bounds the memory; with 1 every step is walked on its own. The result is the same.
    """
    walk = walk_of(nest, machine, mapping)
    paths = [path_of(walk, machine, mapping, tensor) for tensor in range(len(nest.tensors))]
    counters, times, faults = _counters(walk, paths), PassTimes(walk, machine), FaultLog()
    operands = random_operands(nest, seed)
    run = _Run(walk, paths, operands, counters, times, faults)
    for span in _spans(walk, paths, words_at_once):
        run.walk_span(span)
    output = run.finish()
    expected = expected_output(nest, operands)
    cost = executed_cost(nest, machine, walk, paths, counters, times, run.held)
    equal = bool(np.array_equal(output[expected.touched], expected.values[expected.touched]))
    return Execution(cost, equal, faults.lines)


def why_too_large(nest: LoopNest, machine: ResolvedMachine, mapping: LevelMapping) -> str | None:
    """Why a mapping cannot be executed in a common computer's memory; ``None`` if it can."""
    if nest.num_macs > LARGEST_MACS:
        expected = f"expected at most {LARGEST_MACS} multiply-accumulates to execute"
        return f"{expected}, got {nest.num_macs}; --shrink scales a layer down"
    walk = walk_of(nest, machine, mapping)
    for t, tensor in enumerate(nest.tensors):
        for level in machine.levels:
            words = box_of(walk, level.node, t).words * walk.num_instances(level.node)
            if mapping.kept[level.node][t] and words > LARGEST_STORE:
                return (
                    f"expected at most {LARGEST_STORE} words of {tensor.name} in {level.name} to execute, got {words}"
                )
            if _longest_transfers(machine, level, t, box_of(walk, level.node, t).words) * walk.num_steps > LONGEST_RUN:
                return f"expected at most 2**60 cycles of the DMA engine of {level.name} to execute, got a slower one"
    return None


def _longest_transfers(machine: ResolvedMachine, level: Level, tensor: int, words: int) -> float:
    """Cycles that the DMA engine of a level takes for a tile at the most, there and back: a burst for every word."""
    if level.dma is None or machine.clock_mhz is None:
        return 0
    each = level.dma.init_cycles + level.dma.cycles_per_byte * machine.bytes_per_element[tensor]
    return 2 * words * (each * machine.clock_mhz / level.dma.clock_mhz + 1)


class _Run:
    """The state of an execution between spans of steps."""

    def __init__(
        self,
        walk: Walk,
        paths: list[TensorPath],
        operands: Operands,
        counters: Counters,
        times: PassTimes,
        faults: FaultLog,
    ) -> None:
        self._walk, self._faults = walk, faults
        self._operands = [
            OperandWalk(walk, path, operands.values[path.tensor], counters, times, faults)
            for path in paths
            if path.tensor in operands.values
        ]
        self._output = OutputWalk(walk, paths[walk.nest.output], counters, times, faults)
        self._times = np.zeros(walk.nest.num_macs, dtype=np.int32)
        self._instances = walk.offsets(walk.mac)

    @property
    def held(self) -> dict[tuple[int, int], int]:
        """Most words that one instance held at a time: by level and tensor."""
        walked = [(o.tensor, o.held) for o in (*self._operands, self._output)]
        return {(node, tensor): words for tensor, held in walked for node, words in held.items()}

    def walk_span(self, span: Span) -> None:
        """Walk some steps."""
        products = np.ones((span.stop - span.start, len(self._instances)), dtype=np.int64)
        for operand in self._operands:
            products *= operand.delivered(span)
        self._record(span)
        self._output.accumulate(span, products)

    def finish(self) -> IntArray:
        """The output in DRAM, when everything is written back."""
        self._output.finish()
        self._faults.report("points of the iteration space not computed", int(np.count_nonzero(self._times == 0)))
        self._faults.report("points of the iteration space computed again", int(np.maximum(self._times - 1, 0).sum()))
        return self._output.values

    def _record(self, span: Span) -> None:
        """Record every operation at its point of the iteration space."""
        points = self._walk.origins(self._walk.mac, span.steps)[:, None, :] + self._instances[None]
        index = np.ravel_multi_index(tuple(np.moveaxis(points, 2, 0)), self._walk.nest.bounds)
        np.add.at(self._times, index, 1)


def _spans(walk: Walk, paths: list[TensorPath], words_at_once: int) -> list[Span]:
    """All steps, cut so that no tensor moves more words at a level in a span than asked for (as far as may be)."""
    rates = [edge.positions.size / edge.steps_per_pass for path in paths for edge in path.edges]
    length = max(1, int(words_at_once / max(rates)))
    return [Span(start, min(start + length, walk.num_steps)) for start in range(0, walk.num_steps, length)]


def _counters(walk: Walk, paths: list[TensorPath]) -> Counters:
    levels: dict[tuple[int, int], LevelCounter] = {}
    links: dict[tuple[int, int], LinkCounter] = {}
    for path in paths:
        for edge in path.edges:
            levels[edge.parent, path.tensor] = LevelCounter.of(edge.num_parents)
            for stage in edge.stages:
                links[stage.node, path.tensor] = LinkCounter.of(walk.num_instances(stage.node))
    return Counters(levels, links)
