"""How long the tiles of a batch of mappings take to pass into and out of a level (section 8: Time).

Labels: 0 for the start or end of the run, else 1 more than a loop's position.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..accountings import Accounting
from .batch_roofline import cycles_of, tile_cycles
from .counts.batch_edges import output_copies
from .counts.batch_ends import EdgesInto, edges_into, only
from .counts.batch_moves import EndMoves
from .counts.batch_shapes import BatchShapes
from .mapping_arrays import Ints, Mask

Port = tuple[str, int, int]
"""A port or network by kind and place; a network's tensor beside it, 0 elsewhere."""


@dataclass(frozen=True)
class TileMoves:
    """What one tensor moves at every port as its tile is brought into an end, or, an output's, taken out.

    ``demand``: words of one visit for the innermost 0, 1, ... fanouts. Only ports that have a bandwidth are asked.
    """

    into: EdgesInto
    has_networks: bool

    def at_ports(self, demand: list[Ints], here: str, there: str) -> Iterator[tuple[Port, Ints]]:
        """Words at the ports of the end (``here``: `read` or `write`), of its parents, and at the roots between."""
        into, machine = self.into, self.into.shapes.machine
        if not into.into_mac:
            yield from self._of_level(into.child, here, only(demand[0], into.kept))
        for edges in into.edges:
            yield from self._of_level(edges.parent, there, edges.part(demand[into.reach(edges)]))
        for position, network in enumerate(into.networks):
            if self.has_networks and network.bandwidth is not None:
                words = only(demand[position + 1], into.crossing(position))
                yield ("root", machine.networks.index(network), into.tensor), words

    def _of_level(self, place: int, kind: str, words: Ints) -> Iterator[tuple[Port, Ints]]:
        level = self.into.shapes.machine.levels[place]
        own = level.read_bandwidth if kind == "read" else level.write_bandwidth
        if own is not None:
            yield (kind, place, 0), words
        if level.bandwidth is not None:
            yield ("both", place, 0), words


def bandwidth(shapes: BatchShapes, port: Port) -> float:
    """The bandwidth of a port or network."""
    kind, place, _ = port
    if kind == "root":
        found = shapes.machine.networks[place].bandwidth
    else:
        level = shapes.machine.levels[place]
        found = {"read": level.read_bandwidth, "write": level.write_bandwidth, "both": level.bandwidth}[kind]
    assert found is not None, "only ports with a bandwidth are asked"
    return found


class Passing:
    """What passes at the ports as the tile of one tensor changes in one level."""

    def __init__(self, into: EdgesInto, counted: Accounting) -> None:
        self.into, self._counted = into, counted
        self._moves = TileMoves(into, counted.has_networks)
        self._end = EndMoves(into, counted)

    def _demand(self) -> list[Ints]:
        if not self.into.is_output:
            return self._end.of_visit
        words = self.into.shapes.words[self.into.tensor][self.into.child]
        return [copies * words for copies in output_copies(self.into)]

    @cached_property
    def loading(self) -> dict[Port, Ints]:
        """Words at the ports as a whole tile is brought in."""
        return _summed(self._moves.at_ports(self._demand(), "write", "read"))

    @cached_property
    def storing(self) -> dict[Port, Ints]:
        """Words at the ports as a tile is taken out."""
        return _summed(self._moves.at_ports(self._demand(), "read", "write"))

    @cached_property
    def carried(self) -> dict[int, dict[Port, Ints]]:
        """By label, words at the ports as the tile moves on, with halo; labels left out move nothing."""
        return {
            position + 1: _summed(self._moves.at_ports(demand, "write", "read"))
            for position, demand in self._end.carried()
        }

    def loading_at(self, label: int) -> dict[Port, Ints]:
        """Words at the ports as the tile is brought in at a label."""
        return self.carried.get(label, {}) if self._end.has_halo and label else self.loading

    @cached_property
    def engine_cycles(self) -> Ints:
        """Cycles of the DMA engine for one tile."""
        into = self.into
        return only(tile_cycles(into.shapes, into.child, into.tensor), into.kept)

    @cached_property
    def _innermost(self) -> Ints:
        """The label of the innermost loop that brings another tile, 0 for none."""
        into, shapes = self.into, self.into.shapes
        outside = shapes.loops_outside(into.child)
        moving = shapes.indexing(into.tensor)[:outside]
        if self._counted.stays_below_fanout:
            moving = moving | (shapes.through[:outside] <= shapes.trips_outside_fanout[into.child])
        labels = np.arange(1, outside + 1)[:, np.newaxis]
        found: Ints = np.where(shapes.is_loop[:outside] & moving, labels, 0).max(axis=0, initial=0)
        return found

    def changes(self, label: int) -> Mask | None:
        """Which mappings have another tile at a label; `None`: all."""
        return None if label == 0 else self._innermost >= label


def _summed(words: Iterator[tuple[Port, Ints]]) -> dict[Port, Ints]:
    found: dict[Port, Ints] = {}
    for port, more in words:
        found[port] = found[port] + more if port in found else more
    return found


class LevelTimes:
    """Cycles in which tiles are moved into a level and out of it, by label."""

    def __init__(self, shapes: BatchShapes, counted: Accounting, place: int) -> None:
        self._shapes, level = shapes, shapes.machine.levels[place]
        edges = [edges_into(shapes, tensor, place) for tensor in range(len(shapes.nest.tensors))]
        passing = [Passing(into, counted) for into in edges if into is not None]
        self._reads = [tensor for tensor in passing if not tensor.into.is_output]
        self._output = next((tensor for tensor in passing if tensor.into.is_output), None)
        self._has_engine = counted.has_networks and level.dma is not None

    def loading(self, label: int) -> tuple[Ints, Ints]:
        """Cycles to move all tiles in that change at a label: of a pass that is not fresh, and of one that is."""
        words: dict[Port, Ints] = {}
        engine = np.zeros(self._shapes.size, dtype=np.int64)
        for tensor in self._reads:
            changes = tensor.changes(label)
            for port, more in tensor.loading_at(label).items():
                words[port] = words.get(port, 0) + _where(changes, more)
            if self._has_engine:
                engine = engine + _where(changes, tensor.engine_cycles)
        fresh = self._time(words, engine)
        if self._output is None:
            return fresh, fresh
        changes = self._output.changes(label)
        for port, more in self._output.loading.items():
            words[port] = words.get(port, 0) + _where(changes, more)
        if self._has_engine:
            engine = engine + _where(changes, self._output.engine_cycles)
        all_ = self._time(words, engine)
        return (all_, all_) if self._shapes.overlaps else (all_, fresh)

    def storing(self, label: int) -> Ints:
        """Cycles to move the output's tile out, if it changes at a label."""
        if self._output is None:
            return np.zeros(self._shapes.size, dtype=np.int64)
        return _where(self._output.changes(label), self._whole_output)

    @cached_property
    def _whole_output(self) -> Ints:
        output = self._output
        nothing: Ints = np.zeros(self._shapes.size, dtype=np.int64)
        if output is None:
            return nothing
        return self._time(output.storing, output.engine_cycles if self._has_engine else nothing)

    def _time(self, words: dict[Port, Ints], engine: Ints) -> Ints:
        """The longest of all ports' and networks' cycles, and of the DMA engine's."""
        longest = engine
        for port, moved in words.items():
            longest = np.maximum(longest, cycles_of(moved, bandwidth(self._shapes, port)))
        return longest


def innermost_pass(shapes: BatchShapes, counted: Accounting) -> Ints:
    """Cycles of a pass of the innermost level: one trip of its loops a cycle, unless operands take longer."""
    trips = shapes.spread[shapes.nodes[shapes.mac - 1]]
    words: dict[Port, Ints] = {}
    for tensor in range(len(shapes.nest.tensors)):
        into = edges_into(shapes, tensor, shapes.mac)
        if into is None:
            continue
        passing = Passing(into, counted)
        sides = [passing.loading]
        if into.is_output:
            sides.append({port: moved for port, moved in passing.storing.items() if port[0] != "root"})
        for port, more in (item for side in sides for item in side.items()):
            words[port] = words.get(port, 0) + more
    longest = trips
    for port, moved in words.items():
        longest = np.maximum(longest, cycles_of(moved * trips, bandwidth(shapes, port)))
    return longest


def _where(rows: Mask | None, values: Ints) -> Ints:
    return values if rows is None else values * rows
