"""What the edges of a batch of mappings add to the counts of the nodes that they touch: the tables of section 5."""

from __future__ import annotations

import numpy as np

from ...accountings import Accounting
from ..mapping_arrays import Ints
from .batch_counts import BatchCounts
from .batch_ends import EdgesInto, only
from .batch_moves import EndMoves


def add_edges(into: EdgesInto, counted: Accounting, counts: BatchCounts) -> None:
    """Count what moves along edges, as it is executed or as `accelforge` has it."""
    if into.is_output:
        _add_output(into, counted, counts)
    else:
        _add_read(into, counted, counts)


def _add_read(into: EdgesInto, counted: Accounting, counts: BatchCounts) -> None:
    """The upper table: tensors that are read."""
    shapes, tensor, child = into.shapes, into.tensor, into.child
    moves = EndMoves(into, counted)
    demand = moves.in_all
    if not into.into_mac:
        counts.fill[child, tensor] = only(demand[0], into.kept)
        counts.filling[child, tensor] = shapes.instances[shapes.nodes[child]]
        counts.passages[child, tensor] = only(moves.visits, into.kept)
    for edges in into.edges:
        counts.serve[edges.parent, tensor] += edges.part(demand[into.reach(edges)])
    if not counted.has_networks:
        return
    for position, network in enumerate(into.networks):
        rows, place = into.crossing(position), shapes.machine.networks.index(network)
        down = shapes.instances[network.node + 1] * demand[position]
        counts.networks[0, place, tensor] += only(down, rows)
        if network.bandwidth is not None:
            counts.roots[0, place, tensor] += only(demand[position + 1], rows)


def _add_output(into: EdgesInto, counted: Accounting, counts: BatchCounts) -> None:
    """The lower table: the output."""
    shapes, tensor, child = into.shapes, into.tensor, into.child
    visits = shapes.visits(tensor, counted)[child]
    up, back = visits * shapes.words[tensor][child], read_backs(into, counted, visits) * shapes.words[tensor][child]
    copies = output_copies(into)
    if not into.into_mac:
        counts.fill[child, tensor] = only(back, into.kept)
        counts.drain[child, tensor] = only(up, into.kept)
        counts.passages[child, tensor] = only(visits + read_backs(into, counted, visits), into.kept)
    for edges in into.edges:
        copied, parents = copies[into.reach(edges)], shapes.instances[shapes.nodes[edges.parent]]
        counts.update[edges.parent, tensor] += edges.part(copied * up)
        counts.serve[edges.parent, tensor] += edges.part(copied * back)
        receiving = shapes.instances[shapes.nodes[child]] if counted.reads_back_to_all else parents * copied
        if not into.into_mac:
            counts.filling[child, tensor] += edges.part(receiving)
        if counted.has_networks:
            for network in into.networks[: into.reach(edges)]:
                place = shapes.machine.networks.index(network)
                counts.networks[0, place, tensor] += edges.part(parents * copied * back)
    if counted.has_networks:
        _add_ways_up(into, counts, copies, up, back)


def _add_ways_up(into: EdgesInto, counts: BatchCounts, copies: list[Ints], up: Ints, back: Ints) -> None:
    shapes, tensor = into.shapes, into.tensor
    for position, network in enumerate(into.networks):
        rows, place = into.crossing(position), shapes.machine.networks.index(network)
        outer, spread = shapes.instances[network.node], shapes.spread[network.node]
        arriving = outer * copies[position] * up
        counts.networks[1, place, tensor] += only(arriving * spread, rows)
        counts.networks[2, place, tensor] += only(arriving * (spread - shapes.spread_of[tensor][network.node]), rows)
        if network.bandwidth is not None:
            counts.roots[0, place, tensor] += only(copies[position + 1] * back, rows)
            counts.roots[1, place, tensor] += only(copies[position + 1] * up, rows)


def read_backs(into: EdgesInto, counted: Accounting, visits: Ints) -> Ints:
    """How often a partial sum is read back before a visit: R."""
    shapes = into.shapes
    if shapes.overlaps or (into.into_mac and counted.mac_first_read):
        return visits
    return visits - shapes.distinct(into.tensor)[into.child]


def output_copies(into: EdgesInto) -> list[Ints]:
    """Different output tiles that the instances of the innermost 0, 1, ... fanouts hold."""
    found: list[Ints] = [np.ones(into.shapes.size, dtype=np.int64)]
    for network in into.networks:
        found.append(found[-1] * into.shapes.spread_of[into.tensor][network.node])
    return found
